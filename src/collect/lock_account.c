#include "collect/lock_account.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/lock_names.h"
#include "collect/lock_sums.h"
#include "collect/probes_maps.h"
#include "collect/stack_counters.h"
#include "collect/syscalls.h"
#include "symbolize/kernel_symbols.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

#define SLEEPERS_LIMIT 4096

// A task that was asleep for all of the window.
struct sleeper { int64_t process; uint32_t frames; uint64_t stack[STACK_FRAMES]; };

struct lock_account {
	struct lock_sums *sums;
	struct user_stacks *user_stacks;
	struct lock_names *names;       // of the stacks in `sums`; empty until the window has ended
	struct collector *collector;    // of the drain at hand
	struct sleeper *sleepers;
	size_t sleeper_count, sleeper_capacity;
	int64_t sleepers_dropped;
	int64_t states_left, states_evicted;    // locks in the probes' table at the end; those that made room for others before
};

struct lock_account *lock_account__new(void)
{
	struct lock_account *locks = base__alloc(1, sizeof(*locks));

	locks->sums = lock_sums__new();
	locks->user_stacks = user_stacks__new();
	locks->names = lock_names__new();
	return locks;
}

void lock_account__free(struct lock_account *locks)
{
	if (!locks)
		return;
	lock_sums__free(locks->sums);
	user_stacks__free(locks->user_stacks);
	lock_names__free(locks->names);
	free(locks->sleepers);
	free(locks);
}

struct user_stacks *lock_account__user_stacks(struct lock_account *locks)
{
	return locks->user_stacks;
}

static struct side_row key_of(struct lock_account *locks, const struct lock_class *class, uint32_t tgid)
{
	struct processes *processes = locks->collector->processes;
	struct side_row key = { .class = *class };

	if (class->tgid)
		key.owner = processes__by_tgid(processes, class->tgid);
	key.class.tgid = 0;
	if (class->kind == LOCK_KIND_MMAP)
		key.class.stack = 0;
	if (tgid)
		key.process = processes__by_tgid(processes, tgid);
	return key;
}

static void add_wait(void *context, const struct lock_wait_key *wait, const struct lock_wait_sum *sum)
{
	struct lock_account *locks = context;
	struct side_row row = key_of(locks, &wait->class, wait->tgid);

	row.mode = wait->mode;
	row.wait = *sum;
	lock_sums__add(locks->sums, SIDE_WAIT, &row);
}

static void add_hold(void *context, const struct lock_hold_key *hold, const struct lock_hold_sum *sum)
{
	struct lock_account *locks = context;
	struct side_row row = key_of(locks, &hold->class, hold->tgid);

	row.mode = hold->mode;
	row.operation = hold->operation;
	row.hold = *sum;
	lock_sums__add(locks->sums, SIDE_HOLD, &row);
}

static void add_stack(void *context, const struct lock_stack_key *stack, const struct lock_stack_sum *sum)
{
	struct lock_account *locks = context;
	struct side_row row = key_of(locks, &stack->class, stack->tgid);
	uint64_t addresses[LOCK_FRAMES];
	size_t count = probes__lock_stack(locks->collector->probes, stack->user_stack, addresses, LOCK_FRAMES);

	row.role = stack->role;
	row.stack = stack->stack;
	// The same addresses mean different code in another process.
	row.user_stack = count ? user_stacks__add(locks->user_stacks, stack->tgid, processes__start_ns(locks->collector->processes, row.process),
		addresses, count, count == LOCK_FRAMES) : -1;
	row.sample = *sum;
	lock_sums__add(locks->sums, SIDE_STACK, &row);
}

void lock_account__add(struct lock_account *locks, struct collector *collector, const struct lock_wait_key *wait, const struct lock_wait_sum *waited,
	const struct lock_hold_key *hold, const struct lock_hold_sum *held, const struct lock_stack_key *stack, const struct lock_stack_sum *sampled)
{
	locks->collector = collector;
	add_wait(locks, wait, waited);
	add_hold(locks, hold, held);
	add_stack(locks, stack, sampled);
	lock_sums__bound(locks->sums);
}

int lock_account__drain(struct lock_account *locks, struct collector *collector)
{
	locks->collector = collector;
	int waits = probes__take_lock_waits(collector->probes, add_wait, locks);
	int holds = probes__take_lock_holds(collector->probes, add_hold, locks);
	int stacks = probes__take_lock_stacks(collector->probes, add_stack, locks);

	lock_sums__bound(locks->sums);
	return waits < 0 ? waits : holds < 0 ? holds : stacks < 0 ? stacks : 0;
}

// What the lock's holder has not been booked with yet.
static void settle_state(void *context, const struct lock_state *state)
{
	struct lock_account *locks = context;
	uint64_t ended = locks->collector->probes->window_ended_ns, began = locks->collector->probes->window_began_ns;
	uint64_t last = state->last > began ? state->last : began;
	struct lock_hold_key key = { state->class, state->holder_tgid, state->holder_operation, state->holder_mode };
	struct lock_hold_sum sum = { state->task_ns, state->wall_ns };

	locks->states_left++;
	if (state->waiters > 0 && ended > last) {
		sum.task_ns += (ended - last) * (uint64_t)state->waiters;
		sum.wall_ns += ended - last;
	}
	if (sum.wall_ns)
		add_hold(locks, &key, &sum);
}

static void settle_wait(struct lock_account *locks, const struct lock_wait *wait, const struct task_slot *slot)
{
	uint64_t ended = locks->collector->probes->window_ended_ns, began = locks->collector->probes->window_began_ns;
	struct lock_wait_key key = { wait->class, wait->tgid, wait->flags & LCB_F_READ ? LCB_F_READ : LCB_F_WRITE };
	struct lock_wait_sum sum = { .waits = 1 };

	began = wait->began > began ? wait->began : began;
	if (ended <= began)
		return;
	sum.ns = sum.max_ns = ended - began;
	sum.runqueue_ns = slot->run_delay_last > wait->run_delay ? slot->run_delay_last - wait->run_delay : 0;
	if (sum.runqueue_ns > sum.ns)
		sum.runqueue_ns = sum.ns;
	sum.sleep_ns = sum.ns - sum.runqueue_ns;
	struct side_row row = key_of(locks, &key.class, key.tgid);
	row.mode = key.mode;
	row.wait = sum;
	row.open_ns = sum.ns;
	lock_sums__add(locks->sums, SIDE_WAIT, &row);
}

int64_t lock_account__evicted(const struct lock_cpu *rows, uint32_t cpus, int64_t left)
{
	int64_t made = 0;

	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		made += (int64_t)rows[cpu].states_made;
	return made > left ? made - left : 0;
}

void lock_account__settle(struct lock_account *locks, struct collector *collector)
{
	const struct probes *probes = collector->probes;

	locks->collector = collector;
	if (!probes->locks)
		return;
	for (uint32_t i = 0; i < TASK_SLOTS; i++)
		if (probes->slots[i].pid && probes->slots[i].lock_waiting && probes->lock_waits[i].lock)
			settle_wait(locks, &probes->lock_waits[i], &probes->slots[i]);
	if (probes__lock_states(collector->probes, settle_state, locks) < 0)
		return;
	locks->states_evicted = lock_account__evicted(probes->lock_cpus, probes->cpus, locks->states_left);
}

void lock_account__add_sleeper(struct lock_account *locks, struct collector *collector, const struct asleep_record *record)
{
	struct sleeper *sleeper;

	if (locks->sleeper_count >= SLEEPERS_LIMIT) {
		locks->sleepers_dropped++;
		return;
	}
	locks->sleepers = base__grow(locks->sleepers, &locks->sleeper_capacity, locks->sleeper_count + 1, sizeof(*sleeper));
	sleeper = &locks->sleepers[locks->sleeper_count++];
	sleeper->process = processes__by_tgid(collector->processes, record->tgid);
	sleeper->frames = record->frames < STACK_FRAMES ? record->frames : STACK_FRAMES;
	memcpy(sleeper->stack, record->stack, sizeof(sleeper->stack));
}

// ---- rows ----

// A class of locks and the row that it became: the number of its stack for a class, its place for a name.
struct known_lock { enum lock_kind kind; const char *place; uint32_t class; int stack; int64_t owner, row; };

struct store {
	const struct lock_account *locks;
	struct collector *collector;
	struct recording *recording;
	struct stack_table *stacks;
	void *by_class, *by_name;       // binary trees (tsearch) of struct known_lock
};

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare_classes(const void *a, const void *b)
{
	const struct known_lock *left = a, *right = b;

	COMPARE(class);
	COMPARE(stack);
	COMPARE(owner);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct known_lock *left = a, *right = b;

	COMPARE(kind);
	COMPARE(owner);
	return strcmp(left->place, right->place);
}

static struct known_lock *remember(void **tree, const struct known_lock *wanted, int (*compare)(const void *, const void *), bool *ret_new)
{
	struct known_lock **found = tfind(wanted, tree, compare), *known;

	*ret_new = !found;
	if (found)
		return *found;
	known = base__alloc(1, sizeof(*known));
	*known = *wanted;
	base__tsearch(known, tree, compare);
	return known;
}

// The row of a lock by its name: made if there is none of that kind, owner and place yet.
static struct lock_row *named_lock_row(struct store *store, const struct lock_name *name, int64_t owner)
{
	struct known_lock wanted = { .kind = name->kind, .place = name->place ? name->place : "", .owner = owner }, *known;
	struct lock_row *row;
	bool new;

	known = remember(&store->by_name, &wanted, compare_names, &new);
	if (!new)
		return &store->recording->lock[known->row - 1];
	row = recording__add_lock(store->recording);
	known->row = row->id = (int64_t)store->recording->lock_count;
	row->kind = base__copy(lock_kind__name(name->kind));
	row->process = owner;
	row->place = name->place ? base__copy(name->place) : NULL;
	row->stack = store->stacks && name->frames ? stack_table__id(store->stacks, name->frames) : 0;
	known->place = row->place ? row->place : "";    // the name's may be gone before this is
	return row;
}

static int64_t lock_row(struct store *store, const struct side_row *entry)
{
	struct known_lock wanted = { .class = entry->class.kind, .stack = entry->class.stack, .owner = entry->owner }, *known;
	const struct lock_name *name;
	bool new;

	known = remember(&store->by_class, &wanted, compare_classes, &new);
	if (!new && known->row)
		return known->row;
	name = lock_names__of(store->locks->names, &entry->class);
	// Only the threads of a process take the locks of its mappings: what is one place in the kernel are as many locks as there are processes.
	if (name->kind == LOCK_KIND_VMA)
		return named_lock_row(store, name, entry->process)->id;
	known->row = named_lock_row(store, name, entry->owner)->id;
	return known->row;
}

static struct lock_row *lock_by_id(struct recording *recording, int64_t id)
{
	return &recording->lock[id - 1];
}

static char *mode_name(uint32_t mode)
{
	return base__copy(lock_mode__name(mode & LOCK_HANDED ? LOCK_MODE_HANDED : mode & LCB_F_READ ? LOCK_MODE_READ : LOCK_MODE_WRITE));
}

static void store_wait(const void *node, VISIT visit, void *closure)
{
	const struct side_row *entry = *(const struct side_row *const *)node;
	struct store *store = closure;

	if (visit != postorder && visit != leaf)
		return;
	int64_t lock = lock_row(store, entry);
	struct lock_wait_row *row = recording__add_lock_wait(store->recording);
	row->lock = lock;
	row->process = entry->process;
	row->mode = mode_name(entry->mode);
	row->waits = (int64_t)entry->wait.waits;
	row->wait_ns = (int64_t)entry->wait.ns;
	row->wait_max_ns = (int64_t)entry->wait.max_ns;
	row->sleep_ns = (int64_t)entry->wait.sleep_ns;
	row->spin_ns = (int64_t)entry->wait.spin_ns;
	row->runqueue_ns = (int64_t)entry->wait.runqueue_ns;
	row->open_wait_ns = (int64_t)entry->open_ns;
}

static void store_hold(const void *node, VISIT visit, void *closure)
{
	const struct side_row *entry = *(const struct side_row *const *)node;
	struct store *store = closure;

	if (visit != postorder && visit != leaf)
		return;
	int64_t lock = lock_row(store, entry);
	struct lock_hold_row *row = recording__add_lock_hold(store->recording);
	row->lock = lock;
	row->process = entry->process;
	row->operation = syscalls__operation_name(entry->operation);
	row->mode = mode_name(entry->mode);
	row->task_ns = (int64_t)entry->hold.task_ns;
	row->wall_ns = (int64_t)entry->hold.wall_ns;
	lock_by_id(store->recording, lock)->wall_ns += row->wall_ns;
}

static void store_stack(const void *node, VISIT visit, void *closure)
{
	const struct side_row *entry = *(const struct side_row *const *)node;
	struct store *store = closure;

	if (visit != postorder && visit != leaf)
		return;
	int64_t lock = lock_row(store, entry);
	struct lock_stack_row *row = recording__add_lock_stack(store->recording);
	row->lock = lock;
	row->process = entry->process;
	row->role = base__copy(lock_role__name(entry->role == LOCK_OWNER ? LOCK_OWNER : LOCK_WAITER));
	row->kernel_stack = stack_table__id(store->stacks, lock_names__frames(store->locks->names, entry->stack));
	if (entry->user_stack >= 0)
		row->user_stack = stack_table__id(store->stacks, user_stacks__text(store->locks->user_stacks, entry->user_stack));
	row->ns = (int64_t)entry->sample.ns;
	row->samples = (int64_t)entry->sample.samples;
}

static void want_stacks(const void *node, VISIT visit, void *closure)
{
	const struct side_row *entry = *(const struct side_row *const *)node;
	struct lock_names *names = closure;

	if (visit != postorder && visit != leaf)
		return;
	lock_names__want(names, entry->class.stack);
	if (entry->sample.samples || entry->sample.ns)
		lock_names__want(names, entry->stack);
}

void lock_account__want_symbols(struct lock_account *locks, struct probes *probes, struct kernel_symbols *symbols)
{
	for (int side = 0; side < SIDES; side++)
		twalk_r(locks->sums->trees[side], want_stacks, locks->names);
	lock_names__want_symbols(locks->names, probes, symbols);
	for (size_t i = 0; i < locks->sleeper_count; i++)
		for (uint32_t j = 0; j < locks->sleepers[i].frames; j++)
			kernel_symbols__want(symbols, locks->sleepers[i].stack[j]);
}

// A wait for a lock that nothing began nor ended within the window. Nobody is known to hold it.
static void store_sleeper(struct store *store, const struct sleeper *sleeper)
{
	int64_t window_ns = (int64_t)(store->collector->probes->window_ended_ns - store->collector->probes->window_began_ns);
	const char *names[STACK_FRAMES];
	struct sleeping_lock lock;
	struct lock_row *row;

	for (uint32_t i = 0; i < sleeper->frames; i++)
		names[i] = kernel_symbols__name(store->collector->symbols, sleeper->stack[i]);
	if (!lock_names__sleeping(names, sleeper->frames, &lock))
		return;
	row = named_lock_row(store, &lock.name, lock.own_memory ? sleeper->process : 0);
	struct lock_wait_row *wait = recording__add_lock_wait(store->recording);
	wait->lock = row->id;
	wait->process = sleeper->process;
	wait->mode = base__copy(lock_mode__name(lock.mode));
	wait->waits = 1;
	wait->wait_ns = wait->wait_max_ns = wait->sleep_ns = wait->open_wait_ns = window_ns;
	struct lock_hold_row *hold = recording__add_lock_hold(store->recording);
	hold->lock = row->id;
	hold->operation = base__copy("unknown");
	hold->mode = base__copy(lock_mode__name(LOCK_MODE_WRITE));
	hold->task_ns = window_ns;
	row->wall_ns = row->wall_ns > window_ns ? row->wall_ns : window_ns;
	struct lock_stack_row *stack = recording__add_lock_stack(store->recording);
	stack->lock = row->id;
	stack->process = sleeper->process;
	stack->role = base__copy(lock_role__name(LOCK_WAITER));
	stack->kernel_stack = stack_table__id(store->stacks, lock.name.frames);
	stack->ns = window_ns;
	stack->samples = 1;
	free(lock.frames);
}

void lock_account__store(const struct lock_account *locks, struct collector *collector, struct recording *recording,
	struct stack_table *stacks)
{
	struct store store = { locks, collector, recording, stacks, NULL, NULL };

	if (stacks) {
		lock_names__resolve(locks->names, collector->symbols);
		user_stacks__resolve(locks->user_stacks);
	}
	twalk_r(locks->sums->trees[SIDE_WAIT], store_wait, &store);
	twalk_r(locks->sums->trees[SIDE_HOLD], store_hold, &store);
	if (stacks) {
		twalk_r(locks->sums->trees[SIDE_STACK], store_stack, &store);
		for (size_t i = 0; i < locks->sleeper_count; i++)
			store_sleeper(&store, &locks->sleepers[i]);
		stack_counters__store(locks->user_stacks, recording);
	}
	recording__set_counter(recording, "lock_states_evicted", locks->states_evicted,
		"kernel locks that made room for others in the probes' table: who held them since was not known any more");
	recording__set_counter(recording, "locks_merged_ns", (int64_t)locks->sums->locks_merged_ns,
		"waits for kernel locks that are not told apart by lock any more, because there were too many: the locks that were waited for least");
	recording__set_counter(recording, "lock_stacks_merged_ns", (int64_t)locks->sums->stacks_merged_ns,
		"waits for kernel locks whose sampled stacks are not kept any more, because there were too many: the lighter ones");
	recording__set_counter(recording, "lock_sleepers_not_kept", locks->sleepers_dropped,
		"tasks asleep for the whole window that were not looked at for a lock, because there were too many");
	tdestroy(store.by_class, free);
	tdestroy(store.by_name, free);
}
