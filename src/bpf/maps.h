// The maps and the small functions that find rows in them. Arrays are mapped by user space.
#ifndef WHYSTALL_BPF_MAPS_H
#define WHYSTALL_BPF_MAPS_H

volatile unsigned int phase = PHASE_CALIBRATE;
volatile unsigned int quota_watch = 0;        // some cgroup has a CPU quota: look at throttling
volatile unsigned long long window_began = 0; // CLOCK_MONOTONIC; 0: not yet
volatile unsigned long long window_ended = 0;
volatile unsigned long long regs_top = 0;
volatile long long regs_distance = 0;         // from the bottom of a task's kernel stack to its user registers; 0: unknown
volatile unsigned int walk = WALK_SEED;       // what the task iterator does

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct cpu_account); __uint(max_entries, 1); } cpu_accounts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32);
	__type(value, struct bucket); __uint(max_entries, BUCKETS); } buckets SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct task_slot); __uint(max_entries, TASK_SLOTS); } task_slots SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct group); __uint(max_entries, 1); } groups SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct group_account); __uint(max_entries, 1); } group_accounts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct fold_sample); __uint(max_entries, 1); } fold_samples SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct pair_key);
	__type(value, struct pair_value); __uint(max_entries, 65536); } pairs SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct credit_key);
	__type(value, u64); __uint(max_entries, 8192); } group_credits SEC(".maps");
// Locks. Rows of lock_waits beside task_slots have the same number.
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct lock_wait); __uint(max_entries, TASK_SLOTS); } lock_waits SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct lock_cpu); __uint(max_entries, 1); } lock_cpus SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, u64);
	__type(value, struct lock_state); __uint(max_entries, LOCK_STATES); } lock_states SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct lock_wait_key);
	__type(value, struct lock_wait_sum); __uint(max_entries, LOCK_ROWS); } lock_wait_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct lock_hold_key);
	__type(value, struct lock_hold_sum); __uint(max_entries, LOCK_ROWS); } lock_hold_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct lock_stack_key);
	__type(value, struct lock_stack_sum); __uint(max_entries, LOCK_ROWS); } lock_stack_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); __uint(value_size, 8 * LOCK_FRAMES);
	__uint(max_entries, LOCK_STACKS); } lock_stacks SEC(".maps");
// Sleeps. Rows of sleep_slots beside task_slots have the same number.
// They are not mapped, because user space reads them once only and mapped pages count as its memory.
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32);
	__type(value, struct sleep_slot); __uint(max_entries, TASK_SLOTS); } sleep_slots SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct sleep_key);
	__type(value, struct sleep_sum); __uint(max_entries, SLEEP_ROWS); } sleep_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); __uint(value_size, 8 * SLEEP_FRAMES);
	__uint(max_entries, SLEEP_STACKS); } sleep_stacks SEC(".maps");
// Interrupts by source; shared with irq.bpf.c.
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct irq_cpu); __uint(max_entries, 1); } irq_cpus SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 21); } records SEC(".maps");

static __always_inline struct cpu_account *find_cpu(u32 cpu)
{
	return bpf_map_lookup_elem(&cpu_accounts, &cpu);
}

static __always_inline struct task_slot *slot_at(u32 index)
{
	return bpf_map_lookup_elem(&task_slots, &index);
}

static __always_inline struct sleep_slot *sleep_at(u32 index)
{
	return bpf_map_lookup_elem(&sleep_slots, &index);
}

// The number of a task's slot + 1, or 0. A program of its own, so that the verifier looks at the loop once.
__noinline u32 slot_number(u32 pid)
{
	u32 start = (pid * 2654435761u) >> 17;

	for (u32 probe = 0; probe < TASK_PROBES; probe++) {
		u32 index = (start + probe) & (TASK_SLOTS - 1);
		struct task_slot *slot = slot_at(index);

		if (slot && slot->pid == pid)
			return index + 1;
	}
	return 0;
}

// The task's slot, or NULL; *ret_index is its number. Most tasks stand in their first place.
static __always_inline struct task_slot *find_slot(u32 pid, u32 *ret_index)
{
	u32 index = (pid * 2654435761u) >> 17;
	struct task_slot *slot = slot_at(index);
	u32 number;

	if (slot && slot->pid == pid) {
		*ret_index = index;
		return slot;
	}
	number = slot_number(pid);
	*ret_index = number - 1;
	return number ? slot_at(number - 1) : 0;
}

static __always_inline u32 occupant_with(u32 tgid, u32 nice20, u32 realtime)
{
	return tgid | (nice20 & 0x3f) << 22 | realtime << 28;
}

static __always_inline u32 occupant_of(struct task_struct *task)
{
	return occupant_with(task->tgid, (u32)(task->static_prio - 100), task->prio < 100);
}

#endif
