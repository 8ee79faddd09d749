// The accounts of cgroups: the same bookkeeping against each cgroup's own PSI counters.
#ifndef WHYSTALL_BPF_GROUPS_H
#define WHYSTALL_BPF_GROUPS_H

static __always_inline struct group_account *group_account_at(u32 number, u32 cpu, u32 *ret_index)
{
	u32 index = number * cpus + cpu;

	*ret_index = index;
	return bpf_map_lookup_elem(&group_accounts, &index);
}

// The number of a cgroup in the table, entered if it is new; 0 where there is no room (counted). A program of its own: verified once.
__noinline u32 group_enter(u64 id, u64 pcpu, u32 level, u32 cpu)
{
	u32 found = 0, fresh = 0;

	for (u32 probe = 0; probe < 32; probe++) {
		u32 number = ((u32)id * 2654435761u + probe) & (groups_max - 1);
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : 0;

		if (!group)
			continue;
		if (group->id == id) {
			found = number;
			break;
		}
		if (!group->id && !__sync_val_compare_and_swap(&group->id, 0, id)) {
			found = fresh = number;
			break;
		}
	}
	struct group *group = fresh ? bpf_map_lookup_elem(&groups, &fresh) : 0;
	if (group) {
		group->level = level;
		group->pcpu = pcpu;
	}
	struct cpu_account *account = found ? 0 : find_cpu(cpu);
	if (account)
		account->groups_lost++;
	return found;
}

// Enters the cgroup at an address, below which `below` stands (0: none). Returns its number.
__noinline u32 group_level(u64 address, u32 cpu, u32 below)
{
	struct cgroup *cgroup = (struct cgroup *)address;
	u32 level = BPF_CORE_READ(cgroup, level), number;
	u64 pcpu = bpf_core_field_exists(cgroup->psi) ? (u64)BPF_CORE_READ(cgroup, psi, pcpu) : 0;
	struct group *child = bpf_map_lookup_elem(&groups, &below);

	number = pcpu ? group_enter(BPF_CORE_READ(cgroup, kn, id), pcpu, level, cpu) : 0;
	if (below && number && child)
		child->parent = number;
	return number;
}

// Enters the cgroup at an address and those above it. Returns the leaf's number.
__noinline u32 group_of(u64 address, u32 cpu)
{
	struct cgroup *cgroup = (struct cgroup *)address;
	u32 leaf = 0, below = 0;

	for (u32 i = 0; i < 16; i++) {
		int level = cgroup ? BPF_CORE_READ(cgroup, level) : 0;

		if (level < 1)
			break;
		if (level <= GROUP_DEPTH) {
			below = group_level((u64)cgroup, cpu, below);
			if (!below)
				break;
			if (!leaf)
				leaf = below;
		}
		// self is the first member of struct cgroup (include/linux/cgroup-defs.h), so the parent's css is the parent
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return leaf;
}

// Finds a cgroup's counters on this CPU: the first time that its account is touched there.
__noinline int group_begin(u32 cpu, u32 number)
{
	struct cpu_account *account = find_cpu(cpu);
	struct group *group = bpf_map_lookup_elem(&groups, &number);
	u32 index;
	struct group_account *own = group_account_at(number, cpu, &index);

	if (!account || !group || !own || !group->pcpu)
		return 0;
	own->psi = group->pcpu + account->percpu;
	own->parent = group->parent;
	own->last = 0;
	return 0;
}

// Books growth that cannot be credited to one occupant at sight.
static __always_inline void group_attribute(u32 cpu, u32 number, u64 grown, u64 elapsed)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 scale = elapsed > grown ? (grown << 10) / elapsed : 1024;

	if (!account)
		return;
	occupancy_book(cpu, BOOK_GROUP | number, scale, 0);
	if (account->stint_ns)
		group_credit(cpu, number, account->stint_occupant ? account->stint_occupant : OCCUPANT_SPECIAL | OCCUPANT_IDLE,
			account->stint_ns * scale >> 10);
}

static __always_inline void group_touch_hot(struct cpu_account *account, struct group_account *own, u32 number, u64 now)
{
	own->event = account->event;
	u64 start = READ_AT(struct psi_group_cpu, own->psi, state_start);
	u32 mask = READ_AT(struct psi_group_cpu, own->psi, state_mask);
	u32 running = READ_AT(struct psi_group_cpu, own->psi, tasks[2]);
	u32 meter = READ_AT(struct psi_group_cpu, own->psi, times[PSI_CPU_SOME]);
	u32 some = mask >> PSI_CPU_SOME & 1;

	if (some && now > start)
		meter += (u32)(now - start);
	u64 grown = (u32)(meter - own->meter), elapsed = now - own->last;
	if (own->last && counter_fell((u32)grown, elapsed)) {
		grown = 0;
		meter = own->meter;
	}
	if (grown && own->last) {
		if (own->some && elapsed > 0xf0000000ULL && elapsed > grown)
			grown += (elapsed - grown + 0x80000000ULL) & ~0xffffffffULL;
		own->meter_ns += grown;
		own->share += own->waiters > 1 ? grown / own->waiters : grown;
		u32 occupant = account->stint_occupant ? account->stint_occupant : OCCUPANT_SPECIAL | OCCUPANT_IDLE;
		if (own->throttled_waits && (account->throttled >= own->waiters || !account->stint_occupant))
			occupant = OCCUPANT_SPECIAL | OCCUPANT_QUOTA;
		if (occupant == (OCCUPANT_SPECIAL | OCCUPANT_QUOTA) || (own->last >= account->stint_began && !account->stint_special)) {
			if (own->occupant[0] == occupant) {
				own->culprits_ns += grown;
				own->credit_ns[0] += grown;
			} else {
				group_credit(account->cpu, number, occupant, grown);
			}
		} else {
			group_attribute(account->cpu, number, grown, elapsed);
		}
	}
	own->last = now;
	own->meter = meter;
	own->some = some;
	own->waiters = waiting_of(running, mask >> states & 1);
}

// Brings one cgroup's account of one CPU up to `now`.
__noinline int group_touch(u32 cpu, u32 number, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 index;
	struct group_account *own = group_account_at(number, cpu, &index);

	if (!account || !own || !number)
		return 0;
	if (!own->psi)
		group_begin(cpu, number);
	if (!own->psi || (own->event == account->event && own->last))
		return 0;
	group_touch_hot(account, own, number, now);
	own->marked_by = number;
	mark_set(account, &own->mark, now);
	return 0;
}

#define PASS_TOUCH 1u    // bring the accounts up to now
#define PASS_BEGIN 2u    // the task begins to wait: remember its share of each
#define PASS_END 4u      // its wait ends
#define PASS_BOOK 8u     // and its share is known

__noinline int group_mark(u32 cpu, u32 number, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 index;
	struct group_account *leaf = group_account_at(number, cpu, &index);

	if (account && leaf)
		mark_set(account, &leaf->mark, now);
	return 0;
}

// One level of a pass, a program of its own: verified once. Returns the number of the cgroup above.
__noinline u32 group_pass(u32 cpu, u32 slot_index, u64 now, u32 number, u32 how)
{
	struct cpu_account *account = find_cpu(cpu);
	struct task_slot *slot = slot_at(slot_index);
	u32 index, level = how >> 8;
	struct group_account *own = group_account_at(number, cpu, &index);

	if (!account || !slot || !own)
		return 0;
	if (how & PASS_TOUCH) {
		if (!own->psi)
			group_begin(cpu, number);
		if (own->psi && (own->event != account->event || !own->last)) {
			group_touch_hot(account, own, number, now);
			own->marked_by = slot->group;
		}
	}
	if (how & PASS_BEGIN) {
		slot->group_share[level & (GROUP_DEPTH - 1)] = own->share;
		if (slot->flags & SLOT_THROTTLED)
			own->throttled_waits++;
	} else if (how & PASS_END) {
		u64 share = own->share - slot->group_share[level & (GROUP_DEPTH - 1)];

		if (how & PASS_BOOK && (s64)share > 0)
			own->victims_ns += share;
		if (slot->flags & SLOT_THROTTLED && own->throttled_waits)
			own->throttled_waits--;
	}
	// All levels share the mark of the lowest, because whatever touches it again touches them, too; taken when the last of them has used
	// the one before. Who waits in a lower level waits in this one.
	if (how & PASS_TOUCH && own->waiters && (!own->parent || level == GROUP_DEPTH - 1))
		group_mark(cpu, slot->group, now);
	return own->parent;
}

// One level of the beginning of a wait whose accounts are up to now: a function that leads to no other, for those who stand deep on the stack.
__noinline u32 group_wait_begin(u32 cpu, u32 slot_index, u32 number, u32 level)
{
	struct task_slot *slot = slot_at(slot_index);
	u32 index;
	struct group_account *own = group_account_at(number, cpu, &index);

	if (!slot || !own)
		return 0;
	slot->group_share[level & (GROUP_DEPTH - 1)] = own->share;
	if (slot->flags & SLOT_THROTTLED)
		own->throttled_waits++;
	return own->parent;
}

// One pass over a task's cgroup and those above it. Inlined, and its parts are calls: the chain of calls below the tracepoints may
// not take more than 512 bytes of stack.
static __always_inline void groups_pass(u32 cpu, u32 slot_index, u32 leaf, u64 now, u32 how)
{
	u32 number = leaf;

	for (u32 level = 0; level < GROUP_DEPTH; level++) {
		if (!number)
			break;
		number = group_pass(cpu, slot_index, now, number, how | level << 8);
	}
}

// How the pass of a task ends its wait: its share is known if the beginning was seen in the same cgroup.
static __always_inline u32 pass_end(const struct task_slot *slot, bool marked)
{
	if (!marked)
		return PASS_TOUCH;
	return PASS_TOUCH | PASS_END | (slot->flags & SLOT_MOVED ? 0 : PASS_BOOK);
}

#endif
