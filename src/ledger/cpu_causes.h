// The causes of CPU pressure: what each occupant was credited with, by why its waiters waited. Part of the account of causes (attribution.h).
#ifndef WHYSTALL_LEDGER_CPU_CAUSES_H
#define WHYSTALL_LEDGER_CPU_CAUSES_H

#include "ledger/attribution.h"
#include "ledger/scene.h"

// Adds an item for each cause of each occupant's credit in the system: the sum of the items is the occupants' side of the books.
void cpu_causes__add(const struct ledger *ledger, const struct scene *scene, struct attributed_list *list);
// The same for one cgroup after the other: its table cgroup_credit, and only waits of tasks below it.
struct cpu_group_causes;
struct cpu_group_causes *cpu_group_causes__new(const struct scene *scene);       // the scene must outlive it
void cpu_group_causes__free(struct cpu_group_causes *groups);
void cpu_group_causes__add(struct cpu_group_causes *groups, int64_t cgroup, const char *path, struct attributed_list *list);
// What a crowd lost to one cause of CPU pressure, in task time (book B): of its waits for tasks those that were long enough to be cut by their occupants.
// -1 where the books do not part it by victim (what an occupant was doing meanwhile). to_others: without what its own kind occupied.
double cpu_causes__lost_ns(const struct crowd *crowd, enum cause_key cause, bool to_others);

#endif
