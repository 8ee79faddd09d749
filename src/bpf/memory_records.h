// What the probes of memory (memory.bpf.c) and user space share.
#ifndef WHYSTALL_MEMORY_RECORDS_H
#define WHYSTALL_MEMORY_RECORDS_H

#define MEMORY_ROWS 4096         // sums between two drains
#define MEMORY_SECTIONS 8192     // tasks that free memory at the same time

enum memory_kind {
	MEMORY_DIRECT_RECLAIM,   // an allocation frees memory of the whole machine; amount: pages
	MEMORY_LIMIT_RECLAIM,    // … of a cgroup that is at its limit; detail: the cgroup's id; amount: pages
	MEMORY_NODE_RECLAIM,     // … of its own NUMA node; detail: the node; amount: pages
	MEMORY_COMPACTION,       // … makes room for a large page; detail: order
	MEMORY_COMPACTION_WORK,  // compaction that no allocation waits for: kcompactd, a write to compact_memory
	MEMORY_THROTTLED,        // part of reclaim: asleep because nothing could be freed; detail: the kernel's reason
	MEMORY_KSWAPD_WAKEUP,    // an allocation woke kswapd; detail: order
	MEMORY_KSWAPD,           // kswapd, from its wake-up to its sleep
	MEMORY_PAGE_CACHE,       // pages added to the page cache; amount: pages
	MEMORY_KINDS
};

struct memory_key { unsigned int tgid, kind; unsigned long long detail; };
struct memory_sum {
	unsigned long long count, ns, max_ns;
	unsigned long long run_ns;      // of ns: on a CPU (right in sums only: the kernel counts it at ticks and switches)
	unsigned long long queue_ns;    // of ns: runnable without a CPU
	unsigned long long amount;
};

// A task that is at it, by its tid. One of an allocation that compacted stays until its task does something else.
struct memory_section {
	unsigned int tgid, kind;
	unsigned long long detail;
	unsigned long long began;       // CLOCK_MONOTONIC; 0: an allocation tries to compact, and has not begun yet
	unsigned long long run_ns, queue_ns; // the task's sums then
	unsigned int counted, unused;   // a part of this stall has been summed up already
};

#endif
