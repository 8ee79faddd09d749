#include "collect/host_probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/kernel_btf.h"
#include "collect/percpu.h"
#include "host.skel.h"

struct private {
	struct host_probes public;
	struct host_bpf *skeleton;
	struct bpf_link **beats;        // one for each CPU, NULL where it could not be
};

static struct private *private_of(struct host_probes *probes)
{
	return (struct private *)probes;
}

static void *map_array(struct private *own, const struct bpf_map *map, size_t row)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (size_t)bpf_map__max_entries(map) * ((row + 7) & ~7UL);
	void *memory;

	size = (size + page - 1) & ~(page - 1);
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	own->public.map_bytes += size;
	return memory == MAP_FAILED ? NULL : memory;
}

// By period, not by frequency: the kernel must not adapt it.
static void start_beats(struct private *own)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = HOST_BEAT_NS };

	own->beats = base__alloc(own->public.cpus, sizeof(struct bpf_link *));
	for (uint32_t cpu = 0; cpu < own->public.cpus; cpu++) {
		int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			own->public.beats_refused += errno != ENODEV;   // it is offline
			continue;
		}
		own->beats[cpu] = bpf_program__attach_perf_event(own->skeleton->progs.on_beat, fd);
		if (own->beats[cpu])
			own->public.beating++;
		else
			close(fd), own->public.beats_refused++;
	}
}

// Per-CPU variables of a KVM guest, by their distance from the run queue.
static void find_guest_variables(const struct btf *btf, struct host_bpf__rodata *settings)
{
	int64_t runqueues = percpu__offset(btf, "runqueues"), steal = percpu__offset(btf, "steal_time"), mark = percpu__offset(btf, "hv_clock_per_cpu");

	settings->have_steal = runqueues >= 0 && steal >= 0;
	settings->distance_steal = steal - runqueues;
	settings->have_mark = runqueues >= 0 && mark >= 0;
	settings->distance_mark = mark - runqueues;
}

static bool choose(const struct btf *btf, struct bpf_program *program, const char *tracepoint)
{
	bool there = btf__find_by_name_kind(btf, tracepoint, BTF_KIND_TYPEDEF) > 0;

	bpf_program__set_autoload(program, there);
	return there;
}

struct host_probes *host_probes__open(char **ret_why_off)
{
	struct private *own = base__alloc(1, sizeof(*own));
	const struct btf *btf = kernel_btf__get();
	int error = 0;

	own->skeleton = host_bpf__open();
	if (!own->skeleton || !btf) {
		error = errno ? -errno : -EINVAL;
		goto failed;
	}
	own->public.cpus = (uint32_t)libbpf_num_possible_cpus();
	bpf_map__set_max_entries(own->skeleton->maps.host_cpus, own->public.cpus);
	bpf_program__set_autoattach(own->skeleton->progs.on_beat, false);
	// rcu_stall_warning needs CONFIG_RCU_TRACE, rtc_set_time CONFIG_RTC_CLASS.
	own->public.rcu_tracepoint = choose(btf, own->skeleton->progs.on_rcu_stall, "btf_trace_rcu_stall_warning");
	own->public.hang_tracepoint = choose(btf, own->skeleton->progs.on_hung_task, "btf_trace_sched_process_hang");
	own->public.rtc_tracepoint = choose(btf, own->skeleton->progs.on_rtc_set, "btf_trace_rtc_set_time");
	find_guest_variables(btf, own->skeleton->rodata);
	error = host_bpf__load(own->skeleton);
	if (!error)
		error = host_bpf__attach(own->skeleton);
	if (error)
		goto failed;
	own->public.cpu_rows = map_array(own, own->skeleton->maps.host_cpus, sizeof(struct host_cpu));
	own->public.notices = map_array(own, own->skeleton->maps.host_notices, sizeof(struct host_notice));
	if (!own->public.cpu_rows || !own->public.notices) {
		error = -ENOMEM;
		goto failed;
	}
	start_beats(own);
	return &own->public;
failed:
	*ret_why_off = base__format("the kernel refused the probes of the machine (%s)", strerror(-error));
	host_probes__close(&own->public);
	return NULL;
}

void host_probes__detach(struct host_probes *probes)
{
	struct private *own = private_of(probes);

	for (uint32_t cpu = 0; own->beats && cpu < probes->cpus; cpu++) {
		bpf_link__destroy(own->beats[cpu]);
		own->beats[cpu] = NULL;
	}
	if (own->skeleton)
		host_bpf__detach(own->skeleton);
}

void host_probes__close(struct host_probes *probes)
{
	struct private *own = private_of(probes);

	if (!probes)
		return;
	host_probes__detach(probes);
	free(own->beats);
	host_bpf__destroy(own->skeleton);       // the mapped arrays go with the process
	free(own);
}

uint32_t host_probes__notice_count(const struct host_probes *probes)
{
	return ((const struct private *)probes)->skeleton->bss->notice_count;
}

const volatile uint32_t *host_probes__rtc_sets(const struct host_probes *probes)
{
	return &((const struct private *)probes)->skeleton->bss->rtc_sets;
}
