#include "collect/lock_sums.h"

#include <search.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/base.h"
#include "collect/lights.h"

#define LOCK_ROWS_LIMIT 20000    // of waits and holds; some 4 MiB
#define STACK_ROWS_LIMIT 10000

struct lock_sums *lock_sums__new(void)
{
	struct lock_sums *sums = base__alloc(1, sizeof(*sums));

	sums->merge_locks_at = LOCK_ROWS_LIMIT;
	sums->merge_stacks_at = STACK_ROWS_LIMIT;
	return sums;
}

void lock_sums__free(struct lock_sums *sums)
{
	if (!sums)
		return;
	for (int side = 0; side < SIDES; side++)
		tdestroy(sums->trees[side], free);
	free(sums);
}

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare_locks(const struct side_row *left, const struct side_row *right)
{
	COMPARE(class.kind);
	COMPARE(owner);
	COMPARE(class.stack);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct side_row *left = a, *right = b;
	int order = compare_locks(left, right);

	if (order)
		return order;
	COMPARE(process);
	COMPARE(mode);
	COMPARE(operation);
	COMPARE(role);
	COMPARE(stack);
	COMPARE(user_stack);
	return 0;
}

void lock_sums__add(struct lock_sums *sums, enum side side, const struct side_row *more)
{
	struct side_row **found = tfind(more, &sums->trees[side], compare), *row;

	if (!found) {
		row = base__alloc(1, sizeof(*row));
		*row = *more;
		base__tsearch(row, &sums->trees[side], compare);
		sums->counts[side]++;
		return;
	}
	row = *found;
	row->wait.waits += more->wait.waits;
	row->wait.ns += more->wait.ns;
	row->wait.sleep_ns += more->wait.sleep_ns;
	row->wait.spin_ns += more->wait.spin_ns;
	row->wait.runqueue_ns += more->wait.runqueue_ns;
	if (more->wait.max_ns > row->wait.max_ns)
		row->wait.max_ns = more->wait.max_ns;
	row->open_ns += more->open_ns;
	row->hold.task_ns += more->hold.task_ns;
	row->hold.wall_ns += more->hold.wall_ns;
	row->sample.ns += more->sample.ns;
	row->sample.samples += more->sample.samples;
}

// Takes a row out and adds it to that of another key.
static void move(struct lock_sums *sums, enum side side, struct side_row *row, const struct side_row *key)
{
	struct side_row moved = *row;

	tdelete(row, &sums->trees[side], compare);
	sums->counts[side]--;
	free(row);
	moved.class = key->class;
	moved.owner = key->owner;
	moved.stack = key->stack;
	moved.user_stack = key->user_stack;
	lock_sums__add(sums, side, &moved);
}

static void merge_stacks(struct lock_sums *sums)
{
	struct lights lights = lights__of(sums->trees[SIDE_STACK], sums->counts[SIDE_STACK],
		offsetof(struct side_row, sample) + offsetof(struct lock_stack_sum, ns));

	for (size_t i = 0; i < lights.count / 2; i++) {
		struct side_row *row = lights.all[i].row, key = *row;

		if (row->stack < 0 && row->user_stack < 0)
			continue;
		key.stack = key.user_stack = -1;
		sums->stacks_merged_ns += row->sample.ns;
		move(sums, SIDE_STACK, row, &key);
	}
	free(lights.all);
}

// ---- whole locks ----

struct weighed { struct side_row lock; uint64_t ns; size_t rows; };
struct weighing { struct weighed *locks; size_t count, capacity; };

static void weigh(const void *node, VISIT visit, void *closure)
{
	const struct side_row *row = *(const struct side_row *const *)node;
	struct weighing *weighing = closure;

	if ((visit != postorder && visit != leaf) || row->class.kind == LOCK_KIND_SEVERAL)
		return;
	if (!weighing->count || compare_locks(&weighing->locks[weighing->count - 1].lock, row)) {
		weighing->locks = base__grow(weighing->locks, &weighing->capacity, weighing->count + 1, sizeof(*weighing->locks));
		weighing->locks[weighing->count++] = (struct weighed){ .lock = { .class = row->class, .owner = row->owner } };
	}
	weighing->locks[weighing->count - 1].ns += row->wait.ns;
	weighing->locks[weighing->count - 1].rows++;
}

static int by_lock(const void *a, const void *b)
{
	const struct weighed *left = a, *right = b;

	return compare_locks(&left->lock, &right->lock);
}

static int by_weight(const void *a, const void *b)
{
	const struct weighed *left = a, *right = b;

	COMPARE(ns);
	return by_lock(a, b);
}

// Locks stand in both trees: each of them once, with what was waited for it and its rows of both sides.
static void join(struct weighing *weighing)
{
	size_t kept = 0;

	if (weighing->count)
		qsort(weighing->locks, weighing->count, sizeof(*weighing->locks), by_lock);
	for (size_t i = 0; i < weighing->count; i++) {
		struct weighed *last = kept ? &weighing->locks[kept - 1] : NULL;

		if (last && !by_lock(last, &weighing->locks[i])) {
			last->ns += weighing->locks[i].ns;
			last->rows += weighing->locks[i].rows;
		} else {
			weighing->locks[kept++] = weighing->locks[i];
		}
	}
	weighing->count = kept;
}

// The locks that were waited for least: with half of the rows, or half of the waiting, whichever is reached first. Sorted by lock.
static struct weighing lightest(const struct lock_sums *sums)
{
	struct weighing weighing = { 0 };
	size_t rows = 0, wanted = (sums->counts[SIDE_WAIT] + sums->counts[SIDE_HOLD]) / 2, count = 0;
	uint64_t all_ns = 0, ns = 0;

	twalk_r(sums->trees[SIDE_WAIT], weigh, &weighing);
	twalk_r(sums->trees[SIDE_HOLD], weigh, &weighing);
	join(&weighing);
	if (!weighing.count)
		return weighing;
	qsort(weighing.locks, weighing.count, sizeof(*weighing.locks), by_weight);
	for (size_t i = 0; i < weighing.count; i++)
		all_ns += weighing.locks[i].ns;
	for (; count < weighing.count && rows < wanted && ns + weighing.locks[count].ns <= all_ns / 2; count++) {
		rows += weighing.locks[count].rows;
		ns += weighing.locks[count].ns;
	}
	weighing.count = count;
	qsort(weighing.locks, weighing.count, sizeof(*weighing.locks), by_lock);
	return weighing;
}

struct picking { const struct weighing *locks; struct side_row **rows; size_t count; };

static void pick(const void *node, VISIT visit, void *closure)
{
	struct side_row *row = *(struct side_row *const *)node;
	struct picking *picking = closure;

	if (visit != postorder && visit != leaf)
		return;
	struct weighed key = { .lock = *row };
	if (bsearch(&key, picking->locks->locks, picking->locks->count, sizeof(key), by_lock))
		picking->rows[picking->count++] = row;
}

static void merge_locks(struct lock_sums *sums)
{
	const struct side_row several = { .class = { .kind = LOCK_KIND_SEVERAL, .stack = -1 }, .stack = -1, .user_stack = -1 };
	struct weighing locks = lightest(sums);

	for (size_t i = 0; i < locks.count; i++)
		sums->locks_merged_ns += locks.locks[i].ns;
	for (int side = 0; side < SIDES; side++) {
		struct picking picking = { &locks, base__alloc(sums->counts[side] + 1, sizeof(*picking.rows)), 0 };

		twalk_r(sums->trees[side], pick, &picking);
		for (size_t i = 0; locks.count && i < picking.count; i++)
			move(sums, (enum side)side, picking.rows[i], &several);
		free(picking.rows);
	}
	free(locks.locks);
}

// What is merged already can't be merged further: it is as many rows as there are processes and what they did.
static size_t next_limit(size_t count, size_t limit)
{
	return count + limit / 4 > limit ? count + limit / 4 : limit;
}

void lock_sums__bound(struct lock_sums *sums)
{
	if (sums->counts[SIDE_STACK] > sums->merge_stacks_at) {
		merge_stacks(sums);
		sums->merge_stacks_at = next_limit(sums->counts[SIDE_STACK], STACK_ROWS_LIMIT);
	}
	if (sums->counts[SIDE_WAIT] + sums->counts[SIDE_HOLD] > sums->merge_locks_at) {
		merge_locks(sums);
		sums->merge_locks_at = next_limit(sums->counts[SIDE_WAIT] + sums->counts[SIDE_HOLD], LOCK_ROWS_LIMIT);
	}
}
