// Blocked time: from the switch away from a task that sleeps to its wake-up, by what it waits for.
#ifndef WHYSTALL_BPF_BLOCKED_H
#define WHYSTALL_BPF_BLOCKED_H

#include "bpf/operation.h"

#define UNINTERRUPTIBLE 2       // TASK_UNINTERRUPTIBLE
#define NO_LOAD 0x400           // TASK_NOLOAD: set beside it, the sleep is idle (TASK_IDLE)

// enum blocked_reason of the sleep that each system call may make; filled by user space.
const volatile unsigned char syscall_reasons[SYSCALLS_CLASSIFIED] = {};
const volatile unsigned char syscall_reasons_compat[SYSCALLS_CLASSIFIED] = {};

// Why a task sleeps, as far as its state and its system call tell. The task stands still, or is the one that calls.
static __always_inline u32 blocked_reason(struct task_struct *task, const struct task_slot *slot)
{
	u32 state = task->__state;
	s64 number;

	if (slot->lock_waiting)
		return BLOCKED_LOCK;
	if (task->psi_flags & PSI_MEMSTALL)
		return BLOCKED_MEMORY;
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		return BLOCKED_IO;
	if (task->flags & PF_KTHREAD)
		return state & UNINTERRUPTIBLE && !(state & NO_LOAD) ? BLOCKED_OTHER : BLOCKED_WORK;
	if (state & UNINTERRUPTIBLE)
		return BLOCKED_OTHER;
	// Where a plain load is not to be had, the helper is: its result is a pointer that may be followed, and no room on the stack is needed.
	if (have_rdonly_cast)
		number = regs_distance ? syscall_number((u64)task->stack + regs_distance) : -1;
	else
		number = syscall_number_of((struct pt_regs *)bpf_task_pt_regs(task));
	if (number < 0 || number >= SYSCALLS_CLASSIFIED)
		return BLOCKED_OTHER;
	return is_compat(task) ? syscall_reasons_compat[number] : syscall_reasons[number];
}

static __always_inline void blocked_begin(struct task_slot *slot, struct task_struct *task, u64 now)
{
	slot->blocked_reason = blocked_reason(task, slot);
	slot->blocked_since = now;
}

// The task is awake since `now`.
static __always_inline void blocked_end(struct task_slot *slot, u64 now)
{
	u64 since = slot->blocked_since, ns = now - since;
	u32 reason = slot->blocked_reason & (BLOCKED_REASONS - 1);
	struct blocked_sum *sum = &slot->blocked[reason];

	if (!since)
		return;
	slot->blocked_since = 0;
	if ((s64)ns < 0)
		return;
	sum->ns += ns;
	sum->times++;
	if (ns >> 10 > sum->max_us)
		sum->max_us = ns >> 10;
}

#endif
