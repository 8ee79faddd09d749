// The accounts of a recording: sums by process, the pressure rows with both sides folded as the kernel folds, the balance.
#include "ledger/ledger.h"

#include "base/base.h"
#include "ledger/balance.h"
#include "ledger/fold.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

// What the caller sees, and what is kept for it.
struct account {
	struct ledger ledger;           // first: a struct ledger * is a struct account *
	struct ledger_pressure no_pressure;
	struct folds folds;
};

// ---- processes ----

static void add_task(struct ledger_process *process, const struct task_row *task)
{
	process->run_ns += task->run_ns;
	process->switches += task->switches;
	process->wait_ns += task->wait_ns;
	process->waits += task->waits;
	if (task->wait_max_ns > process->wait_max_ns)
		process->wait_max_ns = task->wait_max_ns;
	process->wait_pressure_ns += task->wait_pressure_ns;
	process->throttled_ns += task->throttled_ns;
	process->wait_idle_ns += task->wait_idle_ns;
	process->wait_steal_ns += task->wait_steal_ns;
	process->wait_hardirq_ns += task->wait_hardirq_ns;
	process->wait_softirq_ns += task->wait_softirq_ns;
	process->idle_allowed_ns += task->idle_allowed_ns;
	process->idle_outside_ns += task->idle_outside_ns;
	process->open_wait_ns += task->open_wait_ns;
	process->credit_pressure_ns += task->credit_pressure_ns;
	process->credit_task_ns += task->credit_task_ns;
	if (task->run_delay_ns < 0)
		process->run_delay_ns = -1;
	else if (process->run_delay_ns >= 0)
		process->run_delay_ns += task->run_delay_ns;
}

static int add_processes(struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	ledger->process_count = recording->process_count;
	ledger->processes = base__alloc(ledger->process_count, sizeof(*ledger->processes));
	for (size_t i = 0; i < ledger->process_count; i++)
		ledger->processes[i].row = &recording->process[i];
	for (size_t start = 0, end; start < recording->task_count; start = end) {
		const struct task_row *first = &recording->task[start];
		for (end = start; end < recording->task_count && recording->task[end].process == first->process; end++)
			;
		const struct process_row *row = recording__process(recording, first->process);
		if (!row)               // a task whose process is not known counts in the system's sums only
			continue;
		struct ledger_process *process = &ledger->processes[row - recording->process];
		if (process->tasks)
			return -EINVAL; // its tasks are not side by side: recording__repair was not called
		process->tasks = first;
		process->task_count = end - start;
		for (size_t i = start; i < end; i++)
			add_task(process, &recording->task[i]);
	}
	return 0;
}

static void add_lock_waits(struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	for (size_t i = 0; i < recording->lock_wait_count; i++) {
		const struct lock_wait_row *wait = &recording->lock_wait[i];
		const struct process_row *row = wait->process ? recording__process(recording, wait->process) : NULL;
		if (!row)
			continue;
		ledger->processes[row - recording->process].lock_sleep_ns += wait->sleep_ns;
		ledger->processes[row - recording->process].lock_spin_ns += wait->spin_ns;
	}
}

static void add_system(struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	for (size_t i = 0; i < recording->task_count; i++) {
		const struct task_row *task = &recording->task[i];
		ledger->wait_ns += task->wait_ns;
		ledger->throttled_ns += task->throttled_ns;
		ledger->wait_idle_ns += task->wait_idle_ns;
		ledger->wait_steal_ns += task->wait_steal_ns;
		ledger->wait_hardirq_ns += task->wait_hardirq_ns;
		ledger->wait_softirq_ns += task->wait_softirq_ns;
	}
	for (size_t i = 0; i < recording->cpu_count; i++) {
		ledger->unknown_ns += recording->cpu[i].credit_unknown_task_ns;
		ledger->run_ns += recording->cpu[i].run_ns;
		ledger->idle_ns += recording->cpu[i].idle_ns;
	}
}

// ---- pressures ----

static int rank(const char *text, const char *const *order, int count)
{
	int position = 0;
	while (position < count && strcmp(text, order[position]) != 0)
		position++;
	return position;
}

static int compare_pressures(const void *left, const void *right)
{
	static const char *const resources[] = { "cpu", "memory", "io", "irq" }, *const kinds[] = { "some", "full" };
	const struct ledger_pressure *a = left, *b = right;
	if ((a->cgroup == 0) != (b->cgroup == 0))
		return a->cgroup == 0 ? -1 : 1;
	int order = strcmp(a->scope, b->scope);
	if (!order)
		order = rank(a->resource, resources, 4) - rank(b->resource, resources, 4);
	if (!order)
		order = strcmp(a->resource, b->resource);
	if (!order)
		order = rank(a->kind, kinds, 2) - rank(b->kind, kinds, 2);
	if (!order)
		order = strcmp(a->kind, b->kind);
	return order ? order : (a->cgroup > b->cgroup) - (a->cgroup < b->cgroup);
}

static bool is_cpu_some(const struct ledger_pressure *pressure)
{
	return strcmp(pressure->resource, "cpu") == 0 && strcmp(pressure->kind, "some") == 0;
}

// The rows of the kernel's totals, without the books.
static void add_pressures(struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	const struct cgroup_row *cgroup = NULL;
	ledger->pressures = base__alloc(recording->pressure_count, sizeof(*ledger->pressures));
	for (size_t i = 0; i < recording->pressure_count; i++) {
		const struct pressure_row *row = &recording->pressure[i];
		// The rows of one cgroup follow each other.
		if (!cgroup || cgroup->id != row->cgroup)
			cgroup = row->cgroup ? recording__cgroup(recording, row->cgroup) : NULL;
		ledger->pressures[ledger->pressure_count++] = (struct ledger_pressure){
			.cgroup = row->cgroup, .scope = row->cgroup == 0 ? "system" : cgroup && cgroup->path ? cgroup->path : "?",
			.resource = row->resource ? row->resource : "?", .kind = row->kind ? row->kind : "?",
			.kernel_seconds = (double)row->kernel_ns / NS_PER_SEC,
		};
	}
	qsort(ledger->pressures, ledger->pressure_count, sizeof(*ledger->pressures), compare_pressures);
}

static int compare_cgroups(const void *left, const void *right)
{
	const struct ledger_pressure *a = *(struct ledger_pressure *const *)left, *b = *(struct ledger_pressure *const *)right;
	return a->cgroup < b->cgroup ? -1 : a->cgroup > b->cgroup;
}

// Folds the books into the rows of CPU some: `rows` points to these, by cgroup.
static void add_books(const struct recording *recording, const struct folds *folds, struct ledger_pressure **rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct fold_total *total = folds__total(folds, rows[i]->cgroup);
		rows[i]->booked = total != NULL;
		rows[i]->predicted_seconds = total ? total->predicted_ns / NS_PER_SEC : 0;
	}
	for (size_t i = 0; i < recording->book_count; i++) {
		const struct book_row *book = &recording->book[i];
		struct ledger_pressure wanted = { .cgroup = book->cgroup }, *key = &wanted;
		struct ledger_pressure **row = bsearch(&key, rows, count, sizeof(*rows), compare_cgroups);
		if (!row || !(*row)->booked)
			continue;
		double factor = folds__factor(folds, book->cgroup, book->cpu) / NS_PER_SEC;
		(*row)->victims_seconds += (double)book->victims_ns * factor;
		(*row)->culprits_seconds += (double)book->culprits_ns * factor;
	}
	for (size_t i = 0; i < count; i++)
		if (rows[i]->booked)
			balance__explain(rows[i]);
}

static void book_pressures(struct account *account)
{
	struct ledger *ledger = &account->ledger;
	struct ledger_pressure **rows = base__alloc(ledger->pressure_count, sizeof(*rows));
	size_t count = 0;
	for (size_t i = 0; i < ledger->pressure_count; i++)
		if (is_cpu_some(&ledger->pressures[i]))
			rows[count++] = &ledger->pressures[i];
	qsort(rows, count, sizeof(*rows), compare_cgroups);
	add_books(ledger->recording, &account->folds, rows, count);
	ledger->cpu_some = count && rows[0]->cgroup == 0 ? rows[0] : &account->no_pressure;
	free(rows);
}

static double busy_ns(const struct recording *recording, int64_t cpu)
{
	for (size_t i = 0; i < recording->cpu_count; i++) {
		const struct cpu_row *row = &recording->cpu[i];
		if (row->cpu == cpu)
			return (double)row->run_ns + (double)row->steal_ns + (double)row->hardirq_ns + (double)row->softirq_ns;
	}
	return 0;
}

// Without folds, the whole window stands for one, and a CPU's busy time for its nonidle time (which is never less than the
// time in which it had waiters): close enough to show how much a second of one CPU is of the machine.
static double fold_scale(const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	double meter_ns = 0, weighted = 0, weight_sum = 0;
	for (size_t i = 0; i < recording->book_count; i++) {
		const struct book_row *book = &recording->book[i];
		if (book->cgroup != 0)
			continue;
		double weight = busy_ns(recording, book->cpu);
		if (weight < (double)book->meter_ns)
			weight = (double)book->meter_ns;
		meter_ns += (double)book->meter_ns;
		weighted += (double)book->meter_ns * weight;
		weight_sum += weight;
	}
	if (meter_ns <= 0)
		return 1;
	if (ledger->cpu_some->booked)
		return ledger->cpu_some->predicted_seconds * NS_PER_SEC / meter_ns;
	return weighted / weight_sum / meter_ns;
}

// ---- the whole ----

int ledger__build(const struct recording *recording, struct ledger **ret_ledger)
{
	struct account *account = base__alloc(1, sizeof(*account));
	struct ledger *ledger = &account->ledger;
	ledger->recording = recording;
	ledger->window_seconds = (double)recording__meta_number(recording, "window_ns", 0) / NS_PER_SEC;
	int64_t cpus = recording__meta_number(recording, "cpus", 0);
	ledger->cpus = cpus > 0 && cpus <= INT_MAX ? (int)cpus : (int)recording->cpu_count;
	const char *meter = recording__meta(recording, "meter");
	ledger->by_events = meter && !strcmp(meter, "events");
	account->no_pressure = (struct ledger_pressure){ .scope = "system", .resource = "cpu", .kind = "some" };
	int error = add_processes(ledger);
	if (error) {
		ledger__free(ledger);
		return error;
	}
	add_system(ledger);
	add_lock_waits(ledger);
	locks__make(recording, &ledger->locks);
	blocking__make(recording, &ledger->blocking);
	folds__make(recording, &account->folds);
	add_pressures(ledger);
	book_pressures(account);
	ledger->fold_scale = fold_scale(ledger);
	balance__judge(ledger);
	*ret_ledger = ledger;
	return 0;
}

void ledger__free(struct ledger *ledger)
{
	if (!ledger)
		return;
	struct account *account = (struct account *)ledger;
	folds__free(&account->folds);
	locks__free(&ledger->locks);
	blocking__free(&ledger->blocking);
	free(ledger->processes);
	free(ledger->pressures);
	free((char *)ledger->imbalance);
	free(account);
}

const struct ledger_process *ledger__process(const struct ledger *ledger, int64_t id)
{
	const struct process_row *row = recording__process(ledger->recording, id);
	return row ? &ledger->processes[row - ledger->recording->process] : NULL;
}

int64_t ledger__pair_ns(const struct ledger *ledger, int64_t victim, int64_t kind, int64_t culprit)
{
	int64_t sum = 0;
	for (size_t i = 0; i < ledger->recording->pair_count; i++) {
		const struct pair_row *pair = &ledger->recording->pair[i];
		if ((victim < 0 || pair->victim == victim) && (kind < 0 || pair->kind == kind) &&
		    (culprit < 0 || pair->culprit == culprit))
			sum += pair->wait_ns;
	}
	return sum;
}
