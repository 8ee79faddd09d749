// Sleeps that are no idle waiting: what the task slept in, for how long, who ended it, and where in the code it was.
//
// Sums are kept in the task's own slot as long as nothing about its sleeps changes, and go to the table then. Stacks are samples: at most
// one each millisecond on a CPU, taken when a task falls asleep; sleeps of the same task in the same system call for the same reason are taken
// to be at the same place until the next sample.
#ifndef WHYSTALL_BPF_SLEEP_H
#define WHYSTALL_BPF_SLEEP_H

#include "bpf/completing.h"

#define HARDIRQ_BITS 0x0f0000u  // of preempt_count (include/linux/preempt.h, 5.15 … 7.2)
#define SOFTIRQ_SERVING 0x100u

static __always_inline bool is_slept_on(u32 reason)
{
	return reason == BLOCKED_IO || reason == BLOCKED_OTHER || reason == BLOCKED_FUTEX || reason == BLOCKED_MEMORY || reason == BLOCKED_PROCESS;
}

// The interrupts that this CPU is in, 0: a task.
static __always_inline u32 waker_context(const struct cpu_account *account)
{
	if (have_preempt_count) {
		u32 count = 0;

		bpf_probe_read_kernel(&count, sizeof(count), (void *)(account->rq + distance_preempt));
		return count & (HARDIRQ_BITS | SOFTIRQ_SERVING);
	}
	return (account->hardirq_began ? HARDIRQ_BITS : 0) | (account->softirq_began ? SOFTIRQ_SERVING : 0);
}

// Several CPUs add to the sums of one key.
static __always_inline void sleep_sum_add(struct sleep_sum *sum, const struct sleep_sum *due)
{
	__sync_fetch_and_add(&sum->ns, due->ns);
	__sync_fetch_and_add(&sum->times, due->times);
#pragma unroll
	for (u32 i = 0; i < 2; i++) {
		__sync_fetch_and_add(&sum->io[i], due->io[i]);
		__sync_fetch_and_add(&sum->memory[i], due->memory[i]);
	}
	if (due->max_ns > sum->max_ns)
		sum->max_ns = due->max_ns;
}

__noinline int sleep_flush(u32 index, u32 cpu)
{
	struct sleep_slot *sleep = sleep_at(index);
	struct sleep_sum *sum;

	if (!sleep || !sleep->due.times)
		return 0;
	struct sleep_key key = sleep->key;
	sum = find_or_add(&sleep_sums, &key);
	if (sum) {
		sleep_sum_add(sum, &sleep->due);
	} else {
		struct cpu_account *account = find_cpu(cpu);

		if (account)
			account->sleep_rows_lost++;
	}
	sleep->due = (struct sleep_sum){};
	return 0;
}

// The task leaves its CPU to sleep. No part of its caller, whose stack is full.
static __noinline void sleep_sample(void *ctx, struct cpu_account *account, struct sleep_slot *sleep)
{
	s32 stack = bpf_get_stackid(ctx, &sleep_stacks, 0);

	account->sleep_sampled = account->moment.now;
	account->sleep_sample_count++;
	if (stack < 0)
		account->sleep_stacks_lost++;
	sleep->stack = stack;
	sleep->user_stack = bpf_get_stackid(ctx, &sleep_stacks, BPF_F_USER_STACK);
}

static __always_inline struct sleep_sample *sleep_sample_of(struct sleep_slot *sleep, u32 reason)
{
	return &sleep->samples[reason == BLOCKED_IO ? 0 : reason == BLOCKED_MEMORY ? 1 : reason == BLOCKED_FUTEX ? 2 : 3];
}

static __always_inline u32 operation_of(struct task_struct *task)
{
	s64 number;

	if (task->flags & PF_KTHREAD)
		return OPERATION_KERNEL_THREAD;
	if (task->flags & PF_IO_WORKER)
		return OPERATION_IO_WORKER;
	if (task->flags & PF_EXITING)
		return OPERATION_EXIT;
	if (have_rdonly_cast)
		number = regs_distance ? syscall_number((u64)task->stack + regs_distance) : 0xffff;
	else
		number = syscall_number_of((struct pt_regs *)bpf_task_pt_regs(task));
	if (number < 0)
		return OPERATION_PAGE_FAULT;
	if (number > 0xfeff)
		return OPERATION_UNKNOWN;
	return is_compat(task) ? (u32)number | OPERATION_COMPAT : (u32)number;
}

static __always_inline void sleep_begin(void *ctx, struct cpu_account *account, struct task_slot *slot, u32 index, struct task_struct *task)
{
	struct sleep_slot *sleep;

	if (!is_slept_on(slot->blocked_reason))
		return;
	sleep = sleep_at(index);
	if (!sleep)
		return;
	sleep->waker_kind = WAKER_UNKNOWN;
	sleep->operation = operation_of(task);
	struct sleep_sample *sample = sleep_sample_of(sleep, slot->blocked_reason);
	bool known = sample->reason == slot->blocked_reason + 1 && sample->operation == sleep->operation && sample->stack >= 0;
	u64 gap = known ? SLEEP_SAMPLE_GAP_NS : SLEEP_SAMPLE_FIRST_NS;

	if (account->moment.now - account->sleep_sampled >= gap) {
		sleep_sample(ctx, account, sleep);
		sample->reason = slot->blocked_reason + 1;      // 0: none yet
		sample->operation = sleep->operation;
		sample->stack = sleep->stack;
		sample->user_stack = sleep->user_stack;
	} else {
		sleep->stack = known ? sample->stack : -1;
		sleep->user_stack = known ? sample->user_stack : -1;
	}
	if (have_meter && task->psi_flags & PSI_IOWAIT)
		io_begin(account->cpu, index);
}

static __noinline void sleep_report(struct cpu_account *account, struct task_slot *slot, struct sleep_slot *sleep, struct task_struct *task, u64 ns)
{
	u64 slice = account->moment.now >> EVENT_SLICE_SHIFT;
	struct sleep_record *record;

	if (account->sleep_slice != slice) {
		account->sleep_slice = slice;
		account->sleep_budget = SLEEP_EVENTS_PER_SLICE;
	}
	if (!account->sleep_budget) {
		account->sleep_events_suppressed++;
		return;
	}
	account->sleep_budget--;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		account->ringbuf_lost++;
		return;
	}
	record->kind = RECORD_SLEEP;
	record->end = account->moment.now;
	record->ns = ns;
	record->pid = task->pid;
	record->tgid = task->tgid;
	record->reason = slot->blocked_reason;
	record->operation = sleep->operation;
	record->waker_kind = sleep->waker_kind;
	record->waker_tgid = sleep->waker_tgid;
	record->waker_pid = sleep->waker_pid;
	record->device = sleep->device;
	record->user_stack = sleep->user_stack;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	long bytes = bpf_get_task_stack(task, record->stack, sizeof(record->stack), 0);
	record->frames = bytes > 0 ? (u32)bytes >> 3 : 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

// What the sums in the slot are about from now on; those of something else go to the table.
static __always_inline void sleep_rekey(struct task_slot *slot, struct sleep_slot *sleep, u32 index, u32 cpu)
{
	struct sleep_key *key = &sleep->key;

	if (key->tgid == slot->tgid && key->operation == sleep->operation && key->reason == slot->blocked_reason && key->stack == sleep->stack
		&& key->user_stack == sleep->user_stack && key->waker_kind == sleep->waker_kind && key->waker_tgid == sleep->waker_tgid
		&& key->device == sleep->device && sleep->due.times < SLEEP_DUE_TIMES)
		return;
	sleep_flush(index, cpu);
	key->tgid = slot->tgid;
	key->operation = sleep->operation;
	key->reason = slot->blocked_reason;
	key->stack = sleep->stack;
	key->user_stack = sleep->user_stack;
	key->waker_kind = sleep->waker_kind;
	key->waker_tgid = sleep->waker_tgid;
	key->device = sleep->device;
}

// It is awake since `now`. Call before blocked_end, which forgets since when it slept.
static __noinline void sleep_end(struct cpu_account *account, struct task_slot *slot, u32 index, struct task_struct *task, u64 now)
{
	struct sleep_slot *sleep = sleep_at(index);
	u64 ns = now - slot->blocked_since;

	if (!sleep)
		return;
	if ((s64)ns < 0)
		ns = 0;
	sleep_rekey(slot, sleep, index, account->cpu);
	if (sleep->line_cpu[LINE_IO])
		io_end(index);
	sleep->due.ns += ns;
	sleep->due.times++;
	if (ns > sleep->due.max_ns)
		sleep->due.max_ns = ns;
	if (ns >= SLEEP_EVENT_NS)
		sleep_report(account, slot, sleep, task, ns);
	sleep->waker_kind = WAKER_UNKNOWN;
	sleep->waker_tgid = sleep->waker_pid = sleep->device = 0;
}

// The window has ended while it sleeps: user space books the sleep itself, as one that is open.
static __always_inline void sleep_settle(struct task_slot *slot, u32 index, u32 cpu)
{
	struct sleep_slot *sleep = sleep_at(index);

	if (!sleep)
		return;
	sleep->waker_kind = WAKER_UNKNOWN;
	sleep->waker_tgid = sleep->waker_pid = sleep->device = 0;
	sleep_rekey(slot, sleep, index, cpu);
	sleep_flush(index, cpu);        // what is due from here on is the open sleep's part of PSI's counters alone
	if (sleep->line_cpu[LINE_IO])
		io_end(index);
	if (sleep->line_cpu[LINE_MEMORY])
		memory_move(index, 0);
}

// The waker's side, before the task is awake: by whom, from within what.
SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	struct task_slot *slot;
	struct sleep_slot *sleep;
	struct task_struct *waker;
	u32 index, context;

	if (!account || !account->on)
		return 0;
	slot = find_slot(task->pid, &index);
	if (!slot || !slot->blocked_since || !is_slept_on(slot->blocked_reason))
		return 0;
	context = waker_context(account);
	if (slot->futex == FUTEX_ASLEEP)
		futex_woken(ctx, slot, index, context);
	sleep = sleep_at(index);
	if (!sleep)
		return 0;
	sleep->waker_tgid = sleep->waker_pid = sleep->device = 0;
	if (is_completing(account) && slot->blocked_reason != BLOCKED_FUTEX && slot->blocked_reason != BLOCKED_PROCESS) {
		sleep->waker_kind = WAKER_BLOCK;
		sleep->device = account->completing;
		return 0;
	}
	if (context) {
		sleep->waker_kind = context & HARDIRQ_BITS ? WAKER_HARDIRQ : WAKER_SOFTIRQ;
		return 0;
	}
	waker = bpf_get_current_task_btf();
	sleep->waker_kind = WAKER_TASK;
	sleep->waker_tgid = waker->tgid;
	sleep->waker_pid = waker->pid;
	return 0;
}

// The block object does it instead where it could be loaded: one program at this tracepoint instead of two.
SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_request_complete, struct request *request)
{
	struct gendisk *disk = UNTRUSTED(request)->q->disk;

	if (disk)
		completing_set(find_cpu(bpf_get_smp_processor_id()), (u32)disk->major << 20 | (u32)disk->first_minor);
	return 0;
}

// Devices without requests (dm, md), and only where there are such: see disk_facts__any_stacked; the kernel leaves it out for bios of requests (commit d24de76af836).
SEC("tp_btf/block_bio_complete")
int BPF_PROG(on_bio_complete, void *queue, struct bio *bio)
{
	completing_set(find_cpu(bpf_get_smp_processor_id()), UNTRUSTED(bio)->bi_bdev->bd_dev);
	return 0;
}

#endif
