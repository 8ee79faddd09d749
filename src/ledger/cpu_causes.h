// The causes of CPU pressure: what each occupant was credited with, by why its waiters waited. Part of the account of causes (attribution.h).
#ifndef WHYSTALL_LEDGER_CPU_CAUSES_H
#define WHYSTALL_LEDGER_CPU_CAUSES_H

#include "ledger/attribution.h"

// Adds an item for each cause of each occupant's credit in the system: the sum of the items is the occupants' side of the books.
void cpu_causes__add(const struct ledger *ledger, const struct scene *scene, struct attributed_list *list);
// The same for one cgroup: its table cgroup_credit, and only waits of tasks below it.
void cpu_causes__add_group(const struct ledger *ledger, const struct scene *scene, int64_t cgroup, const char *path, struct attributed_list *list);

#endif
