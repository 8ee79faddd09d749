// A remedy: a change that could help against a cause, offered only with whether it can work here, and why not.
#ifndef WHYSTALL_REMEDY_H
#define WHYSTALL_REMEDY_H

#include "causes/cause.h"

struct remedy {
	const char *id, *title;
	const char *causes;             // ids it can help against, separated by spaces
	const char *cost;               // its price
	const char *verify;             // how to see that it helped
	// Decides whether it can work on this verdict: fills applicable, why and command. `verdict` has found something.
	// Leaves `why` NULL where the question does not arise; the remedy is then not mentioned.
	void (*consider)(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
};
extern const struct remedy remedy_table[];
extern const size_t remedy_table_count;

// Attaches offers to each verdict that found something: of every remedy that is meant for its cause.
void remedies__offer(struct diagnosis *diagnosis);
// The same for one verdict.
void remedies__offer_for(const struct ledger *ledger, struct verdict *verdict);

// One file for each family.
void cpu_weight__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_nice__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_workers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_class__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_quota_deadline__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_quota_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_quota_burst__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_quota_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_affinity_widen__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void cpu_churn_pool__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void host_share__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void malloc_thresholds__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void preload_allocator__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void allocator_decay__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void go_memory__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void keep_buffers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void huge_pages__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void fewer_changes__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void fewer_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void newer_kernel__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void stop_polling__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void shorter_section__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void split_lock__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void python_processes__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void malloc_arenas__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void preload_for_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void profile_locks__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void spread_contention__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void receive_steering__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void device_queues__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void coalescing__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void softirq_budget__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void less_traffic__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void irq_affinity__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void fewer_timers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void fewer_shootdowns__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void spread_process__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void frequency_limits__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void firmware_settings__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void idle_states__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_priority__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_depth__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_scheduler__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_spread__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_limit_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void io_weight__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void database_durability__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void batch_syncs__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void durable_device__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void journal_device__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void own_file_system__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void dirty_limits__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void write_less__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void look_at_server__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void fewer_round_trips__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_limit_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_smaller_cache__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_reserve__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_cap__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_zram__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void thp_defrag__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);
void memory_free_reserve__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer);

#endif
