#include "causes/host_events.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

#define HARD_LOCKUP_NS (10.0 * NS_PER_SEC)     // kernel.watchdog_thresh

bool host_event__is(const struct host_event_row *row, const char *kind)
{
	return row->kind && !strcmp(row->kind, kind);
}

bool host_event__is_pause(const struct host_event_row *row)
{
	return host_event__is(row, "pause") || host_event__is(row, "freeze");
}

bool host_event__is_lockup(const struct host_event_row *row)
{
	return host_event__is(row, "rcu_stall") || host_event__is(row, "soft_lockup") || host_event__is(row, "hard_lockup") ||
	       host_event__is(row, "workqueue_lockup");
}

double host_event__lockup_ns(const struct host_event_row *row)
{
	return row->ns > 0 ? (double)row->ns : HARD_LOCKUP_NS;
}

double host_events__new_lockup_ns(const struct recording *recording, size_t number)
{
	const struct host_event_row *row = &recording->host_event[number];
	double start = fmax(0, (double)row->time_ns - host_event__lockup_ns(row));

	if (!host_event__is_lockup(row) || row->time_ns < 0)
		return 0;
	for (size_t i = 0; i < number; i++) {
		const struct host_event_row *earlier = &recording->host_event[i];

		if (host_event__is_lockup(earlier) && earlier->cpu == row->cpu)
			start = fmax(start, (double)earlier->time_ns);
	}
	return fmax(0, (double)row->time_ns - start);
}

// How much of [end - length, end] the row's time covers.
static double overlap_ns(const struct host_event_row *row, double end_ns, double length_ns)
{
	return fmax(0, fmin(end_ns, (double)row->time_ns) - fmax(end_ns - length_ns, (double)(row->time_ns - row->ns)));
}

double host_events__paused_ns(const struct recording *recording, double end_ns, double length_ns)
{
	double ns = 0;

	for (size_t i = 0; i < recording->host_event_count; i++)
		if (host_event__is(&recording->host_event[i], "pause"))
			ns += overlap_ns(&recording->host_event[i], end_ns, length_ns);
	return fmin(ns, length_ns);
}

double host_events__silent_ns(const struct recording *recording, int64_t cpu, double end_ns, double length_ns)
{
	const char *virtualization = recording__meta(recording, "virtualization");
	double ns = 0;

	for (size_t i = 0; i < recording->host_event_count && (!virtualization || strcmp(virtualization, "none")); i++)
		if (host_event__is(&recording->host_event[i], "silence") && recording->host_event[i].cpu == cpu)
			ns += overlap_ns(&recording->host_event[i], end_ns, length_ns);
	return fmin(ns, length_ns);
}
