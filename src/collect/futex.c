// The account of futexes (bpf/futex.h): from the probes' sums to rows.
#include "collect/subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/probes_maps.h"
#include "sched.skel.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

#define FUTEXES_STORED 1024      // with a row of their own; the rest becomes one row for each process
#define HOLDERS_STORED 12        // of each futex, likewise
#define IDLE_NS (2 * NS_PER_SEC) // what nobody has waited for since then is taken out of the kernel's table when that fills up

// One futex, or all those of a process that have no row of their own.
struct futex_sum {
	int64_t process;                // who waits; the probes know it by tgid, which may be used again: it becomes a row id at each drain
	uint64_t address;               // 0: several
	uint32_t tgid, operation, value, folded;
	struct futex_state seen;        // as last read
	struct futex_state total;
	uint64_t open_ns;
	int64_t row;                    // futex_row.id while the rows are made
};

// Who woke waiters of a futex, or a stack of one side.
struct futex_side {
	const struct futex_sum *futex;
	int64_t process;
	uint32_t pid, role;
	int user_stack;
	char name[COMM_LENGTH];
	struct futex_hold_sum hold;
	struct futex_stack_sum sample;
};

struct futexes {
	void *futexes, *holds, *stacks; // binary trees (tsearch) of futex_sum, futex_side, futex_side
	size_t futex_count;
	struct user_stacks *user_stacks;
	struct collector *collector;    // of the drain at hand
	struct futex_key *idle;         // of the drain at hand: rows that nobody waits for any more
	size_t idle_count, idle_capacity, in_kernel;
	uint64_t now_ns;
	bool ended;
};

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare_futexes(const void *a, const void *b)
{
	const struct futex_sum *left = a, *right = b;

	COMPARE(process);
	COMPARE(address);
	return 0;
}

static int compare_sides(const void *a, const void *b)
{
	const struct futex_side *left = a, *right = b;
	int order = compare_futexes(left->futex, right->futex);

	if (order)
		return order;
	COMPARE(process);
	COMPARE(pid);
	COMPARE(role);
	COMPARE(user_stack);
	return 0;
}

static void *open_futexes(struct collector *collector, char **ret_why_off)
{
	struct futexes *futexes;

	if (collector->probes->skeleton->rodata->futex_number == ~0U) {
		*ret_why_off = base__copy("futex(2) has no number on this architecture");
		return NULL;
	}
	futexes = base__alloc(1, sizeof(*futexes));
	futexes->user_stacks = lock_account__user_stacks(collector->locks);
	return futexes;
}

static void close_futexes(void *state)
{
	struct futexes *futexes = state;

	tdestroy(futexes->holds, free);
	tdestroy(futexes->stacks, free);
	tdestroy(futexes->futexes, free);
	free(futexes->idle);
	free(futexes);
}

static void *find_or_add(void **tree, const void *key, size_t size, int (*compare)(const void *, const void *), bool *ret_new)
{
	void **found = tfind(key, tree, compare), *entry;

	*ret_new = !found;
	if (found)
		return *found;
	entry = base__alloc(1, size);
	memcpy(entry, key, size);
	tsearch(entry, tree, compare);
	return entry;
}

static struct futex_sum *futex_of(struct futexes *futexes, const struct futex_key *key)
{
	struct futex_sum wanted = { .process = processes__by_tgid(futexes->collector->processes, key->tgid), .address = key->address,
		.tgid = key->tgid };
	bool new;
	struct futex_sum *futex = find_or_add(&futexes->futexes, &wanted, sizeof(wanted), compare_futexes, &new);

	futexes->futex_count += new;
	return futex;
}

static struct futex_side *side_of(void **tree, const struct futex_side *key)
{
	bool new;

	return find_or_add(tree, key, sizeof(*key), compare_sides, &new);
}

// Adds `to` less `from` to `total`; the maximum and what is no sum are taken from `to`.
static void state_add(struct futex_state *total, const struct futex_state *to, const struct futex_state *from)
{
#define ADD(field) total->field += to->field - from->field
	ADD(waits);
	ADD(ns);
	ADD(wall_ns);
	ADD(runqueue_ns);
	ADD(handed_ns);
	ADD(timed);
	ADD(others);
	ADD(wakes);
	ADD(mutual);
	ADD(wakes_all);
	ADD(named);
	ADD(owned);
	for (int i = 0; i < FUTEX_VALUES; i++)
		ADD(values[i]);
#undef ADD
	if (to->max_ns > total->max_ns)
		total->max_ns = to->max_ns;
}

static void add_state(void *context, const void *key, const void *value)
{
	static const struct futex_state nothing;
	struct futexes *futexes = context;
	const struct futex_state *state = value;
	struct futex_sum *futex = futex_of(futexes, key);

	futexes->in_kernel++;
	// It may have been taken out of the kernel's table and come back.
	state_add(&futex->total, state, state->waits < futex->seen.waits ? &nothing : &futex->seen);
	futex->seen = *state;
	futex->operation = state->operation;
	futex->value = state->value;
	if (state->waiters > 0 || state->last + IDLE_NS > futexes->now_ns)
		return;
	futexes->idle = base__grow(futexes->idle, &futexes->idle_capacity, futexes->idle_count + 1, sizeof(*futexes->idle));
	futexes->idle[futexes->idle_count++] = *(const struct futex_key *)key;
}

// A thread's name: as it is now, since threads name themselves after they were first seen; of one that has ended as it was seen.
static void find_name(const struct probes *probes, uint32_t tgid, uint32_t pid, char ret_name[COMM_LENGTH])
{
	cleanup_free char *path = base__format("/proc/%u/task/%u/comm", tgid, pid), *text = NULL;
	const struct task_slot *slot = probes__find_slot(probes, pid);

	if (base__read_file(path, 4096, &text) >= 0 && text)
		snprintf(ret_name, COMM_LENGTH, "%.*s", (int)strcspn(text, "\n"), text);
	else if (slot)
		memcpy(ret_name, slot->comm, COMM_LENGTH);
}

static void add_hold(void *context, const void *key, const void *value)
{
	struct futexes *futexes = context;
	const struct futex_hold_key *hold = key;
	const struct futex_hold_sum *sum = value;
	struct futex_side wanted = { .futex = futex_of(futexes, &hold->futex), .pid = hold->pid }, *side;

	wanted.process = processes__by_tgid(futexes->collector->processes, hold->tgid);
	side = side_of(&futexes->holds, &wanted);
	if (!side->name[0])
		find_name(futexes->collector->probes, hold->tgid, hold->pid, side->name);
	side->hold.task_ns += sum->task_ns;
	side->hold.wall_ns += sum->wall_ns;
	side->hold.wakes += sum->wakes;
	side->hold.mutual += sum->mutual;
}

static int keep_stack(struct futexes *futexes, uint32_t tgid, int64_t process, int stack)
{
	uint64_t addresses[LOCK_FRAMES];
	size_t count = probes__lock_stack(futexes->collector->probes, stack, addresses, LOCK_FRAMES);

	// The same addresses mean different code in another process.
	return count ? user_stacks__add(futexes->user_stacks, tgid, processes__start_ns(futexes->collector->processes, process), addresses, count,
		count == LOCK_FRAMES) : -1;
}

static void add_stack(void *context, const void *key, const void *value)
{
	struct futexes *futexes = context;
	const struct futex_stack_key *stack = key;
	const struct futex_stack_sum *sum = value;
	struct futex_side wanted = { .futex = futex_of(futexes, &stack->futex), .role = stack->role }, *side;

	wanted.process = processes__by_tgid(futexes->collector->processes, stack->tgid);
	wanted.user_stack = keep_stack(futexes, stack->tgid, wanted.process, stack->user_stack);
	side = side_of(&futexes->stacks, &wanted);
	side->sample.ns += sum->ns;
	side->sample.samples += sum->samples;
}

static void take_sums(struct futexes *futexes)
{
	struct collector *collector = futexes->collector;
	struct sched_bpf *skeleton = collector->probes->skeleton;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	futexes->now_ns = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	futexes->idle_count = futexes->in_kernel = 0;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_states, false, add_state, futexes) < 0;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_hold_sums, true, add_hold, futexes) < 0;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_stack_sums, true, add_stack, futexes) < 0;
	for (size_t i = 0; futexes->in_kernel > FUTEX_STATES / 2 && i < futexes->idle_count; i++)
		bpf_map_delete_elem(bpf_map__fd(skeleton->maps.futex_states), &futexes->idle[i]);
}

// ---- what stood open ----

static void settle_wait(struct futexes *futexes, const struct futex_wait *wait)
{
	uint64_t ended = futexes->collector->probes->window_ended_ns, began = futexes->collector->probes->window_began_ns;
	struct futex_key key = { .address = wait->address, .tgid = wait->tgid };
	struct futex_sum *futex = futex_of(futexes, &key);

	began = wait->began > began ? wait->began : began;
	if (ended <= began)
		return;
	futex->total.waits++;
	futex->total.ns += ended - began;
	futex->total.timed += wait->timed;
	futex->open_ns += ended - began;
	if (ended - began > futex->total.max_ns)
		futex->total.max_ns = ended - began;
	struct futex_side stack = { .futex = futex, .process = futex->process, .role = FUTEX_WAITER,
		.user_stack = wait->user_stack < 0 ? -1 : keep_stack(futexes, wait->tgid, futex->process, wait->user_stack) }, *side;
	side = side_of(&futexes->stacks, &stack);
	side->sample.ns += ended - began;
	side->sample.samples += wait->user_stack >= 0;
}

// What was waited for since the last hand-over: nobody is known to have held it.
static void settle_futex(const void *node, VISIT visit, void *closure)
{
	struct futex_sum *futex = *(struct futex_sum *const *)node;
	struct futexes *futexes = closure;
	uint64_t ended = futexes->collector->probes->window_ended_ns, began = futexes->collector->probes->window_began_ns;
	const struct futex_state *state = &futex->seen;
	uint64_t last = state->last > began ? state->last : began;
	struct futex_side wanted = { .futex = futex }, *side;

	if ((visit != postorder && visit != leaf) || !futex->tgid)
		return;
	side = side_of(&futexes->holds, &wanted);
	side->hold.task_ns += state->pending_task_ns;
	side->hold.wall_ns += state->pending_wall_ns;
	if (state->waiters > 0 && ended > last) {
		side->hold.task_ns += (ended - last) * (uint64_t)state->waiters;
		side->hold.wall_ns += ended - last;
		futex->total.wall_ns += ended - last;
	}
	// Waits that no sampled stack stands for.
	if (state->waiter_due_ns) {
		struct futex_side unsampled = { .futex = futex, .process = futex->process, .role = FUTEX_WAITER, .user_stack = -1 };

		side_of(&futexes->stacks, &unsampled)->sample.ns += state->waiter_due_ns;
	}
}

// Books what stood open when the window ended: once, after the last sums were taken.
static void settle(struct futexes *futexes)
{
	const struct probes *probes = futexes->collector->probes;

	for (uint32_t i = 0; i < TASK_SLOTS; i++)
		if (probes->slots[i].pid && probes->slots[i].futex == FUTEX_ASLEEP && probes->futex_waits[i].address)
			settle_wait(futexes, &probes->futex_waits[i]);
	twalk_r(futexes->futexes, settle_futex, futexes);
}

static void drain(void *state, struct collector *collector)
{
	struct futexes *futexes = state;

	futexes->collector = collector;
	take_sums(futexes);
	if (futexes->ended)
		settle(futexes);
}

static void end(void *state, struct collector *collector)
{
	struct futexes *futexes = state;

	(void)collector;
	futexes->ended = true;
}

// ---- rows ----

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

	if (left->total.ns != right->total.ns)
		return left->total.ns > right->total.ns ? -1 : 1;
	return compare_futexes(left, right);
}

static struct futex_row *add_row(struct recording *recording, int64_t process)
{
	struct futex_row *row = recording__add_futex(recording);

	row->id = (int64_t)recording->futex_count;
	row->process = process;
	return row;
}

// The row that stands for the lesser futexes of a process.
static struct futex_row *folded_row(struct recording *recording, size_t first, int64_t process)
{
	for (size_t i = first; i < recording->futex_count; i++)
		if (recording->futex[i].process == process)
			return &recording->futex[i];
	return add_row(recording, process);
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
	row->folded++;
	if ((int64_t)total->max_ns > row->wait_max_ns)
		row->wait_max_ns = (int64_t)total->max_ns;
}

// Futexes by waiting time: the first ones get a row each.
static void store_futexes(const struct futexes *futexes, struct recording *recording)
{
	cleanup_free const void **items = base__alloc(futexes->futex_count + 1, sizeof(*items));
	struct list list = { items, 0 };

	twalk_r(futexes->futexes, collect, &list);
	qsort(items, list.count, sizeof(*items), by_ns);
	for (size_t i = 0; i < list.count; i++) {
		struct futex_sum *futex = (struct futex_sum *)items[i];
		struct futex_row *row;

		futex->row = 0;
		if (!futex->total.waits)
			continue;
		if (i < FUTEXES_STORED) {
			row = add_row(recording, futex->process);
			row->address = base__format("0x%llx", (unsigned long long)futex->address);
			row->operation = futex->operation;
			row->value = futex->value;
			futex->row = row->id;
		} else {
			row = folded_row(recording, FUTEXES_STORED, futex->process);
		}
		fill_row(row, futex);
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
		row->name = row->tid ? strndup(side->name, COMM_LENGTH) : base__copy("");
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
	row->role = base__copy(side->role == FUTEX_WAKER ? "waker" : "waiter");
	if (side->user_stack >= 0)
		row->user_stack = stack_table__id(store->stacks, user_stacks__text(store->futexes->user_stacks, side->user_stack));
	row->ns = (int64_t)side->sample.ns;
	row->samples = (int64_t)side->sample.samples;
}

static void store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks)
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
	recording__set_counter(recording, "futex_rows_lost", (int64_t)skeleton->bss->futex_rows_lost,
		"sums of futexes' wakers or stacks that were not kept for want of room");
	recording__set_counter(recording, "futex_stacks_lost", (int64_t)skeleton->bss->futex_stacks_lost,
		"stacks of futexes' waiters or wakers that were not kept for want of room");
	recording__set_counter(recording, "futex_wakers_missed", (int64_t)skeleton->bss->futex_wakers_missed,
		"waits for futexes that ended while they began: their waker is not known");
}

static size_t memory(const void *state)
{
	(void)state;
	return FUTEX_STATES * (48 + sizeof(struct futex_key) + sizeof(struct futex_state)) + FUTEX_ROWS * (2 * 48 +
		sizeof(struct futex_hold_key) + sizeof(struct futex_hold_sum) + sizeof(struct futex_stack_key) + sizeof(struct futex_stack_sum));
}

const struct subject subject_futex = {
	.name = "futex", .open = open_futexes, .drain = drain, .end = end, .store = store, .close = close_futexes, .memory = memory,
};
