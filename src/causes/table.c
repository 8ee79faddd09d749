// The catalogue: every cause, in the order of the documentation. A cause is one file and one entry of this table.
#include "causes/judged.h"
#include "base/base.h"

const struct cause *const cause_table[] = {
	&cpu_oversubscription,
	&cpu_quota,
	&cpu_affinity,
	&cpu_priority,
	&cpu_churn,
	&cpu_steal,
	&cpu_wakeup,
	&cpu_frequency,
	&irq_softirq,
	&irq_hard,
	&host_pause,
	&host_smi,
	&kernel_rcu,
	&kernel_syscall,
	&lock_mmap,
	&lock_kernel,
	&lock_futex,
	&memory_reclaim,
	&memory_kswapd,
	&memory_limit,
	&memory_thrash,
	&memory_compaction,
	&memory_tlb,
	&memory_churn,
	&io_device,
	&io_dirty,
	&io_journal,
	&io_fsync,
	&io_limit,
	&io_remote,
};
const size_t cause_table_count = ARRAY_SIZE(cause_table);
