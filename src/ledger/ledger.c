// The accounts of a recording: sums by process, the pressure rows with both sides folded as the kernel folds, the balance.
#include "ledger/ledger.h"
#include "ledger/process_names.h"

#include "base/base.h"
#include "ledger/balance.h"
#include "ledger/pressures.h"
#include "recording/columns.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

// What the caller sees, and what is kept for it.
struct account {
	struct ledger ledger;           // first: a struct ledger * is a struct account *
	struct ledger_pressure no_pressure;
};

// ---- processes ----

bool ledger__is_deadline(int64_t policy)
{
	return policy == SCHED_DEADLINE;
}

bool ledger__is_realtime(int64_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR || ledger__is_deadline(policy);
}

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
	process->run_hardirq_ns += task->run_hardirq_ns;
	process->run_softirq_ns += task->run_softirq_ns;
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
	for (size_t i = 0; i < ledger->process_count; i++) {
		ledger->processes[i].row = &recording->process[i];
		ledger->processes[i].tool = process_row__is_tool(recording, &recording->process[i]);
	}
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
		for (size_t i = start; i < end; i++) {
			add_task(process, &recording->task[i]);
			process->realtime |= ledger__is_realtime(recording->task[i].policy);
		}
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

static void add_futex_waits(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->futexes.count; i++) {
		const struct ledger_futex *futex = &ledger->futexes.futexes[i];
		const struct process_row *row = futex->class == FUTEX_LOCK ? recording__process(ledger->recording, futex->row->process) : NULL;
		if (row)
			ledger->processes[row - ledger->recording->process].futex_lock_ns += futex->sum.wait_ns;
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
		ledger->steal_ns += recording->cpu[i].steal_ns;
		ledger->gaps += recording->cpu[i].gaps;
		ledger->gap_ns += recording->cpu[i].gap_ns;
	}
}

// By number of the CPU; the first row of a CPU counts.
static double *busy_ns(const struct recording *recording)
{
	double *busy = base__alloc(RECORDING_CPUS_MAX, sizeof(*busy));
	for (size_t i = recording->cpu_count; i-- > 0;) {
		const struct cpu_row *row = &recording->cpu[i];
		if (row->cpu >= 0 && row->cpu < RECORDING_CPUS_MAX)
			busy[row->cpu] = (double)row->run_ns + (double)row->steal_ns + (double)row->hardirq_ns + (double)row->softirq_ns;
	}
	return busy;
}

// Without folds, the whole window stands for one, and a CPU's busy time for its nonidle time (which is never less than the
// time in which it had waiters): close enough to show how much a second of one CPU is of the machine.
static double fold_scale(const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	double meter_ns = 0, weighted = 0, weight_sum = 0;
	cleanup_free double *busy = busy_ns(recording);
	for (size_t i = 0; i < recording->book_count; i++) {
		const struct book_row *book = &recording->book[i];
		if (book->cgroup != 0)
			continue;
		double weight = book->cpu >= 0 && book->cpu < RECORDING_CPUS_MAX ? busy[book->cpu] : 0;
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
	host_events__make(recording, &ledger->host);
	activity__make(recording, &ledger->activity);
	ledger->memory_churns = memory_churns__make(ledger);
	add_lock_waits(ledger);
	locks__make(recording, &ledger->locks);
	futexes__make(recording, &ledger->futexes);
	chains__make(recording, &ledger->futexes, &ledger->chains);
	add_futex_waits(ledger);
	blocking__make(recording, &ledger->blocking);
	sleeps__make(recording, &ledger->sleeps);
	starved__find(recording, &ledger->starved);
	cpu_profiles__make(ledger, &ledger->profiles);
	folds__make(recording, &ledger->folds);
	pressures__make(ledger, &account->no_pressure);
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
	folds__free(&ledger->folds);
	locks__free(&ledger->locks);
	futexes__free(&ledger->futexes);
	chains__free(&ledger->chains);
	blocking__free(&ledger->blocking);
	sleeps__free(&ledger->sleeps);
	starved__free(&ledger->starved);
	cpu_profiles__free(&ledger->profiles);
	free(ledger->processes);
	host_events__free(&ledger->host);
	activity__free(&ledger->activity);
	free(ledger->memory_churns);
	free(ledger->pressures);
	free((char *)ledger->imbalance);
	free((char *)ledger->kernel_loss);
	free(account);
}

const struct ledger_process *ledger__process(const struct ledger *ledger, int64_t id)
{
	const struct process_row *row = recording__process(ledger->recording, id);
	return row ? &ledger->processes[row - ledger->recording->process] : NULL;
}
