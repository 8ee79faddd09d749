#include "collect/probes.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/kernel_btf.h"
#include "collect/probes_drift.h"
#include "collect/probes_maps.h"
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

// A timer on each CPU looks at whoever runs: the only way to see the stack of a lock's owner that neither waits nor sleeps. Without it
// such owners are known, but not their stacks.
static void attach_ticks(struct probes_private *own)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1, .sample_freq = TICK_HZ };

	own->tick_links = base__alloc(own->public.cpus, sizeof(*own->tick_links));
	for (uint32_t cpu = 0; own->public.locks && cpu < own->public.cpus; cpu++) {
		int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			own->public.ticks_refused += errno != ENODEV;   // it is offline
			continue;
		}
		own->tick_links[cpu] = bpf_program__attach_perf_event(own->public.skeleton->progs.on_tick, fd);
		if (!own->tick_links[cpu]) {
			own->public.ticks_refused++;
			close(fd);
		}
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

// Opens the programs and settles what differs between kernels.
static int open_programs(const struct probes_options *options, struct probes *probes, char **ret_error)
{
	const struct btf *btf;

	probes->skeleton = sched_bpf__open();
	btf = kernel_btf__get();
	if (!probes->skeleton || !btf) {
		int error = errno ? -errno : -EINVAL;

		*ret_error = base__format("the kernel's type information can't be read (%s)", strerror(-error));
		return error;
	}
	probes_drift__settle(btf, options, probes);
	probes__size_maps(options, probes);
	probes_drift__choose_programs(btf, probes);
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
	error = probes__map_arrays(probes);
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
	char *refusal = probes_drift__refusal();

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
