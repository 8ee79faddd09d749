// What a second of CPU pressure of one CPU weighs in the kernel's total, by process. Part of the ledger (ledger.h).
//
// The kernel's total is the mean of the CPUs' own counters, weighted by how busy each CPU was (folding.h). Credits are kept by process, over all CPUs:
// so a process that fills a CPU which is often idle would be given too much of the total. On which CPUs a process made its pressure is told by the
// samples of what ran (process_cpu_row); what each CPU's tasks made of it together is known exactly.
#ifndef WHYSTALL_LEDGER_CPU_WEIGHTS_H
#define WHYSTALL_LEDGER_CPU_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

struct cpu_weights {
	double *process;        // by index of ledger->processes
	double mean;            // of all tasks: of a process without samples
	bool mean_known;        // false: there are no folds, and all weights are 1
};

// Seconds of the system's total= for each CPU second of a process' credit; the sum over all processes is what the books of the CPUs say of tasks.
// In the rows of cgroups credits weigh alike: their occupants are not sampled by CPU. Free with cpu_weights__free.
struct cpu_weights cpu_weights__make(const struct ledger *ledger);
void cpu_weights__free(struct cpu_weights *weights);

#endif
