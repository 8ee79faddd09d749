// Memory and I/O pressure: who waited while PSI's counters of a CPU grew (kernel/sched/psi.c, 5.15 … 7.2).
//
// I/O: a task counts on the CPU where it fell asleep with in_iowait set, until it is woken. Memory: a task counts between
// psi_memstall_enter and _leave, which only it can call, while it runs; so between two events of a CPU the counter grows for those who were in
// such a section when they left the CPU ("parked" here: asleep, or waiting for a CPU), and else for the one that ran.
// Growth is shared equally by those who wait, as CPU pressure is.
#ifndef WHYSTALL_BPF_PRESSURE_H
#define WHYSTALL_BPF_PRESSURE_H

#define PSI_IOWAIT 1            // TSK_IOWAIT, TSK_MEMSTALL in psi_flags: all versions
#define PSI_MEMSTALL 2

// Whether the task on a CPU is in a memstall section at this moment.
static __always_inline bool running_in_memory(u64 rq)
{
	return READ_AT(struct task_struct, READ_AT(struct rq, rq, curr), psi_flags) & PSI_MEMSTALL;
}

// How many wait; memory: without the one on the CPU, if it is one of them (`running`).
static __always_inline u32 line_count(u64 psi, u32 kind, bool running)
{
	u32 tasks = kind == LINE_IO ? READ_AT(struct psi_group_cpu, psi, tasks[0]) : READ_AT(struct psi_group_cpu, psi, tasks[1]);

	return tasks - (tasks && kind == LINE_MEMORY && running ? 1 : 0);
}

// Replaces a reading of a counter by a newer one; how much it grew. A reading that is older than the one before (somebody else's, with its live
// part) changes nothing.
static __always_inline u64 counter_take(u32 *seen, u32 now)
{
	u32 before = __sync_lock_test_and_set(seen, now), grown = now - before;

	if (grown >> 31) {
		__sync_val_compare_and_swap(seen, now, before);
		return 0;
	}
	return grown;
}

// Brings a line up to now from PSI's counters at address `psi`. `now`: 0: the counters as the kernel's last change of state left them, which is
// right at any event that is such a change; else with their live part. `extra`: 1: the task on the CPU waits as well (memory). Returns one waiter's part
// of some, *ret_full that of full. May run on another CPU than the line's.
static __always_inline u64 line_advance(struct line *line, u64 psi, u32 kind, u64 now, u32 extra, u64 *ret_full)
{
	u64 start = READ_AT(struct psi_group_cpu, psi, state_start);
	u32 mask = READ_AT(struct psi_group_cpu, psi, state_mask);
	u32 some, full, some_state = kind == LINE_IO ? PSI_IO_SOME : PSI_MEM_SOME, sharing = line->tasks + extra;

	if (kind == LINE_IO) {
		some = READ_AT(struct psi_group_cpu, psi, times[PSI_IO_SOME]);
		full = READ_AT(struct psi_group_cpu, psi, times[PSI_IO_FULL]);
	} else {
		some = READ_AT(struct psi_group_cpu, psi, times[PSI_MEM_SOME]);
		full = READ_AT(struct psi_group_cpu, psi, times[PSI_MEM_FULL]);
	}
	if (now > start && mask >> some_state & 1)
		some += (u32)(now - start);
	if (now > start && mask >> (some_state + 1) & 1)
		full += (u32)(now - start);
	u64 grown = counter_take(&line->some, some), grown_full = counter_take(&line->full, full);
	*ret_full = 0;
	if (!(grown | grown_full))
		return 0;
	__sync_fetch_and_add(&line->grown_ns[0], grown);
	__sync_fetch_and_add(&line->grown_ns[1], grown_full);
	if (sharing > 1) {
		grown /= sharing;
		grown_full /= sharing;
	}
	if (sharing != extra) {
		__sync_fetch_and_add(&line->share[0], grown);
		__sync_fetch_and_add(&line->share[1], grown_full);
	}
	*ret_full = grown_full;
	return grown;
}

// The line begins where the counters stand.
static __always_inline void line_begin(struct line *line, u64 psi, u32 kind, u64 now)
{
	u64 full;

	if (kind == LINE_IO) {
		line->some = READ_AT(struct psi_group_cpu, psi, times[PSI_IO_SOME]);
		line->full = READ_AT(struct psi_group_cpu, psi, times[PSI_IO_FULL]);
	} else {
		line->some = READ_AT(struct psi_group_cpu, psi, times[PSI_MEM_SOME]);
		line->full = READ_AT(struct psi_group_cpu, psi, times[PSI_MEM_FULL]);
	}
	line_advance(line, psi, kind, now, 0, &full);   // the live part belongs to the time before
	line->share[0] = line->share[1] = line->grown_ns[0] = line->grown_ns[1] = 0;
	line->tasks = line_count(psi, kind, false);
}

// The system's line without anybody on the CPU; a program of its own.
__noinline int line_update(u32 cpu, u32 kind, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u64 full;

	if (!account || !account->on || !have_meter)
		return 0;
	line_advance(&account->lines[kind & 1], account->rq + distance_psi, kind & 1, now, 0, &full);
	account->lines[kind & 1].tasks = line_count(account->rq + distance_psi, kind & 1, kind == LINE_MEMORY && running_in_memory(account->rq));
	return 0;
}

static __always_inline bool group_runs_in_memory(u32 cpu)
{
	struct cpu_account *account = find_cpu(cpu);

	return account && running_in_memory(account->rq);
}

// The lines of cgroups, one level at a time: the same for each of a task's cgroups, against its own PSI counters. Bits of `how`:
#define GROUP_LINE_MEMORY 1u    // else I/O
#define GROUP_LINE_ENTER 2u     // the task begins to wait here
#define GROUP_LINE_LEAVE 4u     // … does so no longer
#define GROUP_LINE_RUNS 8u      // it leaves the CPU, having waited while it ran (memory)
#define GROUP_LINE_COMES 16u    // it comes to the CPU within a memstall section (bit 4, see line.running)
#define GROUP_LINE_ALONE 32u    // it leaves the CPU; whatever grew while nobody else waited is its own
__noinline u32 group_line(u32 cpu, u32 slot_index, u64 now, u32 number, u32 how)
{
	u32 index, kind = how & GROUP_LINE_MEMORY ? LINE_MEMORY : LINE_IO, level = how >> 8 & (GROUP_DEPTH - 1);
	struct group_account *own = group_account_at(number, cpu, &index);
	struct sleep_slot *sleep = sleep_at(slot_index);
	u64 some, full = 0;

	if (!own || !sleep)
		return 0;
	if (!own->psi)
		group_begin(cpu, number);
	if (!own->psi)
		return 0;
	struct line *line = &own->lines[kind & 1];
	if (!(own->lines_on >> kind & 1)) {
		line_begin(line, own->psi, kind, now);
		own->lines_on |= 1u << kind;
	}
	u32 waited = how & GROUP_LINE_RUNS || (how & GROUP_LINE_ALONE && !line->tasks);
	some = line_advance(line, own->psi, kind, now, waited != 0, &full);
	if (waited) {
		__sync_fetch_and_add(&line->victims_ns[0], some);
		__sync_fetch_and_add(&line->victims_ns[1], full);
	}
#pragma unroll
	for (u32 i = 0; i < 2; i++) {
		u32 share = (u32)(line->share[i] >> 10), before = sleep->group_share[kind & 1][level][i];

		if (how & GROUP_LINE_LEAVE)
			__sync_fetch_and_add(&line->victims_ns[i], (u64)(share - before) << 10);
		if (how & GROUP_LINE_ENTER)
			sleep->group_share[kind & 1][level][i] = share;
	}
	if (how & (GROUP_LINE_RUNS | GROUP_LINE_ALONE | GROUP_LINE_COMES))
		line->running = how >> 4 & 1;
	line->tasks = line_count(own->psi, kind, line->running && group_runs_in_memory(cpu));
	return own->parent;
}

__noinline int group_lines(u32 cpu, u32 slot_index, u64 now, u32 how)
{
	struct task_slot *slot = slot_at(slot_index);
	u32 number = slot ? slot->group : 0;

	if (!have_groups)
		return 0;
	for (u32 level = 0; level < GROUP_DEPTH; level++) {
		if (!number)
			break;
		number = group_line(cpu, slot_index, now, number, how | level << 8);
	}
	return 0;
}

// Counters have 32 bits: a line on which nothing happens for 4.3 s would go round.
__noinline int group_line_tick(u32 cpu, u32 number, u64 now)
{
	u32 index;
	struct group_account *own = group_account_at(number, cpu, &index);
	u64 full;

	if (!own || !own->psi)
		return 0;
#pragma unroll
	for (u32 kind = 0; kind < LINES; kind++)
		if (own->lines_on >> kind & 1 && own->lines[kind].tasks)
			line_advance(&own->lines[kind], own->psi, kind, now, 0, &full);
	return 0;
}

static __always_inline void line_enter(struct cpu_account *account, struct sleep_slot *sleep, u32 kind)
{
	sleep->line_cpu[kind & 1] = account->cpu + 1;
	sleep->line_share[kind & 1][0] = account->lines[kind & 1].share[0];
	sleep->line_share[kind & 1][1] = account->lines[kind & 1].share[1];
}

// The task waits there no longer: its share of what the line grew meanwhile.
static __always_inline void line_leave(struct cpu_account *account, struct sleep_slot *sleep, u32 kind)
{
	struct line *line = &account->lines[kind & 1];
	u64 *due = kind == LINE_IO ? sleep->due.io : sleep->due.memory;
	// A task that waits for a CPU inside such a section does not sleep: no row of its sleeps has this time.
	bool slept = kind == LINE_IO || sleep->key.reason == BLOCKED_MEMORY;

	sleep->line_cpu[kind & 1] = 0;
#pragma unroll
	for (u32 i = 0; i < 2; i++) {
		u64 share = line->share[i] - sleep->line_share[kind & 1][i];

		if ((s64)share <= 0)
			continue;
		sleep->pressure_ns[kind & 1][i] += share;
		if (slept)
			due[i] += share;
		__sync_fetch_and_add(&line->victims_ns[i], share);
	}
}

// A task fell asleep for I/O on this CPU: PSI's counters are those of this very moment.
__noinline int io_begin(u32 cpu, u32 index)
{
	struct cpu_account *account = find_cpu(cpu);
	struct sleep_slot *sleep = sleep_at(index);

	if (!account || !sleep)
		return 0;
	line_update(cpu, LINE_IO, 0);
	line_enter(account, sleep, LINE_IO);
	group_lines(cpu, index, 0, GROUP_LINE_ENTER);
	return 0;
}

// It is awake. The line is that of the CPU where it fell asleep.
__noinline int io_end(u32 index)
{
	struct sleep_slot *sleep = sleep_at(index);
	struct cpu_account *account = sleep && sleep->line_cpu[LINE_IO] ? find_cpu(sleep->line_cpu[LINE_IO] - 1) : 0;

	if (!account || !sleep)
		return 0;
	line_update(account->cpu, LINE_IO, 0);
	line_leave(account, sleep, LINE_IO);
	group_lines(account->cpu, index, 0, GROUP_LINE_LEAVE);
	return 0;
}

// A task in a memstall section is not where it was parked any more: another CPU (0: it has none, or ended).
__noinline int memory_move(u32 index, u32 to)
{
	struct sleep_slot *sleep = sleep_at(index);
	struct cpu_account *from = sleep && sleep->line_cpu[LINE_MEMORY] ? find_cpu(sleep->line_cpu[LINE_MEMORY] - 1) : 0;
	struct cpu_account *account = to ? find_cpu(to - 1) : 0;

	if (!sleep)
		return 0;
	if (from) {
		line_update(from->cpu, LINE_MEMORY, 0);
		line_leave(from, sleep, LINE_MEMORY);
		group_lines(from->cpu, index, 0, GROUP_LINE_MEMORY | GROUP_LINE_LEAVE);
	}
	if (account) {
		line_update(account->cpu, LINE_MEMORY, 0);
		line_enter(account, sleep, LINE_MEMORY);
		group_lines(account->cpu, index, 0, GROUP_LINE_MEMORY | GROUP_LINE_ENTER);
	}
	return 0;
}

// It was woken on this CPU, inside such a section; or is moved to another one, perhaps inside one.
__noinline int memory_wake(u32 index, u32 cpu)
{
	struct sleep_slot *sleep = sleep_at(index);

	if (sleep && sleep->line_cpu[LINE_MEMORY] != cpu + 1)
		memory_move(index, cpu + 1);
	return 0;
}

__noinline int memory_migrate(u32 index, u32 destination)
{
	struct sleep_slot *sleep = sleep_at(index);

	if (sleep && sleep->line_cpu[LINE_MEMORY])
		memory_move(index, destination + 1);
	return 0;
}

// A switch on a CPU whose memory counter grew, or where somebody is parked. `flags`: 1: who leaves is in a memstall section; 2: so is
// who comes, and memory_move is to be called for it then. Slot numbers + 1, 0: none.
__noinline int memory_switch(u32 cpu, u32 prev, u32 next, u32 flags, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	struct sleep_slot *leaving = prev ? sleep_at(prev - 1) : 0, *coming = next ? sleep_at(next - 1) : 0;
	u64 some, full = 0;

	if (!account)
		return 0;
	struct line *line = &account->lines[LINE_MEMORY];
	u32 waited = leaving && (flags & 1 || leaving->in_memory || !line->tasks);
	some = line_advance(line, account->rq + distance_psi, LINE_MEMORY, now, waited, &full);
	if (waited && (some | full)) {
		leaving->pressure_ns[LINE_MEMORY][0] += some;
		leaving->pressure_ns[LINE_MEMORY][1] += full;
		leaving->running_ns += some;
		__sync_fetch_and_add(&line->victims_ns[0], some);
		__sync_fetch_and_add(&line->victims_ns[1], full);
	}
	if (leaving && prev != next) {
		u32 how = flags & 1 || leaving->in_memory ? GROUP_LINE_RUNS : GROUP_LINE_ALONE;

		leaving->in_memory = 0;
		if (flags & 1)
			line_enter(account, leaving, LINE_MEMORY);
		group_lines(cpu, prev - 1, now, GROUP_LINE_MEMORY | how | (flags & 1 ? GROUP_LINE_ENTER : 0));
	}
	if (coming) {
		coming->in_memory = flags >> 1 & 1;
		if (prev != next)
			group_lines(cpu, next - 1, now, GROUP_LINE_MEMORY | (flags & 2 ? GROUP_LINE_COMES : 0));
	}
	line->tasks = line_count(account->rq + distance_psi, LINE_MEMORY, flags >> 1 & 1);
	return 0;
}

// The window begins: the counters stand where they stand.
static __always_inline void lines_begin(struct cpu_account *account, struct task_struct *current)
{
	if (!have_meter)
		return;
	line_begin(&account->lines[LINE_IO], account->rq + distance_psi, LINE_IO, account->moment.now);
	line_begin(&account->lines[LINE_MEMORY], account->rq + distance_psi, LINE_MEMORY, account->moment.now);
	if (account->lines[LINE_MEMORY].tasks && current->psi_flags & PSI_MEMSTALL)
		account->lines[LINE_MEMORY].tasks--;
}

// Brings both lines of this CPU up to now, for the one that runs here, too: counters have 32 bits and go round within 4.3 s.
__noinline int lines_tick(u32 cpu, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);

	if (!account || !account->on || !have_meter)
		return 0;
	struct task_struct *current = bpf_get_current_task_btf();
	u32 memory = current->psi_flags & PSI_MEMSTALL ? 3 : 0, index;
	struct task_slot *slot = current->pid ? find_slot(current->pid, &index) : 0;

	memory_switch(cpu, slot ? index + 1 : 0, slot ? index + 1 : 0, memory, now);
	line_update(cpu, LINE_IO, now);
	return 0;
}

#endif
