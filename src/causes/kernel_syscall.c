// A program spends much of its time in few and long system calls of one kind: whatever it holds meanwhile is held as long. Samples and sleeps say how
// much time that is; probes, attached while it matters, into how many calls it falls.
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/cpu_profile.h"

#include <math.h>
#include <string.h>

#define SAMPLES_LEAST 8         // below, the time on a CPU is chance
#define WATCHED_LEAST 0.3       // seconds: what was watched for less speaks for no window
#define CALLERS 3

// One crowd's calls of one kind.
struct calls {
	size_t crowd;
	size_t next;                    // while they are gathered: 1 + position of the next one of the crowd, 0 none
	const char *operation;
	double cpu_ns, low_cpu_ns;      // on a CPU, by the samples' share of what it ran: estimate and lower bound
	double slept_ns, sleeps, sleep_max_ns;
	int64_t samples;
	bool watched;                   // the probes had a look at them
	double watched_ns, count, ns, max_ns, open_count, open_ns, bytes;
	double share, low_share;        // on a CPU or asleep in them, of the window
	double mean_ns;                 // of a call, idle waits within it left out; 0 unknown
	enum verdict_kind kind;
};
struct all_calls { struct calls *all; size_t count, capacity; size_t *first; };   // first: by crowd, as `next`; while they are gathered

// ---- which system calls ----

static bool is_one_of(const char *operation, const char *names)
{
	size_t length = strlen(operation);
	for (const char *at = names; length && (at = strstr(at, operation)); at += length)
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

// Waits for work or for others, and what has causes of its own: syncs, tasks that are created and ended.
static bool is_out_of_question(const char *operation)
{
	static const char waits[] = "nanosleep clock_nanosleep epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 accept accept4 recvfrom recvmsg "
		"recvmmsg rt_sigtimedwait rt_sigsuspend pause io_getevents io_pgetevents io_uring_enter mq_timedreceive msgrcv restart_syscall wait4 waitid "
		"sendto sendmsg sendmmsg connect flock fcntl semop semtimedop mq_timedsend msgsnd futex futex_wait futex_waitv futex_requeue sched_yield ptrace";
	static const char others[] = "fsync fdatasync sync syncfs msync sync_file_range exit exit_group execve execveat fork vfork clone clone3";
	// Numbers that have no name are no calls that anybody could look up.
	return operation__from_name(operation) != OPERATION_CALL || strchr(operation, ' ') || is_one_of(operation, waits) || is_one_of(operation, others);
}

// What reads and writes of files sleep for is said by the causes of I/O.
static bool is_plain_io(const char *operation)
{
	return is_one_of(operation, "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 sendfile splice tee");
}

// A sleep in which the kernel works for the caller, or waits for a device or memory; no wait for somebody else's doing.
static bool is_work(enum sleep_class class)
{
	static const enum sleep_class works[] = { SLEEP_BLOCK, SLEEP_PAGE_READ, SLEEP_JOURNAL, SLEEP_DIRTY, SLEEP_WRITEBACK, SLEEP_BLOCK_QUEUE, SLEEP_IO_LIMIT,
		SLEEP_REMOTE, SLEEP_FUSE, SLEEP_FILE_SYSTEM, SLEEP_SWAP_IN, SLEEP_REFAULT, SLEEP_RECLAIM, SLEEP_MEMORY_LIMIT, SLEEP_COMPACTION,
		SLEEP_KERNEL_WORK };
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		if (class == works[i])
			return true;
	return false;
}

// ---- gathering ----

static struct calls *find_or_add(struct all_calls *calls, const struct scene *scene, int64_t process, const char *operation)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	size_t crowd = row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
	if (crowd == SIZE_MAX || scene->crowds[crowd].tool || !scene->crowds[crowd].in_scope || row->row->kernel_thread || is_out_of_question(operation))
		return NULL;
	for (size_t i = calls->first[crowd]; i; i = calls->all[i - 1].next)
		if (!strcmp(calls->all[i - 1].operation, operation))
			return &calls->all[i - 1];
	calls->all = base__grow(calls->all, &calls->capacity, calls->count + 1, sizeof(*calls->all));
	calls->all[calls->count] = (struct calls){ .crowd = crowd, .next = calls->first[crowd], .operation = operation };
	calls->first[crowd] = calls->count + 1;
	return &calls->all[calls->count++];
}

// What a virtual CPU runs is the guest's work, within one call that never ends.
static void gather_samples(const struct scene *scene, struct all_calls *calls)
{
	const struct ledger_profiles *profiles = &scene->ledger->profiles;
	for (size_t i = 0; i < profiles->count; i++) {
		const struct cpu_profile *profile = &profiles->profiles[i];
		const struct ledger_process *process = ledger__process(scene->ledger, profile->process);
		for (size_t j = 0; process && j < profile->part_count; j++) {
			const struct cpu_profile_part *part = &profile->parts[j];
			double low, high;
			struct calls *one = part->work == WORK_GUEST || part->work == WORK_INTERRUPT ? NULL
					    : find_or_add(calls, scene, profile->process, part->operation);
			if (!one || !cpu_profile__bounds(part->sums.samples, profile->sums.samples, &low, &high))
				continue;
			one->samples += part->sums.samples;
			one->cpu_ns += (double)process->run_ns * (double)part->sums.samples / (double)profile->sums.samples;
			one->low_cpu_ns += (double)process->run_ns * low;
		}
	}
}

static void gather_sleeps(const struct scene *scene, struct all_calls *calls)
{
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		struct calls *one = is_work(sleep->class) && !sleep->sync && sleep->row->operation && !is_plain_io(sleep->row->operation)
				    ? find_or_add(calls, scene, sleep->row->process, sleep->row->operation) : NULL;
		if (!one)
			continue;
		one->slept_ns += (double)sleep->row->ns;
		one->sleeps += (double)sleep->row->times;
		one->sleep_max_ns = fmax(one->sleep_max_ns, (double)sleep->row->max_ns);
	}
}

static void gather_probes(const struct scene *scene, struct all_calls *calls)
{
	const struct recording *recording = scene->ledger->recording;
	for (size_t i = 0; i < recording->syscall_count; i++) {
		const struct syscall_row *row = &recording->syscall[i];
		struct calls *one = find_or_add(calls, scene, row->process, row->operation);
		if (!one || row->watched_ns <= 0)
			continue;
		// Processes of one kind may have been watched for different times.
		double scale = one->watched ? one->watched_ns / (double)row->watched_ns : 1;
		if (!one->watched)
			one->watched_ns = (double)row->watched_ns;
		one->watched = true;
		one->count += scale * (double)row->calls;
		one->ns += scale * (double)row->ns;
		one->open_count += (double)row->open_calls;
		one->open_ns += (double)row->open_ns;
		one->max_ns = fmax(one->max_ns, (double)row->max_ns);
		one->bytes += row->bytes < 0 ? 0 : scale * (double)row->bytes;
	}
}

// ---- weighing ----

// The time that samples and sleeps show, in as many calls as the probes counted: a wait for work within a call (many an ioctl) does not lengthen it.
static double mean_of(const struct scene *scene, const struct calls *one)
{
	double count = one->count + one->open_count, work_ns = one->cpu_ns + one->slept_ns;
	if (!one->watched || count <= 0 || one->watched_ns < WATCHED_LEAST * NS_PER_SEC)
		return 0;
	return fmin((one->ns + one->open_ns) / count, work_ns / scene->window_ns * one->watched_ns / count);
}

static enum verdict_kind weigh_one(const struct scene *scene, struct calls *one)
{
	double window_ns = scene->window_ns;
	if (one->samples < SAMPLES_LEAST)
		one->cpu_ns = one->low_cpu_ns = 0;
	one->share = (one->cpu_ns + one->slept_ns) / window_ns;
	one->low_share = (one->low_cpu_ns + one->slept_ns) / window_ns;
	one->mean_ns = mean_of(scene, one);
	double long_ns = threshold__value(THRESHOLD_CALL_LONG) * NS_PER_MSEC;
	bool enough = one->share >= threshold__value(THRESHOLD_CALL_SHARE_CONTRIBUTING), much = one->low_share >= threshold__value(THRESHOLD_CALL_SHARE_CONFIRMED);
	if (one->mean_ns > 0)
		return one->mean_ns < long_ns || !enough ? VERDICT_RULED_OUT : much ? VERDICT_CONFIRMED : VERDICT_CONTRIBUTING;
	// Nobody counted them: sleeps of that length are within calls of at least that length.
	if (one->sleeps > 0 && one->slept_ns / one->sleeps >= long_ns && one->slept_ns >= threshold__value(THRESHOLD_CALL_SHARE_CONTRIBUTING) * window_ns)
		return VERDICT_CONTRIBUTING;
	return !one->watched && much ? VERDICT_NOT_TESTABLE : VERDICT_RULED_OUT;
}

static int compare(const void *a, const void *b)
{
	const struct calls *left = a, *right = b;
	bool found = left->kind >= VERDICT_CONTRIBUTING, other = right->kind >= VERDICT_CONTRIBUTING;
	if (found != other)
		return found ? -1 : 1;
	if (left->share != right->share)
		return left->share > right->share ? -1 : 1;
	if (left->crowd != right->crowd)
		return left->crowd < right->crowd ? -1 : 1;
	return strcmp(left->operation, right->operation);
}

static struct all_calls gather(const struct scene *scene)
{
	struct all_calls calls = { .first = base__alloc(scene->crowd_count + 1, sizeof(*calls.first)) };
	gather_samples(scene, &calls);
	gather_sleeps(scene, &calls);
	gather_probes(scene, &calls);
	free(calls.first);
	calls.first = NULL;
	for (size_t i = 0; i < calls.count; i++)
		calls.all[i].kind = weigh_one(scene, &calls.all[i]);
	if (calls.count)
		qsort(calls.all, calls.count, sizeof(*calls.all), compare);
	return calls;
}

// ---- the caller ----

static const struct syscall_stack_row *heaviest_stack(const struct scene *scene, const struct calls *one)
{
	const struct recording *recording = scene->ledger->recording;
	const struct syscall_stack_row *most = NULL;
	for (size_t i = 0; i < recording->syscall_stack_count; i++) {
		const struct syscall_stack_row *row = &recording->syscall_stack[i];
		const struct ledger_process *process = ledger__process(scene->ledger, row->process);
		if (process && scene->crowd_of[process - scene->ledger->processes] == one->crowd && !strcmp(row->operation, one->operation) &&
		    row->user_stack && (!most || row->ns > most->ns))
			most = row;
	}
	return most;
}

// Wrappers of the system call: the C library's and Go's.
static bool is_wrapper(const char *frame, size_t length)
{
	static const char *const starts[] = { "runtime.", "runtime/", "syscall.", "internal/", "golang.org/x/sys/", "std::", "core::", "libc::", "rustix::" };
	const char *library = memmem(frame, length, "(libc.", 6), *musl = memmem(frame, length, "(ld-musl", 8);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (length > strlen(starts[i]) && !memcmp(frame, starts[i], strlen(starts[i])))
			return true;
	return library || musl || !memmem(frame, length, " (", 2);
}

// "main.(*MemTbl).grow ← main.(*MemTbl).Insert": the program's functions that make the call. Owned; NULL where no stack tells.
static char *caller_of(const struct scene *scene, const struct calls *one)
{
	const struct syscall_stack_row *row = heaviest_stack(scene, one);
	const char *frames = row ? recording__frames(scene->ledger->recording, row->user_stack) : NULL;
	struct string out = { 0 };
	size_t named = 0;
	for (const char *at = frames; at && *at && named < CALLERS;) {
		size_t line = strcspn(at, "\n"), length = line;
		const char *open = memmem(at, line, " (", 2), *inlined = memmem(at, line, " [inlined]", 10);
		length = inlined ? (size_t)(inlined - at) : open ? (size_t)(open - at) : line;
		if (named || !is_wrapper(at, line)) {
			if (is_wrapper(at, line))
				break;
			string__add(&out, "%s%.*s", named++ ? " ← " : "", (int)length, at);
		}
		at += line + (at[line] == '\n');
	}
	if (!named)
		string__free(&out);
	return named ? string__steal(&out) : NULL;
}

// ---- the verdict ----

static double calls_a_second(const struct calls *one)
{
	return one->watched_ns > 0 ? (one->count + one->open_count) / one->watched_ns * NS_PER_SEC : 0;
}

// "24 calls a second of 19 ms each, the longest 45 ms, 512 MB each"
static char *describe(const struct calls *one)
{
	struct string out = { 0 };
	if (one->mean_ns <= 0)
		return base__format("asleep %s times in it, %s each, the longest %s; how many calls that is was not counted", wording__count(one->sleeps).text,
				    wording__seconds(one->slept_ns / fmax(1, one->sleeps) / NS_PER_SEC).text, wording__seconds(one->sleep_max_ns / NS_PER_SEC).text);
	double count = one->count + one->open_count, longest = fmax(one->max_ns, one->open_count > 0 ? one->open_ns / one->open_count : 0);
	if (calls_a_second(one) >= 1)
		string__add(&out, "%s calls a second", wording__count(round(calls_a_second(one))).text);
	else
		string__add(&out, "%s call%s in %s", wording__count(count).text, count > 1 ? "s" : "", wording__seconds(one->watched_ns / NS_PER_SEC).text);
	string__add(&out, " of %s each, the longest %s", wording__seconds((one->ns + one->open_ns) / count / NS_PER_SEC).text,
		    wording__seconds(longest / NS_PER_SEC).text);
	if (one->bytes > 0 && one->count > 0)
		string__add(&out, ", %.3g MB each", one->bytes / one->count / 1e6);
	return string__steal(&out);
}

static void add_party_details(const struct scene *scene, const struct calls *one, struct party *party)
{
	const struct recording *recording = scene->ledger->recording;
	size_t capacity = 0;
	party->operations = base__alloc(1, sizeof(*party->operations));
	party->operations[party->operation_count++] = (struct party_operation){ one->operation, "", party->seconds, 1, party->seconds };
	for (size_t i = 0; i < recording->syscall_stack_count; i++) {
		const struct syscall_stack_row *row = &recording->syscall_stack[i];
		const char *frames = recording__frames(recording, row->user_stack);
		bool member = false;
		for (size_t j = 0; j < party->member_count; j++)
			member = member || party->members[j] == row->process;
		if (!member || !frames || strcmp(row->operation, one->operation))
			continue;
		party->stacks = base__grow(party->stacks, &capacity, party->stack_count + 1, sizeof(*party->stacks));
		party->stacks[party->stack_count++] = (struct party_stack){ (double)row->ns / NS_PER_SEC, NULL, frames };
	}
}

static void add_parties(const struct scene *scene, const struct all_calls *calls, struct verdict *verdict)
{
	for (size_t i = 0; i < calls->count && calls->all[i].kind >= VERDICT_CONTRIBUTING; i++) {
		const struct calls *one = &calls->all[i];
		const struct crowd *crowd = &scene->crowds[one->crowd];
		double ns = one->share * scene->window_ns, wanted_ns = (double)crowd->run_ns + (double)crowd->wait_ns + one->slept_ns;
		cleanup_free char *words = describe(one), *caller = caller_of(scene, one);
		struct party *party = verdict__add_culprit(verdict, crowd, ns);
		party__set_note(party, "%s: %s%s%s", one->operation, words, caller ? "; by " : "", caller ? caller : "");
		party->own_seconds = party->seconds;
		add_party_details(scene, one, party);
		party = verdict__add_victim(verdict, crowd, ns);
		party->own_seconds = party->seconds;
		party->loss = wanted_ns > 0 ? fmin(1, ns / wanted_ns) : NAN;
		party->longest_seconds = one->max_ns / NS_PER_SEC;
		party__set_note(party, "spends its time in %s", one->operation);
		verdict->stall_seconds += ns / NS_PER_SEC;
	}
}

static void add_evidence(const struct scene *scene, const struct calls *one, struct verdict *verdict)
{
	const char *name = crowd__name(&scene->crowds[one->crowd]);
	cleanup_free char *share = base__format("time of %s on a CPU or asleep within %s (lower bound by the samples)", name, one->operation);
	cleanup_free char *mean = base__format("mean length of a call of %s, idle waits within it left out", one->operation);
	verdict__add_evidence(verdict, share, one->low_share, PART_OF("the window"), threshold__value(THRESHOLD_CALL_SHARE_CONFIRMED),
			      "cpu_sample and sleep table");
	verdict__add_evidence(verdict, "part of that time on a CPU", one->share > 0 ? one->cpu_ns / (one->cpu_ns + one->slept_ns) : 0, PART_OF("it"),
			      NAN,
			      "cpu_sample table");
	if (one->mean_ns <= 0)
		return;
	verdict__add_evidence(verdict, mean, one->mean_ns / NS_PER_MSEC, UNIT("ms"), threshold__value(THRESHOLD_CALL_LONG), "syscall table");
	verdict__add_evidence(verdict, "calls", calls_a_second(one), UNIT("a second"), NAN, "syscall table");
	verdict__add_evidence(verdict, "longest call", one->max_ns / NS_PER_MSEC, UNIT("ms"), NAN, "syscall table");
	verdict__add_evidence(verdict, "time for which these calls were watched", one->watched_ns / NS_PER_SEC, UNIT_SECONDS, NAN, "syscall table");
	if (one->bytes > 0 && one->count > 0)
		verdict__add_evidence(verdict, "bytes for each call, by its arguments or what it returned", one->bytes / one->count / 1e6, UNIT("MB"),
				      NAN, "syscall table");
}

static void conclude(const struct scene *scene, const struct all_calls *calls, struct verdict *verdict)
{
	const struct calls *one = &calls->all[0];
	for (size_t i = 1; i < calls->count; i++)
		one = calls->all[i].kind > one->kind ? &calls->all[i] : one;
	add_parties(scene, calls, verdict);
	verdict->wall_seconds = fmin(scene->ledger->window_seconds, verdict->stall_seconds);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	add_evidence(scene, one, verdict);
	cleanup_free char *words = describe(one), *caller = caller_of(scene, one);
	const struct process_row *row = scene->crowds[one->crowd].members[0]->row;
	cleanup_free char *who = scene->crowds[one->crowd].processes > 1
		? base__format("%s (%lld processes)", crowd__name(&scene->crowds[one->crowd]), (long long)scene->crowds[one->crowd].processes)
		: base__format("%s (pid %lld)", crowd__name(&scene->crowds[one->crowd]), (long long)row->pid);
	verdict__set_summary(verdict, "%s spends %s of the window in %s: %s%s%s; who in the program waits for what the caller holds meanwhile, the kernel does "
			     "not see", who, wording__percent(one->share).text, one->operation, words, caller ? ", by " : "", caller ? caller : "");
	if (row->gone || row->folded > 1)
		return;
	verdict__add_check(verdict, "each call with its length in angle brackets (strace slows it down)", "strace -f -T -e trace=%s -p %lld", one->operation,
			   (long long)row->pid);
	verdict__add_check(verdict, "calls, their mean and their longest, without slowing it down", "perf trace -s -e %s -p %lld -- sleep 5", one->operation,
			   (long long)row->pid);
}

// Nothing was found: what there was most of, and what could not be told.
static void rule_out(const struct scene *scene, const struct all_calls *calls, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const char *probe = recording__meta(recording, "probe.syscall"), *attach = recording__meta(recording, "probe.syscall.attach");
	for (size_t i = 0; i < calls->count; i++) {
		const struct calls *one = &calls->all[i];
		if (one->kind != VERDICT_NOT_TESTABLE)
			continue;
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
		verdict__set_summary(verdict, "%s spends %s of the window in %s, and how many calls that is was not counted (%s): strace -c -f -p %lld counts them",
				     crowd__name(&scene->crowds[one->crowd]), wording__percent(one->share).text, one->operation,
				     attach ? attach : probe && strcmp(probe, "on") ? probe : "its time came too late in the window, or others were watched",
				     (long long)scene->crowds[one->crowd].members[0]->row->pid);
		return;
	}
	const struct calls *most = calls->count ? &calls->all[0] : NULL;
	if (!most || most->share < 0.001)
		verdict__set_summary(verdict, "no program spent much of its time in one kind of system call");
	else if (most->mean_ns > 0)
		verdict__set_summary(verdict, "the most is %s of the window, by %s in %s: %s calls a second of %s each", wording__percent(most->share).text,
				     crowd__name(&scene->crowds[most->crowd]), most->operation, wording__count(round(calls_a_second(most))).text,
				     wording__seconds(most->mean_ns / NS_PER_SEC).text);
	else
		verdict__set_summary(verdict, "the most is %s of the window, by %s in %s", wording__percent(most->share).text,
				     crowd__name(&scene->crowds[most->crowd]), most->operation);
}

static bool not_testable(const struct scene *scene, struct verdict *verdict)
{
	const char *samples = recording__meta(scene->ledger->recording, "probe.sample");
	if (samples && (!strcmp(samples, "on") || scene->ledger->sleeps.recorded))
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	verdict__set_summary(verdict, "%s%s", samples ? "what programs do on the CPU was not sampled: " : "the recording does not hold what programs do on the "
			     "CPU: it was made by an older version of whystall", samples ? samples : "");
	return true;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (not_testable(scene, verdict))
		return;
	struct all_calls calls = gather(scene);
	verdict->kind = VERDICT_RULED_OUT;
	for (size_t i = 0; i < calls.count; i++)
		verdict->kind = calls.all[i].kind > verdict->kind ? calls.all[i].kind : verdict->kind;
	if (verdict->kind >= VERDICT_CONTRIBUTING)
		conclude(scene, &calls, verdict);
	else
		rule_out(scene, &calls, verdict);
	free(calls.all);
}

const struct cause kernel_syscall = {
	.id = "kernel.syscall", .title = "long system calls", .counted_by_pressure = PRESSURE_NONE, .account = ACCOUNT_CPU,
	.claim = "a program spends much of its time, on a CPU or asleep, in few and long system calls of one kind",
	.decisive = "time on a CPU and asleep within one system call, the number of its calls and their mean length",
	.by_hand = "strace -f -T -e trace=CALL -p PID",
	.helps = "smaller calls, or calls made by a thread that holds nothing others want",
	.judge = judge,
};
