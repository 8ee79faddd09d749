// What both lock causes share: whether a lock (or several of one subject) holds somebody up, who waited, who held it.
#ifndef WHYSTALL_CONTENTION_H
#define WHYSTALL_CONTENTION_H

#include "causes/cause.h"
#include "ledger/scene.h"

// What a crowd lost to the locks of a contention, as waiter, and what others lost to it, as owner. All in task-ns.
struct contender {
	size_t crowd;
	double stall_ns;                // asleep or spinning for these locks
	double spin_ns, read_ns;        // parts of it: on a CPU; of those who wanted to read
	double wanted_ns;               // its processes that waited: running, waiting for a CPU, waiting for any kernel lock
	int64_t waits, wait_max_ns;
	double held_ns;                 // waiters' time while it held a lock, not while it was to take it but had no CPU
	double foreign_held_ns;         // part of held_ns: an address space that is not its own
	double loss;                    // stall_ns / wanted_ns, at most 1
	bool hurt, severe, accused;
};

struct contention {
	const struct scene *scene;
	const struct ledger_lock **locks; size_t lock_count;
	const char *subject;            // what the locks are, in words; for a place that nobody knows, NULL
	struct contender *contenders; size_t contender_count; // the crowds that waited for these locks, or held them, by crowd
	double wait_ns, stall_ns, sleep_ns, spin_ns, runqueue_ns, open_ns, read_ns; // sums over the locks
	double hold_ns, owners_ns, read_held_ns, handing_over_ns, handed_ns, explained_ns;
	double hurt_ns;                 // stall of those who are hurt
	double wall_ns;                 // of the lock with the longest: a lower bound where there are several, or where they spin
	int64_t waits, wait_max_ns;
	double worst_loss;
	bool convoy;                    // it was mostly free while others waited: tasks that were to take it had no CPU
	bool owned;                     // its owners can be known (no spinning lock)
	bool unfelt;                    // it is found, but no program is seen to lose by it
	enum verdict_kind kind;
	char *doubt;                    // owned; why the verdict is lower than the figures, or NULL
};

// Judges `count` locks as one; takes over the array `locks`. Free with contention__free.
struct contention *contention__judge(const struct scene *scene, const struct ledger_lock **locks, size_t count);
void contention__free(struct contention *contention);

// A crowd's part in it; zeroes where it has none.
const struct contender *contention__contender(const struct contention *contention, size_t crowd);

// Makes a verdict of all contentions that found something (kind >= contributing): figures, parties with operations and
// stacks, evidence. Where none did, the verdict is ruled out, with the figures of all. The summary stays to be written.
void contention__conclude(struct contention *const *contentions, size_t count, struct verdict *verdict);
// The culprit of the verdict that answers for most of this contention; NULL if none of them does.
const struct party *contention__main_culprit(const struct contention *contention, const struct verdict *verdict);
// "a (pid 1) and b (pid 2)": a verdict's culprits or victims that had part in this contention, at most two by name. Owned.
char *contention__name_culprits(const struct contention *contention, const struct verdict *verdict);
char *contention__name_victims(const struct contention *contention, const struct verdict *verdict);
// The contention with the most hurt among those that found something; NULL if none did.
const struct contention *contention__heaviest(struct contention *const *contentions, size_t count);

// Of contentions that found nothing: ", too little of anybody's time to hold it up", or that the lock was mostly free.
const char *contention__excuse(struct contention *const *contentions, size_t count);
// Sets a verdict that cannot be judged because lock waits were not recorded; true if so.
bool contention__not_testable(const struct scene *scene, struct verdict *verdict);
// Commands for the process `pid` (0: none is alive) that show such waits by hand.
void contention__add_checks(struct verdict *verdict, long long pid);

#endif
