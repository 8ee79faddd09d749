// The table activity by what its rows count: typed, so that nobody compares its texts again. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_ACTIVITY_H
#define WHYSTALL_LEDGER_ACTIVITY_H

#include "recording/recording.h"

// Subject and kind of a row, those that somebody asks for; docs/recording.md has their meaning.
enum activity_kind {
	ACTIVITY_OTHER,
	ACTIVITY_SOFTIRQ, ACTIVITY_HARDIRQ, ACTIVITY_NET_DEVICE, ACTIVITY_RECEIVED, ACTIVITY_SENT, ACTIVITY_COPIED, ACTIVITY_TIMER, ACTIVITY_CALLER,
	ACTIVITY_SHOOTDOWN, ACTIVITY_INTERRUPTED,
	ACTIVITY_COMMIT, ACTIVITY_SYNC, ACTIVITY_JOURNAL, ACTIVITY_DIRTY,
	ACTIVITY_COMPACTION, ACTIVITY_LIMIT_RECLAIM, ACTIVITY_MINOR_FAULTS,
	ACTIVITY_DISK_LIMITED, ACTIVITY_CPU_BUSY, ACTIVITY_COOLING,
	ACTIVITY_KINDS
};
// Rows of one kind, in the recording's order.
struct activity_rows { const struct activity_row **rows; size_t count; };
struct ledger_activity {
	enum activity_kind *kinds;      // by position in the table
	struct activity_rows of[ACTIVITY_KINDS];        // nothing under ACTIVITY_OTHER
};

void activity__make(const struct recording *recording, struct ledger_activity *ret_activity);
void activity__free(struct ledger_activity *activity);

// Sums over rows of a kind; key NULL: whatever it is, cpu -1: on all CPUs.
struct activity_sum { size_t rows; double count, ns, amount; };
struct activity_sum activity__sum(const struct ledger_activity *activity, enum activity_kind kind, const char *key, int64_t cpu);

#endif
