#include "ledger/futexes.h"
#include "base/base.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

struct sorted { const struct futex_hold_row **holds; const struct futex_stack_row **stacks; };

static int compare_holds(const void *left, const void *right)
{
	const struct futex_hold_row *a = *(const struct futex_hold_row *const *)left, *b = *(const struct futex_hold_row *const *)right;
	if (a->futex != b->futex)
		return a->futex < b->futex ? -1 : 1;
	if (a->task_ns != b->task_ns)
		return a->task_ns > b->task_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int compare_stacks(const void *left, const void *right)
{
	const struct futex_stack_row *a = *(const struct futex_stack_row *const *)left, *b = *(const struct futex_stack_row *const *)right;
	if (a->futex != b->futex)
		return a->futex < b->futex ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static struct sorted sort_sides(const struct recording *recording)
{
	struct sorted sorted = { base__alloc(recording->futex_hold_count + 1, sizeof(*sorted.holds)),
				 base__alloc(recording->futex_stack_count + 1, sizeof(*sorted.stacks)) };
	for (size_t i = 0; i < recording->futex_hold_count; i++)
		sorted.holds[i] = &recording->futex_hold[i];
	for (size_t i = 0; i < recording->futex_stack_count; i++)
		sorted.stacks[i] = &recording->futex_stack[i];
	qsort(sorted.holds, recording->futex_hold_count, sizeof(*sorted.holds), compare_holds);
	qsort(sorted.stacks, recording->futex_stack_count, sizeof(*sorted.stacks), compare_stacks);
	return sorted;
}

// The first place at which a row of `futex` can stand; rows are pointers whose first field is the futex.
static size_t find_first(const void *rows, size_t count, int64_t futex)
{
	const int64_t *const *ids = rows;
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (*ids[middle] < futex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t address_of(const struct futex_row *row)
{
	return row->address ? strtoull(row->address, NULL, 16) : 0;
}

// glibc's rwlock and condition variable wait at two words side by side (pthread_rwlock_t.__wrphase_futex and __writers_futex,
// pthread_cond_t.__g_signals[2]), with the operation that its other locks do not use.
static bool belong_together(const struct futex_row *a, const struct futex_row *b)
{
	return a->process == b->process && a->address && b->address && address_of(a) >> 3 == address_of(b) >> 3 &&
	       (a->operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET && (b->operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

static void add_row(struct futex_row *sum, const struct futex_row *row)
{
#define ADD(field) sum->field += row->field
	ADD(waits);
	ADD(wait_ns);
	ADD(open_wait_ns);
	ADD(runqueue_ns);
	ADD(handed_ns);
	ADD(timed);
	ADD(others);
	ADD(wakes);
	ADD(mutual);
	ADD(wakes_all);
	ADD(expected_zero);
	ADD(expected_one);
	ADD(expected_two);
	ADD(expected_other);
	ADD(owner_sought);
	ADD(owner_found);
#undef ADD
	// Somebody may have slept at both at once: a lower bound.
	if (row->wall_ns > sum->wall_ns)
		sum->wall_ns = row->wall_ns;
	if (row->wait_max_ns > sum->wait_max_ns)
		sum->wait_max_ns = row->wait_max_ns;
	if (row->value)
		sum->value = row->value;
}

static void make_waits(struct ledger_futex *futex)
{
	const struct futex_row *sum = &futex->sum;
	struct ledger_lock *lock = &futex->lock;
	futex->wait_row = (struct lock_wait_row){ .lock = futex->row->id, .process = futex->row->process, .mode = (char *)lock_mode__name(LOCK_MODE_WRITE),
		.waits = sum->waits, .wait_ns = sum->wait_ns, .wait_max_ns = sum->wait_max_ns, .sleep_ns = sum->wait_ns,
		.runqueue_ns = sum->runqueue_ns, .open_wait_ns = sum->open_wait_ns };
	lock->waits = base__alloc(1, sizeof(*lock->waits));
	lock->waits[0] = &futex->wait_row;
	lock->wait_count = 1;
	lock->wait_ns = lock->sleep_ns = lock->victims_ns = sum->wait_ns;
	lock->runqueue_ns = sum->runqueue_ns;
	lock->open_wait_ns = sum->open_wait_ns;
	lock->wait_max_ns = sum->wait_max_ns;
	lock->waits_seen = sum->waits;
}

// Pointers to the rows of one futex (and its other half), as rows of a lock.
static void make_holds(const struct recording *recording, const struct sorted *sorted, const int64_t *ids, size_t id_count, struct ledger_futex *futex)
{
	struct ledger_lock *lock = &futex->lock;
	size_t capacity = 0, count = 0;
	for (size_t i = 0; i < id_count; i++)
		for (size_t j = find_first(sorted->holds, recording->futex_hold_count, ids[i]);
		     j < recording->futex_hold_count && sorted->holds[j]->futex == ids[i]; j++) {
			const struct futex_hold_row *hold = sorted->holds[j];
			futex->hold_rows = base__grow(futex->hold_rows, &capacity, count + 1, sizeof(*futex->hold_rows));
			futex->hold_rows[count++] = (struct lock_hold_row){ .lock = futex->row->id, .process = hold->process,
				.operation = hold->process ? hold->name && *hold->name ? hold->name : (char *)"other threads" : (char *)"unknown",
				.mode = (char *)lock_mode__name(LOCK_MODE_WRITE), .task_ns = hold->task_ns, .wall_ns = hold->wall_ns };
			*(hold->process ? &lock->owners_ns : &lock->unknown_ns) += hold->task_ns;
		}
	lock->holds = base__alloc(count + 1, sizeof(*lock->holds));
	for (size_t i = 0; i < count; i++)
		lock->holds[lock->hold_count++] = &futex->hold_rows[i];
	lock->handing_over_ns = futex->sum.handed_ns;
}

static void make_stacks(const struct futex_stack_row **rows, size_t count, struct ledger_futex *futex)
{
	struct ledger_lock *lock = &futex->lock;
	futex->stack_rows = base__alloc(count + 1, sizeof(*futex->stack_rows));
	lock->stacks = base__alloc(count + 1, sizeof(*lock->stacks));
	for (size_t i = 0; i < count; i++) {
		futex->stack_rows[i] = (struct lock_stack_row){ .lock = futex->row->id, .process = rows[i]->process,
			.role = (char *)lock_role__name(futex_role__from_name(rows[i]->role, FUTEX_WAITER) == FUTEX_WAKER ? LOCK_OWNER : LOCK_WAITER),
			.user_stack = rows[i]->user_stack,
			.ns = rows[i]->ns, .samples = rows[i]->samples };
		lock->stacks[lock->stack_count++] = &futex->stack_rows[i];
	}
}

static void make_futex(const struct recording *recording, const struct sorted *sorted, const int64_t *ids, size_t id_count, struct ledger_futex *futex)
{
	struct futex_evidence evidence = { .recording = recording, .process = recording__process(recording, futex->row->process),
		.pair = id_count > 1 };
	size_t capacity = 0;
	for (size_t i = 0; i < id_count; i++)
		for (size_t j = find_first(sorted->stacks, recording->futex_stack_count, ids[i]);
		     j < recording->futex_stack_count && sorted->stacks[j]->futex == ids[i]; j++) {
			evidence.stacks = base__grow(evidence.stacks, &capacity, evidence.stack_count + 1, sizeof(*evidence.stacks));
			evidence.stacks[evidence.stack_count++] = sorted->stacks[j];
		}
	futex__classify(futex, &evidence);
	make_waits(futex);
	make_holds(recording, sorted, ids, id_count, futex);
	make_stacks(evidence.stacks, evidence.stack_count, futex);
	free(evidence.stacks);
	size_t place = futex->place ? strcspn(futex->place, "\n") : 0;
	const char *kind = futex_kind__name(futex->kind);
	futex->lock_row = (struct lock_row){ .id = futex->row->id, .kind = (char *)(kind ? kind : "futex"), .process = futex->row->process,
		.place = place ? base__copy_part(futex->place, place) : futex->row->address ? base__format("at %s", futex->row->address) : NULL,
		.wall_ns = futex->sum.wall_ns };
	futex->lock.row = &futex->lock_row;
	futex->lock.kind = LOCK_KIND_FUTEX;
}

static int compare_futexes(const void *left, const void *right)
{
	const struct ledger_futex *a = left, *b = right;
	if (a->sum.wait_ns != b->sum.wait_ns)
		return a->sum.wait_ns > b->sum.wait_ns ? -1 : 1;
	return a->row->id < b->row->id ? -1 : a->row->id > b->row->id;
}

void futexes__make(const struct recording *recording, struct ledger_futexes *ret_futexes)
{
	const char *probe = recording__meta(recording, "probe.futex");
	struct ledger_futexes futexes = { .recorded = probe && !strcmp(probe, "on") };
	struct sorted sorted = sort_sides(recording);
	cleanup_free bool *taken = base__alloc(recording->futex_count + 1, sizeof(*taken));
	cleanup_free int64_t *ids = base__alloc(recording->futex_count + 1, sizeof(*ids));
	futexes.futexes = base__alloc(recording->futex_count + 1, sizeof(*futexes.futexes));
	for (size_t i = 0; i < recording->futex_count; i++) {
		if (taken[i])
			continue;
		struct ledger_futex *futex = &futexes.futexes[futexes.count++];
		futex->row = &recording->futex[i];
		futex->sum = *futex->row;
		size_t id_count = 0;
		ids[id_count++] = futex->row->id;
		for (size_t j = i + 1; j < recording->futex_count; j++)
			if (!taken[j] && belong_together(futex->row, &recording->futex[j])) {
				taken[j] = true;
				ids[id_count++] = recording->futex[j].id;
				add_row(&futex->sum, &recording->futex[j]);
			}
		make_futex(recording, &sorted, ids, id_count, futex);
		futexes.ns[futex->class] += futex->sum.wait_ns;
	}
	free(sorted.holds);
	free(sorted.stacks);
	if (futexes.count)
		qsort(futexes.futexes, futexes.count, sizeof(*futexes.futexes), compare_futexes);
	for (size_t i = 0; i < futexes.count; i++) {
		// Sorting moved what they point to.
		struct ledger_futex *futex = &futexes.futexes[i];
		futex->lock.row = &futex->lock_row;
		futex->lock.waits[0] = &futex->wait_row;
	}
	*ret_futexes = futexes;
}

void futexes__free(struct ledger_futexes *futexes)
{
	for (size_t i = 0; i < futexes->count; i++) {
		struct ledger_futex *futex = &futexes->futexes[i];
		free(futex->lock_row.place);
		free(futex->hold_rows);
		free(futex->stack_rows);
		free(futex->lock.waits);
		free(futex->lock.holds);
		free(futex->lock.stacks);
	}
	free(futexes->futexes);
	*futexes = (struct ledger_futexes){ 0 };
}

const struct ledger_futex *futexes__of_lock(const struct ledger_lock *lock)
{
	return (const struct ledger_futex *)((const char *)lock - offsetof(struct ledger_futex, lock));
}
