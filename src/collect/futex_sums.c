// Sums of futexes: find, add, and keep them within their bounds.
#include "collect/futex_account.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/lights.h"
#include "collect/probes_maps.h"
#include "symbolize/user.h"

#define IDLE_NS (2 * NS_PER_SEC) // what nobody has waited for since then is taken out of the kernel's table when that fills up
#define FUTEXES_LIMIT (FUTEX_STATES + FUTEX_STATES / 2)        // told apart; some 6 MiB
#define SIDES_LIMIT 10000        // who woke, and stacks, likewise

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

struct futex_sum *futexes__sum(struct futexes *futexes, const struct futex_key *key)
{
	struct futex_sum wanted = { .process = processes__by_tgid(futexes->collector->processes, key->tgid), .address = key->address,
		.tgid = key->tgid };
	bool new;
	struct futex_sum *futex = find_or_add(&futexes->futexes, &wanted, sizeof(wanted), futexes__compare, &new);

	futexes->futex_count += new;
	return futex;
}

struct futex_side *futexes__hold(struct futexes *futexes, const struct futex_side *key)
{
	bool new;
	struct futex_side *side = find_or_add(&futexes->holds, key, sizeof(*key), compare_sides, &new);

	futexes->hold_count += new;
	return side;
}

struct futex_side *futexes__stack(struct futexes *futexes, const struct futex_side *key)
{
	bool new;
	struct futex_side *side = find_or_add(&futexes->stacks, key, sizeof(*key), compare_sides, &new);

	futexes->stack_count += new;
	return side;
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

void futexes__add_state(struct futexes *futexes, const struct futex_key *key, const struct futex_state *state)
{
	static const struct futex_state nothing;
	struct futex_sum *futex = futexes__sum(futexes, key);

	futexes->in_kernel++;
	// It may have been taken out of the kernel's table and come back.
	state_add(&futex->total, state, state->waits < futex->seen.waits ? &nothing : &futex->seen);
	futex->seen = *state;
	futex->round = futexes->round;
	futex->operation = state->operation;
	futex->value = state->value;
	if (state->waiters > 0 || state->last + IDLE_NS > futexes->now_ns)
		return;
	futexes->idle = base__grow(futexes->idle, &futexes->idle_capacity, futexes->idle_count + 1, sizeof(*futexes->idle));
	futexes->idle[futexes->idle_count++] = *key;
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

void futexes__add_hold(struct futexes *futexes, const struct futex_hold_key *hold, const struct futex_hold_sum *sum)
{
	struct futex_side wanted = { .futex = futexes__sum(futexes, &hold->futex), .pid = hold->pid }, *side;

	wanted.process = processes__by_tgid(futexes->collector->processes, hold->tgid);
	side = futexes__hold(futexes, &wanted);
	if (!side->name[0])
		find_name(futexes->collector->probes, hold->tgid, hold->pid, side->name);
	side->hold.task_ns += sum->task_ns;
	side->hold.wall_ns += sum->wall_ns;
	side->hold.wakes += sum->wakes;
	side->hold.mutual += sum->mutual;
}

int futexes__keep_stack(struct futexes *futexes, uint32_t tgid, int64_t process, int stack)
{
	uint64_t addresses[LOCK_FRAMES];
	size_t count = probes__lock_stack(futexes->collector->probes, stack, addresses, LOCK_FRAMES);

	// The same addresses mean different code in another process.
	return count ? user_stacks__add(futexes->user_stacks, tgid, processes__start_ns(futexes->collector->processes, process), addresses, count,
		count == LOCK_FRAMES) : -1;
}

void futexes__add_stack(struct futexes *futexes, const struct futex_stack_key *stack, const struct futex_stack_sum *sum)
{
	struct futex_side wanted = { .futex = futexes__sum(futexes, &stack->futex), .role = stack->role }, *side;

	wanted.process = processes__by_tgid(futexes->collector->processes, stack->tgid);
	wanted.user_stack = futexes__keep_stack(futexes, stack->tgid, wanted.process, stack->user_stack);
	side = futexes__stack(futexes, &wanted);
	side->sample.ns += sum->ns;
	side->sample.samples += sum->samples;
}

// ---- bounds ----

// A futex that can join the others of its process: one that the kernel's table still has would be read again, all of it.
static bool may_join(const struct futexes *futexes, const struct futex_sum *futex)
{
	return futex->address && futex->round != futexes->round;
}

struct leaving { struct futex_side **sides; size_t count; };

static void pick_side(const void *node, VISIT visit, void *closure)
{
	struct futex_side *side = *(struct futex_side *const *)node;
	struct leaving *leaving = closure;

	if ((visit == postorder || visit == leaf) && side->futex->leaving)
		leaving->sides[leaving->count++] = side;
}

// Sides of futexes that have no row of their own are not stored.
static void drop_sides(void **tree, size_t *count)
{
	struct leaving leaving = { base__alloc(*count + 1, sizeof(*leaving.sides)), 0 };

	twalk_r(*tree, pick_side, &leaving);
	for (size_t i = 0; i < leaving.count; i++) {
		tdelete(leaving.sides[i], tree, compare_sides);
		free(leaving.sides[i]);
	}
	*count -= leaving.count;
	free(leaving.sides);
}

static void join(struct futexes *futexes, struct futex_sum *futex)
{
	static const struct futex_state nothing;
	struct futex_sum wanted = { .process = futex->process, .tgid = futex->tgid }, *others;
	bool new;

	tdelete(futex, &futexes->futexes, futexes__compare);
	futexes->futex_count--;
	others = find_or_add(&futexes->futexes, &wanted, sizeof(wanted), futexes__compare, &new);
	futexes->futex_count += new;
	state_add(&others->total, &futex->total, &nothing);
	others->open_ns += futex->open_ns;
	others->folded++;
	futexes->merged_ns += futex->total.ns;
	free(futex);
}

// There are too many: of the lighter half, those that are gone from the kernel's table become one for each process.
static void merge_futexes(struct futexes *futexes)
{
	struct lights lights = lights__of(futexes->futexes, futexes->futex_count, offsetof(struct futex_sum, total) + offsetof(struct futex_state, ns));
	size_t count = 0;

	for (size_t i = 0; i < lights.count && count < FUTEXES_LIMIT / 2; i++) {
		struct futex_sum *futex = lights.all[i].row;

		if (may_join(futexes, futex)) {
			futex->leaving = true;
			lights.all[count++].row = futex;
		}
	}
	drop_sides(&futexes->holds, &futexes->hold_count);
	drop_sides(&futexes->stacks, &futexes->stack_count);
	for (size_t i = 0; i < count; i++)
		join(futexes, lights.all[i].row);
	free(lights.all);
}

// There are too many of one side: of the lighter half it is not kept any more which thread, or where in its code (`user_stack`: what then stands there).
static void merge_sides(void **tree, size_t *count, size_t weight_offset, int user_stack)
{
	struct lights lights = lights__of(*tree, *count, weight_offset);

	for (size_t i = 0; i < lights.count / 2; i++) {
		struct futex_side *side = lights.all[i].row, key = { .futex = side->futex, .process = side->process, .role = side->role,
			.user_stack = user_stack }, *others;
		bool new;

		if (!compare_sides(side, &key))
			continue;
		tdelete(side, tree, compare_sides);
		others = find_or_add(tree, &key, sizeof(key), compare_sides, &new);
		*count += new;
		--*count;
		others->hold.task_ns += side->hold.task_ns;
		others->hold.wall_ns += side->hold.wall_ns;
		others->hold.wakes += side->hold.wakes;
		others->hold.mutual += side->hold.mutual;
		others->sample.ns += side->sample.ns;
		others->sample.samples += side->sample.samples;
		free(side);
	}
	free(lights.all);
}

// What is merged already can't be merged further.
static size_t next_limit(size_t count)
{
	return count + SIDES_LIMIT / 4 > SIDES_LIMIT ? count + SIDES_LIMIT / 4 : SIDES_LIMIT;
}

void futexes__begin(struct futexes *futexes)
{
	futexes->merge_futexes_at = FUTEXES_LIMIT;
	futexes->merge_holds_at = futexes->merge_stacks_at = SIDES_LIMIT;
}

void futexes__bound(struct futexes *futexes)
{
	if (futexes->futex_count > futexes->merge_futexes_at) {
		merge_futexes(futexes);
		futexes->merge_futexes_at = futexes->futex_count + FUTEXES_LIMIT / 4 > FUTEXES_LIMIT ? futexes->futex_count + FUTEXES_LIMIT / 4 : FUTEXES_LIMIT;
	}
	if (futexes->hold_count > futexes->merge_holds_at) {
		merge_sides(&futexes->holds, &futexes->hold_count, offsetof(struct futex_side, hold) + offsetof(struct futex_hold_sum, task_ns), 0);
		futexes->merge_holds_at = next_limit(futexes->hold_count);
	}
	if (futexes->stack_count > futexes->merge_stacks_at) {
		merge_sides(&futexes->stacks, &futexes->stack_count, offsetof(struct futex_side, sample) + offsetof(struct futex_stack_sum, ns), -1);
		futexes->merge_stacks_at = next_limit(futexes->stack_count);
	}
}

void futexes__clear(struct futexes *futexes)
{
	tdestroy(futexes->holds, free);
	tdestroy(futexes->stacks, free);
	tdestroy(futexes->futexes, free);
	free(futexes->idle);
}
