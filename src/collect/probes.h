// The kernel side, loaded: what user space can ask of it. Loading and the statistics need root; the rest does with what privileges__drop keeps.
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
	int64_t lookups_failed;         // for another reason than that nothing is there
	int64_t ticks_refused;          // CPUs without the timer that sees stacks of locks' owners
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

// How often a probe did not run because it, or another one, ran on that CPU already.
uint64_t probes__missed_runs(struct probes *probes);

// Time and runs of the probes by the kernel's BPF statistics, which are on between the two calls. Starting needs
// CAP_SYS_ADMIN; the figures are summed over all programs.
int probes__statistics_start(struct probes *probes);
void probes__statistics_stop(struct probes *probes, uint64_t *ret_ns, uint64_t *ret_runs, uint64_t *ret_switches);

#endif
