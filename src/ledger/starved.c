#include "ledger/starved.h"

#include <string.h>

#include "base/base.h"
#include "ledger/process_names.h"
#include "ledger/thresholds.h"

// Programs whose processes had the CPU, while somebody waited.
struct tally { struct starved_behind *names; double *realtime; size_t count, capacity, realtime_capacity; };

static enum starved_work work_of(const char *name)
{
	static const struct { const char *prefix; enum starved_work work; } works[] = {
		{ "rcu", STARVED_RCU }, { "kworker/", STARVED_WORK_ITEMS }, { "ksoftirqd/", STARVED_SOFTIRQS }, { "kswapd", STARVED_RECLAIM },
	};
	for (size_t i = 0; name && i < ARRAY_SIZE(works); i++)
		if (!strncmp(name, works[i].prefix, strlen(works[i].prefix)))
			return works[i].work;
	return STARVED_OTHER;
}

static void tally_add(struct tally *tally, const struct recording *recording, const struct pair_row *pair)
{
	const struct process_row *culprit = recording__process(recording, pair->culprit);
	size_t i = 0;
	if (!culprit)
		return;
	while (i < tally->count && strcmp(tally->names[i].name, process_row__name(culprit)))
		i++;
	if (i == tally->count) {
		tally->names = base__grow(tally->names, &tally->capacity, i + 1, sizeof(*tally->names));
		tally->realtime = base__grow(tally->realtime, &tally->realtime_capacity, i + 1, sizeof(*tally->realtime));
		tally->names[i] = (struct starved_behind){ .name = process_row__name(culprit) };
		tally->realtime[i] = 0;
		tally->count++;
	}
	tally->names[i].processes += culprit->folded > 1 ? culprit->folded : 1;
	tally->names[i].seconds += (double)pair->wait_ns / NS_PER_SEC;
	tally->realtime[i] += (double)pair->realtime_ns / NS_PER_SEC;
	tally->names[i].realtime = tally->realtime[i] > tally->names[i].seconds / 2;
}

static int compare_behind(const void *left, const void *right)
{
	const struct starved_behind *a = left, *b = right;
	if (a->seconds != b->seconds)
		return a->seconds > b->seconds ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void find_behind(const struct recording *recording, struct starved_thread *thread)
{
	struct tally tally = { 0 };
	for (size_t i = 0; i < recording->pair_count; i++)
		if (recording->pair[i].victim == thread->process->id && recording->pair[i].kind == OCCUPANT_TASK)
			tally_add(&tally, recording, &recording->pair[i]);
	if (tally.count)
		qsort(tally.names, tally.count, sizeof(*tally.names), compare_behind);
	thread->behind_count = tally.count < STARVED_BEHIND ? tally.count : STARVED_BEHIND;
	for (size_t i = 0; i < thread->behind_count; i++)
		thread->behind[i] = tally.names[i];
	free(tally.names);
	free(tally.realtime);
}

static int compare_threads(const void *left, const void *right)
{
	const struct starved_thread *a = left, *b = right;
	if (a->longest_seconds != b->longest_seconds)
		return a->longest_seconds > b->longest_seconds ? -1 : 1;
	return (a->process->pid > b->process->pid) - (a->process->pid < b->process->pid);
}

void starved__find(const struct recording *recording, struct starved_threads *ret)
{
	double least_ns = threshold__value(THRESHOLD_THREAD_STARVED) * NS_PER_SEC;
	size_t capacity = 0;
	*ret = (struct starved_threads){ 0 };
	for (size_t i = 0; i < recording->task_count; i++) {
		const struct task_row *task = &recording->task[i];
		if ((double)task->wait_max_ns < least_ns || task->nice > 0)
			continue;
		const struct process_row *process = recording__process(recording, task->process);
		if (!process || !process->kernel_thread)
			continue;
		ret->threads = base__grow(ret->threads, &capacity, ret->count + 1, sizeof(*ret->threads));
		struct starved_thread *thread = &ret->threads[ret->count++];
		*thread = (struct starved_thread){ .process = process, .task = task, .work = work_of(process_row__name(process)),
			.longest_seconds = (double)task->wait_max_ns / NS_PER_SEC, .waited_seconds = (double)task->wait_ns / NS_PER_SEC };
		find_behind(recording, thread);
	}
	if (ret->count)
		qsort(ret->threads, ret->count, sizeof(*ret->threads), compare_threads);
}

void starved__free(struct starved_threads *starved)
{
	free(starved->threads);
	*starved = (struct starved_threads){ 0 };
}

struct starved_behind starved__most(const struct starved_threads *starved)
{
	struct starved_behind most = { 0 };
	for (size_t i = 0; i < starved->count; i++)
		for (size_t j = 0; j < starved->threads[i].behind_count; j++) {
			const struct starved_behind *one = &starved->threads[i].behind[j];
			double seconds = 0;
			for (size_t k = 0; k < starved->count; k++)
				for (size_t l = 0; l < starved->threads[k].behind_count; l++)
					if (!strcmp(starved->threads[k].behind[l].name, one->name))
						seconds += starved->threads[k].behind[l].seconds;
			if (seconds > most.seconds) {
				most = *one;
				most.seconds = seconds;
			}
		}
	return most;
}
