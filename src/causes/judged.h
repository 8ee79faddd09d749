// The causes, one file each; table.c lists them.
#ifndef WHYSTALL_JUDGED_H
#define WHYSTALL_JUDGED_H

#include "causes/verdict.h"

extern const struct cause cpu_oversubscription, cpu_quota, cpu_affinity, cpu_priority, cpu_churn, cpu_steal, cpu_wakeup;
extern const struct cause lock_mmap, lock_kernel, lock_futex;
extern const struct cause cpu_frequency, irq_softirq, irq_hard, host_pause, host_smi, kernel_rcu, kernel_syscall;
extern const struct cause memory_reclaim, memory_kswapd, memory_limit, memory_thrash, memory_compaction, memory_tlb, memory_churn;
extern const struct cause io_device, io_dirty, io_journal, io_fsync, io_limit, io_remote;

#endif
