#include "ledger/cpu_weights.h"

#include "base/base.h"
#include "ledger/ledger.h"
#include "recording/columns.h"

#include <math.h>
#include <stdlib.h>

// Of all CPUs' tasks together: seconds of total= for each second that they were credited with, which is all that was booked to occupants but what was
// no task's. 0: not known.
static double mean_weight(const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	double *special = base__alloc(RECORDING_CPUS_MAX, sizeof(*special)), credit = 0, weighted = 0;
	for (size_t i = 0; i < recording->cpu_count; i++) {
		const struct cpu_row *cpu = &recording->cpu[i];
		special[cpu->cpu] = (double)(cpu->credit_idle_ns + cpu->credit_steal_ns + cpu->credit_hardirq_ns + cpu->credit_softirq_ns + cpu->credit_quota_ns);
	}
	for (size_t i = 0; i < recording->book_count; i++) {
		const struct book_row *book = &recording->book[i];
		double ns = book->cgroup ? 0 : fmax(0, (double)book->culprits_ns - special[book->cpu]);
		credit += ns;
		weighted += ns * folds__factor(&ledger->folds, 0, book->cpu, FOLD_CPU_SOME);
	}
	free(special);
	return credit > 0 ? weighted / credit : 0;
}

// Sets what the samples say of each process; 0 where they say nothing.
static void weigh_samples(const struct ledger *ledger, double *weights)
{
	const struct recording *recording = ledger->recording;
	double *samples = base__alloc(ledger->process_count + 1, sizeof(*samples));
	for (size_t i = 0; i < recording->process_cpu_count; i++) {
		const struct process_cpu_row *row = &recording->process_cpu[i];
		const struct ledger_process *process = ledger__process(ledger, row->process);
		if (!process || row->waited <= 0)
			continue;
		size_t index = (size_t)(process - ledger->processes);
		samples[index] += (double)row->waited;
		weights[index] += (double)row->waited * folds__factor(&ledger->folds, 0, row->cpu, FOLD_CPU_SOME);
	}
	for (size_t i = 0; i < ledger->process_count; i++)
		weights[i] = samples[i] > 0 ? weights[i] / samples[i] : 0;
	free(samples);
}

struct cpu_weights cpu_weights__make(const struct ledger *ledger)
{
	struct cpu_weights weights = { base__alloc(ledger->process_count + 1, sizeof(double)), 1, false };
	double mean = mean_weight(ledger), credit = 0, weighted = 0;
	weigh_samples(ledger, weights.process);
	for (size_t i = 0; i < ledger->process_count; i++) {
		double ns = (double)ledger->processes[i].credit_pressure_ns;
		credit += weights.process[i] > 0 ? ns : 0;
		weighted += ns * weights.process[i];
	}
	// The samples tell how the processes stand to each other, the books what they make together.
	double sampled_mean = credit > 0 && weighted > 0 ? weighted / credit : 0;
	weights.mean_known = mean > 0;
	weights.mean = mean > 0 ? mean : 1;
	for (size_t i = 0; i < ledger->process_count; i++)
		weights.process[i] = weights.process[i] > 0 && sampled_mean > 0 ? weights.process[i] / sampled_mean * weights.mean : weights.mean;
	return weights;
}

void cpu_weights__free(struct cpu_weights *weights)
{
	free(weights->process);
	*weights = (struct cpu_weights){ 0 };
}
