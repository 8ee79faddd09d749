// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// Block requests: how many, how long and for whom. Two cheap programs, at the beginning of a request and at its completion, which look closely
// at all requests where they are few, and at some of them where they are many.
#include "bpf/kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/block_records.h"
#include "bpf/untrusted.h"
#include "bpf/records.h"
#include "bpf/completing.h"
#include "bpf/rows.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";


#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct cgroup___block { struct kernfs_node *kn; };
struct cgroup_subsys_state___block { struct cgroup___block *cgroup; };
struct blkcg___block { struct cgroup_subsys_state___block css; };
struct blkcg_gq___block { struct blkcg___block *blkcg; };
struct gendisk___block { int major, first_minor; };
struct block_device___block { struct gendisk___block *bd_disk; };
struct bvec_iter___block { u64 bi_sector; unsigned int bi_size; };
struct bio___block {
	struct block_device___block *bi_bdev;
	struct blkcg_gq___block *bi_blkg;       // CONFIG_BLK_CGROUP
	unsigned int bi_opf;
	struct bvec_iter___block bi_iter;
};
struct request_queue___block { struct gendisk___block *disk; };   // 5.15 …, commit d152c682f03c
struct request___block {
	struct request_queue___block *q;
	unsigned int cmd_flags, __data_len;
	u64 __sector;
	struct bio___block *bio;
	u64 start_time_ns;      // when it was taken from the pool for its bio
	u64 io_start_time_ns;   // when the driver got it; 0 where the queue keeps no statistics (blk_mq_start_request)
};
#pragma clang attribute pop

const volatile unsigned int cpus = 1;
const volatile unsigned int devices = 32;       // rows for each CPU; a power of two
volatile unsigned int recording = 0;
volatile unsigned long long flights_since = 0;      // requests are counted in flight that begin from then on
volatile unsigned int flights_counted = 0;

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct block_row); __uint(max_entries, 32); } block_rows SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct block_cgroup); __uint(max_entries, BLOCK_CGROUPS); } block_cgroups SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct block_cpu); __uint(max_entries, 1); } block_cpus SEC(".maps");
// The scheduler object's: who is woken at a completion has waited for the device.
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct cpu_account); __uint(max_entries, 1); } cpu_accounts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32);
	__type(value, struct block_submit); __uint(max_entries, BLOCK_SUBMITS); } block_submits SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32);
	__type(value, struct block_flight); __uint(max_entries, BLOCK_FLIGHTS); } block_flights SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct block_user_key);
	__type(value, struct block_user); __uint(max_entries, BLOCK_USERS); } block_users SEC(".maps");

static __always_inline struct block_cpu *cpu_row(u32 cpu)
{
	return bpf_map_lookup_elem(&block_cpus, &cpu);
}

// The number of the last bit of a latency in units of 1.024 µs, by halving. A program of its own: its 32 ways are verified once, not before
// all that follows.
__noinline u32 bucket_of(u64 ns)
{
	u32 bucket = 0;

	ns >>= 10;
	if (ns >> 16) { ns >>= 16; bucket += 16; }
	if (ns >> 8) { ns >>= 8; bucket += 8; }
	if (ns >> 4) { ns >>= 4; bucket += 4; }
	if (ns >> 2) { ns >>= 2; bucket += 2; }
	if (ns >> 1) { ns >>= 1; bucket += 1; }
	bucket += ns != 0;
	return bucket < BLOCK_BUCKETS ? bucket : BLOCK_BUCKETS - 1;
}

static __always_inline u32 class_of(u32 flags)
{
	switch (flags & 0xff) { // enum req_op, the same from 5.15 to 7.2
	case 0: return BLOCK_READ;
	case 1: case 7: case 13: return BLOCK_WRITE; // REQ_OP_ZONE_APPEND: 7, 13 before 6.0
	case 2: return BLOCK_FLUSH;
	case 3: case 5: case 9: return BLOCK_DISCARD; // discard, secure erase, write zeroes
	default: return BLOCK_OTHER;
	}
}

static __always_inline struct block_row *find_device(u32 cpu, u32 device)
{
	u32 start = (device * 2654435761u) >> 16;

	for (u32 probe = 0; probe < BLOCK_PROBES; probe++) {
		u32 index = cpu * devices + ((start + probe) & (devices - 1));
		struct block_row *row = bpf_map_lookup_elem(&block_rows, &index);

		if (!row)
			return 0;
		if (row->used && row->device == device)
			return row;
		if (!row->used) {
			row->device = device;
			row->used = 1;
			return row;
		}
	}
	return 0;
}

static __always_inline struct block_cgroup *find_cgroup(u32 cpu, u64 cgroup, u32 device)
{
	u32 start = (((u32)cgroup ^ device) * 2654435761u) >> 16;

	for (u32 probe = 0; probe < BLOCK_PROBES; probe++) {
		u32 index = cpu * BLOCK_CGROUPS + ((start + probe) & (BLOCK_CGROUPS - 1));
		struct block_cgroup *row = bpf_map_lookup_elem(&block_cgroups, &index);

		if (!row)
			return 0;
		if (row->cgroup == cgroup && row->device == device)
			return row;
		if (!row->cgroup) {
			row->cgroup = cgroup;
			row->device = device;
			return row;
		}
	}
	return 0;
}

static __always_inline u32 device_of(const struct gendisk___block *disk)
{
	return (u32)disk->major << 20 | (u32)disk->first_minor;
}

// Requests are told apart by where they begin: a request has the sector of its first bio.
static __always_inline struct block_submit *submit_of(u64 sector, u32 device)
{
	u32 index = (((u32)(sector >> 3) ^ device) * 2654435761u) >> 20;        // 12 bits: BLOCK_SUBMITS

	return bpf_map_lookup_elem(&block_submits, &index);
}

static __always_inline struct block_flight *flight_of(u32 cpu, u32 device)
{
	u32 index = cpu * BLOCK_FLIGHTS + ((device * 2654435761u) >> 26);       // 6 bits: BLOCK_FLIGHTS

	return bpf_map_lookup_elem(&block_flights, &index);
}

// Requests with data only: those for a flush alone are the kernel's own, begin nowhere and end twice.
static __always_inline bool is_counted_in_flight(u32 operation)
{
	return operation == BLOCK_READ || operation == BLOCK_WRITE || operation == BLOCK_DISCARD;
}

// The first request after flights_since begins the count. One that got its time before and comes here after it never ends: a request too many makes
// a device look busy, one too few would make a busy one look free.
static __always_inline void flight_begin(u32 cpu, u32 device, u32 operation)
{
	struct block_flight *flight;

	if (!flights_counted) {
		if (!flights_since || bpf_ktime_get_ns() < flights_since)
			return;
		flights_counted = 1;
	}
	flight = is_counted_in_flight(operation) ? flight_of(cpu, device) : 0;
	if (flight)
		flight->begun++;
}

static __always_inline void flight_end(u32 cpu, u32 device, u32 operation, u64 began)
{
	struct block_flight *flight = flights_counted && began >= flights_since && is_counted_in_flight(operation) ? flight_of(cpu, device) : 0;

	if (flight)
		flight->ended++;
}

// How many requests are under way on the device, + 1; 0: not known.
static __noinline u32 beside(u32 device)
{
	s32 flying = 0;

	if (cpus > BLOCK_FLIGHT_CPUS)
		return 0;
	for (u32 cpu = 0; cpu < cpus && cpu < BLOCK_FLIGHT_CPUS; cpu++) {
		struct block_flight *flight = flight_of(cpu, device);

		if (flight)
			flying += (s32)(flight->begun - flight->ended);
	}
	return flying < 0 || !flights_counted ? 0 : (u32)flying + 1;
}

// `one`: a single request; `weight`: for how many it stands.
static __noinline int book_user(struct block_cpu *own, const struct block_user_key *key, const struct block_user *one, u32 weight)
{
	struct block_user *user = find_or_add(&block_users, key);

	if (!user) {
		own->users_lost += weight;
		return 0;
	}
	__sync_fetch_and_add(&user->count, weight);
	__sync_fetch_and_add(&user->bytes, weight * one->bytes);
	__sync_fetch_and_add(&user->ns, weight * one->ns);
	__sync_fetch_and_add(&user->samples, 1);
	__sync_fetch_and_add(&user->known, weight * one->known);
	__sync_fetch_and_add(&user->beside, weight * one->beside);
	if (one->alone) {
		__sync_fetch_and_add(&user->alone, weight);
		__sync_fetch_and_add(&user->alone_ns, weight * one->ns);
		__sync_fetch_and_add(&user->alone_samples, 1);
	}
	if (one->ns > user->max_ns)
		user->max_ns = one->ns;
	return 0;
}

// The time when the current tick was first asked for here. (The kernel's coarse clock is not for tracing programs: commit 5e0bc3082e2e.)
static __always_inline u64 coarse_now(struct block_cpu *own)
{
	u64 tick = bpf_jiffies64();

	if (tick != own->tick) {
		own->tick = tick;
		own->now = bpf_ktime_get_ns();
	}
	return own->now;
}

// Counts an event. 0: it is none of those to look at; else for how many it stands.
static __always_inline u32 sample(struct block_cpu *own, struct block_pace *pace, u32 samples)
{
	u64 now;
	u32 weight;

	if (++pace->events < pace->next_at)
		return 0;
	weight = (u32)(pace->events - pace->sampled_at);
	pace->sampled_at = pace->events;
	pace->slice_samples++;
	now = coarse_now(own);
	if (now - pace->slice >= BLOCK_SLICE_NS) {
		pace->period = (u32)((pace->events - pace->slice_at) * BLOCK_SLICE_NS / (now - pace->slice)) / samples + 1;
		pace->slice = now;
		pace->slice_at = pace->events;
		pace->slice_samples = 0;
	} else if (pace->slice_samples > 2 * samples && pace->period < 1 << 20) {
		pace->period = pace->period ? 2 * pace->period : 1;
		pace->slice_samples = 0;
	}
	pace->random = pace->random * 1664525u + 1013904223u;
	// Not in step with programs that take turns.
	pace->next_at = pace->events + (pace->period > 1 ? pace->period / 2 + 1 + (pace->random >> 8) % pace->period : 1);
	return weight;
}

static __always_inline void book(struct block_sum *sum, struct request___block *request, u64 bytes, u64 now, u64 ns, u32 weight)
{
	u64 issued = request->io_start_time_ns;

	sum->count += weight;
	sum->bytes += weight * bytes;
	sum->ns += weight * ns;
	if (ns > sum->max_ns)
		sum->max_ns = ns;
	u32 bucket = bucket_of(ns);
	if (bucket < BLOCK_BUCKETS)
		sum->latency[bucket] += weight;
	if (issued && now > issued) {
		sum->device_count += weight;
		sum->device_ns += weight * (now - issued);
	}
}

static __always_inline void book_cgroup(struct block_cpu *own, u32 cpu, u32 device, struct request___block *request, u64 bytes, u64 ns, u32 weight)
{
	struct block_cgroup *group;
	u64 cgroup;

	if (!bpf_core_field_exists(request->bio->bi_blkg))
		return;
	cgroup = UNTRUSTED(request)->bio->bi_blkg->blkcg->css.cgroup->kn->id;
	if (!cgroup)
		return;
	group = find_cgroup(cpu, cgroup, device);
	if (!group) {
		own->cgroups_lost += weight;
		return;
	}
	group->count += weight;
	group->bytes += weight * bytes;
	group->ns += weight * ns;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request___block *request, int error, unsigned int bytes)
{
	u32 cpu = bpf_get_smp_processor_id(), operation, device;
	struct block_cpu *own;
	struct gendisk___block *disk;
	struct block_row *row;
	struct block_sum *sum;
	struct block_submit *submit;
	u64 now, began, ns, place;
	u32 weight;

	disk = UNTRUSTED(request)->q->disk;
	if (!disk)                      // a command that goes to no disk
		return 0;
	device = device_of(disk);
	completing_set(bpf_map_lookup_elem(&cpu_accounts, &cpu), device);
	own = cpu_row(cpu);
	if (!recording || cpu >= cpus || !own)
		return 0;
	operation = class_of(request->cmd_flags);
	// A write that asks for a flush completes twice, with its data and without (blk-flush.c, blk_flush_complete_seq); an empty one is
	// nothing but the flush that the device did for it.
	if (!bytes && operation == BLOCK_WRITE)
		return 0;
	row = find_device(cpu, device);
	if (!row) {
		own->devices_lost++;
		return 0;
	}
	if (bytes < request->__data_len) {      // a part of it; the rest is to come
		row->operations[operation].bytes += bytes;
		return 0;
	}
	flight_end(cpu, device, operation, request->start_time_ns);
	sum = &row->operations[operation];
	place = request->__sector + 1;
	submit = submit_of(place, device);
	if (submit && (submit->place != place || submit->device != device))
		submit = 0;
	began = request->start_time_ns;         // 0 where iostats is switched off
	weight = began && coarse_now(own) > began + BLOCK_LONG_NS ? 1 : sample(own, &sum->pace, BLOCK_REQUESTS);
	if (!weight && !submit)
		return 0;
	now = bpf_ktime_get_ns();
	ns = began && now > began ? now - began : 0;
	if (weight) {
		book(sum, request, bytes, now, ns, weight);
		book_cgroup(own, cpu, device, request, bytes, ns, weight);
	}
	if (submit) {
		struct block_user_key key = { .tgid = submit->tgid, .device = device, .operation = operation };
		struct block_user one = { .bytes = bytes, .ns = ns, .known = submit->beside != 0, .alone = submit->beside == 1,
			.beside = submit->beside ? submit->beside - 1 : 0 };

		weight = submit->weight;
		submit->place = 0;
		own->samples_found += weight;
		book_user(own, &key, &one, weight);
	}
	return 0;
}

// Two requests have become one, which ends once.
SEC("tp_btf/block_rq_merge")
int BPF_PROG(on_merge, struct request___block *request)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct gendisk___block *disk = UNTRUSTED(request)->q->disk;

	if (recording && cpu < cpus && disk)
		flight_end(cpu, device_of(disk), class_of(request->cmd_flags), request->start_time_ns);
	return 0;
}

// A bio has got its request: whoever runs here has asked for it (but for writeback and other workers of the kernel).
SEC("tp_btf/block_getrq")
int BPF_PROG(on_submit, struct bio___block *bio)
{
	u32 cpu = bpf_get_smp_processor_id(), device;
	struct block_cpu *own;
	struct block_submit *submit;
	u64 place;
	u32 weight;

	if (!recording || cpu >= cpus)
		return 0;
	own = cpu_row(cpu);
	weight = own ? sample(own, &own->submits, BLOCK_SUBMITTERS) : 0;
	device = device_of(UNTRUSTED(bio)->bi_bdev->bd_disk);
	u32 before = weight ? beside(device) : 0;
	if (bio->bi_iter.bi_size)
		flight_begin(cpu, device, class_of(bio->bi_opf));
	if (!weight)
		return 0;
	place = bio->bi_iter.bi_sector + 1;
	submit = submit_of(place, device);
	if (!submit)
		return 0;
	submit->place = 0;      // whoever looks meanwhile finds nobody rather than a mixture
	submit->device = device;
	submit->tgid = bpf_get_current_pid_tgid() >> 32;
	submit->weight = weight;
	submit->beside = before;
	submit->place = place;
	own->samples += weight;
	return 0;
}
