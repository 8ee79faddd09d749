// A small process of ours that watches our other threads and lifts those that starve, so that we start, save, report and end while others
// hold every CPU. A lifted thread has a budget, kept by the kernel, and stays lifted until it leaves that class itself (own_class.h says why).
//
// It is a process, not a thread, because it keeps CAP_SYS_NICE (and nothing else) while the recorder drops it, and because it must outlive the
// recorder's own end. It keeps no terminal, no descriptor and no name of the recorder's that anybody could wait for.
#ifndef WHYSTALL_COLLECT_LIFTER_H
#define WHYSTALL_COLLECT_LIFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/own_class.h"

// A thread, at one look.
struct lift_look { uint64_t time_ns, cpu_ns; bool runnable; };

enum lift_step { LIFT_NONE, LIFT_SUSPECT, LIFT_UP };

// Takes a look into account and says what to do; `last` (all zero: there was none) becomes that look. A thread starves that is runnable at two
// looks and got less than a third of the time between them; `lately`: another one, or this, starved a moment ago, so that a look at which it is
// runnable suffices, were it its first. LIFT_SUSPECT: it may be starving, look again soon.
enum lift_step lifter__judge(struct lift_look *last, const struct lift_look *look, bool lately);

// For how long a thread of SCHED_DEADLINE has been runnable without getting any CPU time; all zero at first.
struct lift_stall { uint64_t since_ns, cpu_ns; uint32_t looks; };
// Takes a look into account. True: the kernel has forgotten the thread (see own_class__leave), or took far more from it than its budget.
bool lifter__is_forgotten(struct lift_stall *stall, const struct lift_look *look);

struct lifter;
struct lifter_account {
	enum own_class own;             // of the lifter; ORDINARY: it lifts nobody
	uint32_t lifts;                 // how often threads were lifted
	uint32_t rescues;               // how often one was taken out of SCHED_DEADLINE, because the kernel gave it nothing there
	uint64_t lifted_cpu_ns;         // what they used in that time
	uint64_t cpu_ns;                // what the lifter itself used
};

// Starts it for the calling process, first of all, before there are other threads; the caller is an ordinary thread afterwards. NULL: it could
// not; all others accept NULL.
struct lifter *lifter__start(void);
// A moment begins in which a starving thread must not wait long: the looks follow each other quickly for a second.
void lifter__hurry(const struct lifter *lifter);
// A child that is nobody of ours although it may look like one until it executes another program. One at a time.
void lifter__leave_alone(struct lifter *lifter, pid_t child);
struct lifter_account lifter__account(const struct lifter *lifter);
// Frees the handle. The lifter goes on until the process has ended, and then ends by itself.
void lifter__leave(struct lifter *lifter);

#endif
