// The system's account of one CPU: how much pressure grew between two events (the meter), who waited, who occupied.
//
// Every function here runs with the CPU's run queue locked (scheduler tracepoints), or alone (begin and close).
#ifndef WHYSTALL_BPF_ACCOUNT_H
#define WHYSTALL_BPF_ACCOUNT_H

// Whether a counter's growth within `elapsed` ns, modulo 2^32, must be a small fall.
static __always_inline bool counter_fell(u32 grown, u64 elapsed)
{
	return grown >> 31 && (s64)elapsed < 1LL << 31;
}

// Tasks that wait for this CPU, of those that PSI counts as running there. `on_cpu`: one of them has it, as far as we know; PSI can be ahead of what was
// seen, so that it counts nobody at the moment.
static __always_inline u32 waiting_of(u32 running, bool on_cpu)
{
	return running > on_cpu ? running - on_cpu : 0;
}

static __always_inline void moment_read(struct cpu_account *account, struct rq *rq, u64 clock, struct moment *moment)
{
	moment->clock = clock;
	moment->now = clock;
	if (have_meter) {
		u64 psi = (u64)rq + distance_psi;
		u64 start = READ_AT(struct psi_group_cpu, psi, state_start);
		u32 mask = READ_AT(struct psi_group_cpu, psi, state_mask);

		moment->running = READ_AT(struct psi_group_cpu, psi, tasks[2]);
		moment->some = mask >> PSI_CPU_SOME & 1;
		// Later than the clock by as long as the CPU was away in between: no bound (the hypervisor, an NMI).
		if (start > clock)
			moment->now = start;
		if (moment->now < account->last)
			moment->now = account->last;
		moment->memory = READ_AT(struct psi_group_cpu, psi, times[PSI_MEM_SOME]);
		moment->mask = mask;
		moment->meter = READ_AT(struct psi_group_cpu, psi, times[PSI_CPU_SOME]);
		if (moment->some && moment->now > start)
			moment->meter += (u32)(moment->now - start);
		return;
	}
	// The event model stands in: pressure grew for as long as somebody waited (model_growth).
	if (moment->now < account->last)
		moment->now = account->last;
	moment->running = queued_tasks(rq);
	moment->iowait = rq->nr_iowait.counter > 0;
}

// The event model's meter: pressure between the last event and `now`. A quota's throttled tasks are not queued, so it does not
// see their waits; PSI does.
static __always_inline u64 model_growth(const struct cpu_account *account, u64 now)
{
	u64 since = account->last;

	if (!account->waiters) {
		if (!account->pending_since)
			return 0;
		if (account->pending_since > since)
			since = account->pending_since;
	}
	return now > since ? now - since : 0;
}

// The event model's weight of this CPU (PSI_NONIDLE, without tasks that sleep for memory).
static __always_inline u64 model_nonidle(const struct cpu_account *account, u64 now)
{
	return now > account->last && (account->current_pid || account->waiters || account->iowait) ? now - account->last : 0;
}

// Closes the event model's interval; how much pressure grew.
__noinline u64 model_close(u32 cpu, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u64 grown;

	if (!account)
		return 0;
	grown = model_growth(account, now);
	account->nonidle_ns += model_nonidle(account, now);
	account->iowait = account->moment.iowait;
	account->pending_since = 0;
	return grown;
}

// How much a sum has grown since it was looked at. It can fall back a little: see interrupts_so_far.
static __always_inline u64 growth_take(u64 *seen, u64 sum)
{
	u64 grown = sum - *seen;

	if ((s64)grown <= 0)
		return 0;
	*seen = sum;
	return grown;
}

// The time of interrupts on this CPU up to now, the one that is running included: soft ones last for many events of the scheduler, and
// what is booked at their end only would be taken for the current task's. They may run on another CPU than we do, so nothing is written.
// A hard interrupt within a soft one counts for itself alone.
static __always_inline void interrupts_so_far(const struct cpu_account *account, u64 *ret_hard, u64 *ret_soft)
{
	u64 hard_began = account->hardirq_began, soft_began = account->softirq_began;

	*ret_hard = account->hardirq_ns;
	*ret_soft = account->softirq_ns;
	if (!(hard_began | soft_began))
		return;
	u64 now = bpf_ktime_get_ns(), soft_until = hard_began ? hard_began : now;
	if (hard_began && now > hard_began)
		*ret_hard += now - hard_began;
	if (soft_began && soft_until > soft_began)
		*ret_soft += soft_until - soft_began;
}

// Time of interrupts and of the hypervisor since the last event; capped to the time that passed.
static __always_inline u64 specials_take(struct cpu_account *account, u64 elapsed, u64 taken[SPECIALS])
{
	u64 left = elapsed;

	taken[SPECIAL_IDLE] = 0;
	taken[SPECIAL_STEAL] = 0;
	if (have_steal) {
		u64 steal = READ_AT(struct kvm_steal_time, account->rq + distance_steal, steal);

		taken[SPECIAL_STEAL] = steal - account->steal_seen;
		account->steal_seen = steal;
	}
	u64 hard, soft;

	interrupts_so_far(account, &hard, &soft);
	taken[SPECIAL_HARDIRQ] = growth_take(&account->hardirq_seen, hard);
	taken[SPECIAL_SOFTIRQ] = growth_take(&account->softirq_seen, soft);
	if (!(taken[SPECIAL_STEAL] | taken[SPECIAL_HARDIRQ] | taken[SPECIAL_SOFTIRQ]))
		return 0;
#pragma unroll
	for (u32 i = SPECIAL_STEAL; i < SPECIALS; i++) {
		if (taken[i] > left)
			taken[i] = left;
		left -= taken[i];
		account->special_ns[i] += taken[i];
	}
	account->current_special += elapsed - left;
	account->current_hardirq += taken[SPECIAL_HARDIRQ];
	account->current_softirq += taken[SPECIAL_SOFTIRQ];
	return elapsed - left;
}

// Books `grown` ns of pressure to what occupied the CPU: a quota for the throttled share of the waiters, interrupts and
// the hypervisor for their time, the current task or idleness for the rest.
static __always_inline void credit_book(struct cpu_account *account, u64 grown, u64 elapsed, u32 waiters, u64 special,
	const u64 taken[SPECIALS])
{
	u32 throttled = account->throttled < waiters ? account->throttled : waiters;
	u32 others = waiters - throttled;
	u64 rest = grown;

	if (throttled) {
		u64 quota = waiters == throttled ? grown : grown * throttled / waiters;

		account->quota_ns += quota;
		account->quota_task_ns += grown * throttled;
		account->culprits_ns += quota;
		rest = grown - quota;
	}
	if (!rest)
		return;
	if (special && elapsed) {
		u64 portion = rest;

#pragma unroll
		for (u32 i = SPECIAL_STEAL; i < SPECIALS; i++) {
			u64 part = portion * taken[i] / elapsed;

			if (part > rest)
				part = rest;
			account->credit_ns[i] += part;
			account->credit_task_ns[i] += part * others;
			account->culprits_ns += part;
			rest -= part;
		}
	}
	if (!account->current_pid) {
		account->credit_ns[SPECIAL_IDLE] += rest;
		account->credit_task_ns[SPECIAL_IDLE] += rest * others;
		account->culprits_ns += rest;
		return;
	}
	struct task_slot *slot = account->current_slot ? slot_at(account->current_slot - 1) : 0;
	if (slot && slot->pid == account->current_pid) {
		slot->credit_pressure_ns += rest;
		slot->credit_task_ns += rest * others;
		account->culprits_ns += rest;
	} else {
		account->unknown_ns += rest;
		account->unknown_task_ns += rest * others;
	}
}

static __always_inline void share_mark(struct share_mark *mark, u32 shift, u64 now, u64 share)
{
	if (mark->time >> shift == now >> shift)
		return;
	mark->time = now;
	mark->share = share;
}

// Closes the interval since the last event at time `now`, when the counter stood at `meter`. `waiters_before`: waiters just before the event, as
// far as the event tells; used where an arrival was not seen.
static __always_inline void interval_close_hot(struct cpu_account *account, u64 now, u32 meter, u32 waiters_before)
{
	u64 *taken = account->taken;    // not on the stack, which is small
	u64 special;
	u64 elapsed = now - account->last;
	u64 grown = have_meter ? (u32)(meter - account->meter) : model_close(account->cpu, now);
	u32 waiters = account->waiters;

	// The counter as we read it can stand a little earlier than at the last event, where the clocks of two CPUs differ for a moment (a guest
	// that its host had stopped): nothing grew, and what comes next is counted from where it was.
	if (counter_fell((u32)grown, elapsed)) {
		grown = 0;
		meter = account->meter;
	}
	// The counter has 32 bits: an interval in which somebody waited for longer than 4.29 s lost whole turns.
	if (account->some && elapsed > 0xf0000000ULL && elapsed > grown)
		grown += (elapsed - grown + 0x80000000ULL) & ~0xffffffffULL;
	special = specials_take(account, elapsed, taken);
	account->stint_special = special != 0;
	if (grown) {
		// One arrival more than was seen is a task that was moved here, a moment ago as a rule. Several are a burst of wake-ups that
		// was missed: count them from the beginning of the interval, so that nobody gets too large a share.
		if (waiters_before > waiters + 1) {
			waiters = waiters_before;
			account->waiter_mismatches++;
		}
		if (!waiters)
			waiters = 1;
		account->meter_ns += grown;
		account->share += waiters == 1 ? grown : grown / waiters;
		credit_book(account, grown, elapsed, waiters, special, taken);
	}
	account->last = now;
	account->meter = meter;
	share_mark(&account->shares_fine[now >> SHARE_FINE & (SHARE_MARKS - 1)], SHARE_FINE, now, account->share);
	share_mark(&account->shares_coarse[now >> SHARE_COARSE & (SHARE_MARKS - 1)], SHARE_COARSE, now, account->share);
}

static __always_inline struct share_mark *share_mark_at(struct cpu_account *account, u64 number, bool fine)
{
	return fine ? &account->shares_fine[number & (SHARE_MARKS - 1)] : &account->shares_coarse[number & (SHARE_MARKS - 1)];
}

// How a mark stands to a time: 0 there is none with that number, 1 it is before, 2 it is not. A program of its own: verified once, not at each
// step of the loop that calls it.
__noinline u32 share_mark_look(u32 cpu, u64 number, u64 time, u32 fine)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account)
		return 0;
	struct share_mark *mark = share_mark_at(account, number, fine);
	if (mark->time >> (fine ? SHARE_FINE : SHARE_COARSE) != number)
		return 0;
	return mark->time < time ? 1 : 2;
}

// What `share` was between two marks (`before` 0: since the account began), by proportion. A program of its own, so that the loop which finds
// them does not end in one state for each of its steps.
__noinline u64 share_between(u32 cpu, u64 before, u64 after, u64 time, u32 fine)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account)
		return 0;
	struct share_mark *mark = share_mark_at(account, after, fine), *earlier = share_mark_at(account, before, fine);
	u64 before_time = before ? earlier->time : account->first, before_share = before ? earlier->share : 0;
	if (before_share > mark->share || mark->time <= before_time)
		return mark->share;
	return before_share + (mark->share - before_share) * ((time - before_time) >> 10) / (((mark->time - before_time) >> 10) + 1);
}

// What `share` was at an earlier time, between two marks of its history by proportion; for waits whose beginning was not seen.
// Beyond the history, of 8 s: its oldest mark.
__noinline u64 share_at(u32 cpu, u64 time)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account || time >= account->last)
		return account ? account->share : 0;
	bool fine = account->last - time < (SHARE_MARKS - 2ULL) << SHARE_FINE;
	u32 shift = fine ? SHARE_FINE : SHARE_COARSE;
	u64 last = account->last >> shift, grain = time >> shift, before = 0, after = 0;
	if (last - grain >= SHARE_MARKS)
		grain = last - (SHARE_MARKS - 1);
	// One grain earlier, too, for the mark before. Two loops: one that looks for both would be verified in all combinations.
	for (u32 i = 0; i < SHARE_MARKS + 1; i++) {
		if (grain + i > last + 1)
			break;
		if (share_mark_look(cpu, grain + i - 1, time, fine) == 2) {
			after = grain + i - 1;
			break;
		}
	}
	if (!after)
		return account->share;
	for (u32 i = 1; i < SHARE_MARKS + 1; i++) {
		if (after - i + 1 < grain)
			break;
		if (share_mark_look(cpu, after - i, time, fine) == 1) {
			before = after - i;
			break;
		}
	}
	return share_between(cpu, before, after, time, fine);
}

// The same for the seldom paths: a program of its own, verified once.
__noinline int interval_close(u32 cpu, u64 now, u32 meter, u32 waiters_before)
{
	struct cpu_account *account = find_cpu(cpu);

	if (account)
		interval_close_hot(account, now, meter, waiters_before);
	return 0;
}

// Idle history: the first change in each grain of time, with what was before it.
static __always_inline void idle_mark(struct idle_mark *mark, u64 grain, u64 now, u64 idle_ns, u64 was_idle)
{
	if (mark->grain == grain)
		return;
	mark->grain = grain;
	mark->time = now;
	mark->idle_ns = idle_ns;
	mark->was_idle = was_idle;
}

static __always_inline void idle_change(struct cpu_account *account, u64 now, bool idle)
{
	u64 fine = now >> FINE_SHIFT, coarse = now >> COARSE_SHIFT;

	if (!idle && account->idle_since) {
		account->idle_total += now - account->idle_since;
		account->idle_since = 0;
		idle_mark(&account->fine[fine & (IDLE_MARKS - 1)], fine, now, account->idle_total, 1);
		idle_mark(&account->coarse[coarse & (IDLE_MARKS - 1)], coarse, now, account->idle_total, 1);
	} else if (idle && !account->idle_since) {
		idle_mark(&account->fine[fine & (IDLE_MARKS - 1)], fine, now, account->idle_total, 0);
		idle_mark(&account->coarse[coarse & (IDLE_MARKS - 1)], coarse, now, account->idle_total, 0);
		account->idle_since = now;
	}
}

static __always_inline struct idle_mark *idle_mark_at(struct cpu_account *account, u64 grain, u32 shift)
{
	return shift == FINE_SHIFT ? &account->fine[grain & (IDLE_MARKS - 1)] : &account->coarse[grain & (IDLE_MARKS - 1)];
}

// Whether a grain has a change of idleness at or after `since`. A program of its own: verified once, not at each step of the loop that calls it.
__noinline u32 idle_mark_look(u32 cpu, u64 grain, u64 since, u32 shift)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account)
		return 0;
	struct idle_mark *mark = idle_mark_at(account, grain, shift);
	return mark->grain == grain && mark->time >= since;
}

// How long a CPU was idle since `since`, of the `current` time it was idle in all, by the first change since then.
__noinline u64 idle_from_mark(u32 cpu, u64 found, u64 since, u32 shift, u64 current)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account)
		return 0;
	struct idle_mark *mark = idle_mark_at(account, found, shift);
	u64 then = mark->idle_ns;
	if (mark->was_idle && mark->time > since)
		then -= mark->time - since < then ? mark->time - since : then;
	return current > then ? current - then : 0;
}

// How long a CPU was idle since `since`: from its history, in grains of 1 ms (waits up to 60 ms) or 17 ms (up to 1 s; of longer ones the last second).
// Other CPUs' accounts are read without their lock: a torn read can only misjudge one wait.
__noinline u64 idle_time_since(u32 cpu, u64 since, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 shift = now - since < ((IDLE_MARKS - 4ULL) << FINE_SHIFT) ? FINE_SHIFT : COARSE_SHIFT;

	if (!account || !account->on)
		return 0;
	u64 idle_since = account->idle_since, current = account->idle_total + (idle_since && now > idle_since ? now - idle_since : 0);
	u64 grain = since >> shift, last = now >> shift, found = 0;
	if (last - grain >= IDLE_MARKS)
		grain = last - (IDLE_MARKS - 1);
	for (u32 i = 0; i < IDLE_MARKS; i++) {
		if (grain + i > last)
			break;
		if (idle_mark_look(cpu, grain + i, since, shift)) {
			found = grain + i;
			break;
		}
	}
	if (!found)     // No change since then: idle all the time or not at all.
		return idle_since && idle_since <= since ? now - since : 0;
	return idle_from_mark(cpu, found, since, shift, current);
}

#endif
