#include "ledger/sleep_classes.h"

#include <string.h>

#include "base/base.h"

// Names of kernel functions, parted by spaces; a star at the end stands for the rest of a name. Suffixes that compilers add (.isra.0) are left
// out on both sides. Names of several kernel versions stand side by side (5.15 … 7.2).
//
// Rows are tried in order: what stands above explains what stands below. A fault that reads from swap also waits for a page, and an allocation
// that frees memory may wait for pages, journals and devices.
struct rule { enum sleep_class class; const char *functions; };

static const struct rule rules[] = {
	{ SLEEP_RING_IDLE, "io_cqring_wait __io_cqring_wait io_cqring_wait_schedule" },
	{ SLEEP_IDLE, "kvm_vcpu_block kvm_vcpu_halt fuse_dev_do_read fuse_dev_splice_read" },

	{ SLEEP_MEMORY_LIMIT, "mem_cgroup_handle_over_high __mem_cgroup_handle_over_high" },
	{ SLEEP_MEMORY_LIMIT, "try_to_free_mem_cgroup_pages mem_cgroup_oom_synchronize" },
	{ SLEEP_COMPACTION, "__alloc_pages_direct_compact try_to_compact_pages compact_zone_order compact_zone" },
	{ SLEEP_RECLAIM, "try_to_free_pages __alloc_pages_direct_reclaim do_try_to_free_pages throttle_direct_reclaim reclaim_throttle "
		"node_reclaim __node_reclaim drop_slab wait_iff_congested congestion_wait" },
	{ SLEEP_SWAP_IN, "do_swap_page swapin_readahead swap_cluster_readahead swapin_folio swap_readpage swap_read_folio swap_vma_readahead "
		"shmem_swapin* read_swap_cache_async __read_swap_cache_async try_to_unuse" },
	{ SLEEP_USERFAULT, "handle_userfault" },

	// ZFS holds writers back in dmu_tx_delay() on a timer and in dmu_tx_wait(), its own way of balance_dirty_pages().
	{ SLEEP_DIRTY, "balance_dirty_pages balance_dirty_pages_ratelimited balance_dirty_pages_ratelimited_flags dmu_tx_delay dmu_tx_wait "
		"nfs_wait_on_write_congestion ceph_throttle_dirty txg_wait_open txg_wait_open_impl f2fs_balance_fs" },

	// Before all that a commit itself waits for: these are tasks that wait until somebody else has committed, or for room in the log.
	{ SLEEP_JOURNAL, "jbd2_log_wait_commit jbd2_complete_transaction wait_transaction_locked wait_transaction_switching add_transaction_credits "
		"do_get_write_access jbd2_journal_get_create_access __jbd2_log_wait_for_space jbd2_log_do_checkpoint __jbd2_journal_force_commit "
		"jbd2_journal_force_commit* jbd2_journal_lock_updates jbd2_journal_begin_ordered_truncate jbd2_fc_begin_commit ext4_fc_commit "
		"xlog_wait xlog_wait_on_iclog xlog_wait_on_iclog_lsn xlog_grant_head_wait xlog_grant_head_check xlog_state_get_iclog_space "
		"xlog_cil_force_seq xlog_cil_push_now xlog_cil_order_write xfs_log_force_seq xfs_log_force xfs_log_force_lsn xfs_buf_wait_unpin "
		"xfs_iunpin_wait __xfs_iunpin_wait xfs_iunpin "
		"wait_for_commit btrfs_wait_for_commit wait_current_trans wait_log_commit wait_for_writer wait_reserve_ticket "
		"txg_wait_synced txg_wait_synced_impl txg_wait_synced_sig txg_wait_synced_flags zil_commit zil_commit_impl zil_commit_waiter "
		"f2fs_issue_checkpoint f2fs_write_checkpoint bch2_journal_flush_seq bch2_journal_res_get_slowpath journal_wait_on_commit "
		"ocfs2_wait_for_commit gfs2_log_flush gfs2_log_reserve nilfs_segctor_sync do_sync_work" },

	{ SLEEP_FUSE, "request_wait_answer fuse_wait_on_page_writeback fuse_wait_on_folio_writeback fuse_sync_writes fuse_get_req fuse_simple_request "
		"__fuse_simple_request fuse_request_send virtio_fs_* fuse_*" },
	{ SLEEP_REMOTE, "rpc_wait_bit_killable __rpc_execute rpc_execute nfs_* nfs3_* nfs4_* cifs_* smb2_* SMB2_* smb_* compound_send_recv "
		"wait_for_response wait_for_free_credits wait_for_free_request ceph_* netfs_* p9_* v9fs_* afs_* dlm_* gfs2_glock_* ocfs2_cluster_lock "
		"__ocfs2_cluster_lock rbd_* iscsi_*" },

	{ SLEEP_IO_LIMIT, "ioc_rqos_throttle blkcg_iolatency_throttle __blkcg_iolatency_throttle blkcg_maybe_throttle_current blk_throtl_bio "
		"__blk_throtl_bio" },
	{ SLEEP_BLOCK_QUEUE, "wbt_wait __wbt_wait rq_qos_wait" },
	{ SLEEP_BLOCK_QUEUE, "blk_mq_get_tag blk_queue_enter __bio_queue_enter blk_mq_freeze_queue_wait md_super_wait md_handle_request "
		"raid5_get_active_stripe wait_barrier bt_get" },
	{ SLEEP_BLOCK, "blkdev_issue_flush" },
	{ SLEEP_KERNEL_LOCK, "xfs_buf_lock" }, // of a buffer that another task changes or writes
	{ SLEEP_PAGE_READ, "filemap_fault filemap_get_pages filemap_update_page filemap_read filemap_read_folio filemap_read_page generic_file_read_iter "
		"do_read_cache_folio do_read_cache_page read_cache_page read_cache_folio filemap_splice_read page_cache_ra_unbounded "
		"page_cache_ra_order force_page_cache_ra migration_entry_wait" },
	{ SLEEP_WRITEBACK, "folio_wait_writeback folio_wait_writeback_killable folio_wait_stable wait_on_page_writeback wait_for_stable_page "
		"__filemap_fdatawait_range wb_wait_for_completion wait_sb_inodes btrfs_wait_ordered_range btrfs_start_ordered_extent "
		"btrfs_start_ordered_extent_nowriteback btrfs_wait_ordered_extents btrfs_btree_wait_writeback_range wait_on_extent_buffer_writeback "
		"lock_extent_buffer_for_io write_all_supers wait_dev_supers zio_wait" },
	{ SLEEP_BLOCK, "xfs_buf_read_map xfs_buf_iowait __wait_on_buffer __bread_gfp bdev_getblk ext4_bread ext4_read_bh ext4_read_bh_lock "
		"ext4_wait_block_bitmap ext4_sb_bread read_extent_buffer_pages btrfs_read_extent_buffer read_tree_block bh_read __bh_read "
		"dmu_buf_hold_array_by_dnode dbuf_read arc_read f2fs_get_meta_page squashfs_*" },
	{ SLEEP_BLOCK, "submit_bio_wait __iomap_dio_rw iomap_dio_rw __blockdev_direct_IO do_blockdev_direct_IO blkdev_direct_IO __blkdev_direct_IO_simple "
		"btrfs_direct_read btrfs_direct_write bit_wait_io __sync_dirty_buffer sync_dirty_buffer xfs_bwrite blkdev_issue_discard blkdev_issue_zeroout "
		"jbd2_journal_commit_transaction jbd2_write_superblock xfsaild xlog_cil_push_work" },

	// Inside a commit that the task makes itself, for others to leave the transaction.
	{ SLEEP_JOURNAL, "btrfs_commit_transaction btrfs_sync_log btrfs_start_dirty_block_groups jbd2_journal_wait_updates jbd2__journal_start "
		"jbd2_journal_get_write_access start_this_handle start_transaction xfs_trans_reserve xfs_trans_alloc xfs_log_reserve dmu_tx_assign" },

	{ SLEEP_FILE_LOCK, "flock_lock_inode_wait locks_lock_inode_wait posix_lock_inode_wait do_lock_file_wait fcntl_setlk __break_lease" },
	{ SLEEP_KERNEL_LOCK, "rwsem_down_read_slowpath rwsem_down_write_slowpath __mutex_lock __mutex_lock_slowpath __mutex_lock_killable_slowpath "
		"__mutex_lock_interruptible_slowpath __down __down_killable __down_interruptible __down_common percpu_rwsem_wait rt_mutex_slowlock "
		"__rt_mutex_slowlock btrfs_tree_lock_nested btrfs_tree_read_lock_nested __wait_on_freeing_inode find_inode_fast "
		"d_alloc_parallel bit_wait inode_wait_for_writeback __inode_wait_for_writeback inode_dio_wait" },
	{ SLEEP_PIPE, "pipe_read anon_pipe_read pipe_write anon_pipe_write pipe_wait_readable pipe_wait_writable wait_for_partner fifo_open "
		"splice_from_pipe_next iter_file_splice_write splice_to_pipe" },
	{ SLEEP_SOCKET, "unix_* tcp_* udp_* inet_* inet6_* raw_recvmsg sk_wait_data sk_stream_wait_memory sk_stream_wait_connect __skb_wait_for_more_packets "
		"skb_recv_datagram sock_alloc_send_pskb netlink_* packet_* vsock_* virtio_transport_* sock_sendmsg sock_recvmsg __sys_connect" },
	{ SLEEP_FUTEX, "futex_wait futex_wait_queue futex_wait_queue_me __futex_wait futex_wait_multiple futex_wait_requeue_pi futex_lock_pi "
		"futex_do_wait" },
	{ SLEEP_PROCESS, "wait_for_vfork_done kernel_clone" },
	{ SLEEP_PROCESS, "do_wait __do_wait kernel_wait4 kernel_waitid" },
	{ SLEEP_FREEZE, "ptrace_stop do_signal_stop __refrigerator do_freezer_trap cgroup_enter_frozen coredump_task_exit do_coredump vfs_coredump "
		"coredump_wait ptrace_check_attach" },
	{ SLEEP_KERNEL_WORK, "synchronize_rcu* synchronize_srcu* __synchronize_srcu rcu_barrier* __wait_rcu_gp __flush_work __flush_workqueue flush_workqueue "
		"flush_work lru_add_drain_all __lru_add_drain_all drain_all_pages stop_one_cpu stop_cpus stop_machine* affine_move_task "
		"__set_cpus_allowed_ptr* percpu_ref_kill_and_confirm cgroup_kn_lock* cgroup_lock_and_drain* kthread_stop kthread_park "
		"__kthread_create_on_node call_usermodehelper_exec devtmpfs_submit_req wait_for_device_probe smpboot_* perf_event_* "
		"expand_fdtable do_exit exit_mm mmput" },
	{ SLEEP_DEVICE, "dma_fence_* drm_* i915_* amdgpu_* nvkm_* nouveau_* nv_* nvidia_* nvme_* scsi_* ata_* sata_* sd_* sg_* usb_* hub_* mmc_* tpm_* "
		"acpi_* i2c_* blk_execute_rq wait_for_completion_io* snd_* v4l2_* vb2_* video_* hid_* rdma_* ib_* mlx5_* mlx4_* tty_* n_tty_* "
		"rtl_* msr_* hwrng_* rng_* vfio_* virtblk_* vhost_*" },
	{ SLEEP_FILE_SYSTEM, "ext4_* jbd2_* xfs_* xlog_* btrfs_* f2fs_* zfs_* zpl_* dmu_* dbuf_* zil_* spa_* bch2_* gfs2_* ocfs2_* nilfs_* ntfs_* "
		"udf_* exfat_* fat_* jfs_* reiserfs_* overlayfs_* ovl_* iomap_* blkdev_*" },
};

// File systems by the beginning of their functions' names. On a stack with several the innermost stands first (overlay below ext4).
static const struct { const char *prefix, *name; } file_systems[] = {
	{ "ext4_", "ext4" }, { "__ext4_", "ext4" }, { "xfs_", "xfs" }, { "xlog_", "xfs" }, { "btrfs_", "btrfs" }, { "f2fs_", "f2fs" },
	{ "zfs_", "zfs" }, { "zpl_", "zfs" }, { "zil_", "zfs" }, { "dmu_", "zfs" }, { "txg_", "zfs" }, { "bch2_", "bcachefs" }, { "gfs2_", "gfs2" },
	{ "ocfs2_", "ocfs2" }, { "nilfs_", "nilfs2" }, { "fuse_", "fuse" }, { "nfs_", "nfs" }, { "nfs3_", "nfs" }, { "nfs4_", "nfs" },
	{ "cifs_", "cifs" }, { "smb2_", "cifs" }, { "SMB2_", "cifs" }, { "ceph_", "ceph" }, { "v9fs_", "9p" }, { "p9_", "9p" }, { "afs_", "afs" },
	{ "exfat_", "exfat" }, { "fat_", "fat" }, { "ntfs_", "ntfs" }, { "udf_", "udf" }, { "squashfs_", "squashfs" }, { "shmem_", "tmpfs" },
};

static const char *const sync_calls[] = { "fsync", "fdatasync", "msync", "sync", "syncfs", "sync_file_range", "sync_file_range2" };

// What the kernel runs for those, and for writes with O_SYNC or O_DSYNC.
static const char sync_functions[] = "do_fsync vfs_fsync_range vfs_fsync generic_write_sync ext4_sync_file xfs_file_fsync btrfs_sync_file "
	"f2fs_sync_file f2fs_do_sync_file zpl_fsync zpl_fsync_impl fuse_fsync nfs_file_fsync cifs_strict_fsync cifs_fsync ceph_fsync blkdev_fsync "
	"bch2_fsync gfs2_fsync ocfs2_sync_file fat_file_fsync exfat_file_fsync io_fsync __do_sys_msync ksys_sync sync_filesystem __x64_sys_syncfs "
	"sync_file_range xfs_log_force_inode generic_file_fsync __generic_file_fsync ";

// The length of the function's name in a frame.
static size_t name_length(const char *frame)
{
	return strcspn(frame, "+. \n");
}

static bool is_named(const char *functions, const char *frame, size_t length)
{
	for (const char *name = functions; *name;) {
		size_t size = strcspn(name, " ");
		if (size && name[size - 1] == '*' ? length >= size - 1 && !memcmp(name, frame, size - 1) : size == length && !memcmp(name, frame, size))
			return true;
		name += size;
		name += strspn(name, " ");
	}
	return false;
}

static const char *next_line(const char *frame)
{
	frame += strcspn(frame, "\n");
	return *frame ? frame + 1 : frame;
}

static void look_at_frames(const char *frames, struct sleep_stack *stack)
{
	size_t best = ARRAY_SIZE(rules);
	for (const char *frame = frames; *frame; frame = next_line(frame)) {
		size_t length = name_length(frame);
		for (size_t i = 0; i < best; i++)
			if (is_named(rules[i].functions, frame, length)) {
				best = i;
				stack->class = rules[i].class;
				stack->frame = frame;
				stack->frame_length = (int)length;
			}
		for (size_t i = 0; !stack->file_system && i < ARRAY_SIZE(file_systems); i++)
			if (!strncmp(frame, file_systems[i].prefix, strlen(file_systems[i].prefix)))
				stack->file_system = file_systems[i].name;
		stack->sync = stack->sync || is_named(sync_functions, frame, length);
	}
}

struct sleep_stack sleep_class__read(const char *frames)
{
	struct sleep_stack stack = { .class = frames ? SLEEP_OTHER : SLEEP_UNKNOWN };
	if (frames)
		look_at_frames(frames, &stack);
	return stack;
}

// What the recorder itself knows without a stack: it told these by the system call.
static enum sleep_class class_of_reason(enum blocked_reason reason)
{
	return reason == BLOCKED_PROCESS ? SLEEP_PROCESS : reason == BLOCKED_FUTEX ? SLEEP_FUTEX : SLEEP_UNKNOWN;
}

enum sleep_class sleep_class__of_row(const struct sleep_row *sleep, const struct sleep_stack *stack)
{
	enum sleep_class class = stack->class;
	enum blocked_reason reason = blocked_reason__from_name(sleep->reason, BLOCKED_OTHER);
	bool block = waker_kind__from_name(sleep->waker_kind, WAKER_UNKNOWN) == WAKER_BLOCK;
	// Whoever waits for a ring and is woken by a device was owed something.
	if (block && (class == SLEEP_UNKNOWN || class == SLEEP_OTHER || class == SLEEP_FILE_SYSTEM || class == SLEEP_RING_IDLE))
		return SLEEP_BLOCK;
	// PSI counts a wait for a page as memory only where the page had been in use a moment ago (folio_wait_bit_common() in Linux mm/filemap.c).
	if (class == SLEEP_PAGE_READ && reason == BLOCKED_MEMORY)
		return SLEEP_REFAULT;
	return class == SLEEP_UNKNOWN ? class_of_reason(reason) : class;
}

enum sleep_class sleep_class__of(const struct sleep_row *sleep, const char *frames)
{
	struct sleep_stack stack = sleep_class__read(frames);
	return sleep_class__of_row(sleep, &stack);
}

const char *sleep_class__name(enum sleep_class class)
{
	static const char *const names[SLEEP_CLASSES] = {
		[SLEEP_UNKNOWN] = "unknown", [SLEEP_BLOCK] = "block device", [SLEEP_PAGE_READ] = "file page", [SLEEP_JOURNAL] = "journal",
		[SLEEP_DIRTY] = "dirty throttling", [SLEEP_WRITEBACK] = "writeback", [SLEEP_BLOCK_QUEUE] = "device queue",
		[SLEEP_IO_LIMIT] = "I/O limit", [SLEEP_REMOTE] = "remote file system", [SLEEP_FUSE] = "user-space file system",
		[SLEEP_FILE_SYSTEM] = "file system", [SLEEP_SWAP_IN] = "swap-in", [SLEEP_REFAULT] = "refault", [SLEEP_RECLAIM] = "reclaim",
		[SLEEP_MEMORY_LIMIT] = "memory limit", [SLEEP_COMPACTION] = "compaction", [SLEEP_USERFAULT] = "userfaultfd", [SLEEP_FUTEX] = "futex",
		[SLEEP_KERNEL_LOCK] = "kernel lock", [SLEEP_FILE_LOCK] = "file lock", [SLEEP_PIPE] = "pipe", [SLEEP_SOCKET] = "socket",
		[SLEEP_PROCESS] = "process", [SLEEP_KERNEL_WORK] = "kernel work", [SLEEP_RING_IDLE] = "idle io_uring", [SLEEP_IDLE] = "idle",
		[SLEEP_DEVICE] = "other device", [SLEEP_FREEZE] = "frozen", [SLEEP_OTHER] = "other",
	};
	return (unsigned int)class < SLEEP_CLASSES ? names[class] : "unknown";
}

bool sleep_class__is_idle(enum sleep_class class)
{
	return class == SLEEP_RING_IDLE || class == SLEEP_IDLE;
}

bool sleep_class__is_sync(const char *operation)
{
	for (size_t i = 0; operation && i < ARRAY_SIZE(sync_calls); i++)
		if (!strcmp(operation, sync_calls[i]))
			return true;
	return false;
}
