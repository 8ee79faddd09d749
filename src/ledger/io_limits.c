// How much of the waits for a device a cgroup's I/O limit makes: requests held back before they reach the device are not in the device's time.
#include "ledger/resource_private.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

struct limited { const struct cgroup_io_row *row; size_t process; double wait_ns, times, part; };

struct io_limits { struct limited *all; size_t count, capacity; };

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool has_rates(const struct cgroup_io_row *row)
{
	return row->read_bps >= 0 || row->write_bps >= 0 || row->read_iops >= 0 || row->write_iops >= 0;
}

// Each process that was seen in a cgroup with a limit, with each device that is limited there.
static void find_members(struct io_limits *limits, const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	const struct activity_rows *members = &ledger->activity.of[ACTIVITY_DISK_LIMITED];
	for (size_t i = 0; i < members->count; i++) {
		const struct activity_row *member = members->rows[i];
		const struct ledger_process *process = member->process ? ledger__process(ledger, member->process) : NULL;
		for (size_t j = 0; process && j < recording->cgroup_io_count; j++) {
			const struct cgroup_io_row *row = &recording->cgroup_io[j];
			if (!same(row->cgroup, member->key) || !has_rates(row) || row->at_limit_ns <= 0 || row->requests <= 0)
				continue;
			limits->all = base__grow(limits->all, &limits->capacity, limits->count + 1, sizeof(*limits->all));
			limits->all[limits->count++] = (struct limited){ row, (size_t)(process - ledger->processes), 0, 0, 0 };
		}
	}
}

static void add_waits(struct limited *limited, const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->sleeps.count; i++) {
		const struct sleep_row *row = ledger->sleeps.sleeps[i].row;
		if (row->process != ledger->processes[limited->process].row->id || !same(row->device, limited->row->device))
			continue;
		limited->wait_ns += (double)row->ns;
		limited->times += (double)row->times;
	}
}

struct io_limits *io_limits__make(const struct ledger *ledger)
{
	struct io_limits *limits = base__alloc(1, sizeof(*limits));
	find_members(limits, ledger);
	for (size_t i = 0; i < limits->count; i++) {
		struct limited *limited = &limits->all[i];
		const struct cgroup_io_row *row = limited->row;
		add_waits(limited, ledger);
		// Each wait is for one request at least. What the requests did not take was before them, as far as the limit was reached.
		double through_ns = limited->times * (double)row->request_ns / (double)row->requests;
		double reached = row->watched_ns > 0 ? fmin(1, (double)row->at_limit_ns / (double)row->watched_ns) : 0;
		limited->part = limited->wait_ns > 0 ? reached * fmax(0, 1 - through_ns / limited->wait_ns) : 0;
	}
	return limits;
}

void io_limits__free(struct io_limits *limits)
{
	if (!limits)
		return;
	free(limits->all);
	free(limits);
}

double io_limits__part(const struct io_limits *limits, const char *device, size_t process)
{
	double part = 0;
	for (size_t i = 0; i < limits->count; i++)
		if (limits->all[i].process == process && same(limits->all[i].row->device, device))
			part = fmax(part, limits->all[i].part);
	return part;
}
