// Sections of the kernel that let nobody have their CPU: told by the stopper threads (migration/N), which run above all classes. One that waits
// behind a task waits for that task's section without preemption to end (kernel/sched/core.c, preempt_schedule(), need_resched()); no task in user
// space can keep it waiting, realtime or not.
#ifndef WHYSTALL_KERNEL_HOLDS_H
#define WHYSTALL_KERNEL_HOLDS_H

#include "ledger/scene.h"

struct kernel_hold {
	int64_t process;        // whose task had the CPU: process_row.id
	int64_t cpu;
	double end_ns, ns;      // within the window
};
struct kernel_holds {
	struct kernel_hold *holds; size_t count; // owned; only those from THRESHOLD_HOLD_CONTRIBUTING on
	double ns, longest_ns;  // sum, and the longest; 0 without any
};

// Without what pauses of the machine, hypervisors and interrupts took, and without CPUs of which switches were missed: a stopper's turn that was
// not seen would make a wait of it. None in a virtual machine without heartbeats, which tell a CPU that its
// host did not run. Free the result with kernel_holds__free().
void kernel_holds__find(const struct scene *scene, struct kernel_holds *ret_holds);
void kernel_holds__free(struct kernel_holds *holds);

#endif
