// The maps of the probes: how large they are, mapped into our memory, and handed out row by row.
#ifndef WHYSTALL_COLLECT_PROBES_MAPS_H
#define WHYSTALL_COLLECT_PROBES_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/records.h"

struct bpf_map;
struct probes;
struct probes_options;

// For probes.c: sizes the maps by CPUs and cgroups, once the drift is settled and before the programs are loaded.
void probes__size_maps(const struct probes_options *options, struct probes *probes);
// For probes.c: maps the arrays with a row for each CPU or cgroup, of loaded programs. Returns 0 or a negative errno.
int probes__map_arrays(struct probes *probes);
// Maps the arrays with a row for each task (`slots`, `lock_waits`, `futex_waits`), which are large: call it when all other probes are
// loaded, because loading takes much memory for a moment. Returns 0 or a negative errno.
int probes__map_tasks(struct probes *probes);

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
// Gives up lock_waits and futex_waits, which nobody reads once their accounts are settled: what is mapped counts as our memory.
void probes__unmap_waits(struct probes *probes);
// One row of sleep_slots, beside `slots`. Returns 0 or a negative errno.
int probes__sleep_slot(struct probes *probes, uint32_t number, struct sleep_slot *ret_slot);
// Every row of sleep_slots, beside `slots`. Returns 0 or a negative errno.
typedef void probes_sleep_slot_fn(void *context, uint32_t number, const struct sleep_slot *slot);
int probes__each_sleep_slot(struct probes *probes, probes_sleep_slot_fn *handle, void *context);
// As probes__lock_stack, of the stacks of sleepers.
size_t probes__sleep_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity);

// The row of a live task, NULL if it has none.
const struct task_slot *probes__find_slot(const struct probes *probes, uint32_t pid);
// Hands out, and removes if `take`, every row of a hash map. Returns 0 or a negative errno.
typedef void probes_row_fn(void *closure, const void *key, const void *value);
int probes__each_row(const struct bpf_map *map, bool take, probes_row_fn *handle, void *closure);

#endif
