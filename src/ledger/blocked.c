#include "ledger/blocked.h"

#include "base/base.h"

const enum blocked_reason blocked_reasons[BLOCKED_REASONS] = {
	BLOCKED_LOCK, BLOCKED_IO, BLOCKED_FUTEX, BLOCKED_MEMORY, BLOCKED_PROCESS, BLOCKED_OTHER, BLOCKED_TIMER, BLOCKED_WORK,
};

bool blocked_reason__is_idle(enum blocked_reason reason)
{
	return reason == BLOCKED_TIMER || reason == BLOCKED_WORK;
}

static void add(struct blocked_total *sum, const struct blocked_row *row)
{
	sum->ns += row->blocked_ns;
	sum->times += row->times;
	sum->open_ns += row->open_ns;
	if (row->max_ns > sum->max_ns)
		sum->max_ns = row->max_ns;
}

static int compare(const void *left, const void *right)
{
	const struct ledger_blocked *a = left, *b = right;
	if (a->waiting_ns != b->waiting_ns)
		return a->waiting_ns > b->waiting_ns ? -1 : 1;
	return a->process < b->process ? -1 : a->process > b->process;
}

void blocking__make(const struct recording *recording, struct ledger_blocking *ret_blocking)
{
	struct ledger_blocking blocking = { 0 };
	blocking.processes = base__alloc(recording->process_count + 1, sizeof(*blocking.processes));
	for (size_t i = 0; i < recording->blocked_count; i++) {
		const struct blocked_row *row = &recording->blocked[i];
		const struct process_row *process = recording__process(recording, row->process);
		enum blocked_reason reason = blocked_reason__from_name(row->reason, BLOCKED_OTHER);
		add(&blocking.by_reason[reason], row);
		if (!process)
			continue;
		struct ledger_blocked *blocked = &blocking.processes[process - recording->process];
		blocked->process = process;
		add(&blocked->by_reason[reason], row);
		if (!blocked_reason__is_idle(reason))
			blocked->waiting_ns += row->blocked_ns;
	}
	for (size_t i = 0; i < recording->process_count; i++)
		if (blocking.processes[i].process)
			blocking.processes[blocking.count++] = blocking.processes[i];
	qsort(blocking.processes, blocking.count, sizeof(*blocking.processes), compare);
	*ret_blocking = blocking;
}

void blocking__free(struct ledger_blocking *blocking)
{
	free(blocking->processes);
	*blocking = (struct ledger_blocking){ 0 };
}
