// Blocked time by what was waited for: idle waiting is told apart from what may be a stall. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_BLOCKED_H
#define WHYSTALL_LEDGER_BLOCKED_H

#include "recording/recording.h"

// Every reason, in the order of reports: what may be a stall before what is idle.
extern const enum blocked_reason blocked_reasons[BLOCKED_REASONS];
struct blocked_total { int64_t ns, times, max_ns, open_ns; };
struct ledger_blocked {
	const struct process_row *process;
	struct blocked_total by_reason[BLOCKED_REASONS];
	int64_t waiting_ns;             // without the idle reasons
};

struct ledger_blocking {
	struct ledger_blocked *processes; size_t count; // most waiting first; processes without blocked time are left out
	struct blocked_total by_reason[BLOCKED_REASONS];  // the whole system
};

void blocking__make(const struct recording *recording, struct ledger_blocking *ret_blocking);
void blocking__free(struct ledger_blocking *blocking);
// What the program chose to wait for.
bool blocked_reason__is_idle(enum blocked_reason reason);

#endif
