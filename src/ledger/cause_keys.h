// The causes of the catalogue as numbers: what the books book seconds to. causes/table.c has what is said of each. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_CAUSE_KEYS_H
#define WHYSTALL_LEDGER_CAUSE_KEYS_H

// In the order of the catalogue; not stored anywhere.
enum cause_key {
	CAUSE_CPU_OVERSUBSCRIPTION, CAUSE_CPU_QUOTA, CAUSE_CPU_AFFINITY, CAUSE_CPU_PRIORITY, CAUSE_CPU_CHURN, CAUSE_CPU_STEAL, CAUSE_CPU_WAKEUP,
	CAUSE_CPU_FREQUENCY, CAUSE_IRQ_SOFTIRQ, CAUSE_IRQ_HARD, CAUSE_HOST_PAUSE, CAUSE_HOST_SMI, CAUSE_KERNEL_RCU, CAUSE_LOCK_MMAP, CAUSE_LOCK_KERNEL,
	CAUSE_LOCK_FUTEX, CAUSE_MEMORY_RECLAIM, CAUSE_MEMORY_KSWAPD, CAUSE_MEMORY_LIMIT, CAUSE_MEMORY_THRASH, CAUSE_MEMORY_COMPACTION, CAUSE_MEMORY_CHURN,
	CAUSE_MEMORY_TLB, CAUSE_KERNEL_SYSCALL, CAUSE_IO_DEVICE, CAUSE_IO_DIRTY, CAUSE_IO_JOURNAL, CAUSE_IO_FSYNC, CAUSE_IO_LIMIT, CAUSE_IO_REMOTE,
	CAUSE_TOOL,     // whystall itself
	CAUSE_IDLE,     // counted as pressure, and nobody waits for anything: an io_uring waiter to whom nothing is owed
	CAUSE_NONE,     // not attributed; the last one
	CAUSE_KEYS
};

// "cpu.quota"; "whystall", "idle", "unattributed" for the last three. Never NULL.
const char *cause_key__id(enum cause_key cause);
// CAUSE_NONE where there is no such id.
enum cause_key cause_key__of(const char *id);

#endif
