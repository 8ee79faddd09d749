// What user space runs on purpose: beginning, reading and closing the accounts, and walking all tasks.
#ifndef WHYSTALL_BPF_SNAPSHOT_H
#define WHYSTALL_BPF_SNAPSHOT_H

// The live value of a counter of PSI at `now`.
static __always_inline u32 counter_now(u32 times, u32 mask, u32 state, u64 start, u64 now)
{
	return times + (mask >> state & 1 && now > start ? (u32)(now - start) : 0);
}

// Reads one CPU's counters at address `psi` into a sample; again if the kernel changed them meanwhile.
__noinline int fold_read(u64 psi, u64 now, u32 index)
{
	struct fold_sample *sample = bpf_map_lookup_elem(&fold_samples, &index);
	u32 previous = times_prev_offset();
	u32 times = bpf_core_field_offset(struct psi_group_cpu, times);

	if (sample) {
		// In the kernel's order: I/O some, I/O full, memory some, memory full (PSI_IO_SOME is the first of enum psi_states).
		bpf_probe_read_kernel(sample->previous_line, sizeof(sample->previous_line), (void *)(psi + previous));
	}
	if (!sample)
		return 0;
	for (u32 attempt = 0; attempt < 3; attempt++) {
		u64 start = READ_AT(struct psi_group_cpu, psi, state_start);
		u32 mask = READ_AT(struct psi_group_cpu, psi, state_mask);
		u32 some = 0, nonidle = 0;

		bpf_probe_read_kernel(&some, 4, (void *)(psi + times + 4 * PSI_CPU_SOME));
		bpf_probe_read_kernel(&nonidle, 4, (void *)(psi + times + 4 * nonidle_index));
		bpf_probe_read_kernel(&sample->previous_some, 4, (void *)(psi + previous + 4 * PSI_CPU_SOME));
		bpf_probe_read_kernel(&sample->previous_nonidle, 4, (void *)(psi + previous + 4 * nonidle_index));
		sample->some = counter_now(some, mask, PSI_CPU_SOME, start, now);
		sample->nonidle = counter_now(nonidle, mask, nonidle_index, start, now);
		sample->now = now;
		if (READ_AT(struct psi_group_cpu, psi, state_start) == start)
			break;
	}
	return 0;
}

// The same from the event model. There is no counter of the last fold: user space takes what its own reads of total= find here.
// Events of this CPU can be handled elsewhere meanwhile: read it again then.
static __always_inline int model_read(const struct cpu_account *account, u64 now)
{
	u32 index = account->cpu;
	struct fold_sample *sample = bpf_map_lookup_elem(&fold_samples, &index);

	if (!sample)
		return 0;
	for (u32 attempt = 0; attempt < 3; attempt++) {
		u64 event = account->event;

		sample->some = (u32)(account->meter_ns + (account->on ? model_growth(account, now) : 0));
		sample->nonidle = (u32)(account->nonidle_ns + (account->on ? model_nonidle(account, now) : 0));
		sample->now = now;
		if (account->event == event)
			break;
	}
	return 0;
}

__noinline int snapshot_group(u32 cpu, u32 number, u64 now, u32 mode)
{
	struct cpu_account *account = find_cpu(cpu);
	struct group *group = bpf_map_lookup_elem(&groups, &number);

	if (!account || !group || !group->pcpu)
		return 0;
	if (mode == SNAPSHOT_TOUCH_GROUPS)
		group_touch(cpu, number, now);
	else
		group_line_tick(cpu, number, now);
	return fold_read(group->pcpu + account->percpu, now, number * cpus + cpu);
}

static __always_inline void account_begin(struct cpu_account *account, struct rq *rq, u64 now)
{
	struct task_struct *current = bpf_get_current_task_btf();
	u32 index = 0;
	struct task_slot *slot = current->pid ? slot_get(account, current, &index) : 0;

	account->first = account->last = now;
	if (have_steal)
		account->steal_seen = READ_AT(struct kvm_steal_time, (u64)rq + distance_steal, steal);
	moment_read(account, rq, now, &account->moment);
	account->meter = account->moment.meter;
	account->some = account->moment.some;
	account->iowait = account->moment.iowait;
	account->waiters = waiting_of(account->moment.running, current->pid != 0);
	account->throttled = quota_watch ? throttled_tasks(rq, account->moment.running) : 0;
	account->switches_kernel_first = rq->nr_switches;
	lines_begin(account, current);
	current_set(account, current, slot ? index + 1 : 0, now);
	if (!current->pid)
		account->idle_since = now;
	account->on = 1;
}

static __always_inline void account_close(struct cpu_account *account, struct rq *rq, u64 now)
{

	moment_read(account, rq, now, &account->moment);
	account->event++;
	pending_take(account->cpu, account->last);
	interval_close(account->cpu, account->moment.now, account->moment.meter, account->waiters);
	lines_tick(account->cpu, account->moment.now);
	stint_end(account->cpu, account->moment.now);
	idle_change(account, account->moment.now, false);
	account->switched = account->moment.now;
	account->current_special = account->current_hardirq = account->current_softirq = 0;
	account->event++;
	account->switches_kernel_last = rq->nr_switches;
	account->on = 0;
}

// Run by user space on each CPU in turn: begins or closes its account, or reads counters for folding.
// Context: struct snapshot_arguments.
SEC("raw_tp/whystall_snapshot")
int snapshot(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct rq *rq = UNTRUSTED(current)->se.cfs_rq->rq;
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	u64 mode = *(u64 *)ctx, now;

	if (!account)
		return 1;
	if (!regs_distance) {
		regs_top = (u64)bpf_task_pt_regs(current); // through memory, because the verifier does not subtract pointers
		regs_distance = (long long)(regs_top - (u64)current->stack);
	}
	now = bpf_ktime_get_ns() - account->offset;
	account->cpu = bpf_get_smp_processor_id();
	account->rq = (u64)rq;
	if (distance_percpu)
		bpf_probe_read_kernel(&account->percpu, sizeof(account->percpu), (void *)((u64)rq + distance_percpu));
	if (mode == SNAPSHOT_BEGIN)
		account_begin(account, rq, now);
	else if (mode == SNAPSHOT_CLOSE && account->on)
		account_close(account, rq, now);
	else if (mode == SNAPSHOT_READ)
		lines_tick(account->cpu, now);
	if (mode <= SNAPSHOT_CLOSE)
		return have_meter ? fold_read(account->rq + distance_psi, now, account->cpu) : model_read(account, now);
	u32 first = ((u64 *)ctx)[1];
	for (u32 number = 0; number < SNAPSHOT_GROUPS; number++) {
		if (first + number && first + number < groups_max)
			snapshot_group(account->cpu, first + number, now, mode);
	}
	return 0;
}

static __always_inline void asleep_report(struct cpu_account *account, struct task_struct *task, bool whole)
{
	struct asleep_record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record) {
		account->ringbuf_lost++;
		return;
	}
	record->kind = RECORD_ASLEEP;
	record->pid = task->pid;
	record->tgid = task->tgid;
	record->whole = whole;
	long bytes = bpf_get_task_stack(task, record->stack, sizeof(record->stack), 0);
	record->frames = bytes > 0 ? (u32)bytes >> 3 : 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

// A program's own uninterruptible sleep: it may be one for a lock that no tracepoint told of.
static __always_inline bool is_stuck(struct task_struct *task)
{
	return !(task->flags & PF_KTHREAD) && task->__state & UNINTERRUPTIBLE && !(task->__state & NO_LOAD);
}

// A task that sleeps already when the window begins.
static __always_inline void walk_sleeper(struct cpu_account *account, struct task_slot *slot, u32 index, struct task_struct *task)
{
	struct sleep_slot *sleep = sleep_at(index);

	blocked_begin(slot, task, account->first);
	if (!sleep)
		return;
	sleep->operation = task_operation(task);
	sleep->stack = sleep->user_stack = -1;
	// The shares were zero when the account began, and it has slept since then.
	if (have_meter && task->psi_flags & PSI_IOWAIT)
		sleep->line_cpu[LINE_IO] = account->cpu + 1;
	if (have_meter && task->psi_flags & PSI_MEMSTALL)
		sleep->line_cpu[LINE_MEMORY] = account->cpu + 1;
}

// Every task there is, at the beginning (who exists, who waits already) and at the end (who still waits).
SEC("iter/task")
int walk_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpu_account *account;
	struct task_slot *slot;
	u32 index = 0;

	if (!task || !task->pid)
		return 0;
	account = find_cpu(UNTRUSTED(task)->se.cfs_rq->rq->cpu);
	if (!account)
		return 0;
	u64 queued = task->sched_info.last_queued;
	bool waits = queued && !task->on_cpu && task->on_rq == 1 && (!have_meter || task->psi_flags & PSI_RUNNING);
	if (walk == WALK_SETTLE) {
		slot = find_slot(task->pid, &index);
		if (!slot)
			return 0;
		slot_describe(index, task);
		slot->run_delay_last = task->sched_info.run_delay;
		if (slot->blocked_since && is_slept_on(slot->blocked_reason))
			sleep_settle(slot, index, account->cpu);
		u32 reason = slot->blocked_reason;
		if (slot->blocked_since && (reason == BLOCKED_IO || reason == BLOCKED_OTHER || reason == BLOCKED_MEMORY))
			asleep_report(account, task, is_stuck(task) && !slot->switches && !slot->run_ns);
		if (slot->flags & SLOT_GUESS && !waits)
			slot->wait_start = 0;
		if (slot->wait_start) {
			// It waited when the books were closed, whatever it has done since then.
			account = find_cpu(slot->wait_cpu);
			if (account && account->last > slot->wait_seen && have_groups && slot->group)
				groups_pass(slot->wait_cpu, index, slot->group, account->last, pass_end(slot, true));
			if (account && account->last > slot->wait_seen)
				wait_end(account, slot, index, task, slot->wait_seen, account->last, true, account->current_occupant, true);
		} else if (waits && queued < account->last && slot->run_delay_seen <= task->sched_info.run_delay) {
			wait_end(account, slot, index, task, queued, account->last, false, account->current_occupant, true);
		}
		return 0;
	}
	slot = slot_get(account, task, &index);
	if (slot && walk == WALK_MARK && !slot->seen)
		slot->run_delay_first = task->sched_info.run_delay;
	// Asleep already: since before the window, so for all of it until it wakes.
	if (slot && walk == WALK_MARK && !task->on_rq && !slot->blocked_since && !(task->__state & DEAD))
		walk_sleeper(account, slot, index, task);
	if (slot && walk == WALK_MARK && !task->on_rq && slot->blocked_reason == BLOCKED_FUTEX && !slot->futex)
		futex_begin(slot, index, task);
	if (slot && walk == WALK_MARK && waits && !slot->wait_start && queued <= account->first) {
		slot->wait_cpu = account->cpu;
		slot->wait_throttled = quota_watch ? throttled_total(task, account->first) : 0;
		slot->flags = SLOT_MOVED | SLOT_QUOTA;
		slot->wait_start = slot->wait_seen = queued;
	}
	return 0;
}

#endif
