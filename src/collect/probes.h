// The kernel side, loaded: what user space can ask of it. Everything here needs privileges until probes__drop.
#ifndef WHYSTALL_COLLECT_PROBES_H
#define WHYSTALL_COLLECT_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/records.h"

struct probes_options {
	uint64_t pair_threshold_ns;     // waits from here on are cut by who occupied the CPU
	uint64_t event_threshold_ns;    // waits from here on are reported one by one, with a kernel stack
	bool without_meter;             // let the event model stand in (for tests)
	size_t cgroups;                 // how many are expected
};

// The maps, mapped into our memory: live while the probes run.
struct probes {
	struct sched_bpf *skeleton;
	uint32_t cpus;                  // possible CPUs: cpu_accounts and fold_samples have a row for each
	uint32_t groups;                // rows of `group_table`; group_accounts and fold_samples: groups * cpus
	bool meter, groups_on, steal;
	uint64_t window_began_ns, window_ended_ns; // CLOCK_MONOTONIC, as set with the phase; 0: not yet
	bool locks;                     // the kernel has the tracepoints of lock contention
	struct cpu_account *accounts;
	struct task_slot *slots;        // TASK_SLOTS rows
	struct group *group_table;
	struct group_account *group_accounts;
	struct fold_sample *folds;
	struct lock_wait *lock_waits;   // TASK_SLOTS rows, beside `slots`
	struct lock_cpu *lock_cpus;     // a row for each CPU
	struct futex_wait *futex_waits; // TASK_SLOTS rows, beside `slots`
	struct irq_cpu *irq_cpus;       // a row for each CPU
	size_t map_bytes;               // memory of all maps
};

// Loads and attaches. On failure returns a negative errno and sets one sentence for people: what is missing and what to do.
int probes__load(const struct probes_options *options, struct probes **ret_probes, char **ret_error);
// Maps the arrays with a row for each task (`slots`, `lock_waits`, `futex_waits`), which are large: call it when all other probes are
// loaded, because loading takes much memory for a moment. Returns 0 or a negative errno.
int probes__map_tasks(struct probes *probes);
void probes__free(struct probes *probes);
// Detaches the probes; the maps stay.
void probes__detach(struct probes *probes);

// Runs the snapshot program on every online CPU. Returns how many CPUs answered.
unsigned probes__snapshot(struct probes *probes, enum snapshot_mode mode);
// Reads the counters of the CPU that we run on alone, which needs no interrupt of another.
bool probes__snapshot_here(struct probes *probes);
// Walks all tasks in the kernel. Returns 0 or a negative errno.
int probes__walk(struct probes *probes, enum walk_mode mode);
// CPUs that saw no event while calibrating take the clock offset of the others. Returns false if no CPU saw any.
bool probes__calibrated(struct probes *probes);
void probes__watch_quota(struct probes *probes, bool on);
// PHASE_RECORD: CPUs that come online from now on begin their accounts by themselves; PHASE_STOPPED: none begins any more.
void probes__set_phase(struct probes *probes, enum phase phase);

// Records from the ring buffer, in order for each CPU. Returns how many, or a negative errno.
typedef void probes_record_fn(void *context, const void *record, size_t size);
int probes__consume(struct probes *probes, probes_record_fn *handle, void *context);

// Takes all pairs (victim × occupant) collected since the last call, or all credits of cgroups.
typedef void probes_pair_fn(void *context, uint32_t victim_tgid, uint32_t occupant, uint64_t ns, uint64_t waits);
typedef void probes_credit_fn(void *context, uint32_t group, uint32_t occupant, uint64_t ns);
int probes__take_pairs(struct probes *probes, probes_pair_fn *handle, void *context);
int probes__take_credits(struct probes *probes, probes_credit_fn *handle, void *context);

// The account of locks since the last call: who waited, who held, whose stacks. The rows that only the end of the window settles (waits and
// holds that are still open) come from probes__lock_states and from `lock_waits`.
typedef void probes_lock_wait_fn(void *context, const struct lock_wait_key *key, const struct lock_wait_sum *sum);
typedef void probes_lock_hold_fn(void *context, const struct lock_hold_key *key, const struct lock_hold_sum *sum);
typedef void probes_lock_stack_fn(void *context, const struct lock_stack_key *key, const struct lock_stack_sum *sum);
int probes__take_lock_waits(struct probes *probes, probes_lock_wait_fn *handle, void *context);
int probes__take_lock_holds(struct probes *probes, probes_lock_hold_fn *handle, void *context);
int probes__take_lock_stacks(struct probes *probes, probes_lock_stack_fn *handle, void *context);
// Every lock that is or was waited for, as it stands.
typedef void probes_lock_state_fn(void *context, const struct lock_state *state);
int probes__lock_states(struct probes *probes, probes_lock_state_fn *handle, void *context);
// Addresses of a stack that a row names, innermost first, up to `capacity`. Returns how many, 0 where it is not kept.
size_t probes__lock_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity);
// Sleeps that were summed up since the last call; those at hand stand in sleep_slots.
typedef void probes_sleep_fn(void *context, const struct sleep_key *key, const struct sleep_sum *sum);
int probes__take_sleeps(struct probes *probes, probes_sleep_fn *handle, void *context);
// Every row of sleep_slots, beside `slots`. Returns 0 or a negative errno.
typedef void probes_sleep_slot_fn(void *context, uint32_t number, const struct sleep_slot *slot);
int probes__each_sleep_slot(struct probes *probes, probes_sleep_slot_fn *handle, void *context);
// As probes__lock_stack, of the stacks of sleepers.
size_t probes__sleep_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity);
// The row of a live task, NULL if it has none.
const struct task_slot *probes__find_slot(const struct probes *probes, uint32_t pid);
// Hands out, and removes if `take`, every row of a hash map. Returns 0 or a negative errno.
struct bpf_map;
typedef void probes_row_fn(void *closure, const void *key, const void *value);
int probes__each_row(const struct bpf_map *map, bool take, probes_row_fn *handle, void *closure);
// How often a probe did not run because it, or another one, ran on that CPU already.
uint64_t probes__missed_runs(struct probes *probes);

// Time and runs of the probes by the kernel's BPF statistics, which are on between the two calls. Starting needs
// CAP_SYS_ADMIN; the figures are summed over all programs.
int probes__statistics_start(struct probes *probes);
void probes__statistics_stop(struct probes *probes, uint64_t *ret_ns, uint64_t *ret_runs, uint64_t *ret_switches);

#endif
