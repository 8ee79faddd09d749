// The third side of the books: every second of pressure that has a victim and an occupant has exactly one cause. Part of the ledger (ledger.h).
//
// The causes come from decision lists on facts: of CPU pressure by what occupied the CPU, whose CPU masks, classes and weights met there and what the
// occupant was doing (cpu_causes.c); of memory and I/O pressure by what each sleep waited for (resource_causes.h). No threshold decides which cause a
// second has: thresholds make words of the sums, in the causes.
// For each row: sum of the causes + unattributed = explained part of the kernel's total.
#ifndef WHYSTALL_LEDGER_ATTRIBUTION_H
#define WHYSTALL_LEDGER_ATTRIBUTION_H

#include "ledger/cause_keys.h"
#include "recording/recording.h"

struct ledger;
struct scene;
struct ledger_pressure;

// Who made a second, or who waited for it (book A). One item for each combination. CPU: in seconds of the kernel's total, each CPU weighted as the kernel
// weighs it (cpu_weights.h); memory, I/O and the rows of cgroups: in CPU seconds before folding.
struct attributed {
	enum cause_key cause;
	int64_t kind;                   // enum occupant; OCCUPANT_TASK where `culprit` is a process
	int64_t culprit;                // process_row.id; 0: no process (a device, an interrupt, a quota, nobody known)
	int64_t victim;                 // process_row.id; 0: not known for this item
	double some_ns, full_ns;
};
struct attributed_list { struct attributed *items; size_t count, capacity; };
void attributed__add(struct attributed_list *list, struct attributed item);     // zero items are left out

// One cause's part of a row.
struct cause_part {
	double seconds;                 // of the kernel's total
	double share;                   // of the row's total (counted_seconds), 0..1
	double low, high;               // bounds of share over the slices of the window; equal to share where there are less than three slices
};
// The causes of one row of the ledger's pressures.
struct attribution {
	const struct ledger_pressure *pressure;
	struct cause_part parts[CAUSE_KEYS];    // CAUSE_NONE: explained, but not attributed
};

struct attributions {
	struct attribution *rows; size_t count;         // the booked rows of ledger->pressures, in their order
	struct attributed_list cpu, memory, io;         // the items of the whole system
};

// Of a ledger and its scene, which must outlive it. Free with attributions__free.
struct attributions *attributions__make(const struct ledger *ledger, const struct scene *scene);
void attributions__free(struct attributions *attributions);
// The system's row of a resource ("cpu", "memory", "io"; some); NULL where it is not booked.
const struct attribution *attributions__system(const struct attributions *attributions, const char *resource);
// The row of a pressure; NULL where it is not booked.
const struct attribution *attributions__of(const struct attributions *attributions, const struct ledger_pressure *pressure);
// The items of a resource.
const struct attributed_list *attributions__items(const struct attributions *attributions, const char *resource);

#endif
