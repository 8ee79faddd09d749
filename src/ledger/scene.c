#include "ledger/scene.h"
#include "base/base.h"

#include <string.h>

static int compare_keys(const struct meeting *meeting, size_t victim, int64_t kind, size_t culprit)
{
	if (meeting->victim != victim)
		return meeting->victim < victim ? -1 : 1;
	if (meeting->kind != kind)
		return meeting->kind < kind ? -1 : 1;
	return meeting->culprit < culprit ? -1 : meeting->culprit > culprit;
}

static int compare_meetings(const void *a, const void *b)
{
	const struct meeting *other = b;
	return compare_keys(a, other->victim, other->kind, other->culprit);
}

static size_t crowd_index(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

// The pair table, summed by crowd.
static void gather_meetings(struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	scene->meetings = base__alloc(recording->pair_count + 1, sizeof(*scene->meetings));
	size_t count = 0;
	for (size_t i = 0; i < recording->pair_count; i++) {
		const struct pair_row *pair = &recording->pair[i];
		size_t victim = crowd_index(scene, pair->victim);
		size_t culprit = pair->kind == OCCUPANT_TASK ? crowd_index(scene, pair->culprit) : SIZE_MAX;
		if (victim == SIZE_MAX || pair->wait_ns <= 0)
			continue;
		int64_t kind = pair->kind >= 0 && pair->kind < OCCUPANT_KINDS ? pair->kind : OCCUPANT_UNKNOWN;
		scene->meetings[count++] = (struct meeting){ victim, culprit, kind, pair->wait_ns, pair->waits,
							     pair->realtime_ns, pair->heavier_ns, { 0 } };
	}
	qsort(scene->meetings, count, sizeof(*scene->meetings), compare_meetings);
	for (size_t i = 0; i < count; i++) {
		struct meeting *last = scene->meeting_count ? &scene->meetings[scene->meeting_count - 1] : NULL;
		const struct meeting *next = &scene->meetings[i];
		if (!last || compare_meetings(last, next)) {
			scene->meetings[scene->meeting_count++] = *next;
			continue;
		}
		last->wait_ns += next->wait_ns;
		last->waits += next->waits;
		last->realtime_ns += next->realtime_ns;
		last->heavier_ns += next->heavier_ns;
	}
	scene->meeting_starts = base__alloc(scene->crowd_count + 1, sizeof(*scene->meeting_starts));
	for (size_t crowd = 0, meeting = 0; crowd <= scene->crowd_count; crowd++) {
		while (meeting < scene->meeting_count && scene->meetings[meeting].victim < crowd)
			meeting++;
		scene->meeting_starts[crowd] = meeting;
	}
}

// Book A of the system by what occupied the CPU, folded to seconds of total=.
static void sum_walls(struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	double *wall = scene->wall_seconds;
	for (size_t i = 0; i < recording->cpu_count; i++) {
		const struct cpu_row *cpu = &recording->cpu[i];
		wall[OCCUPANT_IDLE] += (double)cpu->credit_idle_ns;
		wall[OCCUPANT_STEAL] += (double)cpu->credit_steal_ns;
		wall[OCCUPANT_HARDIRQ] += (double)cpu->credit_hardirq_ns;
		wall[OCCUPANT_SOFTIRQ] += (double)cpu->credit_softirq_ns;
		wall[OCCUPANT_QUOTA] += (double)cpu->credit_quota_ns;
		wall[OCCUPANT_UNKNOWN] += (double)cpu->credit_unknown_ns;
	}
	for (size_t i = 0; i < scene->ledger->process_count; i++)
		wall[OCCUPANT_TASK] += (double)scene->ledger->processes[i].credit_pressure_ns;
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++)
		wall[kind] *= scene->ledger->fold_scale / (double)NS_PER_SEC;
}

struct scene *scene__new(const struct ledger *ledger)
{
	struct scene *scene = base__alloc(1, sizeof(*scene));
	scene->ledger = ledger;
	// A window of nothing would divide by zero further on; the engine refuses to judge it anyway.
	scene->window_ns = ledger->window_seconds > 0 ? ledger->window_seconds * (double)NS_PER_SEC : 1;
	scene->pair_threshold_ns = (double)recording__meta_number(ledger->recording, "pair_threshold_ns", 0);
	scene__gather_crowds(scene);
	scene__list_rows(scene);
	gather_meetings(scene);
	sum_walls(scene);
	scene__mark_churn(scene);
	scene__divide(scene);
	return scene;
}

void scene__free(struct scene *scene)
{
	if (!scene)
		return;
	for (size_t i = 0; i < scene->crowd_count; i++)
		free(scene->crowds[i].members);
	free(scene->crowds);
	free(scene->meetings);
	free(scene->meeting_starts);
	crowd_rows__free(&scene->sleeps);
	crowd_rows__free(&scene->activity);
	free(scene->crowd_of);
	free(scene);
}

const struct meeting *scene__meeting(const struct scene *scene, size_t victim, int64_t kind, size_t culprit)
{
	size_t low = 0, high = scene->meeting_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_keys(&scene->meetings[middle], victim, kind, culprit);
		if (!order)
			return &scene->meetings[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

double scene__wall_of(const struct scene *scene, double task_wait_ns)
{
	if (scene->task_wait_ns <= 0)
		return 0;
	double share = task_wait_ns / scene->task_wait_ns;
	return scene->wall_seconds[OCCUPANT_TASK] * (share > 1 ? 1 : share);
}
