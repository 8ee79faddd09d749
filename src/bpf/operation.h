// What the current task is doing, for programs that run in its context: lock.h and sleep.h ask it of other tasks, too.
#ifndef WHYSTALL_BPF_OPERATION_H
#define WHYSTALL_BPF_OPERATION_H

#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define TS_COMPAT 0x2           // thread_info.status, x86: in a 32-bit system call

// In a 32-bit system call, which has numbers of its own.
static __always_inline bool is_compat(struct task_struct *task)
{
	return bpf_core_field_exists(task->thread_info.status) && task->thread_info.status & TS_COMPAT;
}

// As syscall_number_of in drift.h, for objects that need nothing else of it.
static __always_inline s64 registers_syscall(struct pt_regs *registers)
{
	if (bpf_core_field_exists(registers->orig_ax))
		return (s64)registers->orig_ax;
	return (s32)((struct pt_regs___arm64 *)registers)->syscallno;
}

// The number of its system call, or one of OPERATION_*.
static __always_inline u32 operation_here(struct task_struct *task)
{
	u32 flags = task->flags;
	s64 number;

	if (flags & PF_KTHREAD)
		return OPERATION_KERNEL_THREAD;
	if (flags & PF_IO_WORKER)
		return OPERATION_IO_WORKER;
	if (flags & PF_EXITING)
		return OPERATION_EXIT;
	number = registers_syscall((struct pt_regs *)bpf_task_pt_regs(task));
	if (number < 0)
		return OPERATION_PAGE_FAULT;
	if (number > 0xfeff)
		return OPERATION_UNKNOWN;
	return is_compat(task) ? (u32)number | OPERATION_COMPAT : (u32)number;
}

#endif
