#include "ledger/cause_keys.h"

#include <string.h>

static const char *const ids[CAUSE_KEYS] = {
	[CAUSE_CPU_OVERSUBSCRIPTION] = "cpu.oversubscription", [CAUSE_CPU_QUOTA] = "cpu.quota", [CAUSE_CPU_AFFINITY] = "cpu.affinity",
	[CAUSE_CPU_PRIORITY] = "cpu.priority", [CAUSE_CPU_CHURN] = "cpu.churn", [CAUSE_CPU_STEAL] = "cpu.steal", [CAUSE_CPU_WAKEUP] = "cpu.wakeup",
	[CAUSE_CPU_FREQUENCY] = "cpu.frequency", [CAUSE_IRQ_SOFTIRQ] = "irq.softirq", [CAUSE_IRQ_HARD] = "irq.hard",
	[CAUSE_HOST_PAUSE] = "host.pause", [CAUSE_HOST_SMI] = "host.smi", [CAUSE_KERNEL_RCU] = "kernel.rcu", [CAUSE_LOCK_MMAP] = "lock.mmap",
	[CAUSE_LOCK_KERNEL] = "lock.kernel", [CAUSE_LOCK_FUTEX] = "lock.futex", [CAUSE_MEMORY_RECLAIM] = "memory.reclaim",
	[CAUSE_MEMORY_KSWAPD] = "memory.kswapd", [CAUSE_MEMORY_LIMIT] = "memory.limit", [CAUSE_MEMORY_THRASH] = "memory.thrash",
	[CAUSE_MEMORY_COMPACTION] = "memory.compaction", [CAUSE_MEMORY_CHURN] = "memory.churn", [CAUSE_MEMORY_TLB] = "memory.tlb",
	[CAUSE_KERNEL_SYSCALL] = "kernel.syscall", [CAUSE_IO_DEVICE] = "io.device", [CAUSE_IO_DIRTY] = "io.dirty", [CAUSE_IO_JOURNAL] = "io.journal",
	[CAUSE_IO_FSYNC] = "io.fsync", [CAUSE_IO_LIMIT] = "io.limit", [CAUSE_IO_REMOTE] = "io.remote", [CAUSE_TOOL] = "whystall",
	[CAUSE_IDLE] = "idle", [CAUSE_NONE] = "unattributed",
};

const char *cause_key__id(enum cause_key cause)
{
	return ids[cause < CAUSE_KEYS ? cause : CAUSE_NONE];
}

enum cause_key cause_key__of(const char *id)
{
	enum cause_key cause = 0;
	while (cause < CAUSE_NONE && strcmp(ids[cause], id))
		cause++;
	return cause;
}
