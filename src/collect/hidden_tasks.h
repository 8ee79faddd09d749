// Tasks that the kernel's walk over all tasks does not meet: some kernels hide a few.
#ifndef WHYSTALL_COLLECT_HIDDEN_TASKS_H
#define WHYSTALL_COLLECT_HIDDEN_TASKS_H

struct probes;
// Books their waits for a CPU that were open when the window ended, in their slots and in the accounts of the CPUs. Nobody is named for
// these waits. Once, after the walk that settles the others: the probes are quiet by then, so the accounts can be written from here.
void hidden_tasks__settle(struct probes *probes);

#endif
