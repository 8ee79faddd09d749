// Gives each nanosecond that somebody waited for a task to exactly one cause.
#include "ledger/scene.h"
#include "ledger/thresholds.h"
#include "base/base.h"

#include <math.h>

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

// Occupants that were heavier than the victim, but of normal weight themselves: the victim asked for little.
static bool is_polite(const struct crowd *victim, const struct crowd *culprit)
{
	return victim->nice_highest > 0 && culprit->nice >= 0;
}

// kworker/N:M, ksoftirqd/N and their kin belong to one CPU and serve it: no mask that anybody chose ties them to it.
static bool is_bound(const struct crowd *victim)
{
	return victim->members[0]->row->kernel_thread && victim->allowed_cpus == 1;
}

static void divide_meeting(struct scene *scene, struct meeting *meeting)
{
	const struct crowd *victim = &scene->crowds[meeting->victim], *culprit = &scene->crowds[meeting->culprit];
	double *portion = meeting->portion_ns, left = (double)meeting->wait_ns * victim->scale;
	if (culprit->stopper) {
		portion[PORTION_STOPPER] = left;
		return;
	}
	if (crowd__waits_in_deadline(victim) && !victim->tool && !ledger__is_deadline(culprit->policy)) {
		portion[PORTION_QUOTA] = left;
		return;
	}
	double realtime = smaller(left, (double)meeting->realtime_ns * victim->scale);
	double heavier = smaller(left - realtime, (double)meeting->heavier_ns * victim->scale);
	portion[PORTION_PRIORITY] = realtime;
	portion[is_polite(victim, culprit) ? PORTION_POLITE : PORTION_PRIORITY] += heavier;
	left -= realtime + heavier;
	if (culprit->churn) {
		portion[PORTION_CHURN] = left;
		return;
	}
	if (victim->throttled && victim->throttled == culprit->throttled) {
		portion[PORTION_QUOTA] = left;
		return;
	}
	// Idleness elsewhere was measured for each victim, not for each pair: each of its occupants gets the same part.
	double waited = victim->long_wait_ns;
	if (waited > 0) {
		double outside = smaller(1, (double)victim->idle_outside_ns / waited);
		double allowed = smaller(1 - outside, (double)victim->idle_allowed_ns / waited);
		portion[is_bound(victim) ? PORTION_BOUND : PORTION_AFFINITY] = left * outside;
		portion[PORTION_PLACEMENT] = left * allowed;
	}
	portion[PORTION_COMPETITION] = left - portion[PORTION_BOUND] - portion[PORTION_AFFINITY] - portion[PORTION_PLACEMENT];
}

// What was not cut is taken to be like what was: of each victim, and said in the evidence.
static void find_scales(struct scene *scene)
{
	double *cut_ns = base__alloc(scene->crowd_count + 1, sizeof(double)), *not_cut_ns = base__alloc(scene->crowd_count + 1, sizeof(double));
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		(meeting->kind == OCCUPANT_NOT_CUT ? not_cut_ns : cut_ns)[meeting->victim] += (double)meeting->wait_ns;
		if (meeting->kind == OCCUPANT_TASK)
			scene->crowds[meeting->victim].long_wait_ns += (double)meeting->wait_ns;
	}
	for (size_t i = 0; i < scene->crowd_count; i++) {
		struct crowd *crowd = &scene->crowds[i];
		scene->cut_ns += cut_ns[i];
		scene->not_cut_ns += not_cut_ns[i];
		crowd->scale = cut_ns[i] > 0 ? (cut_ns[i] + not_cut_ns[i]) / cut_ns[i] : 1;
		crowd->long_wait_ns *= crowd->scale;
	}
	free(cut_ns);
	free(not_cut_ns);
}

void scene__divide(struct scene *scene)
{
	find_scales(scene);
	for (size_t i = 0; i < scene->meeting_count; i++) {
		struct meeting *meeting = &scene->meetings[i];
		if (meeting->kind != OCCUPANT_TASK || meeting->culprit == SIZE_MAX)
			continue;
		divide_meeting(scene, meeting);
		struct crowd *victim = &scene->crowds[meeting->victim];
		for (int portion = 0; portion < PORTIONS; portion++) {
			scene->portion_ns[portion] += meeting->portion_ns[portion];
			victim->lost_ns[portion] += meeting->portion_ns[portion];
			if (meeting->culprit != meeting->victim)
				victim->lost_to_others_ns[portion] += meeting->portion_ns[portion];
		}
	}
}
