// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// File systems: commits of jbd2 journals and who filled them, syncs of ext4 and btrfs by process and device, and writers that
// balance_dirty_pages() holds back, by process and device. All run at most once for a system call, most far more rarely.
#include "bpf/kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/files_records.h"
#include "bpf/rows.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct super_block___files { u32 s_dev; };
struct inode___files { struct super_block___files *i_sb; };
struct file___files { struct inode___files *f_inode; };
struct backing_dev_info___files { char dev_name[64]; };         // 5.7 …
struct bdi_writeback___files { struct backing_dev_info___files *bdi; };
#pragma clang attribute pop

volatile unsigned int recording = 0;
unsigned long long users_lost = 0;

struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32);
	__type(value, struct files_since); __uint(max_entries, FILES_COMMITTERS); } files_committers SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32);
	__type(value, struct files_since); __uint(max_entries, FILES_SYNCING); } files_syncing SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32);
	__type(value, struct files_journal); __uint(max_entries, FILES_JOURNALS); } files_journals SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct files_key);
	__type(value, struct files_user); __uint(max_entries, FILES_USERS); } files_users SEC(".maps");

static __always_inline struct files_user *find_user(struct files_key *key)
{
	struct files_user *user = find_or_add(&files_users, key);

	if (!user)
		__sync_fetch_and_add(&users_lost, 1);
	return user;
}

static __always_inline struct files_user *user_of(u32 device)
{
	struct files_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .device = device };

	return find_user(&key);
}

// ---- jbd2: arguments (journal, transaction), (device, number, statistics), (device, number, type, line, interval, sync, requested, dirtied) ----

SEC("raw_tp/jbd2_start_commit")
int on_commit_start(struct bpf_raw_tracepoint_args *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid();
	struct files_since since = { .since = bpf_ktime_get_ns() };

	if (recording)
		bpf_map_update_elem(&files_committers, &thread, &since, BPF_ANY);
	return 0;
}

// The same thread tells the device near the end of the commit (fs/jbd2/commit.c).
SEC("raw_tp/jbd2_run_stats")
int on_commit_end(struct bpf_raw_tracepoint_args *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid(), device = (u32)ctx->args[0];
	struct files_since *since = bpf_map_lookup_elem(&files_committers, &thread);
	struct files_journal *journal, first = {};
	u64 ns;

	if (!recording || !since)
		return 0;
	ns = bpf_ktime_get_ns() - since->since;
	bpf_map_delete_elem(&files_committers, &thread);
	bpf_map_update_elem(&files_journals, &device, &first, BPF_NOEXIST);
	journal = bpf_map_lookup_elem(&files_journals, &device);
	if (!journal)
		return 0;
	journal->commits++;             // one thread for each journal
	journal->ns += ns;
	if (ns > journal->max_ns)
		journal->max_ns = ns;
	return 0;
}

SEC("raw_tp/jbd2_handle_stats")
int on_handle(struct bpf_raw_tracepoint_args *ctx)
{
	struct files_user *user;

	if (!recording)
		return 0;
	user = user_of((u32)ctx->args[0]);
	if (!user)
		return 0;
	__sync_fetch_and_add(&user->handles, 1);
	if ((s32)ctx->args[7] > 0)
		__sync_fetch_and_add(&user->blocks, (u64)(s32)ctx->args[7]);
	return 0;
}

// ---- syncs: the first argument is the file ----

static __always_inline u32 device_of(u64 argument)
{
	struct file___files *file = (void *)argument;

	return BPF_CORE_READ(file, f_inode, i_sb, s_dev);
}

SEC("raw_tp/ext4_sync_file_enter")
int on_ext4_sync(struct bpf_raw_tracepoint_args *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid();
	struct files_since since = { .since = bpf_ktime_get_ns() };

	if (!recording)
		return 0;
	since.device = device_of(ctx->args[0]);
	bpf_map_update_elem(&files_syncing, &thread, &since, BPF_ANY);
	return 0;
}

SEC("raw_tp/ext4_sync_file_exit")
int on_ext4_synced(struct bpf_raw_tracepoint_args *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid();
	struct files_since *since = bpf_map_lookup_elem(&files_syncing, &thread);
	struct files_user *user;
	u64 ns;

	if (!since)
		return 0;
	ns = bpf_ktime_get_ns() - since->since;
	user = user_of(since->device);
	bpf_map_delete_elem(&files_syncing, &thread);
	if (!recording || !user)
		return 0;
	__sync_fetch_and_add(&user->syncs, 1);
	__sync_fetch_and_add(&user->sync_ns, ns);
	if (ns > user->sync_max_ns)
		user->sync_max_ns = ns;
	return 0;
}

SEC("raw_tp/btrfs_sync_file")
int on_btrfs_sync(struct bpf_raw_tracepoint_args *ctx)
{
	struct files_user *user;

	if (!recording)
		return 0;
	user = user_of(device_of(ctx->args[0]));
	if (user)
		__sync_fetch_and_add(&user->syncs, 1);
	return 0;
}

// ---- dirty throttling: the first argument is the bdi_writeback ----

static __always_inline int paused(u64 writeback_address, u64 dirtied, u64 pause, u64 began)
{
	struct files_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct bdi_writeback___files *writeback = (void *)writeback_address;
	struct files_user *user;

	if (!recording)
		return 0;
	bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(writeback, bdi)->dev_name);
	user = find_user(&key);
	if (!user)
		return 0;
	// It may pause several times for the same pages; the first time is that at which it has just begun.
	if (bpf_jiffies64() - began < 2)
		__sync_fetch_and_add(&user->dirtied_pages, dirtied);
	if ((s64)pause <= 0)
		return 0;
	__sync_fetch_and_add(&user->pauses, 1);
	__sync_fetch_and_add(&user->pause_jiffies, pause);
	if (pause > user->pause_max_jiffies)
		user->pause_max_jiffies = pause;
	return 0;
}

SEC("raw_tp/balance_dirty_pages")
int on_dirty(struct bpf_raw_tracepoint_args *ctx)
{
	return paused(ctx->args[0], ctx->args[8], ctx->args[10], ctx->args[11]);
}

// Later kernels (6.18 is one) pass a structure in place of the five limits.
SEC("raw_tp/balance_dirty_pages")
int on_dirty_short(struct bpf_raw_tracepoint_args *ctx)
{
	return paused(ctx->args[0], ctx->args[4], ctx->args[6], ctx->args[7]);
}
