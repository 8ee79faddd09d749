// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// The scheduler's account: runqueue waits of every task on every CPU, booked to victims and to occupants.
//
// Order of things in the kernel (kernel/sched/core.c, 5.15 … 7.2): in __schedule() PSI is brought up to date before
// trace_sched_switch(), with the run queue locked; a wake-up enqueues (and tells PSI) before trace_sched_wakeup(), with the target's run queue
// locked. So in both places PSI's counters already include the event, and nobody else touches that CPU's account.
#include "bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf/records.h"
#include "bpf/drift.h"
#include "bpf/maps.h"
#include "bpf/rows.h"
#include "bpf/occupancy.h"
#include "bpf/account.h"
#include "bpf/groups.h"
#include "bpf/placement.h"
#include "bpf/waits.h"
#include "bpf/lock.h"
#include "bpf/pressure.h"
#include "bpf/blocked.h"
#include "bpf/futex.h"
#include "bpf/sleep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PSI_RUNNING 4           // TSK_RUNNING in psi_flags, all versions
#define DEAD 0x80               // TASK_DEAD
#define MIGRATING 2             // TASK_ON_RQ_MIGRATING
#define GAP_SLACK_NS 100000     // between the clocks of a run queue and of the events

// Before the window begins, events only teach how CLOCK_MONOTONIC and the run queues' clock relate: the smallest difference seen.
static __always_inline void calibrate(struct cpu_account *account, u64 clock)
{
	u64 now = bpf_ktime_get_ns();

	if (!account->first_event)
		account->first_event = now;
	if (!account->offset || now - clock < account->offset)
		account->offset = now - clock;
}

static __always_inline void current_set(struct cpu_account *account, struct task_struct *task, u32 slot_number, u64 now)
{
	account->current_pid = task->pid;
	account->current_slot = slot_number;
	account->current_occupant = task->pid ? occupant_of(task) : 0;
	account->switched = now;
	account->current_special = account->current_hardirq = account->current_softirq = 0;
}

// The account of a CPU that was not there when the window began (hotplug): starts at its first switch.
static __noinline void account_begin_late(struct cpu_account *account, struct task_struct *prev, struct rq *rq, u64 clock)
{

	account->cpu = bpf_get_smp_processor_id();
	account->rq = (u64)rq;
	account->first = account->last = clock;
	if (distance_percpu)
		bpf_probe_read_kernel(&account->percpu, sizeof(account->percpu), (void *)((u64)rq + distance_percpu));
	if (have_steal)
		account->steal_seen = READ_AT(struct kvm_steal_time, (u64)rq + distance_steal, steal);
	moment_read(account, rq, clock, &account->moment);
	account->meter = account->moment.meter;
	account->some = account->moment.some;
	account->waiters = 0;
	account->switches_kernel_first = rq->nr_switches;
	current_set(account, prev, 0, clock);
	account->began_late = 1;
	account->on = 1;
}

// Ends the stint of the current task or idleness: its time joins the history of occupancy.
static __always_inline void stint_end_hot(struct cpu_account *account, u64 now)
{
	u64 ran = now - account->switched - account->current_special;

	if ((s64)ran < 0)
		ran = 0;
	account->stint_began = account->switched;
	account->stint_occupant = account->current_occupant;
	account->stint_ns = 0;
	if (!account->current_pid) {
		account->special_ns[SPECIAL_IDLE] += ran;
		return;
	}
	account->run_ns += now - account->switched;
	occupancy_add(account, account->current_occupant, ran);
	struct task_slot *slot = account->current_slot ? slot_at(account->current_slot - 1) : 0;
	if (!slot || slot->pid != account->current_pid)
		return;
	slot->run_ns += now - account->switched;
	if (account->current_special) {
		slot->run_hardirq_ns += account->current_hardirq;
		slot->run_softirq_ns += account->current_softirq;
	}
}

__noinline int stint_end(u32 cpu, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);

	if (account)
		stint_end_hot(account, now);
	return 0;
}

// The task that leaves is not the one that was seen to come: events were missed. The kernel says when the leaving one came
// (sched_info.last_arrival); until then the CPU is booked to the task that was seen to come, which is checked against its run time later.
static __noinline void gap_heal(struct cpu_account *account, struct task_struct *prev, struct rq *rq, u64 now, u32 meter)
{
	u64 arrived = prev->pid ? prev->sched_info.last_arrival : now;
	struct task_slot *slot;
	u32 index = 0, until = meter;

	account->gaps++;
	if (arrived < account->last || arrived > now)
		arrived = arrived > now ? now : account->last;
	if (now > account->last && arrived < now) {
		u64 grown = (u32)(meter - account->meter);

		until = account->meter + (u32)(grown * (arrived - account->last) / (now - account->last));
	}
	account->gap_ns += arrived - account->switched;
	slot = account->current_slot ? slot_at(account->current_slot - 1) : 0;
	u64 credit = slot ? slot->credit_pressure_ns : 0, credit_task = slot ? slot->credit_task_ns : 0;
	interval_close(account->cpu, arrived, until, account->waiters);
	if (slot && slot->pid == account->current_pid) {
		slot->gap_ns += arrived - account->switched;
		slot->gap_credit_ns += slot->credit_pressure_ns - credit;
		slot->gap_credit_task_ns += slot->credit_task_ns - credit_task;
	}
	stint_end(account->cpu, arrived);
	idle_change(account, arrived, prev->pid == 0);
	u32 lost_pid = account->current_pid;
	index = prev->pid ? slot_number(prev->pid) : 0;
	current_set(account, prev, index, arrived);
	if (slot && slot->pid == lost_pid) {
		// If it was pushed off the CPU it waits since then: the kernel gives both tasks the same time stamp (sched_info_switch).
		slot->wait_start = slot->wait_seen = arrived;
		slot->wait_cpu = account->cpu;
		slot->wait_share = account->share;
		slot->flags = SLOT_MOVED | SLOT_GUESS;
		mark_set(account, &slot->mark, arrived);
	}
	slot = index ? slot_at(index - 1) : 0;
	if (!slot)
		return;
	u64 waited = slot->seen ? prev->sched_info.run_delay - slot->run_delay_seen : 0;
	u64 stretch = slot->wait_start > WAIT_UNKNOWN_START && slot->wait_cpu == account->cpu && arrived > slot->wait_start ? arrived - slot->wait_start : 0;
	bool seen = slot->seen;
	slot->seen = 1;
	slot->run_delay_seen = prev->sched_info.run_delay;
	// Since the wait was seen to begin it may have run, or slept, unseen: then the kernel's own account (run_delay) is less than the stretch.
	if (stretch && !(seen && (s64)(stretch - waited) > GAP_SLACK_NS))
		wait_book(account->cpu, index - 1, stretch, 0, BOOK_MARKED);
	else if ((s64)waited > 0)
		wait_book(account->cpu, index - 1, waited, 0, 0);
	slot->wait_start = 0;
}

// A task that a gap was booked to is seen again: what it cannot have run is taken back and named unknown.
static __always_inline void gap_verify(struct cpu_account *account, struct task_slot *slot, struct task_struct *task)
{
	u64 ran = task->se.sum_exec_runtime - slot->gap_exec_ns;

	if (slot->gap_ns) {
		if (ran + 100000 < slot->gap_ns) {
			u64 excess = slot->gap_ns - ran;
			u64 back = slot->gap_credit_ns * (excess >> 10) / ((slot->gap_ns >> 10) + 1);
			u64 back_task = slot->gap_credit_task_ns * (excess >> 10) / ((slot->gap_ns >> 10) + 1);

			slot->credit_pressure_ns -= back;
			slot->credit_task_ns -= back_task;
			account->culprits_ns -= back;
			account->unknown_ns += back;
			account->unknown_task_ns += back_task;
		}
		slot->gap_ns = slot->gap_credit_ns = slot->gap_credit_task_ns = 0;
	}
	slot->gap_exec_ns = task->se.sum_exec_runtime;
}

static __noinline void task_exit(struct cpu_account *account, struct task_struct *task, struct task_slot *slot, u32 index)
{
	struct exit_record *record;
	struct sleep_slot *sleep;

	bpf_probe_read_kernel(slot->comm, sizeof(slot->comm), task->comm);
	slot->run_delay_last = task->sched_info.run_delay;
	sleep = sleep_at(index);
	sleep_flush(index, account->cpu);
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (record) {
		record->kind = RECORD_EXIT;
		__builtin_memcpy(&record->slot, slot, sizeof(*slot));
		if (sleep)
			__builtin_memcpy(record->pressure_ns, sleep->pressure_ns, sizeof(sleep->pressure_ns) + sizeof(sleep->running_ns));
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	} else {
		account->ringbuf_lost++;
	}
	slot->pid = 0;
}

// Closes the interval that an event ends. `waiters_before`: as far as the event tells.
static __always_inline void event_close(struct cpu_account *account, u32 waiters_before)
{
	if (!account->waiters && any_pending(account))
		pending_take(account->cpu, account->last);
	interval_close_hot(account, account->moment.now, account->moment.meter, waiters_before);
	if (any_pending(account))
		pending_take(account->cpu, account->moment.now);
}

// How the CPU stands after an event.
static __always_inline void event_stand(struct cpu_account *account, struct rq *rq, u32 waiters)
{
	account->waiters = waiters;
	account->throttled = quota_watch ? throttled_tasks(rq, account->moment.running) : 0;
	account->some = account->moment.some;
}

// The stint at hand goes on: what it has taken so far, for the accounts of cgroups.
static __always_inline void stint_look(struct cpu_account *account)
{
	account->stint_began = account->switched;
	account->stint_occupant = account->current_occupant;
	account->stint_ns = account->moment.now - account->switched - account->current_special;
}

// Somebody waits here for memory, or has done so since the last switch.
static __always_inline void memory_look(struct cpu_account *account, u32 prev, u32 next, const struct task_struct *leaving,
	const struct task_struct *coming)
{
	struct line *line = &account->lines[LINE_MEMORY];

	if (!have_meter || !(account->moment.mask >> PSI_MEM_SOME & 1 || account->moment.memory != line->times_seen || line->tasks))
		return;
	line->times_seen = account->moment.memory;
	memory_switch(account->cpu, prev, next, (leaving->psi_flags & PSI_MEMSTALL ? 1 : 0) | (coming->psi_flags & PSI_MEMSTALL ? 2 : 0),
		account->moment.now);
	struct sleep_slot *sleep = next ? sleep_at(next - 1) : 0;
	if (sleep && sleep->line_cpu[LINE_MEMORY])
		memory_move(next - 1, 0);       // it is on a CPU, and the line is up to now
}

// The task that leaves: it waits for the CPU again, or sleeps, or ends.
static __always_inline void task_leaves(void *ctx, struct cpu_account *account, struct task_slot *slot, u32 index, struct task_struct *task, bool waits,
	const struct task_slot *next)
{
	slot->switches++;
	if (waits) {
		wait_begin(account, slot, task, account->moment.clock, account->moment.clock, account->moment.now);
	} else if (!(task->__state & DEAD)) {
		blocked_begin(slot, task, account->moment.now);
		sleep_begin(ctx, account, slot, index, task);
		if (slot->blocked_reason == BLOCKED_FUTEX && futex_begin(slot, index, task))
			futex_stack_taken(index, lock_stack_here(ctx, BPF_F_USER_STACK));
	}
	if (slot->held_lock)
		lock_owner_seen(ctx, slot, task, account->cpu);
	// What only brings accounts up to now is left to the pass of the next task, if that goes the same way.
	if (have_groups && slot->group && (waits || !next || next->group != slot->group))
		groups_pass(account->cpu, index, slot->group, account->moment.now, waits ? PASS_TOUCH | PASS_BEGIN : PASS_TOUCH);
}

// The task that comes: its wait ends, and its sleep, if its wake-up was not seen. `preempted`: the one before it could have gone on.
static __always_inline void task_comes(struct cpu_account *account, struct task_slot *slot, u32 index, struct task_struct *task, bool preempted,
	u32 occupant)
{
	u64 queued = task->sched_info.last_queued, clock = account->moment.clock;

	if (slot->futex)
		futex_arrived(slot, index);
	if (slot->blocked_since) {
		u64 woken = queued > slot->blocked_since ? queued : account->moment.now;

		if (is_slept_on(slot->blocked_reason))
			sleep_end(account, slot, index, task, woken);
		blocked_end(slot, woken);
	}
	bool marked = slot->wait_cpu == account->cpu && (slot->wait_start == queued || slot->wait_start == WAIT_UNKNOWN_START) && queued;

	if (preempted && queued && clock - queued < 100000)
		slot->preempted_at_wakeup++;
	u64 missed = task->sched_info.run_delay - slot->run_delay_seen;
	if (slot->seen && slot->wait_start && !marked && (s64)missed > 0)
		wait_missed(account->cpu, index, missed);
	slot->seen = 1;
	slot->run_delay_seen = task->sched_info.run_delay + (queued && clock > queued ? clock - queued : 0);
	if (have_groups && slot->group)
		groups_pass(account->cpu, index, slot->group, account->moment.now, pass_end(slot, marked));
	wait_end(account, slot, index, task, marked && slot->wait_start != WAIT_UNKNOWN_START ? slot->wait_seen : queued, clock, marked, occupant,
		false);
	gap_verify(account, slot, task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct rq *rq = UNTRUSTED(prev)->se.cfs_rq->rq;
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	struct task_slot *prev_slot = 0, *next_slot = 0;
	u32 prev_index = 0, next_index = 0;
	u64 clock = rq->clock;

	if (!account)
		return 0;
	if (!account->on) {
		if (phase == PHASE_RECORD)
			account_begin_late(account, prev, rq, clock);
		else if (phase == PHASE_CALIBRATE)
			calibrate(account, clock);
		if (!account->on)
			return 0;
	}
	moment_read(account, rq, clock, &account->moment);
	account->event++;
	account->switches++;
	if (account->current_pid != prev->pid)
		gap_heal(account, prev, rq, account->moment.now, account->moment.meter);
	bool prev_waits = prev->pid && (have_meter ? prev->psi_flags & PSI_RUNNING : preempt || !prev->__state);
	event_close(account, waiting_of(account->moment.running + (prev->pid && !prev_waits), prev->pid != 0));
	stint_end_hot(account, account->moment.now);
	if (!prev->pid || !next->pid)
		idle_change(account, account->moment.now, !next->pid);
	if (prev->pid) {
		if (account->current_slot)
			prev_slot = slot_at(account->current_slot - 1), prev_index = account->current_slot - 1;
		if (!prev_slot || prev_slot->pid != prev->pid)
			prev_slot = slot_get(account, prev, &prev_index);
	}
	if (next->pid)
		next_slot = slot_get(account, next, &next_index);
	u32 occupant = account->current_occupant;
	current_set(account, next, next_slot ? next_index + 1 : 0, account->moment.now);
	event_stand(account, rq, waiting_of(account->moment.running, next->pid != 0));
	memory_look(account, prev_slot ? prev_index + 1 : 0, next_slot ? next_index + 1 : 0, prev, next);
	if (prev_slot)
		task_leaves(ctx, account, prev_slot, prev_index, prev, prev_waits, next_slot);
	if (next_slot)
		task_comes(account, next_slot, next_index, next, prev_waits && preempt, occupant);
	if (prev_slot && prev->__state & DEAD)
		task_exit(account, prev, prev_slot, prev_index);
	return 0;
}

// `fresh`: the task has never run, so it neither sleeps nor waits for anything.
static __always_inline int wakeup(struct task_struct *task, bool fresh)
{
	struct rq *rq = UNTRUSTED(task)->se.cfs_rq->rq;
	struct cpu_account *account = find_cpu(rq->cpu);
	struct task_slot *slot;
	u64 queued = task->sched_info.last_queued, clock = rq->clock;
	u32 index = 0;

	if (!account || !account->on) {
		if (account && phase == PHASE_CALIBRATE)
			calibrate(account, clock);
		return 0;
	}
	if (!queued)
		return 0;       // it was running or queued all the time: nothing changed
	slot = slot_get(account, task, &index);
	if (slot && slot->wait_start == queued && slot->wait_cpu == account->cpu)
		return 0;
	moment_read(account, rq, clock, &account->moment);
	account->event++;
	account->wakeups++;
	u32 waiters = waiting_of(account->moment.running, account->current_pid != 0);
	event_close(account, waiters ? waiters - 1 : 0);
	event_stand(account, rq, waiters);
	stint_look(account);
	if (!slot)
		return 0;
	if (!fresh && slot->blocked_since && is_slept_on(slot->blocked_reason))
		sleep_end(account, slot, index, task, account->moment.now);
	if (!fresh)
		blocked_end(slot, account->moment.now);
	if (!fresh && task->psi_flags & PSI_MEMSTALL)
		memory_wake(index, account->cpu);
	if (!fresh && slot->lock_waiting)
		lock_woken(slot, index, task, account->cpu);
	slot->run_delay_seen = task->sched_info.run_delay;
	slot->seen = 1;
	// It has just been enqueued; a stamp much older than that is a left-over.
	wait_begin(account, slot, task, queued, clock > queued && clock - queued < 100000 ? queued : clock, account->moment.now);
	if (have_groups && slot->group)
		groups_pass(account->cpu, index, slot->group, account->moment.now, PASS_TOUCH | PASS_BEGIN);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task) { return wakeup(task, false); }

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task) { return wakeup(task, true); }

// A task is moved. If it waits (it was taken off its run queue for that), its wait here is over: the kernel has just added it to run_delay.
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *task, int destination)
{
	struct rq *rq = UNTRUSTED(task)->se.cfs_rq->rq;
	struct cpu_account *account, *target;
	struct task_slot *slot;
	u32 index = 0;

	if (task->on_rq != MIGRATING)
		return 0;
	account = find_cpu(rq->cpu);
	target = find_cpu(destination);
	if (!account || !account->on || !target)
		return 0;
	slot = find_slot(task->pid, &index);
	if (!slot)
		return 0;
	u64 clock = rq->clock, waited = task->sched_info.run_delay - slot->run_delay_seen;
	if (!slot->seen)
		waited = slot->wait_start > WAIT_UNKNOWN_START && slot->wait_cpu == account->cpu ? clock - slot->wait_start : 0;
	if (!waited || (s64)waited < 0 || is_delayed(task))
		return 0;
	slot->seen = 1;
	account->migrations++;
	moment_read(account, rq, clock, &account->moment);
	account->event++;
	u32 waiters = waiting_of(account->moment.running, account->current_pid != 0);
	if (!account->waiters && any_pending(account))
		pending_take(account->cpu, account->last);
	interval_close(account->cpu, account->moment.now, account->moment.meter, waiters + 1);
	if (any_pending(account))
		pending_take(account->cpu, account->moment.now);
	event_stand(account, rq, waiters);
	stint_look(account);
	bool marked = slot->wait_start && slot->wait_cpu == account->cpu;
	if (have_groups && slot->group)
		groups_pass(account->cpu, index, slot->group, account->moment.now, pass_end(slot, marked));
	slot->run_delay_seen = task->sched_info.run_delay;
	memory_migrate(index, destination);
	wait_end(account, slot, index, task, clock - waited, clock, marked, account->current_occupant, true);
	slot->open_wait_ns = 0;
	slot->wait_cpu = destination;
	if (!have_meter && !any_pending(target))
		target->pending_since = clock;
	for (u32 i = 0; i < 4; i++) {
		if (!target->pending[i]) {
			target->pending[i] = index + 1;
			break;
		}
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	struct exec_record *record;
	struct task_slot *slot;
	u32 index;

	if (!account || !account->on)
		return 0;
	slot = find_slot(task->pid, &index);
	if (slot)
		slot_describe(index, task);
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		account->ringbuf_lost++;
		return 0;
	}
	record->kind = RECORD_EXEC;
	record->tgid = task->tgid;
	record->parent_tgid = UNTRUSTED(task)->real_parent->tgid;
	record->start_ns = UNTRUSTED(task)->group_leader->start_boottime;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	record->filename[0] = 0;
	bpf_probe_read_kernel_str(record->filename, sizeof(record->filename), binprm->filename);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_move, struct cgroup *to, const char *path, struct task_struct *task)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	struct task_slot *slot;
	u32 index;

	if (!account || !account->on)
		return 0;
	slot = find_slot(task->pid, &index);
	if (slot) {
		slot->flags |= SLOT_MOVED;
		slot->group = 0;        // entered anew when its slot is refreshed by the walk
		slot->cgroup = to->kn->id;
	}
	return 0;
}

#include "bpf/irq.h"
#include "bpf/snapshot.h"
