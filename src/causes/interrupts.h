// Interrupts that take CPUs from tasks: what the verdicts on soft and on hard ones share.
#ifndef WHYSTALL_INTERRUPTS_H
#define WHYSTALL_INTERRUPTS_H

#include "causes/verdict.h"

enum interrupt_side { INTERRUPTS_SOFT, INTERRUPTS_HARD };

// What interrupts work for: "NET_RX (eth0)", "virtio1-req.0 (36)", and, where it is known, whose work it is.
struct interrupt_source {
	const char *name;               // owned
	struct interrupt_fact fact;
	const char *note;               // one clause about the process' part in it, or NULL
	size_t crowd;                   // whose packets, timers; SIZE_MAX: nobody's that is known
	double ns;                      // time on all CPUs
	double blame_ns;                // the same, each CPU's by how much somebody lost there
};

struct interrupts {
	const struct scene *scene;
	enum interrupt_side side;
	struct interrupt_source *sources; size_t count; // most blame first
	double ns, blame_ns;            // sums
	double busiest_share; int64_t busiest_cpu; char *busiest_name; // of the window, on the CPU that they took most of; -1: none
};

// Whether the recording tells interrupts by source; if not, the verdict is settled as not testable.
bool interrupts__not_testable(const struct scene *scene, struct verdict *verdict);
void interrupts__gather(const struct scene *scene, enum interrupt_side side, struct interrupts *ret_interrupts);
void interrupts__free(struct interrupts *interrupts);
// Fills kind, figures, parties, the evidence and the summary.
void interrupts__judge(const struct interrupts *interrupts, struct verdict *verdict);

// For gather, each side in its own file: adds a source's time on one CPU. Of `source`, name (copied), fact, note and crowd count.
void interrupts__add(struct interrupts *interrupts, const struct interrupt_source *source, double ns, double weight);
void interrupts__gather_soft(struct interrupts *interrupts, int64_t cpu, double weight);        // interrupts_soft.c
void interrupts__gather_hard(struct interrupts *interrupts, int64_t cpu, double weight);        // interrupts_hard.c

// Sums over the recording's activity of the subject "irq"; NULL and -1 as wild cards.
struct activity_sum interrupts__sum(const struct recording *recording, const char *kind, const char *key, int64_t cpu);
size_t interrupts__crowd(const struct scene *scene, int64_t process);
double interrupts__growth(const struct recording *recording, const char *source, const char *key, const char *name);

#endif
