#include "collect/long_calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/cpu_samples.h"
#include "collect/probes_maps.h"
#include "collect/syscalls.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"
#include "syscalls.skel.h"

#define CALLS_LIMIT 64          // kinds of calls of programs that are looked at in one window
#define SUSPECT_SHARE 0.05      // of the time so far in one kind of call: from there on the probes are worth their price
#define SUSPECT_SAMPLES 8       // fewer are chance
#define SHORT_NS 500000         // a mean below is no long call
#define SHORT_CALLS 100         // from so many on the mean is believed
#define KNOWN_CALLS 200
#define KNOWN_NS (4 * NS_PER_SEC)
#define STACKS_MOST 4           // of each kind of call

struct call_stack { int stack; uint64_t ns, samples; };
// One process' calls of one kind.
struct call {
	int64_t process;
	uint32_t tgid, operation;
	int place;                      // among the probes' watches; negative: not watched now
	bool done;                      // it needs no more watching
	uint64_t since_ns, watched_ns;
	struct syscall_sum sum;         // of ended watches, and once the window has ended of all
	uint64_t open_calls, open_ns;
	struct call_stack *stacks;
	size_t stack_count, stack_capacity;
};
struct suspicion { int64_t process; uint32_t tgid, operation; uint64_t ns, samples; };

struct long_calls {
	struct syscalls_bpf *skeleton;
	struct ring_buffer *ring;
	struct attacher *attacher;
	int group;
	struct collector *collector;    // of the look or drain at hand
	struct call calls[CALLS_LIMIT];
	size_t call_count;
	struct suspicion *suspicions;   // of the drain at hand
	size_t suspicion_count, suspicion_capacity;
	struct long_call_kinds kinds;
	uint64_t began_ns;
	bool on, ended;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

// ---- what is known of system calls ----

static bool is_named(uint32_t operation, const char *names)
{
	cleanup_free char *name = syscalls__operation_name(operation);
	size_t length = strlen(name);

	for (const char *at = names; length && (at = strstr(at, name)); at += length)
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

void long_calls__kinds(struct long_call_kinds *ret)
{
	static const char plain[] = "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 sendfile splice tee";
	static const char others[] = "exit exit_group execve execveat fork vfork clone clone3 sched_yield ptrace";
	unsigned char reasons[ARRAY_SIZE(ret->running)];

	syscalls__reasons(false, reasons, sizeof(reasons));
	for (uint32_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		bool long_one = reasons[i] == BLOCKED_OTHER && !is_named(i, others), is_plain = is_named(i, plain);

		ret->running[i] = long_one || is_plain;
		ret->asleep[i] = long_one && !is_plain;
	}
}

uint32_t long_calls__bytes_from(uint32_t operation)
{
	static const struct { uint32_t from; const char *names; } sizes[] = {
		{ 1, "mlock mlock2 munlock munmap madvise mprotect pkey_mprotect msync mmap remap_file_pages ftruncate truncate mincore" },
		{ 2, "mremap mbind" }, { 3, "fallocate" },
		{ SYSCALL_RETURNED, "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 sendfile splice tee copy_file_range getdents64 "
		  "getrandom process_vm_readv process_vm_writev" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (is_named(operation, sizes[i].names))
			return sizes[i].from;
	return SYSCALL_NO_BYTES;
}

bool long_calls__are_short(const struct syscall_sum *sum)
{
	return sum->calls >= SHORT_CALLS && sum->ns / sum->calls < SHORT_NS;
}

bool long_calls__are_known(const struct syscall_sum *sum, uint64_t watched_ns)
{
	return sum->calls >= KNOWN_CALLS || (watched_ns >= KNOWN_NS && sum->calls >= 10);
}

// ---- which are watched ----

static struct call *find_call(struct long_calls *calls, int64_t process, uint32_t operation)
{
	for (size_t i = 0; i < calls->call_count; i++)
		if (calls->calls[i].process == process && calls->calls[i].operation == operation)
			return &calls->calls[i];
	return NULL;
}

static void stop_watching(struct long_calls *calls, struct call *call)
{
	struct syscalls_bpf__bss *bss = calls->skeleton->bss;

	if (call->place < 0)
		return;
	call->watched_ns += now_ns() - call->since_ns;
	call->sum = bss->sums[call->place];
	bss->watches[call->place] = (struct syscall_watch){ 0 };
	call->place = -1;
	call->done = true;
}

static void watch(struct long_calls *calls, const struct suspicion *suspicion)
{
	struct syscalls_bpf__bss *bss = calls->skeleton->bss;
	struct call *call = find_call(calls, suspicion->process, suspicion->operation);
	int place = 0;

	while (place < SYSCALL_WATCHES && bss->watches[place].tgid)
		place++;
	if (place == SYSCALL_WATCHES || call || calls->call_count == CALLS_LIMIT)
		return;
	call = &calls->calls[calls->call_count++];
	*call = (struct call){ .process = suspicion->process, .tgid = suspicion->tgid, .operation = suspicion->operation, .place = place, .since_ns = now_ns() };
	bss->sums[place] = (struct syscall_sum){ 0 };
	bss->watches[place] = (struct syscall_watch){ .tgid = suspicion->tgid, .number = suspicion->operation,
		.bytes_from = long_calls__bytes_from(suspicion->operation) };
}

static bool is_any_watched(const struct long_calls *calls)
{
	for (size_t i = 0; i < calls->call_count; i++)
		if (calls->calls[i].place >= 0)
			return true;
	return false;
}

static void switch_probes(struct long_calls *calls)
{
	bool wanted = !calls->ended && is_any_watched(calls);

	if (wanted == calls->on)
		return;
	attacher__order(calls->attacher, calls->group, wanted);
	calls->on = wanted;
}

// The time of a watch counts from when the probes are there.
static void note_attached(struct long_calls *calls)
{
	struct attach_state state = attacher__state(calls->attacher, calls->group);

	for (size_t i = 0; i < calls->call_count; i++)
		if (calls->calls[i].place >= 0 && !state.on)
			calls->calls[i].since_ns = now_ns();
}

static void look(void *state, struct collector *collector)
{
	struct long_calls *calls = state;

	(void)collector;
	if (!calls->on)
		return;
	note_attached(calls);
	for (size_t i = 0; i < calls->call_count; i++) {
		struct call *call = &calls->calls[i];
		const struct syscall_sum *sum = call->place < 0 ? NULL : &calls->skeleton->bss->sums[call->place];

		if (sum && (long_calls__are_short(sum) || long_calls__are_known(sum, now_ns() - call->since_ns)))
			stop_watching(calls, call);
	}
	switch_probes(calls);
}

// ---- suspicions ----

static void suspect(struct long_calls *calls, int64_t process, uint32_t tgid, uint32_t operation, uint64_t ns, uint64_t samples)
{
	struct suspicion *one = NULL;

	for (size_t i = 0; i < calls->suspicion_count && !one; i++)
		if (calls->suspicions[i].process == process && calls->suspicions[i].operation == operation)
			one = &calls->suspicions[i];
	if (!one) {
		calls->suspicions = base__grow(calls->suspicions, &calls->suspicion_capacity, calls->suspicion_count + 1, sizeof(*one));
		one = &calls->suspicions[calls->suspicion_count++];
		*one = (struct suspicion){ .process = process, .tgid = tgid, .operation = operation };
	}
	one->ns += ns;
	one->samples += samples;
}

static void suspect_sample(void *context, const struct cpu_sample *sample, uint64_t ns)
{
	const struct long_calls *calls = context;

	if (sample->tgid != (uint32_t)getpid() && sample->operation < ARRAY_SIZE(calls->kinds.running) && calls->kinds.running[sample->operation])
		suspect(context, sample->process, sample->tgid, sample->operation, ns, sample->sum.samples);
}

static void suspect_sleep(void *context, int64_t process, uint32_t tgid, uint32_t operation, uint64_t ns)
{
	const struct long_calls *calls = context;

	if (tgid != (uint32_t)getpid() && operation < ARRAY_SIZE(calls->kinds.asleep) && calls->kinds.asleep[operation])
		suspect(context, process, tgid, operation, ns, SUSPECT_SAMPLES);
}

static int compare_suspicions(const void *a, const void *b)
{
	const struct suspicion *left = a, *right = b;

	return left->ns > right->ns ? -1 : left->ns < right->ns;
}

static void gather_suspicions(struct long_calls *calls, struct collector *collector)
{
	const struct cpu_samples *samples = subjects__state(collector->subjects, "sample");
	uint64_t elapsed_ns = now_ns() - calls->began_ns;

	calls->suspicion_count = 0;
	if (samples)
		cpu_samples__each(samples, suspect_sample, calls);
	sleep_account__each_long(collector->sleeps, suspect_sleep, calls);
	if (calls->suspicion_count)
		qsort(calls->suspicions, calls->suspicion_count, sizeof(*calls->suspicions), compare_suspicions);
	for (size_t i = 0; i < calls->suspicion_count; i++)
		if (calls->suspicions[i].samples >= SUSPECT_SAMPLES && (double)calls->suspicions[i].ns >= SUSPECT_SHARE * (double)elapsed_ns)
			watch(calls, &calls->suspicions[i]);
	switch_probes(calls);
}

// ---- what they saw ----

static int take_stack(void *context, void *data, size_t size)
{
	struct long_calls *calls = context;
	const struct syscall_stack *record = data;
	struct call *call = NULL;
	struct user_stacks *user_stacks = lock_account__user_stacks(calls->collector->locks);

	if (size < sizeof(*record) || record->bytes <= 0)
		return 0;
	for (size_t i = 0; i < calls->call_count; i++)
		if (calls->calls[i].tgid == record->tgid && (calls->calls[i].place == (int)record->watch || !call))
			call = calls->calls[i].place == (int)record->watch || calls->calls[i].done ? &calls->calls[i] : call;
	if (!call)
		return 0;
	size_t frames = (size_t)record->bytes / 8 < SYSCALL_FRAMES ? (size_t)record->bytes / 8 : SYSCALL_FRAMES;
	int stack = user_stacks__add(user_stacks, call->tgid, processes__start_ns(calls->collector->processes, call->process),
		(const uint64_t *)record->frames, frames, frames == SYSCALL_FRAMES);
	if (stack < 0)
		return 0;
	for (size_t i = 0; i < call->stack_count; i++)
		if (call->stacks[i].stack == stack) {
			call->stacks[i].ns += record->ns;
			call->stacks[i].samples++;
			return 0;
		}
	call->stacks = base__grow(call->stacks, &call->stack_capacity, call->stack_count + 1, sizeof(*call->stacks));
	call->stacks[call->stack_count++] = (struct call_stack){ stack, record->ns, 1 };
	return 0;
}

// A call that has not ended: since when, as far as it was watched.
static void take_open(void *context, const void *key, const void *value)
{
	struct long_calls *calls = context;
	const struct syscall_open *open = value;
	uint64_t now = now_ns();

	(void)key;
	for (size_t i = 0; i < calls->call_count; i++) {
		struct call *call = &calls->calls[i];

		if (call->place != (int)open->watch || call->tgid != open->tgid || now <= open->began)
			continue;
		call->open_calls++;
		call->open_ns += now - open->began;
	}
}

static void drain(void *state, struct collector *collector)
{
	struct long_calls *calls = state;

	calls->collector = collector;
	if (calls->call_count)
		collector->failed_reads += ring_buffer__consume(calls->ring) < 0;
	if (!calls->ended)
		gather_suspicions(calls, collector);
}

// ---- the subject ----

static void close_calls(void *state)
{
	struct long_calls *calls = state;

	for (size_t i = 0; i < calls->call_count; i++)
		free(calls->calls[i].stacks);
	ring_buffer__free(calls->ring);
	syscalls_bpf__destroy(calls->skeleton);
	free(calls->suspicions);
	free(calls);
}

static void *open_calls(struct collector *collector, char **ret_why_off)
{
	struct long_calls *calls = base__alloc(1, sizeof(*calls));
	int error;

	calls->skeleton = syscalls_bpf__open();
	error = calls->skeleton ? 0 : errno ? -errno : -ENOMEM;
	if (!error) {
		calls->skeleton->rodata->ioctl_number = SYS_ioctl;
		error = syscalls_bpf__load(calls->skeleton);
	}
	if (!error) {
		calls->ring = ring_buffer__new(bpf_map__fd(calls->skeleton->maps.syscall_stacks), take_stack, calls, NULL);
		error = calls->ring ? 0 : -errno;
	}
	if (error) {
		*ret_why_off = base__format("the kernel refused the probes of system calls (%s)", strerror(-error));
		close_calls(calls);
		return NULL;
	}
	long_calls__kinds(&calls->kinds);
	calls->attacher = collector->attacher;
	calls->group = attacher__add(calls->attacher, (struct bpf_program *[ATTACHER_PROGRAMS]){ calls->skeleton->progs.on_enter,
		calls->skeleton->progs.on_exit });
	return calls;
}

static void begin(void *state, struct collector *collector)
{
	struct long_calls *calls = state;

	(void)collector;
	calls->began_ns = now_ns();
	calls->skeleton->bss->recording = 1;
}

static void end(void *state, struct collector *collector)
{
	struct long_calls *calls = state;

	calls->collector = collector;
	calls->skeleton->bss->recording = 0;
	calls->ended = true;
	if (calls->on)
		note_attached(calls);
	if (is_any_watched(calls))
		collector->failed_reads += probes__each_row(calls->skeleton->maps.open_calls, false, take_open, calls) < 0;
	for (size_t i = 0; i < calls->call_count; i++)
		stop_watching(calls, &calls->calls[i]);
	switch_probes(calls);
}

static void describe(const void *state, struct recording *recording)
{
	const struct long_calls *calls = state;
	struct attach_state attached = attacher__state(calls->attacher, calls->group);

	recording__set_meta(recording, "syscall.seen_ns", "%" PRIu64, attached.on_ns);
	if (attached.refusal)
		recording__set_meta(recording, "probe.syscall.attach", "the kernel refused them (%s)", strerror(-attached.refusal));
}

static char *latency_text(const struct syscall_sum *sum)
{
	struct string text = { 0 };

	for (unsigned i = 0; i < SYSCALL_BUCKETS; i++)
		if (sum->latency[i])
			string__add(&text, "%s%u:%llu", text.length ? " " : "", 1U << i, sum->latency[i]);
	return text.text ? string__steal(&text) : base__copy("");
}

static int by_time(const void *a, const void *b)
{
	const struct call_stack *left = a, *right = b;

	return left->ns > right->ns ? -1 : left->ns < right->ns;
}

static void store_stacks(const struct long_calls *calls, const struct call *call, struct recording *recording, struct stack_table *stacks)
{
	struct user_stacks *user_stacks = lock_account__user_stacks(calls->collector->locks);

	if (call->stack_count)
		qsort(call->stacks, call->stack_count, sizeof(*call->stacks), by_time);
	for (size_t i = 0; i < call->stack_count && i < STACKS_MOST; i++) {
		int64_t stack = stack_table__id(stacks, user_stacks__text(user_stacks, call->stacks[i].stack));

		*recording__add_syscall_stack(recording) = (struct syscall_stack_row){ .process = call->process, .operation = syscalls__operation_name(call->operation),
			.user_stack = stack, .ns = (int64_t)call->stacks[i].ns, .samples = (int64_t)call->stacks[i].samples };
	}
}

static void store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct long_calls *calls = state;

	(void)collector;
	for (size_t i = 0; i < calls->call_count; i++) {
		const struct call *call = &calls->calls[i];
		const struct syscall_sum *sum = call->place < 0 ? &call->sum : &calls->skeleton->bss->sums[call->place];
		uint64_t watched_ns = call->watched_ns + (call->place < 0 ? 0 : now_ns() - call->since_ns);

		*recording__add_syscall(recording) = (struct syscall_row){ .process = call->process, .operation = syscalls__operation_name(call->operation),
			.watched_ns = (int64_t)watched_ns, .calls = (int64_t)sum->calls, .ns = (int64_t)sum->ns, .max_ns = (int64_t)sum->max_ns,
			.open_calls = (int64_t)call->open_calls, .open_ns = (int64_t)call->open_ns, .failed = (int64_t)sum->failed,
			.bytes = long_calls__bytes_from(call->operation) == SYSCALL_NO_BYTES ? -1 : (int64_t)sum->bytes, .latency = latency_text(sum),
			.arguments = base__format("0x%llx 0x%llx 0x%llx 0x%llx", sum->longest[0], sum->longest[1], sum->longest[2], sum->longest[3]) };
		if (stacks)
			store_stacks(calls, call, recording, stacks);
	}
	if (calls->skeleton->bss->opens_lost)
		recording__set_counter(recording, "syscalls_lost", (int64_t)calls->skeleton->bss->opens_lost, "long system calls that found no place in the kernel's table");
}

static size_t memory(const void *state)
{
	(void)state;
	return SYSCALL_OPEN * (64 + sizeof(struct syscall_open)) + (1 << 18) + sizeof(struct syscall_sum) * SYSCALL_WATCHES;
}

const struct subject long_calls_subject = {
	.name = "syscall", .open = open_calls, .begin = begin, .look = look, .drain = drain, .end = end, .describe = describe, .store = store,
	.close = close_calls, .memory = memory,
};
