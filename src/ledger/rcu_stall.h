// What the kernel means by the figures of an RCU stall warning (Documentation/RCU/stallwarn.rst, kernel/rcu/tree_stall.h). Pure.
#ifndef WHYSTALL_RCU_STALL_H
#define WHYSTALL_RCU_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RCU_STALL_CPUS 8
struct rcu_stall_cpu {
	int cpu;
	int64_t ticks;                  // timer interrupts that it took in this grace period; -1: it is behind by
	int64_t behind;                 // so many grace periods; 0: not said
	bool offline;
	bool idle;                      // RCU counts it as idle (or in user space without a tick)
	int64_t handlers;               // times that RCU's softirq handler ran since: the difference of softirq=a/b; -1 unknown
	int64_t looks;                  // fqs=: times that RCU's thread looked at it meanwhile; -1 unknown
};
struct rcu_stall {
	bool self_detected, expedited, thread_starved;
	int64_t jiffies, callbacks;     // t=, q=; -1 unknown
	int64_t starved_jiffies;
	struct rcu_stall_cpu cpus[RCU_STALL_CPUS];
	size_t cpu_count;
};
// Reads the lines of one warning. Returns false where they are none.
bool rcu_stall__parse(const char *text, struct rcu_stall *ret);

// The function of the kernel in which a warning found its CPU ("RIP: 0010:copy_page+0x7/0x10"). Returns its length, 0: not told.
size_t rcu_stall__function(const char *text, char *ret, size_t size);

enum rcu_stall_shape {
	RCU_STALL_UNCLEAR,
	RCU_STALL_LOOP,                 // it took its timer interrupts and did not get through the scheduler: code in the kernel goes on and on
	RCU_STALL_ABSENT,               // it took none: interrupts off, or it did not run at all
	RCU_STALL_STARVED,              // all CPUs were heard of; RCU's own thread did not run
};
enum rcu_stall_shape rcu_stall__shape(const struct rcu_stall *stall);
const char *rcu_stall__shape_words(enum rcu_stall_shape shape);

#endif
