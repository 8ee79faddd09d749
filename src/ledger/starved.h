// Kernel threads that did not get a CPU for long. What they do waits as long: grace periods of RCU, work items (the folding of the pressure figures,
// writeback), softirqs that were put off. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_STARVED_H
#define WHYSTALL_LEDGER_STARVED_H

#include "recording/recording.h"

#define STARVED_BEHIND 3
// Who had the CPU while it waited (waits over the pair threshold): programs by name.
struct starved_behind { const char *name; int64_t processes; double seconds; bool realtime; };  // realtime: most of it in a realtime class

enum starved_work { STARVED_RCU, STARVED_WORK_ITEMS, STARVED_SOFTIRQS, STARVED_RECLAIM, STARVED_OTHER, STARVED_WORKS };

struct starved_thread {
	const struct process_row *process;      // a kernel thread is a process of its own
	const struct task_row *task;
	enum starved_work work;
	double longest_seconds, waited_seconds; // its longest wait for a CPU, and all of them
	struct starved_behind behind[STARVED_BEHIND]; size_t behind_count; // most first
};
struct starved_threads { struct starved_thread *threads; size_t count; };      // by the longest wait, longest first

// Those whose longest wait reaches THRESHOLD_THREAD_STARVED. Left out are threads that ask for little (nice > 0). Free with starved__free().
void starved__find(const struct recording *recording, struct starved_threads *ret);
void starved__free(struct starved_threads *starved);
// Who held them up, over all of them: the program that most of the waiting was behind. name NULL: not known.
struct starved_behind starved__most(const struct starved_threads *starved);

#endif
