// Time that processes spent to get memory, by reason, and who took how much of it. Part of the ledger (ledger.h), made where a
// cause asks for it.
//
// Two witnesses: the probes of reclaim and compaction bracket these (task time), and PSI's counter says how much memory pressure each
// process had (book A). What pressure is left beyond the brackets is swap-in and refaults while running: these have no tracepoint.
#ifndef WHYSTALL_LEDGER_MEMORY_H
#define WHYSTALL_LEDGER_MEMORY_H

#include "ledger/kernel_counters.h"
#include "ledger/ledger.h"

enum memory_reason {
	MEMORY_FOR_MACHINE,     // direct reclaim: memory of the whole machine, or of the NUMA node, was freed first
	MEMORY_FOR_LIMIT,       // reclaim for a cgroup's limit
	MEMORY_OVER_HIGH,       // asleep as a penalty for being over memory.high
	MEMORY_REFAULT,         // a page that was dropped or swapped out a moment ago is brought back
	MEMORY_COMPACTING,      // pages moved to get a large one
	MEMORY_REASONS
};

struct memory_wait {
	double ns;              // all of it
	double queued_ns;       // part in which it was runnable without a CPU: the CPU causes have that
	double running_ns;      // part on a CPU; the rest was asleep
	int64_t count, max_ns, pages;
	double pressure_ns;     // book A: its share of memory some, before folding
};
struct memory_process {
	size_t index;           // of ledger->processes
	struct memory_wait by_reason[MEMORY_REASONS];
	double pressure_ns;     // all of its memory some; more than the reasons' sum where nothing tells what for
	int64_t held_bytes, grown_bytes, filled_bytes; // anonymous at the end, its growth; page cache that it filled
	int64_t major_faults, kswapd_wakeups;
};

// A cgroup with a memory limit, or one that grew: rows of source memcg.*.
struct memory_group {
	const char *path;
	int hierarchy;          // 2 or 1
	int64_t limit_bytes, high_bytes; // -1 none
	int64_t current_bytes;
	int64_t strikes_high, strikes_max; // how often the limit was hit in the window; v1's failcnt is in strikes_max
	int64_t oom;
	int64_t anon_grown, file_grown, refaults; // in the window; those of cgroups below it as well
	int64_t file_refaults;  // part of refaults: pages of files
	double limit_ns;        // reclaim and penalties that this limit answers for
	int64_t limit_pages;
};

struct ledger_memory {
	bool recorded;          // the probes were on
	struct memory_process *processes; size_t count; // those of which anything is known
	size_t *places;         // by index of ledger->processes: which of them, + 1; 0: none
	struct memory_group *groups; size_t group_count;
	struct memory_group **struck; size_t struck_count; // those of groups whose limit was hit, by path
	double scale;           // memory some: CPU seconds to seconds of total=
	bool metered;           // the recording has the pressure of each process
	double pressure_ns;     // all that processes have, background work left out
	double background_ns;   // kswapd's and kcompactd's own work, which PSI counts as well
	double unowned_limit_ns; // limit reclaim for which no limit was hit: asked for by somebody (memory.reclaim, a lowered limit)
};

// Free with ledger_memory__free.
struct ledger_memory *ledger_memory__make(const struct ledger *ledger);
void ledger_memory__free(struct ledger_memory *memory);
// The cgroup whose limit answers for reclaim of tasks in the cgroup `path`: itself or the nearest above that was hit. NULL: none was.
struct memory_group *ledger_memory__limit_of(const struct ledger_memory *memory, const char *path);
// The same for the limit of a cgroup above this one.
struct memory_group *ledger_memory__limit_above(const struct ledger_memory *memory, const struct memory_group *group);

#endif
