// Which part of a process' reads of files brings back pages that were dropped before, and why they were dropped. Part of the ledger (ledger.h).
//
// The fact is the kernel's own: a page that reclaim drops leaves a shadow entry behind, and a read that finds one is counted, however long ago that was
// (workingset_refault(), lru_gen_refault() in Linux mm/workingset.c, 5.15 to 7.2). A page that is read for the first time, and one that was dropped
// by its program (POSIX_FADV_DONTNEED), by truncation or by drop_caches, leaves none. PSI counts only those that come back soon as memory
// pressure: a file that is read from one end to the other again and again through a small cache makes I/O pressure alone.
#ifndef WHYSTALL_LEDGER_REREADS_H
#define WHYSTALL_LEDGER_REREADS_H

#include "ledger/memory.h"

// Parts of what a process reads from devices through the page cache, 0..1.
struct reread_part {
	double limit, scarce;           // pages dropped for a cgroup's limit; because memory was scarce
	const struct memory_group *group; // whose limit; NULL: none
};

struct rereads;

// Both must outlive the result. Free with rereads__free.
struct rereads *rereads__make(const struct ledger *ledger, const struct ledger_memory *memory);
void rereads__free(struct rereads *rereads);
// By index of ledger->processes.
struct reread_part rereads__of(const struct rereads *rereads, size_t process);
// Why a page of the process that is known to come back was dropped: parts that add up to 1.
struct reread_part rereads__reason(const struct rereads *rereads, size_t process);

#endif
