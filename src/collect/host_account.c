// Looks at the clocks, the heartbeats and the kernel's log in each round of the collector's loop, and hands what it reads to the pure parts:
// pauses.c and kernel_log.c.
#include "collect/host_account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/clocks.h"
#include "collect/host_probes.h"
#include "collect/kernel_log.h"
#include "collect/pauses.h"
#include "collect/pulse.h"
#include "collect/rtc_watch.h"
#include "collect/virtualization.h"

#define LOG_RECORDS_MOST 20000  // of the log's history, and then in one round
#define LOG_HISTORY_NS (300 * (int64_t)NS_PER_SEC)
#define FINISH_NS (2500 * (int64_t)NS_PER_MSEC) // how long we look on after the window, where the real-time clock went ahead just before

struct host_state {
	struct host_probes *probes;
	struct clocks *clocks;
	struct rtc_watch *rtc;          // NULL: not wanted, or there is none
	int rtc_error;
	struct pauses *pauses;
	struct pulse *pulse;
	struct kernel_log *log;
	int log_fd, log_error;
	int64_t log_lost, gaps_lost, notices_lost;
	uint64_t *gaps_taken, *marks_taken; // by CPU
	int64_t *warning_process;       // by number of the warning
	size_t warning_processes, warning_capacity;
	struct notice { struct host_notice notice; int64_t process; } *notices;
	size_t notice_count, notice_capacity, notices_named;
	uint32_t notices_taken;
	bool ended, finished;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

// CLOCK_MONOTONIC less sched_clock, in which the log is stamped: from the last event on any CPU, which is at most our own waking up.
static int64_t stamp_offset(const struct collector *collector)
{
	uint64_t last = 0, smallest = 0;

	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		const struct cpu_account *account = &collector->probes->accounts[cpu];

		last = account->last > last ? account->last : last;
		if (account->offset && (!smallest || account->offset < smallest))
			smallest = account->offset;
	}
	return collector->began_ns && last ? monotonic_ns() - (int64_t)last : (int64_t)smallest;
}

// ---- the kernel's log ----

static void take_record(struct host_state *state, const struct collector *collector, const char *bytes, size_t size, int64_t offset)
{
	struct log_record record;
	int64_t time_ns;

	if (!log_record__parse(bytes, size, &record) || record.facility)
		return;
	time_ns = (int64_t)(record.time_us * NS_PER_USEC) + offset;
	if (!collector->began_ns && time_ns < monotonic_ns() - LOG_HISTORY_NS)
		return;
	kernel_log__add(state->log, &record, time_ns);
	if (collector->began_ns)
		pauses__alive(state->pauses, time_ns);
}

static void read_log(struct host_state *state, const struct collector *collector)
{
	char buffer[8192];
	int64_t offset = stamp_offset(collector);

	for (int i = 0; state->log_fd >= 0 && i < LOG_RECORDS_MOST; i++) {
		ssize_t size = read(state->log_fd, buffer, sizeof(buffer));

		if (size > 0)
			take_record(state, collector, buffer, (size_t)size, offset);
		else if (size < 0 && errno == EPIPE)
			state->log_lost += collector->began_ns != 0;    // overwritten before we came; the next read goes on
		else if (size < 0 && errno == EINVAL)
			continue;                                       // a record that is longer than any the kernel makes
		else
			return;
	}
}

// ---- the probes ----

static void take_gaps(struct host_state *state)
{
	for (uint32_t cpu = 0; cpu < state->probes->cpus; cpu++) {
		const struct host_cpu *row = &state->probes->cpu_rows[cpu];
		uint64_t count = __atomic_load_n(&row->gap_count, __ATOMIC_ACQUIRE), *taken = &state->gaps_taken[cpu];
		uint64_t last = __atomic_load_n(&row->last_ns, __ATOMIC_RELAXED);

		if (count - *taken > HOST_GAPS) {
			state->gaps_lost += (int64_t)(count - *taken - HOST_GAPS);
			*taken = count - HOST_GAPS;
		}
		for (; *taken < count; (*taken)++) {
			const struct host_gap *gap = &row->gaps[*taken % HOST_GAPS];

			pauses__gap(state->pauses, (int)cpu, (int64_t)gap->start_ns, (int64_t)gap->end_ns, (int64_t)gap->steal_ns);
		}
		pauses__beat(state->pauses, (int)cpu, (int64_t)last);
		if (row->stopped_count != state->marks_taken[cpu] && row->stopped_ns)
			pauses__mark(state->pauses, (int64_t)row->stopped_ns);
		state->marks_taken[cpu] = row->stopped_count;
	}
}

static void take_pulse(struct host_state *state)
{
	int64_t start, end;

	while (state->pulse && pulse__take(state->pulse, &start, &end))
		pauses__witness_gap(state->pauses, start, end);
}

static void take_notices(struct host_state *state)
{
	uint32_t count = host_probes__notice_count(state->probes);

	if (count - state->notices_taken > HOST_NOTICES) {
		state->notices_lost += count - state->notices_taken - HOST_NOTICES;
		state->notices_taken = count - HOST_NOTICES;
	}
	for (; state->notices_taken != count; state->notices_taken++) {
		const struct host_notice *notice = &state->probes->notices[state->notices_taken % HOST_NOTICES];

		if (__atomic_load_n(&notice->ready, __ATOMIC_ACQUIRE) != state->notices_taken + 1)
			continue;
		state->notices = base__grow(state->notices, &state->notice_capacity, state->notice_count + 1, sizeof(*state->notices));
		state->notices[state->notice_count++] = (struct notice){ .notice = *notice };
	}
}

static void take_rtc(struct host_state *state)
{
	struct rtc_step step;

	if (!state->rtc)
		return;
	if (rtc_watch__works(state->rtc))
		pauses__rtc(state->pauses, NULL);
	while (rtc_watch__take(state->rtc, &step))
		pauses__rtc(state->pauses, &step);
}

static void take_clocks(struct host_state *state)
{
	struct clock_sample sample;

	clocks__read(state->clocks, &sample);
	pauses__sample(state->pauses, &sample);
	take_rtc(state);
}

static void look(void *context, struct collector *collector)
{
	struct host_state *state = context;

	take_clocks(state);
	take_pulse(state);
	take_gaps(state);
	take_notices(state);
	read_log(state, collector);
}

// ---- the subject ----

static void *open_host(struct collector *collector, char **ret_why_off)
{
	struct host_probes *probes = host_probes__open(ret_why_off);
	struct host_state *state;

	if (!probes)
		return NULL;
	state = base__alloc(1, sizeof(*state));
	state->probes = probes;
	state->gaps_taken = base__alloc(probes->cpus, sizeof(uint64_t));
	state->marks_taken = base__alloc(probes->cpus, sizeof(uint64_t));
	// A machine that nobody can stop needs no second clock. Who else sets the clock must be seen.
	if (strcmp(collector->host.virtualization, "none") && probes->rtc_tracepoint)
		state->rtc = rtc_watch__open(host_probes__rtc_sets(probes), &state->rtc_error);
	state->clocks = clocks__open();
	state->pauses = pauses__new((int)probes->cpus, HOST_BEAT_NS);
	state->log = kernel_log__new();
	state->log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	state->log_error = state->log_fd < 0 ? errno : 0;
	read_log(state, collector);
	take_clocks(state);
	return state;
}

static void begin(void *context, struct collector *collector)
{
	struct host_state *state = context;

	state->pulse = pulse__start();
	if (state->pulse)
		pauses__witnessed(state->pauses);
	if (state->rtc)
		state->rtc_error = -rtc_watch__start(state->rtc);
	look(state, collector);
}

static int64_t process_of(struct collector *collector, int64_t tid)
{
	cleanup_free char *path = base__format("/proc/%lld/status", (long long)tid), *text = NULL;
	const char *line;

	if (tid <= 0)
		return 0;
	for (uint32_t i = 0; i < TASK_SLOTS; i++)
		if (collector->probes->slots[i].pid == (uint32_t)tid)
			return processes__by_tgid(collector->processes, collector->probes->slots[i].tgid);
	if (base__read_file(path, 4096, &text) <= 0 || !(line = strstr(text, "\nTgid:")))
		return 0;
	return processes__by_tgid(collector->processes, (uint32_t)strtoul(line + 6, NULL, 10));
}

// A process that has been named before keeps its name when it has ended.
static int64_t process_of_warning(const struct host_state *state, struct collector *collector, const struct kernel_warning *warnings, size_t number)
{
	int64_t process = process_of(collector, warnings[number].tid);

	for (size_t i = 0; !process && i < number; i++)
		if (warnings[i].tid == warnings[number].tid && !strcmp(warnings[i].task, warnings[number].task))
			process = state->warning_process[i];
	return process;
}

// A step that is not measured yet was seen within the last seconds; the next ones tell how long it was.
static void finish_rtc(struct host_state *state)
{
	if (state->rtc)
		rtc_watch__finish(state->rtc, FINISH_NS);
	take_clocks(state);
}

static void drain(void *context, struct collector *collector)
{
	struct host_state *state = context;
	size_t count;
	const struct kernel_warning *warnings = kernel_log__warnings(state->log, &count);

	if (state->ended && !state->finished)
		finish_rtc(state);      // the books of the others are closed
	state->finished = state->ended;
	state->warning_process = base__grow(state->warning_process, &state->warning_capacity, count + 1, sizeof(int64_t));
	// The last one may still be growing: it is looked up again.
	for (size_t i = state->warning_processes ? state->warning_processes - 1 : 0; i < count; i++)
		// One from before the window may name a number that is another's by now.
		if (!state->warning_process[i] && warnings[i].received_ns >= (int64_t)collector->began_ns)
			state->warning_process[i] = process_of_warning(state, collector, warnings, i);
	state->warning_processes = count;
	for (; state->notices_named < state->notice_count; state->notices_named++) {
		struct notice *notice = &state->notices[state->notices_named];

		notice->process = notice->notice.tgid ? processes__by_tgid(collector->processes, notice->notice.tgid) : 0;
	}
}

static void end(void *context, struct collector *collector)
{
	struct host_state *state = context;

	look(state, collector);
	host_probes__detach(state->probes);
	state->ended = true;
}

static void store_found(const struct collector *collector, const struct pause_found *found, struct recording *recording)
{
	cleanup_string struct string text = { 0 };
	struct host_event_row *row;

	if (found->end_ns < (int64_t)collector->began_ns || (collector->ended_ns && found->start_ns >= (int64_t)collector->ended_ns))
		return;
	if (!strcmp(found->kind, "clock_step"))
		string__add(&text, "the clock was set %s by %.3f s", found->ns > 0 ? "forwards" : "backwards", (double)llabs(found->ns) / NS_PER_SEC);
	else if (!strcmp(found->kind, "suspend"))
		string__add(&text, "this system was suspended");
	else
		for (int i = 0; i < PAUSE_DETECTORS; i++)
			if (found->detectors & (1U << i))
				string__add(&text, "%s%s", text.length ? "; " : "", found->cpu < 0 || i != PAUSE_SILENCE
					? pause_detector__words((enum pause_detector)i) : "this CPU was silent and nothing was counted as stolen");
	if (strcmp(found->kind, "clock_step") && strcmp(found->kind, "suspend")) {
		if (found->ns)
			string__add(&text, "; length to within %.1f ms", (double)found->bound_ns / NS_PER_MSEC);
		else
			string__add(&text, "; its length is not known");
		string__add(&text, ", time to within %.0f ms", (double)found->at_ns / NS_PER_MSEC);
	}
	row = recording__add_host_event(recording);
	*row = (struct host_event_row){ .time_ns = found->end_ns - (int64_t)collector->began_ns, .kind = base__copy(found->kind), .cpu = found->cpu,
		.ns = llabs(found->ns), .text = string__steal(&text) };
}

static void store_warnings(const struct host_state *state, const struct collector *collector, struct recording *recording)
{
	size_t count;
	const struct kernel_warning *warnings = kernel_log__warnings(state->log, &count);

	for (size_t i = 0; i < count; i++) {
		struct host_event_row *row = recording__add_host_event(recording);
		double seconds = warnings[i].seconds;

		if (warnings[i].jiffies > 0 && collector->host.hz > 0)
			seconds = (double)warnings[i].jiffies / (double)collector->host.hz;
		*row = (struct host_event_row){ .time_ns = warnings[i].received_ns - (int64_t)collector->began_ns, .kind = base__copy(warnings[i].kind),
			.cpu = warnings[i].cpu, .process = i < state->warning_processes ? state->warning_process[i] : 0,
			.ns = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * NS_PER_SEC) : 0, .text = base__copy(warnings[i].text) };
	}
}

// What the tracepoints saw counts where the log can't be read; a hung task beyond the kernel's limit of warnings is in no log.
static void store_notices(const struct host_state *state, const struct collector *collector, struct recording *recording)
{
	size_t count;
	const struct kernel_warning *warnings = kernel_log__warnings(state->log, &count);

	for (size_t i = 0; i < state->notice_count; i++) {
		const struct host_notice *notice = &state->notices[i].notice;
		bool hung = notice->kind == HOST_NOTICE_HUNG_TASK, told = !hung && state->log_fd >= 0;
		struct host_event_row *row;

		for (size_t j = 0; j < count && !told; j++)
			told = hung && !strcmp(warnings[j].kind, "hung_task") && warnings[j].tid == notice->pid;
		if (told || (int64_t)notice->time_ns < (int64_t)collector->began_ns)
			continue;
		row = recording__add_host_event(recording);
		*row = (struct host_event_row){ .time_ns = (int64_t)notice->time_ns - (int64_t)collector->began_ns,
			.kind = base__copy(hung ? "hung_task" : "rcu_stall"), .cpu = hung ? -1 : (int64_t)notice->cpu, .process = state->notices[i].process,
			.text = hung ? base__format("task %s:%u has been blocked for long (tracepoint)", notice->words, notice->pid)
				     : base__format("RCU stall warning %s (tracepoint)", notice->words) };
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct host_event_row *one = a, *other = b;

	return (one->time_ns > other->time_ns) - (one->time_ns < other->time_ns);
}

static void store_facts(const struct host_state *state, const struct collector *collector, struct recording *recording)
{
	static const char *const names[PAUSE_DETECTORS] = { "scheduler", "counter", "rtc", "silence", "mark" };
	cleanup_string struct string works = { 0 };

	for (int i = 0; i < PAUSE_DETECTORS; i++)
		if (pauses__works(state->pauses, (enum pause_detector)i))
			string__add(&works, "%s%s", works.length ? " " : "", names[i]);
	recording__set_meta(recording, "pause_detectors", "%s", works.text ? works.text : "");
	recording__set_meta(recording, "steal_offered", "%d", virtualization__steal_offered(collector->host.virtualization, collector->stat_start.total.steal_ns));
	recording__set_meta(recording, "kernel_log", "%s", state->log_fd >= 0 ? "on" : strerror(state->log_error));
	if (state->rtc_error)
		recording__set_meta(recording, "real_time_clock", "%s", strerror(state->rtc_error));
	recording__set_counter(recording, "kernel_log_lost", state->log_lost + kernel_log__dropped(state->log),
			       "times that the kernel's log was overwritten before it was read, or held more warnings than are kept");
	recording__set_counter(recording, "heartbeats_refused", state->probes ? state->probes->beats_refused : 0,
			       "CPUs on which the kernel refused the timer of the heartbeat");
	if (!state->pulse)
		recording__set_meta(recording, "pulse", "no thread could be started");
	recording__set_counter(recording, "heartbeats_lost", state->gaps_lost + state->notices_lost + pauses__left_out(state->pauses),
			       "silences of CPUs and complaints of the kernel that were not kept for want of room");
}

static void store(const void *context, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct host_state *state = context;
	size_t count, first = recording->host_event_count;
	struct pause_found *found = pauses__find(state->pauses, &count);

	(void)stacks;
	for (size_t i = 0; i < count; i++)
		store_found(collector, &found[i], recording);
	free(found);
	store_warnings(state, collector, recording);
	store_notices(state, collector, recording);
	if (recording->host_event_count > first)
		qsort(recording->host_event + first, recording->host_event_count - first, sizeof(*recording->host_event), compare_rows);
	store_facts(state, collector, recording);
}

static void close_host(void *context)
{
	struct host_state *state = context;

	pulse__stop(state->pulse);
	rtc_watch__close(state->rtc);      // reads what the probes count
	host_probes__close(state->probes);
	clocks__close(state->clocks);
	pauses__free(state->pauses);
	kernel_log__free(state->log);
	if (state->log_fd >= 0)
		close(state->log_fd);
	free(state->gaps_taken);
	free(state->marks_taken);
	free(state->warning_process);
	free(state->notices);
	free(state);
}

static size_t memory(const void *context)
{
	return ((const struct host_state *)context)->probes->map_bytes;
}

const struct subject host_subject = { .name = "host", .open = open_host, .begin = begin, .look = look, .drain = drain, .end = end,
	.store = store, .close = close_host, .memory = memory };
