// Whether the kernel's own total= can be believed. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_KERNEL_TOTAL_H
#define WHYSTALL_LEDGER_KERNEL_TOTAL_H

struct ledger;
struct ledger_pressure;
struct fold_total;

// Why total= grew by less than the counters of its CPUs, which never lose time (collect_percpu_times() in Linux kernel/sched/psi.c, 5.15 to 6.18).
enum total_loss {
	TOTAL_WHOLE,            // it did not, but for what two readings at different moments make
	TOTAL_WRAPPED,          // the kernel folded its CPUs' counters more than 2^32 ns (4.29 s) after the fold before: it takes 32 bits of the difference
	TOTAL_READ,             // others read the pressure files many times a second: each read is a fold, and one within a jiffy loses what it finds
	TOTAL_UNKNOWN,          // neither was seen
};

// Sets `loss` and `counted_seconds` of a booked row. With the event model as meter nothing is known of the kernel's counters: TOTAL_WHOLE.
void kernel_total__judge(const struct ledger *ledger, const struct fold_total *total, struct ledger_pressure *row);
// One clause without capital and full stop: by how much the total falls short, why, and what stands in. NULL where it is whole. Owned by the caller.
char *kernel_total__say(const struct ledger *ledger, const struct ledger_pressure *row);

#endif
