#include "collect/processes.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "identify/process.h"
#include "identify/programs.h"

#define START_TOLERANCE_NS ((int64_t)(20 * NS_PER_MSEC)) // /proc rounds start times down to clock ticks of 10 ms
#define PROGRAMS_LIMIT_NS ((int64_t)(4 * NS_PER_SEC))
#define DEAD_ROUNDS 4           // a process whose first thread has ended is remembered for so long: its others may take their time
#define FORGOTTEN_SEARCHED 4096 // rows looked through for one that was forgotten by number
#define FOLDED_LIMIT 256        // kinds of short-lived processes told apart

// Who has a tgid at this moment.
struct holder {
	uint32_t tgid;          // key
	uint64_t start_ns;
	size_t row;             // index into rows; SIZE_MAX: no row yet, only an exec was seen
	char *exec_path;
	bool dead, listed;      // listed: stands in processes.dead, whether it is dead or has a new holder
	int rounds;             // calls of processes__forget_dead since anything was heard of it
};

// Tasks that have ended, summed by process, name and class.
struct ended {
	int64_t process;
	char name[COMM_LENGTH];
	uint32_t policy;
	struct task_row sums;
};

struct processes {
	void *holders, *ended;  // binary trees (tsearch)
	struct process_row *rows;
	int *nices;
	size_t row_count, row_capacity, nice_capacity;
	struct holder **dead;
	size_t dead_count, dead_capacity;
	size_t folded_kinds;
	uint64_t window_ns, exits, execs, task_exits;
};

static int compare_holders(const void *a, const void *b)
{
	const struct holder *left = a, *right = b;

	return left->tgid < right->tgid ? -1 : left->tgid > right->tgid;
}

static int compare_ended(const void *a, const void *b)
{
	const struct ended *left = a, *right = b;
	int order = strncmp(left->name, right->name, COMM_LENGTH);

	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	if (left->policy != right->policy)
		return left->policy < right->policy ? -1 : 1;
	return order;
}

struct processes *processes__new(void)
{
	return base__alloc(1, sizeof(struct processes));
}

static void free_holder(void *pointer)
{
	struct holder *holder = pointer;

	free(holder->exec_path);
	free(holder);
}

// Every string of a process' row.
static const size_t row_strings[] = {
#define STRING(field) offsetof(struct process_row, field)
	STRING(name), STRING(exe), STRING(command_line), STRING(cgroup), STRING(cpu_cgroup), STRING(unit), STRING(container),
	STRING(vm_id), STRING(vm_name), STRING(runtime), STRING(linkage), STRING(allocator), STRING(runtime_version), STRING(module),
	STRING(module_version), STRING(loader), STRING(libc), STRING(allocator_how), STRING(build_id), STRING(package),
	STRING(package_version), STRING(settings),
#undef STRING
};

static char **string_of(struct process_row *row, size_t index)
{
	return (char **)((char *)row + row_strings[index]);
}

static void free_row(struct process_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(row_strings); i++)
		free(*string_of(row, i));
}

void processes__free(struct processes *processes)
{
	if (!processes)
		return;
	tdestroy(processes->holders, free_holder);
	tdestroy(processes->ended, free);
	for (size_t i = 0; i < processes->row_count; i++)
		free_row(&processes->rows[i]);
	free(processes->rows);
	free(processes->nices);
	free(processes->dead);
	free(processes);
}

void processes__window_begins(struct processes *processes, uint64_t boottime_ns)
{
	processes->window_ns = boottime_ns;
}

static struct holder *find_holder(const struct processes *processes, uint32_t tgid)
{
	struct holder key = { .tgid = tgid };
	struct holder **found = tfind(&key, &processes->holders, compare_holders);

	return found ? *found : NULL;
}

// The holder of a tgid that started at `start_ns`; an earlier holder of the same number gives way.
static struct holder *get_holder(struct processes *processes, uint32_t tgid, uint64_t start_ns)
{
	struct holder *holder = find_holder(processes, tgid);

	if (!holder) {
		holder = base__alloc(1, sizeof(*holder));
		holder->tgid = tgid;
		holder->start_ns = start_ns;
		holder->row = SIZE_MAX;
		tsearch(holder, &processes->holders, compare_holders);
	} else if (start_ns && holder->start_ns && holder->start_ns != start_ns) {
		free(holder->exec_path);
		holder->exec_path = NULL;
		holder->start_ns = start_ns;
		holder->row = SIZE_MAX;
		holder->dead = false;
		holder->rounds = 0;
	}
	return holder;
}

static size_t add_row(struct processes *processes, int nice)
{
	size_t index = processes->row_count++;

	processes->rows = base__grow(processes->rows, &processes->row_capacity, index + 1, sizeof(*processes->rows));
	processes->nices = base__grow(processes->nices, &processes->nice_capacity, index + 1, sizeof(*processes->nices));
	processes->rows[index].id = (int64_t)index + 1;
	processes->rows[index].folded = 1;
	processes->nices[index] = nice;
	return index;
}

static void set_unknown(struct process_row *row)
{
	char **fields[] = { &row->runtime, &row->linkage, &row->allocator };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!*fields[i])
			*fields[i] = base__copy("unknown");
}

// Who is behind a tgid that is gone: its last exec, or the parent it was forked from.
static void describe_gone(const struct processes *processes, const struct holder *holder, const struct task_slot *slot,
	struct process_row *row)
{
	const struct holder *parent = find_holder(processes, slot->parent_tgid);
	const struct process_row *parent_row = parent && parent->row != SIZE_MAX ? &processes->rows[parent->row] : NULL;

	if (holder->exec_path)
		identify__from_exec(holder->exec_path, row);
	else if (parent_row && parent_row->exe)
		row->exe = base__copy(parent_row->exe);
	free(row->name);
	row->name = strndup(slot->pid == slot->tgid ? slot->comm : slot->leader_comm, COMM_LENGTH);
	if (parent_row) {
		// Children stay in their parent's cgroup unless somebody moves them.
		row->cgroup = base__copy(parent_row->cgroup);
		row->cpu_cgroup = base__copy(parent_row->cpu_cgroup);
		row->unit = base__copy(parent_row->unit);
		row->container = base__copy(parent_row->container);
		row->vm_id = base__copy(parent_row->vm_id);
		row->vm_name = base__copy(parent_row->vm_name);
	}
	row->parent_pid = slot->parent_tgid;
	row->gone = 1;
	set_unknown(row);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

// The row of a process that began and ended within the window: shared with its like.
static size_t fold(struct processes *processes, const struct holder *holder, const struct task_slot *slot)
{
	struct process_row candidate = { .folded = 1 };
	size_t index;

	describe_gone(processes, holder, slot, &candidate);
	for (index = 0; index < processes->row_count; index++) {
		struct process_row *row = &processes->rows[index];

		if (!row->gone || !row->start_ns || (uint64_t)row->start_ns < processes->window_ns)
			continue;
		if (row->parent_pid == candidate.parent_pid && same(row->name, candidate.name) && same(row->exe, candidate.exe)
			&& same(row->cgroup, candidate.cgroup))
			break;
		if (processes->folded_kinds >= FOLDED_LIMIT && row->folded > 1 && same(row->name, "(others)"))
			break;
	}
	if (index < processes->row_count) {
		processes->rows[index].folded++;
		processes->rows[index].pid = 0;
		free_row(&candidate);
		return index;
	}
	index = add_row(processes, (int)slot->nice20 - 20);
	candidate.id = processes->rows[index].id;
	candidate.pid = slot->tgid;
	candidate.start_ns = (int64_t)slot->start_ns;
	if (++processes->folded_kinds == FOLDED_LIMIT) {
		free(candidate.name);
		candidate.name = base__copy("(others)");
		candidate.folded = 2;
	}
	processes->rows[index] = candidate;
	return index;
}

// The row of a process that has been forgotten by number, but of which something is left: a task whose end was not seen. SIZE_MAX: none.
static size_t find_forgotten(const struct processes *processes, const struct task_slot *slot)
{
	size_t oldest = processes->row_count > FORGOTTEN_SEARCHED ? processes->row_count - FORGOTTEN_SEARCHED : 0;

	for (size_t i = processes->row_count; slot->start_ns && i-- > oldest;)
		if (processes->rows[i].gone && processes->rows[i].pid == slot->tgid && (uint64_t)processes->rows[i].start_ns == slot->start_ns)
			return i;
	return SIZE_MAX;
}

static size_t identify(struct processes *processes, struct holder *holder, const struct task_slot *slot)
{
	size_t forgotten = find_forgotten(processes, slot);
	if (forgotten != SIZE_MAX)
		return forgotten;
	size_t index = add_row(processes, (int)slot->nice20 - 20);
	struct process_row *row = &processes->rows[index];

	row->pid = slot->tgid;
	bool found = identify__process(slot->tgid, row) == 0;
	if (found && slot->start_ns && llabs(row->start_ns - (int64_t)slot->start_ns) > START_TOLERANCE_NS) {
		// The number belongs to another process by now.
		int64_t id = row->id;

		free_row(row);
		*row = (struct process_row){ .id = id, .pid = slot->tgid, .folded = 1 };
		found = false;
	}
	if (!found) {
		describe_gone(processes, holder, slot, row);
		if (!row->name || !row->name[0]) {
			free(row->name);
			row->name = base__copy("?");
		}
	}
	if (slot->start_ns)
		row->start_ns = (int64_t)slot->start_ns;
	return index;
}

int64_t processes__see(struct processes *processes, const struct task_slot *slot)
{
	struct holder *holder = get_holder(processes, slot->tgid, slot->start_ns);

	if (holder->row == SIZE_MAX)
		holder->row = identify(processes, holder, slot);
	return processes->rows[holder->row].id;
}

void processes__exec(struct processes *processes, const struct exec_record *record)
{
	struct holder *holder = get_holder(processes, record->tgid, record->start_ns);

	processes->execs++;
	free(holder->exec_path);
	holder->exec_path = strndup(record->filename, sizeof(record->filename));
	if (holder->row == SIZE_MAX)
		return;
	// A process that was known becomes another program: the name that it ends with is the one people see in ps.
	struct process_row *row = &processes->rows[holder->row];
	if (!row->gone && row->pid == record->tgid)
		identify__process(record->tgid, row);
	row->start_ns = (int64_t)record->start_ns;
}

// The row of a task's process. One that came and went within the window stands with its kind.
static struct process_row *row_of_ended(struct processes *processes, struct holder *holder, const struct task_slot *slot)
{
	if (holder->row == SIZE_MAX) {
		bool short_lived = slot->pid == slot->tgid && slot->start_ns >= processes->window_ns;

		holder->row = short_lived ? fold(processes, holder, slot) : identify(processes, holder, slot);
	}
	if (same(processes->rows[holder->row].name, "?")) {
		// It was named by number only, and had ended before it could be looked up.
		int64_t id = processes->rows[holder->row].id;

		free_row(&processes->rows[holder->row]);
		processes->rows[holder->row] = (struct process_row){ .id = id, .pid = slot->tgid, .folded = 1,
			.start_ns = (int64_t)slot->start_ns };
		describe_gone(processes, holder, slot, &processes->rows[holder->row]);
	}
	return &processes->rows[holder->row];
}

static void note_death(struct processes *processes, struct holder *holder)
{
	processes->exits++;
	holder->dead = true;
	if (holder->listed)
		return;
	holder->listed = true;
	processes->dead = base__grow(processes->dead, &processes->dead_capacity, processes->dead_count + 1, sizeof(*processes->dead));
	processes->dead[processes->dead_count++] = holder;
}

static void add_ended(struct task_row *all, const struct task_row *one)
{
	int64_t *to[] = { &all->run_ns, &all->switches, &all->wait_ns, &all->waits, &all->wait_pressure_ns, &all->throttled_ns,
		&all->wait_idle_ns, &all->wait_steal_ns, &all->wait_hardirq_ns, &all->wait_softirq_ns, &all->idle_allowed_ns,
		&all->idle_outside_ns, &all->credit_pressure_ns, &all->credit_task_ns, &all->run_delay_ns, &all->preempted_at_wakeup,
		&all->run_hardirq_ns, &all->run_softirq_ns };
	int64_t from[] = { one->run_ns, one->switches, one->wait_ns, one->waits, one->wait_pressure_ns, one->throttled_ns,
		one->wait_idle_ns, one->wait_steal_ns, one->wait_hardirq_ns, one->wait_softirq_ns, one->idle_allowed_ns,
		one->idle_outside_ns, one->credit_pressure_ns, one->credit_task_ns, one->run_delay_ns, one->preempted_at_wakeup,
		one->run_hardirq_ns, one->run_softirq_ns };

	for (size_t i = 0; i < ARRAY_SIZE(to); i++)
		*to[i] += from[i];
	all->folded++;
	if (one->wait_max_ns > all->wait_max_ns)
		all->wait_max_ns = one->wait_max_ns;
}

// Adds a task that has ended to the sums of its process, name and class.
static void sum_ended(struct processes *processes, const struct task_slot *slot, int64_t process)
{
	struct ended key = { .process = process, .policy = slot->policy }, **found;
	struct task_row one = {};

	memcpy(key.name, slot->comm, sizeof(key.name));
	processes__task_row(slot, process, &one);
	free(one.name);                 // the name of the sums is the key's
	one.name = NULL;
	found = tfind(&key, &processes->ended, compare_ended);
	if (found) {
		add_ended(&(*found)->sums, &one);
		return;
	}
	struct ended *sums = base__alloc(1, sizeof(*sums));

	*sums = key;
	sums->sums = one;
	sums->sums.tid = 0;
	tsearch(sums, &processes->ended, compare_ended);
}

int64_t processes__exit(struct processes *processes, const struct task_slot *slot)
{
	struct holder *holder = get_holder(processes, slot->tgid, slot->start_ns);
	struct process_row *row = row_of_ended(processes, holder, slot);

	processes->task_exits++;
	holder->rounds = 0;
	if (slot->pid == slot->tgid) {
		row->gone = 1;
		note_death(processes, holder);
	}
	sum_ended(processes, slot, row->id);
	return row->id;
}

int64_t processes__by_tgid(struct processes *processes, uint32_t tgid)
{
	struct holder *holder;

	if (!tgid)
		return 0;
	holder = get_holder(processes, tgid, 0);
	if (holder->row == SIZE_MAX) {
		struct task_slot slot = { .pid = tgid, .tgid = tgid, .nice20 = 20 };

		holder->row = identify(processes, holder, &slot);
	}
	return processes->rows[holder->row].id;
}

int processes__nice(const struct processes *processes, int64_t id)
{
	return id > 0 && (size_t)id <= processes->row_count ? processes->nices[id - 1] : 0;
}

uint64_t processes__start_ns(const struct processes *processes, int64_t id)
{
	return id > 0 && (size_t)id <= processes->row_count ? (uint64_t)processes->rows[id - 1].start_ns : 0;
}

void processes__forget_dead(struct processes *processes)
{
	size_t kept = 0;

	for (size_t i = 0; i < processes->dead_count; i++) {
		struct holder *holder = processes->dead[i];

		if (holder->dead && ++holder->rounds < DEAD_ROUNDS) {
			processes->dead[kept++] = holder;
			continue;
		}
		holder->listed = false;
		if (!holder->dead)
			continue;       // the number has a new holder
		tdelete(holder, &processes->holders, compare_holders);
		free_holder(holder);
	}
	processes->dead_count = kept;
}

int processes__read_command_lines(struct processes *processes)
{
	return identify__command_lines(processes->rows, processes->row_count, (int64_t)(NS_PER_SEC / 2));
}

int processes__identify_programs(struct processes *processes)
{
	return identify__programs(processes->rows, processes->row_count, PROGRAMS_LIMIT_NS);
}

uint64_t processes__exits(const struct processes *processes) { return processes->exits; }
uint64_t processes__execs(const struct processes *processes) { return processes->execs; }
uint64_t processes__task_exits(const struct processes *processes) { return processes->task_exits; }

void processes__task_row(const struct task_slot *slot, int64_t process, struct task_row *row)
{
	row->process = process;
	row->tid = slot->pid;
	row->folded = 1;
	row->name = strndup(slot->comm, COMM_LENGTH);
	row->policy = slot->policy & 0xff;
	row->nice = (int64_t)slot->nice20 - 20;
	row->rt_priority = slot->rt_priority;
	row->allowed_cpus = slot->allowed_cpus;
	row->run_ns = (int64_t)slot->run_ns;
	row->switches = (int64_t)slot->switches;
	row->wait_ns = (int64_t)slot->wait_ns;
	row->waits = (int64_t)slot->waits;
	row->wait_max_ns = (int64_t)slot->wait_max_ns;
	row->wait_pressure_ns = (int64_t)slot->wait_pressure_ns;
	row->throttled_ns = (int64_t)slot->throttled_ns;
	row->wait_idle_ns = (int64_t)slot->wait_special[SPECIAL_IDLE];
	row->wait_steal_ns = (int64_t)slot->wait_special[SPECIAL_STEAL];
	row->wait_hardirq_ns = (int64_t)slot->wait_special[SPECIAL_HARDIRQ];
	row->wait_softirq_ns = (int64_t)slot->wait_special[SPECIAL_SOFTIRQ];
	row->idle_allowed_ns = (int64_t)slot->idle_allowed_ns;
	row->idle_outside_ns = (int64_t)slot->idle_outside_ns;
	row->open_wait_ns = (int64_t)slot->open_wait_ns;
	row->credit_pressure_ns = (int64_t)slot->credit_pressure_ns;
	row->credit_task_ns = (int64_t)slot->credit_task_ns;
	row->run_delay_ns = slot->run_delay_last ? (int64_t)(slot->run_delay_last - slot->run_delay_first) : -1;
	row->preempted_at_wakeup = (int64_t)slot->preempted_at_wakeup;
	row->run_hardirq_ns = (int64_t)slot->run_hardirq_ns;
	row->run_softirq_ns = (int64_t)slot->run_softirq_ns;
}

static void store_process(const struct process_row *from, struct recording *recording)
{
	struct process_row *to = recording__add_process(recording);

	*to = *from;
	for (size_t i = 0; i < ARRAY_SIZE(row_strings); i++)
		*string_of(to, i) = base__copy(*string_of(to, i));
	if (!to->name)
		to->name = base__copy("?");
}

static void store_ended(const void *node, VISIT visit, void *closure)
{
	const struct ended *ended = *(const struct ended *const *)node;
	struct recording *recording = closure;

	if (visit != postorder && visit != leaf)
		return;
	struct task_row *row = recording__add_task(recording);
	*row = ended->sums;
	row->name = strndup(ended->name, COMM_LENGTH);
}

void processes__store(const struct processes *processes, struct recording *recording)
{
	for (size_t i = 0; i < processes->row_count; i++)
		store_process(&processes->rows[i], recording);
	twalk_r(processes->ended, store_ended, recording);
}
