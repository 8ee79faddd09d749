// All that differs between kernels, in one place: settings that user space fills in, and how to read what moved.
#ifndef WHYSTALL_BPF_DRIFT_H
#define WHYSTALL_BPF_DRIFT_H

#include "bpf/untrusted.h"

// Offsets between the per-CPU variable `runqueues` and others, from the kernel's BTF (DATASEC .data..percpu).
// The address of a CPU's run queue plus the distance is the address of that CPU's copy: no symbol table is needed.
const volatile long long distance_psi = 0;         // system_group_pcpu
const volatile long long distance_percpu = 0;      // this_cpu_off (x86): what to add to a __percpu pointer on that CPU
const volatile long long distance_steal = 0;       // steal_time (KVM guests) or kernel_cpustat.cpustat[STEAL]
const volatile long long distance_preempt = 0;     // the CPU's preempt_count (x86)
const volatile _Bool have_preempt_count = false;
const volatile _Bool have_meter = false;      // PSI is on and its variable was found
const volatile _Bool have_groups = false;     // this_cpu_off was found, so cgroups' counters can be reached
const volatile _Bool have_steal = false;
const volatile unsigned int nonidle_index = 6;        // PSI_NONIDLE: moved when PSI_IRQ_FULL came (6.1, commit 52b1364ba0b1)
const volatile unsigned int states = 7;               // NR_PSI_STATES; bit of "on a CPU" in state_mask since 6.0
const volatile unsigned int cpus = 1;                 // possible CPUs
const volatile unsigned int groups_max = 0;           // a power of two, or 0
const volatile unsigned long long pair_threshold_ns = 100000;
const volatile unsigned long long event_threshold_ns = 10000000;
const volatile unsigned long long idle_threshold_ns = 1000000;
const volatile unsigned int events_per_slice = 7;    // for each CPU

// Reads unsigned `field` of the kernel struct at an address that no typed pointer leads to: a plain load where the kernel
// can check it, a helper call elsewhere.
#define READ_AT(type, address, field) ({ \
	typeof(((type *)0)->field) value_ = 0; \
	type *object_ = (type *)(address); \
	if (have_rdonly_cast) \
		value_ = ((type *)bpf_rdonly_cast(object_, bpf_core_type_id_kernel(type)))->field; \
	else \
		bpf_core_read(&value_, sizeof(value_), &object_->field); \
	value_; })

// Number of the system call that a task entered the kernel with, from its user registers; negative: it did not come by one.
static __always_inline s64 syscall_number(u64 regs)
{
	if (bpf_core_field_exists(struct pt_regs, orig_ax))
		return (s64)READ_AT(struct pt_regs, regs, orig_ax);
	return (s32)READ_AT(struct pt_regs___arm64, regs, syscallno);
}

// Argument `number` (0 to 3, a constant) of the system call that a task is in, from its user registers.
static __always_inline u64 syscall_argument(u64 regs, u32 number)
{
	if (!bpf_core_field_exists(struct pt_regs, orig_ax))
		return number == 0 ? READ_AT(struct pt_regs___arm64, regs, regs[0]) : number == 1 ? READ_AT(struct pt_regs___arm64, regs, regs[1])
			: number == 2 ? READ_AT(struct pt_regs___arm64, regs, regs[2]) : READ_AT(struct pt_regs___arm64, regs, regs[3]);
	return number == 0 ? READ_AT(struct pt_regs, regs, di) : number == 1 ? READ_AT(struct pt_regs, regs, si)
		: number == 2 ? READ_AT(struct pt_regs, regs, dx) : READ_AT(struct pt_regs, regs, r10);
}

static __always_inline s64 syscall_number_of(struct pt_regs *regs)
{
	if (bpf_core_field_exists(regs->orig_ax))
		return (s64)regs->orig_ax;
	return (s32)((struct pt_regs___arm64 *)regs)->syscallno;
}

// Offset of psi_group_cpu.times_prev[PSI_AVGS]. BTF has that array flat or, from newer pahole versions (Debian's 7.2), in
// two dimensions, which CO-RE takes for another field. The barriers keep clang from loading both offsets and choosing
// afterwards: the one that does not exist is an instruction that no verifier accepts.
struct psi_group_cpu___two_dimensions { u32 times_prev[2][7]; } __attribute__((preserve_access_index));
static __always_inline u32 times_prev_offset(void)
{
	u32 offset;

	if (bpf_core_field_exists(struct psi_group_cpu___two_dimensions, times_prev)) {
		offset = bpf_core_field_offset(struct psi_group_cpu___two_dimensions, times_prev);
		barrier_var(offset);
	} else {
		offset = bpf_core_field_offset(struct psi_group_cpu, times_prev);
		barrier_var(offset);
	}
	return offset;
}

// How long the task's run queue has been kept off by a CPU quota so far. Three generations of the same account:
//  6.6+: throttled_clock_self_time, on rq->clock (commit 677ea015f231); 5.19+: …_clock_pelt (commit 64eaf50731ac); before: …_clock_task, on
//  rq->clock_task (kernel/sched/fair.c, 5.15 to 5.18: tg_throttle_down and tg_unthrottle_up).
static __always_inline u64 throttled_total(struct task_struct *task, u64 now)
{
	struct cfs_rq *queue = UNTRUSTED(task)->se.cfs_rq;

	if (bpf_core_field_exists(queue->throttled_clock_self_time)) {
		u64 since = queue->throttled_clock_self;
		u64 total = queue->throttled_clock_self_time;
		return total + (since && now > since ? now - since : 0);
	}
	if (bpf_core_field_exists(queue->throttled_clock_pelt_time)) {
		struct rq *rq = queue->rq;
		u64 total = queue->throttled_clock_pelt_time;
		if (queue->throttle_count > 0)
			total += rq->clock_pelt - rq->lost_idle_time - queue->throttled_clock_pelt;
		return total;
	}
	if (bpf_core_field_exists(queue->throttled_clock_task_time)) {
		u64 total = queue->throttled_clock_task_time;
		if (queue->throttle_count > 0)
			total += queue->rq->clock_task - queue->throttled_clock_task;
		return total;
	}
	return 0;
}

// Queued tasks that are no sleepers, the one on the CPU included.
// Since 6.12 tasks that went to sleep can stay queued for a while (delayed dequeue, commit 152e11f6df29): take them out.
static __always_inline u32 queued_tasks(struct rq *rq)
{
	u32 queued = rq->nr_running;

	if (bpf_core_field_exists(rq->cfs.h_nr_runnable))
		queued -= rq->cfs.h_nr_queued - rq->cfs.h_nr_runnable;
	else if (bpf_core_field_exists(rq->cfs.h_nr_delayed))
		queued -= rq->cfs.h_nr_delayed;
	return queued;
}

// Tasks of this run queue that are runnable for PSI but not queued, because a quota keeps them off.
static __always_inline u32 throttled_tasks(struct rq *rq, u32 running)
{
	u32 queued = queued_tasks(rq);

	return (s32)(running - queued) > 0 ? running - queued : 0;
}

// Whether a task that is still queued sleeps already (6.12+, delayed dequeue).
static __always_inline bool is_delayed(struct task_struct *task)
{
	return bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed;
}

// Whether the task is kept off by a quota at this moment (6.18+: task->throttled, commit e1fad12dcb66).
static __always_inline bool is_throttled(struct task_struct *task)
{
	if (bpf_core_field_exists(task->throttled) && task->throttled)
		return true;
	return UNTRUSTED(task)->se.cfs_rq->throttle_count > 0;
}

#endif
