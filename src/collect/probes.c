#include "collect/probes.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/disk_facts.h"
#include "collect/percpu.h"
#include "collect/syscalls.h"
#include "sched.skel.h"

#define TICK_HZ 49              // of the timer that looks who holds a lock; out of step with the kernel's own ticks

struct probes_private {
	struct probes public;
	struct ring_buffer *ring;
	struct bpf_link *walk_link;
	struct bpf_link **tick_links;   // one for each CPU, NULL where it could not be
	probes_record_fn *handle;
	void *context;
	int statistics_fd;
	uint64_t statistics_switches;
};

static struct probes_private *private_of(struct probes *probes)
{
	return (struct probes_private *)probes;
}

// The last lines that libbpf complained with; kept for the error message. libbpf's printer has no context argument.
static char last_complaint[200];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		vsnprintf(last_complaint, sizeof(last_complaint), format, arguments);
#pragma GCC diagnostic pop
		last_complaint[strcspn(last_complaint, "\n")] = 0;
	}
	return 0;
}

// Offset of a member, in a struct or in nameless ones within it; -1 if there is none of that name.
static int64_t member_offset(const struct btf *btf, uint32_t id, const char *name, int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *member = type && btf_is_composite(type) ? btf_members(type) : NULL;

	for (uint16_t i = 0; member && i < btf_vlen(type); i++, member++) {
		const char *own = btf__name_by_offset(btf, member->name_off);
		int64_t inner;

		if (*own && !strcmp(own, name))
			return btf_member_bit_offset(type, i) / 8;
		inner = *own || depth > 3 ? -1 : member_offset(btf, member->type, name, depth + 1);
		if (inner >= 0)
			return btf_member_bit_offset(type, i) / 8 + inner;
	}
	return -1;
}

// Where x86 keeps a CPU's preempt_count: a variable of its own up to 6.1 and from 6.15 on, a member of pcpu_hot between them
// (commit 64701838bf05). Others keep it in thread_info.
static int64_t preempt_count_offset(const struct btf *btf)
{
	int64_t own = percpu__offset(btf, "__preempt_count"), hot = percpu__offset(btf, "pcpu_hot");
	int id = btf__find_by_name_kind(btf, "pcpu_hot", BTF_KIND_STRUCT);
	int64_t member = id < 0 ? -1 : member_offset(btf, (uint32_t)id, "preempt_count", 0);

	return own >= 0 ? own : hot >= 0 && member >= 0 ? hot + member : -1;
}

static int64_t enumerator(const struct btf *btf, const char *enumeration, const char *name, int64_t fallback)
{
	int id = btf__find_by_name_kind(btf, enumeration, BTF_KIND_ENUM);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	if (!type)
		return fallback;
	const struct btf_enum *value = btf_enum(type);
	for (uint16_t i = 0; i < btf_vlen(type); i++, value++)
		if (!strcmp(btf__name_by_offset(btf, value->name_off), name))
			return value->val;
	return fallback;
}

// Size and layout of kernel structs decide which way counters can be read.
static void settle_drift(const struct btf *btf, const struct probes_options *options, struct probes *probes)
{
	struct sched_bpf__rodata *settings = probes->skeleton->rodata;
	int64_t runqueues = percpu__offset(btf, "runqueues");
	int64_t psi = percpu__offset(btf, "system_group_pcpu");
	int64_t percpu = percpu__offset(btf, "this_cpu_off");
	int64_t steal = percpu__offset(btf, "steal_time");
	int64_t preempt = preempt_count_offset(btf);

	settings->have_rdonly_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	settings->nonidle_index = (uint32_t)enumerator(btf, "psi_states", "PSI_NONIDLE", 6);
	settings->states = (uint32_t)enumerator(btf, "psi_states", "NR_PSI_STATES", 7);
	settings->cpus = probes->cpus;
	settings->pair_threshold_ns = options->pair_threshold_ns;
	settings->event_threshold_ns = options->event_threshold_ns;
	settings->futex_number = SYS_futex;
	syscalls__reasons((unsigned char *)settings->syscall_reasons, SYSCALLS_CLASSIFIED);
	probes->locks = btf__find_by_name_kind(btf, "btf_trace_contention_begin", BTF_KIND_TYPEDEF) > 0
		&& btf__find_by_name_kind(btf, "btf_trace_contention_end", BTF_KIND_TYPEDEF) > 0;
	if (runqueues >= 0 && psi >= 0 && !options->without_meter && access("/proc/pressure/cpu", R_OK) == 0) {
		settings->have_meter = probes->meter = true;
		settings->distance_psi = psi - runqueues;
	}
	if (runqueues >= 0 && percpu >= 0 && probes->meter) {
		settings->have_groups = probes->groups_on = true;
		settings->distance_percpu = percpu - runqueues;
	}
	if (runqueues >= 0 && preempt >= 0) {
		settings->have_preempt_count = true;
		settings->distance_preempt = preempt - runqueues;
	}
	if (runqueues >= 0 && steal >= 0) {
		settings->have_steal = probes->steal = true;
		settings->distance_steal = steal - runqueues;
	}
}

static void size_maps(const struct probes_options *options, struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;
	size_t groups = 64;

	// Room for twice as many cgroups as there are, as long as their accounts take less than 8 MiB.
	while (groups < 2 * options->cgroups + 32 && groups < 1024
		&& 2 * groups * probes->cpus * sizeof(struct group_account) < (8U << 20))
		groups *= 2;
	probes->groups = probes->groups_on ? (uint32_t)groups : 1;
	skeleton->rodata->groups_max = probes->groups_on ? probes->groups : 0;
	bpf_map__set_max_entries(skeleton->maps.cpu_accounts, probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.buckets, probes->cpus * BUCKETS);
	bpf_map__set_max_entries(skeleton->maps.groups, probes->groups);
	bpf_map__set_max_entries(skeleton->maps.group_accounts, probes->groups * probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.fold_samples, probes->groups * probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.lock_cpus, probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.irq_cpus, probes->cpus);
}

static void *map_array(struct probes *probes, const struct bpf_map *map, size_t row)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (size_t)bpf_map__max_entries(map) * ((row + 7) & ~7UL);
	void *memory;

	size = (size + page - 1) & ~(page - 1);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	probes->map_bytes += size;
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_arrays(struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	probes->accounts = map_array(probes, skeleton->maps.cpu_accounts, sizeof(struct cpu_account));
	probes->group_table = map_array(probes, skeleton->maps.groups, sizeof(struct group));
	probes->group_accounts = map_array(probes, skeleton->maps.group_accounts, sizeof(struct group_account));
	probes->folds = map_array(probes, skeleton->maps.fold_samples, sizeof(struct fold_sample));
	probes->lock_cpus = map_array(probes, skeleton->maps.lock_cpus, sizeof(struct lock_cpu));
	probes->irq_cpus = map_array(probes, skeleton->maps.irq_cpus, sizeof(struct irq_cpu));
	// Those that are not mapped: buckets, hash maps (48 bytes of overhead an element), stacks, the ring.
	probes->map_bytes += (size_t)probes->cpus * BUCKETS * sizeof(struct bucket) + 65536 * 72 + 8192 * 64 + (2U << 20);
	probes->map_bytes += LOCK_STATES * (48 + sizeof(struct lock_state)) + LOCK_STACKS * (24 + 8 * LOCK_FRAMES)
		+ LOCK_ROWS * (3 * 48 + sizeof(struct lock_wait_key) + sizeof(struct lock_wait_sum) + sizeof(struct lock_hold_key)
			+ sizeof(struct lock_hold_sum) + sizeof(struct lock_stack_key) + sizeof(struct lock_stack_sum));
	probes->map_bytes += SLEEP_ROWS * (48 + sizeof(struct sleep_key) + sizeof(struct sleep_sum)) + SLEEP_STACKS * (24 + 8 * SLEEP_FRAMES)
		+ TASK_SLOTS * sizeof(struct sleep_slot);
	return probes->accounts && probes->group_table && probes->group_accounts && probes->folds && probes->lock_cpus && probes->irq_cpus ? 0 : -ENOMEM;
}

int probes__map_tasks(struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	probes->slots = map_array(probes, skeleton->maps.task_slots, sizeof(struct task_slot));
	probes->lock_waits = map_array(probes, skeleton->maps.lock_waits, sizeof(struct lock_wait));
	probes->futex_waits = map_array(probes, skeleton->maps.futex_waits, sizeof(struct futex_wait));
	return probes->slots && probes->lock_waits && probes->futex_waits ? 0 : -ENOMEM;
}

// Why this kernel can't be recorded at all, or NULL.
static char *kernel_refusal(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (geteuid() != 0)
		return base__copy("recording needs root: run it with sudo");
	uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 15)))
		return base__format("recording needs Linux 5.15 or later, this is %s: update the kernel", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return base__format("this kernel (%s) has no type information in /sys/kernel/btf/vmlinux: "
			"boot one that was built with CONFIG_DEBUG_INFO_BTF=y", name.release);
	return NULL;
}

// x86 has tracepoints for the vectors of interrupts without a number; elsewhere there are none, nor such interrupts.
static void settle_vectors(const struct btf *btf, struct sched_bpf *skeleton)
{
	const struct { const char *tracepoint; struct bpf_program *entry, *exit; } vectors[] = {
		{ "btf_trace_local_timer_entry", skeleton->progs.on_timer_entry, skeleton->progs.on_timer_exit },
		{ "btf_trace_call_function_entry", skeleton->progs.on_call_entry, skeleton->progs.on_call_exit },
		{ "btf_trace_call_function_single_entry", skeleton->progs.on_call_single_entry, skeleton->progs.on_call_single_exit },
		{ "btf_trace_irq_work_entry", skeleton->progs.on_work_entry, skeleton->progs.on_work_exit },
	};

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		bool there = btf__find_by_name_kind(btf, vectors[i].tracepoint, BTF_KIND_TYPEDEF) > 0;

		bpf_program__set_autoload(vectors[i].entry, there);
		bpf_program__set_autoload(vectors[i].exit, there);
	}
}

// A timer on each CPU looks at whoever runs: the only way to see the stack of a lock's owner that neither waits nor sleeps. Without it
// such owners are known, but not their stacks.
static void attach_ticks(struct probes_private *own)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1, .sample_freq = TICK_HZ };

	own->tick_links = base__alloc(own->public.cpus, sizeof(*own->tick_links));
	for (uint32_t cpu = 0; own->public.locks && cpu < own->public.cpus; cpu++) {
		int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0)
			continue;
		own->tick_links[cpu] = bpf_program__attach_perf_event(own->public.skeleton->progs.on_tick, fd);
		if (!own->tick_links[cpu])
			close(fd);
	}
}

static void detach_ticks(struct probes_private *own)
{
	for (uint32_t cpu = 0; own->tick_links && cpu < own->public.cpus; cpu++) {
		bpf_link__destroy(own->tick_links[cpu]);
		own->tick_links[cpu] = NULL;
	}
}

static int forward_record(void *context, void *data, size_t size)
{
	struct probes_private *own = context;

	own->handle(own->context, data, size);
	return 0;
}

// What this kernel has decides which programs are loaded; some are run or attached by hand.
static void choose_programs(const struct btf *btf, const struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	bpf_program__set_autoattach(skeleton->progs.snapshot, false);
	bpf_program__set_autoattach(skeleton->progs.walk_tasks, false);
	bpf_program__set_autoattach(skeleton->progs.on_tick, false);
	// It costs every I/O of a disk in memory something.
	bpf_program__set_autoload(skeleton->progs.on_bio_complete, disk_facts__any_stacked("/sys/block") &&
		btf__find_by_name_kind(btf, "btf_trace_block_bio_complete", BTF_KIND_TYPEDEF) > 0);
	bpf_program__set_autoload(skeleton->progs.on_request_complete,
		btf__find_by_name_kind(btf, "btf_trace_block_rq_complete", BTF_KIND_TYPEDEF) > 0);
	bpf_program__set_autoload(skeleton->progs.on_contention_begin, probes->locks);
	bpf_program__set_autoload(skeleton->progs.on_contention_end, probes->locks);
	settle_vectors(btf, skeleton);
}

// Opens the programs and settles what differs between kernels.
static int open_programs(const struct probes_options *options, struct probes *probes, char **ret_error)
{
	struct btf *btf;

	probes->skeleton = sched_bpf__open();
	btf = btf__load_vmlinux_btf();
	if (!probes->skeleton || !btf) {
		int error = errno ? -errno : -EINVAL;

		*ret_error = base__format("the kernel's type information can't be read (%s)", strerror(-error));
		btf__free(btf);
		return error;
	}
	settle_drift(btf, options, probes);
	size_maps(options, probes);
	choose_programs(btf, probes);
	btf__free(btf);
	return 0;
}

static int start_programs(struct probes_private *own, char **ret_error)
{
	struct probes *probes = &own->public;
	int error = sched_bpf__load(probes->skeleton);

	if (!error)
		error = sched_bpf__attach(probes->skeleton);
	if (error) {
		*ret_error = base__format("the kernel refused the probes (%s; %s): run `whystall check` to see what is missing",
			strerror(-error), last_complaint);
		return error;
	}
	error = map_arrays(probes);
	own->walk_link = bpf_program__attach_iter(probes->skeleton->progs.walk_tasks, NULL);
	own->ring = ring_buffer__new(bpf_map__fd(probes->skeleton->maps.records), forward_record, own, NULL);
	if (!error && (!own->walk_link || !own->ring))
		error = errno ? -errno : -EINVAL;
	if (error)
		*ret_error = base__format("the probes' memory can't be reached (%s)", strerror(-error));
	return error;
}

int probes__load(const struct probes_options *options, struct probes **ret_probes, char **ret_error)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char *refusal = kernel_refusal();

	if (refusal) {
		*ret_error = refusal;
		return geteuid() ? -EPERM : -EOPNOTSUPP;
	}
	libbpf_set_print(keep_complaint);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);  // kernels before 5.11 charge maps to it; libbpf raises it only on demand
	struct probes_private *own = base__alloc(1, sizeof(*own));

	own->statistics_fd = -1;
	own->public.cpus = (uint32_t)libbpf_num_possible_cpus();
	int error = open_programs(options, &own->public, ret_error);

	if (!error)
		error = start_programs(own, ret_error);
	if (error) {
		probes__free(&own->public);
		return error;
	}
	attach_ticks(own);
	*ret_probes = &own->public;
	return 0;
}

void probes__free(struct probes *probes)
{
	struct probes_private *own = private_of(probes);

	if (!probes)
		return;
	detach_ticks(own);
	free(own->tick_links);
	bpf_link__destroy(own->walk_link);
	ring_buffer__free(own->ring);
	if (own->statistics_fd >= 0)
		close(own->statistics_fd);
	sched_bpf__destroy(probes->skeleton);   // the mapped arrays go with the process
	free(own);
}

void probes__detach(struct probes *probes)
{
	detach_ticks(private_of(probes));
	sched_bpf__detach(probes->skeleton);
}

static unsigned snapshot_run(struct probes *probes, struct snapshot_arguments *arguments)
{
	unsigned answered = 0;

	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = arguments, .ctx_size_in = sizeof(*arguments),
			.flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

		answered += bpf_prog_test_run_opts(bpf_program__fd(probes->skeleton->progs.snapshot), &run) == 0;
	}
	return answered;
}

unsigned probes__snapshot(struct probes *probes, enum snapshot_mode mode)
{
	struct snapshot_arguments arguments = { .mode = mode };
	unsigned answered = 0;

	if (mode != SNAPSHOT_READ_GROUPS && mode != SNAPSHOT_TOUCH_GROUPS)
		return snapshot_run(probes, &arguments);
	for (uint32_t first = 0; probes->groups_on && first < probes->groups; first += SNAPSHOT_GROUPS) {
		bool used = false;

		for (uint32_t i = first; i < first + SNAPSHOT_GROUPS && i < probes->groups; i++)
			used |= probes->group_table[i].id != 0;
		arguments.first_group = first;
		if (used)
			answered = snapshot_run(probes, &arguments);
	}
	return answered;
}

bool probes__snapshot_here(struct probes *probes)
{
	struct snapshot_arguments arguments = { .mode = SNAPSHOT_READ };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &arguments, .ctx_size_in = sizeof(arguments));

	return bpf_prog_test_run_opts(bpf_program__fd(probes->skeleton->progs.snapshot), &run) == 0;
}

int probes__walk(struct probes *probes, enum walk_mode mode)
{
	cleanup_fd int fd = bpf_iter_create(bpf_link__fd(private_of(probes)->walk_link));
	char buffer[512];
	ssize_t length;

	if (fd < 0)
		return -errno;
	probes->skeleton->bss->walk = mode;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0 || (length < 0 && errno == EAGAIN))
		;
	return length < 0 ? -errno : 0;
}

bool probes__calibrated(struct probes *probes)
{
	uint64_t smallest = 0;

	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++) {
		uint64_t offset = probes->accounts[cpu].offset;

		if (offset && (!smallest || offset < smallest))
			smallest = offset;
	}
	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++)
		if (!probes->accounts[cpu].offset)
			probes->accounts[cpu].offset = smallest;
	return smallest != 0;
}

void probes__watch_quota(struct probes *probes, bool on)
{
	probes->skeleton->bss->quota_watch = on;
}

void probes__set_phase(struct probes *probes, enum phase phase)
{
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * NS_PER_SEC + (uint64_t)time.tv_nsec;
	if (phase == PHASE_RECORD)
		probes->skeleton->bss->window_began = probes->window_began_ns = now;
	if (phase == PHASE_STOPPED)
		probes->skeleton->bss->window_ended = probes->window_ended_ns = now;
	probes->skeleton->bss->phase = phase;
}

int probes__consume(struct probes *probes, probes_record_fn *handle, void *context)
{
	struct probes_private *own = private_of(probes);

	own->handle = handle;
	own->context = context;
	return ring_buffer__consume(own->ring);
}

#define BATCH 1024

// Hands out, and removes if `take`, every row of a hash map.
int probes__each_row(const struct bpf_map *map, bool take, probes_row_fn *handle, void *closure)
{
	size_t key_size = bpf_map__key_size(map), value_size = bpf_map__value_size(map);
	cleanup_free char *keys = base__alloc(BATCH, key_size);
	cleanup_free char *values = base__alloc(BATCH, value_size);
	uint32_t position = 0, *from = NULL;

	for (;;) {
		uint32_t count = BATCH;
		int error = take ? bpf_map_lookup_and_delete_batch(bpf_map__fd(map), from, &position, keys, values, &count, NULL)
			: bpf_map_lookup_batch(bpf_map__fd(map), from, &position, keys, values, &count, NULL);

		if (error && error != -ENOENT)
			return error;
		for (uint32_t i = 0; i < count; i++)
			handle(closure, keys + i * key_size, values + i * value_size);
		if (error == -ENOENT)
			return 0;
		from = &position;
	}
}

struct pair_handler { probes_pair_fn *handle; void *context; };
static void hand_out_pair(void *closure, const void *key, const void *value)
{
	const struct pair_handler *handler = closure;
	const struct pair_key *pair = key;
	const struct pair_value *sum = value;

	handler->handle(handler->context, pair->victim, pair->occupant, sum->ns, sum->waits);
}

int probes__take_pairs(struct probes *probes, probes_pair_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.pairs, true, hand_out_pair, &(struct pair_handler){ handle, context });
}

struct credit_handler { probes_credit_fn *handle; void *context; };
static void hand_out_credit(void *closure, const void *key, const void *value)
{
	const struct credit_handler *handler = closure;
	const struct credit_key *credit = key;

	handler->handle(handler->context, credit->group, credit->occupant, *(const uint64_t *)value);
}

int probes__take_credits(struct probes *probes, probes_credit_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.group_credits, true, hand_out_credit, &(struct credit_handler){ handle, context });
}

struct sleep_slot_handler { probes_sleep_slot_fn *handle; void *context; };
static void hand_out_sleep_slot(void *closure, const void *key, const void *value)
{
	const struct sleep_slot_handler *handler = closure;

	handler->handle(handler->context, *(const uint32_t *)key, value);
}

int probes__each_sleep_slot(struct probes *probes, probes_sleep_slot_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.sleep_slots, false, hand_out_sleep_slot, &(struct sleep_slot_handler){ handle, context });
}

struct sleep_handler { probes_sleep_fn *handle; void *context; };
static void hand_out_sleep(void *closure, const void *key, const void *value)
{
	const struct sleep_handler *handler = closure;

	handler->handle(handler->context, key, value);
}

int probes__take_sleeps(struct probes *probes, probes_sleep_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.sleep_sums, true, hand_out_sleep, &(struct sleep_handler){ handle, context });
}

#define HAND_OUT(name) \
struct name##_handler { probes_##name##_fn *handle; void *context; }; \
static void hand_out_##name(void *closure, const void *key, const void *value) \
{ \
	const struct name##_handler *handler = closure; \
	handler->handle(handler->context, key, value); \
} \
int probes__take_##name##s(struct probes *probes, probes_##name##_fn *handle, void *context) \
{ \
	return probes->locks ? probes__each_row(probes->skeleton->maps.name##_sums, true, hand_out_##name, \
		&(struct name##_handler){ handle, context }) : 0; \
}
HAND_OUT(lock_wait)
HAND_OUT(lock_hold)
HAND_OUT(lock_stack)

struct lock_state_handler { probes_lock_state_fn *handle; void *context; };
static void hand_out_lock_state(void *closure, const void *key, const void *value)
{
	const struct lock_state_handler *handler = closure;

	(void)key;
	handler->handle(handler->context, value);
}

int probes__lock_states(struct probes *probes, probes_lock_state_fn *handle, void *context)
{
	return probes->locks ? probes__each_row(probes->skeleton->maps.lock_states, false, hand_out_lock_state,
		&(struct lock_state_handler){ handle, context }) : 0;
}

// Addresses of a stack in a map of stacks.
static size_t read_stack(const struct bpf_map *map, int stack, uint64_t *ret_addresses, size_t capacity)
{
	uint64_t addresses[LOCK_FRAMES > SLEEP_FRAMES ? LOCK_FRAMES : SLEEP_FRAMES] = {};
	size_t frames = bpf_map__value_size(map) / sizeof(*addresses), count = 0;
	uint32_t key = (uint32_t)stack;

	if (stack < 0 || frames > ARRAY_SIZE(addresses) || bpf_map_lookup_elem(bpf_map__fd(map), &key, addresses))
		return 0;
	while (count < frames && count < capacity && addresses[count]) {
		ret_addresses[count] = addresses[count];
		count++;
	}
	return count;
}

size_t probes__lock_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity)
{
	return read_stack(probes->skeleton->maps.lock_stacks, stack, ret_addresses, capacity);
}

size_t probes__sleep_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity)
{
	return read_stack(probes->skeleton->maps.sleep_stacks, stack, ret_addresses, capacity);
}

uint64_t probes__missed_runs(struct probes *probes)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, probes->skeleton->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_program__autoload(program) && bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

const struct task_slot *probes__find_slot(const struct probes *probes, uint32_t pid)
{
	uint32_t start = (pid * 2654435761U) >> 17;

	for (uint32_t probe = 0; probe < TASK_PROBES; probe++) {
		const struct task_slot *slot = &probes->slots[(start + probe) & (TASK_SLOTS - 1)];

		if (slot->pid == pid)
			return slot;
	}
	return NULL;
}

static uint64_t switches_seen(const struct probes *probes)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < probes->cpus; cpu++)
		sum += probes->accounts[cpu].switches;
	return sum;
}

int probes__statistics_start(struct probes *probes)
{
	struct probes_private *own = private_of(probes);

	own->statistics_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	own->statistics_switches = switches_seen(probes);
	return own->statistics_fd < 0 ? own->statistics_fd : 0;
}

void probes__statistics_stop(struct probes *probes, uint64_t *ret_ns, uint64_t *ret_runs, uint64_t *ret_switches)
{
	struct probes_private *own = private_of(probes);
	struct bpf_program *program;

	*ret_ns = *ret_runs = *ret_switches = 0;
	if (own->statistics_fd < 0)
		return;
	close(own->statistics_fd);
	own->statistics_fd = -1;
	*ret_switches = switches_seen(probes) - own->statistics_switches;
	bpf_object__for_each_program(program, probes->skeleton->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (program == probes->skeleton->progs.snapshot || program == probes->skeleton->progs.walk_tasks
			|| !bpf_program__autoload(program))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
			*ret_ns += info.run_time_ns;
			*ret_runs += info.run_cnt;
		}
	}
}
