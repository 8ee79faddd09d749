// Processes of one kind stand together: four workers of one program are one party, not four. Who runs in a realtime class is of another kind than
// its namesake that does not: a shell is not to blame for what another shell does by its class.
#include "ledger/scene.h"
#include "ledger/process_names.h"
#include "base/base.h"

#include <sched.h>
#include <string.h>

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

// Per-CPU kernel threads differ by what follows the slash only: kworker/0:1, ksoftirqd/1.
static int compare_names(const struct process_row *a, const struct process_row *b)
{
	const char *name_a = process_row__name(a), *name_b = process_row__name(b);
	if (!a->kernel_thread || !b->kernel_thread)
		return strcmp(name_a, name_b);
	size_t length_a = strcspn(name_a, "/"), length_b = strcspn(name_b, "/");
	int order = strncmp(name_a, name_b, length_a < length_b ? length_a : length_b);
	return order ? order : (length_a > length_b) - (length_a < length_b);
}

static int compare_kinds(const struct process_row *a, const struct process_row *b)
{
	int order = compare_names(a, b);
	if (!order && a->kernel_thread != b->kernel_thread)
		order = a->kernel_thread ? 1 : -1;
	if (!order)
		order = compare_text(a->cgroup, b->cgroup);
	// Under cgroup v1 a CPU quota acts by a path of its own. It is not known of all that were gone early.
	if (!order && a->cpu_cgroup && b->cpu_cgroup)
		order = strcmp(a->cpu_cgroup, b->cpu_cgroup);
	if (!order)
		order = compare_text(a->vm_id, b->vm_id);
	// An interpreter is as many programs as it runs scripts. What only calls itself like one is none.
	if (!order && a->exe && b->exe)
		order = process_row__is_interpreter(a) - process_row__is_interpreter(b);
	if (!order && a->command_line && b->command_line && process_row__is_interpreter(a))
		order = strcmp(a->command_line, b->command_line);
	// A process that was gone before its executable could be read is of the kind of its living namesakes.
	if (!order && a->exe && b->exe)
		order = strcmp(a->exe, b->exe);
	return order;
}

static bool is_below(const char *path, const char *ancestor)
{
	size_t length = strlen(ancestor);
	if (!path)
		return false;
	if (length && ancestor[length - 1] == '/')
		length--;
	return !strncmp(path, ancestor, length) && (path[length] == '/' || path[length] == 0);
}

// Whether the recording was asked to look at this process (-p, --cgroup), or at everybody.
static bool is_in_scope(const struct recording *recording, const struct process_row *row)
{
	int64_t pid = recording__meta_number(recording, "scope_pid", 0);
	const char *cgroup = recording__meta(recording, "scope_cgroup");
	if (pid > 0 && row->pid != pid)
		return false;
	return !cgroup || !*cgroup || is_below(row->cgroup, cgroup) || is_below(row->cpu_cgroup, cgroup);
}

static int compare_processes(const void *a, const void *b)
{
	const struct ledger_process *one = *(const struct ledger_process *const *)a, *other = *(const struct ledger_process *const *)b;
	const struct process_row *row_a = one->row, *row_b = other->row;
	if (one->tool != other->tool)
		return one->tool ? 1 : -1;
	if (one->realtime != other->realtime)
		return one->realtime ? 1 : -1;
	int order = compare_kinds(row_a, row_b);
	if (!order)
		order = compare_text(row_a->exe, row_b->exe);
	if (!order && process_row__is_interpreter(row_a))
		order = compare_text(row_a->command_line, row_b->command_line);
	return order ? order : (row_a->id > row_b->id) - (row_a->id < row_b->id);
}

static int compare_demands(const void *a, const void *b)
{
	const struct ledger_process *one = *(const struct ledger_process *const *)a;
	const struct ledger_process *other = *(const struct ledger_process *const *)b;
	// Those that can still be looked at come first: their pid goes into the hand checks.
	bool gone_one = one->row->gone || one->row->folded > 1, gone_other = other->row->gone || other->row->folded > 1;
	if (gone_one != gone_other)
		return gone_one ? 1 : -1;
	int64_t demand_one = one->run_ns + one->wait_ns, demand_other = other->run_ns + other->wait_ns;
	if (demand_one != demand_other)
		return demand_one > demand_other ? -1 : 1;
	return (one->row->id > other->row->id) - (one->row->id < other->row->id);
}

const char *crowd__name(const struct crowd *crowd)
{
	return process_row__name(crowd->members[0]->row);
}

double crowd__demand_ns(const struct crowd *crowd)
{
	return (double)crowd->run_ns + (double)crowd->wait_ns - (double)crowd->throttled_ns;
}

static void add_task(struct crowd *crowd, const struct task_row *task)
{
	bool first = crowd->policy < 0;
	if (task->allowed_cpus > 0 && (crowd->allowed_cpus == 0 || task->allowed_cpus < crowd->allowed_cpus))
		crowd->allowed_cpus = task->allowed_cpus;
	if (task->wait_ns > 0 && task->nice > crowd->nice_highest)
		crowd->nice_highest = task->policy == SCHED_IDLE ? 20 : task->nice;
	if (first || ledger__is_realtime(task->policy) > ledger__is_realtime(crowd->policy) ||
	    (ledger__is_realtime(task->policy) == ledger__is_realtime(crowd->policy) &&
	     (task->rt_priority > crowd->rt_priority || task->nice < crowd->nice))) {
		crowd->policy = task->policy;
		crowd->rt_priority = task->rt_priority;
		crowd->nice = task->nice;
	}
	if (ledger__is_deadline(task->policy))
		crowd->deadline_wait_ns += task->wait_ns;
}

bool crowd__waits_in_deadline(const struct crowd *crowd)
{
	return crowd->deadline_wait_ns > 0 && (double)crowd->deadline_wait_ns >= 0.99 * (double)crowd->wait_ns;
}

// Every task is at some piece of work. Where it is not known for how many tasks a row stands, each wait has to do as one.
static int64_t pieces_begun(const struct task_row *task)
{
	if (task->tid != 0 || task->folded > 0)
		return task->folded > 1 ? task->folded : 1;
	return task->waits > 0 ? task->waits : 1;
}

static void add_process(struct crowd *crowd, const struct ledger_process *process)
{
	crowd->members[crowd->member_count++] = process;
	crowd->processes += process->row->folded > 1 ? process->row->folded : 1;
	crowd->run_ns += process->run_ns;
	crowd->wait_ns += process->wait_ns;
	crowd->waits += process->waits;
	if (process->wait_max_ns > crowd->wait_max_ns)
		crowd->wait_max_ns = process->wait_max_ns;
	crowd->throttled_ns += process->throttled_ns;
	crowd->wait_idle_ns += process->wait_idle_ns;
	crowd->wait_steal_ns += process->wait_steal_ns;
	crowd->wait_hardirq_ns += process->wait_hardirq_ns;
	crowd->wait_softirq_ns += process->wait_softirq_ns;
	crowd->run_hardirq_ns += process->run_hardirq_ns;
	crowd->run_softirq_ns += process->run_softirq_ns;
	int64_t task_wait_ns = process->wait_ns - process->throttled_ns - process->wait_idle_ns - process->wait_steal_ns -
			       process->wait_hardirq_ns - process->wait_softirq_ns;
	crowd->task_wait_ns += task_wait_ns > 0 ? task_wait_ns : 0;
	crowd->idle_allowed_ns += process->idle_allowed_ns;
	crowd->idle_outside_ns += process->idle_outside_ns;
	crowd->credit_task_ns += process->credit_task_ns;
	crowd->lock_sleep_ns += process->lock_sleep_ns;
	crowd->lock_spin_ns += process->lock_spin_ns;
	for (size_t i = 0; i < process->task_count; i++) {
		add_task(crowd, &process->tasks[i]);
		crowd->pieces += pieces_begun(&process->tasks[i]);
		// Of a process that has ended all tasks are folded, its one and only too: without their number that tells nothing of threads.
		const struct task_row *task = &process->tasks[i];
		if (task->tid != 0 || process->row->folded > 1 || (process->row->gone && !task->folded))
			continue;
		crowd->folded_task_run_ns += task->run_ns;
		crowd->folded_tasks += task->folded;
	}
}

bool crowd__is_put_off_work(const struct crowd *crowd)
{
	const struct process_row *row = crowd->members[0]->row;
	return row->kernel_thread && !strncmp(process_row__name(row), "kworker", strlen("kworker"));
}

// The cgroups that their quotas throttled in this window: few of those that there are.
struct throttled { const struct cgroup_row **groups; size_t count; };

static struct throttled list_throttled(const struct recording *recording)
{
	struct throttled throttled = { base__alloc(recording->cgroup_count + 1, sizeof(*throttled.groups)), 0 };
	for (size_t i = 0; i < recording->cgroup_count; i++) {
		const struct cgroup_row *group = &recording->cgroup[i];
		if (group->path && group->throttled_us > 0 && group->quota_us > 0)
			throttled.groups[throttled.count++] = group;
	}
	return throttled;
}

// The nearest cgroup above (or of) the process that its quota throttled in this window.
static const struct cgroup_row *throttled_cgroup(const struct throttled *throttled, const struct process_row *row)
{
	const struct cgroup_row *nearest = NULL;
	for (size_t i = 0; i < throttled->count; i++) {
		const struct cgroup_row *group = throttled->groups[i];
		const char *path = group->hierarchy == 2 ? row->cgroup : row->cpu_cgroup;
		if (!is_below(path, group->path) && !is_below(row->cpu_cgroup, group->path))
			continue;
		if (!nearest || strlen(group->path) > strlen(nearest->path))
			nearest = group;
	}
	return nearest;
}

// A stopper (migration/N) runs above all classes, for microseconds and at another task's request: to push a task to another CPU,
// to change code. It is told by its policy (kernel/sched/core.c, sched_set_stop_task(): FIFO 99, which no other kernel thread
// has by itself). Where it seems to occupy a CPU for long, the CPU itself stood still, as in a starved guest.
static bool is_stopper(const struct crowd *crowd)
{
	return crowd->members[0]->row->kernel_thread && crowd->policy == SCHED_FIFO && crowd->rt_priority == 99;
}

static void finish_crowd(struct scene *scene, const struct throttled *throttled, struct crowd *crowd)
{
	qsort(crowd->members, crowd->member_count, sizeof(struct ledger_process *), compare_demands);
	for (size_t i = 0; i < crowd->member_count; i++)
		scene->crowd_of[crowd->members[i] - scene->ledger->processes] = (size_t)(crowd - scene->crowds);
	crowd->parent = SIZE_MAX;
	crowd->stopper = is_stopper(crowd);
	crowd->tool = crowd->members[0]->tool;
	crowd->throttled = crowd->throttled_ns > 0 ? throttled_cgroup(throttled, crowd->members[0]->row) : NULL;
}

// Each sleep parts two pieces of work.
static void add_sleeps(struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	for (size_t i = 0; i < recording->blocked_count; i++) {
		const struct ledger_process *process = ledger__process(scene->ledger, recording->blocked[i].process);
		if (process)
			scene->crowds[scene->crowd_of[process - scene->ledger->processes]].pieces += recording->blocked[i].times;
	}
	for (size_t i = 0; i < scene->ledger->blocking.count; i++) {
		const struct ledger_blocked *blocked = &scene->ledger->blocking.processes[i];
		const struct ledger_process *process = ledger__process(scene->ledger, blocked->process->id);
		if (process)
			scene->crowds[scene->crowd_of[process - scene->ledger->processes]].blocked_ns += blocked->waiting_ns;
	}
}

void scene__gather_crowds(struct scene *scene)
{
	const struct ledger *ledger = scene->ledger;
	size_t count = ledger->process_count;
	cleanup_free const struct ledger_process **sorted = base__alloc(count + 1, sizeof(struct ledger_process *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &ledger->processes[i];
	qsort(sorted, count, sizeof(struct ledger_process *), compare_processes);
	struct throttled throttled = list_throttled(ledger->recording);
	scene->crowds = base__alloc(count + 1, sizeof(*scene->crowds));
	scene->crowd_of = base__alloc(count + 1, sizeof(*scene->crowd_of));
	for (size_t begin = 0, end; begin < count; begin = end) {
		bool in_scope = is_in_scope(ledger->recording, sorted[begin]->row);
		for (end = begin + 1; end < count && sorted[end]->tool == sorted[begin]->tool && sorted[end]->realtime == sorted[begin]->realtime &&
				      !compare_kinds(sorted[begin]->row, sorted[end]->row) &&
				      is_in_scope(ledger->recording, sorted[end]->row) == in_scope; end++)
			;
		struct crowd *crowd = &scene->crowds[scene->crowd_count++];
		crowd->policy = -1;
		crowd->in_scope = in_scope;
		crowd->members = base__alloc(end - begin, sizeof(struct ledger_process *));
		for (size_t i = begin; i < end; i++)
			add_process(crowd, sorted[i]);
		finish_crowd(scene, &throttled, crowd);
		scene->task_wait_ns += (double)crowd->task_wait_ns;
	}
	free(throttled.groups);
	add_sleeps(scene);
}
