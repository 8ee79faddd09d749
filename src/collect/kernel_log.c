#include "collect/kernel_log.h"

#include <ctype.h>
#include <string.h>

#include "base/base.h"

#define TOGETHER_US 15000000    // the dump of a CPU that does not answer is waited for up to ten seconds (lib/nmi_backtrace.c)

struct kernel_log {
	struct kernel_warning *warnings;
	size_t count, capacity;
	struct string text;             // of the last warning, while it grows
	bool open;
	int64_t dropped;
};

// ---- records ----

static bool take_number(const char **at, const char *end, char delimiter, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = *at;

	if (p == end || !isdigit((unsigned char)*p))
		return false;
	for (; p < end && isdigit((unsigned char)*p); p++) {
		if (value > UINT64_MAX / 10 - 10)
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p == end || *p != delimiter)
		return false;
	*at = p + 1;
	*ret = value;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The kernel writes what is no printable ASCII as \x09.
static void unescape(const char *from, const char *end, char *to, size_t size)
{
	size_t length = 0;

	while (from < end && *from != '\n' && length + 1 < size) {
		unsigned char c = (unsigned char)*from++;

		if (c == '\\' && end - from >= 3 && from[0] == 'x' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
			c = (unsigned char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
			from += 3;
		}
		to[length++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	to[length] = '\0';
}

bool log_record__parse(const char *bytes, size_t size, struct log_record *ret)
{
	const char *at = bytes, *end = bytes + size, *text = memchr(bytes, ';', size);
	uint64_t priority;

	if (!text || !take_number(&at, text, ',', &priority) || priority > 1023 || !take_number(&at, text, ',', &ret->sequence) ||
	    !take_number(&at, text, ',', &ret->time_us))
		return false;
	ret->facility = (int)(priority >> 3);
	ret->level = (int)(priority & 7);
	unescape(text + 1, end, ret->text, sizeof(ret->text));
	return true;
}

// ---- what a line is ----

static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text && !strncmp(text, prefix, length) ? text + length : NULL;
}

static const char *skip(const char *text, const char *prefix)
{
	const char *rest = after(text, prefix);

	return rest ? rest : text;
}

static const char *find_last(const char *text, const char *word)
{
	const char *found = NULL, *next = text;

	while ((next = strstr(next, word)))
		found = next++;
	return found;
}

// "NAME:TID" that ends at `end`; a name may hold anything.
static bool take_task(const char *text, const char *end, struct kernel_warning *warning)
{
	const char *colon = end;

	while (colon > text && *colon != ':')
		colon--;
	if (*colon != ':' || colon + 1 == end || colon == text)
		return false;
	for (const char *p = colon + 1; p < end; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	warning->tid = strtoll(colon + 1, NULL, 10);
	snprintf(warning->task, sizeof(warning->task), "%.*s", (int)(colon - text), text);
	return true;
}

// "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:" (kernel/rcu/tree_stall.h, tree_exp.h, tasks.h); without "rcu: " up to 4.20.
static bool is_rcu_stall(const char *text, struct kernel_warning *warning)
{
	static const char *const verbs[] = { " self-detected stall on CPU", " detected stalls on CPUs/tasks:", " detected expedited stalls on CPUs/tasks: {",
		" detected stalls on tasks:" };
	const char *name = after(skip(text, "rcu: "), "INFO: "), *end = name;

	if (!after(name, "rcu"))
		return false;
	while (islower((unsigned char)*end) || isdigit((unsigned char)*end) || *end == '_')
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *rest = after(end, verbs[i]);

		if (!rest)
			continue;
		if (i == 2) {
			warning->cpu = isdigit((unsigned char)rest[strspn(rest, " ")]) ? atoi(rest) : -1;
			rest = strstr(rest, "} ");
			warning->jiffies = rest ? strtoll(rest + 2, NULL, 10) : 0;
		}
		return true;
	}
	return false;
}

// "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [name:123]" (kernel/watchdog.c)
static bool is_soft_lockup(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(skip(skip(text, "NMI "), "watchdog: "), "BUG: soft lockup - CPU#");
	unsigned cpu, seconds;
	int length = 0;

	if (!rest || sscanf(rest, "%u stuck for %us! [%n", &cpu, &seconds, &length) != 2 || !length)
		return false;
	warning->cpu = (int)cpu;
	warning->seconds = seconds;
	const char *end = strrchr(rest + length, ']');
	if (end)
		take_task(rest + length, end, warning);
	return true;
}

// "watchdog: Watchdog detected hard LOCKUP on cpu 1"; from 6.9 on "watchdog: CPU1: Watchdog …" (kernel/watchdog.c)
static bool is_hard_lockup(const char *text, struct kernel_warning *warning)
{
	const char *rest = skip(skip(text, "NMI "), "watchdog: ");
	int length = 0;
	unsigned cpu;

	if (sscanf(rest, "CPU%u: %n", &cpu, &length) == 1 && length)
		rest += length;
	rest = after(rest, "Watchdog detected hard LOCKUP on cpu ");
	if (!rest || !isdigit((unsigned char)*rest))
		return false;
	warning->cpu = atoi(rest);
	return true;
}

// "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 34s!" (kernel/workqueue.c)
static bool is_workqueue_lockup(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "BUG: workqueue lockup - pool"), *cpus, *stuck;

	stuck = rest ? find_last(rest, " stuck for ") : NULL;
	if (!stuck)
		return false;
	cpus = strstr(rest, "cpus=");
	warning->cpu = cpus && isdigit((unsigned char)cpus[5]) ? atoi(cpus + 5) : -1;
	warning->seconds = strtod(stuck + 11, NULL);
	return true;
}

// "INFO: task NAME:123 blocked for more than 120 seconds."; from 6.17 on also "blocked in I/O wait for …" (kernel/hung_task.c)
static bool is_hung_task(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "INFO: task "), *blocked = rest ? find_last(rest, " blocked ") : NULL;
	const char *more = blocked ? strstr(blocked, "for more than ") : NULL;

	if (!more || !strstr(more, " seconds") || !take_task(rest, blocked, warning))
		return false;
	warning->seconds = strtod(more + 14, NULL);
	return true;
}

// "Out of memory: Killed process 123 (name) …", "Memory cgroup out of memory: Killed …" (mm/oom_kill.c)
static bool is_oom_kill(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "Out of memory: Killed process "), *name, *end;

	rest = rest ? rest : after(text, "Memory cgroup out of memory: Killed process ");
	if (!rest || !isdigit((unsigned char)*rest))
		return false;
	warning->tid = strtoll(rest, NULL, 10);
	name = strstr(rest, " (");
	end = name ? strstr(name, ") ") : NULL;
	if (end)
		snprintf(warning->task, sizeof(warning->task), "%.*s", (int)(end - name - 2), name + 2);
	return true;
}

// kernel/time/clocksource.c: a clock that stood still, or went on, while the other one did not.
static bool is_clock_unstable(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "clocksource: timekeeping watchdog on CPU");

	(void)warning;
	return rest && isdigit((unsigned char)*rest) && strstr(rest, ": Marking clocksource '");
}

// "hrtimer: interrupt took 44005651 ns" (kernel/time/hrtimer.c)
static bool is_timer_late(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "hrtimer: interrupt took ");

	if (!rest || !isdigit((unsigned char)*rest) || !strstr(rest, " ns"))
		return false;
	warning->seconds = strtod(rest, NULL) / (double)NS_PER_SEC;
	return true;
}

static const struct { const char *kind; bool (*is)(const char *text, struct kernel_warning *warning); bool dump; } kinds[] = {
	{ "rcu_stall", is_rcu_stall, true }, { "soft_lockup", is_soft_lockup, true }, { "hard_lockup", is_hard_lockup, true },
	{ "workqueue_lockup", is_workqueue_lockup, true }, { "hung_task", is_hung_task, true }, { "oom_kill", is_oom_kill, false },
	{ "clock_unstable", is_clock_unstable, false }, { "timer_late", is_timer_late, false },
};

// ---- what belongs to it ----

// " 1-...!: (1 GPs behind) idle=…": the CPU that the stall is about.
static void take_stalled_cpu(const char *text, struct kernel_warning *warning)
{
	const char *rest = skip(text, "rcu: ");
	unsigned cpu;
	int length = 0;
	char marks[8];

	rest += strspn(rest, " ");      // -fanalyzer: skip() returns text, too
	if (warning->cpu < 0 && sscanf(rest, "%u-%5[O.o.N?!0-9]: (%n", &cpu, marks, &length) == 2 && length)
		warning->cpu = (int)cpu;
}

static void take_stall_length(const char *text, struct kernel_warning *warning)
{
	const char *rest = strstr(text, "t=");

	if (!warning->jiffies && rest && rest > text && (rest[-1] == '(' || rest[-1] == ' ') && strstr(rest, " jiffies"))
		warning->jiffies = strtoll(rest + 2, NULL, 10);
}

// "CPU: 1 UID: 0 PID: 123 Comm: name Not tainted …" (lib/dump_stack.c); the user id from 6.12 on.
static void take_running_task(const char *text, struct kernel_warning *warning)
{
	const char *rest = after(text, "CPU: "), *pid = rest ? strstr(rest, "PID: ") : NULL, *comm = pid ? strstr(pid, " Comm: ") : NULL;
	static const char *const ends[] = { " Not tainted", " Tainted: ", " Kdump: " };

	if (!comm || warning->tid || (warning->cpu >= 0 && atoi(rest) != warning->cpu))
		return;
	warning->tid = strtoll(pid + 5, NULL, 10);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *end = strstr(comm, ends[i]);

		if (end && end - comm - 7 < (ptrdiff_t)sizeof(warning->task)) {
			snprintf(warning->task, sizeof(warning->task), "%.*s", (int)(end - comm - 7), comm + 7);
			return;
		}
	}
}

// " Tasks blocked on level-0 rcu_node (CPUs 0-1): P123/1:b..l": a task that was preempted within a section.
static void take_blocking_task(const char *text, struct kernel_warning *warning)
{
	const char *rest = strstr(text, "Tasks blocked on level-"), *pid = rest ? strstr(rest, ": P") : NULL;

	if (pid && !warning->tid && warning->cpu < 0)
		warning->tid = strtoll(pid + 3, NULL, 10);
}

static bool belongs(const char *text)
{
	static const char *const beginnings[] = { "rcu: ", " ", "(", "Sending NMI from CPU ", "NMI backtrace for cpu ", "CPU: ", "RIP: ", "Call Trace",
		"Task dump for CPU ", "task:", "Workqueue: ", "Showing busy workqueues", "workqueue ", "pool " };

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (after(text, beginnings[i]))
			return true;
	return false;
}

static void append(struct kernel_log *log, const char *text)
{
	struct kernel_warning *warning = &log->warnings[log->count - 1];
	size_t room = LOG_TEXT_LIMIT - log->text.length;

	if (log->text.length && room > 1)
		string__add(&log->text, "\n");
	if (strlen(text) + 1 < room)
		string__add(&log->text, "%s", text);
	free(warning->text);
	warning->text = base__copy(log->text.text ? log->text.text : "");
}

static bool begin(struct kernel_log *log, const struct log_record *record, int64_t received_ns)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct kernel_warning warning = { .kind = kinds[i].kind, .time_us = record->time_us, .received_ns = received_ns, .cpu = -1 };

		if (!kinds[i].is(record->text, &warning))
			continue;
		log->open = false;
		if (log->count >= LOG_WARNINGS_LIMIT) {
			log->dropped++;
			return true;
		}
		log->warnings = base__grow(log->warnings, &log->capacity, log->count + 1, sizeof(*log->warnings));
		log->warnings[log->count++] = warning;
		log->open = kinds[i].dump;
		log->text.length = 0;
		append(log, record->text);
		return true;
	}
	return false;
}

void kernel_log__add(struct kernel_log *log, const struct log_record *record, int64_t received_ns)
{
	struct kernel_warning *warning;

	if (record->facility != 0 || begin(log, record, received_ns) || !log->open)
		return;
	warning = &log->warnings[log->count - 1];
	if (record->time_us - warning->time_us > TOGETHER_US) {
		log->open = false;
		return;
	}
	if (!belongs(record->text))
		return;
	if (!strcmp(warning->kind, "rcu_stall")) {
		take_stalled_cpu(record->text, warning);
		take_stall_length(record->text, warning);
		take_blocking_task(record->text, warning);
	}
	if (strcmp(warning->kind, "hung_task"))
		take_running_task(record->text, warning);
	append(log, record->text);
}

struct kernel_log *kernel_log__new(void)
{
	return base__alloc(1, sizeof(struct kernel_log));
}

void kernel_log__free(struct kernel_log *log)
{
	if (!log)
		return;
	for (size_t i = 0; i < log->count; i++)
		free(log->warnings[i].text);
	free(log->warnings);
	string__free(&log->text);
	free(log);
}

const struct kernel_warning *kernel_log__warnings(const struct kernel_log *log, size_t *ret_count)
{
	*ret_count = log->count;
	return log->warnings;
}

int64_t kernel_log__dropped(const struct kernel_log *log)
{
	return log->dropped;
}
