#include "collect/processes.h"

#include <search.h>
#include <string.h>

#include "base/base.h"
#include "collect/process_row.h"
#include "collect/task_rows.h"
#include "identify/process.h"
#include "identify/programs.h"

#define PROGRAMS_LIMIT_NS ((int64_t)(4 * NS_PER_SEC))
#define DEAD_ROUNDS 4           // a process whose first thread has ended is remembered for so long: its others may take their time
#define FORGOTTEN_SEARCHED 4096 // rows looked through for one that was forgotten by number
#define FOLDED_LIMIT 256        // kinds of short-lived processes told apart
#define ROWS_LIMIT 10000        // processes; beyond it all that start within the window stand with their kind, however long they live; some 10 MiB

// Who has a tgid at this moment.
struct holder {
	uint32_t tgid;          // key
	uint64_t start_ns;
	size_t row;             // index into rows; SIZE_MAX: no row yet, only an exec was seen
	char *exec_path;
	bool dead, listed;      // listed: stands in processes.dead, whether it is dead or has a new holder
	int rounds;             // calls of processes__forget_dead since anything was heard of it
};

struct processes {
	void *holders;          // binary tree (tsearch)
	struct ended_tasks *ended;
	struct process_row *rows;
	int *nices;
	size_t row_count, row_capacity, nice_capacity;
	struct holder **dead;
	size_t dead_count, dead_capacity;
	void *kinds;            // binary tree (tsearch) of struct kind: ended processes that began within the window
	size_t folded_kinds;
	size_t others;          // index of the row of all further kinds, + 1; 0: none yet
	int64_t grouped;
	uint64_t window_ns, exits, execs, task_exits;
};

static int compare_holders(const void *a, const void *b)
{
	const struct holder *left = a, *right = b;

	return left->tgid < right->tgid ? -1 : left->tgid > right->tgid;
}

// What a process that is gone has in common with its like. The strings are the row's.
struct kind { const struct process_row *row; size_t index; };

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_kinds(const void *left, const void *right)
{
	const struct kind *a = left, *b = right;
	int order = compare_text(a->row->name, b->row->name);

	if (a->row->parent_pid != b->row->parent_pid)
		return a->row->parent_pid < b->row->parent_pid ? -1 : 1;
	if (!order)
		order = compare_text(a->row->exe, b->row->exe);
	return order ? order : compare_text(a->row->cgroup, b->row->cgroup);
}

static void free_kind(void *pointer)
{
	struct kind *kind = pointer;

	process_row__free_strings((struct process_row *)kind->row);
	free((struct process_row *)kind->row);
	free(kind);
}

// Others of its kind will share the row. The tree has a copy of what they are known by: rows move and change.
static void add_kind(struct processes *processes, size_t index)
{
	const struct process_row *row = &processes->rows[index];
	struct process_row *copy;
	struct kind *kind;

	if (tfind(&(struct kind){ row, 0 }, &processes->kinds, compare_kinds))
		return;
	copy = base__alloc(1, sizeof(*copy));
	copy->parent_pid = row->parent_pid;
	copy->name = base__copy(row->name);
	copy->exe = base__copy(row->exe);
	copy->cgroup = base__copy(row->cgroup);
	kind = base__alloc(1, sizeof(*kind));
	*kind = (struct kind){ copy, index };
	base__tsearch(kind, &processes->kinds, compare_kinds);
}

// The row that a process of this kind shares; SIZE_MAX: it needs one of its own.
static size_t find_kind(const struct processes *processes, const struct process_row *candidate)
{
	struct kind key = { candidate, 0 }, **found = tfind(&key, &processes->kinds, compare_kinds);

	if (found)
		return (*found)->index;
	return processes->folded_kinds >= FOLDED_LIMIT && processes->others ? processes->others - 1 : SIZE_MAX;
}

struct processes *processes__new(void)
{
	struct processes *processes = base__alloc(1, sizeof(*processes));

	processes->ended = ended_tasks__new();
	return processes;
}

static void free_holder(void *pointer)
{
	struct holder *holder = pointer;

	free(holder->exec_path);
	free(holder);
}

void processes__free(struct processes *processes)
{
	if (!processes)
		return;
	tdestroy(processes->holders, free_holder);
	tdestroy(processes->kinds, free_kind);
	ended_tasks__free(processes->ended);
	for (size_t i = 0; i < processes->row_count; i++)
		process_row__free_strings(&processes->rows[i]);
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
		base__tsearch(holder, &processes->holders, compare_holders);
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
	processes->rows[index].uid = processes->rows[index].exe_uid = -1;
	processes->nices[index] = nice;
	return index;
}

static void describe_gone(const struct processes *processes, const struct holder *holder, const struct task_slot *slot,
	struct process_row *row)
{
	const struct holder *parent = find_holder(processes, slot->parent_tgid);

	process_row__describe_gone(row, slot, holder->exec_path, parent && parent->row != SIZE_MAX ? &processes->rows[parent->row] : NULL);
}

// The row of a process that began and ended within the window, or one too many: shared with its like.
static size_t fold(struct processes *processes, const struct holder *holder, const struct task_slot *slot)
{
	struct process_row candidate = { .folded = 1, .uid = -1, .exe_uid = -1 };
	size_t index;

	describe_gone(processes, holder, slot, &candidate);
	index = find_kind(processes, &candidate);
	if (index != SIZE_MAX) {
		processes->rows[index].folded++;
		processes->rows[index].pid = 0;
		process_row__free_strings(&candidate);
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
		processes->others = index + 1;
	}
	processes->rows[index] = candidate;
	add_kind(processes, index);
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

// Whether the number belongs to another process by now. Its start can't be had without waiting (identify/process.h), so what is the same tells:
// the name, which the kernel shows longer for a worker, or the parent, if it has changed its name since.
static bool is_another(const struct task_slot *slot, const struct process_row *row)
{
	size_t length = strnlen(slot->leader_comm, COMM_LENGTH);

	return length && (!row->name || strncmp(row->name, slot->leader_comm, length)) && identify__parent(slot->tgid) != slot->parent_tgid;
}

static size_t identify(struct processes *processes, struct holder *holder, const struct task_slot *slot)
{
	size_t forgotten = find_forgotten(processes, slot);
	if (forgotten != SIZE_MAX)
		return forgotten;
	if (processes->row_count >= ROWS_LIMIT && slot->start_ns >= processes->window_ns) {
		processes->grouped++;
		return fold(processes, holder, slot);
	}
	size_t index = add_row(processes, (int)slot->nice20 - 20);
	struct process_row *row = &processes->rows[index];

	row->pid = slot->tgid;
	row->parent_pid = slot->parent_tgid;
	row->kernel_thread = slot->kernel_thread;
	bool found = identify__process(slot->tgid, row) == 0;
	if (found && is_another(slot, row)) {
		process_row__reset(row, slot->tgid);
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
	holder->exec_path = base__copy_part(record->filename, sizeof(record->filename));
	if (holder->row == SIZE_MAX)
		return;
	// A process that was known becomes another program: the name that it ends with is the one people see in ps.
	struct process_row *row = &processes->rows[holder->row];
	if (row->pid != record->tgid)
		return;         // it shares the row
	if (!row->gone)
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
	struct process_row *row = &processes->rows[holder->row];

	if (process_row__is_named(row, "?")) {
		// It was named by number only, and had ended before it could be looked up.
		process_row__reset(row, slot->tgid);
		row->start_ns = (int64_t)slot->start_ns;
		describe_gone(processes, holder, slot, row);
	}
	return row;
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

int64_t processes__exit(struct processes *processes, const struct task_slot *slot)
{
	struct holder *holder = get_holder(processes, slot->tgid, slot->start_ns);
	struct process_row *row = row_of_ended(processes, holder, slot);

	processes->task_exits++;
	holder->rounds = 0;
	if (slot->pid == slot->tgid) {
		row->gone = 1;
		if (row->start_ns && (uint64_t)row->start_ns >= processes->window_ns)
			add_kind(processes, holder->row);
		note_death(processes, holder);
	}
	ended_tasks__add(processes->ended, slot, row->id);
	return row->id;
}

int64_t processes__by_tgid(struct processes *processes, uint32_t tgid)
{
	struct holder *holder;

	if (!tgid)
		return 0;
	holder = get_holder(processes, tgid, 0);
	if (holder->row == SIZE_MAX) {
		int64_t parent = identify__parent(tgid);
		// The kernel's threads are children of kthreadd, whose number is 2.
		struct task_slot slot = { .pid = tgid, .tgid = tgid, .nice20 = 20, .parent_tgid = parent > 0 ? (uint32_t)parent : 0,
			.kernel_thread = tgid == 2 || parent == 2 };

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

int64_t processes__grouped(const struct processes *processes) { return processes->grouped; }
int64_t processes__task_names_merged(const struct processes *processes) { return ended_tasks__merged(processes->ended); }
uint64_t processes__exits(const struct processes *processes) { return processes->exits; }
uint64_t processes__execs(const struct processes *processes) { return processes->execs; }
uint64_t processes__task_exits(const struct processes *processes) { return processes->task_exits; }

void processes__store(const struct processes *processes, struct recording *recording)
{
	for (size_t i = 0; i < processes->row_count; i++) {
		struct process_row *row = recording__add_process(recording);

		process_row__copy(&processes->rows[i], row);
		if (!row->name)
			row->name = base__copy("?");
	}
	ended_tasks__store(processes->ended, recording);
}
