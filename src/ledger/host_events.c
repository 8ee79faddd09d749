#include "ledger/host_events.h"

#include "ledger/rcu_stall.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

#define TOGETHER 0.9            // of the longest silence that all CPUs must share; a warning in the rest of it was written when they went on
#define HARD_LOCKUP_NS (10.0 * NS_PER_SEC)     // kernel.watchdog_thresh

void host_events__make(const struct recording *recording, struct ledger_host *ret_host)
{
	const char *virtualization = recording__meta(recording, "virtualization");
	struct ledger_host host = { .events = base__alloc(recording->host_event_count + 1, sizeof(*host.events)), .count = recording->host_event_count,
		.is_virtual = !virtualization || strcmp(virtualization, "none"), .cpus = recording__meta_number(recording, "cpus", 0) };

	for (size_t i = 0; i < host.count; i++) {
		const struct host_event_row *row = &recording->host_event[i];

		host.events[i] = (struct host_event){ host_event_kind__from_name(row->kind, HOST_EVENT_KINDS), row->time_ns, row->cpu, row->process,
			row->ns, row->text };
	}
	*ret_host = host;
}

void host_events__free(struct ledger_host *host)
{
	free(host->events);
	*host = (struct ledger_host){ 0 };
}

bool host_event__is_pause(const struct host_event *row)
{
	return row->kind == HOST_EVENT_PAUSE || row->kind == HOST_EVENT_FREEZE;
}

bool host_event__is_lockup(const struct host_event *row)
{
	return row->kind == HOST_EVENT_RCU_STALL || row->kind == HOST_EVENT_SOFT_LOCKUP || row->kind == HOST_EVENT_HARD_LOCKUP ||
	       row->kind == HOST_EVENT_WORKQUEUE_LOCKUP;
}

double host_event__lockup_ns(const struct host_event *row)
{
	return row->ns > 0 ? (double)row->ns : HARD_LOCKUP_NS;
}

double host_events__new_lockup_ns(const struct ledger_host *host, const struct host_event *row)
{
	double start = fmax(0, (double)row->time_ns - host_event__lockup_ns(row));

	if (!host_event__is_lockup(row) || row->time_ns < 0)
		return 0;
	for (const struct host_event *earlier = host->events; earlier < row; earlier++)
		if (host_event__is_lockup(earlier) && earlier->cpu == row->cpu)
			start = fmax(start, (double)earlier->time_ns);
	return fmax(0, (double)row->time_ns - start);
}

// How much of [end - length, end] the row's time covers.
static double overlap_ns(const struct host_event *row, double end_ns, double length_ns)
{
	return fmax(0, fmin(end_ns, (double)row->time_ns) - fmax(end_ns - length_ns, (double)(row->time_ns - row->ns)));
}

double host_events__paused_ns(const struct ledger_host *host, double end_ns, double length_ns)
{
	double ns = 0;

	for (size_t i = 0; i < host->count; i++)
		if (host->events[i].kind == HOST_EVENT_PAUSE)
			ns += overlap_ns(&host->events[i], end_ns, length_ns);
	return fmin(ns, length_ns);
}

double host_events__silent_ns(const struct ledger_host *host, int64_t cpu, double end_ns, double length_ns)
{
	double ns = 0;

	for (size_t i = 0; i < host->count && host->is_virtual; i++)
		if (host->events[i].kind == HOST_EVENT_SILENCE && host->events[i].cpu == cpu)
			ns += overlap_ns(&host->events[i], end_ns, length_ns);
	return fmin(ns, length_ns);
}

// The kernel's warning in the middle of a silence says that it ran.
static bool was_written_in(const struct ledger_host *host, const struct host_event *silence)
{
	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		double into = (double)(row->time_ns - (silence->time_ns - silence->ns));

		if ((host_event__is_lockup(row) || row->kind == HOST_EVENT_HUNG_TASK) && into > (1 - TOGETHER) * (double)silence->ns &&
		    into < TOGETHER * (double)silence->ns)
			return true;
	}
	return false;
}

static const struct host_event *silence_with(const struct ledger_host *host, const struct host_event *other, int64_t cpu)
{
	const struct host_event *best = NULL;
	double most = 0;

	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		double shared = overlap_ns(row, (double)other->time_ns, (double)other->ns);

		if (row->kind == HOST_EVENT_SILENCE && row->cpu == cpu && shared > most) {
			best = row;
			most = shared;
		}
	}
	return best;
}

// What all CPUs share of CPU 0's silence; ns 0: they do not, or the kernel ran meanwhile.
static struct host_event shared_by_all(const struct ledger_host *host, const struct host_event *first)
{
	int64_t cpus = host->cpus, end = first->time_ns, start = end - first->ns, longest = first->ns;

	for (int64_t cpu = 1; cpu < cpus; cpu++) {
		const struct host_event *row = silence_with(host, first, cpu);

		if (!row)
			return (struct host_event){ 0 };
		end = row->time_ns < end ? row->time_ns : end;
		start = row->time_ns - row->ns > start ? row->time_ns - row->ns : start;
		longest = row->ns > longest ? row->ns : longest;
	}
	if (cpus < 2 || (double)(end - start) < TOGETHER * (double)longest || was_written_in(host, first))
		return (struct host_event){ 0 };
	return (struct host_event){ .time_ns = end, .ns = end - start };
}

double host_events__together_ns(const struct ledger_host *host, double end_ns, double length_ns)
{
	double ns = 0;

	for (size_t i = 0; i < host->count && host->is_virtual; i++) {
		struct host_event shared = { 0 };

		if (host->events[i].kind == HOST_EVENT_SILENCE && host->events[i].cpu == 0)
			shared = shared_by_all(host, &host->events[i]);
		if (shared.ns)
			ns += overlap_ns(&shared, end_ns, length_ns);
	}
	return fmin(ns, length_ns);
}

double host_events__not_run_ns(const struct ledger_host *host, double end_ns, double length_ns)
{
	return fmin(host_events__paused_ns(host, end_ns, length_ns) + host_events__together_ns(host, end_ns, length_ns), length_ns);
}

bool host_event__found_idle(const struct ledger_host *host, const struct host_event *row)
{
	static const char *const words[] = { "_halt", "idle", "mwait" };
	char function[64];

	if (!host->is_virtual || row->kind != HOST_EVENT_SOFT_LOCKUP || !row->text || !strstr(row->text, "[swapper/"))
		return false;
	rcu_stall__function(row->text, function, sizeof(function));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(function, words[i]))
			return true;
	return false;
}
