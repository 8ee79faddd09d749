// The account of kernel locks: who waited, who held the lock meanwhile, whose address space it guards.
//
// Both sides are booked independently. Victims: each wait, from contention_begin to contention_end. Owners: between any two events of a
// lock, waiters × time goes to whoever held it then; so both sides add up to the same sum. Who holds it is told by the lock itself (its
// owner field) when somebody begins to wait, and by the one that ends its wait because it has got the lock.
//
// The tracepoints came with 5.19 (commit 16edd9b511a1). They lie in the slow paths only: a lock that is free costs nothing here. A lock that
// is taken by optimistic spinning (rwsem, before contention_begin) is no wait.
#ifndef WHYSTALL_BPF_LOCK_H
#define WHYSTALL_BPF_LOCK_H

#include "bpf/operation.h"

const volatile unsigned int bpf_number = ~0u;   // of the system call; ~0: unknown on this architecture

#define OWNER_FLAGS 7UL         // low bits of the owner words of mutexes and rw_semaphores
#define OWNER_IS_READER 1UL     // of a rw_semaphore (RWSEM_READER_OWNED): the last reader that came, others may hold it too

static __always_inline struct lock_cpu *lock_cpu_at(u32 cpu)
{
	return bpf_map_lookup_elem(&lock_cpus, &cpu);
}

// Before 6.15 (commit c9102a68c070, rqspinlock) a map's freelist, its LRU lists and its stacks' store are guarded by raw spinlocks. If one of
// these is contended, contention_end fires while it is held; a program there that takes it again, or another one which somebody else holds that
// waits for this one, stops the CPU for good, with interrupts off. So whoever changes a map that the programs of locks change says so, for its
// CPU, and until it is done these programs touch per-CPU rows only. User space changes maps too, in bpf(2): see is_in_bpf.
// The count is right where a program is preempted or interrupted in between as well, because each one leaves as many times as it has entered.
static __always_inline void inside_enter(struct lock_cpu *cpu)
{
	cpu->inside++;
	barrier();
}

static __always_inline void inside_leave(struct lock_cpu *cpu)
{
	barrier();
	cpu->inside--;
}

// As find_or_add, for maps that the programs of locks change.
#define lock_row(cpu, map, key) ({ \
	typeof((map)->value) found_ = bpf_map_lookup_elem(map, key); \
	if (!found_) { \
		inside_enter(cpu); \
		found_ = find_or_add(map, key); \
		inside_leave(cpu); \
	} \
	found_; })

static __always_inline s32 lock_stack_id(void *ctx, struct lock_cpu *cpu, u64 flags)
{
	s32 stack;

	inside_enter(cpu);
	stack = bpf_get_stackid(ctx, &lock_stacks, flags);
	inside_leave(cpu);
	return stack;
}

static __always_inline s32 lock_stack_here(void *ctx, u64 flags)
{
	struct lock_cpu *cpu = lock_cpu_at(bpf_get_smp_processor_id());

	return cpu ? lock_stack_id(ctx, cpu, flags) : -1;
}

// What a task is doing, from its flags and from the registers that it entered the kernel with.
static __always_inline u32 task_operation(struct task_struct *task)
{
	u32 flags = BPF_CORE_READ(task, flags);
	u64 stack = (u64)BPF_CORE_READ(task, stack);
	s64 number = -1;

	if (flags & PF_KTHREAD)
		return OPERATION_KERNEL_THREAD;
	if (flags & PF_IO_WORKER)
		return OPERATION_IO_WORKER;
	if (flags & PF_EXITING)
		return OPERATION_EXIT;
	if (!regs_distance || !stack)
		return OPERATION_UNKNOWN;
	number = syscall_number(stack + regs_distance);
	if (number < 0)
		return OPERATION_PAGE_FAULT;
	if (number > 0xfeff)
		return OPERATION_UNKNOWN;
	if (bpf_core_field_exists(task->thread_info.status) && BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		return (u32)number | OPERATION_COMPAT;
	return (u32)number;
}

static __always_inline u32 lock_kind(u32 flags)
{
	if (flags & LCB_F_MUTEX)
		return LOCK_KIND_MUTEX;
	if (flags & LCB_F_RT)
		return LOCK_KIND_RTMUTEX;
	if (flags & LCB_F_PERCPU)
		return LOCK_KIND_PERCPU;
	if (flags & LCB_F_SPIN)
		return flags & (LCB_F_READ | LCB_F_WRITE) ? LOCK_KIND_RWLOCK : LOCK_KIND_SPINLOCK;
	return flags & (LCB_F_READ | LCB_F_WRITE) ? LOCK_KIND_RWSEM : LOCK_KIND_UNKNOWN;
}

// Whose address space an rw_semaphore guards, 0: it is no mmap_lock. A foreign one is known by its neighbours: the owner of the mm_struct
// that it would lie in has that very mm.
static __always_inline u32 mmap_lock_tgid(struct task_struct *task, u64 lock)
{
	u64 mm = lock - bpf_core_field_offset(struct mm_struct, mmap_lock);
	struct task_struct *owner;

	if ((u64)UNTRUSTED(task)->mm == mm)
		return task->tgid;
	if (!bpf_core_field_exists(struct mm_struct, owner))
		return 0;
	owner = BPF_CORE_READ((struct mm_struct *)mm, owner);
	if (!owner || (u64)BPF_CORE_READ(owner, mm) != mm)
		return 0;
	return BPF_CORE_READ(owner, tgid);
}

// The owner word of a lock, flags included; 0 where it is free or its kind keeps none.
static __always_inline u64 lock_owner_word(u64 lock, u32 kind)
{
	u64 word = 0;
	u32 offset;

	if (kind == LOCK_KIND_MUTEX)
		offset = bpf_core_field_offset(struct mutex, owner);
	else if (kind == LOCK_KIND_MMAP || kind == LOCK_KIND_RWSEM)
		offset = bpf_core_field_offset(struct rw_semaphore, owner);
	else if (kind == LOCK_KIND_RTMUTEX)
		offset = bpf_core_field_offset(struct rt_mutex_base, owner);
	else
		return 0;
	bpf_probe_read_kernel(&word, sizeof(word), (void *)(lock + offset));
	return word;
}

static __always_inline void hold_flush(struct lock_cpu *cpu, struct lock_state *state)
{
	struct lock_hold_key key = { state->class, state->holder_tgid, state->holder_operation, state->holder_mode };
	u64 task_ns = state->task_ns, wall_ns = state->wall_ns;
	struct lock_hold_sum *sum;

	if (!wall_ns)
		return;
	state->task_ns = state->wall_ns = 0;
	sum = lock_row(cpu, &lock_hold_sums, &key);
	if (!sum) {
		cpu->rows_lost++;
		return;
	}
	__sync_fetch_and_add(&sum->task_ns, task_ns);
	__sync_fetch_and_add(&sum->wall_ns, wall_ns);
}

static __always_inline void lock_stack_book(struct lock_cpu *cpu, const struct lock_class *class, u32 tgid, u32 role, s32 stack,
	s32 user_stack, u64 ns, u64 samples)
{
	struct lock_stack_key key = { *class, tgid, role, stack, user_stack };
	struct lock_stack_sum *sum = lock_row(cpu, &lock_stack_sums, &key);

	if (!sum) {
		cpu->rows_lost++;
		return;
	}
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->samples, samples);
}

// Books the time since the lock's last event to whoever held it.
static __always_inline void lock_advance(struct lock_cpu *cpu, struct lock_state *state, u64 now)
{
	u64 last = __sync_lock_test_and_set(&state->last, now);
	s32 waiters = state->waiters;

	if (!window_began || window_ended)
		return;
	if (last < window_began)
		last = window_began;
	if (waiters <= 0 || (s64)(now - last) <= 0)
		return;
	state->task_ns += (now - last) * waiters;
	state->wall_ns += now - last;
	if (state->holder_stack >= 0 || state->holder_user_stack >= 0)
		lock_stack_book(cpu, &state->class, state->holder_tgid, LOCK_OWNER, state->holder_stack, state->holder_user_stack,
			(now - last) * waiters, 0);
}

static __always_inline void holder_set(struct lock_cpu *cpu, struct lock_state *state, u64 task, u32 tgid, u32 operation, u32 mode)
{
	if (state->holder_tgid != tgid || state->holder_operation != operation || state->holder_mode != mode)
		hold_flush(cpu, state);
	state->holder_task = task;
	state->holder_tgid = tgid;
	state->holder_operation = operation;
	state->holder_mode = mode;
	state->holder_stack = state->holder_user_stack = -1;
}

// Asks the lock who holds it. The holder is told to show its stack: see lock_owner_seen.
static __always_inline void holder_look(struct lock_cpu *cpu, struct lock_state *state, u64 lock)
{
	u64 word = lock_owner_word(lock, state->class.kind), owner = word & ~OWNER_FLAGS;
	bool rwsem = state->class.kind == LOCK_KIND_MMAP || state->class.kind == LOCK_KIND_RWSEM;
	u32 mode = rwsem && word & OWNER_IS_READER ? LCB_F_READ : LCB_F_WRITE, index;
	struct task_struct *task = (struct task_struct *)owner;
	struct task_slot *slot;

	if (state->class.kind == LOCK_KIND_PERCPU || state->class.kind == LOCK_KIND_UNKNOWN) {
		holder_set(cpu, state, 0, 0, OPERATION_UNKNOWN, LCB_F_WRITE);
		return;
	}
	if (!owner) {
		if (state->holder_mode != LOCK_HANDED)
			holder_set(cpu, state, 0, 0, OPERATION_FREE, LCB_F_WRITE);
		return;
	}
	if (owner == state->holder_task && mode == state->holder_mode)
		return;
	u32 pid = BPF_CORE_READ(task, pid), tgid = BPF_CORE_READ(task, tgid);
	slot = find_slot(pid, &index);
	if (!slot || slot->tgid != tgid) {
		// the last reader of a lock may have ended since then: whoever has that memory now is not accused
		holder_set(cpu, state, owner, 0, OPERATION_UNKNOWN, mode);
		return;
	}
	holder_set(cpu, state, owner, tgid, task_operation(task), mode);
	slot->held_lock = lock;
}

// A task that holds a lock which others wait for leaves its CPU, or is met on it by the sampling timer: its stack says what it is about.
// No part of its caller: the stack of on_switch is full.
static __noinline void lock_owner_seen(void *ctx, struct task_slot *slot, struct task_struct *task, u32 number)
{
	u64 lock = slot->held_lock;
	struct lock_state *state = bpf_map_lookup_elem(&lock_states, &lock);
	struct lock_cpu *cpu = lock_cpu_at(number);

	if (!state || !cpu || state->holder_task != (u64)task || state->waiters <= 0) {
		slot->held_lock = 0;
		return;
	}
	if (state->holder_stack >= 0)
		return;
	s32 stack = lock_stack_id(ctx, cpu, 0);
	if (stack < 0) {
		cpu->stacks_lost++;
		return;
	}
	state->holder_user_stack = lock_stack_id(ctx, cpu, BPF_F_USER_STACK);
	state->holder_stack = stack;
	lock_stack_book(cpu, &state->class, slot->tgid, LOCK_OWNER, stack, state->holder_user_stack, 0, 1);
}

SEC("perf_event")
int on_tick(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_slot *slot;
	u32 index;

	if (!window_began || !task->pid)
		return 0;
	slot = find_slot(task->pid, &index);
	if (slot && slot->held_lock)
		lock_owner_seen(ctx, slot, task, bpf_get_smp_processor_id());
	return 0;
}

// A task that waits for a lock is woken: its owner has let it go. A reader has the lock already then; a writer takes it when it gets a CPU, and
// until then the others wait for that.
static __noinline void lock_woken(struct task_slot *slot, u32 index, struct task_struct *task, u32 number)
{
	struct lock_wait *wait = bpf_map_lookup_elem(&lock_waits, &index);
	struct lock_cpu *cpu = lock_cpu_at(number);
	struct lock_state *state;
	u64 lock = wait ? wait->lock : 0;

	state = lock && cpu ? bpf_map_lookup_elem(&lock_states, &lock) : 0;
	if (!state || !wait)
		return;
	lock_advance(cpu, state, bpf_ktime_get_ns());
	holder_look(cpu, state, lock);
	if (!state->holder_task && state->holder_operation == OPERATION_FREE)
		holder_set(cpu, state, (u64)task, slot->tgid, task_operation(task), LOCK_HANDED);
}

static __always_inline struct lock_state *lock_state_get(void *ctx, struct lock_cpu *cpu, struct task_struct *task, u64 lock, u32 flags, u64 now)
{
	struct lock_state *state = bpf_map_lookup_elem(&lock_states, &lock);

	if (!state) {
		struct lock_state first = { .last = now, .holder_stack = -1, .holder_user_stack = -1, .holder_operation = OPERATION_UNKNOWN };

		first.class.kind = lock_kind(flags);
		if (first.class.kind == LOCK_KIND_RWSEM || first.class.kind == LOCK_KIND_UNKNOWN)
			first.class.tgid = mmap_lock_tgid(task, lock);
		if (first.class.tgid)
			first.class.kind = LOCK_KIND_MMAP;
		else
			first.class.stack = lock_stack_id(ctx, cpu, 0);
		inside_enter(cpu);
		if (!bpf_map_update_elem(&lock_states, &lock, &first, BPF_NOEXIST))
			cpu->states_made++;
		inside_leave(cpu);
		state = bpf_map_lookup_elem(&lock_states, &lock);
	}
	return state;
}

static __always_inline void spin_begin(struct lock_cpu *cpu, u64 lock, u32 flags, u64 now)
{
	u32 depth = cpu->spin_depth;

	if (depth >= SPIN_DEPTH) {
		cpu->spin_nested++;
		return;
	}
	cpu->spins[depth].lock = lock;
	cpu->spins[depth].began = now;
	cpu->spins[depth].flags = flags;
	cpu->spin_depth = depth + 1;
}

static __always_inline void wait_sum_book(struct lock_cpu *cpu, const struct lock_class *class, u32 tgid, u32 mode,
	const struct lock_wait_sum *add)
{
	struct lock_wait_key key = { *class, tgid, mode };
	struct lock_wait_sum *sum = lock_row(cpu, &lock_wait_sums, &key);

	if (!sum) {
		cpu->rows_lost++;
		return;
	}
	__sync_fetch_and_add(&sum->waits, add->waits);
	__sync_fetch_and_add(&sum->ns, add->ns);
	__sync_fetch_and_add(&sum->sleep_ns, add->sleep_ns);
	__sync_fetch_and_add(&sum->spin_ns, add->spin_ns);
	__sync_fetch_and_add(&sum->runqueue_ns, add->runqueue_ns);
	if (add->max_ns > sum->max_ns)
		sum->max_ns = add->max_ns;
}

// Whether a task may be changing one of our maps from user space.
static __always_inline bool is_in_bpf(struct task_struct *task)
{
	u64 stack = (u64)task->stack;

	return regs_distance && stack && !(task->flags & PF_KTHREAD) && syscall_number(stack + regs_distance) == bpf_number;
}

// Spinning is booked by samples: each stands for the spinning of this CPU since the last one, because most of it comes in pieces
// that are too short to be worth a look-up each.
static __always_inline void spin_sample(void *ctx, struct lock_cpu *cpu, u32 flags, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lock_wait_sum add = { cpu->spin_due_waits, cpu->spin_due_ns, cpu->spin_due_max_ns, 0, cpu->spin_due_ns, 0 };
	struct lock_class class = { lock_kind(flags), 0, lock_stack_id(ctx, cpu, 0) };

	if (class.stack < 0)
		cpu->stacks_lost++;
	wait_sum_book(cpu, &class, task->tgid, flags & LCB_F_READ ? LCB_F_READ : LCB_F_WRITE, &add);
	cpu->spin_due_ns = cpu->spin_due_waits = cpu->spin_due_max_ns = 0;
	cpu->last_spin_stack = now;
}

// Returns whether the lock was the one that this CPU was spinning on.
static __always_inline bool spin_end(void *ctx, struct lock_cpu *cpu, u64 lock, u64 now)
{
	u32 depth = cpu->spin_depth - 1;

	if (depth >= SPIN_DEPTH || cpu->spins[depth].lock != lock)
		return false;
	cpu->spin_depth = depth;
	if (!window_began || window_ended || now <= cpu->spins[depth].began || cpu->spins[depth].began < window_began)
		return true;
	u64 spun = now - cpu->spins[depth].began;
	cpu->spin_due_ns += spun;
	cpu->spin_due_waits++;
	if (spun > cpu->spin_due_max_ns)
		cpu->spin_due_max_ns = spun;
	if (cpu->spin_due_ns < SPIN_SAMPLE_NS || now - cpu->last_spin_stack < LOCK_SAMPLE_GAP_NS)
		return true;
	if (cpu->inside || is_in_bpf(bpf_get_current_task_btf()))
		cpu->reentries++;       // the next sample stands for this spinning too
	else
		spin_sample(ctx, cpu, cpu->spins[depth].flags, now);
	return true;
}

SEC("tp_btf/contention_begin")
int BPF_PROG(on_contention_begin, void *address, u32 flags)
{
	u32 number = bpf_get_smp_processor_id(), index;
	struct lock_cpu *cpu = lock_cpu_at(number);
	struct cpu_account *account = find_cpu(number);
	struct task_struct *task;
	struct lock_state *state;
	struct lock_wait *wait;
	struct task_slot *slot;
	u64 now = bpf_ktime_get_ns(), lock = (u64)address;

	if (!cpu || !account || window_ended)
		return 0;
	cpu->begins++;
	if (flags & LCB_F_SPIN && !(flags & LCB_F_MUTEX)) {
		spin_begin(cpu, lock, flags, now);
		return 0;
	}
	task = bpf_get_current_task_btf();
	if (!task->pid)
		return 0;
	slot = slot_get(account, task, &index);
	wait = slot ? bpf_map_lookup_elem(&lock_waits, &index) : 0;
	// A mutex announces itself again each time that it goes over from spinning to sleeping.
	if (!wait || (wait->lock == lock && slot->lock_waiting))
		return 0;
	state = lock_state_get(ctx, cpu, task, lock, flags, now);
	if (!state) {
		cpu->states_lost++;
		return 0;
	}
	wait->lock = lock;
	wait->began = now;
	wait->flags = flags;
	wait->tgid = task->tgid;
	wait->class = state->class;
	wait->run_delay = task->sched_info.run_delay;
	wait->exec = task->se.sum_exec_runtime;
	wait->switches = task->nvcsw + task->nivcsw;
	slot->lock_waiting = 1;
	lock_advance(cpu, state, now);
	holder_look(cpu, state, lock);
	__sync_fetch_and_add(&state->waiters, 1);
	return 0;
}

// Cuts a wait that ends now into sleeping, spinning and waiting for a CPU, by the kernel's own counts of the task.
static __always_inline void wait_cut(const struct lock_wait *wait, struct task_struct *task, u64 ns, struct lock_wait_sum *add)
{
	u64 rest, ran = task->se.sum_exec_runtime - wait->exec;

	add->waits = 1;
	add->ns = add->max_ns = ns;
	add->runqueue_ns = task->sched_info.run_delay - wait->run_delay;
	if (add->runqueue_ns > ns)
		add->runqueue_ns = ns;
	rest = ns - add->runqueue_ns;
	if (wait->switches == task->nvcsw + task->nivcsw)
		ran = rest;     // it never left the CPU; sum_exec_runtime is behind by up to a tick
	add->spin_ns = ran < rest ? ran : rest;
	add->sleep_ns = rest - add->spin_ns;
}

// A wait whose beginning was not seen. If its task has not left a CPU since the window began, it had been off until it came now: so it waited
// for all of that time. Otherwise the beginning was missed, and nothing is known of its length.
static __always_inline void unknown_wait_end(void *ctx, struct lock_cpu *cpu, struct task_slot *slot, struct task_struct *task, u64 lock, u64 now)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());
	u64 arrived = task->sched_info.last_arrival;
	struct lock_wait_sum add = { .waits = 1 };
	struct lock_state *state;

	cpu->unmatched_ends++;
	if (cpu->inside || is_in_bpf(task)) {
		cpu->reentries++;
		return;
	}
	if (!account || !account->on || !slot || slot->switches || arrived <= account->first)
		return;
	state = lock_state_get(ctx, cpu, task, lock, 0, now);
	if (!state)
		return;
	add.ns = add.max_ns = add.sleep_ns = arrived - account->first;
	wait_sum_book(cpu, &state->class, task->tgid, LCB_F_WRITE, &add);
}

// The task that waited has the lock now. Sometimes its stack is taken, at most one each LOCK_SAMPLE_GAP_NS on a CPU.
static __always_inline void holder_is_me(void *ctx, struct lock_cpu *cpu, struct lock_state *state, struct task_struct *task, u32 flags, u64 now)
{
	holder_set(cpu, state, (u64)task, task->tgid, task_operation(task), flags & LCB_F_READ ? LCB_F_READ : LCB_F_WRITE);
	if (state->waiters <= 0 || now - cpu->last_owner_stack < LOCK_SAMPLE_GAP_NS)
		return;
	cpu->last_owner_stack = now;
	state->holder_stack = lock_stack_id(ctx, cpu, 0);
	state->holder_user_stack = lock_stack_id(ctx, cpu, BPF_F_USER_STACK);
	if (state->holder_stack < 0)
		cpu->stacks_lost++;
	else
		lock_stack_book(cpu, &state->class, task->tgid, LOCK_OWNER, state->holder_stack, state->holder_user_stack, 0, 1);
}

static __always_inline void waiter_sample(void *ctx, struct lock_cpu *cpu, const struct lock_wait *wait, u64 ns, u64 now)
{
	cpu->wait_due_ns += ns;
	if (cpu->wait_due_ns < LOCK_SAMPLE_NS || now - cpu->last_waiter_stack < LOCK_SAMPLE_GAP_NS)
		return;
	s32 stack = lock_stack_id(ctx, cpu, 0), user = lock_stack_id(ctx, cpu, BPF_F_USER_STACK);
	if (stack < 0)
		cpu->stacks_lost++;
	lock_stack_book(cpu, &wait->class, wait->tgid, LOCK_WAITER, stack, user, cpu->wait_due_ns, 1);
	cpu->wait_due_ns = 0;
	cpu->last_waiter_stack = now;
}

SEC("tp_btf/contention_end")
int BPF_PROG(on_contention_end, void *address, int result)
{
	u32 number = bpf_get_smp_processor_id(), index;
	struct lock_cpu *cpu = lock_cpu_at(number);
	struct lock_wait_sum add = {};
	struct task_struct *task;
	struct lock_state *state;
	struct lock_wait *wait;
	struct task_slot *slot;
	u64 now = bpf_ktime_get_ns(), lock = (u64)address;

	if (!cpu || window_ended)
		return 0;
	cpu->ends++;
	if (spin_end(ctx, cpu, lock, now))
		return 0;
	task = bpf_get_current_task_btf();
	slot = find_slot(task->pid, &index);
	wait = slot ? bpf_map_lookup_elem(&lock_waits, &index) : 0;
	if (!wait || !slot->lock_waiting || wait->lock != lock) {
		unknown_wait_end(ctx, cpu, slot, task, lock, now);
		return 0;
	}
	slot->lock_waiting = 0;
	state = bpf_map_lookup_elem(&lock_states, &lock);
	if (state) {
		lock_advance(cpu, state, now);
		__sync_fetch_and_add(&state->waiters, -1);
		if (!result)
			holder_is_me(ctx, cpu, state, task, wait->flags, now);
	}
	u64 began = wait->began > window_began ? wait->began : window_began;
	if (window_began && now > began) {
		wait_cut(wait, task, now - began, &add);
		wait_sum_book(cpu, &wait->class, wait->tgid, wait->flags & LCB_F_READ ? LCB_F_READ : LCB_F_WRITE, &add);
		waiter_sample(ctx, cpu, wait, now - began, now);
	}
	wait->lock = 0;
	return 0;
}

#endif
