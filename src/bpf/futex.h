// The account of futexes: who slept on which, who woke them, and whether the same tasks do both.
//
// A futex is the kernel's half of a user-space lock, and of a queue, a timer and an idle pool: the kernel does not know which. What tells them
// apart is collected here, and judged by user space (ledger/futex_class.c): the operation and the value that the waiter expected, samples of
// both sides' user stacks, and whether wakers are waiters.
//
// No system call is traced: operation and address lie in the registers that a sleeping task entered the kernel with, and so do its waker's. A
// waker that is in futex(2) on the same address has let it go (or signalled); waiting since the last such hand-over is booked to it.
#ifndef WHYSTALL_BPF_FUTEX_H
#define WHYSTALL_BPF_FUTEX_H

#define FUTEX_OWNER 0x3fffffff  // FUTEX_TID_MASK (include/uapi/linux/futex.h)

const volatile unsigned int futex_number = ~0u; // of the system call; ~0: unknown on this architecture

volatile unsigned long long futex_sampled_at[FUTEX_SAMPLE_CPUS];
volatile unsigned long long futex_states_lost = 0, futex_rows_lost = 0, futex_stacks_lost = 0;
volatile unsigned long long futex_wakers_missed = 0; // waits whose end was noticed at the switch back only

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct futex_wait); __uint(max_entries, TASK_SLOTS); } futex_waits SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct futex_key);
	__type(value, struct futex_state); __uint(max_entries, FUTEX_STATES); } futex_states SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct futex_hold_key);
	__type(value, struct futex_hold_sum); __uint(max_entries, FUTEX_ROWS); } futex_hold_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct futex_stack_key);
	__type(value, struct futex_stack_sum); __uint(max_entries, FUTEX_ROWS); } futex_stack_sums SEC(".maps");

// Where a task's user registers lie while it is in futex(2), 0: it is in none.
static __always_inline u64 futex_registers(struct task_struct *task)
{
	u64 regs;

	if (!regs_distance || task->flags & PF_KTHREAD)
		return 0;
	regs = (u64)task->stack + regs_distance;
	if (syscall_number(regs) != futex_number)
		return 0;
	// A 32-bit call has another number, which may be this one by chance, and other registers.
	if (is_compat(task))
		return 0;
	return regs;
}

// Books the time since the last event of this futex, of which nobody is known yet to have held it.
static __always_inline void futex_advance(struct futex_state *state, u64 now)
{
	u64 last = __sync_lock_test_and_set(&state->last, now);
	s32 waiters = state->waiters;

	if (last < window_began)
		last = window_began;
	if (waiters <= 0 || (s64)(now - last) <= 0)
		return;
	__sync_fetch_and_add(&state->pending_task_ns, (now - last) * waiters);
	__sync_fetch_and_add(&state->pending_wall_ns, now - last);
	__sync_fetch_and_add(&state->wall_ns, now - last);
}

static __always_inline void futex_stack_book(const struct futex_key *futex, u32 tgid, u32 role, s32 stack, u64 ns)
{
	struct futex_stack_key key = { *futex, tgid, role, stack, 0 };
	struct futex_stack_sum *sum = find_or_add(&futex_stack_sums, &key);

	if (!sum) {
		__sync_fetch_and_add(&futex_rows_lost, 1);
		return;
	}
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->samples, 1);
}

// Whether it is time for another stack of one side of a futex on this CPU.
static __always_inline bool futex_stack_due(u64 *sampled, u64 now)
{
	u32 place = bpf_get_smp_processor_id() & (FUTEX_SAMPLE_CPUS - 1);

	if (now - *sampled < FUTEX_SAMPLE_GAP_NS || now - futex_sampled_at[place] < FUTEX_SAMPLE_CPU_GAP_NS)
		return false;
	*sampled = now;
	futex_sampled_at[place] = now;
	return true;
}

// What the waiter expected to find at the address. A value that is the number of one of its process' threads names the owner: then the word
// is a lock. To look that up is left to the sampled waits.
static __always_inline void futex_value(struct futex_state *state, u32 value, u32 tgid, bool sampled)
{
	struct task_slot *owner;
	u32 index;

	__sync_fetch_and_add(&state->values[value < FUTEX_VALUES - 1 ? value : FUTEX_VALUES - 1], 1);
	if (value < FUTEX_VALUES - 1)
		return;
	state->value = value;
	if (!sampled)
		return;
	owner = find_slot(value & FUTEX_OWNER, &index);
	__sync_fetch_and_add(&state->named, 1);
	if (owner && owner->tgid == tgid)
		__sync_fetch_and_add(&state->owned, 1);
}

// A task goes to sleep in futex(2), or is found asleep when the window begins. Returns whether its user stack is wanted.
static __noinline bool futex_begin(struct task_slot *slot, u32 index, struct task_struct *task)
{
	struct futex_wait *wait = bpf_map_lookup_elem(&futex_waits, &index);
	u64 regs = futex_registers(task), now = bpf_ktime_get_ns();
	struct futex_key key = { .tgid = task->tgid };
	struct futex_state *state;
	bool wanted;

	if (!wait || !regs || !window_began || window_ended)
		return false;
	key.address = syscall_argument(regs, 0);
	state = bpf_map_lookup_elem(&futex_states, &key);
	if (!state) {
		struct futex_state first = { .last = now, .operation = (u32)syscall_argument(regs, 1), .pid = task->pid };

		bpf_map_update_elem(&futex_states, &key, &first, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&futex_states, &key);
		if (!state) {
			__sync_fetch_and_add(&futex_states_lost, 1);
			return false;
		}
	}
	if (wait->address >> 3 != key.address >> 3)
		wait->before = wait->address;
	wait->address = key.address;
	wait->began = now;
	wait->tgid = task->tgid;
	wait->user_stack = -1;
	wait->handed = 0;
	wait->timed = syscall_argument(regs, 3) != 0;
	if (state->pid != (u32)task->pid)
		__sync_fetch_and_add(&state->others, 1);
	futex_advance(state, now);
	__sync_fetch_and_add(&state->waiters, 1);
	wanted = futex_stack_due(&state->waiter_sampled, now);
	futex_value(state, (u32)syscall_argument(regs, 2), task->tgid, wanted);
	slot->futex = FUTEX_ASLEEP;
	return wanted;
}

static __always_inline void futex_stack_taken(u32 index, s32 stack)
{
	struct futex_wait *wait = bpf_map_lookup_elem(&futex_waits, &index);

	if (stack < 0)
		__sync_fetch_and_add(&futex_stacks_lost, 1);
	else if (wait)
		wait->user_stack = stack;
}

// Ends the wait of a task; the state of its futex, or NULL.
static __always_inline struct futex_state *futex_end(struct task_slot *slot, struct futex_wait *wait, u64 now)
{
	struct futex_key key = { .address = wait->address, .tgid = wait->tgid };
	struct futex_state *state = bpf_map_lookup_elem(&futex_states, &key);
	u64 began = wait->began > window_began ? wait->began : window_began, ns = now > began ? now - began : 0;

	slot->futex = FUTEX_WOKEN;
	wait->woken = now;
	if (!state)
		return 0;
	futex_advance(state, now);
	__sync_fetch_and_add(&state->waiters, -1);
	__sync_fetch_and_add(&state->waits, 1);
	__sync_fetch_and_add(&state->ns, ns);
	__sync_fetch_and_add(&state->timed, wait->timed);
	if (ns > state->max_ns)
		state->max_ns = ns;
	__sync_fetch_and_add(&state->waiter_due_ns, ns);
	if (wait->user_stack >= 0)
		futex_stack_book(&key, wait->tgid, FUTEX_WAITER, wait->user_stack, __sync_lock_test_and_set(&state->waiter_due_ns, 0));
	return state;
}

// The task that is on this CPU was in futex(2) on the address that it now wakes a waiter of: what was waited for since the last hand-over, it
// held (if this is a lock). Returns whether its stack is wanted.
static __always_inline bool futex_hand_over(const struct futex_wait *wait, struct futex_state *state, struct task_struct *waker, u64 regs, u64 now)
{
	struct futex_hold_key key = { { wait->address, wait->tgid, 0 }, waker->tgid, waker->pid };
	u64 task_ns = __sync_lock_test_and_set(&state->pending_task_ns, 0), wall_ns = __sync_lock_test_and_set(&state->pending_wall_ns, 0);
	struct futex_hold_sum *sum;
	struct futex_wait *own;
	struct task_slot *slot;
	bool mutual = false;
	u32 index;

	// glibc's condition variables and rwlocks are two words side by side, used in turn: one of them is as good as the other.
	slot = find_slot(waker->pid, &index);
	own = slot ? bpf_map_lookup_elem(&futex_waits, &index) : 0;
	if (own && own->tgid == waker->tgid)
		mutual = own->address >> 3 == wait->address >> 3 || own->before >> 3 == wait->address >> 3;
	__sync_fetch_and_add(&state->wakes, 1);
	__sync_fetch_and_add(&state->mutual, mutual);
	__sync_fetch_and_add(&state->wakes_all, (u32)syscall_argument(regs, 2) > 1);
	__sync_fetch_and_add(&state->waker_due_ns, task_ns);
	sum = find_or_add(&futex_hold_sums, &key);
	if (sum) {
		__sync_fetch_and_add(&sum->task_ns, task_ns);
		__sync_fetch_and_add(&sum->wall_ns, wall_ns);
		__sync_fetch_and_add(&sum->wakes, 1);
		__sync_fetch_and_add(&sum->mutual, mutual);
	} else {
		__sync_fetch_and_add(&futex_rows_lost, 1);
	}
	return futex_stack_due(&state->waker_sampled, now);
}

// A task that sleeps in futex(2) is being woken, by the task on this CPU or by an interrupt (`context` is not 0).
static __noinline void futex_woken(void *ctx, struct task_slot *slot, u32 index, u32 context)
{
	struct futex_wait *wait = bpf_map_lookup_elem(&futex_waits, &index);
	struct task_struct *waker = bpf_get_current_task_btf();
	struct futex_state *state;
	u64 now = bpf_ktime_get_ns(), regs;
	s32 stack;

	if (!wait || !window_began || window_ended)
		return;
	state = futex_end(slot, wait, now);
	if (!state || context)
		return;
	regs = futex_registers(waker);
	if (!regs || syscall_argument(regs, 0) != wait->address)
		return;
	wait->handed = 1;
	if (!state->handed_at)
		state->handed_at = now;
	if (!futex_hand_over(wait, state, waker, regs, now))
		return;
	stack = lock_stack_here(ctx, BPF_F_USER_STACK);
	if (stack >= 0) {
		struct futex_key key = { .address = wait->address, .tgid = wait->tgid };

		futex_stack_book(&key, waker->tgid, FUTEX_WAKER, stack, __sync_lock_test_and_set(&state->waker_due_ns, 0));
	} else {
		__sync_fetch_and_add(&futex_stacks_lost, 1);
	}
}

// A task that slept in futex(2) has a CPU again.
static __noinline void futex_arrived(struct task_slot *slot, u32 index)
{
	struct futex_wait *wait = bpf_map_lookup_elem(&futex_waits, &index);
	struct futex_key key = {};
	struct futex_state *state;
	u64 now = bpf_ktime_get_ns();

	if (!wait || window_ended)
		return;
	// Woken while it was still on its way to sleep: that was before its sleep was booked.
	if (slot->futex == FUTEX_ASLEEP) {
		__sync_fetch_and_add(&futex_wakers_missed, 1);
		futex_end(slot, wait, now);
	}
	slot->futex = FUTEX_AWAKE;
	key.address = wait->address;
	key.tgid = wait->tgid;
	state = bpf_map_lookup_elem(&futex_states, &key);
	if (!state || now <= wait->woken)
		return;
	__sync_fetch_and_add(&state->runqueue_ns, now - wait->woken);
	if (!wait->handed)
		return;
	u64 handed = __sync_lock_test_and_set(&state->handed_at, 0);
	s32 waiters = state->waiters;
	if (handed && handed < now && waiters > 0)
		__sync_fetch_and_add(&state->handed_ns, (now - handed) * waiters);
}

#endif
