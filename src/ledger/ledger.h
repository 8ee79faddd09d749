// The ledger: the accounts that a recording's rows add up to. A pure function of a recording.
//
// Book A ("pressure"): what PSI counts. Book B ("task"): each waiting task counts. Never added to each other.
#ifndef WHYSTALL_LEDGER_H
#define WHYSTALL_LEDGER_H

#include "ledger/activity.h"
#include "ledger/host_events.h"
#include "ledger/blocked.h"
#include "ledger/chains.h"
#include "ledger/cpu_profile.h"
#include "ledger/fold.h"
#include "ledger/futexes.h"
#include "ledger/kernel_total.h"
#include "ledger/locks.h"
#include "ledger/memory_churn.h"
#include "ledger/sleeps.h"
#include "ledger/starved.h"
#include "recording/recording.h"

// A process with the sums over its tasks.
struct ledger_process {
	const struct process_row *row;
	const struct task_row *tasks;       // its rows are contiguous
	size_t task_count;
	bool realtime;                      // a task of it was seen in a realtime class (FIFO, RR, DEADLINE)
	bool tool;                          // the recorder or a helper of it: process_row__is_tool()
	int64_t run_ns, switches;
	int64_t wait_ns, waits, wait_max_ns; // book B, throttled time included
	int64_t wait_pressure_ns;           // book A
	int64_t throttled_ns, wait_idle_ns, wait_steal_ns, wait_hardirq_ns, wait_softirq_ns;
	int64_t run_hardirq_ns, run_softirq_ns; // parts of run_ns that interrupts took
	int64_t idle_allowed_ns, idle_outside_ns, open_wait_ns;
	int64_t credit_pressure_ns, credit_task_ns;
	int64_t run_delay_ns;               // -1 if unknown for any task
	int64_t lock_sleep_ns, lock_spin_ns; // on kernel locks, as a waiter; the spinning is part of run_ns
	int64_t futex_lock_ns;              // asleep on locks of its own program
};

// One row of the report's "pressure".
struct ledger_pressure {
	int64_t cgroup;                     // 0 = system
	const char *scope;                  // "system" or the cgroup's path
	const char *resource, *kind;
	double kernel_seconds;              // growth of total=
	bool booked;                        // false: the books do not cover this row (yet); the figures below are then 0
	double predicted_seconds;           // the meter folded as the kernel folds: equals kernel_seconds when all folds were seen; the
	                                    // event model's meter misses some
	double victims_seconds, culprits_seconds; // named sides, folded with the same weights
	// What the books are held against: kernel_seconds, or predicted_seconds where the kernel's total is known to have lost time.
	double counted_seconds;
	enum total_loss loss;
	// Lower bound of the part with both a named victim and a named occupant: of the metered time P at least V + C - P has
	// both, and at most the smaller side, so max(0, min(V + C - P, V, C)) / max(K, P). What the meter did not see is in the
	// denominator only. Over 1 only where both sides were booked twice. 1 where nothing is to be explained.
	double explained;
	bool exact_folds;                   // predicted and kernel differ by less than 1 % or 1 ms
};

struct ledger {
	const struct recording *recording;
	double window_seconds;
	int cpus;                           // online
	struct ledger_process *processes;   // same order as recording->process
	size_t process_count;
	struct ledger_pressure *pressures;
	size_t pressure_count;
	const struct ledger_pressure *cpu_some; // system; never NULL (zeroed row if the kernel has no PSI)
	// System sums, book B unless named otherwise
	int64_t wait_ns, throttled_ns, wait_idle_ns, wait_steal_ns, wait_hardirq_ns, wait_softirq_ns, unknown_ns;
	int64_t run_ns, idle_ns, steal_ns;  // over all CPUs
	int64_t gaps, gap_ns;               // where events were missed: how often, and the time in them
	struct folds folds;                 // what each CPU's counters weigh in the kernel's totals
	double fold_scale;                  // book A CPU seconds -> seconds of total=: predicted / sum of meters; without folds
	                                    // an estimate from the CPUs' busy time; 1 where no CPU some was metered
	bool by_events;                     // the event model stood in for the kernel's per-CPU counters
	struct ledger_locks locks;
	struct ledger_futexes futexes;
	struct ledger_chains chains;
	struct ledger_blocking blocking;
	struct ledger_sleeps sleeps;
	struct starved_threads starved;     // kernel threads
	struct ledger_profiles profiles;    // what processes did with the CPU, from samples
	struct ledger_host host;            // pauses of the machine, complaints of its kernel
	struct ledger_activity activity;    // what the probes of each subject summed up
	struct memory_churn *memory_churns; // by index of processes: memory that they faulted in and gave back
	bool balanced;                      // explained >= 0.95, sides within 1.05 of counted_seconds, or too little pressure to matter
	const char *imbalance;              // NULL, or one clause why not, without capital and full stop
	bool incomplete;                    // unbalanced only because a part has no name: what is named stands
	const char *kernel_loss;            // why total= of CPU some lost time while the meter did not (kernel_total__say); NULL where it did not
};

// The recording must outlive the ledger. -EINVAL: the tasks of a process are not side by side (see recording__repair).
int ledger__build(const struct recording *recording, struct ledger **ret_ledger);
void ledger__free(struct ledger *ledger);
// Whether a scheduling policy (SCHED_*) is one of the realtime classes: FIFO, RR, DEADLINE.
bool ledger__is_realtime(int64_t policy);
// Whether a policy is SCHED_DEADLINE. Such a task comes before all tasks of other classes: while one of these or nothing runs, and it waits, the kernel
// keeps it off the CPU because it has used up its runtime (update_curr_dl, Linux 5.15 to 6.18).
bool ledger__is_deadline(int64_t policy);
const struct ledger_process *ledger__process(const struct ledger *ledger, int64_t id); // by process_row.id

#endif
