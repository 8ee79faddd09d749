// What the causes of memory share: who lost how much time to it, whether that is much, and who took the memory.
#ifndef WHYSTALL_MEMORY_CASE_H
#define WHYSTALL_MEMORY_CASE_H

#include "ledger/scene.h"
#include "causes/verdict.h"
#include "ledger/memory.h"

// What a crowd lost. All in task-ns but pressure_ns (book A, before folding).
struct memory_loss {
	double stall_ns;                // on a CPU or asleep for it; waits for a CPU are in the CPU causes
	double wanted_ns;               // its processes that lost something: running, or asleep for memory
	double pressure_ns;
	double loss;                    // stall_ns / wanted_ns
	int64_t count, max_ns;
	bool hurt, severe;
};
struct memory_case {
	const struct scene *scene;
	const struct ledger_memory *memory;
	struct memory_loss *losses;     // one for each crowd
	double stall_ns, hurt_ns, pressure_ns, wall_seconds, worst_loss;
	int64_t count, pages;
	enum verdict_kind kind;
};

// Which part (0..1) of a process' wait for a reason belongs to the case.
typedef double memory_part_fn(const struct memory_process *process, enum memory_reason reason, void *context);

// What a cause adds to what they share.
struct memory_cause {
	memory_part_fn *part;
	// A figure of the whole recording that `part` needs: its context is the address of it. NULL: it needs none.
	double (*share)(const struct recording *recording, const struct ledger_memory *memory);
	const char *probe;              // the meta key of a probe that only this cause needs; NULL: none
	const char *what;               // "time in direct reclaim": the sum, as evidence
	void (*add_evidence)(const struct memory_case *one, struct verdict *verdict);
	// Accuses, summarizes, adds checks; called where somebody is held up. Settles the parties when all are in.
	void (*accuse)(const struct memory_case *one, struct verdict *verdict);
	const char *little;             // "allocations compacted memory": before how long, where it holds nobody up
	const char *nobody;             // where there was nothing: the whole summary
};
// Judges a cause from beginning to end.
void memory_case__judge(const struct scene *scene, const struct memory_cause *cause, struct verdict *verdict);

// Sums up and weighs. Free with memory_case__free.
struct memory_case *memory_case__make(const struct scene *scene, const struct ledger_memory *memory, memory_part_fn *part, void *context);
void memory_case__free(struct memory_case *one);
// Sets a verdict that cannot be judged because the probes were off; true if so.
bool memory_case__not_testable(const struct scene *scene, const struct ledger_memory *memory, struct verdict *verdict);
// Takes kind and figures over into a verdict, with the evidence common to all; victims too where it found something. Culprits and summary
// stay to be written; then verdict__settle_parties.
void memory_case__conclude(const struct memory_case *one, const char *what, struct verdict *verdict);
const struct crowd *memory_case__crowd_of(const struct scene *scene, const struct memory_process *process);

// Accuses those who took a good part of the memory that was taken in this window: anonymous memory by process, page cache by who filled it,
// the kernel's own (slab, ZFS's cache). Of `ns` each gets its share. Adds the evidence. Returns whether anybody is accused.
bool memory_takers__accuse(const struct memory_case *one, double ns, struct verdict *verdict);

// "64 MiB", "1.5 GiB".
struct text_bytes { char text[32]; };
struct text_bytes memory__bytes(double bytes);

#endif
