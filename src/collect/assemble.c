#include "collect/assemble.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/gather.h"
#include "symbolize/kallsyms.h"
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
		processes__task_row(&copy, process, recording__add_task(recording));
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
			row->resource = base__copy(pressure__resource_name((enum pressure_resource)resource));
			row->kind = base__copy(kinds[kind]);
			row->kernel_ns = growth[kind] * (int64_t)NS_PER_USEC;
		}
	}
}

// Stacks are named all at once: the table of symbols is read one time.
static void store_events(struct collector *collector, struct recording *recording, struct stack_table *stacks, bool named)
{
	cleanup_free uint64_t *addresses = base__alloc(collector->event_count * STACK_FRAMES + 1, sizeof(*addresses));
	char **names = base__alloc(collector->event_count * STACK_FRAMES + 1, sizeof(*names));
	size_t count = 0, next = 0;

	for (size_t i = 0; named && i < collector->event_count; i++)
		for (uint32_t j = 0; j < collector->events[i].record.frames && j < STACK_FRAMES; j++)
			addresses[count++] = collector->events[i].record.stack[j];
	if (count)
		kallsyms__resolve(addresses, count, names);
	for (size_t i = 0; i < collector->event_count; i++) {
		const struct event *event = &collector->events[i];
		const struct cpu_account *account = &collector->probes->accounts[event->record.cpu];
		struct event_row *row = recording__add_event(recording);
		struct string frames = {};

		row->time_ns = (int64_t)(event->record.end - account->first);
		row->cpu = event->record.cpu;
		row->process = event->process;
		row->tid = event->record.pid;
		row->name = strndup(event->record.comm, COMM_LENGTH);
		row->wait_ns = (int64_t)event->record.wait_ns;
		row->throttled_ns = (int64_t)event->record.throttled_ns;
		row->kind = event->kind;
		row->culprit = event->culprit;
		for (uint32_t j = 0; named && j < event->record.frames && j < STACK_FRAMES; j++, next++)
			string__add(&frames, "%s%s", j ? "\n" : "", names[next]);
		row->stack = stack_table__id(stacks, frames.text);
		string__free(&frames);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

struct loss { const char *name, *meaning; int64_t value; };

static void store_counters(const struct collector *collector, struct recording *recording)
{
	int64_t sum[14] = { 0 }, lock_sum[5] = { 0 };

	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		const struct cpu_account *account = &collector->probes->accounts[cpu];
		const struct lock_cpu *locks = &collector->probes->lock_cpus[cpu];
		int64_t seen = (int64_t)account->switches;
		int64_t kernel = account->switches_kernel_last ? (int64_t)(account->switches_kernel_last - account->switches_kernel_first) : seen;

		sum[0] += kernel > seen ? kernel - seen : 0;
		sum[1] += (int64_t)account->gaps;
		sum[2] += (int64_t)account->gap_ns;
		sum[3] += (int64_t)account->ringbuf_lost;
		sum[4] += (int64_t)account->pairs_lost;
		sum[5] += (int64_t)account->slots_lost;
		sum[6] += (int64_t)account->groups_lost;
		sum[7] += (int64_t)account->events_suppressed;
		sum[8] += (int64_t)account->unmarked_waits;
		sum[9] += (int64_t)account->walk_lost;
		sum[10] += (int64_t)account->pairs_skipped_ns;
		sum[13] += account->began_late;
		lock_sum[0] += (int64_t)locks->states_lost;
		lock_sum[1] += (int64_t)locks->rows_lost;
		lock_sum[2] += (int64_t)locks->stacks_lost;
		lock_sum[3] += (int64_t)locks->unmatched_ends;
		lock_sum[4] += (int64_t)locks->spin_nested;
		sum[12] += (int64_t)account->unmarked_ns;
		sum[11] += (int64_t)account->pairs_booked_ns;
	}
	const struct loss losses[] = {
		{ "switches_missed", "context switches that the kernel counted and the probe did not see", sum[0] },
		{ "gaps_healed", "places where events were missing and the account was put right from the kernel's own figures", sum[1] },
		{ "gap_ns", "time on CPUs covered by such places", sum[2] },
		{ "records_lost", "exits, execs and single waits that did not fit into the ring buffer", sum[3] },
		{ "pairs_lost", "bookings of victim and culprit that did not fit into their table", sum[4] },
		{ "tasks_lost", "times a task had no place in the table of tasks", sum[5] },
		{ "cgroups_lost", "times a cgroup had no place in the table of cgroups", sum[6] },
		{ "waits_not_listed", "long waits beyond the limit of about 50 a second for each CPU: summed, not listed one by one", sum[7] },
		{ "waits_unmarked", "waits whose beginning was not seen: counted with the kernel's length, no occupant named", sum[8] },
		{ "waits_unmarked_ns", "length of these waits", sum[12] },
		{ "walks_cut", "waits that were longer than the history of occupants: their first part names nobody", sum[9] },
		{ "pairs_not_cut_ns", "waiting time that was not cut by its occupants, to keep the probe cheap", sum[10] },
		{ "pairs_cut_ns", "waiting time that was cut by its occupants", sum[11] },
		{ "events_dropped", "listed waits beyond the limit of the recording", collector->events_dropped },
		{ "probe_runs_missed", "times that a probe did not run, because one ran on that CPU already",
			(int64_t)probes__missed_runs(collector->probes) },
		{ "lock_states_lost", "waits for kernel locks that were not recorded for want of room", lock_sum[0] },
		{ "lock_rows_lost", "sums of lock waits, holders or stacks that were not kept for want of room", lock_sum[1] },
		{ "lock_stacks_lost", "stacks of waiters or owners that were not kept for want of room", lock_sum[2] },
		{ "lock_waits_unmatched", "waits for kernel locks whose beginning was not seen; counted only where it was before the window",
			lock_sum[3] },
		{ "lock_spins_nested", "spinning that was not recorded, because more of it was nested on a CPU than is kept apart", lock_sum[4] },
		{ "cpus_late", "CPUs that came online within the window: their account begins there", sum[13] },
		{ "failed_reads", "reads of the kernel's tables that failed", collector->failed_reads },
		{ "command_lines_unread", "command lines that were left alone because the process' memory lock was held",
			collector->unread_command_lines },
		{ "programs_unread", "processes whose program was not looked at: a file system did not answer, or time ran out",
			collector->unread_programs },
		{ "longest_silence_ns", "longest time for which our own loop did not get to run (it wants to every 100 ms)",
			(int64_t)collector->longest_silence_ns },
		{ "foreign_folds", "folds of total= made by the kernel's own worker or by another reader", foldlog__foreign(collector->folds) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		recording__set_counter(recording, losses[i].name, losses[i].value, losses[i].meaning);
}

int64_t cpu_time_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (int64_t)time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec;
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
	recording__set_meta(recording, "meter", "%s", collector->probes->meter ? "psi_group_cpu" : "events");
	recording__set_meta(recording, "locks", "%d", collector->probes->locks);
	recording__set_meta(recording, "steal_clock", "%d", collector->probes->steal);
	recording__set_meta(recording, "pair_threshold_ns", "%llu", 100 * NS_PER_USEC);
	recording__set_meta(recording, "event_threshold_ns", "%llu", 10 * NS_PER_MSEC);
	recording__set_meta(recording, "scope_pid", "%lld", (long long)options->scope_pid);
	recording__set_meta(recording, "scope_cgroup", "%s", options->scope_cgroup ? options->scope_cgroup : "");
	recording__set_meta(recording, "command", "%s", options->command ? options->command : "");
	recording__set_meta(recording, "tool_pid", "%d", (int)getpid());
	recording__set_meta(recording, "tool_cpu_ns", "%lld", (long long)(complete ? collector->window_cpu_ns
		: cpu_time_ns() - collector->start_cpu_ns));
	recording__set_meta(recording, "tool_start_cpu_ns", "%lld", (long long)collector->start_cpu_ns);
	recording__set_meta(recording, "tool_memory_kib", "%lld", (long long)usage.ru_maxrss);
	recording__set_meta(recording, "map_memory_kib", "%zu", collector->probes->map_bytes / 1024);
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

struct recording *assemble__recording(struct collector *collector, const char *ended_by, bool complete)
{
	struct recording *recording = recording__new();
	struct stack_table *stacks = stack_table__new(recording);

	if (complete)
		take_credits_at_hand(collector);
	store_live_tasks(collector, recording, complete);
	processes__store(collector->processes, recording);
	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++)
		if (collector->probes->accounts[cpu].first)
			store_cpu(&collector->probes->accounts[cpu], cpu, recording);
	store_groups(collector, recording);
	gather__store(collector, recording);
	foldlog__store(collector->folds, recording);
	store_events(collector, recording, stacks, complete);
	lock_account__store(collector->locks, collector, recording, complete ? stacks : NULL);
	stack_table__free(stacks);
	store_pressure(collector, recording);
	if (collector->cgroups_start)
		cgroups__growth(collector->cgroups_start, collector->cgroups_end ? collector->cgroups_end : collector->cgroups_start, recording);
	store_counters(collector, recording);
	store_meta(collector, recording, ended_by, complete);
	return recording;
}

void assemble__free(struct collector *collector)
{
	gather__free(collector);
}
