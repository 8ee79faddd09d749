// What shows that one verdict follows from another: each condition is a measured part of the effect's waiting.
#include "causes/effects.h"
#include "base/base.h"
#include "ledger/host_events.h"
#include "ledger/kernel_holds.h"
#include "ledger/scene.h"
#include "ledger/thresholds.h"
#include "causes/wording.h"
#include "ledger/sleep_classes.h"

#include <math.h>
#include <string.h>

static bool is_among(const struct party *parties, size_t count, const struct party *party)
{
	for (size_t i = 0; i < count; i++)
		if (parties[i].process && parties[i].process == party->process)
			return true;
	return false;
}

// Whether a process is one of those that a side of a verdict means.
static bool is_member(const struct party *parties, size_t count, int64_t process)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < parties[i].member_count; j++)
			if (parties[i].members[j] == process)
				return true;
	return false;
}

double effects__through_resources(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	double seconds = 0;
	(void)diagnosis;
	for (size_t i = 0; i < effect->resource_count; i++)
		for (size_t j = 0; j < cause->resource_count; j++) {
			const struct verdict_resource *one = &effect->resources[i], *other = &cause->resources[j];
			if (one->kind == other->kind && !strcmp(one->key, other->key))
				seconds += fmin(one->seconds, other->seconds);
		}
	return seconds;
}

double effects__on_stolen_cpus(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct recording *recording = diagnosis->ledger->recording;
	double least_ns = threshold__value(THRESHOLD_STEAL_CONTRIBUTING) * diagnosis->ledger->window_seconds * NS_PER_SEC;
	double all_ns = 0, stolen_ns = 0;
	(void)cause;
	for (size_t i = 0; i < recording->cpu_count; i++) {
		all_ns += (double)recording->cpu[i].credit_idle_ns;
		stolen_ns += (double)recording->cpu[i].steal_ns >= least_ns ? (double)recording->cpu[i].credit_idle_ns : 0;
	}
	return all_ns > 0 ? effect->stall_seconds * stolen_ns / all_ns : 0;
}

// That the lock was free for most of the waiting is the lock's own finding (convoy). Whoever stands first in its queue must be held up by
// this cause; where it occupies the CPUs itself, both verdicts stand side by side.
double effects__convoy(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	(void)diagnosis;
	if (effect->kind != VERDICT_CONTRIBUTING || !effect->convoy || !effect->victim_count)
		return 0;
	bool same = is_among(cause->victims, cause->victim_count, &effect->victims[0]);
	bool own = cause->culprit_count && is_among(cause->culprits, 1, &effect->victims[0]);
	return same && !own ? effect->stall_seconds : 0;
}

// What the effect's culprits ran, and how much of that they spun for kernel locks, of those that wait for the cause's locks.
static double run_seconds(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause, double *ret_spinning)
{
	double run_ns = 0, spin_ns = 0;
	for (size_t i = 0; i < effect->culprit_count; i++)
		for (size_t j = 0; j < effect->culprits[i].member_count; j++) {
			const struct ledger_process *process = ledger__process(diagnosis->ledger, effect->culprits[i].members[j]);
			run_ns += (double)process->run_ns;
			if (is_member(cause->victims, cause->victim_count, effect->culprits[i].members[j]))
				spin_ns += (double)process->lock_spin_ns;
		}
	*ret_spinning = spin_ns / NS_PER_SEC;
	return run_ns / NS_PER_SEC;
}

// Who spins for a lock for most of its CPU time would not need the CPU without the lock.
double effects__spinning(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	double spinning, running = run_seconds(diagnosis, effect, cause, &spinning);
	return running > 0 ? effect->stall_seconds * fmin(1, spinning / running) : 0;
}

// Only where nobody else takes part, and where it is the smaller trouble.
double effects__own_crowding(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	(void)diagnosis;
	if (effect->kind != VERDICT_CONTRIBUTING || effect->culprit_count != 1 || effect->victim_count != 1 || !cause->culprit_count)
		return 0;
	bool own = is_among(cause->culprits, 1, &effect->culprits[0]) && is_among(cause->culprits, 1, &effect->victims[0]);
	return own ? effect->stall_seconds : 0;
}

// The part that culprits occupied which are kernel threads of such a name ("kswapd0").
static double by_threads(const struct diagnosis *diagnosis, const struct verdict *effect, const char *prefix)
{
	double seconds = 0, all = 0;
	for (size_t i = 0; i < effect->culprit_count; i++) {
		const struct party *party = &effect->culprits[i];
		const struct process_row *row = party->process ? recording__process(diagnosis->ledger->recording, party->process) : NULL;
		all += party->seconds;
		if (row && row->kernel_thread && !strncmp(process_row__name(row), prefix, strlen(prefix)))
			seconds += party->seconds;
	}
	return all > 0 ? effect->stall_seconds * seconds / all : 0;
}

double effects__by_ksoftirqd(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	(void)cause;
	return by_threads(diagnosis, effect, "ksoftirqd/");
}

double effects__by_kswapd(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	(void)cause;
	return by_threads(diagnosis, effect, "kswapd");
}

// Both sides must be the cause's victims: whose run time went into reclaim is in the table pressure_share.
double effects__by_reclaimers(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct recording *recording = diagnosis->ledger->recording;
	double unused, running = run_seconds(diagnosis, effect, cause, &unused), reclaiming_ns = 0;
	for (size_t i = 0; i < recording->pressure_share_count; i++) {
		const struct pressure_share_row *row = &recording->pressure_share[i];
		if (!strcmp(row->resource, "memory") && is_member(effect->culprits, effect->culprit_count, row->process) &&
		    is_member(cause->victims, cause->victim_count, row->process))
			reclaiming_ns += (double)row->running_ns;
	}
	return running > 0 ? effect->stall_seconds * fmin(1, reclaiming_ns / NS_PER_SEC / running) : 0;
}

static bool has_resource(const struct verdict *verdict, enum resource_kind kind, const char *key)
{
	for (size_t i = 0; i < verdict->resource_count; i++)
		if (verdict->resources[i].kind == kind && !strcmp(verdict->resources[i].key, key))
			return true;
	return false;
}

// The longest wait of each victim stands for its others: what of it the device's request explains, at the end of the chain.
double effects__through_chains(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct ledger_chains *chains = &diagnosis->ledger->chains;
	double all = 0, shared = 0;
	for (size_t i = 0; i < chains->count; i++) {
		const struct chain *chain = &chains->chains[i];
		if (chain->count < 2 || !is_member(effect->victims, effect->victim_count, chain->links[0].process))
			continue;
		all += chain->seconds;
		if (chain->end == CHAIN_END_DEVICE && chain->device && has_resource(cause, RESOURCE_DEVICE, chain->device))
			shared += chain->links[chain->count - 1].seconds;
	}
	return all > 0 ? effect->stall_seconds * fmin(1, shared / all) : 0;
}

double effects__held_at_kernel_locks(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct ledger_chains *chains = &diagnosis->ledger->chains;
	double all = 0, shared = 0;
	for (size_t i = 0; i < chains->count; i++) {
		const struct chain *chain = &chains->chains[i];
		if (!is_member(effect->victims, effect->victim_count, chain->links[0].process))
			continue;
		all += chain->seconds;
		for (size_t j = 1; j < chain->count; j++)
			if (is_member(cause->victims, cause->victim_count, chain->links[j].process) &&
			    chain->links[j].class == SLEEP_KERNEL_LOCK) {
				shared += chain->links[j].seconds;
				break;
			}
	}
	return all > 0 ? effect->stall_seconds * fmin(1, shared / all) : 0;
}

// The single waits of the effect's victims: for a CPU, and asleep.
double effects__during_pauses(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct recording *recording = diagnosis->ledger->recording;
	bool cpu = effect->cause->account == ACCOUNT_CPU;
	double ns = 0;
	(void)cause;
	for (size_t i = 0; cpu && i < recording->event_count; i++)
		if (is_member(effect->victims, effect->victim_count, recording->event[i].process))
			ns += host_events__paused_ns(&diagnosis->ledger->host, (double)recording->event[i].time_ns, (double)recording->event[i].wait_ns);
	for (size_t i = 0; !cpu && i < recording->sleep_event_count; i++)
		if (is_member(effect->victims, effect->victim_count, recording->sleep_event[i].process))
			ns += host_events__paused_ns(&diagnosis->ledger->host, (double)recording->sleep_event[i].time_ns, (double)recording->sleep_event[i].ns);
	return ns / NS_PER_SEC;
}

// A stretch that a warning of the kernel tells of, and in which the machine did not run.
double effects__warnings_of_pauses(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct ledger_host *host = &diagnosis->ledger->host;
	double ns = 0;
	(void)effect, (void)cause;
	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		ns += host_events__paused_ns(host, (double)row->time_ns, host_events__new_lockup_ns(host, row));
	}
	return ns / NS_PER_SEC;
}

// By the CPU that the warning is about, and what part of its time was stolen.
double effects__warnings_on_stolen_cpus(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct recording *recording = diagnosis->ledger->recording;
	const struct ledger_host *host = &diagnosis->ledger->host;
	double ns = 0, window_ns = diagnosis->ledger->window_seconds * NS_PER_SEC;
	(void)effect, (void)cause;
	for (size_t i = 0; i < host->count; i++)
		for (size_t j = 0; j < recording->cpu_count; j++) {
			if (host->events[i].cpu == recording->cpu[j].cpu)
				ns += host_events__new_lockup_ns(host, &host->events[i]) * fmin(1, (double)recording->cpu[j].steal_ns / window_ns);
		}
	return ns / NS_PER_SEC;
}

// The single waits (10 ms and more) stand for all of them. A warning tells of the stall up to its own time only, which may go on: each wait
// that meets it counts in full.
double effects__behind_stalled_cpus(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause)
{
	const struct recording *recording = diagnosis->ledger->recording;
	const struct ledger_host *host = &diagnosis->ledger->host;
	double behind_ns = 0, all_ns = 0;
	struct kernel_holds holds;
	kernel_holds__find(diagnosis->scene, &holds);
	for (size_t i = 0; i < recording->event_count; i++) {
		const struct event_row *wait = &recording->event[i];
		bool stalled = false;
		if (!is_member(effect->victims, effect->victim_count, wait->process))
			continue;
		all_ns += (double)wait->wait_ns;
		for (size_t j = 0; !stalled && j < host->count; j++) {
			const struct host_event *row = &host->events[j];
			stalled = host_event__is_lockup(row) && row->cpu == wait->cpu && wait->time_ns >= row->time_ns - (int64_t)host_event__lockup_ns(row) &&
				  wait->time_ns - wait->wait_ns <= row->time_ns;
		}
		for (size_t j = 0; !stalled && j < holds.count; j++)
			stalled = holds.holds[j].cpu == wait->cpu && (double)wait->time_ns >= holds.holds[j].end_ns - holds.holds[j].ns &&
				  (double)(wait->time_ns - wait->wait_ns) <= holds.holds[j].end_ns;
		if (stalled && is_member(cause->culprits, cause->culprit_count, wait->culprit))
			behind_ns += (double)wait->wait_ns;
	}
	kernel_holds__free(&holds);
	return all_ns > 0 ? effect->stall_seconds * behind_ns / all_ns : 0;
}
