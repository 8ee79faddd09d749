// The sums of the account of kernel locks, by lock and process: waits, holds, sampled stacks. They have bounds. Private to lock_account.c.
#ifndef WHYSTALL_COLLECT_LOCK_SUMS_H
#define WHYSTALL_COLLECT_LOCK_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/records.h"

// One row of a side of the account. The probes know processes by tgid, which may be used again: they become row ids at each drain.
struct side_row {
	struct lock_class class;        // tgid unused, see `owner`
	int64_t owner;                  // whose mmap_lock it is: process row id, or 0
	int64_t process;                // who waits or holds
	uint32_t mode, operation, role;
	int stack, user_stack;
	struct lock_wait_sum wait;
	uint64_t open_ns;
	struct lock_hold_sum hold;
	struct lock_stack_sum sample;
};

enum side { SIDE_WAIT, SIDE_HOLD, SIDE_STACK, SIDES };

struct lock_sums {
	void *trees[SIDES];             // binary trees (tsearch) of struct side_row, all rows of a lock side by side
	size_t counts[SIDES];
	size_t merge_locks_at, merge_stacks_at;   // with how many rows of waits and holds, and of stacks, the lighter ones are merged
	uint64_t locks_merged_ns, stacks_merged_ns;
};

struct lock_sums *lock_sums__new(void);
void lock_sums__free(struct lock_sums *sums);

// Adds to the sums of `more`'s key on one side; the longest wait is the longer one.
void lock_sums__add(struct lock_sums *sums, enum side side, const struct side_row *more);

// When both sides of what was waited are in. With more than 20,000 rows of waits and holds, the locks that were waited for least, with up to half of the rows
// or of the waiting, become one (LOCK_KIND_SEVERAL) on all sides: both sides of a lock's account go together, so that they still balance. With more than 10,000 rows of stacks
// the lighter half of them loses its stacks. What was waited stays as it is.
void lock_sums__bound(struct lock_sums *sums);

#endif
