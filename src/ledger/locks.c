#include "ledger/locks.h"

#include "base/base.h"

#include <string.h>

bool locks__is_address_space(const struct ledger_lock *lock)
{
	return lock->kind == LOCK_KIND_MMAP || lock->kind == LOCK_KIND_VMA;
}

bool locks__has_owner(const struct ledger_lock *lock)
{
	return lock->kind != LOCK_KIND_SPINLOCK && lock->kind != LOCK_KIND_RWLOCK;
}

enum lock_mode locks__mode(const char *name)
{
	return lock_mode__from_name(name, LOCK_MODE_WRITE);
}

bool locks__is_several(const struct ledger_lock *lock)
{
	return lock->kind == LOCK_KIND_SEVERAL;
}

int64_t locks__stall_ns(const struct lock_wait_row *wait)
{
	return wait->sleep_ns + wait->spin_ns;
}

// ---- the rows of each lock ----

static int64_t lock_of(const void *row)
{
	return *(const int64_t *)row;   // `lock` is the first column of all three tables
}

static int compare_waits(const void *left, const void *right)
{
	const struct lock_wait_row *a = *(const struct lock_wait_row *const *)left, *b = *(const struct lock_wait_row *const *)right;
	if (a->lock != b->lock)
		return a->lock < b->lock ? -1 : 1;
	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int compare_holds(const void *left, const void *right)
{
	const struct lock_hold_row *a = *(const struct lock_hold_row *const *)left, *b = *(const struct lock_hold_row *const *)right;
	if (a->lock != b->lock)
		return a->lock < b->lock ? -1 : 1;
	if (a->task_ns != b->task_ns)
		return a->task_ns > b->task_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int compare_stacks(const void *left, const void *right)
{
	const struct lock_stack_row *a = *(const struct lock_stack_row *const *)left, *b = *(const struct lock_stack_row *const *)right;
	if (a->lock != b->lock)
		return a->lock < b->lock ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

// Pointers to all rows of a table, sorted by lock.
static const void **sort_rows(const void *rows, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	const void **sorted = base__alloc(count + 1, sizeof(*sorted));
	for (size_t i = 0; i < count; i++)
		sorted[i] = (const char *)rows + i * size;
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted;
}

// The stretch of `sorted` that belongs to a lock.
static const void **find_rows(const void **sorted, size_t count, int64_t lock, size_t *ret_count)
{
	size_t low = 0, high = count, end;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lock_of(sorted[middle]) < lock)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < count && lock_of(sorted[end]) == lock; end++)
		;
	*ret_count = end - low;
	return sorted + low;
}

// ---- sums ----

static void add_waits(struct ledger_lock *lock)
{
	for (size_t i = 0; i < lock->wait_count; i++) {
		const struct lock_wait_row *wait = lock->waits[i];
		lock->wait_ns += wait->wait_ns;
		lock->sleep_ns += wait->sleep_ns;
		lock->spin_ns += wait->spin_ns;
		lock->runqueue_ns += wait->runqueue_ns;
		lock->open_wait_ns += wait->open_wait_ns;
		lock->waits_seen += wait->waits;
		if (wait->wait_max_ns > lock->wait_max_ns)
			lock->wait_max_ns = wait->wait_max_ns;
		if (locks__mode(wait->mode) == LOCK_MODE_READ)
			lock->read_ns += wait->wait_ns;
		if (wait->process)
			lock->victims_ns += wait->wait_ns;
	}
}

bool locks__is_handed(const struct lock_hold_row *hold)
{
	return locks__mode(hold->mode) == LOCK_MODE_HANDED;
}

static void add_holds(struct ledger_lock *lock)
{
	for (size_t i = 0; i < lock->hold_count; i++) {
		const struct lock_hold_row *hold = lock->holds[i];
		enum operation operation = operation__from_name(hold->operation);
		if (hold->process && operation != OPERATION_UNKNOWN && operation != OPERATION_FREE) {
			lock->owners_ns += hold->task_ns;
			if (locks__mode(hold->mode) == LOCK_MODE_READ)
				lock->read_held_ns += hold->task_ns;
			if (locks__is_handed(hold))
				lock->handed_ns += hold->task_ns;
		} else if (operation == OPERATION_FREE) {
			lock->handing_over_ns += hold->task_ns;
		} else {
			lock->unknown_ns += hold->task_ns;
		}
	}
}

static double explained_ns(const struct ledger_lock *lock)
{
	double wait = (double)lock->wait_ns, victims = (double)lock->victims_ns, owners = (double)lock->owners_ns;
	double both = victims + owners - wait;
	if (both > victims)
		both = victims;
	if (both > owners)
		both = owners;
	return both > 0 ? both : 0;
}

double locks__explained(const struct ledger_lock *lock)
{
	return lock->wait_ns > 0 ? explained_ns(lock) / (double)lock->wait_ns : 1;
}

static void add_to_account(struct lock_balance *account, const struct ledger_lock *lock)
{
	account->waits_seen += lock->waits_seen;
	account->wait_seconds += (double)lock->wait_ns / NS_PER_SEC;
	account->victims_seconds += (double)lock->victims_ns / NS_PER_SEC;
	account->owners_seconds += (double)lock->owners_ns / NS_PER_SEC;
	account->handing_over_seconds += (double)lock->handing_over_ns / NS_PER_SEC;
	account->explained += explained_ns(lock) / NS_PER_SEC;          // seconds, until close_account
}

static void close_account(struct lock_balance *account)
{
	account->explained = account->wait_seconds > 0 ? account->explained / account->wait_seconds : 1;
}

static int compare_locks(const void *left, const void *right)
{
	const struct ledger_lock *a = left, *b = right;
	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	return a->row->id < b->row->id ? -1 : a->row->id > b->row->id;
}

void locks__make(const struct recording *recording, struct ledger_locks *ret_locks)
{
	struct ledger_locks locks = { .recorded = recording__meta_number(recording, "locks", 0) == 1, .count = recording->lock_count };
	const void **waits = sort_rows(recording->lock_wait, recording->lock_wait_count, sizeof(*recording->lock_wait), compare_waits);
	const void **holds = sort_rows(recording->lock_hold, recording->lock_hold_count, sizeof(*recording->lock_hold), compare_holds);
	const void **stacks = sort_rows(recording->lock_stack, recording->lock_stack_count, sizeof(*recording->lock_stack), compare_stacks);
	locks.locks = base__alloc(locks.count + 1, sizeof(*locks.locks));
	// The three arrays live as long as the ledger; a spare lock behind the last one owns them.
	locks.locks[locks.count] = (struct ledger_lock){ .waits = (const struct lock_wait_row **)waits,
							 .holds = (const struct lock_hold_row **)holds,
							 .stacks = (const struct lock_stack_row **)stacks };
	for (size_t i = 0; i < locks.count; i++) {
		struct ledger_lock *lock = &locks.locks[i];
		lock->row = &recording->lock[i];
		lock->kind = lock_kind__from_name(lock->row->kind, LOCK_KIND_UNKNOWN);
		int64_t id = lock->row->id;
		lock->waits = (const struct lock_wait_row **)find_rows(waits, recording->lock_wait_count, id, &lock->wait_count);
		lock->holds = (const struct lock_hold_row **)find_rows(holds, recording->lock_hold_count, id, &lock->hold_count);
		lock->stacks = (const struct lock_stack_row **)find_rows(stacks, recording->lock_stack_count, id, &lock->stack_count);
		add_waits(lock);
		add_holds(lock);
		add_to_account(locks__is_address_space(lock) ? &locks.address_space : &locks.other, lock);
	}
	close_account(&locks.address_space);
	close_account(&locks.other);
	qsort(locks.locks, locks.count, sizeof(*locks.locks), compare_locks);
	*ret_locks = locks;
}

void locks__free(struct ledger_locks *locks)
{
	if (locks->locks) {
		struct ledger_lock *owner = &locks->locks[locks->count];
		free(owner->waits);
		free(owner->holds);
		free(owner->stacks);
	}
	free(locks->locks);
	*locks = (struct ledger_locks){ 0 };
}
