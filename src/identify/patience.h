// Work that may hang in the kernel: on a process' mmap_lock that a writer holds, on a file system whose server is gone. It is
// done by a thread of its own, which is left behind where it makes no progress; such waits are killable and end with the program.
#ifndef WHYSTALL_IDENTIFY_PATIENCE_H
#define WHYSTALL_IDENTIFY_PATIENCE_H

#include <stddef.h>
#include <stdint.h>

struct patience {
	size_t entry_size;
	void (*step)(void *tools, void *entry); // works on one entry, and touches nothing else but the tools
	void (*clean)(void *entry);             // frees what an entry owns; also called for entries that were never worked on
	void *(*make_tools)(void);              // what a thread needs for itself; NULL: nothing
	void (*free_tools)(void *tools);
	int64_t step_ns;                        // one entry that takes longer is left behind
};

// Works on `count` entries in order, until the deadline (CLOCK_MONOTONIC). An entry that was left behind belongs to its thread
// from then on and is all zero in the caller's array; those that the time did not suffice for are as they were. All others
// stay the caller's, who cleans them. Returns how many were left behind.
size_t patience__each(const struct patience *patience, void *entries, size_t count, int64_t deadline_ns);

int64_t patience__now_ns(void);         // CLOCK_MONOTONIC

#endif
