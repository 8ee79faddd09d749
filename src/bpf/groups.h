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
	for (u32 probe = 0; probe < 32; probe++) {
		u32 number = ((u32)id * 2654435761u + probe) & (groups_max - 1);
		struct group *group;

		if (!number)
			continue;
		group = bpf_map_lookup_elem(&groups, &number);
		if (!group)
			return 0;
		if (group->id == id)
			return number;
		if (!group->id && !__sync_val_compare_and_swap(&group->id, 0, id)) {
			group->level = level;
			group->pcpu = pcpu;
			return number;
		}
	}
	struct cpu_account *account = find_cpu(cpu);
	if (account)
		account->groups_lost++;
	return 0;
}

__noinline int group_parent_set(u32 child_number, u32 parent)
{
	struct group *child = bpf_map_lookup_elem(&groups, &child_number);

	if (child)
		child->parent = parent;
	return 0;
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
			u64 pcpu = bpf_core_field_exists(cgroup->psi) ? (u64)BPF_CORE_READ(cgroup, psi, pcpu) : 0;
			u32 number = pcpu ? group_enter(BPF_CORE_READ(cgroup, kn, id), pcpu, level, cpu) : 0;

			if (!number)
				break;
			if (below)
				group_parent_set(below, number);
			else
				leaf = number;
			below = number;
		}
		// self is the first member of struct cgroup (include/linux/cgroup-defs.h), so the parent's css is the parent
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return leaf;
}

// Brings one cgroup's account of one CPU up to `now`. Returns the number of the cgroup above it, 0 at the top.
__noinline u32 group_touch(u32 cpu, u32 number, u64 now)
{
	struct cpu_account *account = find_cpu(cpu);
	u32 index;
	struct group_account *own = group_account_at(number, cpu, &index);

	if (!account || !own || !number)
		return 0;
	if (!own->psi) {
		struct group *group = bpf_map_lookup_elem(&groups, &number);

		if (!group || !group->pcpu)
			return 0;
		own->psi = group->pcpu + account->percpu;
		own->parent = group->parent;
		own->last = 0;
	}
	if (own->event == account->event && own->last)
		return own->parent;
	own->event = account->event;
	u64 start = READ_AT(struct psi_group_cpu, own->psi, state_start);
	u32 mask = READ_AT(struct psi_group_cpu, own->psi, state_mask);
	u32 running = READ_AT(struct psi_group_cpu, own->psi, tasks[2]);
	u32 meter = READ_AT(struct psi_group_cpu, own->psi, times[PSI_CPU_SOME]);
	u32 some = mask >> PSI_CPU_SOME & 1;

	if (some && now > start)
		meter += (u32)(now - start);
	if (own->last) {
		u64 grown = (u32)(meter - own->meter), elapsed = now - own->last;

		if (own->some && elapsed > 0xf0000000ULL && elapsed > grown)
			grown += (elapsed - grown + 0x80000000ULL) & ~0xffffffffULL;
		if (grown) {
			own->meter_ns += grown;
			own->share += own->waiters > 1 ? grown / own->waiters : grown;
			if (own->throttled_waits && (account->throttled >= own->waiters || !account->stint_occupant)) {
				group_credit(cpu, number, OCCUPANT_SPECIAL | 5, grown);
			} else if (own->last >= account->stint_began && !account->stint_special) {
				group_credit(cpu, number, account->stint_occupant ? account->stint_occupant : OCCUPANT_SPECIAL | 1,
					grown);
			} else {
				u32 scale = elapsed > grown ? (grown << 10) / elapsed : 1024;

				occupancy_book(cpu, BOOK_GROUP | number, scale, 0);
				if (account->stint_ns)
					group_credit(cpu, number, account->stint_occupant ? account->stint_occupant
						: OCCUPANT_SPECIAL | 1, account->stint_ns * scale >> 10);
			}
		}
	}
	own->last = now;
	own->meter = meter;
	own->some = some;
	own->waiters = running - (mask >> states & 1);
	if (own->waiters)
		mark_set(account, &own->mark, now);
	return own->parent;
}

__noinline int groups_touch(u32 cpu, u32 leaf, u64 now)
{
	for (u32 level = 0; level < GROUP_DEPTH; level++) {
		if (!leaf)
			break;
		leaf = group_touch(cpu, leaf, now);
	}
	return 0;
}

// A task of `leaf` begins (+1) or ends (-1) to wait: remembers or books its share in each cgroup above it.
__noinline int groups_wait(u32 cpu, u32 slot_index, bool ends, bool book)
{
	struct task_slot *slot = slot_at(slot_index);
	u32 number;

	if (!slot)
		return 0;
	number = slot->group;

	for (u32 level = 0; level < GROUP_DEPTH; level++) {
		u32 index;
		struct group_account *own;

		if (!number)
			break;
		own = group_account_at(number, cpu, &index);
		if (!own)
			break;
		if (!ends) {
			slot->group_share[level] = own->share;
			if (slot->flags & SLOT_THROTTLED)
				own->throttled_waits++;
		} else {
			if (book && own->share > slot->group_share[level])
				own->victims_ns += own->share - slot->group_share[level];
			if (slot->flags & SLOT_THROTTLED && own->throttled_waits)
				own->throttled_waits--;
		}
		number = own->parent;
	}
	return 0;
}

#endif
