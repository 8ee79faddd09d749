// What processes did with the CPU, and what part of that somebody waited for: a profile of pressure, from samples. Part of the ledger (ledger.h).
//
// A sample says what ran and whether a task waited for that CPU. The seconds of book A and B that it stands for are scaled, process by process, so that
// their sums are what the books credit to the process (credit_pressure_ns, credit_task_ns): the books know how much, the samples know what for.
#ifndef WHYSTALL_LEDGER_CPU_PROFILE_H
#define WHYSTALL_LEDGER_CPU_PROFILE_H

#include "ledger/cpu_work.h"

#include <stddef.h>

struct ledger;

#define PROFILE_SAMPLES_MIN 20  // with fewer samples no share is stated: its bounds would be 20 points apart and more

struct cpu_profile_sums {
	int64_t samples, waited;        // waited: of the samples, with waiters
	int64_t ns;                     // CPU time: samples × period
	int64_t pressure_ns;            // book A, before folding: somebody waited for that CPU
	int64_t waiters_ns;             // book B: their waiting
};
void cpu_profile_sums__add(struct cpu_profile_sums *sums, const struct cpu_profile_sums *add);
// One class of work; of system calls, and of all else that happens within them, one for each operation.
struct cpu_profile_part {
	enum cpu_work work;
	const char *operation;          // as in cpu_sample_row; the recording's string
	struct cpu_profile_sums sums;
	// Rows that differ only by the place within their functions are one place; of user code all rows with the same innermost function.
	const struct cpu_sample_row *heaviest; // of the place with most samples: its row with most of them
	int64_t heaviest_samples;       // samples in that place
};
struct cpu_profile {
	int64_t process;                // process_row.id; 0: of several
	// Of all classes but WORK_INTERRUPT: soft interrupts run on top of a process, and the books credit them to themselves. pressure_ns and waiters_ns
	// equal the books' credits of the process, if any of its samples had waiters, and else are 0.
	struct cpu_profile_sums sums;
	struct cpu_profile_part *parts; size_t part_count; // by CPU time, longest first
	int64_t unsampled_pressure_ns;  // the books' credit, where no sample had waiters
	int64_t coarse;                 // samples whose stacks were lost: their class is told from the operation alone
};
struct ledger_profiles {
	bool recorded;                  // the recording has samples
	double period_ns;               // between two samples of a CPU
	double covered;                 // CPU time that the samples stand for, to that of the books: less than 1 where the timer came late
	struct cpu_profile *profiles; size_t count;     // by process id; only processes with samples
	struct cpu_profile machine;     // all of them
};

// Of a ledger whose processes are summed up. Free with cpu_profiles__free.
void cpu_profiles__make(const struct ledger *ledger, struct ledger_profiles *ret_profiles);
void cpu_profiles__free(struct ledger_profiles *profiles);
// The profile of a process, by process_row.id; NULL: no sample met it.
const struct cpu_profile *cpu_profile__of(const struct ledger *ledger, int64_t process);
// Of several processes together; NULL: no sample met any of them. Owned by the caller.
struct cpu_profile *cpu_profile__of_all(const struct ledger *ledger, const int64_t *processes, size_t count);
void cpu_profile__free(struct cpu_profile *profile);

// One class of work; WORK_INTERRUPT is not scaled.
struct cpu_profile_sums cpu_profile__work(const struct cpu_profile *profile, enum cpu_work work);
// CPU time, and its part that somebody waited for, of page faults, unmapping and the calls that change an address space.
struct cpu_profile_sums cpu_profile__memory_churn(const struct cpu_profile *profile);

// Bounds of a share that `part` of `all` samples show, at 95 % (Wilson's interval), 0..1. False below PROFILE_SAMPLES_MIN: too few samples to say.
bool cpu_profile__bounds(int64_t part, int64_t all, double *ret_low, double *ret_high);

#endif
