// Scenarios that use up the memory of the whole machine: in a small virtual machine only.
#ifndef WHYSTALL_LAB_SMALLMEMORY_H
#define WHYSTALL_LAB_SMALLMEMORY_H

#include <sys/sysinfo.h>

#define LAB_SMALL_MEMORY (1100L << 20)
#define LAB_SMALL_MEMORY_NEEDS "a machine with at most 1 GiB of memory: it uses up all of it"

// Bytes of memory of a machine that is small enough; 0: it is not.
static inline long lab__small_memory(void)
{
	struct sysinfo info;
	long bytes = sysinfo(&info) < 0 ? 0 : (long)(info.totalram * info.mem_unit);
	return bytes <= LAB_SMALL_MEMORY ? bytes : 0;
}

#endif
