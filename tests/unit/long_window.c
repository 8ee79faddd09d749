// A day of 128 CPUs by a fake clock: what the recorder keeps stays small, is readable, and its sums are true.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/cpu_samples.h"
#include "collect/futex_account.h"
#include "collect/gather.h"
#include "collect/series.h"
#include "collect/slices.h"
#include "ledger/fold.h"
#include "ledger/locks.h"
#include "sample.skel.h"
#include "sched.skel.h"

enum { CPUS = 128, GROUPS = 2, SECONDS = 86400, LIVING = 3000, HZ = 250, FIRST_PID = 3100000 };       // hardly ever reached
#define MEMORY_MOST (50 << 20)
#define FILE_MOST 200000000

// What the account of locks must still say by itself after a day: this one was waited for most.
#define HEAVY_LOCK 7777

struct day {
	struct sched_bpf__bss probes_counters;
	struct sched_bpf probes_skeleton;
	struct sample_bpf__bss sample_counters;
	struct sample_bpf sample_skeleton;
	struct futexes futexes;
	struct cpu_samples samples;
	uint64_t locked_ns, futex_ns, sampled, addresses;
	struct collector collector;
	struct probes probes;
	struct cpu_account accounts[CPUS];
	struct group group_table[GROUPS];
	struct group_account group_accounts[GROUPS * CPUS];
	struct fold_sample folds[GROUPS * CPUS];
	uint64_t random, pressure_ns[GROUPS], pair_ns, credit_ns, ended_ns, started, slept_ns, threads;
	size_t memory_before;
};

static uint64_t any(struct day *day, uint64_t below)
{
	day->random = day->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (day->random >> 33) % below;
}

static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static struct day *begin(void)
{
	struct day *day = base__alloc(1, sizeof(*day));
	day->random = 1;
	day->probes = (struct probes){ .cpus = CPUS, .groups = GROUPS, .meter = true, .accounts = day->accounts, .group_table = day->group_table,
		.group_accounts = day->group_accounts, .folds = day->folds, .slots = base__alloc(TASK_SLOTS, sizeof(struct task_slot)) };
	for (uint32_t group = 1; group < GROUPS; group++)
		day->group_table[group] = (struct group){ .id = 100 + group, .pcpu = 1 };
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		day->accounts[cpu].on = 1;
	day->memory_before = memory_used();
	day->collector.probes = &day->probes;
	day->collector.processes = processes__new();
	processes__window_begins(day->collector.processes, NS_PER_SEC);
	day->collector.folds = foldlog__new(&day->probes, HZ);
	day->collector.series = series__new(&day->probes);
	day->collector.slices = slices__new();
	day->collector.locks = lock_account__new();
	day->collector.sleeps = sleep_account__new(lock_account__user_stacks(day->collector.locks));
	day->probes_skeleton.bss = &day->probes_counters;
	day->probes.skeleton = &day->probes_skeleton;
	day->sample_skeleton.bss = &day->sample_counters;
	day->futexes.collector = day->samples.collector = &day->collector;
	day->samples.skeleton = &day->sample_skeleton;
	day->samples.period_ns = NS_PER_SEC / 31;
	futexes__begin(&day->futexes);
	cpu_samples__begin(&day->samples);
	foldlog__begin(day->collector.folds, FOLDS_SYSTEM);
	foldlog__begin(day->collector.folds, FOLDS_GROUPS);
	return day;
}

// Each CPU was busy all the time and had waiters for a part of it.
static void pass(struct day *day, uint32_t group, uint64_t ns)
{
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		struct fold_sample *sample = &day->folds[group * CPUS + cpu];
		uint64_t some_ns = ns / (2 + cpu % 3);
		sample->now += ns;
		sample->previous_some += (uint32_t)some_ns;
		sample->previous_nonidle += (uint32_t)ns;
		*(group ? &day->group_accounts[group * CPUS + cpu].meter_ns : &day->accounts[cpu].meter_ns) += some_ns;
		if (!group)
			day->accounts[cpu].run_ns += ns;
		day->pressure_ns[group] += some_ns;
	}
}

static uint32_t living(struct day *day) { return FIRST_PID + (uint32_t)any(day, LIVING); }

static uint32_t occupant(struct day *day) { return living(day) | 20u << 22; }    // OCCUPANT_TGID, OCCUPANT_NICE

// Some start every second: most end at once, some are seen alive before they end.
static void start_processes(struct day *day, uint64_t second)
{
	for (int i = 0; i < 4; i++) {
		uint32_t pid = FIRST_PID + LIVING + (uint32_t)(day->started++ % 1000000);
		struct task_slot slot = { .pid = pid, .tgid = pid, .parent_tgid = FIRST_PID, .start_ns = (second + 2) * NS_PER_SEC, .nice20 = 20,
			.run_ns = 1000000, .credit_pressure_ns = 500000 };
		snprintf(slot.comm, sizeof(slot.comm), "job-%u", (unsigned)(any(day, 40)));
		memcpy(slot.leader_comm, slot.comm, sizeof(slot.comm));
		if (i == 0)
			processes__see(day->collector.processes, &slot);
		slices__ended(day->collector.slices, processes__exit(day->collector.processes, &slot), &slot);
		day->ended_ns += slot.run_ns;
	}
}

// Threads that a program names by a number end all the time.
static void end_threads(struct day *day)
{
	for (int i = 0; i < 2; i++, day->threads++) {
		uint32_t process = living(day);
		struct task_slot slot = { .pid = 1000000000 + (uint32_t)day->threads, .tgid = process, .nice20 = 20, .run_ns = 1000000 };
		snprintf(slot.comm, sizeof(slot.comm), "w-%llu", (unsigned long long)day->threads);
		processes__exit(day->collector.processes, &slot);
		day->ended_ns += slot.run_ns;
	}
}

static void sleep_on(struct day *day, uint64_t second)
{
	for (int i = 0; i < 4; i++) {
		struct sleep_key key = { .tgid = living(day), .operation = (uint32_t)any(day, 3), .reason = BLOCKED_IO, .waker_kind = WAKER_BLOCK,
			.device = (uint32_t)any(day, 64), .stack = -1, .user_stack = -1 };
		struct sleep_sum sum = { .ns = 1000 + second, .times = 1, .max_ns = 1000 + second };
		sleep_account__add(day->collector.sleeps, &day->collector, &key, &sum);
		day->slept_ns += sum.ns;
	}
}

// Kernel locks of thousands of kinds and address spaces, each wait with its holder, and one lock that is always waited for.
static void lock(struct day *day, uint64_t second)
{
	for (int i = 0; i < 3; i++) {
		uint32_t waiter = living(day), holder = living(day);
		struct lock_class class = i == 0 ? (struct lock_class){ LOCK_KIND_MMAP, waiter, -1 } : (struct lock_class){ LOCK_KIND_MUTEX, 0, (int)any(day, 6000) };
		struct lock_wait_sum wait = { .waits = 1, .ns = 1000 + second, .max_ns = 1000 + second, .sleep_ns = 1000 + second };

		if (i == 1) {
			class = (struct lock_class){ LOCK_KIND_MUTEX, 0, HEAVY_LOCK };
			waiter = FIRST_PID + 1;
			holder = FIRST_PID + 2;
			wait.ns = wait.sleep_ns = 100000000;
		}
		struct lock_wait_key wait_key = { class, waiter, LCB_F_WRITE };
		struct lock_hold_key hold_key = { class, holder, (unsigned)any(day, 8), LCB_F_WRITE };
		struct lock_stack_key stack_key = { .class = class, .tgid = living(day), .role = LOCK_WAITER, .stack = (int)any(day, LOCK_STACKS), .user_stack = -1 };
		lock_account__add(day->collector.locks, &day->collector, &wait_key, &wait, &hold_key, &(struct lock_hold_sum){ wait.ns, wait.ns },
			&stack_key, &(struct lock_stack_sum){ wait.ns, 1 });
		day->locked_ns += wait.ns;
	}
}

// Some new addresses every second, which the kernel's table holds for that second only, and one that stays in it.
static void futex(struct day *day, uint64_t second)
{
	day->futexes.round++;
	day->futexes.now_ns = second * NS_PER_SEC;
	for (int i = 0; i < 3; i++) {
		struct futex_key key = { .address = i ? 0x7f0000000000 + 64 * ++day->addresses : 0x1000, .tgid = i ? living(day) : FIRST_PID };
		struct futex_state state = { .last = second * NS_PER_SEC, .waits = 1, .ns = 1000, .wall_ns = 1000, .max_ns = 1000 };
		struct futex_hold_key hold = { .futex = key, .tgid = key.tgid, .pid = 1000000000 + (uint32_t)second };
		struct futex_stack_key stack = { .futex = key, .tgid = key.tgid, .role = FUTEX_WAITER, .user_stack = -1 };

		if (!i) {
			state.waits = second + 1;
			state.ns = 1000 * (second + 1);
		}
		futexes__add_state(&day->futexes, &key, &state);
		futexes__add_hold(&day->futexes, &hold, &(struct futex_hold_sum){ 1000, 1000, 1, 0 });
		futexes__add_stack(&day->futexes, &stack, &(struct futex_stack_sum){ 1000, 1 });
		day->futex_ns += 1000;
	}
	futexes__bound(&day->futexes);
}

// Thousands of processes in tens of thousands of places.
static void sample(struct day *day)
{
	for (int i = 0; i < 4; i++) {
		unsigned long long addresses[20];
		struct cpu_sample key = { .tgid = living(day), .operation = (uint32_t)any(day, 8), .kernel_frames = 10, .user_frames = 10, .sum = { .samples = 400 } };

		for (size_t j = 0; j < ARRAY_SIZE(addresses); j++)
			addresses[j] = 0xffffffff81000000 + (j < 4 ? any(day, 16) : j);
		cpu_samples__add(&day->samples, &key, addresses);
		day->sampled += key.sum.samples;
	}
}

static void second_passes(struct day *day, uint64_t second)
{
	const struct pressure_totals totals[PRESSURE_RESOURCES] = { { (int64_t)second * 1000, 0 }, { 0, 0 }, { 0, 0 }, { -1, -1 } };
	struct collector *collector = &day->collector;
	for (int i = 0; i < 8; i++, day->pair_ns += 1000 + second)
		pairs__add(collector, living(day), occupant(day), 1000 + second, 1);
	for (int i = 0; i < 4; i++, day->credit_ns += 10 + second)
		credits__add(collector, 1 + (uint32_t)any(day, GROUPS - 1), occupant(day), 10 + second);
	start_processes(day, second);
	end_threads(day);
	sleep_on(day, second);
	lock(day, second);
	futex(day, second);
	sample(day);
	pass(day, 0, NS_PER_SEC);
	foldlog__note(collector->folds, FOLDS_SYSTEM, second % 2);
	for (uint32_t group = 1; group < GROUPS && second % 2; group++)
		pass(day, group, 2 * NS_PER_SEC);
	foldlog__note(collector->folds, FOLDS_GROUPS, true);
	series__add(collector->series, second * NS_PER_SEC, totals);
	if (second % 10 == 0)
		slices__take(collector->slices, collector, second * NS_PER_SEC);
	processes__forget_dead(collector->processes);
}

static struct recording *store(struct day *day)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "schema", "%d", RECORDING_SCHEMA_VERSION);
	recording__set_meta(recording, "complete", "1");
	recording__set_meta(recording, "hz", "%d", HZ);
	recording__set_meta(recording, "cpus", "%d", CPUS);
	recording__set_meta(recording, "window_ns", "%llu", SECONDS * NS_PER_SEC);
	processes__store(day->collector.processes, recording);
	gather__store(&day->collector, recording);
	foldlog__store(day->collector.folds, recording);
	series__store(day->collector.series, recording);
	slices__store(day->collector.slices, recording);
	sleep_account__store(day->collector.sleeps, &day->collector, recording, NULL);
	lock_account__store(day->collector.locks, &day->collector, recording, NULL);
	futexes__store(&day->futexes, &day->collector, recording, NULL);
	cpu_samples__store(&day->samples, &day->collector, recording, NULL);
	for (uint32_t group = 1; group < GROUPS; group++)
		*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 100 + group, .hierarchy = 2, .path = base__format("/group-%u", group) };
	*recording__add_pressure(recording) = (struct pressure_row){ 0, base__copy("cpu"), base__copy("some"), 0 };
	return recording;
}

static void end(struct day *day)
{
	foldlog__free(day->collector.folds);
	series__free(day->collector.series);
	slices__free(day->collector.slices);
	sleep_account__free(day->collector.sleeps);
	lock_account__free(day->collector.locks);
	futexes__clear(&day->futexes);
	cpu_samples__clear(&day->samples);
	processes__free(day->collector.processes);
	gather__free(&day->collector);
	free(day->probes.slots);
	free(day);
}

static struct recording *save_and_read(struct recording *recording, int64_t *ret_bytes)
{
	char directory[] = "/tmp/whystall-unit-XXXXXX", *sentence = NULL;
	struct recording_file *file = NULL;
	struct recording *read = NULL;
	struct stat status;
	assert_non_null(mkdtemp(directory));
	cleanup_free char *path = base__format("%s/day.db", directory);
	assert_int_equal(recording_file__create(path, &file, &sentence), 0);
	assert_int_equal(recording_file__save(file, recording, &sentence), 0);
	recording_file__close(file);
	assert_int_equal(stat(path, &status), 0);
	*ret_bytes = status.st_size;
	if (recording__read(path, &read, &sentence))
		fail_msg("%s", sentence);
	unlink(path);
	rmdir(directory);
	return read;
}

// Sums over all rows are what was counted, whatever was merged.
static void check_sums(const struct day *day, const struct recording *recording)
{
	uint64_t pair_ns = 0, credit_ns = 0, run_ns = 0, slept_ns = 0;
	int64_t folded = 0;
	for (size_t i = 0; i < recording->pair_count; i++)
		pair_ns += (uint64_t)recording->pair[i].wait_ns;
	for (size_t i = 0; i < recording->cgroup_credit_count; i++)
		credit_ns += (uint64_t)recording->cgroup_credit[i].pressure_ns;
	for (size_t i = 0; i < recording->task_count; i++)
		run_ns += (uint64_t)recording->task[i].run_ns;
	for (size_t i = 0; i < recording->process_count; i++)
		folded += recording->process[i].folded;
	assert_true(pair_ns == day->pair_ns);
	assert_true(credit_ns == day->credit_ns);
	for (size_t i = 0; i < recording->sleep_count; i++)
		slept_ns += (uint64_t)recording->sleep[i].ns;
	assert_true(run_ns == day->ended_ns);
	assert_true(slept_ns == day->slept_ns);
	assert_true(recording->sleep_count < 70000);
	assert_true(recording__counter(recording, "sleeps_merged_ns") > 0);
	assert_true(recording->task_count < 40000);
	assert_true(processes__task_names_merged(day->collector.processes) > 0);
	assert_true(folded >= (int64_t)day->started + LIVING);
	assert_int_equal(recording__counter(recording, "values_repaired"), 0);
	assert_null(recording__meta(recording, "sums_cut"));
}

static void check_locks(const struct day *day, const struct recording *recording)
{
	struct ledger_locks locks;
	int64_t locked_ns = 0;
	bool heavy = false;
	locks__make(recording, &locks);
	for (size_t i = 0; i < locks.count; i++) {
		const struct ledger_lock *one = &locks.locks[i];
		// both sides of each lock, of the several one, too
		assert_int_equal(one->owners_ns + one->unknown_ns, one->wait_ns);
		locked_ns += one->wait_ns;
		heavy = heavy || one->wait_ns >= 100000000LL * SECONDS;
	}
	assert_int_equal(locked_ns, day->locked_ns);
	assert_true(heavy);
	assert_true(recording->lock_wait_count + recording->lock_hold_count < 60000);
	assert_true(recording__counter(recording, "locks_merged_ns") > 0);
	assert_true(recording__counter(recording, "lock_stacks_merged_ns") > 0);
	locks__free(&locks);
}

static void check_futexes(const struct day *day, const struct recording *recording)
{
	int64_t futex_ns = 0, futexes = 0;
	for (size_t i = 0; i < recording->futex_count; i++) {
		futex_ns += recording->futex[i].wait_ns;
		futexes += recording->futex[i].folded;
	}
	assert_int_equal(futex_ns, day->futex_ns);
	assert_int_equal(futexes, day->addresses + 1);
	assert_int_equal(recording->futex[0].wait_ns, 1000LL * SECONDS);
	assert_true(recording->futex_count < 5000);
	assert_true(recording__counter(recording, "futexes_merged_ns") > 0);
	assert_true(day->futexes.hold_count < 25000 && day->futexes.stack_count < 25000 && day->futexes.futex_count < 25000);
}

static void check_samples(const struct day *day, const struct recording *recording)
{
	int64_t samples = 0;
	for (size_t i = 0; i < recording->cpu_sample_count; i++)
		samples += recording->cpu_sample[i].samples;
	assert_int_equal(samples, day->sampled);
	assert_true(day->samples.count < 40000);
	assert_true(recording__counter(recording, "cpu_samples_folded") > 0);
}

static void check_pressure(const struct day *day, const struct recording *recording)
{
	struct folds folds;
	folds__make(recording, &folds);
	for (uint32_t group = 0; group < GROUPS; group++) {
		const struct fold_total *total = folds__total(&folds, group ? 100 + group : 0);
		double metered = (double)day->pressure_ns[group];
		assert_non_null(total);
		assert_true(total->metered_ns[FOLD_CPU_SOME] > metered * (1 - 1e-9) && total->metered_ns[FOLD_CPU_SOME] < metered * (1 + 1e-9));
		assert_int_equal(total->folds, group ? SECONDS / 2 : SECONDS);
		// all CPUs weigh alike
		assert_true(total->predicted_ns[FOLD_CPU_SOME] > metered / CPUS * (1 - 1e-6) && total->predicted_ns[FOLD_CPU_SOME] < metered / CPUS * (1 + 1e-6));
	}
	folds__free(&folds);
}

static void test_a_day_of_128_cpus(void **state)
{
	(void)state;
	struct day *day = begin();
	for (uint64_t second = 0; second < SECONDS; second++)
		second_passes(day, second);
	size_t memory = memory_used() - day->memory_before;
	clock_t before = clock();
	struct recording *recording = store(day);
	print_message("# a copy of all of it: %ld ms of CPU time, %zu MiB\n", (long)((clock() - before) * 1000 / CLOCKS_PER_SEC),
		      (memory_used() - day->memory_before - memory) >> 20);
	int64_t bytes = 0;
	recording__repair(recording);
	struct recording *read = save_and_read(recording, &bytes);
	print_message("# a day of %d CPUs: %zu MiB of memory, a recording of %lld MB, %zu processes, %zu pairs, %zu slice rows, %zu sleeps, %zu task rows\n", CPUS, memory >> 20,
		      (long long)bytes / 1000000, read->process_count, read->pair_count, read->slice_count, read->sleep_count, read->task_count);
	assert_true(memory < MEMORY_MOST);
	assert_true(bytes < FILE_MOST);
	check_sums(day, read);
	check_locks(day, read);
	check_futexes(day, read);
	check_samples(day, read);
	check_pressure(day, read);
	recording__free(read);
	recording__free(recording);
	end(day);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_day_of_128_cpus) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
