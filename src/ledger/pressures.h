// The rows of the kernel's totals, with the books of both sides folded into them. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_PRESSURES_H
#define WHYSTALL_LEDGER_PRESSURES_H

#include "ledger/fold.h"

struct ledger;
struct ledger_pressure;

// The rows that books can be folded into, by cgroup and counter.
struct pressure_index { struct pressure_place { int64_t cgroup; enum fold_counter counter; struct ledger_pressure *pressure; } *places; size_t count; };

// Sets pressures and cpu_some of the ledger; its folds are made before. `no_pressure` stands for CPU some where the kernel has none.
void pressures__make(struct ledger *ledger, const struct ledger_pressure *no_pressure);
// NULL: the kernel told no such total.
struct ledger_pressure *pressures__find(const struct pressure_index *index, int64_t cgroup, enum fold_counter counter);

#endif
