// Makes a large recording out of nothing: big_recording DB PROCESSES CGROUPS THREADS. A machine of 64 CPUs that is short of everything for a minute:
// each table has as many rows as so many processes would make; the same arguments make the same file. THREADS are of one process.
#include "base/base.h"
#include "recording/recording.h"

#include <string.h>

#define MS 1000000LL
enum { CPUS = 64, DEVICES = 8, STACKS = 4000, EVENTS = 20000, SLICES = 60, WINDOW_SECONDS = 60, FOLDS = 30, NAMES = 400 };
// What the recorder keeps at most: rows of the kernel side's maps (records.h, futex_records.h), cgroups of collect/memory_cgroups.c.
enum { LOCKS_MOST = 4096, FUTEXES_MOST = 8192, MEMORY_CGROUPS = 1024 };

struct making {
	struct recording *recording;
	int64_t processes, cgroups, threads;
	uint64_t random;
};

// 0 … below - 1: Knuth's MMIX generator, its upper bits.
static int64_t any(struct making *making, int64_t below)
{
	making->random = making->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (int64_t)((making->random >> 33) % (uint64_t)below);
}

static int64_t any_process(struct making *making) { return 1 + any(making, making->processes); }
static int64_t any_stack(struct making *making) { return 1 + any(making, STACKS); }
static int64_t cgroup_id(int64_t number) { return 1000 + number; }
static char *cgroup_path(int64_t number) { return base__format("/fleet.slice/tenant-%lld.slice/app-%lld.service", (long long)number / 16, (long long)number); }
static int64_t cgroup_of(const struct making *making, int64_t process) { return process % making->cgroups; }
static char *name_of(int64_t process) { return base__format("app-%lld", (long long)process % NAMES); }
static char *device_name(int64_t number) { return base__format("259:%lld", (long long)number); }

static void make_meta(struct recording *recording)
{
	static const struct { const char *key, *value; } meta[] = {
		{ "schema", "1" }, { "tool_version", "0.1.0" }, { "complete", "1" }, { "start_time", "2026-01-02T03:04:05.000000000Z" },
		{ "ended_by", "time" }, { "kernel", "6.12.0" }, { "machine", "x86_64" }, { "hz", "250" }, { "virtualization", "none" },
		{ "distribution", "Debian GNU/Linux 13 (trixie)" }, { "meter", "psi_group_cpu" }, { "locks", "1" }, { "tool_pid", "999999999" },
		{ "pair_threshold_ns", "100000" }, { "event_threshold_ns", "10000000" }, { "sample.period_ns", "16393442" }, { "sample.cpus", "64" },
		{ "probe.sample", "on" }, { "probe.futex", "on" }, { "probe.block", "on" }, { "probe.irq", "on" }, { "probe.memory", "on" },
		{ "probe.files", "on" }, { "probe.host", "on" }, { "probe.syscalls", "on" }, { "tool_cpu_ns", "400000000" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(meta); i++)
		recording__set_meta(recording, meta[i].key, "%s", meta[i].value);
	recording__set_meta(recording, "cpus", "%d", CPUS);
	recording__set_meta(recording, "window_ns", "%lld", WINDOW_SECONDS * 1000 * MS);
	recording__set_meta(recording, "requested_ns", "%lld", WINDOW_SECONDS * 1000 * MS);
}

static void make_processes(struct making *making)
{
	for (int64_t id = 1; id <= making->processes; id++) {
		struct process_row *row = recording__add_process(making->recording);
		*row = (struct process_row){ .id = id, .pid = 100 + id, .start_ns = id * MS, .parent_pid = 1, .name = name_of(id),
			.exe = base__format("/opt/fleet/app-%lld/bin/app", (long long)id % NAMES), .command_line = base__format("app --tenant %lld", (long long)id),
			.cgroup = cgroup_path(cgroup_of(making, id)), .cpu_cgroup = cgroup_path(cgroup_of(making, id)),
			.unit = base__format("app-%lld.service", (long long)cgroup_of(making, id)), .runtime = base__copy(id % 3 ? "c" : "go"),
			.linkage = base__copy("dynamic"), .allocator = base__copy("glibc"), .folded = 1, .uid = 1000, .exe_uid = 0, .unit_manager = base__copy("system") };
	}
}

static void make_task(struct making *making, int64_t process, int64_t tid)
{
	int64_t wait = (20 + any(making, 4000)) * MS, credit = any(making, 400) * MS;
	struct task_row *row = recording__add_task(making->recording);
	*row = (struct task_row){ .process = process, .tid = tid, .name = name_of(process), .allowed_cpus = CPUS, .run_ns = credit * 2, .switches = 100,
		.wait_ns = wait, .waits = 50, .wait_max_ns = wait / 10, .throttled_ns = process % making->cgroups % 10 ? 0 : wait / 50, .wait_pressure_ns = wait / 60, .wait_idle_ns = wait / 100, .idle_allowed_ns = wait / 200,
		.credit_pressure_ns = credit, .credit_task_ns = credit * 50, .run_delay_ns = wait, .preempted_at_wakeup = 1, .folded = 1 };
}

static void make_tasks(struct making *making)
{
	for (int64_t id = 1; id <= making->processes; id++) {
		make_task(making, id, 100 + id);
		for (int64_t thread = 0; id == 1 && thread < making->threads; thread++)
			make_task(making, id, 10000000 + thread);
	}
}

static void make_pairs(struct making *making)
{
	for (int64_t id = 1; id <= making->processes; id++)
		for (int64_t i = 0; i < 6; i++) {
			struct pair_row *row = recording__add_pair(making->recording);
			*row = (struct pair_row){ .victim = id, .kind = i < 5 ? OCCUPANT_TASK : OCCUPANT_IDLE, .culprit = i < 5 ? any_process(making) : 0,
				.wait_ns = any(making, 500) * MS, .waits = 10, .realtime_ns = 0 };
		}
}

static void make_cgroups(struct making *making)
{
	static const char *const memory_names[] = { "limit_bytes", "current_bytes", "events_max", "anon_bytes", "file_bytes", "refault_file" };
	struct recording *recording = making->recording;
	for (int64_t i = 0; i < making->cgroups; i++) {
		*recording__add_cgroup(recording) = (struct cgroup_row){ .id = cgroup_id(i), .hierarchy = 2, .path = cgroup_path(i), .level = 3, .has_pressure = 1,
			.quota_us = i % 10 ? -1 : 200000, .period_us = 100000, .weight = 100, .periods = 600, .throttled_periods = i % 10 ? 0 : 60,
			.throttled_us = i % 10 ? 0 : 600000 };
		for (int64_t cpu = 0; cpu < 4; cpu++) {
			int64_t ns = any(making, 2000) * MS;
			*recording__add_book(recording) = (struct book_row){ cgroup_id(i), cpu * 7, ns, ns, ns, 0 };
			*recording__add_fold_sum(recording) = (struct fold_sum_row){ .cgroup = cgroup_id(i), .cpu = cpu * 7, .folds = 40, .foreign_folds = 20,
				.longest_ns = 2000 * MS, .nonidle_ns = ns * 2, .some_ns = ns, .some_counted_ns = ns / 2, .some_wrapped_ns = ns / 2 };
			*recording__add_resource_book(recording) = (struct resource_book_row){ cgroup_id(i), base__copy("io"), base__copy("some"), cpu * 7, ns, ns };
			*recording__add_cgroup_credit(recording) = (struct cgroup_credit_row){ cgroup_id(i), OCCUPANT_TASK, any_process(making), ns };
		}
		for (int kind = 0; kind < 2; kind++)
			for (int resource = 0; resource < 3; resource++)
				*recording__add_pressure(recording) = (struct pressure_row){ cgroup_id(i),
					base__copy(resource == 0 ? "cpu" : resource == 1 ? "memory" : "io"), base__copy(kind ? "full" : "some"), any(making, 2000) * MS };
		for (size_t name = 0; i < MEMORY_CGROUPS && name < ARRAY_SIZE(memory_names); name++)
			*recording__add_kernel_counter(recording) = (struct kernel_counter_row){ base__copy("memcg.v2"), cgroup_path(i),
				base__copy(memory_names[name]), 1000, i % 20 ? 1000 : 2000 };
	}
}

static void make_machine(struct making *making)
{
	struct recording *recording = making->recording;
	static const char *const resources[] = { "cpu", "memory", "io" };
	for (int resource = 0; resource < 3; resource++)
		for (int kind = 0; kind < 2; kind++)
			*recording__add_pressure(recording) = (struct pressure_row){ 0, base__copy(resources[resource]), base__copy(kind ? "full" : "some"),
				(40 - 10 * resource - 5 * kind) * 1000 * MS };
	for (int64_t cpu = 0; cpu < CPUS; cpu++) {
		*recording__add_cpu(recording) = (struct cpu_row){ .cpu = cpu, .run_ns = 55000 * MS, .idle_ns = 5000 * MS, .switches = 100000, .kernel_switches = 100000 };
		*recording__add_book(recording) = (struct book_row){ 0, cpu, 40000 * MS, 40000 * MS, 40000 * MS, 400000 * MS };
		for (int kind = 0; kind < 4; kind++)
			*recording__add_resource_book(recording) = (struct resource_book_row){ 0, base__copy(kind < 2 ? "io" : "memory"),
				base__copy(kind % 2 ? "full" : "some"), cpu, 20000 * MS, 20000 * MS };
	}
	for (int64_t fold = 0; fold < FOLDS; fold++)
		for (int64_t cpu = 0; cpu < CPUS; cpu++)
			*recording__add_fold(recording) = (struct fold_row){ 0, fold, cpu, 40000 * MS / FOLDS, 55000 * MS / FOLDS, fold % 2, 20000 * MS / FOLDS,
				10000 * MS / FOLDS, 20000 * MS / FOLDS, 10000 * MS / FOLDS, 2000 * MS };
	for (int64_t device = 0; device < DEVICES; device++) {
		*recording__add_device(recording) = (struct device_row){ .number = device_name(device), .name = base__format("nvme%lldn1", (long long)device),
			.kind = base__copy("nvme"), .requests = 1, .queue_requests = 1023, .scheduler = base__copy("none"), .cache = base__copy("write back") };
		if (device % 4 == 3)    // a volume on the two devices before it
			*recording__add_device(recording) = (struct device_row){ .number = base__format("253:%lld", (long long)device),
				.name = base__format("dm-%lld", (long long)device), .kind = base__copy("device mapper"), .queue_requests = -1,
				.below = base__format("259:%lld 259:%lld", (long long)device - 2, (long long)device - 1), .backing = base__copy("volume") };
		for (int kind = 0; kind < 2; kind++)
			*recording__add_device_io(recording) = (struct device_io_row){ device_name(device), base__copy(kind ? "write" : "read"), 100000, 1LL << 33,
				1200000 * MS, 500 * MS, 100000, 400000 * MS, base__copy("1024:90000 65536:10000") };
	}
}

static void make_stacks(struct making *making)
{
	static const char *const tops[] = { "io_schedule+0x46\nfolio_wait_bit_common+0x13d\nfilemap_fault+0x5b9\n__do_fault+0x30\ndo_fault+0x2b0",
		"futex_wait_queue+0x60\nfutex_wait+0x16d\ndo_futex+0x15e\n__x64_sys_futex+0x7b", "rwsem_down_write_slowpath+0x1a2\ndown_write_killable+0x5a\n__vm_munmap+0x6e",
		"jbd2_log_wait_commit+0xd2\next4_sync_file+0x1b0\ndo_fsync+0x38\n__x64_sys_fsync+0x10", "jbd2_log_wait_commit+0xd2\next4_rename+0x5\ndo_renameat2+0x1",
		"shrink_folio_list+0x100\nshrink_lruvec+0x5\ntry_to_free_pages+0xdf\n__alloc_pages_slowpath+0x3", "clear_page_erms+0x7\ndo_anonymous_page+0x415" };
	for (int64_t id = 1; id <= STACKS; id++)
		*recording__add_stack(making->recording) = (struct stack_row){ id, base__format("%s\nentry_%lld+0x%llx", tops[id % (int64_t)ARRAY_SIZE(tops)],
			(long long)id, (unsigned long long)id * 16) };
}

static void make_locks(struct making *making, int64_t process, int64_t lock)
{
	struct recording *recording = making->recording;
	int64_t ns = any(making, 3000) * MS;
	*recording__add_lock(recording) = (struct lock_row){ lock, base__copy(lock % 2 ? "mmap_lock" : "mutex"), lock % 2 ? process : 0,
		base__copy(lock % 2 ? "__vm_munmap" : "do_unlinkat"), any_stack(making), ns };
	for (int i = 0; i < 2; i++) {
		int64_t other = i && !(lock % 2) ? any_process(making) : process;
		*recording__add_lock_wait(recording) = (struct lock_wait_row){ .lock = lock, .process = other, .mode = base__copy(i ? "read" : "write"), .waits = 100,
			.wait_ns = ns, .wait_max_ns = ns / 10, .sleep_ns = ns - ns / 20, .spin_ns = ns / 40, .runqueue_ns = ns / 20 - ns / 40 };
		*recording__add_lock_hold(recording) = (struct lock_hold_row){ lock, other, base__copy(i ? "page fault" : "munmap"), base__copy(i ? "read" : "write"), ns, ns / 2 };
		*recording__add_lock_stack(recording) = (struct lock_stack_row){ lock, other, base__copy(i ? "waiter" : "owner"), any_stack(making), 0, ns, 20 };
	}
}

static void make_futexes(struct making *making, int64_t process, int64_t futex)
{
	struct recording *recording = making->recording;
	int64_t ns = any(making, 5000) * MS;
	*recording__add_futex(recording) = (struct futex_row){ .id = futex, .process = process, .address = base__format("0x7f%llx", (long long)futex * 64),
		.operation = 128, .waits = 100, .wait_ns = ns, .wait_max_ns = ns / 10, .wall_ns = ns / 2, .others = 3, .wakes = 90, .mutual = 80, .expected_two = 100, .folded = 1 };
	for (int i = 0; i < 2; i++) {
		*recording__add_futex_hold(recording) = (struct futex_hold_row){ futex, process, 100 + process + i, name_of(process), ns / 2, ns / 4, 45, 40 };
		*recording__add_futex_stack(recording) = (struct futex_stack_row){ futex, process, base__copy(i ? "waiter" : "waker"), any_stack(making), ns, 10 };
	}
}

// What each process did: slept, waited for devices and memory, ran.
static void make_doings(struct making *making, int64_t id)
{
	static const char *const reasons[] = { "io", "futex", "memory", "other" };
	struct recording *recording = making->recording;
	for (int i = 0; i < 4; i++) {
		int64_t ns = any(making, 2000) * MS;
		*recording__add_blocked(recording) = (struct blocked_row){ id, base__copy(reasons[i]), ns, 40, ns / 8, ns / 16 };
		*recording__add_sleep(recording) = (struct sleep_row){ .process = id, .operation = base__copy(i == 3 ? "renameat2" : i ? "read" : "fsync"), .reason = base__copy(reasons[i]),
			.waker_kind = base__copy(i ? "task" : "block"), .waker = i ? any_process(making) : 0, .device = i ? NULL : id % 5 ? device_name(id % DEVICES) : base__format("253:%lld", (long long)id % DEVICES / 4 * 4 + 3),
			.kernel_stack = any_stack(making), .ns = ns, .times = 40, .max_ns = ns / 8, .open_ns = ns / 16, .io_some_ns = i ? 0 : ns / 100,
			.memory_some_ns = i == 2 ? ns / 100 : 0 };
	}
	for (int i = 0; i < 3; i++)
		*recording__add_cpu_sample(recording) = (struct cpu_sample_row){ id, base__copy(i ? "" : "page fault"), any_stack(making), any_stack(making), 20, 15,
			320 * MS, 240 * MS, 2000 * MS };
	for (int i = 0; i < 2; i++)
		*recording__add_pressure_share(recording) = (struct pressure_share_row){ id, base__copy(i ? "io" : "memory"), any(making, 50) * MS, any(making, 20) * MS,
			i ? 0 : 10 * MS };
	*recording__add_device_user(recording) = (struct device_user_row){ .device = device_name(id % DEVICES), .process = id, .operation = base__copy("read"),
		.count = 50, .bytes = 1 << 20, .ns = any(making, 2000) * MS, .max_ns = 100 * MS, .samples = 20, .crowding_ns = any(making, 1000) * MS };
	*recording__add_activity(recording) = (struct activity_row){ base__copy("memory"), base__copy("reclaim"), base__copy(""), id, -1, 10, any(making, 50) * MS,
		5 * MS, 100 };
	*recording__add_activity(recording) = (struct activity_row){ base__copy("files"), base__copy("sync"), device_name(id % DEVICES), id, -1, 10,
		any(making, 50) * MS, 5 * MS, 100 };
	*recording__add_activity(recording) = (struct activity_row){ base__copy("files"), base__copy("journal"), device_name(id % DEVICES), id, -1, 10 + id % 7, 0, 0, 500 };
	if (id % 10 == 0)
		*recording__add_syscall(recording) = (struct syscall_row){ .process = id, .operation = base__copy("read"), .watched_ns = 1000 * MS, .calls = 100,
			.ns = any(making, 900) * MS, .max_ns = 20 * MS, .bytes = 1 << 20, .latency = base__copy("1024:90 16384:10") };
}

static void make_happenings(struct making *making)
{
	struct recording *recording = making->recording;
	for (int64_t i = 0; i < EVENTS; i++) {
		int64_t process = any_process(making), other = any_process(making), time = (i + 1) * WINDOW_SECONDS * 1000 * MS / EVENTS, ns = (10 + any(making, 500)) * MS;
		*recording__add_event(recording) = (struct event_row){ time, i % CPUS, process, 100 + process, name_of(process), ns, 0, OCCUPANT_TASK, other, any_stack(making) };
		*recording__add_sleep_event(recording) = (struct sleep_event_row){ time, process, 100 + process, name_of(process), base__copy("other"), base__copy("read"), ns,
			base__copy("task"), other, 100 + other, NULL, any_stack(making), 0 };
	}
	for (int64_t slice = 0; slice < SLICES; slice++)
		for (int64_t i = 0; i < 300; i++)
			*recording__add_slice(recording) = (struct slice_row){ slice, (slice + 1) * 1000 * MS, 1000 * MS, base__copy(i % 3 == 0 ? "cpu" : i % 3 == 1 ? "memory" : "io"),
				OCCUPANT_TASK, any_process(making), any(making, 300) * MS };
}

static void make_all(struct making *making)
{
	int64_t locks = 0, futexes = 0;
	make_meta(making->recording);
	make_machine(making);
	make_cgroups(making);
	make_stacks(making);
	make_processes(making);
	make_tasks(making);
	make_pairs(making);
	for (int64_t id = 1; id <= making->processes; id++) {
		make_doings(making, id);
		if (id % 10 == 0 && locks < LOCKS_MOST)
			make_locks(making, id, ++locks);
		if (id % 4 == 0 && futexes < FUTEXES_MOST)
			make_futexes(making, id, ++futexes);
	}
	make_happenings(making);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 64;
	struct making making = { .recording = recording__new(), .processes = atoll(argv[2]), .cgroups = atoll(argv[3]), .threads = atoll(argv[4]), .random = 1 };
	struct recording_file *file = NULL;
	char *error = NULL;
	if (making.processes < 1 || making.cgroups < 1)
		return 64;
	make_all(&making);
	recording__repair(making.recording);
	if (recording_file__create(argv[1], &file, &error) < 0 || recording_file__save(file, making.recording, &error) < 0) {
		say__error("%s", error);
		return 1;
	}
	recording_file__close(file);
	int64_t repaired = recording__counter(making.recording, "values_repaired");
	if (repaired)
		say__error("%lld values were repaired: this generator is wrong", (long long)repaired);
	recording__free(making.recording);
	return repaired ? 1 : 0;
}
