// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// The machine underneath: does every CPU go on, and does the kernel complain?
//
// A timer on each CPU notes when it last ran. hrtimers that are due fire as soon as the CPU runs again, whatever task is on it, so a long
// gap is a CPU that did not execute at all (its host ran something else, or stopped it) or one that had interrupts off.
#include "bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf/host_records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PVCLOCK_GUEST_STOPPED (1 << 1) // arch/x86/include/asm/pvclock-abi.h

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pvclock_vcpu_time_info { u8 flags; };
struct pvclock_vsyscall_time_info { struct pvclock_vcpu_time_info pvti; };
#pragma clang attribute pop

// How far the per-CPU variables of arch/x86/kernel/kvm.c and kvmclock.c are from the run queue; have_…: whether this kernel has them.
const volatile bool have_steal, have_mark;
const volatile long long distance_steal, distance_mark;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);         // set to the number of CPUs
	__type(key, u32);
	__type(value, struct host_cpu);
} host_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HOST_NOTICES);
	__type(key, u32);
	__type(value, struct host_notice);
} host_notices SEC(".maps");

unsigned int notice_count;                       // ever
unsigned int rtc_sets;                           // how often somebody set the real-time clock

static __always_inline u64 run_queue(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return (u64)BPF_CORE_READ(task, se.cfs_rq, rq);
}

static __always_inline u64 stolen(u64 queue)
{
	struct kvm_steal_time *time = (void *)(queue + distance_steal);

	return have_steal ? BPF_CORE_READ(time, steal) : 0;
}

// The host sets the mark with the first time information after it went on with this CPU; a watchdog of the guest clears it
// (kvm_check_and_clear_guest_paused), every few seconds at the earliest.
static __always_inline bool was_stopped(u64 queue)
{
	struct pvclock_vsyscall_time_info *mine = 0;

	if (!have_mark || bpf_probe_read_kernel(&mine, sizeof(mine), (void *)(queue + distance_mark)) || !mine)
		return false;
	return BPF_CORE_READ(mine, pvti.flags) & PVCLOCK_GUEST_STOPPED;
}

SEC("perf_event")
int on_beat(void *ctx)
{
	u32 number = bpf_get_smp_processor_id();
	struct host_cpu *cpu = bpf_map_lookup_elem(&host_cpus, &number);
	u64 now = bpf_ktime_get_ns(), queue = run_queue(), steal = stolen(queue);

	if (!cpu)
		return 0;
	if (cpu->last_ns && now - cpu->last_ns >= HOST_GAP_NS) {
		struct host_gap *gap = &cpu->gaps[cpu->gap_count % HOST_GAPS];

		gap->start_ns = cpu->last_ns;
		gap->end_ns = now;
		gap->steal_ns = steal - cpu->last_steal_ns;
		cpu->gap_count++;
	}
	if (!was_stopped(queue)) {
		cpu->stopped_ns = 0;
	} else if (!cpu->stopped_ns) {
		cpu->stopped_ns = now;
		cpu->stopped_count++;
	}
	cpu->last_steal_ns = steal;
	cpu->last_ns = now;
	cpu->beats++;
	return 0;
}

static __always_inline struct host_notice *new_notice(u32 kind, u32 *ret_number)
{
	u32 number = __sync_fetch_and_add(&notice_count, 1), place = number % HOST_NOTICES;
	struct host_notice *notice = bpf_map_lookup_elem(&host_notices, &place);

	if (!notice)
		return 0;
	notice->ready = 0;
	notice->time_ns = bpf_ktime_get_ns();
	notice->kind = kind;
	notice->cpu = bpf_get_smp_processor_id();
	notice->pid = notice->tgid = 0;
	*ret_number = number;
	return notice;
}

SEC("tp_btf/rcu_stall_warning")
int BPF_PROG(on_rcu_stall, const char *name, const char *words)
{
	u32 number;
	struct host_notice *notice = new_notice(HOST_NOTICE_RCU_STALL, &number);

	if (!notice)
		return 0;
	bpf_probe_read_kernel_str(notice->words, sizeof(notice->words), words);
	notice->ready = number + 1;
	return 0;
}

SEC("tp_btf/sched_process_hang")
int BPF_PROG(on_hung_task, struct task_struct *task)
{
	u32 number;
	struct host_notice *notice = new_notice(HOST_NOTICE_HUNG_TASK, &number);

	if (!notice)
		return 0;
	notice->pid = task->pid;
	notice->tgid = task->tgid;
	bpf_probe_read_kernel_str(notice->words, sizeof(notice->words), task->comm);
	notice->ready = number + 1;
	return 0;
}

SEC("tp_btf/rtc_set_time")
int BPF_PROG(on_rtc_set)
{
	__sync_fetch_and_add(&rtc_sets, 1);
	return 0;
}
