// The state of one run, and how it becomes a recording. Private to collect.
#ifndef WHYSTALL_COLLECT_ASSEMBLE_H
#define WHYSTALL_COLLECT_ASSEMBLE_H

#include "collect/attacher.h"
#include "collect/blocked_account.h"
#include "collect/cgroups.h"
#include "collect/collector.h"
#include "collect/counters.h"
#include "collect/folds.h"
#include "collect/host.h"
#include "collect/lock_account.h"
#include "collect/own_class.h"
#include "collect/pressure.h"
#include "collect/probes.h"
#include "collect/proc_stat.h"
#include "collect/processes.h"
#include "collect/silence.h"
#include "collect/sleep_account.h"
#include "collect/subject.h"

struct assembly;
struct kernel_symbols;
struct saver;
struct series;
struct slices;

#define EVENTS_LIMIT 20000      // waits reported one by one that are kept, the first ones
#define PAIRS_LIMIT 100000      // victims and culprits that are told apart; some 12 MiB
#define CREDITS_LIMIT 100000    // cgroups and their occupants

struct event { struct wait_record record; int64_t process, culprit, kind; };

struct collector {
	struct collector_options options;
	struct host host;
	int nice;                       // ours, before we raised it
	struct probes *probes;
	struct processes *processes;
	struct foldlog *folds;
	struct cgroups *cgroups_start, *cgroups_end;
	struct proc_stat stat_start, stat_end;
	struct pressure_totals pressure_start[PRESSURE_RESOURCES], pressure_end[PRESSURE_RESOURCES];
	uint64_t opened_ns, began_ns, ended_ns, began_real_ns;     // CLOCK_MONOTONIC; _real_: CLOCK_REALTIME
	uint64_t pressure_read_ns;      // CLOCK_MONOTONIC just after the last read of pressure_end; 0: not yet
	int64_t start_cpu_ns, window_cpu_ns;    // our own CPU time before and in the window
	struct attacher *attacher;
	enum own_class own;             // of our loop in the window
	bool quota_seen;                // some cgroup has a CPU quota
	bool statistics_on;
	uint64_t probe_ns, probe_runs, probe_switches;
	int64_t failed_reads, unread_command_lines, unread_programs, events_dropped;
	struct silence silence;         // of our loop, which wants to come every 100 ms
	struct saver *saver;            // saves interim states; NULL: they are not saved
	struct assembly *interim;       // the next one, while it is copied; else NULL
	uint64_t interim_cost_ns, interim_longest_ns;   // what it took so far; the longest time that one round of the loop took for it
	struct lock_account *locks;
	struct blocked_account *blocked; // of tasks that have ended
	struct sleep_account *sleeps;
	struct subjects *subjects;
	struct slices *slices;
	struct series *series;
	struct counters *counters;      // the kernel's own, at both ends of the window
	struct kernel_symbols *symbols; // names of the accounts' kernel addresses, read after the window; NULL before
	void *pairs, *credits;          // binary trees (tsearch)
	size_t pair_count, credit_count;
	uint64_t pairs_merged_ns, credits_merged_ns;
	struct event *events;
	size_t event_count, event_capacity, events_resolved;
};

// What the drains deliver.
void pairs__add(struct collector *collector, uint32_t victim_tgid, uint32_t occupant, uint64_t ns, uint64_t waits);
void credits__add(struct collector *collector, uint32_t group, uint32_t occupant, uint64_t ns);
void events__add(struct collector *collector, const struct wait_record *record);
// Names the processes of the waits added since the last call: once the records of those that ended meanwhile are in.
void events__resolve(struct collector *collector);

// All rows, when the window has ended and the books are settled; so only once. Owned by the caller.
struct recording *assemble__recording(struct collector *collector, const char *ended_by);
// An interim state, account by account, so that the loop that copies it can look at the kernel in between. An account that was copied earlier lacks what came
// since then; the scheduler's books, the processes and the length of the window are of the last moment.
struct assembly *assembly__begin(struct collector *collector);
bool assembly__step(struct assembly *assembly);         // true: that was the last one
struct recording *assembly__end(struct assembly *assembly);     // what was copied, owned by the caller; frees the rest
// Meta that says which probes are on and why others are not, from the beginning on: meter, locks, steal_clock, probe.NAME.
void assemble__describe_probes(const struct collector *collector, struct recording *recording);
int64_t assemble__cpu_time_ns(const struct collector *collector);       // our own CPU time so far, helpers included
void assemble__free(struct collector *collector);

#endif
