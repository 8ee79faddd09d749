#include "collect/probes_drift.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/disk_facts.h"
#include "collect/percpu.h"
#include "collect/probes.h"
#include "collect/syscalls.h"
#include "sched.skel.h"

char *probes_drift__refusal(void)
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
void probes_drift__settle(const struct btf *btf, const struct probes_options *options, struct probes *probes)
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
	settings->bpf_number = SYS_bpf;
	syscalls__reasons(false, (unsigned char *)settings->syscall_reasons, SYSCALLS_CLASSIFIED);
	syscalls__reasons(true, (unsigned char *)settings->syscall_reasons_compat, SYSCALLS_CLASSIFIED);
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

void probes_drift__choose_programs(const struct btf *btf, const struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	bpf_program__set_autoattach(skeleton->progs.snapshot, false);
	bpf_program__set_autoattach(skeleton->progs.walk_tasks, false);
	bpf_program__set_autoattach(skeleton->progs.on_tick, false);
	bpf_program__set_autoattach(skeleton->progs.on_request_complete, false);        // where the block object can't be loaded
	// It costs every I/O of a disk in memory something.
	bpf_program__set_autoload(skeleton->progs.on_bio_complete, disk_facts__any_stacked("/sys/block") &&
		btf__find_by_name_kind(btf, "btf_trace_block_bio_complete", BTF_KIND_TYPEDEF) > 0);
	bpf_program__set_autoload(skeleton->progs.on_request_complete,
		btf__find_by_name_kind(btf, "btf_trace_block_rq_complete", BTF_KIND_TYPEDEF) > 0);
	bpf_program__set_autoload(skeleton->progs.on_contention_begin, probes->locks);
	bpf_program__set_autoload(skeleton->progs.on_contention_end, probes->locks);
	settle_vectors(btf, skeleton);
}
