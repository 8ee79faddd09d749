// Task slots and their waits: from the moment a task becomes runnable without a CPU until it gets one or is moved away.
#ifndef WHYSTALL_BPF_WAITS_H
#define WHYSTALL_BPF_WAITS_H

// Who the task at an address is. By its address, so that it is a program of its own: it is verified once, and the addresses in it are not looked up
// in the kernel's types one by one. Such a program takes no pointer into the kernel, but one to memory that has it.
__noinline int slot_describe_address(u32 index, const u64 *address)
{
	struct task_slot *slot = slot_at(index);

	if (!slot || !address)
		return 0;
	struct task_struct *task = (struct task_struct *)*address;
	u32 tgid = BPF_CORE_READ(task, tgid), nice20 = BPF_CORE_READ(task, static_prio) - 100;
	slot->tgid = tgid;
	slot->occupant = occupant_with(tgid, nice20, BPF_CORE_READ(task, prio) < 100);
	slot->policy = BPF_CORE_READ(task, policy);
	slot->rt_priority = BPF_CORE_READ(task, rt_priority);
	slot->nice20 = nice20;
	slot->allowed_cpus = BPF_CORE_READ(task, nr_cpus_allowed);
	slot->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	slot->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	slot->kernel_thread = !!(BPF_CORE_READ(task, flags) & PF_KTHREAD);
	slot->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_INTO(&slot->comm, task, comm);
	BPF_CORE_READ_INTO(&slot->leader_comm, task, group_leader, comm);
	return 0;
}

static __always_inline void slot_describe(u32 index, struct task_struct *task)
{
	u64 address = (u64)task;

	slot_describe_address(index, &address);
}

// Takes a free slot for a pid. Returns its number + 1, or 0 (counted) when the neighbourhood is full.
__noinline u32 slot_claim(u32 pid, u32 cpu)
{
	u32 start = (pid * 2654435761u) >> 17, taken = 0;
	struct cpu_account *account;

	for (u32 probe = 0; probe < TASK_PROBES; probe++) {
		u32 index = (start + probe) & (TASK_SLOTS - 1);
		struct task_slot *slot = slot_at(index);

		if (slot && !slot->pid && !__sync_val_compare_and_swap(&slot->pid, 0, pid)) {
			taken = index + 1;
			break;
		}
	}
	struct task_slot *slot = taken ? slot_at(taken - 1) : 0;
	if (slot) {
		__builtin_memset((u32 *)slot + 1, 0, sizeof(*slot) - sizeof(slot->pid));
		return taken;
	}
	account = find_cpu(cpu);
	if (account)
		account->slots_lost++;
	return 0;
}

// A slot for the task at an address. Returns its number + 1, or 0. A program of its own: verified once. `cpu`: its account counts what is lost.
__noinline u32 slot_new(const u64 *address, u32 pid, u32 cpu)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 number = slot_claim(pid, cpu);
	struct task_slot *slot = number ? slot_at(number - 1) : 0;

	if (!slot || !account || !address)
		return 0;
	struct task_struct *task = (struct task_struct *)*address;
	slot_describe_address(number - 1, address);
	struct sleep_slot *sleep = sleep_at(number - 1);
	if (sleep)
		__builtin_memset(sleep, 0, sizeof(*sleep));
	if (have_groups)
		slot->group = group_of((u64)BPF_CORE_READ(task, cgroups, dfl_cgrp), cpu);
	slot->run_delay_first = slot->run_delay_seen = BPF_CORE_READ(task, sched_info.run_delay);
	slot->seen = account->on;
	return number;
}

// The task's slot, made if there is none, or NULL.
static __always_inline struct task_slot *slot_get(struct cpu_account *account, struct task_struct *task, u32 *ret_index)
{
	struct task_slot *slot = find_slot(task->pid, ret_index);
	u32 number;

	if (slot)
		return slot;
	u64 address = (u64)task;
	number = slot_new(&address, task->pid, account->cpu);
	*ret_index = number - 1;
	return number ? slot_at(number - 1) : 0;
}

static __always_inline void wait_begin(struct cpu_account *account, struct task_slot *slot, struct task_struct *task, u64 stamp,
	u64 since, u64 now)
{
	slot->wait_start = stamp;
	slot->wait_seen = since;
	slot->wait_cpu = account->cpu;
	slot->wait_share = account->share;
	mark_set(account, &slot->mark, now);
	slot->flags = 0;
	if (quota_watch) {
		slot->wait_throttled = throttled_total(task, now);
		slot->flags = is_throttled(task) ? SLOT_QUOTA | SLOT_THROTTLED : SLOT_QUOTA;
	}
}

// Looks whether CPUs inside and outside the mask at hand were idle while the task waited; both are lower bounds (placement.h).
__noinline int placement_book(u32 own, u32 slot_index, u64 since, u64 now, u64 wait)
{
	struct cpu_account *account = find_cpu(own);
	struct task_slot *slot = slot_at(slot_index);
	u64 inside = 0, outside = 0;

	if (!account || !slot)
		return 0;
	u32 scanned = placement_scanned(cpus), first = placement_first(scanned, since);
	for (u32 i = 0; i < PLACEMENT_CPUS; i++) {
		u32 cpu = placement_cpu(scanned, first, i);
		u64 idle;

		if (i >= scanned || inside >= wait)
			break;
		if (cpu == own)
			continue;
		idle = idle_time_since(cpu, since, now);
		if (account->walk_mask[cpu / 64 & (CPUS_SCANNED / 64 - 1)] >> (cpu & 63) & 1)
			inside = idle > inside ? idle : inside;
		else
			outside = idle > outside ? idle : outside;
	}
	inside = inside < wait ? inside : wait;
	outside = outside < wait ? outside : wait;
	slot->idle_allowed_ns += inside;
	slot->idle_outside_ns += outside > inside ? outside - inside : 0;
	return 0;
}

static __always_inline void wait_report(struct cpu_account *account, struct task_slot *slot, struct task_struct *task, u64 now,
	u64 wait, u64 throttled, u32 occupant)
{
	struct wait_record *record;
	u64 slice = now >> EVENT_SLICE_SHIFT;

	if (account->event_slice != slice) {
		account->event_slice = slice;
		account->event_budget = events_per_slice;
	}
	if (!account->event_budget) {
		account->events_suppressed++;
		return;
	}
	account->event_budget--;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		account->ringbuf_lost++;
		return;
	}
	record->kind = RECORD_WAIT;
	record->cpu = account->cpu;
	record->end = now;
	record->wait_ns = wait;
	record->throttled_ns = throttled;
	record->pid = task->pid;
	record->tgid = task->tgid;
	record->occupant = occupant;
#pragma unroll
	for (u32 i = 0; i < SPECIALS; i++)
		record->special[i] = account->special_ns[i] - slot->mark.special[i];
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	// The task is not on a CPU yet (next->on_cpu is set after the tracepoint), so its kernel stack holds still.
	long bytes = bpf_get_task_stack(task, record->stack, sizeof(record->stack), 0);
	record->frames = bytes > 0 ? (u32)bytes >> 3 : 0;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

// Whether the time set aside for booking pairs allows for one more: with many waiters each wait has many occupants, and cutting all of them
// would cost more than a switch may. What it really takes is drawn from the budget afterwards, so that long waits are
// as likely to be cut as short ones. What is skipped is counted.
static __always_inline bool pair_budget_allows(struct cpu_account *account)
{
	account->pair_budget_ns += (account->last - account->pair_budget_at) >> PAIR_BUDGET_SHIFT;
	account->pair_budget_at = account->last;
	if (account->pair_budget_ns > PAIR_BUDGET_MOST_NS)
		account->pair_budget_ns = PAIR_BUDGET_MOST_NS;
	return account->pair_budget_ns > 0;
}

#define BOOK_MARKED 1u           // the slot remembers the state at the wait's beginning
#define BOOK_OPEN 2u             // the wait has not ended

// Books a wait of known length to its victim, and cuts it by who occupied the CPU. A program of its own: verified once.
__noinline int wait_book(u32 cpu, u32 slot_index, u64 wait, u64 throttled, u32 how)
{
	struct cpu_account *account = find_cpu(cpu);
	struct task_slot *slot = slot_at(slot_index);
	u64 share;

	if (!account || !slot)
		return 0;
	if (how & BOOK_MARKED) {
		share = account->share - slot->wait_share;
	} else {
		// Its beginning was not seen: the share that the CPU's waiters had since then, and nobody is named.
		account->unmarked_waits++;
		account->unmarked_ns += wait;
		share = account->share - share_at(cpu, account->last - wait);
		if (share > wait)
			share = wait;
	}
	slot->wait_ns += wait;
	slot->waits++;
	if (wait > slot->wait_max_ns)
		slot->wait_max_ns = wait;
	slot->wait_pressure_ns += share;
	slot->throttled_ns += throttled;
	if (how & BOOK_OPEN)
		slot->open_wait_ns += wait;
	account->victims_ns += share;
	account->victims_task_ns += wait;

	u32 scale = throttled ? (u32)(((wait - throttled) << 10) / wait) : 1024;
	if (how & BOOK_MARKED) {
		for (u32 i = 0; i < SPECIALS; i++) {
			u64 ns = account->special_ns[i] - slot->mark.special[i];

			if ((s64)ns > 0)
				slot->wait_special[i] += throttled ? ns * scale >> 10 : ns;
		}
	}
	if (wait < pair_threshold_ns)
		return 0;
	if (!(how & BOOK_MARKED))
		return pair_add(cpu, slot->tgid, OCCUPANT_SPECIAL | OCCUPANT_UNKNOWN, wait);
	if (!pair_budget_allows(account)) {
		account->pairs_skipped++;
		account->pairs_skipped_ns += wait;
		return pair_add(cpu, slot->tgid, OCCUPANT_SPECIAL | OCCUPANT_NOT_CUT, wait);
	}
	account->pairs_booked_ns += wait;
	u64 began = bpf_ktime_get_ns();
	occupancy_book(cpu, slot_index, scale, slot->tgid);
	account->pair_budget_ns -= bpf_ktime_get_ns() - began;
	if (throttled)
		pair_add(cpu, slot->tgid, OCCUPANT_SPECIAL | OCCUPANT_QUOTA, throttled);
	return 0;
}

// The kernel's own account (run_delay) says that the task waited for longer than was seen: a move or a gap was missed. Books the
// difference to the victim, on the CPU where it was last seen to wait; nobody is named for it.
__noinline int wait_missed(u32 cpu, u32 slot_index, u64 missed)
{
	struct task_slot *slot = slot_at(slot_index);
	u64 share = missed;

	if (!slot)
		return 0;
	u32 source = slot->wait_start > WAIT_UNKNOWN_START ? slot->wait_cpu : cpu;
	struct cpu_account *account = find_cpu(source);
	if (!account)
		return 0;
	if (slot->wait_start > WAIT_UNKNOWN_START)
		share = share_at(source, slot->wait_start + missed) - slot->wait_share;
	else
		share = account->share - share_at(source, account->last - missed);
	if (share > missed)
		share = missed;
	slot->wait_ns += missed;
	slot->waits++;
	if (missed > slot->wait_max_ns)
		slot->wait_max_ns = missed;
	slot->wait_pressure_ns += share;
	// another CPU's account may be in use at this moment
	__sync_fetch_and_add(&account->victims_ns, share);
	__sync_fetch_and_add(&account->victims_task_ns, missed);
	__sync_fetch_and_add(&account->unmarked_waits, 1);
	__sync_fetch_and_add(&account->unmarked_ns, missed);
	if (missed >= pair_threshold_ns)
		pair_add(cpu, slot->tgid, OCCUPANT_SPECIAL | OCCUPANT_UNKNOWN, missed);
	return 0;
}

// The frequent case, without a call: a short wait. Nobody is named for it, only what kind of occupant it was.
static __always_inline void wait_book_short(struct cpu_account *account, struct task_slot *slot, u64 wait)
{
	u64 share = account->share - slot->wait_share;

	slot->wait_ns += wait;
	slot->waits++;
	slot->wait_pressure_ns += share;
	account->victims_ns += share;
	account->victims_task_ns += wait;
	if (wait > slot->wait_max_ns)
		slot->wait_max_ns = wait;
#pragma unroll
	for (u32 i = 0; i < SPECIALS; i++) {
		u64 ns = account->special_ns[i] - slot->mark.special[i];

		if ((s64)ns > 0)
			slot->wait_special[i] += ns;
	}
}

// Books a wait that ends (or stands open at the end of the window). `since`: when it began by the kernel's account, 0: it did not wait.
// `marked`: the slot remembers the state at its beginning. `occupant`: who leaves the CPU to it.
static __always_inline void wait_end(struct cpu_account *account, struct task_slot *slot, u32 slot_index, struct task_struct *task,
	u64 since, u64 clock, bool marked, u32 occupant, bool open)
{
	u64 wait, throttled = 0;

	if (!since || (s64)(clock - since) <= 0) {
		// No time by the run queue's clock, which the kernel does not always advance between a wake-up and the switch to the task
		// (rq_clock_skip_update in wakeup_preempt), while PSI's clock goes on: the pressure is this task's all the same.
		if (marked && since && slot->wait_start && account->share > slot->wait_share) {
			slot->wait_pressure_ns += account->share - slot->wait_share;
			account->victims_ns += account->share - slot->wait_share;
		}
		slot->wait_start = 0;
		return;
	}
	if (since < account->first && !marked) {
		// Waited already when the account began, where every sum was zero.
		__builtin_memset(&slot->mark, 0, sizeof(slot->mark));
		slot->wait_share = 0;
		slot->wait_throttled = quota_watch ? throttled_total(task, clock) : 0;
		slot->flags = SLOT_MOVED | SLOT_QUOTA;
		marked = true;
	}
	if (since < account->first)
		since = account->first;
	wait = clock - since;
	if ((s64)wait < 0)
		wait = 0;
	if (marked && quota_watch && slot->flags & SLOT_QUOTA) {
		throttled = throttled_total(task, clock) - slot->wait_throttled;
		if ((s64)throttled < 0)
			throttled = 0;
		if (throttled > wait)
			throttled = wait;
	}
	if (marked && !open && wait < pair_threshold_ns && !throttled) {
		wait_book_short(account, slot, wait);
		slot->wait_start = 0;
		return;
	}
	wait_book(account->cpu, slot_index, wait, throttled, (marked ? BOOK_MARKED : 0) | (open ? BOOK_OPEN : 0));
	if (marked && wait - throttled >= idle_threshold_ns) {
		bpf_probe_read_kernel(account->walk_mask, cpus < CPUS_SCANNED ? (cpus + 63) / 64 * 8 : CPUS_SCANNED / 8, task->cpus_ptr);
		placement_book(account->cpu, slot_index, since, clock, wait - throttled);
	}
	if (wait >= event_threshold_ns && !open)
		wait_report(account, slot, task, clock, wait, throttled, occupant);
	slot->wait_start = 0;
}

// Waiting tasks that were moved here since the last event: their waits begin to be counted.
__noinline int pending_take(u32 cpu, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account)
		return 0;
	for (u32 i = 0; i < 4; i++) {
		u32 index = account->pending[i];
		struct task_slot *slot;

		if (!index)
			continue;
		account->pending[i] = 0;
		slot = slot_at(index - 1);
		if (!slot || !slot->pid || slot->wait_cpu != account->cpu || slot->wait_start)
			continue;
		slot->wait_start = WAIT_UNKNOWN_START;
		slot->wait_seen = now;
		slot->wait_share = account->share;
		mark_set(account, &slot->mark, now);
		slot->flags = 0;
		u32 number = slot->group;
		for (u32 level = 0; level < GROUP_DEPTH; level++) {
			if (!number)
				break;
			number = group_wait_begin(cpu, index - 1, number, level);
		}
	}
	return 0;
}

static __always_inline bool any_pending(const struct cpu_account *account)
{
	return account->pending[0] | account->pending[1] | account->pending[2] | account->pending[3];
}

#endif
