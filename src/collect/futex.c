// The account of futexes (bpf/futex.h): takes the sums of the probes.
#include "collect/subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/futex_account.h"
#include "collect/probes_maps.h"
#include "sched.skel.h"
#include "symbolize/user.h"

#define IDLE_NS (2 * NS_PER_SEC) // what nobody has waited for since then is taken out of the kernel's table when that fills up

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
int futexes__compare(const void *a, const void *b)
{
	const struct futex_sum *left = a, *right = b;

	COMPARE(process);
	COMPARE(address);
	return 0;
}

static int compare_sides(const void *a, const void *b)
{
	const struct futex_side *left = a, *right = b;
	int order = futexes__compare(left->futex, right->futex);

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
	base__tsearch(entry, tree, compare);
	return entry;
}

static struct futex_sum *futex_of(struct futexes *futexes, const struct futex_key *key)
{
	struct futex_sum wanted = { .process = processes__by_tgid(futexes->collector->processes, key->tgid), .address = key->address,
		.tgid = key->tgid };
	bool new;
	struct futex_sum *futex = find_or_add(&futexes->futexes, &wanted, sizeof(wanted), futexes__compare, &new);

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

static size_t memory(const void *state)
{
	(void)state;
	return FUTEX_STATES * (48 + sizeof(struct futex_key) + sizeof(struct futex_state)) + FUTEX_ROWS * (2 * 48 +
		sizeof(struct futex_hold_key) + sizeof(struct futex_hold_sum) + sizeof(struct futex_stack_key) + sizeof(struct futex_stack_sum));
}

const struct subject subject_futex = {
	.name = "futex", .open = open_futexes, .drain = drain, .end = end, .store = futexes__store, .close = close_futexes, .memory = memory,
};
