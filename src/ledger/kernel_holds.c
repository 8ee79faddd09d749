#include "ledger/kernel_holds.h"
#include "ledger/host_events.h"
#include "ledger/thresholds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const struct crowd *crowd_of(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? &scene->crowds[scene->crowd_of[row - scene->ledger->processes]] : NULL;
}

static bool is_stopper(const struct scene *scene, int64_t process)
{
	const struct crowd *crowd = crowd_of(scene, process);
	return crowd && crowd->stopper;
}

// Each gap hides one switch and is healed; any other that is missing may have been the stopper's.
static bool is_seen_whole(const struct recording *recording, int64_t cpu)
{
	for (size_t i = 0; i < recording->cpu_count; i++)
		if (recording->cpu[i].cpu == cpu)
			return recording->cpu[i].kernel_switches - recording->cpu[i].switches <= recording->cpu[i].gaps;
	return false;
}

// How long this task's process had the CPU while that stopper waited, in all.
static double met_ns(const struct recording *recording, int64_t stopper, int64_t process)
{
	double ns = 0;
	for (size_t i = 0; i < recording->pair_count; i++) {
		const struct pair_row *pair = &recording->pair[i];
		if (pair->victim == stopper && pair->kind == OCCUPANT_TASK && pair->culprit == process)
			ns += (double)pair->wait_ns;
	}
	return ns;
}

static void add(const struct scene *scene, int64_t stopper, struct kernel_hold hold, struct kernel_holds *holds)
{
	const struct recording *recording = scene->ledger->recording;
	const struct crowd *crowd = crowd_of(scene, hold.process);
	if (!crowd || crowd->stopper || crowd->tool || !is_seen_whole(recording, hold.cpu))
		return;
	double lost = host_events__paused_ns(&scene->ledger->host, hold.end_ns, hold.ns) + host_events__silent_ns(&scene->ledger->host, hold.cpu, hold.end_ns, hold.ns);
	hold.ns = fmin(hold.ns - lost, met_ns(recording, stopper, hold.process));
	if (hold.ns < threshold__value(THRESHOLD_HOLD_CONTRIBUTING) * NS_PER_SEC)
		return;
	size_t capacity = holds->count;
	holds->holds = base__grow(holds->holds, &capacity, holds->count + 1, sizeof(*holds->holds));
	holds->holds[holds->count++] = hold;
	holds->ns += hold.ns;
	holds->longest_ns = fmax(holds->longest_ns, hold.ns);
}

// A stopper that still waits at the end of the window: for whom it waited longest beside the waits that have ended.
static void add_open(const struct scene *scene, const struct task_row *task, struct kernel_holds *holds)
{
	const struct recording *recording = scene->ledger->recording;
	struct kernel_hold hold = { .end_ns = scene->window_ns, .cpu = -1 };
	int cpu;
	for (size_t i = 0; i < recording->pair_count; i++) {
		const struct pair_row *pair = &recording->pair[i];
		double left = (double)pair->wait_ns;
		if (pair->victim != task->process || pair->kind != OCCUPANT_TASK)
			continue;
		for (size_t j = 0; j < recording->event_count; j++)
			if (recording->event[j].process == task->process && recording->event[j].culprit == pair->culprit)
				left -= (double)recording->event[j].wait_ns;
		if (left > hold.ns) {
			hold.ns = left;
			hold.process = pair->culprit;
		}
	}
	hold.ns = fmin(hold.ns, (double)task->open_wait_ns);
	if (task->name && sscanf(task->name, "migration/%d", &cpu) == 1)
		hold.cpu = cpu;
	add(scene, task->process, hold, holds);
}

// A virtual CPU that its host does not run holds its stopper up as well. Only the heartbeats tell that, so without them nobody may be accused.
static bool is_told_from_pauses(const struct recording *recording)
{
	const char *virtualization = recording__meta(recording, "virtualization"), *probe = recording__meta(recording, "probe.host");
	return (virtualization && !strcmp(virtualization, "none")) || (probe && !strcmp(probe, "on") && !recording__counter(recording, "heartbeats_lost"));
}

void kernel_holds__find(const struct scene *scene, struct kernel_holds *ret_holds)
{
	const struct recording *recording = scene->ledger->recording;
	*ret_holds = (struct kernel_holds){ 0 };
	if (!is_told_from_pauses(recording))
		return;
	for (size_t i = 0; i < recording->event_count; i++) {
		const struct event_row *event = &recording->event[i];
		if (event->kind == OCCUPANT_TASK && is_stopper(scene, event->process))
			add(scene, event->process, (struct kernel_hold){ event->culprit, event->cpu, (double)event->time_ns, (double)event->wait_ns }, ret_holds);
	}
	for (size_t i = 0; i < recording->task_count; i++)
		if (recording->task[i].open_wait_ns > 0 && is_stopper(scene, recording->task[i].process))
			add_open(scene, &recording->task[i], ret_holds);
}

void kernel_holds__free(struct kernel_holds *holds)
{
	free(holds->holds);
}
