#include "ledger/activity.h"

#include "base/base.h"

#include <string.h>

static const struct { const char *subject, *kind; } names[ACTIVITY_KINDS] = {
	[ACTIVITY_SOFTIRQ] = { "irq", "softirq" }, [ACTIVITY_HARDIRQ] = { "irq", "hardirq" }, [ACTIVITY_NET_DEVICE] = { "irq", "device" },
	[ACTIVITY_RECEIVED] = { "irq", "received" }, [ACTIVITY_SENT] = { "irq", "sent" }, [ACTIVITY_COPIED] = { "irq", "copied" },
	[ACTIVITY_TIMER] = { "irq", "timer" }, [ACTIVITY_CALLER] = { "irq", "caller" }, [ACTIVITY_SHOOTDOWN] = { "irq", "shootdown" },
	[ACTIVITY_INTERRUPTED] = { "irq", "interrupted" },
	[ACTIVITY_COMMIT] = { "files", "commit" }, [ACTIVITY_SYNC] = { "files", "sync" }, [ACTIVITY_JOURNAL] = { "files", "journal" },
	[ACTIVITY_DIRTY] = { "files", "dirty" },
	[ACTIVITY_COMPACTION] = { "memory", "compaction" }, [ACTIVITY_LIMIT_RECLAIM] = { "memory", "limit_reclaim" },
	[ACTIVITY_MINOR_FAULTS] = { "memory", "minor_faults" },
	[ACTIVITY_DISK_LIMITED] = { "disks", "limited" }, [ACTIVITY_CPU_BUSY] = { "frequency", "busy" }, [ACTIVITY_COOLING] = { "frequency", "cooling" },
};

static bool is_of(const struct activity_row *row, enum activity_kind kind)
{
	return names[kind].kind && !strcmp(row->subject, names[kind].subject) && !strcmp(row->kind, names[kind].kind);
}

// Rows of a kind mostly stand together: `likely` is the one before.
static enum activity_kind kind_of(const struct activity_row *row, enum activity_kind likely)
{
	if (!row->subject || !row->kind)
		return ACTIVITY_OTHER;
	if (is_of(row, likely))
		return likely;
	for (int kind = 0; kind < ACTIVITY_KINDS; kind++)
		if (is_of(row, (enum activity_kind)kind))
			return (enum activity_kind)kind;
	return ACTIVITY_OTHER;
}

void activity__make(const struct recording *recording, struct ledger_activity *ret_activity)
{
	struct ledger_activity activity = { .kinds = base__alloc(recording->activity_count + 1, sizeof(*activity.kinds)) };
	size_t capacities[ACTIVITY_KINDS] = { 0 };
	for (size_t i = 0; i < recording->activity_count; i++) {
		enum activity_kind kind = kind_of(&recording->activity[i], i ? activity.kinds[i - 1] : ACTIVITY_OTHER);
		struct activity_rows *rows = &activity.of[kind];
		activity.kinds[i] = kind;
		if (kind == ACTIVITY_OTHER)
			continue;
		rows->rows = base__grow(rows->rows, &capacities[kind], rows->count + 1, sizeof(*rows->rows));
		rows->rows[rows->count++] = &recording->activity[i];
	}
	*ret_activity = activity;
}

void activity__free(struct ledger_activity *activity)
{
	for (int kind = 0; kind < ACTIVITY_KINDS; kind++)
		free(activity->of[kind].rows);
	free(activity->kinds);
	*activity = (struct ledger_activity){ 0 };
}

struct activity_sum activity__sum(const struct ledger_activity *activity, enum activity_kind kind, const char *key, int64_t cpu)
{
	const struct activity_rows *rows = &activity->of[kind];
	struct activity_sum sum = { 0 };
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		if ((key && (!row->key || strcmp(row->key, key))) || (cpu >= 0 && row->cpu != cpu))
			continue;
		sum.rows++;
		sum.count += (double)row->count;
		sum.ns += (double)row->ns;
		sum.amount += (double)row->amount;
	}
	return sum;
}
