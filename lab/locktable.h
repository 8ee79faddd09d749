// A table whose memory is locked again as a whole each time it grows: mlock() looks at every page that is locked already.
#ifndef WHYSTALL_LAB_LOCKTABLE_H
#define WHYSTALL_LAB_LOCKTABLE_H

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "work.h"

#define LOCKTABLE_LEAST (16L << 20)
#define LOCKTABLE_SHARE 5       // at most this part of the machine's memory
#define LOCKTABLE_NS 12000000   // what one call takes, at least, where memory suffices

struct locktable { char *memory; size_t bytes; };

// mlock of a range that is locked already; how long it took, or -1.
static inline int64_t locktable__lock(struct locktable *table)
{
	int64_t begin = work__clock_ns(CLOCK_MONOTONIC);
	return mlock(table->memory, table->bytes) < 0 ? -1 : work__clock_ns(CLOCK_MONOTONIC) - begin;
}

// A table so large that the call takes LOCKTABLE_NS on this machine. 0 or -1.
static inline int locktable__make(struct locktable *table)
{
	struct sysinfo info;
	long most = sysinfo(&info) < 0 ? 0 : (long)(info.totalram * info.mem_unit / LOCKTABLE_SHARE);
	for (size_t bytes = LOCKTABLE_LEAST;; bytes *= 2) {
		*table = (struct locktable){ mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes };
		if (table->memory == MAP_FAILED)
			return -1;
		madvise(table->memory, bytes, MADV_NOHUGEPAGE);
		if (locktable__lock(table) < 0)
			return -1;
		int64_t took = locktable__lock(table);
		if (took >= LOCKTABLE_NS || bytes * 2 > (size_t)most)
			return took < 0 ? -1 : 0;
		munmap(table->memory, bytes);
	}
}

// Whether this machine lets a process lock so much memory.
static inline int locktable__available(struct lab *lab)
{
	struct rlimit most;
	if (geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &most) == 0 && most.rlim_cur == RLIM_INFINITY))
		return 0;
	lab->needs = "root, to lock much memory";
	return -1;
}

#endif
