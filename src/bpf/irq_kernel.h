// Kernel types that only the probes of interrupts read.
#ifndef WHYSTALL_BPF_IRQ_KERNEL_H
#define WHYSTALL_BPF_IRQ_KERNEL_H

#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define PF_KTHREAD 0x200000
#define TS_COMPAT 0x2           // thread_info.status, x86: in a 32-bit system call
#define TLB_REMOTE_SEND_IPI 4   // enum tlb_flush_reason, include/linux/mm_types.h

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device { char name[16]; };
struct napi_struct { struct net_device *dev; };
struct sk_buff { struct net_device *dev; __u16 protocol; };
struct hrtimer { void *function; };
struct hrtimer_sleeper { struct task_struct *task; };
struct timer_list { void *function; };
struct upid { int nr; };
struct pid { struct upid numbers[1]; };
struct hw_perf_event { struct hrtimer hrtimer; };
struct perf_event { struct hw_perf_event hw; struct task_struct *owner; };
struct k_itimer {
	struct pid *it_pid;
	union { struct { struct hrtimer timer; } real; } it;
};
struct signal_struct { struct pid *pids[4]; struct hrtimer real_timer; };

#pragma clang attribute pop

// As syscall_number_of in drift.h.
static __always_inline s64 registers_syscall(struct pt_regs *registers)
{
	if (bpf_core_field_exists(registers->orig_ax))
		return (s64)registers->orig_ax;
	return (s32)((struct pt_regs___arm64 *)registers)->syscallno;
}

#endif
