// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// Block requests: how many, how long and for whom. One cheap program at the completion of a request; another one, which looks at some
// requests only, at its beginning.
#include "bpf/kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/block_records.h"
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
struct bvec_iter___block { u64 bi_sector; };
struct bio___block {
	struct block_device___block *bi_bdev;
	struct blkcg_gq___block *bi_blkg;       // CONFIG_BLK_CGROUP
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
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct block_user_key);
	__type(value, struct block_user); __uint(max_entries, BLOCK_USERS); } block_users SEC(".maps");

static __always_inline struct block_cpu *cpu_row(u32 cpu)
{
	return bpf_map_lookup_elem(&block_cpus, &cpu);
}

// The number of the last bit of a latency in units of 1.024 µs, by halving.
static __always_inline u32 bucket_of(u64 ns)
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

// `one`: a single request.
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
	if (one->ns > user->max_ns)
		user->max_ns = one->ns;
	return 0;
}

static __always_inline void book(struct block_sum *sum, struct request___block *request, u64 bytes, u64 now, u64 ns)
{
	u64 issued = request->io_start_time_ns;

	sum->count++;
	sum->bytes += bytes;
	sum->ns += ns;
	if (ns > sum->max_ns)
		sum->max_ns = ns;
	sum->latency[bucket_of(ns)]++;
	if (issued && now > issued) {
		sum->device_count++;
		sum->device_ns += now - issued;
	}
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request___block *request, int error, unsigned int bytes)
{
	u32 cpu = bpf_get_smp_processor_id(), operation, device;
	struct block_cpu *own;
	struct gendisk___block *disk;
	struct block_row *row;
	u64 now, began, ns;

	disk = request->q->disk;
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
	now = bpf_ktime_get_ns();
	began = request->start_time_ns;         // 0 where iostats is switched off
	ns = began && now > began ? now - began : 0;
	book(&row->operations[operation], request, bytes, now, ns);

	if (bpf_core_field_exists(request->bio->bi_blkg)) {
		u64 cgroup = request->bio->bi_blkg->blkcg->css.cgroup->kn->id;
		struct block_cgroup *group = cgroup ? find_cgroup(cpu, cgroup, device) : 0;

		if (group) {
			group->count++;
			group->bytes += bytes;
			group->ns += ns;
		} else if (cgroup) {
			own->cgroups_lost++;
		}
	}
	u64 place = request->__sector + 1;
	struct block_submit *submit = submit_of(place, device);
	if (submit && submit->place == place && submit->device == device) {
		struct block_user_key key = { .tgid = submit->tgid, .device = device, .operation = operation };
		struct block_user one = { .bytes = bytes, .ns = ns };
		u32 weight = submit->weight;

		submit->place = 0;
		own->samples_found += weight;
		book_user(own, &key, &one, weight);
	}
	return 0;
}

// How far apart the samples are on this CPU, so that there are about BLOCK_SAMPLES in each slice of BLOCK_SLICE ticks.
static __always_inline void pace(struct block_cpu *own)
{
	u64 ticks = bpf_jiffies64();

	own->slice_samples++;
	if (ticks - own->slice >= BLOCK_SLICE) {
		own->period = (u32)((own->submits - own->slice_at) * BLOCK_SLICE / (ticks - own->slice)) / BLOCK_SAMPLES + 1;
		own->slice = ticks;
		own->slice_at = own->submits;
		own->slice_samples = 0;
	} else if (own->slice_samples > 2 * BLOCK_SAMPLES && own->period < 1 << 20) {
		own->period *= 2;
		own->slice_samples = 0;
	}
	own->random = own->random * 1664525u + 1013904223u;
	// Not in step with programs that take turns.
	own->next_at = own->submits + (own->period > 1 ? own->period / 2 + 1 + (own->random >> 8) % own->period : 1);
}

// A bio has got its request: whoever runs here has asked for it (but for writeback and other workers of the kernel).
SEC("tp_btf/block_getrq")
int BPF_PROG(on_submit, struct bio___block *bio)
{
	u32 cpu = bpf_get_smp_processor_id(), device;
	struct block_cpu *own;
	struct block_submit *submit;
	u64 place;

	if (!recording || cpu >= cpus)
		return 0;
	own = cpu_row(cpu);
	if (!own || ++own->submits < own->next_at)
		return 0;
	place = bio->bi_iter.bi_sector + 1;
	device = device_of(bio->bi_bdev->bd_disk);
	submit = submit_of(place, device);
	if (!submit)
		return 0;
	submit->place = 0;      // whoever looks meanwhile finds nobody rather than a mixture
	submit->device = device;
	submit->tgid = bpf_get_current_pid_tgid() >> 32;
	submit->weight = (u32)(own->submits - own->sampled_at);
	submit->place = place;
	own->samples += submit->weight;
	own->sampled_at = own->submits;
	pace(own);
	return 0;
}
