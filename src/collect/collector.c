#include "collect/collector.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/attacher.h"
#include "collect/hidden_tasks.h"
#include "collect/kernel_btf.h"
#include "collect/lifter.h"
#include "collect/own_class.h"
#include "collect/pace.h"
#include "collect/privileges.h"
#include "collect/probes_maps.h"
#include "collect/saver.h"
#include "collect/series.h"
#include "collect/slices.h"

#define CALIBRATION_NS (30 * NS_PER_MSEC)
#define ATTACHED_NS NS_PER_SEC  // what waits for RCU longer than that is attached within the window
#define POLL_NS (100 * NS_PER_MSEC)
#define SYSTEM_TICK_NS NS_PER_SEC
// The kernel's worker folds every 2 s: two rounds of ours must not have two of its folds between them. Each cgroup must be
// read at least every 4 s anyway, see cgroups__touch.
#define GROUP_TICK_NS (3 * NS_PER_SEC / 2)
#define COPYING_NS (4 * NS_PER_MSEC)    // of an interim state in one round of the loop: then the account at hand is finished, and the rest waits
#define QUOTA_COST_PART 200      // to look whether there is a quota takes at most one part in so many of the loop's time
// Slices of the window, for the spread of its figures: short windows get shorter ones, so that there are enough of them.
#define SLICE_NS NS_PER_SEC
#define SHORT_WINDOW_NS (8 * NS_PER_SEC)
#define STATISTICS_NS_LIMIT NS_PER_SEC

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec time = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	nanosleep(&time, NULL);     // a signal ends it early, which is what Ctrl-C wants
}

// Counts what should be there and can't be read. A kernel without the file, or one that has it switched off, is no failure.
static void note_failure(struct collector *collector, int error)
{
	collector->failed_reads += error < 0 && error != -ENOENT && error != -EOPNOTSUPP;
}

static void read_system_pressure(struct collector *collector, struct pressure_totals totals[PRESSURE_RESOURCES])
{
	for (int resource = 0; resource < PRESSURE_RESOURCES; resource++) {
		totals[resource] = (struct pressure_totals){ -1, -1 };
		note_failure(collector, pressure__read_system((enum pressure_resource)resource, &totals[resource]));
	}
}

static void take_exit(struct collector *collector, const struct exit_record *record)
{
	int64_t process = processes__exit(collector->processes, &record->slot);

	slices__ended(collector->slices, process, &record->slot);
	blocked_account__add(collector->blocked, process, &record->slot, 0);
	sleep_account__exit(collector->sleeps, process, record);
}

// A task that still sleeps: one that did so for all of the window may wait for a lock that no tracepoint told of.
static void take_asleep(struct collector *collector, const struct asleep_record *record)
{
	if (record->whole)
		lock_account__add_sleeper(collector->locks, collector, record);
	sleep_account__add_sleeper(collector->sleeps, record);
}

static void handle_record(void *context, const void *record, size_t size)
{
	struct collector *collector = context;
	uint32_t kind = *(const uint32_t *)record;

	if (kind == RECORD_EXIT && size >= sizeof(struct exit_record))
		take_exit(collector, record);
	else if (kind == RECORD_EXEC && size >= sizeof(struct exec_record))
		processes__exec(collector->processes, record);
	else if (kind == RECORD_ASLEEP && size >= sizeof(struct asleep_record))
		take_asleep(collector, record);
	else if (kind == RECORD_SLEEP && size >= sizeof(struct sleep_record))
		sleep_account__add_event(collector->sleeps, record);
	else if (kind == RECORD_WAIT && size >= sizeof(struct wait_record))
		events__add(collector, record);
}

static void see_live_tasks(struct collector *collector)
{
	for (uint32_t i = 0; i < TASK_SLOTS; i++)
		if (collector->probes->slots[i].pid)
			processes__see(collector->processes, &collector->probes->slots[i]);
}

static void take_pair(void *context, uint32_t victim, uint32_t occupant, uint64_t ns, uint64_t waits)
{
	pairs__add(context, victim, occupant, ns, waits);
}

static void take_credit(void *context, uint32_t group, uint32_t occupant, uint64_t ns)
{
	credits__add(context, group, occupant, ns);
}

// Empties the kernel's maps: first what names processes by number, then the numbers may be given to others.
static void drain(struct collector *collector)
{
	probes__consume(collector->probes, handle_record, collector);
	events__resolve(collector);
	if (probes__take_pairs(collector->probes, take_pair, collector) < 0)
		collector->failed_reads++;
	if (probes__take_credits(collector->probes, take_credit, collector) < 0)
		collector->failed_reads++;
	if (lock_account__drain(collector->locks, collector) < 0)
		collector->failed_reads++;
	if (sleep_account__drain(collector->sleeps, collector) < 0)
		collector->failed_reads++;
	subjects__drain(collector->subjects, collector);
	processes__forget_dead(collector->processes);
}

// Call after a snapshot. CPUs are read one after the other, so a fold may fall between two of them.
static void note_fold_of_others(struct collector *collector)
{
	if (foldlog__torn(collector->folds))
		probes__snapshot(collector->probes, SNAPSHOT_READ);
	foldlog__note(collector->folds, FOLDS_SYSTEM, false);
}

// One fold of our own: what others folded before it is noted first.
static void fold_system(struct collector *collector)
{
	struct pressure_totals totals[PRESSURE_RESOURCES];

	probes__snapshot(collector->probes, SNAPSHOT_READ);
	note_fold_of_others(collector);
	read_system_pressure(collector, totals);
	memcpy(collector->pressure_end, totals, sizeof(totals));
	probes__snapshot(collector->probes, SNAPSHOT_READ);
	foldlog__note(collector->folds, FOLDS_SYSTEM, true);
	series__add(collector->series, clock_ns(CLOCK_MONOTONIC) - collector->began_ns, totals);
}

// Others fold as well, and two folds between two of our looks would be taken for one: look as often as we wake.
static void note_foreign_fold(struct collector *collector)
{
	probes__snapshot_here(collector->probes);
	if (!foldlog__pending(collector->folds))
		return;
	probes__snapshot(collector->probes, SNAPSHOT_READ);
	note_fold_of_others(collector);
}

// A quota may be set, or a cgroup with one be made, while we record. Returns after how long to look again: among thousands of cgroups, less often.
static uint64_t look_for_quota(struct collector *collector)
{
	uint64_t before = clock_ns(CLOCK_MONOTONIC), cost_ns;
	struct cgroups *cgroups = NULL;

	if (collector->quota_seen || cgroups__snapshot(false, &cgroups) < 0)
		return GROUP_TICK_NS;
	cost_ns = clock_ns(CLOCK_MONOTONIC) - before;
	collector->quota_seen = cgroups__any_quota(cgroups);
	if (collector->quota_seen)
		probes__watch_quota(collector->probes, true);
	cgroups__free(cgroups);
	return pace__pause_ns(cost_ns, GROUP_TICK_NS, QUOTA_COST_PART);
}

static void fold_groups(struct collector *collector)
{
	probes__snapshot(collector->probes, SNAPSHOT_READ_GROUPS);
	foldlog__note(collector->folds, FOLDS_GROUPS, false);
	if (collector->cgroups_start)
		cgroups__touch(collector->cgroups_start);
	probes__snapshot(collector->probes, SNAPSHOT_READ_GROUPS);
	foldlog__note(collector->folds, FOLDS_GROUPS, true);
}

int collector__open(const struct collector_options *options, struct collector **ret_collector, char **ret_error)
{
	struct collector *collector = base__alloc(1, sizeof(*collector));
	struct probes_options probes_options = { .pair_threshold_ns = 100 * NS_PER_USEC, .event_threshold_ns = 10 * NS_PER_MSEC,
		.without_meter = options->without_meter };
	int error;

	collector->options = *options;
	// Loading the probes must not become a minute on a machine that stalls. A nice value counts within our own session only (autogroup);
	// where it does not suffice, the lifter helps.
	collector->nice = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, -15);
	collector->opened_ns = clock_ns(CLOCK_MONOTONIC);
	host__read(&collector->host);
	if (cgroups__snapshot(false, &collector->cgroups_start) == 0)
		probes_options.cgroups = collector->cgroups_start->count;
	error = probes__load(&probes_options, &collector->probes, ret_error);
	if (error) {
		collector__close(collector);
		return error;
	}
	collector->processes = processes__new();
	collector->folds = foldlog__new(collector->probes, collector->host.hz);
	collector->locks = lock_account__new();
	collector->blocked = blocked_account__new();
	collector->sleeps = sleep_account__new(lock_account__user_stacks(collector->locks));
	collector->counters = counters__new();
	collector->attacher = attacher__new();
	collector->slices = slices__new();
	collector->series = series__new(collector->probes);
	collector->subjects = subjects__open(collector);
	kernel_btf__free();             // all programs are loaded
	error = probes__map_tasks(collector->probes);
	if (error) {
		*ret_error = base__format("the probes' memory can't be reached (%s)", strerror(-error));
		collector__close(collector);
		return error;
	}
	attacher__start(collector->attacher);
	subjects__start(collector->subjects);
	attacher__wait(collector->attacher, ATTACHED_NS);
	sleep_ns(CALIBRATION_NS);
	if (!probes__calibrated(collector->probes)) {
		sleep_ns(10 * CALIBRATION_NS);
		if (!probes__calibrated(collector->probes)) {
			*ret_error = base__format("the probes are attached but no scheduler event arrives: "
				"this kernel hides them, nothing can be recorded");
			collector__close(collector);
			return -EOPNOTSUPP;
		}
	}
	collector->statistics_on = probes__statistics_start(collector->probes) == 0;
	probes__walk(collector->probes, WALK_SEED);
	see_live_tasks(collector);
	*ret_collector = collector;
	return 0;
}

// Starts the books: everything that is read here is the zero of what is read at the end.
static void begin(struct collector *collector)
{
	cgroups__free(collector->cgroups_start);
	collector->cgroups_start = NULL;
	note_failure(collector, cgroups__snapshot(true, &collector->cgroups_start));
	collector->quota_seen = collector->cgroups_start && cgroups__any_quota(collector->cgroups_start);
	probes__watch_quota(collector->probes, collector->quota_seen);
	note_failure(collector, proc_stat__read(&collector->stat_start));
	probes__snapshot(collector->probes, SNAPSHOT_READ_GROUPS);
	foldlog__begin(collector->folds, FOLDS_GROUPS);
	processes__window_begins(collector->processes, clock_ns(CLOCK_BOOTTIME));
	collector->began_real_ns = clock_ns(CLOCK_REALTIME);
	collector->began_ns = clock_ns(CLOCK_MONOTONIC);
	read_system_pressure(collector, collector->pressure_start);
	memcpy(collector->pressure_end, collector->pressure_start, sizeof(collector->pressure_end));
	probes__snapshot(collector->probes, SNAPSHOT_BEGIN);
	foldlog__begin(collector->folds, FOLDS_SYSTEM);
	probes__snapshot(collector->probes, SNAPSHOT_TOUCH_GROUPS);
	probes__set_phase(collector->probes, PHASE_RECORD);
	probes__walk(collector->probes, WALK_MARK);
	subjects__begin(collector->subjects, collector);
	slices__take(collector->slices, collector, 0);
}

static void end(struct collector *collector)
{
	collector->ended_ns = clock_ns(CLOCK_MONOTONIC);
	probes__set_phase(collector->probes, PHASE_STOPPED);
	probes__snapshot(collector->probes, SNAPSHOT_CLOSE);
	note_fold_of_others(collector);
	read_system_pressure(collector, collector->pressure_end);
	collector->pressure_read_ns = clock_ns(CLOCK_MONOTONIC);
	probes__snapshot(collector->probes, SNAPSHOT_TOUCH_GROUPS);
	probes__walk(collector->probes, WALK_SETTLE);
	hidden_tasks__settle(collector->probes);
	foldlog__note(collector->folds, FOLDS_GROUPS, false);
	note_failure(collector, cgroups__snapshot(true, &collector->cgroups_end));
	probes__snapshot(collector->probes, SNAPSHOT_READ);
	foldlog__note(collector->folds, FOLDS_SYSTEM, true);
	probes__snapshot(collector->probes, SNAPSHOT_READ_GROUPS);
	foldlog__note(collector->folds, FOLDS_GROUPS, true);
	note_failure(collector, proc_stat__read(&collector->stat_end));
	// Not before the kernel's totals are read: they would grow meanwhile, and the books are closed.
	subjects__end(collector->subjects, collector);
	probes__detach(collector->probes);
	attacher__leave(collector->attacher);
}

static void end_saver(struct collector *collector)
{
	if (collector->interim)
		recording__free(assembly__end(collector->interim));
	collector->interim = NULL;
	saver__end(collector->saver);
	collector->saver = NULL;
}

static void stop_statistics(struct collector *collector)
{
	if (!collector->statistics_on)
		return;
	collector->statistics_on = false;
	probes__statistics_stop(collector->probes, &collector->probe_ns, &collector->probe_runs, &collector->probe_switches);
}

// Copies the state so far, one round of the loop after the other, and hands it to the saver. Returns after how long to come again.
static uint64_t save_interim(struct collector *collector)
{
	uint64_t before = clock_ns(CLOCK_MONOTONIC), took;
	bool whole;

	if (!collector->interim && !saver__is_idle(collector->saver))
		return saver__pause_ns(0);
	if (!collector->interim) {
		collector->interim = assembly__begin(collector);
		collector->interim_cost_ns = 0;
	}
	do {
		whole = assembly__step(collector->interim);
		took = clock_ns(CLOCK_MONOTONIC) - before;
	} while (!whole && took < COPYING_NS);
	collector->interim_cost_ns += took;
	if (took > collector->interim_longest_ns)
		collector->interim_longest_ns = took;
	if (!whole)
		return 0;
	saver__save(collector->saver, assembly__end(collector->interim));
	collector->interim = NULL;
	return saver__pause_ns(collector->interim_cost_ns);
}

// The window: sleep, empty the ring, fold once a second, until the time is over or somebody says stop.
static const char *watch(struct collector *collector)
{
	const struct collector_options *options = &collector->options;
	uint64_t next_tick = SYSTEM_TICK_NS, next_groups = GROUP_TICK_NS, next_quota = GROUP_TICK_NS, next_interim = saver__pause_ns(0);
	uint64_t slice_ns = (uint64_t)options->duration_ns < SHORT_WINDOW_NS ? SLICE_NS / 2 : SLICE_NS, next_slice = slice_ns;
	uint64_t statistics_until = (uint64_t)options->duration_ns / 10 < STATISTICS_NS_LIMIT ? (uint64_t)options->duration_ns / 10
		: STATISTICS_NS_LIMIT;

	silence__begin(&collector->silence);
	for (;;) {
		uint64_t elapsed = clock_ns(CLOCK_MONOTONIC) - collector->began_ns;

		if (elapsed >= (uint64_t)options->duration_ns)
			return "time";
		if (options->stop && options->stop(options->context))
			return "signal";
		subjects__look(collector->subjects, collector);
		if (elapsed >= statistics_until)
			stop_statistics(collector);
		if (elapsed >= next_tick) {
			fold_system(collector);
			drain(collector);
			see_live_tasks(collector);
			next_tick = elapsed + SYSTEM_TICK_NS;
		} else {
			probes__consume(collector->probes, handle_record, collector);
			note_foreign_fold(collector);
		}
		// What is left of the window after the last whole slice belongs to it.
		if (elapsed >= next_slice && elapsed + slice_ns / 2 < (uint64_t)options->duration_ns) {
			slices__take(collector->slices, collector, elapsed);
			next_slice += slice_ns;
		}
		if (elapsed >= next_groups) {
			fold_groups(collector);
			next_groups = elapsed + GROUP_TICK_NS;
		}
		if (elapsed >= next_quota)
			next_quota = elapsed + look_for_quota(collector);
		if (collector->saver && elapsed >= next_interim)
			next_interim = elapsed + save_interim(collector);
		if (options->progress)
			options->progress(options->context, (int64_t)elapsed);
		uint64_t left = (uint64_t)options->duration_ns - elapsed;
		left = left < POLL_NS ? left : POLL_NS;
		silence__before_sleep(&collector->silence);
		sleep_ns(left);
		silence__after_sleep(&collector->silence, left);
	}
}

int collector__run(struct collector *collector, void (*ready)(void *context), struct recording **ret_recording, char **ret_error)
{
	const char *ended_by;
	int error;

	// A machine that stalls must not keep its observer from looking. A fold that comes late costs exactness: the kernel's counters have 32 bits.
	collector->own = own_class__take(0, &own_budget_loop, 1);
	error = privileges__drop();     // before any thread is made: each has its own
	if (error) {
		*ret_error = base__format("nothing is recorded, because the recorder could not give up the privileges that it does not need (%s): "
			"what forbids it is a seccomp profile or security module that denies capset(2) or prctl(2), allow it these", strerror(-error));
		return error;
	}
	if (collector->options.interim)
		collector->saver = saver__start(collector->options.interim, collector->options.context);
	if (collector->options.interim && !collector->saver)
		say__warning("no thread could be started that saves while recording: if the recorder is killed, nothing of this window is left");
	begin(collector);
	collector->start_cpu_ns = assemble__cpu_time_ns(collector);
	if (ready)
		ready(collector->options.context);
	ended_by = watch(collector);
	collector->window_cpu_ns = assemble__cpu_time_ns(collector) - collector->start_cpu_ns;
	silence__end(&collector->silence);
	end(collector);
	lifter__hurry(collector->options.lifter);
	own_class__leave(0);
	end_saver(collector);
	stop_statistics(collector);
	drain(collector);
	// Before the settling adds what stands in the slots of living tasks to the sums of those that have ended.
	slices__take(collector->slices, collector, collector->ended_ns - collector->began_ns);
	lock_account__settle(collector->locks, collector);
	if (sleep_account__settle(collector->sleeps, collector) < 0)
		collector->failed_reads++;
	see_live_tasks(collector);
	probes__unmap_waits(collector->probes);
	if (!collector->options.without_command_lines)
		collector->unread_command_lines = processes__read_command_lines(collector->processes);
	collector->unread_programs = processes__identify_programs(collector->processes);
	*ret_recording = assemble__recording(collector, ended_by);
	return 0;
}

void collector__close(struct collector *collector)
{
	if (!collector)
		return;
	end_saver(collector);
	setpriority(PRIO_PROCESS, 0, collector->nice);
	subjects__close(collector->subjects);
	attacher__free(collector->attacher);
	counters__free(collector->counters);
	slices__free(collector->slices);
	series__free(collector->series);
	probes__free(collector->probes);
	processes__free(collector->processes);
	foldlog__free(collector->folds);
	sleep_account__free(collector->sleeps);
	lock_account__free(collector->locks);
	blocked_account__free(collector->blocked);
	cgroups__free(collector->cgroups_start);
	cgroups__free(collector->cgroups_end);
	proc_stat__free(&collector->stat_start);
	proc_stat__free(&collector->stat_end);
	host__free(&collector->host);
	assemble__free(collector);
	free(collector);
}
