// Memory and I/O pressure: the kernel's totals against who waited and what they waited for. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_RESOURCES_H
#define WHYSTALL_LEDGER_RESOURCES_H

struct ledger;
struct pressure_index;

// Books the rows of memory and io, some and full, of the system and of cgroups. Victims: what tasks with a name waited for, by PSI's own counters of each CPU,
// folded with the weights of CPU some (they are the same: collect_percpu_times() in Linux kernel/sched/psi.c). Occupants: the
// part of it of which it is known what was waited for: the device whose completion ended the sleep, a place in the kernel, or the
// task's own work of freeing memory; in a cgroup the same part as in the system. Only rows that are booked change.
void resources__book(const struct ledger *ledger, const struct pressure_index *index);

// Seconds of the system's total that CPU seconds of a resource's pressure ("memory", "io"; kind "some", "full") stand for; 1 where nothing was
// metered.
double resources__scale(const struct ledger *ledger, const char *resource, const char *kind);

#endif
