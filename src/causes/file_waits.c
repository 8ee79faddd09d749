#include "causes/file_waits.h"
#include "causes/wording.h"
#include "base/base.h"
#include "ledger/journals.h"
#include "ledger/resources.h"

#include <math.h>
#include <string.h>

size_t file_waits__crowd(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

static bool is_kernel_thread(const struct crowd *crowd)
{
	return crowd->members[0]->row->kernel_thread;
}

// Time in which a thread does not want to go on, or waits for others of its own program, is no part of what it lost or got.
static bool is_wanted_time(enum sleep_class class)
{
	return !sleep_class__is_idle(class) && class != SLEEP_FUTEX && class != SLEEP_PROCESS && class != SLEEP_PIPE && class != SLEEP_SOCKET &&
	       class != SLEEP_FREEZE;
}

static void add_sleep(struct file_waits *waits, const struct ledger_sleep *sleep)
{
	const struct sleep_row *row = sleep->row;
	size_t crowd = file_waits__crowd(waits->scene, row->process);
	if (crowd == SIZE_MAX || is_kernel_thread(&waits->scene->crowds[crowd]))
		return;
	struct file_wait *wait = &waits->waits[crowd];
	if (is_wanted_time(sleep->class))
		wait->wanted_ns += (double)row->ns;
	if (!waits->wants(sleep))
		return;
	wait->ns += (double)row->ns;
	wait->times += (double)row->times;
	wait->max_ns = fmax(wait->max_ns, (double)row->max_ns);
	wait->io_some_ns += (double)row->io_some_ns;
	wait->by_class[sleep->class] += (double)row->ns;
	enum blocked_reason reason = blocked_reason__from_name(row->reason, BLOCKED_OTHER);
	if (reason != BLOCKED_IO && reason != BLOCKED_MEMORY)
		wait->uncounted_ns += (double)row->ns;
}

static void weigh_crowd(struct file_waits *waits, size_t index, double least_mean_ms)
{
	const struct crowd *crowd = &waits->scene->crowds[index];
	struct file_wait *wait = &waits->waits[index];
	double window_ns = waits->scene->window_ns;
	wait->wanted_ns += (double)crowd->run_ns + (double)crowd->wait_ns - (double)crowd->throttled_ns + (double)crowd->lock_sleep_ns;
	wait->loss = wait->wanted_ns > 0 ? fmin(1, wait->ns / wait->wanted_ns) : 0;
	waits->ns += wait->ns;
	waits->times += wait->times;
	if (crowd->tool || !crowd->in_scope || wait->ns < threshold__value(THRESHOLD_IO_LOST_LEAST) * window_ns ||
	    wait->loss < threshold__value(THRESHOLD_IO_LOSS_CONTRIBUTING) || wait->ns < least_mean_ms * NS_PER_MSEC * wait->times)
		return;
	wait->hurt = true;
	wait->severe = wait->loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED) &&
		       wait->ns >= threshold__value(THRESHOLD_IO_LOST_SEVERE) * window_ns;
	waits->hurt_ns += wait->ns;
	waits->hurt_times += wait->times;
	waits->hurt_io_some_ns += wait->io_some_ns;
	waits->hurt_uncounted_ns += wait->uncounted_ns;
	waits->worst_loss = fmax(waits->worst_loss, wait->loss);
	waits->max_ns = fmax(waits->max_ns, wait->max_ns);
	for (int class = 0; class < SLEEP_CLASSES; class++)
		waits->by_class[class] += wait->by_class[class];
}

bool file_waits__counts(const struct file_waits *waits, const struct ledger_sleep *sleep)
{
	size_t crowd = file_waits__crowd(waits->scene, sleep->row->process);
	return crowd != SIZE_MAX && waits->waits[crowd].hurt && waits->wants(sleep);
}

// The wall time in which somebody who is hurt waited: what PSI counts of it, or, of waits that it does not count, at least the longest sum of one
// process divided by its threads.
static double wall_seconds(const struct file_waits *waits)
{
	const struct ledger *ledger = waits->scene->ledger;
	cleanup_free double *by_process = base__alloc(ledger->process_count + 1, sizeof(double));
	double most_ns = 0;
	for (size_t i = 0; i < ledger->sleeps.count; i++) {
		const struct ledger_sleep *sleep = &ledger->sleeps.sleeps[i];
		if (file_waits__counts(waits, sleep))
			by_process[ledger__process(ledger, sleep->row->process) - ledger->processes] += (double)sleep->row->ns;
	}
	for (size_t i = 0; i < ledger->process_count; i++)
		most_ns = fmax(most_ns, by_process[i] / fmax(1, (double)ledger->processes[i].task_count));
	double pressure = waits->hurt_io_some_ns * resources__scale(ledger, "io", "some");
	return fmin(ledger->window_seconds, fmax(pressure, most_ns) / NS_PER_SEC);
}

static enum verdict_kind weigh(const struct file_waits *waits)
{
	double wall = waits->wall_seconds / waits->scene->ledger->window_seconds;
	if (waits->hurt_ns <= 0)
		return VERDICT_RULED_OUT;
	for (size_t i = 0; i < waits->scene->crowd_count; i++)
		if (waits->waits[i].severe)
			return VERDICT_CONFIRMED;
	if (wall >= threshold__value(THRESHOLD_IO_WALL_CONFIRMED) && waits->worst_loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED))
		return VERDICT_CONFIRMED;
	return wall >= threshold__value(THRESHOLD_IO_WALL_CONTRIBUTING) ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
}

// ---- through kernel threads ----

static void find_threads(struct file_waits *waits)
{
	const struct ledger *ledger = waits->scene->ledger;
	for (size_t i = 0; i < ledger->sleeps.count; i++) {
		const struct sleep_row *row = ledger->sleeps.sleeps[i].row;
		const struct ledger_process *process = ledger__process(ledger, row->process);
		if (!process || !process->row->kernel_thread)
			continue;
		struct thread_share *thread = &waits->threads[process - ledger->processes];
		thread->all_ns += (double)row->ns;
		// A journal sleeps for one device; the rare others (an external log) count for the first.
		if (row->device && *row->device && (!thread->device || !strcmp(thread->device, row->device))) {
			thread->device = row->device;
			thread->device_ns += (double)row->ns;
		}
	}
	for (size_t i = 0; i < ledger->process_count; i++)
		if (waits->threads[i].device)
			waits->threads[i].all_ns += (double)ledger->processes[i].run_ns + (double)ledger->processes[i].wait_ns;
}

const char *file_waits__journal(const struct file_waits *waits, const struct ledger_sleep *sleep)
{
	const struct recording *recording = waits->scene->ledger->recording;
	const char *device = journals__of_thread(recording, sleep->row->waker ? recording__process(recording, sleep->row->waker) : NULL);
	// Where the stack says xfs or the like, changes of an ext4 elsewhere tell nothing.
	if (!device && (!sleep->file_system || !strcmp(sleep->file_system, "ext4")))
		device = file_shares__journal_of(waits->scene, sleep->row->process);
	return device;
}

static struct file_waits gather(const struct scene *scene, file_wants_fn *wants, double least_mean_ms)
{
	const struct ledger *ledger = scene->ledger;
	struct file_waits waits = { .scene = scene, .wants = wants, .devices = devices__of(scene) };
	waits.waits = base__alloc(scene->crowd_count + 1, sizeof(*waits.waits));
	waits.threads = base__alloc(ledger->process_count + 1, sizeof(*waits.threads));
	for (size_t i = 0; i < ledger->sleeps.count; i++)
		add_sleep(&waits, &ledger->sleeps.sleeps[i]);
	for (size_t i = 0; i < scene->crowd_count; i++)
		weigh_crowd(&waits, i, least_mean_ms);
	find_threads(&waits);
	file_shares__make(scene, &waits.shares);
	waits.wall_seconds = wall_seconds(&waits);
	waits.kind = weigh(&waits);
	return waits;
}

static void free_waits(struct file_waits *waits)
{
	devices__free(&waits->devices);
	free(waits->waits);
	free(waits->threads);
	file_shares__free(&waits->shares);
}

static bool set_not_testable(const struct scene *scene, struct verdict *verdict)
{
	if (scene->ledger->sleeps.recorded)
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	verdict__set_summary(verdict, "the recording holds no sleeps: it was made by a version of whystall that had no probe for them");
	return true;
}

void file_waits__judge(const struct scene *scene, const struct file_cause *cause, struct verdict *verdict)
{
	if (set_not_testable(scene, verdict))
		return;
	struct file_waits waits = gather(scene, cause->wants, threshold__value(cause->least_mean));
	file_waits__conclude(&waits, verdict);
	if (waits.kind >= VERDICT_CONTRIBUTING)
		cause->conclude(&waits, verdict);
	else if (waits.ns > 0)
		verdict__set_summary(verdict, "%s %s %s, %s each time: too little to hold one of them up", cause->little[0],
				     wording__seconds(waits.ns / NS_PER_SEC).text, cause->little[1],
				     wording__seconds(waits.ns / fmax(1, waits.times) / NS_PER_SEC).text);
	else
		verdict__set_summary(verdict, "%s", cause->nobody);
	free_waits(&waits);
}
