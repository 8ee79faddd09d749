// Rows of the account of futexes: those with the most waiting time one by one, the rest of each process together.
#include "collect/futex_account.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "sched.skel.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

#define FUTEXES_STORED 1024      // with a row of their own; the rest becomes one row for each process
#define HOLDERS_STORED 12        // of each futex, likewise

struct list { const void **items; size_t count; };
static void collect(const void *node, VISIT visit, void *closure)
{
	struct list *list = closure;

	if (visit == postorder || visit == leaf)
		list->items[list->count++] = *(const void *const *)node;
}

static int by_ns(const void *a, const void *b)
{
	const struct futex_sum *left = *(const struct futex_sum *const *)a, *right = *(const struct futex_sum *const *)b;

	if (!left->address != !right->address)
		return left->address ? -1 : 1;
	if (left->total.ns != right->total.ns)
		return left->total.ns > right->total.ns ? -1 : 1;
	return futexes__compare(left, right);
}

static int by_process(const void *a, const void *b)
{
	return futexes__compare(*(const struct futex_sum *const *)a, *(const struct futex_sum *const *)b);
}

static struct futex_row *add_row(struct recording *recording, int64_t process)
{
	struct futex_row *row = recording__add_futex(recording);

	row->id = (int64_t)recording->futex_count;
	row->process = process;
	return row;
}

// The row that stands for the lesser futexes of a process, which come side by side.
static struct futex_row *folded_row(struct recording *recording, size_t first, int64_t process)
{
	size_t count = recording->futex_count;

	return count > first && recording->futex[count - 1].process == process ? &recording->futex[count - 1] : add_row(recording, process);
}

static void fill_row(struct futex_row *row, const struct futex_sum *futex)
{
	const struct futex_state *total = &futex->total;

	row->waits += (int64_t)total->waits;
	row->wait_ns += (int64_t)total->ns;
	row->open_wait_ns += (int64_t)futex->open_ns;
	row->wall_ns += (int64_t)total->wall_ns;
	row->runqueue_ns += (int64_t)total->runqueue_ns;
	row->handed_ns += (int64_t)total->handed_ns;
	row->timed += (int64_t)total->timed;
	row->others += (int64_t)total->others;
	row->wakes += (int64_t)total->wakes;
	row->mutual += (int64_t)total->mutual;
	row->wakes_all += (int64_t)total->wakes_all;
	row->expected_zero += (int64_t)total->values[0];
	row->expected_one += (int64_t)total->values[1];
	row->expected_two += (int64_t)total->values[2];
	row->expected_other += (int64_t)total->values[3];
	row->owner_sought += (int64_t)total->named;
	row->owner_found += (int64_t)total->owned;
	row->folded += futex->address ? 1 : futex->folded;
	if ((int64_t)total->max_ns > row->wait_max_ns)
		row->wait_max_ns = (int64_t)total->max_ns;
}

static void store_single(struct futex_sum *futex, struct recording *recording)
{
	struct futex_row *row = add_row(recording, futex->process);

	row->address = base__format("0x%llx", (unsigned long long)futex->address);
	row->operation = futex->operation;
	row->value = futex->value;
	futex->row = row->id;
	fill_row(row, futex);
}

// Futexes by waiting time: the first ones get a row each, but for those that are several already.
static void store_futexes(const struct futexes *futexes, struct recording *recording)
{
	cleanup_free const void **items = base__alloc(futexes->futex_count + 1, sizeof(*items));
	struct list list = { items, 0 };
	size_t singles = 0, i;

	twalk_r(futexes->futexes, collect, &list);
	qsort(items, list.count, sizeof(*items), by_ns);
	for (i = 0; i < list.count; i++)
		((struct futex_sum *)items[i])->row = 0;
	for (i = 0; i < list.count && i < FUTEXES_STORED && ((const struct futex_sum *)items[i])->address; i++) {
		struct futex_sum *futex = (struct futex_sum *)items[i];

		if (!futex->total.waits)
			continue;
		store_single(futex, recording);
		singles++;
	}
	qsort(items + i, list.count - i, sizeof(*items), by_process);
	for (; i < list.count; i++) {
		const struct futex_sum *futex = items[i];

		if (futex->total.waits)
			fill_row(folded_row(recording, singles, futex->process), futex);
	}
}

struct store { const struct futexes *futexes; struct recording *recording; struct stack_table *stacks; int64_t futex; size_t holders; };

// Holders come sorted by futex. Those beyond the limit are one row for each process.
static void store_hold(const void *node, VISIT visit, void *closure)
{
	const struct futex_side *side = *(const struct futex_side *const *)node;
	struct store *store = closure;
	struct recording *recording = store->recording;
	struct futex_hold_row *row = NULL;

	if ((visit != postorder && visit != leaf) || !side->futex->row || !(side->hold.task_ns | side->hold.wakes))
		return;
	if (store->futex != side->futex->row)
		store->holders = 0;
	store->futex = side->futex->row;
	for (size_t i = recording->futex_hold_count; store->holders >= HOLDERS_STORED && i-- > 0 && recording->futex_hold[i].futex == store->futex;)
		if (recording->futex_hold[i].process == side->process && !recording->futex_hold[i].tid)
			row = &recording->futex_hold[i];
	if (!row) {
		row = recording__add_futex_hold(recording);
		row->futex = store->futex;
		row->process = side->process;
		row->tid = store->holders < HOLDERS_STORED ? side->pid : 0;
		row->name = row->tid ? base__copy_part(side->name, COMM_LENGTH) : base__copy("");
		store->holders++;
	}
	row->task_ns += (int64_t)side->hold.task_ns;
	row->wall_ns += (int64_t)side->hold.wall_ns;
	row->wakes += (int64_t)side->hold.wakes;
	row->mutual += (int64_t)side->hold.mutual;
}

static void store_stack(const void *node, VISIT visit, void *closure)
{
	const struct futex_side *side = *(const struct futex_side *const *)node;
	struct store *store = closure;
	struct futex_stack_row *row;

	if ((visit != postorder && visit != leaf) || !side->futex->row)
		return;
	row = recording__add_futex_stack(store->recording);
	row->futex = side->futex->row;
	row->process = side->process;
	row->role = base__copy(futex_role__name(side->role == FUTEX_WAKER ? FUTEX_WAKER : FUTEX_WAITER));
	if (side->user_stack >= 0)
		row->user_stack = stack_table__id(store->stacks, user_stacks__text(store->futexes->user_stacks, side->user_stack));
	row->ns = (int64_t)side->sample.ns;
	row->samples = (int64_t)side->sample.samples;
}

void futexes__store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct futexes *futexes = state;
	const struct sched_bpf *skeleton = collector->probes->skeleton;
	struct store rows = { futexes, recording, stacks, 0, 0 };

	store_futexes(futexes, recording);
	twalk_r(futexes->holds, store_hold, &rows);
	if (stacks)
		twalk_r(futexes->stacks, store_stack, &rows);
	recording__set_counter(recording, "futexes_lost", (int64_t)skeleton->bss->futex_states_lost,
		"waits for futexes that were not recorded for want of room");
	recording__set_counter(recording, "futexes_merged_ns", (int64_t)futexes->merged_ns,
		"waits for futexes that share a row with others of their process, because there were too many: those that were waited for least");
	recording__set_counter(recording, "futex_rows_lost", (int64_t)skeleton->bss->futex_rows_lost,
		"sums of futexes' wakers or stacks that were not kept for want of room");
	recording__set_counter(recording, "futex_stacks_lost", (int64_t)skeleton->bss->futex_stacks_lost,
		"stacks of futexes' waiters or wakers that were not kept for want of room");
	recording__set_counter(recording, "futex_wakers_missed", (int64_t)skeleton->bss->futex_wakers_missed,
		"waits for futexes that ended while they began: their waker is not known");
}
