// The scheduling class of our own threads: what makes them run while others hold every CPU, and what keeps them from becoming the hog.
//
// SCHED_DEADLINE comes before every realtime priority, and the kernel itself enforces its budget: a thread that used it up waits for its next
// period, whatever it does. It needs CAP_SYS_NICE, room in the kernel's admission control (kernel/sched/deadline.c: sched_dl_overflow) and an
// affinity that covers the whole root domain (kernel/sched/syscalls.c: __sched_setscheduler). Where it is refused, a high priority of
// SCHED_FIFO takes its place: it does not get past realtime tasks of priority 99, and the lifter keeps its budget.
#ifndef WHYSTALL_COLLECT_OWN_CLASS_H
#define WHYSTALL_COLLECT_OWN_CLASS_H

#include <stdint.h>
#include <sys/types.h>

// In the order of their names in meta "tool_class".
enum own_class { OWN_CLASS_ORDINARY, OWN_CLASS_FIFO, OWN_CLASS_DEADLINE };

// What a thread gets: at most `runtime_ns` of CPU time in each period, before everybody else.
struct own_budget { uint64_t runtime_ns, period_ns; };

// All that we have at one time must fit into what the kernel grants beside its own servers: nine tenths of a CPU where there is one only.
extern const struct own_budget own_budget_lifter;       // 1 ms of 10 ms
extern const struct own_budget own_budget_loop;         // 10 ms of 50 ms: the recorder's loop, which uses under 1 % of a CPU
extern const struct own_budget own_budget_lift;         // 14 ms of 20 ms: a thread that starves while others wait for it
extern const struct own_budget own_budget_half;         // 10 ms of 20 ms: the same, where the kernel grants no more
extern const struct own_budget own_budget_help;         // 4 ms of 20 ms: or even less
extern const struct own_budget own_budget_errand;       // 1 ms of 20 ms: one that nobody waits for, or where it grants no more

const char *own_class__name(enum own_class own);        // "ordinary", "fifo", "deadline"

// Puts a thread (0: the caller) into the best class that is granted; `fifo_below_top`: how many priorities below the highest one where it is
// SCHED_FIFO. Its children are ordinary again. Returns what was granted; where that is OWN_CLASS_ORDINARY, nothing was changed.
enum own_class own_class__take(pid_t thread, const struct own_budget *budget, int fifo_below_top);
// The same, with SCHED_FIFO never tried (for a thread that SCHED_DEADLINE was granted to before).
enum own_class own_class__take_deadline(pid_t thread, const struct own_budget *budget);
// Only SCHED_FIFO, for a thread that SCHED_DEADLINE must not be tried on again.
enum own_class own_class__take_fifo(pid_t thread, int fifo_below_top);
// Makes a thread an ordinary one again, with its nice value. Needs no privileges for the caller itself. Returns 0 or a negative errno.
// A thread of SCHED_DEADLINE must do it itself: if it is asleep when another one does it, the kernel (6.18, switched_from_dl) does not give back
// its bandwidth, until the CPUs are divided up anew. It waits for its next period first (at most that long): the kernel (6.1 to 6.18 at least,
// update_curr_dl, dl_task_timer and enqueue_task_dl) lets a thread that used up its budget while it was leaving stay marked as throttled, with
// nothing left to end that; put into SCHED_DEADLINE again while it waits for a CPU, it would never run again.
int own_class__leave(pid_t thread);

// What class a thread has.
struct own_setting { uint32_t policy, priority; struct own_budget budget; };     // budget: of SCHED_DEADLINE only
int own_class__read(pid_t thread, struct own_setting *ret);

#endif
