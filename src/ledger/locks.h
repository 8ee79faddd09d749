// The account of kernel locks: who waited (victims' side), who held the lock meanwhile (owners' side), and whether both
// sides close. Task time (book B) throughout: each waiting task counts. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_LOCKS_H
#define WHYSTALL_LEDGER_LOCKS_H

#include "recording/recording.h"

// One row of the table `lock` with the sums over both sides.
struct ledger_lock {
	const struct lock_row *row;
	enum lock_kind kind;
	const struct lock_wait_row **waits; size_t wait_count;  // its rows, largest first
	const struct lock_hold_row **holds; size_t hold_count;  // its rows, largest first
	const struct lock_stack_row **stacks; size_t stack_count; // its rows, largest first
	// Victims' side
	int64_t wait_ns, sleep_ns, spin_ns;
	int64_t runqueue_ns;            // woken, but without a CPU: the scheduler's account has this time too
	int64_t open_wait_ns, wait_max_ns, waits_seen;
	int64_t read_ns;                // part of wait_ns of those who wanted to read
	int64_t victims_ns;             // part of wait_ns of waiters with a name
	// Owners' side
	int64_t owners_ns;              // held by a named process during a known operation, or handed to one
	int64_t handed_ns;              // part of owners_ns: free, and whoever was woken to take it had no CPU yet
	int64_t read_held_ns;           // part of owners_ns: held for reading
	int64_t handing_over_ns;        // free, but the next one had not taken it up yet
	int64_t unknown_ns;             // the rest of the owners' rows
};

// Sums over some locks, closed as the pressure rows are closed.
struct lock_balance {
	int64_t waits_seen;
	double wait_seconds, victims_seconds, owners_seconds, handing_over_seconds;
	// Lower bound of the part with both a named waiter and a named owner, lock by lock:
	// max(0, min(V + O - W, V, O)) / W of victims V, owners O, waits W. 1 where nobody waited.
	double explained;
};

struct ledger_locks {
	bool recorded;                  // false: the kernel or the recording has no lock waits, nothing can be said
	struct ledger_lock *locks; size_t count;        // most waiting first
	struct lock_balance address_space; // mmap_lock and vma_lock
	struct lock_balance other;      // all other kernel locks
};

void locks__make(const struct recording *recording, struct ledger_locks *ret_locks);
void locks__free(struct ledger_locks *locks);
// The time in which waiters of this lock could not go on for the lock's sake: asleep or spinning. What they then waited
// for a CPU is the scheduler's account, and counted there.
int64_t locks__stall_ns(const struct lock_wait_row *wait);
// Whether it guards an address space.
bool locks__is_address_space(const struct ledger_lock *lock);
// Whether this row is not of an owner, but of the next one, who waits for a CPU.
bool locks__is_handed(const struct lock_hold_row *hold);
// Whether the owner of such a lock can be known: those that spin keep no record of theirs.
bool locks__has_owner(const struct ledger_lock *lock);
// Several locks that the recorder summed up because there were too many: nobody who waited for one of them need have met who held another.
bool locks__is_several(const struct ledger_lock *lock);
// How a row says that the lock was wanted or held; what it does not say was for writing.
enum lock_mode locks__mode(const char *name);
// Part of the lock's waiting (0..1) that is explained: see struct lock_balance.
double locks__explained(const struct ledger_lock *lock);

#endif
