#include "collect/lock_account.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/lock_names.h"
#include "collect/probes_maps.h"
#include "collect/stack_counters.h"
#include "collect/syscalls.h"
#include "symbolize/kernel_symbols.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

// One row of a side of the account. The probes know processes by tgid, which may be used again: they become row ids at each drain.
#define SLEEPERS_LIMIT 4096

struct side_row {
	struct lock_class class;        // tgid unused, see `owner`
	int64_t owner;                  // whose mmap_lock it is: process row id, or 0
	int64_t process;                // who waits or holds
	uint32_t mode, operation, role;
	int stack, user_stack;
	uint32_t tgid;                  // of `process`, for its stacks
	struct lock_wait_sum wait;
	uint64_t open_ns;
	struct lock_hold_sum hold;
	struct lock_stack_sum sample;
};

// A task that was asleep for all of the window.
struct sleeper { int64_t process; uint32_t frames; uint64_t stack[STACK_FRAMES]; };

enum side { SIDE_WAIT, SIDE_HOLD, SIDE_STACK, SIDES };

struct lock_account {
	void *trees[SIDES];             // binary trees (tsearch) of struct side_row
	struct user_stacks *user_stacks;
	struct lock_names *names;       // of the stacks in `trees`; empty until the window has ended
	struct collector *collector;    // of the drain at hand
	struct sleeper *sleepers;
	size_t sleeper_count, sleeper_capacity;
	int64_t sleepers_dropped;
	int64_t states_left, states_evicted;    // locks in the probes' table at the end; those that made room for others before
};

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare_entries(const void *a, const void *b)
{
	const struct side_row *left = a, *right = b;

	COMPARE(class.kind);
	COMPARE(owner);
	COMPARE(class.stack);
	COMPARE(process);
	COMPARE(mode);
	COMPARE(operation);
	COMPARE(role);
	COMPARE(stack);
	COMPARE(user_stack);
	return 0;
}

struct lock_account *lock_account__new(void)
{
	struct lock_account *locks = base__alloc(1, sizeof(*locks));

	locks->user_stacks = user_stacks__new();
	locks->names = lock_names__new();
	return locks;
}

void lock_account__free(struct lock_account *locks)
{
	if (!locks)
		return;
	for (int side = 0; side < SIDES; side++)
		tdestroy(locks->trees[side], free);
	user_stacks__free(locks->user_stacks);
	lock_names__free(locks->names);
	free(locks->sleepers);
	free(locks);
}

struct user_stacks *lock_account__user_stacks(struct lock_account *locks)
{
	return locks->user_stacks;
}

static struct side_row *find_or_add(struct lock_account *locks, enum side side, const struct side_row *key)
{
	struct side_row **found = tfind(key, &locks->trees[side], compare_entries), *entry;

	if (found)
		return *found;
	entry = base__alloc(1, sizeof(*entry));
	*entry = *key;
	base__tsearch(entry, &locks->trees[side], compare_entries);
	return entry;
}

static struct side_row key_of(struct lock_account *locks, const struct lock_class *class, uint32_t tgid)
{
	struct processes *processes = locks->collector->processes;
	struct side_row key = { .class = *class, .tgid = tgid };

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
	struct side_row key = key_of(context, &wait->class, wait->tgid), *entry;

	key.mode = wait->mode;
	entry = find_or_add(context, SIDE_WAIT, &key);
	entry->wait.waits += sum->waits;
	entry->wait.ns += sum->ns;
	entry->wait.sleep_ns += sum->sleep_ns;
	entry->wait.spin_ns += sum->spin_ns;
	entry->wait.runqueue_ns += sum->runqueue_ns;
	if (sum->max_ns > entry->wait.max_ns)
		entry->wait.max_ns = sum->max_ns;
}

static void add_hold(void *context, const struct lock_hold_key *hold, const struct lock_hold_sum *sum)
{
	struct side_row key = key_of(context, &hold->class, hold->tgid), *entry;

	key.mode = hold->mode;
	key.operation = hold->operation;
	entry = find_or_add(context, SIDE_HOLD, &key);
	entry->hold.task_ns += sum->task_ns;
	entry->hold.wall_ns += sum->wall_ns;
}

static void add_stack(void *context, const struct lock_stack_key *stack, const struct lock_stack_sum *sum)
{
	struct lock_account *locks = context;
	struct side_row key = key_of(locks, &stack->class, stack->tgid), *entry;
	uint64_t addresses[LOCK_FRAMES];
	size_t count = probes__lock_stack(locks->collector->probes, stack->user_stack, addresses, LOCK_FRAMES);

	key.role = stack->role;
	key.stack = stack->stack;
	// The same addresses mean different code in another process.
	key.user_stack = count ? user_stacks__add(locks->user_stacks, stack->tgid, processes__start_ns(locks->collector->processes, key.process),
		addresses, count, count == LOCK_FRAMES) : -1;
	entry = find_or_add(locks, SIDE_STACK, &key);
	entry->sample.ns += sum->ns;
	entry->sample.samples += sum->samples;
}

int lock_account__drain(struct lock_account *locks, struct collector *collector)
{
	locks->collector = collector;
	int waits = probes__take_lock_waits(collector->probes, add_wait, locks);
	int holds = probes__take_lock_holds(collector->probes, add_hold, locks);
	int stacks = probes__take_lock_stacks(collector->probes, add_stack, locks);
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
	add_wait(locks, &key, &sum);
	struct side_row entry = key_of(locks, &key.class, key.tgid);
	entry.mode = key.mode;
	find_or_add(locks, SIDE_WAIT, &entry)->open_ns += sum.ns;
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
	locks->states_evicted = -locks->states_left;
	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++)
		locks->states_evicted += (int64_t)probes->lock_cpus[cpu].states_made;
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

// A class of locks and the row that it became.
struct named_class { struct lock_class class; int64_t owner; int64_t lock; };

struct store {
	const struct lock_account *locks;
	struct collector *collector;
	struct recording *recording;
	struct stack_table *stacks;
	struct named_class *classes;
	size_t class_count, class_capacity;
};

static struct lock_row *named_lock_row(struct store *store, const struct lock_name *name, int64_t owner)
{
	struct lock_row *row = NULL;

	for (size_t i = 0; i < store->recording->lock_count && !row; i++) {
		struct lock_row *candidate = &store->recording->lock[i];

		if (!strcmp(candidate->kind, lock_kind__name(name->kind)) && candidate->process == owner
			&& !strcmp(candidate->place ? candidate->place : "", name->place ? name->place : ""))
			row = candidate;
	}
	if (row)
		return row;
	row = recording__add_lock(store->recording);
	row->id = (int64_t)store->recording->lock_count;
	row->kind = base__copy(lock_kind__name(name->kind));
	row->process = owner;
	row->place = name->place ? base__copy(name->place) : NULL;
	row->stack = store->stacks && name->frames ? stack_table__id(store->stacks, name->frames) : 0;
	return row;
}

// The row of a lock: made if there is none of that kind, owner and place yet.
static int64_t lock_row(struct store *store, const struct side_row *entry)
{
	for (size_t i = 0; i < store->class_count; i++) {
		const struct named_class *known = &store->classes[i];

		if (known->class.kind == entry->class.kind && known->class.stack == entry->class.stack && known->owner == entry->owner)
			return known->lock;
	}
	const struct lock_name *name = lock_names__of(store->locks->names, &entry->class);
	// Only the threads of a process take the locks of its mappings.
	int64_t owner = name->kind == LOCK_KIND_VMA ? entry->process : entry->owner;
	const struct lock_row *row = named_lock_row(store, name, owner);
	store->classes = base__grow(store->classes, &store->class_capacity, store->class_count + 1, sizeof(*store->classes));
	store->classes[store->class_count++] = (struct named_class){ entry->class, entry->owner, row->id };
	return row->id;
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
		twalk_r(locks->trees[side], want_stacks, locks->names);
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
	struct store store = { locks, collector, recording, stacks, NULL, 0, 0 };

	if (stacks) {
		lock_names__resolve(locks->names, collector->symbols);
		user_stacks__resolve(locks->user_stacks);
	}
	twalk_r(locks->trees[SIDE_WAIT], store_wait, &store);
	twalk_r(locks->trees[SIDE_HOLD], store_hold, &store);
	if (stacks) {
		twalk_r(locks->trees[SIDE_STACK], store_stack, &store);
		for (size_t i = 0; i < locks->sleeper_count; i++)
			store_sleeper(&store, &locks->sleepers[i]);
		stack_counters__store(locks->user_stacks, recording);
	}
	recording__set_counter(recording, "lock_states_evicted", locks->states_evicted > 0 ? locks->states_evicted : 0,
		"kernel locks that made room for others in the probes' table: who held them since was not known any more");
	recording__set_counter(recording, "lock_sleepers_not_kept", locks->sleepers_dropped,
		"tasks asleep for the whole window that were not looked at for a lock, because there were too many");
	free(store.classes);
}
