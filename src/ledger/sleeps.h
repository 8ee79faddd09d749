// Blocked time by what was waited for: the table `sleep` with a class for each row. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_SLEEPS_H
#define WHYSTALL_LEDGER_SLEEPS_H

#include "ledger/sleep_classes.h"

struct ledger_sleep {
	const struct sleep_row *row;
	enum sleep_class class;
	bool named;                     // its stack or its reason tells what it waited for; of `class` its waker may tell more
	bool sync;                      // within a sync of the program itself, writes with O_SYNC included
	const char *file_system;        // "ext4", as its stack tells; NULL
	const char *kernel_frames, *user_frames; // the recording's; NULL where none were taken
};
struct sleep_class_sum { int64_t ns, times, max_ns, io_some_ns, memory_some_ns; };
struct ledger_sleeps {
	bool recorded;                  // false: an older recording, nothing can be said
	struct ledger_sleep *sleeps; size_t count; // in the order of the table
	struct sleep_class_sum by_class[SLEEP_CLASSES]; // the whole system
};

void sleeps__make(const struct recording *recording, struct ledger_sleeps *ret_sleeps);
void sleeps__free(struct ledger_sleeps *sleeps);

#endif
