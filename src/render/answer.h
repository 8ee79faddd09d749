// What every format shows, worked out once: which verdicts in which order, the pressure rows worth a line, who waited
// for whom, the limits. Formats only lay it out.
#ifndef WHYSTALL_ANSWER_H
#define WHYSTALL_ANSWER_H

#include "causes/cause.h"
#include "ledger/scene.h"

#define ANSWER_FOUND 32
#define ANSWER_ROWS 6
#define ANSWER_COLUMNS 5

struct answer_quality {
	int64_t events_lost, gaps_healed;
	double tool_cpu_seconds, probe_ns_per_switch;   // NAN: unknown
	double tool_start_seconds, tool_end_seconds;    // its CPU time before and after the window; NAN: unknown
	double silence_seconds, requested_seconds;      // longest time that its loop did not run; what was asked for. NAN: unknown
};

struct answer_matrix {          // seconds that rows waited for columns, largest first
	size_t rows, columns;
	char *row_names[ANSWER_ROWS], *column_names[ANSWER_COLUMNS + 1]; // owned; the last column: all others
	double seconds[ANSWER_ROWS][ANSWER_COLUMNS + 1];
};

struct answer {
	const struct diagnosis *diagnosis;
	const struct ledger *ledger;
	const struct recording *recording;
	const struct verdict *found[ANSWER_FOUND]; size_t found_count;  // heaviest first
	const struct ledger_pressure **pressures; size_t pressure_count; // system rows first, then cgroups by pressure
	char *ruled_out, *not_testable; // owned; comma-separated, NULL when there is none
	char *origin;                   // owned; when, how long and where it was recorded
	char *limits;                   // owned; lost, healed, cost
	struct answer_quality quality;
	struct answer_matrix matrix;
};

struct answer *answer__new(const struct diagnosis *diagnosis);
void answer__free(struct answer *answer);
// Digits behind the point that leave a figure of a balance five characters wide, up to 1000 s.
int answer__digits(double seconds);
// "kernel 1.842 s · victims 1.836 s · culprits 1.842 s · 99.7 % explained". Owned by the caller.
char *answer__balance(const struct ledger_pressure *row);
// "cpu.churn 88 %, cpu.oversubscription 9.1 %, unattributed 0.30 %": a row's seconds by cause, largest first, without what is too little to matter; NULL
// where the row has no account of causes or nothing to divide. Owned by the caller.
char *answer__causes(const struct answer *answer, const struct ledger_pressure *row);
// "waited 12.310 s · victims … · owners … · 98.3 % explained". Owned by the caller.
char *answer__lock_balance(const struct lock_balance *account);
// "lock 12.3 s · io 0.40 s; idle 210 s": blocked time of the whole system by what was waited for; NULL where none was
// recorded. Owned by the caller.
char *answer__blocked(const struct ledger_blocking *blocking);
// "block device 12.3 s · journal 0.40 s": what tasks slept for, by the kernel's places, largest first, at most `most`; what says no more than
// answer__blocked does is left out. NULL where there is none. Owned by the caller.
char *answer__sleeps(const struct ledger_sleeps *sleeps, size_t most);
// "unmap_region ← __vm_munmap ← …": at most `most` frames of a stack, without offsets and without the way into the kernel;
// NULL for an empty one. Owned by the caller.
char *answer__frames(const char *frames, size_t most);
// What was judged and what was not, one sentence or two. Owned by the caller.
char *answer__coverage(const struct answer *answer);
void answer__fill_matrix(struct answer *answer);        // matrix.c

#endif
