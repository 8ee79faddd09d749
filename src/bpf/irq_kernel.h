// Kernel types that only the probes of interrupts read.
#ifndef WHYSTALL_BPF_IRQ_KERNEL_H
#define WHYSTALL_BPF_IRQ_KERNEL_H

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

#endif
