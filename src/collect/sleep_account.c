#include "collect/sleep_account.h"

#include <search.h>
#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/kernel_stacks.h"
#include "collect/lights.h"
#include "collect/probes_maps.h"
#include "collect/syscalls.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

#define SLEEP_EVENTS_LIMIT 20000
#define SLEEPERS_LIMIT 4096
#define SLEEP_ROWS_LIMIT 50000   // told apart by stacks and wakers; some 9 MiB

// A row of `sleep`. Stacks are numbers of kernel_stacks and user_stacks.
struct sleep_entry {
	int64_t process, waker;
	uint32_t operation, reason, waker_kind, device;
	int stack, user_stack;
	uint64_t ns, times, max_ns, open_ns, io[2], memory[2];
};
struct sleep_event { struct sleep_record record; int64_t process, waker; int stack, user_stack; };
struct sleeper { uint32_t pid; int stack; };
struct shares { uint64_t pressure_ns[LINES][2], running_ns; };

struct sleep_account {
	void *tree;                     // of struct sleep_entry
	size_t count, merge_at;         // rows of the tree, and with how many of them the lighter ones are merged
	uint64_t merged_ns;
	struct user_stacks *user_stacks;
	struct kernel_stacks *kernel_stacks;
	int known[SLEEP_STACKS];        // number of a stack of the probes' map, + 1; 0: not read yet
	struct collector *collector;    // of the drain at hand
	struct sleep_event *events;
	size_t event_count, event_capacity, events_resolved;
	int64_t events_dropped;
	struct sleeper *sleepers;
	size_t sleeper_count, sleeper_capacity;
	int64_t sleepers_dropped;
	struct shares *shares;          // by process row id; of tasks that have ended
	size_t share_count, share_capacity;
};

struct sleep_account *sleep_account__new(struct user_stacks *user_stacks)
{
	struct sleep_account *sleeps = base__alloc(1, sizeof(*sleeps));

	sleeps->merge_at = SLEEP_ROWS_LIMIT;
	sleeps->user_stacks = user_stacks;
	sleeps->kernel_stacks = kernel_stacks__new();
	return sleeps;
}

void sleep_account__free(struct sleep_account *sleeps)
{
	if (!sleeps)
		return;
	tdestroy(sleeps->tree, free);
	kernel_stacks__free(sleeps->kernel_stacks);
	free(sleeps->events);
	free(sleeps->sleepers);
	free(sleeps->shares);
	free(sleeps);
}

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare(const void *a, const void *b)
{
	const struct sleep_entry *left = a, *right = b;

	COMPARE(process);
	COMPARE(reason);
	COMPARE(operation);
	COMPARE(waker_kind);
	COMPARE(waker);
	COMPARE(device);
	COMPARE(stack);
	COMPARE(user_stack);
	return 0;
}

static struct sleep_entry *find_or_insert(struct sleep_account *sleeps, const struct sleep_entry *key)
{
	struct sleep_entry **found = tfind(key, &sleeps->tree, compare), *entry;

	if (found)
		return *found;
	entry = base__alloc(1, sizeof(*entry));
	*entry = *key;
	base__tsearch(entry, &sleeps->tree, compare);
	sleeps->count++;
	return entry;
}

static void add_entry(struct sleep_entry *entry, const struct sleep_entry *more)
{
	entry->ns += more->ns;
	entry->times += more->times;
	entry->open_ns += more->open_ns;
	for (int i = 0; i < 2; i++) {
		entry->io[i] += more->io[i];
		entry->memory[i] += more->memory[i];
	}
	if (more->max_ns > entry->max_ns)
		entry->max_ns = more->max_ns;
}

// There are too many: of the lighter half it is not kept any more where the sleepers were and who woke them. What they slept stays as it is.
static void merge_rows(struct sleep_account *sleeps)
{
	struct lights lights = lights__of(sleeps->tree, sleeps->count, offsetof(struct sleep_entry, ns));

	for (size_t i = 0; i < lights.count / 2; i++) {
		struct sleep_entry *row = lights.all[i].row, all = { .process = row->process, .operation = row->operation, .reason = row->reason, .stack = -1,
			.user_stack = -1 };

		if (!compare(row, &all))
			continue;
		tdelete(row, &sleeps->tree, compare);
		sleeps->count--;
		add_entry(find_or_insert(sleeps, &all), row);
		sleeps->merged_ns += row->ns;
		free(row);
	}
	free(lights.all);
	// Those that are merged already are as many as there are processes and system calls.
	sleeps->merge_at = sleeps->count + SLEEP_ROWS_LIMIT / 4 > SLEEP_ROWS_LIMIT ? sleeps->count + SLEEP_ROWS_LIMIT / 4 : SLEEP_ROWS_LIMIT;
}

static struct sleep_entry *find_or_add(struct sleep_account *sleeps, const struct sleep_entry *key)
{
	if (sleeps->count >= sleeps->merge_at)
		merge_rows(sleeps);
	return find_or_insert(sleeps, key);
}

static int kernel_stack(struct sleep_account *sleeps, int number)
{
	unsigned long long addresses[SLEEP_FRAMES];

	if (number < 0 || number >= SLEEP_STACKS)
		return -1;
	if (!sleeps->known[number]) {
		size_t count = probes__sleep_stack(sleeps->collector->probes, number, (uint64_t *)addresses, SLEEP_FRAMES);

		sleeps->known[number] = kernel_stacks__add(sleeps->kernel_stacks, addresses, count) + 1;
	}
	return sleeps->known[number] - 1;
}

// The same addresses mean different code in another process.
static int user_stack(struct sleep_account *sleeps, int number, uint32_t tgid, int64_t process)
{
	unsigned long long addresses[SLEEP_FRAMES];
	size_t count = number < 0 ? 0 : probes__sleep_stack(sleeps->collector->probes, number, (uint64_t *)addresses, SLEEP_FRAMES);

	return count ? user_stacks__add(sleeps->user_stacks, tgid, processes__start_ns(sleeps->collector->processes, process), (uint64_t *)addresses,
		count, count == SLEEP_FRAMES) : -1;
}

static struct sleep_entry key_of(struct sleep_account *sleeps, const struct sleep_key *key)
{
	struct processes *processes = sleeps->collector->processes;
	struct sleep_entry entry = { .process = processes__by_tgid(processes, key->tgid), .operation = key->operation, .reason = key->reason,
		.waker_kind = key->waker_kind, .device = key->device, .stack = kernel_stack(sleeps, key->stack) };

	if (key->waker_kind == WAKER_TASK && key->waker_tgid)
		entry.waker = processes__by_tgid(processes, key->waker_tgid);
	entry.user_stack = user_stack(sleeps, key->user_stack, key->tgid, entry.process);
	return entry;
}

static struct sleep_entry *add_sum(struct sleep_account *sleeps, const struct sleep_key *key, const struct sleep_sum *sum)
{
	struct sleep_entry wanted = key_of(sleeps, key), *entry = find_or_add(sleeps, &wanted);

	entry->ns += sum->ns;
	entry->times += sum->times;
	for (int i = 0; i < 2; i++) {
		entry->io[i] += sum->io[i];
		entry->memory[i] += sum->memory[i];
	}
	if (sum->max_ns > entry->max_ns)
		entry->max_ns = sum->max_ns;
	return entry;
}

static void take_sum(void *context, const struct sleep_key *key, const struct sleep_sum *sum)
{
	add_sum(context, key, sum);
}

void sleep_account__add(struct sleep_account *sleeps, struct collector *collector, const struct sleep_key *key, const struct sleep_sum *sum)
{
	sleeps->collector = collector;
	add_sum(sleeps, key, sum);
}

void sleep_account__add_event(struct sleep_account *sleeps, const struct sleep_record *record)
{
	if (sleeps->event_count >= SLEEP_EVENTS_LIMIT) {
		sleeps->events_dropped++;
		return;
	}
	sleeps->events = base__grow(sleeps->events, &sleeps->event_capacity, sleeps->event_count + 1, sizeof(*sleeps->events));
	sleeps->events[sleeps->event_count++] = (struct sleep_event){ .record = *record };
}

static void resolve_events(struct sleep_account *sleeps)
{
	for (; sleeps->events_resolved < sleeps->event_count; sleeps->events_resolved++) {
		struct sleep_event *event = &sleeps->events[sleeps->events_resolved];
		const struct sleep_record *record = &event->record;

		event->process = processes__by_tgid(sleeps->collector->processes, record->tgid);
		if (record->waker_kind == WAKER_TASK && record->waker_tgid)
			event->waker = processes__by_tgid(sleeps->collector->processes, record->waker_tgid);
		event->stack = kernel_stacks__add(sleeps->kernel_stacks, record->stack, record->frames < STACK_FRAMES ? record->frames : STACK_FRAMES);
		event->user_stack = user_stack(sleeps, record->user_stack, record->tgid, event->process);
	}
}

void sleep_account__each_long(const struct sleep_account *sleeps, void (*handle)(void *context, int64_t process, uint32_t tgid, uint32_t operation,
	uint64_t ns), void *context)
{
	for (size_t i = 0; i < sleeps->events_resolved; i++)
		handle(context, sleeps->events[i].process, sleeps->events[i].record.tgid, sleeps->events[i].record.operation, sleeps->events[i].record.ns);
}

void sleep_account__add_sleeper(struct sleep_account *sleeps, const struct asleep_record *record)
{
	struct sleeper *sleeper;

	if (sleeps->sleeper_count >= SLEEPERS_LIMIT) {
		sleeps->sleepers_dropped++;
		return;
	}
	sleeps->sleepers = base__grow(sleeps->sleepers, &sleeps->sleeper_capacity, sleeps->sleeper_count + 1, sizeof(*sleeper));
	sleeper = &sleeps->sleepers[sleeps->sleeper_count++];
	sleeper->pid = record->pid;
	sleeper->stack = kernel_stacks__add(sleeps->kernel_stacks, record->stack, record->frames < STACK_FRAMES ? record->frames : STACK_FRAMES);
}

int sleep_account__drain(struct sleep_account *sleeps, struct collector *collector)
{
	sleeps->collector = collector;
	resolve_events(sleeps);
	return probes__take_sleeps(collector->probes, take_sum, sleeps);
}

static void add_shares(struct sleep_account *sleeps, int64_t process, const unsigned long long pressure_ns[LINES][2], uint64_t running_ns)
{
	if (process <= 0)
		return;
	if ((size_t)process >= sleeps->share_count) {
		sleeps->shares = base__grow(sleeps->shares, &sleeps->share_capacity, (size_t)process + 1, sizeof(*sleeps->shares));
		sleeps->share_count = (size_t)process + 1;
	}
	for (int line = 0; line < LINES; line++)
		for (int kind = 0; kind < 2; kind++)
			sleeps->shares[process].pressure_ns[line][kind] += pressure_ns[line][kind];
	sleeps->shares[process].running_ns += running_ns;
}

void sleep_account__exit(struct sleep_account *sleeps, int64_t process, const struct exit_record *record)
{
	add_shares(sleeps, process, record->pressure_ns, record->running_ns);
}

// A sleep that goes on: since when, as far as it lies within the window, and its part of PSI's counters (all that is due then, see sleep_settle). Its stack
// is that of the end of the window where one was taken.
static void settle_open(struct sleep_account *sleeps, const struct task_slot *slot, const struct sleep_slot *sleep)
{
	const struct cpu_account *account = &sleeps->collector->probes->accounts[0];
	struct sleep_key key = { .tgid = slot->tgid, .operation = sleep->operation, .reason = slot->blocked_reason, .stack = sleep->stack,
		.user_stack = sleep->user_stack };
	struct sleep_entry wanted = key_of(sleeps, &key), *entry;
	uint64_t ns = account->last > slot->blocked_since ? account->last - slot->blocked_since : 0;

	if (!ns && !sleep->due.io[0] && !sleep->due.memory[0])
		return;
	for (size_t i = 0; i < sleeps->sleeper_count; i++)
		if (sleeps->sleepers[i].pid == slot->pid)
			wanted.stack = sleeps->sleepers[i].stack;
	entry = find_or_add(sleeps, &wanted);
	entry->ns += ns;
	entry->open_ns += ns;
	entry->times++;
	entry->max_ns = ns > entry->max_ns ? ns : entry->max_ns;
	for (int i = 0; i < 2 && !sleep->due.times; i++) {
		entry->io[i] += sleep->due.io[i];
		entry->memory[i] += sleep->due.memory[i];
	}
}

static bool is_slept_on(uint32_t reason)
{
	return reason == BLOCKED_IO || reason == BLOCKED_OTHER || reason == BLOCKED_FUTEX || reason == BLOCKED_MEMORY || reason == BLOCKED_PROCESS;
}

static void settle_slot(void *context, uint32_t number, const struct sleep_slot *sleep)
{
	struct sleep_account *sleeps = context;
	const struct task_slot *slot = &sleeps->collector->probes->slots[number];

	if (!slot->pid)
		return;
	add_shares(sleeps, processes__see(sleeps->collector->processes, slot), sleep->pressure_ns, sleep->running_ns);
	bool open = slot->blocked_since && is_slept_on(slot->blocked_reason);
	if (sleep->due.times || (!open && (sleep->due.io[0] || sleep->due.memory[0])))
		add_sum(sleeps, &sleep->key, &sleep->due);
	if (open)
		settle_open(sleeps, slot, sleep);
}

int sleep_account__settle(struct sleep_account *sleeps, struct collector *collector)
{
	sleeps->collector = collector;
	return probes__each_sleep_slot(collector->probes, settle_slot, sleeps);
}

// ---- rows ----

struct store { const struct sleep_account *sleeps; struct recording *recording; struct stack_table *stacks; };

static char *waker_name(uint32_t kind)
{
	const char *name = waker_kind__name((enum waker_kind)kind);

	return base__copy(name ? name : waker_kind__name(WAKER_UNKNOWN));
}

static char *reason_name(uint32_t reason)
{
	const char *name = blocked_reason__name((enum blocked_reason)reason);

	return base__copy(name ? name : blocked_reason__name(BLOCKED_OTHER));
}

// dev_t of the kernel: 12 bits of major, 20 of minor number (include/linux/kdev_t.h).
static char *device_name(uint32_t kind, uint32_t device)
{
	return kind == WAKER_BLOCK ? base__format("%u:%u", device >> 20, device & 0xfffff) : NULL;
}

static int64_t kernel_stack_id(const struct store *store, int number)
{
	return store->stacks ? stack_table__id(store->stacks, kernel_stacks__frames(store->sleeps->kernel_stacks, number)) : 0;
}

static int64_t user_stack_id(const struct store *store, int number)
{
	return store->stacks && number >= 0 ? stack_table__id(store->stacks, user_stacks__text(store->sleeps->user_stacks, number)) : 0;
}

static void store_entry(const void *node, VISIT visit, void *closure)
{
	const struct sleep_entry *entry = *(const struct sleep_entry *const *)node;
	const struct store *store = closure;
	struct sleep_row *row;

	if (visit != postorder && visit != leaf)
		return;
	int64_t stack = kernel_stack_id(store, entry->stack), user = user_stack_id(store, entry->user_stack);
	row = recording__add_sleep(store->recording);
	row->process = entry->process;
	row->operation = syscalls__operation_name(entry->operation);
	row->reason = reason_name(entry->reason);
	row->waker_kind = waker_name(entry->waker_kind);
	row->waker = entry->waker;
	row->device = device_name(entry->waker_kind, entry->device);
	row->kernel_stack = stack;
	row->user_stack = user;
	row->ns = (int64_t)entry->ns;
	row->times = (int64_t)entry->times;
	row->max_ns = (int64_t)entry->max_ns;
	row->open_ns = (int64_t)entry->open_ns;
	row->io_some_ns = (int64_t)entry->io[0];
	row->io_full_ns = (int64_t)entry->io[1];
	row->memory_some_ns = (int64_t)entry->memory[0];
	row->memory_full_ns = (int64_t)entry->memory[1];
}

static void store_event(const struct store *store, const struct collector *collector, const struct sleep_event *event)
{
	const struct sleep_record *record = &event->record;
	int64_t stack = kernel_stack_id(store, event->stack), user = user_stack_id(store, event->user_stack);
	struct sleep_event_row *row = recording__add_sleep_event(store->recording);

	row->time_ns = (int64_t)(record->end - collector->probes->accounts[0].first);
	row->process = event->process;
	row->tid = record->pid;
	row->name = base__copy_part(record->comm, COMM_LENGTH);
	row->reason = reason_name(record->reason);
	row->operation = syscalls__operation_name(record->operation);
	row->ns = (int64_t)record->ns;
	row->waker_kind = waker_name(record->waker_kind);
	row->waker = event->waker;
	row->waker_tid = record->waker_pid;
	row->device = device_name(record->waker_kind, record->device);
	row->kernel_stack = stack;
	row->user_stack = user;
}

static void store_shares(const struct sleep_account *sleeps, struct recording *recording)
{
	static const char *const resources[LINES] = { [LINE_IO] = "io", [LINE_MEMORY] = "memory" };

	for (size_t process = 1; process < sleeps->share_count; process++)
		for (int line = 0; line < LINES; line++) {
			const struct shares *shares = &sleeps->shares[process];

			if (!shares->pressure_ns[line][0] && !shares->pressure_ns[line][1])
				continue;
			struct pressure_share_row *row = recording__add_pressure_share(recording);
			row->process = (int64_t)process;
			row->resource = base__copy(resources[line]);
			row->some_ns = (int64_t)shares->pressure_ns[line][0];
			row->full_ns = (int64_t)shares->pressure_ns[line][1];
			row->running_ns = line == LINE_MEMORY ? (int64_t)shares->running_ns : 0;
		}
}

uint64_t sleep_account__ended_ns(const struct sleep_account *sleeps, int64_t process, int line)
{
	return process > 0 && (size_t)process < sleeps->share_count ? sleeps->shares[process].pressure_ns[line][0] : 0;
}

static void store_lines(const struct line lines[LINES], int64_t cgroup, uint32_t cpu, struct recording *recording)
{
	static const char *const resources[LINES] = { [LINE_IO] = "io", [LINE_MEMORY] = "memory" }, *const kinds[] = { "some", "full" };

	for (int line = 0; line < LINES; line++)
		for (int kind = 0; kind < 2; kind++) {
			struct resource_book_row *row;

			if (!lines[line].grown_ns[kind] && !lines[line].victims_ns[kind])
				continue;
			row = recording__add_resource_book(recording);
			row->cgroup = cgroup;
			row->resource = base__copy(resources[line]);
			row->kind = base__copy(kinds[kind]);
			row->cpu = cpu;
			row->meter_ns = (int64_t)lines[line].grown_ns[kind];
			row->victims_ns = (int64_t)lines[line].victims_ns[kind];
		}
}

static void store_books(const struct collector *collector, struct recording *recording)
{
	const struct probes *probes = collector->probes;

	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
		store_lines(probes->accounts[cpu].lines, 0, cpu, recording);
		for (uint32_t number = 1; number < probes->groups; number++)
			if (probes->group_table[number].id)
				store_lines(probes->group_accounts[number * probes->cpus + cpu].lines, (int64_t)probes->group_table[number].id, cpu,
					recording);
	}
}

static void store_counters(const struct sleep_account *sleeps, const struct collector *collector, struct recording *recording)
{
	int64_t suppressed = 0, rows = 0, stacks = 0;

	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		suppressed += (int64_t)collector->probes->accounts[cpu].sleep_events_suppressed;
		rows += (int64_t)collector->probes->accounts[cpu].sleep_rows_lost;
		stacks += (int64_t)collector->probes->accounts[cpu].sleep_stacks_lost;
	}
	recording__set_counter(recording, "sleeps_not_listed", suppressed + sleeps->events_dropped,
		"sleeps of 10 ms and more beyond the limit of about 50 a second for each CPU: summed, not listed one by one");
	recording__set_counter(recording, "sleeps_merged_ns", (int64_t)sleeps->merged_ns,
		"sleeps that are not told apart by place and waker any more, because there were too many: the lighter ones");
	recording__set_counter(recording, "sleepers_not_kept", sleeps->sleepers_dropped,
		"tasks asleep at the end of the window whose stacks were not kept, because there were too many");
	recording__set_counter(recording, "sleep_rows_lost", rows, "sums of sleeps that were not kept for want of room");
	recording__set_counter(recording, "sleep_stacks_lost", stacks, "stacks of sleepers that were not kept for want of room");
}

void sleep_account__want_symbols(const struct sleep_account *sleeps, struct kernel_symbols *symbols)
{
	kernel_stacks__want_symbols(sleeps->kernel_stacks, symbols);
}

void sleep_account__store(const struct sleep_account *sleeps, struct collector *collector, struct recording *recording,
	struct stack_table *stacks)
{
	struct store store = { sleeps, recording, stacks };

	if (stacks)
		kernel_stacks__resolve(sleeps->kernel_stacks, collector->symbols);
	twalk_r(sleeps->tree, store_entry, &store);
	for (size_t i = 0; i < sleeps->events_resolved; i++)
		store_event(&store, collector, &sleeps->events[i]);
	store_shares(sleeps, recording);
	store_books(collector, recording);
	store_counters(sleeps, collector, recording);
}
