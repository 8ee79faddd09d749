// Which CPUs a long wait is compared with: "waited while an allowed CPU was idle". The run queue is locked meanwhile, so there is a bound: on a machine of more
// CPUs than PLACEMENT_CPUS, so many are looked at, other ones at each wait. Nothing in here is the kernel's: tests/unit/bounds.c tries it.
#ifndef WHYSTALL_PLACEMENT_H
#define WHYSTALL_PLACEMENT_H

#include "bpf/records.h"

// Of so many CPUs it is known whether a task may use them.
static inline __attribute__((always_inline)) unsigned int placement_scanned(unsigned int cpus)
{
	return cpus < CPUS_SCANNED ? cpus : CPUS_SCANNED;
}

// Where a look begins; `since`: when the wait began, which stands for chance.
static inline __attribute__((always_inline)) unsigned int placement_first(unsigned int scanned, unsigned long long since)
{
	return scanned > PLACEMENT_CPUS ? (unsigned int)(since >> 12) % scanned : 0;
}

static inline __attribute__((always_inline)) unsigned int placement_cpu(unsigned int scanned, unsigned int first, unsigned int number)
{
	return first + number < scanned ? first + number : first + number - scanned;
}

#endif
