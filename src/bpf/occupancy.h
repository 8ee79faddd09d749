// Who occupied the CPU, in order of time, so that a wait can be cut by its occupants when it ends.
#ifndef WHYSTALL_BPF_OCCUPANCY_H
#define WHYSTALL_BPF_OCCUPANCY_H

static __always_inline struct bucket *bucket_at(u32 cpu, u64 number)
{
	u32 index = cpu * BUCKETS + (number & (BUCKETS - 1));

	return bpf_map_lookup_elem(&buckets, &index);
}

// Opens a bucket: its entries are zero from the start, so that a mark is a plain copy.
static __always_inline void bucket_open(struct bucket *bucket, u64 number)
{
	bucket->number = number;
	bucket->count = 0;
#pragma unroll
	for (u32 i = 0; i < BUCKET_ENTRIES; i++)
		bucket->ns[i] = 0;
}

// Adds time on the CPU to its current bucket; opens the next one when it holds four others already.
static __always_inline void occupancy_add(struct cpu_account *account, u32 occupant, u64 ns)
{
	struct bucket *bucket = bucket_at(account->cpu, account->bucket);

	if (!bucket)
		return;
#pragma unroll
	for (u32 i = 0; i < BUCKET_ENTRIES; i++) {
		if (bucket->occupant[i] == occupant && i < bucket->count) {
			bucket->ns[i] += ns;
			return;
		}
	}
	u32 count = bucket->count;
	if (count >= BUCKET_ENTRIES) {
		account->bucket++;
		bucket = bucket_at(account->cpu, account->bucket);
		if (!bucket)
			return;
		bucket_open(bucket, account->bucket);
		count = 0;
	}
	barrier_var(count); // or clang tests a 32-bit copy of it, which tells the verifier of 6.1 nothing about the index
	if (count < BUCKET_ENTRIES) {
		bucket->occupant[count] = occupant;
		bucket->ns[count] = ns;
		bucket->count = count + 1;
	}
}

// Remembers the state of occupancy now.
static __always_inline void mark_set(struct cpu_account *account, struct mark *mark, u64 now)
{
	struct bucket *bucket = bucket_at(account->cpu, account->bucket);
	u64 partial = now - account->switched - account->current_special;

	if ((s64)partial < 0)
		partial = 0;
	mark->bucket = account->bucket;
#pragma unroll
	for (u32 i = 0; i < BUCKET_ENTRIES; i++)
		mark->entries[i] = bucket ? bucket->ns[i] : 0;
	mark->occupant = account->current_occupant;
	mark->partial = partial;
#pragma unroll
	for (u32 i = 0; i < SPECIALS; i++)
		mark->special[i] = account->special_ns[i];
	if (!account->current_pid)
		mark->special[SPECIAL_IDLE] += partial;
}

// The functions below are programs of their own (global, scalars only), so that the verifier looks at each of them once.

__noinline int pair_add(u32 cpu, u32 victim, u32 occupant, u64 ns)
{
	struct pair_key key = { victim, occupant };
	struct pair_value *value = find_or_add(&pairs, &key);

	if (!value) {
		struct cpu_account *account = find_cpu(cpu);

		if (account)
			account->pairs_lost++;
		return 0;
	}
	__sync_fetch_and_add(&value->ns, ns);
	__sync_fetch_and_add(&value->waits, 1);
	return 0;
}

static __always_inline void group_credit_flush(u32 cpu, u32 group, u32 occupant, u64 ns)
{
	struct credit_key key = { group, occupant };
	u64 *value = find_or_add(&group_credits, &key);

	if (!value) {
		struct cpu_account *account = find_cpu(cpu);

		if (account)
			account->pairs_lost++;
		return;
	}
	__sync_fetch_and_add(value, ns);
}

// Credits an occupant with pressure of a cgroup on one CPU: four at hand, the rest in the map.
__noinline int group_credit(u32 cpu, u32 number, u32 occupant, u64 ns)
{
	u32 index = number * cpus + cpu;
	struct group_account *group = bpf_map_lookup_elem(&group_accounts, &index);

	if (!group)
		return 0;
	group->culprits_ns += ns;
	for (u32 i = 0; i < GROUP_OCCUPANTS; i++) {
		if (group->occupant[i] == occupant) {
			group->credit_ns[i] += ns;
			return 0;
		}
		if (!group->occupant[i]) {
			group->occupant[i] = occupant;
			group->credit_ns[i] = ns;
			return 0;
		}
	}
	u32 out = group->last >> 10 & (GROUP_OCCUPANTS - 1);
	group_credit_flush(cpu, number, group->occupant[out], group->credit_ns[out]);
	group->occupant[out] = occupant;
	group->credit_ns[out] = ns;
	return 0;
}

// Where a booking goes: pairs of a victim (bit 31 clear: slot number), or credits of a cgroup (bit 31 set: group number).
#define BOOK_GROUP 0x80000000u

static __always_inline struct mark *book_mark(u32 cpu, u32 book)
{
	if (book & BOOK_GROUP) {
		u32 index = (book & ~BOOK_GROUP) * cpus + cpu;
		struct group_account *group = bpf_map_lookup_elem(&group_accounts, &index);

		if (!group)
			return 0;
		index = group->marked_by * cpus + cpu;
		group = bpf_map_lookup_elem(&group_accounts, &index);
		return group ? &group->mark : 0;
	}
	struct task_slot *slot = slot_at(book);
	return slot ? &slot->mark : 0;
}

static __always_inline void book_add(u32 cpu, u32 book, u32 victim, u32 occupant, u64 ns)
{
	if (book & BOOK_GROUP)
		group_credit(cpu, book & ~BOOK_GROUP, occupant, ns);
	else
		pair_add(cpu, victim, occupant, ns);
}

// One bucket of the walk: what it gained since the mark.
__noinline int occupancy_book_bucket(u32 cpu, u64 number, u32 book, u32 scale, u32 victim)
{
	struct cpu_account *account = find_cpu(cpu);
	struct mark *mark = book_mark(cpu, book);
	struct bucket *bucket = bucket_at(cpu, number);

	if (!account || !mark || !bucket || bucket->number != number)
		return 0;
	for (u32 i = 0; i < BUCKET_ENTRIES; i++) {
		u64 ns = bucket->ns[i];
		u32 occupant = bucket->occupant[i];

		if (i >= bucket->count)
			break;
		if (number == mark->bucket)
			ns -= mark->entries[i];
		if (ns && account->walk_partial && occupant == mark->occupant) {
			// its stint had begun before the mark: the bucket has it whole
			ns = ns > account->walk_partial ? ns - account->walk_partial : 0;
			account->walk_partial = 0;
		}
		if ((s64)ns > 0)
			book_add(cpu, book, victim, occupant, ns * scale >> 10);
	}
	return 0;
}

// Books occupancy since a mark. `scale`: what a nanosecond of occupancy counts, in 1/1024.
__noinline int occupancy_book(u32 cpu, u32 book, u32 scale, u32 victim)
{
	struct cpu_account *account = find_cpu(cpu);
	struct mark *mark = book_mark(cpu, book);
	u64 first, last;

	if (!account || !mark)
		return 0;
	first = mark->bucket;
	last = account->bucket;
	account->walk_partial = mark->partial;
	if (last - first >= BUCKETS) {
		account->walk_lost++;
		first = last - (BUCKETS - 1);
		account->walk_partial = 0;
	}
	for (u32 step = 0; step < BUCKETS; step++) {
		if (first + step > last)
			break;
		occupancy_book_bucket(cpu, first + step, book, scale, victim);
	}
	for (u32 i = 0; i < SPECIALS; i++) {
		u64 ns = account->special_ns[i] - mark->special[i];

		if ((s64)ns > 0)
			book_add(cpu, book, victim, OCCUPANT_OF_SPECIAL(i), ns * scale >> 10);
	}
	return 0;
}

#endif
