#include "collect/assemble.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/gather.h"
#include "collect/lifter.h"
#include "collect/series.h"
#include "collect/slices.h"
#include "collect/task_rows.h"
#include "isolate/isolate.h"
#include "symbolize/kernel_symbols.h"
#include "symbolize/stack_table.h"

static uint64_t has_slept(const struct task_slot *slot)
{
	uint64_t times = 0;

	for (int i = 0; i < BLOCKED_REASONS; i++)
		times |= slot->blocked[i].times;
	return times;
}

static void store_live_tasks(struct collector *collector, struct recording *recording, bool complete)
{
	struct blocked_account *blocked = blocked_account__copy(collector->blocked);

	for (uint32_t i = 0; i < TASK_SLOTS; i++) {
		const struct task_slot *slot = &collector->probes->slots[i];
		struct task_slot copy;
		int64_t process;

		// A slot without any of these is of a task that had ended before the window.
		if (!slot->pid || !(slot->run_ns | slot->wait_ns | slot->switches | slot->wait_start | slot->blocked_since | has_slept(slot)))
			continue;
		copy = *slot;   // the kernel goes on writing while an interim state is stored
		process = processes__see(collector->processes, &copy);
		blocked_account__add(blocked, process, &copy, complete ? collector->probes->accounts[0].last : 0);
		if (!(slot->run_ns | slot->wait_ns | slot->switches | slot->wait_start))
			continue;
		task_rows__fill(&copy, process, recording__add_task(recording));
	}
	blocked_account__store(blocked, recording);
	blocked_account__free(blocked);
}

static void store_cpu(const struct cpu_account *account, uint32_t number, struct recording *recording)
{
	struct cpu_row *row = recording__add_cpu(recording);
	struct book_row *book;

	row->cpu = number;
	row->run_ns = (int64_t)account->run_ns;
	row->idle_ns = (int64_t)account->idle_total;
	row->steal_ns = (int64_t)account->special_ns[SPECIAL_STEAL];
	row->hardirq_ns = (int64_t)account->special_ns[SPECIAL_HARDIRQ];
	row->softirq_ns = (int64_t)account->special_ns[SPECIAL_SOFTIRQ];
	row->credit_idle_ns = (int64_t)account->credit_ns[SPECIAL_IDLE];
	row->credit_steal_ns = (int64_t)account->credit_ns[SPECIAL_STEAL];
	row->credit_hardirq_ns = (int64_t)account->credit_ns[SPECIAL_HARDIRQ];
	row->credit_softirq_ns = (int64_t)account->credit_ns[SPECIAL_SOFTIRQ];
	row->credit_quota_ns = (int64_t)account->quota_ns;
	row->credit_unknown_ns = (int64_t)account->unknown_ns;
	row->credit_idle_task_ns = (int64_t)account->credit_task_ns[SPECIAL_IDLE];
	row->credit_steal_task_ns = (int64_t)account->credit_task_ns[SPECIAL_STEAL];
	row->credit_hardirq_task_ns = (int64_t)account->credit_task_ns[SPECIAL_HARDIRQ];
	row->credit_softirq_task_ns = (int64_t)account->credit_task_ns[SPECIAL_SOFTIRQ];
	row->credit_quota_task_ns = (int64_t)account->quota_task_ns;
	row->credit_unknown_task_ns = (int64_t)account->unknown_task_ns;
	row->switches = (int64_t)account->switches;
	row->kernel_switches = account->switches_kernel_last ? (int64_t)(account->switches_kernel_last - account->switches_kernel_first)
		: row->switches;
	row->gaps = (int64_t)account->gaps;
	row->gap_ns = (int64_t)account->gap_ns;
	if (!account->meter_ns && !account->victims_ns)
		return;
	book = recording__add_book(recording);
	book->cpu = number;
	book->meter_ns = (int64_t)account->meter_ns;
	book->victims_ns = (int64_t)account->victims_ns;
	book->culprits_ns = (int64_t)account->culprits_ns;
	book->victims_task_ns = (int64_t)account->victims_task_ns;
}

static void store_groups(struct collector *collector, struct recording *recording)
{
	const struct probes *probes = collector->probes;

	for (uint32_t number = 1; number < probes->groups; number++) {
		if (!probes->group_table[number].id)
			continue;
		for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
			const struct group_account *account = &probes->group_accounts[number * probes->cpus + cpu];
			struct book_row *book;

			if (!account->meter_ns && !account->victims_ns)
				continue;
			book = recording__add_book(recording);
			book->cgroup = (int64_t)probes->group_table[number].id;
			book->cpu = cpu;
			book->meter_ns = (int64_t)account->meter_ns;
			book->victims_ns = (int64_t)account->victims_ns;
			book->culprits_ns = (int64_t)account->culprits_ns;
		}
	}
}

// Credits still at hand in the cgroups' accounts join those that were taken from the map. Only once, at the end.
static void take_credits_at_hand(struct collector *collector)
{
	const struct probes *probes = collector->probes;

	for (uint32_t number = 1; number < probes->groups; number++) {
		for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
			struct group_account *account = &probes->group_accounts[number * probes->cpus + cpu];

			for (int i = 0; i < GROUP_OCCUPANTS; i++) {
				if (account->occupant[i] && account->credit_ns[i])
					credits__add(collector, number, account->occupant[i], account->credit_ns[i]);
				account->occupant[i] = 0;
				account->credit_ns[i] = 0;
			}
		}
	}
}

static void store_pressure(const struct collector *collector, struct recording *recording)
{
	for (int resource = 0; resource < PRESSURE_RESOURCES; resource++) {
		const struct pressure_totals *start = &collector->pressure_start[resource], *end = &collector->pressure_end[resource];
		const char *kinds[] = { "some", "full" };
		int64_t growth[] = { start->some_us < 0 || end->some_us < 0 ? -1 : end->some_us - start->some_us,
			start->full_us < 0 || end->full_us < 0 ? -1 : end->full_us - start->full_us };

		for (int kind = 0; kind < 2; kind++) {
			struct pressure_row *row;

			// The system's cpu full is printed as zeros by every kernel that prints it (psi_show): no figure.
			if (growth[kind] < 0 || (resource == PRESSURE_CPU && kind == 1))
				continue;
			row = recording__add_pressure(recording);
			row->resource = base__copy(pressure_resource__name((enum pressure_resource)resource));
			row->kind = base__copy(kinds[kind]);
			row->kernel_ns = growth[kind] * (int64_t)NS_PER_USEC;
		}
	}
}

static void want_event_symbols(const struct collector *collector, struct kernel_symbols *symbols)
{
	for (size_t i = 0; i < collector->event_count; i++)
		for (uint32_t j = 0; j < collector->events[i].record.frames && j < STACK_FRAMES; j++)
			kernel_symbols__want(symbols, collector->events[i].record.stack[j]);
}

// All accounts' kernel addresses are named from one reading of the kernel's table, which is long.
static void name_kernel_addresses(struct collector *collector)
{
	collector->symbols = kernel_symbols__new();
	want_event_symbols(collector, collector->symbols);
	lock_account__want_symbols(collector->locks, collector->probes, collector->symbols);
	sleep_account__want_symbols(collector->sleeps, collector->symbols);
	subjects__want_symbols(collector->subjects, collector, collector->symbols);
	kernel_symbols__read(collector->symbols);
}

// `stacks`: where the texts of stacks go; NULL: rows without stacks.
static void store_events(struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	for (size_t i = 0; i < collector->event_count; i++) {
		const struct event *event = &collector->events[i];
		const struct cpu_account *account = &collector->probes->accounts[event->record.cpu];
		struct event_row *row = recording__add_event(recording);
		struct string frames = {};

		row->time_ns = (int64_t)(event->record.end - account->first);
		row->cpu = event->record.cpu;
		row->process = event->process;
		row->tid = event->record.pid;
		row->name = base__copy_part(event->record.comm, COMM_LENGTH);
		row->wait_ns = (int64_t)event->record.wait_ns;
		row->throttled_ns = (int64_t)event->record.throttled_ns;
		row->kind = event->kind;
		row->culprit = event->culprit;
		for (uint32_t j = 0; stacks && j < event->record.frames && j < STACK_FRAMES; j++)
			string__add(&frames, "%s%s", j ? "\n" : "", kernel_symbols__name(collector->symbols, event->record.stack[j]));
		row->stack = stacks ? stack_table__id(stacks, frames.text) : 0;
		string__free(&frames);
	}
}

// A counter of what was lost or bounded, with its place in each CPU's row.
struct loss { const char *name, *meaning; size_t offset; };
static const struct loss account_losses[] = {
	{ "gaps_healed", "places where events were missing and the account was put right from the kernel's own figures",
		offsetof(struct cpu_account, gaps) },
	{ "gap_ns", "time on CPUs covered by such places", offsetof(struct cpu_account, gap_ns) },
	{ "records_lost", "exits, execs and single waits that did not fit into the ring buffer", offsetof(struct cpu_account, ringbuf_lost) },
	{ "pairs_lost", "bookings of victim and culprit that did not fit into their table", offsetof(struct cpu_account, pairs_lost) },
	{ "tasks_lost", "times a task had no place in the table of tasks", offsetof(struct cpu_account, slots_lost) },
	{ "cgroups_lost", "times a cgroup had no place in the table of cgroups", offsetof(struct cpu_account, groups_lost) },
	{ "waits_not_listed", "long waits beyond the limit of about 50 a second for each CPU: summed, not listed one by one",
		offsetof(struct cpu_account, events_suppressed) },
	{ "waits_unmarked", "waits whose beginning was not seen: counted with the kernel's length, no occupant named",
		offsetof(struct cpu_account, unmarked_waits) },
	{ "waits_unmarked_ns", "length of these waits", offsetof(struct cpu_account, unmarked_ns) },
	{ "walks_cut", "waits that were longer than the history of occupants: their first part names nobody", offsetof(struct cpu_account, walk_lost) },
	{ "pairs_not_cut_ns", "waiting time that was not cut by its occupants, to keep the probe cheap",
		offsetof(struct cpu_account, pairs_skipped_ns) },
	{ "pairs_cut_ns", "waiting time that was cut by its occupants", offsetof(struct cpu_account, pairs_booked_ns) },
};
static const struct loss lock_losses[] = {
	{ "lock_states_lost", "waits for kernel locks that were not recorded for want of room", offsetof(struct lock_cpu, states_lost) },
	{ "lock_rows_lost", "sums of lock waits, holders or stacks that were not kept for want of room", offsetof(struct lock_cpu, rows_lost) },
	{ "lock_stacks_lost", "stacks of waiters or owners that were not kept for want of room", offsetof(struct lock_cpu, stacks_lost) },
	{ "lock_waits_unmatched", "waits for kernel locks whose beginning was not seen; counted only where it was before the window",
		offsetof(struct lock_cpu, unmatched_ends) },
	{ "lock_spins_nested", "spinning that was not recorded, because more of it was nested on a CPU than is kept apart",
		offsetof(struct lock_cpu, spin_nested) },
	{ "lock_reentries", "contended spinlocks that may have belonged to the probes' own tables: the next sample stands for them too",
		offsetof(struct lock_cpu, reentries) },
};

// Each counter summed over all CPUs; `rows` holds one row of `size` bytes for each.
static void store_losses(const struct loss *losses, size_t count, const void *rows, size_t size, uint32_t cpus, struct recording *recording)
{
	for (size_t i = 0; i < count; i++) {
		int64_t sum = 0;

		for (uint32_t cpu = 0; cpu < cpus; cpu++)
			sum += (int64_t)*(const unsigned long long *)((const char *)rows + cpu * size + losses[i].offset);
		recording__set_counter(recording, losses[i].name, sum, losses[i].meaning);
	}
}

static void store_switches_and_late(const struct probes *probes, struct recording *recording)
{
	int64_t missed = 0, late = 0;

	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
		const struct cpu_account *account = &probes->accounts[cpu];
		int64_t seen = (int64_t)account->switches;
		int64_t kernel = account->switches_kernel_last ? (int64_t)(account->switches_kernel_last - account->switches_kernel_first) : seen;

		missed += kernel > seen ? kernel - seen : 0;
		late += account->began_late;
	}
	recording__set_counter(recording, "switches_missed", missed, "context switches that the kernel counted and the probe did not see");
	recording__set_counter(recording, "cpus_late", late, "CPUs that came online within the window: their account begins there");
}

static void store_counters(const struct collector *collector, struct recording *recording)
{
	struct probes *probes = collector->probes;
	int error;
	int64_t not_made = isolate__unmade(&error);
	const struct { const char *name, *meaning; int64_t value; } own[] = {
		{ "events_dropped", "listed waits beyond the limit of the recording", collector->events_dropped },
		{ "pairs_merged_ns", "waiting whose occupants are not named one by one any more, because there were too many pairs: the lighter ones count as not cut",
			(int64_t)collector->pairs_merged_ns },
		{ "credits_merged_ns", "pressure of cgroups whose occupants are not named one by one any more, because there were too many: the lighter ones count as unknown",
			(int64_t)collector->credits_merged_ns },
		{ "processes_grouped", "processes that share a row with others of their kind although they lived for a while, because there were too many",
			processes__grouped(collector->processes) },
		{ "task_names_merged", "ended tasks whose names are not told apart any more, because there were too many",
			processes__task_names_merged(collector->processes) },
		{ "interim_longest_ns", "longest time that one round of our own loop took to copy a part of an interim state", (int64_t)collector->interim_longest_ns },
		{ "probe_runs_missed", "times that a probe did not run, because one ran on that CPU already", (int64_t)probes__missed_runs(probes) },
		{ "ticks_refused", "CPUs on which the kernel refused the timer that sees the stacks of locks' owners while they run", probes->ticks_refused },
		{ "failed_reads", "reads of the kernel's files and tables that failed", collector->failed_reads + probes->lookups_failed },
		{ "command_lines_unread", "command lines that were left alone: the process' memory lock was held, time ran out, or their reader died",
			collector->unread_command_lines },
		{ "programs_unread", "processes whose program was not looked at: a file system did not answer, time ran out, or its reader died",
			collector->unread_programs },
		{ "readers_not_made", "processes and files that were not read because no process could be made for it (meta readers_not_made: why)", not_made },
		{ "longest_silence_ns", "longest time for which our own loop did not get to run (it wants to every 100 ms)",
			(int64_t)collector->silence.longest_ns },
		{ "foreign_folds", "folds of total= made by the kernel's own worker or by another reader", foldlog__foreign(collector->folds) },
	};

	store_switches_and_late(probes, recording);
	store_losses(account_losses, ARRAY_SIZE(account_losses), probes->accounts, sizeof(*probes->accounts), probes->cpus, recording);
	store_losses(lock_losses, ARRAY_SIZE(lock_losses), probes->lock_cpus, sizeof(*probes->lock_cpus), probes->cpus, recording);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		recording__set_counter(recording, own[i].name, own[i].value, own[i].meaning);
	if (not_made)
		recording__set_meta(recording, "readers_not_made", "%s", error == -ECHILD ? "it could not begin" : strerror(-error));
}

int64_t assemble__cpu_time_ns(const struct collector *collector)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (int64_t)time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec + (int64_t)lifter__account(collector->options.lifter).cpu_ns
		+ (int64_t)attacher__cpu_ns(collector->attacher);
}

// What the recorder itself took, in which class, and by how much it was helped.
static void store_own(const struct collector *collector, struct recording *recording, bool complete)
{
	struct lifter_account lifter = lifter__account(collector->options.lifter);
	int64_t used = assemble__cpu_time_ns(collector) - collector->start_cpu_ns;

	recording__set_meta(recording, "tool_pid", "%d", (int)getpid());
	recording__set_meta(recording, "tool_start_cpu_ns", "%lld", (long long)collector->start_cpu_ns);
	recording__set_meta(recording, "tool_cpu_ns", "%lld", (long long)(complete ? collector->window_cpu_ns : used));
	if (complete)
		recording__set_meta(recording, "tool_end_cpu_ns", "%lld", (long long)(used - collector->window_cpu_ns));
	silence__store(&collector->silence, collector->began_ns, recording);
	recording__set_meta(recording, "tool_class", "%s", own_class__name(collector->own));
	recording__set_counter(recording, "own_rescues", lifter.rescues, "times that the kernel gave a thread of whystall itself nothing in SCHED_DEADLINE");
	recording__set_counter(recording, "own_lifts", lifter.lifts, "times that a thread of whystall itself starved and was lifted over others for a moment");
	recording__set_counter(recording, "own_lifted_ns", (int64_t)lifter.lifted_cpu_ns, "CPU time that whystall's threads used while they were lifted");
}

void assemble__describe_probes(const struct collector *collector, struct recording *recording)
{
	recording__set_meta(recording, "meter", "%s", collector->probes->meter ? "psi_group_cpu" : "events");
	recording__set_meta(recording, "locks", "%d", collector->probes->locks);
	recording__set_meta(recording, "steal_clock", "%d", collector->probes->steal);
	subjects__describe(collector->subjects, recording);
}

static void store_meta(const struct collector *collector, struct recording *recording, const char *ended_by, bool complete)
{
	const struct collector_options *options = &collector->options;
	struct rusage usage;
	struct timespec now;
	time_t seconds = (time_t)(collector->began_real_ns / NS_PER_SEC);
	struct tm utc;
	char start[32];
	uint64_t ended_ns, first_event = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ended_ns = complete ? collector->ended_ns : (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	getrusage(RUSAGE_SELF, &usage);
	gmtime_r(&seconds, &utc);
	strftime(start, sizeof(start), "%Y-%m-%dT%H:%M:%S", &utc);
	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		uint64_t event = collector->probes->accounts[cpu].first_event;

		if (event && (!first_event || event < first_event))
			first_event = event;
	}
	host__to_meta(&collector->host, recording);
	recording__set_meta(recording, "schema", "%d", RECORDING_SCHEMA_VERSION);
	recording__set_meta(recording, "tool_version", "%s", WHYSTALL_VERSION);
	recording__set_meta(recording, "complete", "%d", complete);
	recording__set_meta(recording, "start_time", "%s.%09uZ", start, (unsigned)(collector->began_real_ns % NS_PER_SEC));
	recording__set_meta(recording, "window_ns", "%llu", (unsigned long long)(ended_ns - collector->began_ns));
	if (complete)
		recording__set_meta(recording, "pressure_read_ns", "%llu",
			(unsigned long long)(collector->pressure_read_ns - collector->began_ns));
	recording__set_meta(recording, "requested_ns", "%lld", (long long)options->duration_ns);
	recording__set_meta(recording, "ended_by", "%s", ended_by);
	assemble__describe_probes(collector, recording);
	recording__set_meta(recording, "pair_threshold_ns", "%llu", 100 * NS_PER_USEC);
	recording__set_meta(recording, "event_threshold_ns", "%llu", 10 * NS_PER_MSEC);
	recording__set_meta(recording, "scope_pid", "%lld", (long long)options->scope_pid);
	recording__set_meta(recording, "scope_cgroup", "%s", options->scope_cgroup ? options->scope_cgroup : "");
	recording__set_meta(recording, "command", "%s", options->command && !options->without_command_lines ? options->command : "");
	recording__set_meta(recording, "command_lines", "%s", options->without_command_lines ? "left out" : "recorded");
	store_own(collector, recording, complete);
	recording__set_meta(recording, "tool_memory_kib", "%lld", (long long)usage.ru_maxrss);
	recording__set_meta(recording, "map_memory_kib", "%zu", (collector->probes->map_bytes + subjects__memory(collector->subjects)) / 1024);
	recording__set_meta(recording, "probe_ns", "%llu", (unsigned long long)collector->probe_ns);
	recording__set_meta(recording, "probe_runs", "%llu", (unsigned long long)collector->probe_runs);
	recording__set_meta(recording, "probe_switches", "%llu", (unsigned long long)collector->probe_switches);
	recording__set_meta(recording, "forks", "%lld", complete ? (long long)(collector->stat_end.forks - collector->stat_start.forks) : 0);
	recording__set_meta(recording, "execs", "%llu", (unsigned long long)processes__execs(collector->processes));
	recording__set_meta(recording, "exits", "%llu", (unsigned long long)processes__exits(collector->processes));
	recording__set_meta(recording, "task_exits", "%llu", (unsigned long long)processes__task_exits(collector->processes));
	recording__set_meta(recording, "context_switches", "%lld",
		complete ? (long long)(collector->stat_end.context_switches - collector->stat_start.context_switches) : 0);
	recording__set_meta(recording, "first_event_ns", "%lld", first_event ? (long long)(first_event - collector->opened_ns) : -1LL);
}

struct assembly {
	struct collector *collector;
	struct recording *recording;
	struct stack_table *stacks;     // NULL: an interim state, rows without stacks
	const char *ended_by;
	size_t step, subject;
};

// One step copies one account; true: it is through with it.
static bool copy_pairs(struct assembly *assembly)
{
	gather__store(assembly->collector, assembly->recording);
	return true;
}

static bool copy_events(struct assembly *assembly)
{
	store_events(assembly->collector, assembly->recording, assembly->stacks);
	return true;
}

static bool copy_locks(struct assembly *assembly)
{
	lock_account__store(assembly->collector->locks, assembly->collector, assembly->recording, assembly->stacks);
	return true;
}

static bool copy_sleeps(struct assembly *assembly)
{
	sleep_account__store(assembly->collector->sleeps, assembly->collector, assembly->recording, assembly->stacks);
	return true;
}

static bool copy_subject(struct assembly *assembly)
{
	return !subjects__store_one(assembly->collector->subjects, assembly->subject++, assembly->collector, assembly->recording, assembly->stacks);
}

static bool copy_series(struct assembly *assembly)
{
	counters__store(assembly->collector->counters, assembly->recording);
	slices__store(assembly->collector->slices, assembly->recording);
	series__store(assembly->collector->series, assembly->recording);
	return true;
}

// What must be of one moment: both sides of the scheduler's books, and the length of the window. Last, so that every process that the others name is there.
static bool copy_books(struct assembly *assembly)
{
	struct collector *collector = assembly->collector;
	struct recording *recording = assembly->recording;
	bool complete = assembly->stacks != NULL;

	store_live_tasks(collector, recording, complete);
	processes__store(collector->processes, recording);
	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++)
		if (collector->probes->accounts[cpu].first)
			store_cpu(&collector->probes->accounts[cpu], cpu, recording);
	store_groups(collector, recording);
	foldlog__store(collector->folds, recording);
	store_pressure(collector, recording);
	if (collector->cgroups_start)
		cgroups__growth(collector->cgroups_start, collector->cgroups_end ? collector->cgroups_end : collector->cgroups_start, recording);
	store_counters(collector, recording);
	store_meta(collector, recording, assembly->ended_by, complete);
	return true;
}

static bool (*const steps[])(struct assembly *) = { copy_pairs, copy_events, copy_locks, copy_sleeps, copy_subject, copy_series, copy_books };

struct assembly *assembly__begin(struct collector *collector)
{
	struct assembly *assembly = base__alloc(1, sizeof(*assembly));

	*assembly = (struct assembly){ .collector = collector, .recording = recording__new(), .ended_by = "kill" };
	return assembly;
}

bool assembly__step(struct assembly *assembly)
{
	assembly->step += steps[assembly->step](assembly);
	return assembly->step == ARRAY_SIZE(steps);
}

struct recording *assembly__end(struct assembly *assembly)
{
	struct recording *recording = assembly->recording;

	stack_table__free(assembly->stacks);
	free(assembly);
	return recording;
}

struct recording *assemble__recording(struct collector *collector, const char *ended_by)
{
	struct assembly *assembly = assembly__begin(collector);

	assembly->ended_by = ended_by;
	assembly->stacks = stack_table__new(assembly->recording);
	take_credits_at_hand(collector);
	name_kernel_addresses(collector);
	while (!assembly__step(assembly))
		;
	return assembly__end(assembly);
}

void assemble__free(struct collector *collector)
{
	gather__free(collector);
	kernel_symbols__free(collector->symbols);
}
