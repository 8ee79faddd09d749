// Stacks of sleepers and what they waited for.
#ifndef WHYSTALL_TEST_SLEEP_STACKS_H
#define WHYSTALL_TEST_SLEEP_STACKS_H

#include "base/base.h"
#include "ledger/sleep_classes.h"

#include <string.h>

struct sleep_case {
	enum sleep_class class;
	bool sync;
	const char *file_system, *operation, *waker_kind, *frames;
};

static const struct sleep_case real_stacks[] = {
	{ SLEEP_JOURNAL, true, "ext4", "fsync", "task",
	  "jbd2_log_wait_commit+0xee\next4_sync_file+0x1f2\ndo_fsync+0x3b\n__x64_sys_fsync+0xf" },
	{ SLEEP_JOURNAL, true, "ext4", "write", "task",
	  "jbd2_log_wait_commit+0xee\next4_sync_file+0x1f2\next4_buffered_write_iter+0x9d\nvfs_write+0x29c\nksys_write+0x6f" },
	{ SLEEP_JOURNAL, true, "ext4", "msync", "task",
	  "jbd2_log_wait_commit+0xee\next4_sync_file+0x1f2\n__do_sys_msync+0x1ed" },
	{ SLEEP_JOURNAL, true, "ext4", "syncfs", "task",
	  "jbd2_log_wait_commit+0xee\next4_sync_fs+0x19c\nsync_filesystem+0x7e\n__x64_sys_syncfs+0x41" },
	{ SLEEP_JOURNAL, false, "ext4", "rmdir", "task",
	  "wait_transaction_locked+0x83\nadd_transaction_credits+0x1aa\nstart_this_handle+0x11e\njbd2__journal_start+0x11a\n"
	  "ext4_rmdir+0x1f1\nvfs_rmdir+0x99\ndo_rmdir+0x15c\n__x64_sys_rmdir+0x3b" },
	{ SLEEP_JOURNAL, false, "ext4", "rename", "task",
	  "do_get_write_access+0x277\njbd2_journal_get_write_access+0x95\n__ext4_journal_get_write_access+0x3e\n"
	  "add_dirent_to_buf+0x7c\next4_add_entry+0x16e\next4_rename+0xa8f\nvfs_rename+0x83e\ndo_renameat2+0x445\n__x64_sys_rename+0x76" },
	{ SLEEP_JOURNAL, false, "ext4", "pwrite64", "task",
	  "do_get_write_access+0x277\njbd2_journal_get_write_access+0x95\n__ext4_journal_get_write_access+0x3e\n"
	  "ext4_reserve_inode_write+0x71\n__ext4_mark_inode_dirty+0x6e\next4_dirty_inode+0x57\n__mark_inode_dirty+0x56\n"
	  "generic_update_time+0x4f\nfile_update_time_flags+0x13b\next4_buffered_write_iter+0x51\nvfs_write+0x29c\n"
	  "__x64_sys_pwrite64+0xa3" },
	{ SLEEP_JOURNAL, false, "ext4", "getdents64", "task",
	  "do_get_write_access+0x277\njbd2_journal_get_write_access+0x95\n__ext4_journal_get_write_access+0x3e\n"
	  "ext4_reserve_inode_write+0x71\n__ext4_mark_inode_dirty+0x6e\next4_dirty_inode+0x57\n__mark_inode_dirty+0x56\n"
	  "generic_update_time+0x4f\ntouch_atime+0xf3\niterate_dir+0x188\n__x64_sys_getdents64+0x76" },
	{ SLEEP_JOURNAL, false, "ext4", "ftruncate", "task",
	  "wait_transaction_locked+0x83\nadd_transaction_credits+0x1aa\nstart_this_handle+0x11e\njbd2__journal_start+0x11a\n"
	  "ext4_setattr+0x501\nnotify_change+0x38a\ndo_truncate+0xf5\ndo_ftruncate+0x134\ndo_sys_ftruncate+0x3c\n"
	  "__x64_sys_ftruncate+0x16" },
	{ SLEEP_JOURNAL, false, "ext4", "page fault", "task",
	  "do_get_write_access+0x277\njbd2_journal_get_write_access+0x95\n__ext4_journal_get_write_access+0x3e\n"
	  "ext4_reserve_inode_write+0x71\n__ext4_mark_inode_dirty+0x6e\next4_dirty_inode+0x57\n__mark_inode_dirty+0x56\n"
	  "generic_update_time+0x4f\nfile_update_time_flags+0x13b\next4_page_mkwrite+0xa3\ndo_page_mkwrite+0x49\ndo_fault+0x10f\n"
	  "__handle_mm_fault+0x842\nhandle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22" },
	{ SLEEP_JOURNAL, true, "ext4", "write", "task",
	  "do_get_write_access+0x277\njbd2_journal_get_write_access+0x95\n__ext4_journal_get_write_access+0x3e\n"
	  "ext4_mb_mark_context+0xf3\next4_mb_mark_diskspace_used+0xd3\next4_mb_new_blocks+0x18c\next4_ext_map_blocks+0x99c\n"
	  "ext4_map_blocks+0x1ec\next4_do_writepages+0x82d\next4_writepages+0xd7\ndo_writepages+0xcf\nfilemap_fdatawrite_wbc+0x51\n"
	  "__filemap_fdatawrite_range+0x5b\nfile_write_and_wait_range+0x3d\next4_sync_file+0xa0\next4_buffered_write_iter+0x9d\n"
	  "vfs_write+0x29c\nksys_write+0x6f" },
	{ SLEEP_BLOCK_QUEUE, true, "ext4", "fdatasync", "block",
	  "rq_qos_wait+0xd5\nwbt_wait+0xb0\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x78b\n__submit_bio+0x82\n"
	  "submit_bio_noacct_nocheck+0x273\nsubmit_bio_wait+0x59\nblkdev_issue_flush+0x7c\next4_sync_file+0x242\ndo_fsync+0x3b\n"
	  "__x64_sys_fdatasync+0x12" },
	{ SLEEP_BLOCK_QUEUE, true, "ext4", "msync", "block",
	  "rq_qos_wait+0xd5\nwbt_wait+0xb0\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x78b\n__submit_bio+0x82\n"
	  "submit_bio_noacct_nocheck+0x273\next4_io_submit+0x20\next4_do_writepages+0x509\next4_writepages+0xd7\ndo_writepages+0xcf\n"
	  "filemap_fdatawrite_wbc+0x51\n__filemap_fdatawrite_range+0x5b\nfile_write_and_wait_range+0x3d\next4_sync_file+0xa0\n"
	  "__do_sys_msync+0x1ed" },
	{ SLEEP_BLOCK, true, "ext4", "fdatasync", "block",
	  "submit_bio_wait+0x74\nblkdev_issue_flush+0x7c\next4_sync_file+0x242\ndo_fsync+0x3b\n__x64_sys_fdatasync+0x12" },
	{ SLEEP_WRITEBACK, true, "ext4", "fsync", "block",
	  "folio_wait_bit+0x120\nfolio_wait_writeback+0x2a\n__filemap_fdatawait_range+0xac\nfile_write_and_wait_range+0x8f\n"
	  "ext4_sync_file+0xa0\ndo_fsync+0x3b\n__x64_sys_fsync+0xf" },
	{ SLEEP_WRITEBACK, true, NULL, "sync_file_range", "block",
	  "folio_wait_bit+0x120\nfolio_wait_writeback+0x2a\n__filemap_fdatawait_range+0xac\nfile_fdatawait_range+0x12\n"
	  "__x64_sys_sync_file_range+0x44" },
	{ SLEEP_WRITEBACK, true, NULL, "syncfs", "task",
	  "wb_wait_for_completion+0x86\nsync_inodes_sb+0xdc\nsync_filesystem+0x64\n__x64_sys_syncfs+0x41" },
	{ SLEEP_PAGE_READ, false, NULL, "pread64", "block",
	  "folio_wait_bit_common+0x167\nfilemap_get_pages+0x751\nfilemap_read+0x111\nvfs_read+0x2a4\n__x64_sys_pread64+0xa3" },
	{ SLEEP_PAGE_READ, false, NULL, "page fault", "block",
	  "folio_wait_bit_common+0x167\nfilemap_fault+0x783\n__do_fault+0x34\ndo_fault+0x319\n__handle_mm_fault+0x842\n"
	  "handle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22" },
	{ SLEEP_BLOCK, false, "ext4", "pwrite64", "block",
	  "__iomap_dio_rw+0x683\niomap_dio_rw+0xe\next4_file_write_iter+0x37c\nvfs_write+0x29c\n__x64_sys_pwrite64+0xa3" },
	{ SLEEP_BLOCK, false, "ext4", "preadv", "block",
	  "__iomap_dio_rw+0x683\niomap_dio_rw+0xe\next4_file_read_iter+0x18b\ndo_iter_readv_writev+0x238\nvfs_readv+0x1f5\n"
	  "do_preadv+0x99" },
	{ SLEEP_BLOCK, false, NULL, "kernel thread", "block",
	  "jbd2_journal_commit_transaction+0x19e1\nkjournald2+0xc7\nkthread+0xfa" },
	{ SLEEP_BLOCK, false, NULL, "kernel thread", "task",
	  "jbd2_journal_wait_updates+0x6e\njbd2_journal_commit_transaction+0x37a\nkjournald2+0xc7\nkthread+0xfa" },
	{ SLEEP_FUSE, false, "fuse", "kernel thread", "task",
	  "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_direct_io+0x423\nfuse_file_write_iter+0x469\n"
	  "lo_rw_aio.isra.0+0x339\nloop_process_work+0x85\nprocess_one_work+0x18c\nworker_thread+0x192\nkthread+0xfa" },
	{ SLEEP_BLOCK_QUEUE, false, "ext4", "kernel thread", "block",
	  "rq_qos_wait+0xd5\nwbt_wait+0xb0\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x78b\n__submit_bio+0x82\n"
	  "submit_bio_noacct_nocheck+0x273\next4_io_submit+0x20\next4_do_writepages+0x509\next4_writepages+0xd7\ndo_writepages+0xcf\n"
	  "__writeback_single_inode+0x41\nwriteback_sb_inodes+0x21f\nwb_writeback+0xef\nwb_workfn+0xb8\nprocess_one_work+0x18c\n"
	  "worker_thread+0x192\nkthread+0xfa" },
	{ SLEEP_BLOCK_QUEUE, true, NULL, "syncfs", "block",
	  "rq_qos_wait+0xd5\nwbt_wait+0xb0\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x78b\n__submit_bio+0x82\n"
	  "submit_bio_noacct_nocheck+0x273\n__block_write_full_folio+0x1e9\nblkdev_writepages+0x81\ndo_writepages+0xcf\n"
	  "filemap_fdatawrite_wbc+0x51\n__filemap_fdatawrite_range+0x5b\nsync_filesystem+0x58\n__x64_sys_syncfs+0x41" },
	{ SLEEP_JOURNAL, true, "xfs", "fsync", "task",
	  "xlog_wait_on_iclog+0x17c\nxfs_log_force_seq+0x89\nxfs_file_fsync+0x1d2\ndo_fsync+0x3b\n__x64_sys_fsync+0xf" },
	{ SLEEP_BLOCK, false, "xfs", "mkdir", "block",
	  "xfs_buf_iowait+0x20\nxfs_buf_read_map+0x112\nxfs_trans_read_buf_map+0x182\nxfs_btree_read_buf_block+0x9c\n"
	  "xfs_btree_lookup_get_block+0x9f\nxfs_btree_lookup+0xe9\nxfs_inobt_insert+0x8e\nxfs_ialloc_ag_alloc+0x584\n"
	  "xfs_dialloc+0x203\nxfs_create+0x168\nxfs_generic_create+0x30c\nxfs_vn_mkdir+0x16\nvfs_mkdir+0x1a4\ndo_mkdirat+0x151\n"
	  "__x64_sys_mkdir+0x45" },
	{ SLEEP_KERNEL_LOCK, false, "xfs", "mkdir", "task",
	  "xfs_buf_lock+0x2d\nxfs_buf_find_lock+0x5b\nxfs_buf_get_map+0x241\nxfs_buf_read_map+0x4f\nxfs_trans_read_buf_map+0x182\n"
	  "xfs_read_agf+0x8b\nxfs_alloc_read_agf+0x4c\nxfs_alloc_fix_freelist+0x4b1\nxfs_alloc_vextent_prepare_ag+0x2f\n"
	  "xfs_alloc_vextent_exact_bno+0xe4\nxfs_ialloc_ag_alloc+0x1a6\nxfs_dialloc+0x203\nxfs_create+0x168\nxfs_generic_create+0x30c\n"
	  "path_openat+0x103b\ndo_filp_open+0x106\ndo_sys_openat2+0x88\n__x64_sys_openat+0x5d" },
	{ SLEEP_JOURNAL, true, "xfs", "write", "task",
	  "xlog_force_lsn+0x25a\nxfs_log_force_seq+0x89\nxfs_file_fsync+0x1d2\nxfs_file_buffered_write+0x2b8\nvfs_write+0x29c\n"
	  "ksys_write+0x6f" },
	{ SLEEP_PAGE_READ, false, "xfs", "pread64", "block",
	  "folio_wait_bit_common+0x167\nfilemap_get_pages+0x751\nfilemap_read+0x111\nxfs_file_buffered_read+0xa4\n"
	  "xfs_file_read_iter+0x6c\nvfs_read+0x2a4\n__x64_sys_pread64+0xa3" },
	{ SLEEP_BLOCK, false, "xfs", "pwrite64", "block",
	  "__iomap_dio_rw+0x683\niomap_dio_rw+0xe\nxfs_file_dio_read+0xc7\nxfs_file_read_iter+0xc0\ndo_iter_readv_writev+0x238\n"
	  "vfs_readv+0x1f5\ndo_preadv+0x99" },
	{ SLEEP_JOURNAL, false, "btrfs", "mkdir", "task",
	  "wait_current_trans+0x135\nstart_transaction+0x45c\nbtrfs_create_common+0xe2\nbtrfs_mkdir+0x6c\nvfs_mkdir+0x1a4\n"
	  "do_mkdirat+0x151\n__x64_sys_mkdir+0x45" },
	{ SLEEP_JOURNAL, true, "btrfs", "fsync", "task",
	  "wait_for_commit+0x118\nbtrfs_commit_transaction+0x7f9\nbtrfs_sync_file+0x46d\n__do_sys_msync+0x1ed" },
	{ SLEEP_JOURNAL, true, "btrfs", "fsync", "task",
	  "btrfs_commit_transaction+0x8ff\nbtrfs_sync_file+0x46d\ndo_fsync+0x3b\n__x64_sys_fsync+0xf" },
	{ SLEEP_JOURNAL, true, "btrfs", "fsync", "task",
	  "wait_log_commit+0x90\nbtrfs_sync_log+0x7e0\nbtrfs_sync_file+0x40d\ndo_fsync+0x3b\n__x64_sys_fdatasync+0x12" },
	{ SLEEP_WRITEBACK, true, "btrfs", "write", "block",
	  "folio_wait_bit+0x120\nwrite_all_supers+0x32a\nbtrfs_commit_transaction+0x612\nbtrfs_sync_file+0x46d\n"
	  "btrfs_do_write_iter+0x17b\nvfs_write+0x29c\nksys_write+0x6f" },
	{ SLEEP_BLOCK_QUEUE, true, "btrfs", "fsync", "block",
	  "rq_qos_wait+0xd5\nwbt_wait+0xb0\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x78b\n__submit_bio+0x82\n"
	  "submit_bio_noacct_nocheck+0x273\nbtrfs_submit_bio+0x7a\nbtrfs_submit_chunk+0x19e\nbtrfs_submit_bbio+0x16\n"
	  "btree_writepages+0x156\ndo_writepages+0xcf\nfilemap_fdatawrite_wbc+0x51\n__filemap_fdatawrite_range+0x5b\n"
	  "btrfs_write_marked_extents+0x61\nbtrfs_write_and_wait_transaction+0x7e\nbtrfs_commit_transaction+0x5fd\n"
	  "btrfs_sync_file+0x46d\ndo_fsync+0x3b\n__x64_sys_fsync+0xf" },
	{ SLEEP_JOURNAL, true, "btrfs", "syncfs", "task",
	  "wait_current_trans+0x135\nstart_transaction+0x39d\nbtrfs_attach_transaction_barrier+0x21\nbtrfs_sync_fs+0x3c\n"
	  "sync_filesystem+0x7e\n__x64_sys_syncfs+0x41" },
	{ SLEEP_WRITEBACK, true, "btrfs", "fsync", "block",
	  "btrfs_btree_wait_writeback_range+0x106\n__btrfs_wait_marked_extents+0xce\nbtrfs_write_and_wait_transaction+0x97\n"
	  "btrfs_commit_transaction+0x5fd\nbtrfs_sync_file+0x46d\nbtrfs_do_write_iter+0x17b\nvfs_write+0x29c\nksys_write+0x6f" },
	{ SLEEP_WRITEBACK, false, "btrfs", "pwrite64", "task",
	  "btrfs_start_ordered_extent_nowriteback+0x15d\nlock_and_cleanup_extent+0x13f\nbtrfs_buffered_write+0x26d\n"
	  "btrfs_do_write_iter+0x1b1\nvfs_write+0x29c\n__x64_sys_pwrite64+0xa3" },
	{ SLEEP_KERNEL_LOCK, false, "btrfs", "fallocate", "task",
	  "btrfs_tree_lock_nested+0x19\nbtrfs_lock_root_node+0x34\nbtrfs_search_slot+0x190\nbtrfs_insert_empty_items+0x36\n"
	  "btrfs_insert_replace_extent+0xcd\nbtrfs_replace_file_extents+0x6bd\ninsert_prealloc_file_extent+0x237\n"
	  "__btrfs_prealloc_file_range+0x119\nbtrfs_prealloc_file_range+0x10\nbtrfs_fallocate+0x46d\nvfs_fallocate+0x175\n"
	  "__x64_sys_fallocate+0x44" },
	{ SLEEP_DIRTY, false, "ext4", "pwrite64", "softirq",
	  "balance_dirty_pages+0x710\nbalance_dirty_pages_ratelimited_flags+0x28a\ngeneric_perform_write+0x193\n"
	  "ext4_buffered_write_iter+0x68\nvfs_write+0x29c\n__x64_sys_pwrite64+0xa3" },
	{ SLEEP_DIRTY, false, "ext4", "write", "softirq",
	  "balance_dirty_pages+0x710\nbalance_dirty_pages_ratelimited_flags+0x28a\ngeneric_perform_write+0x193\n"
	  "ext4_buffered_write_iter+0x68\nvfs_write+0x29c\nksys_write+0x6f" },
	{ SLEEP_WRITEBACK, false, "ext4", "unlink", "block",
	  "folio_wait_bit+0x120\nfolio_wait_writeback+0x2a\ntruncate_inode_partial_folio+0x5f\ntruncate_inode_pages_range+0x238\n"
	  "ext4_evict_inode+0x145\nevict+0x135\ndo_unlinkat+0x2a2\n__x64_sys_unlink+0x3b" },
	{ SLEEP_FUSE, true, "fuse", "fsync", "task",
	  "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_fsync_common+0xc2\nfuse_fsync+0xee\ndo_fsync+0x3b\n"
	  "__x64_sys_fsync+0xf" },
	{ SLEEP_FUSE, false, "fuse", "pread64", "task",
	  "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_direct_io+0x674\nfuse_file_read_iter+0x196\nvfs_read+0x2a4\n"
	  "__x64_sys_pread64+0xa3" },
	{ SLEEP_FUSE, false, "fuse", "page fault", "task",
	  "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_do_readfolio.isra.0+0x147\nfuse_read_folio+0x44\n"
	  "filemap_read_folio+0x3e\nfilemap_fault+0x4d1\n__do_fault+0x34\ndo_fault+0x319\n__handle_mm_fault+0x842\n"
	  "handle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22" },
	{ SLEEP_FUSE, false, "fuse", "close", "task",
	  "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_flush+0x192\nfilp_flush+0x3b\n__x64_sys_close+0x2e" },
	{ SLEEP_MEMORY_LIMIT, false, NULL, "page fault", "softirq",
	  "shrink_folio_list+0x12a\nshrink_lruvec+0x923\nshrink_node+0x2ff\ndo_try_to_free_pages+0xc6\n"
	  "try_to_free_mem_cgroup_pages+0x13a\ntry_charge_memcg+0x1c2\ncharge_memcg+0x2f\n__mem_cgroup_charge+0x2c\n"
	  "do_anonymous_page+0x220\n__handle_mm_fault+0xa64\nhandle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22" },
	{ SLEEP_MEMORY_LIMIT, false, NULL, "page fault", "softirq",
	  "shrink_folio_list+0x12a\nshrink_lruvec+0x923\nshrink_node+0x2ff\ndo_try_to_free_pages+0xc6\n"
	  "try_to_free_mem_cgroup_pages+0x13a\ntry_charge_memcg+0x1c2\ncharge_memcg+0x2f\nmem_cgroup_swapin_charge_folio+0x5d\n"
	  "do_swap_page+0xe77\n__handle_mm_fault+0x92e\nhandle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22" },
	{ SLEEP_RING_IDLE, false, NULL, "io_uring_enter", "",
	  "io_cqring_wait+0x6bb\n__do_sys_io_uring_enter+0x521" },
	{ SLEEP_PIPE, false, NULL, "read", "task",
	  "anon_pipe_read+0x393\nvfs_read+0x397\nksys_read+0xc3" },
	{ SLEEP_PIPE, false, NULL, "write", "task",
	  "anon_pipe_write+0x35f\nvfs_write+0x400\nksys_write+0xc3" },
	{ SLEEP_PIPE, false, NULL, "openat", "",
	  "wait_for_partner+0x5c\nfifo_open+0x2d9\ndo_dentry_open+0x1a6\nvfs_open+0x2c\npath_openat+0x7fe\ndo_filp_open+0x106\n"
	  "do_sys_openat2+0x88\n__x64_sys_openat+0x5d" },
	{ SLEEP_SOCKET, false, NULL, "recvfrom", "task",
	  "unix_stream_read_generic+0x70d\nunix_stream_recvmsg+0x8b\nsock_recvmsg+0xb2\n__sys_recvfrom+0x117\n__x64_sys_recvfrom+0x20" },
	{ SLEEP_SOCKET, false, NULL, "recvfrom", "softirq",
	  "wait_woken+0x89\nsk_wait_data+0x172\ntcp_recvmsg_locked+0x225\ntcp_recvmsg+0xaf\nsock_recvmsg+0xab\n__sys_recvfrom+0x117\n"
	  "__x64_sys_recvfrom+0x20" },
	{ SLEEP_SOCKET, false, NULL, "sendto", "softirq",
	  "wait_woken+0x89\nsk_stream_wait_memory+0x268\ntcp_sendmsg_locked+0x75b\ntcp_sendmsg+0x2b\n__sys_sendto+0x239\n"
	  "__x64_sys_sendto+0x20" },
	{ SLEEP_SOCKET, false, NULL, "recvfrom", "softirq",
	  "__skb_wait_for_more_packets+0x120\n__skb_recv_udp+0x1ee\nudp_recvmsg+0x13a\nsock_recvmsg+0xab\n__sys_recvfrom+0x117\n"
	  "__x64_sys_recvfrom+0x20" },
	{ SLEEP_FILE_LOCK, false, NULL, "flock", "task",
	  "locks_lock_inode_wait+0xb2\n__do_sys_flock+0x1f3" },
	{ SLEEP_FILE_LOCK, false, NULL, "fcntl", "task",
	  "fcntl_setlk+0x1d3\ndo_fcntl+0x6ca\n__x64_sys_fcntl+0x8c" },
	{ SLEEP_FUTEX, false, NULL, "futex", "task",
	  "futex_do_wait+0x46\n__futex_wait+0x8a\nfutex_wait+0x9a\ndo_futex+0xfd\n__x64_sys_futex+0x12d" },
	{ SLEEP_FREEZE, false, NULL, "kill", "",
	  "do_signal_stop+0x16f\nget_signal+0x242\narch_do_signal_or_restart+0x71\nexit_to_user_mode_loop+0x6b" },
	{ SLEEP_PROCESS, false, NULL, "wait4", "task",
	  "do_wait+0x53\nkernel_wait4+0xe3\n__do_sys_wait4+0xb8" },
	{ SLEEP_PROCESS, false, NULL, "vfork", "task",
	  "kernel_clone+0x1d3\n__do_sys_vfork+0x66" },
	{ SLEEP_BLOCK, true, "ext4", "sync", "block",
	  "submit_bio_wait+0x74\nblkdev_issue_flush+0x7c\next4_sync_fs+0x170\n__iterate_supers+0xdc\nksys_sync+0x5f\n__do_sys_sync+0xa" },
	{ SLEEP_WRITEBACK, true, NULL, "sync", "task",
	  "wb_wait_for_completion+0x86\nsync_inodes_sb+0xdc\n__iterate_supers+0xdc\nksys_sync+0x3f\n__do_sys_sync+0xa" },
	{ SLEEP_KERNEL_WORK, true, "ext4", "sync", "task",
	  "__flush_workqueue+0x15a\next4_sync_fs+0x60\n__iterate_supers+0xdc\nksys_sync+0x4e\n__do_sys_sync+0xa" },
	{ SLEEP_KERNEL_WORK, false, NULL, "fadvise64", "task",
	  "__flush_work+0x290\n__lru_add_drain_all+0x163\ngeneric_fadvise+0x233\nksys_fadvise64_64+0x70\n__x64_sys_fadvise64+0x18" },
};

// By the functions' names only, each in the kernels that are noted.
static const struct sleep_case other_stacks[] = {
	{ SLEEP_REMOTE, false, "nfs", "read", "task", // 5.15 … 7.2
	  "rpc_wait_bit_killable+0x11\n__wait_on_bit+0x2d\n__rpc_execute+0x10b\nrpc_execute+0xb8\nnfs4_call_sync_sequence+0x60\nnfs4_proc_getattr+0xe2" },
	{ SLEEP_REMOTE, true, "nfs", "fsync", "task",
	  "folio_wait_bit+0x10e\nfolio_wait_writeback+0x28\n__filemap_fdatawait_range+0x8b\nnfs_file_fsync+0x9b\ndo_fsync+0x38" },
	{ SLEEP_REMOTE, false, "cifs", "read", "task",
	  "wait_for_response+0x101\ncompound_send_recv+0x3d0\ncifs_send_recv+0x1f\nSMB2_read+0x1c0" },
	{ SLEEP_REMOTE, false, "ceph", "openat", "task", "ceph_mdsc_wait_request+0x95\nceph_mdsc_do_request+0xcc\nceph_open+0x2b1" },
	{ SLEEP_REMOTE, false, "9p", "read", "task", "p9_client_rpc+0x141\np9_client_read_once+0xd1\nv9fs_file_read_iter+0x8e" },
	{ SLEEP_JOURNAL, true, "zfs", "fsync", "task", "cv_wait_common+0x10f\nzil_commit_waiter+0x6f\nzil_commit_impl+0x2b\nzfs_fsync+0x7f\nzpl_fsync+0xb0" },
	{ SLEEP_JOURNAL, false, "zfs", "ioctl", "task", "cv_wait_common+0x10f\ntxg_wait_synced_impl+0xd4\ntxg_wait_synced+0xc\ndsl_sync_task_common+0x10" },
	{ SLEEP_DIRTY, false, "zfs", "write", "", "schedule_hrtimeout_range_clock+0x9e\ndmu_tx_delay+0xa8\ndmu_tx_wait+0x2d2\nzfs_write+0x3c0\nzpl_iter_write+0xf3" },
	{ SLEEP_DIRTY, false, "xfs", "write", "softirq", // up to 5.16 without a second argument
	  "io_schedule_timeout+0x4b\nbalance_dirty_pages+0x3b1\nbalance_dirty_pages_ratelimited+0x2f7\niomap_file_buffered_write+0x13b\nxfs_file_buffered_write+0xa4" },
	{ SLEEP_JOURNAL, false, "xfs", "mkdir", "task", "xlog_grant_head_wait+0xb5\nxlog_grant_head_check+0xe5\nxfs_log_reserve+0xc3\nxfs_trans_reserve+0x16b" },
	{ SLEEP_JOURNAL, false, "ext4", "unlink", "task", // a log that is full: room must be made first
	  "io_schedule+0x46\nbit_wait_io+0xd\n__wait_on_buffer+0x20\njbd2_log_do_checkpoint+0x3a1\n__jbd2_log_wait_for_space+0xd1\n"
	  "add_transaction_credits+0x2f2\nstart_this_handle+0x111\next4_unlink+0xc4" },
	{ SLEEP_WRITEBACK, true, "f2fs", "fsync", "block", "folio_wait_writeback+0x28\nf2fs_wait_on_page_writeback+0x80\nf2fs_do_sync_file+0x37b\ndo_fsync+0x38" },
	{ SLEEP_SWAP_IN, false, NULL, "page fault", "block", // 6.1: pages, not folios
	  "io_schedule+0x46\nfolio_wait_bit_common+0x13d\n__folio_lock_or_retry+0x17\ndo_swap_page+0x4ba\n__handle_mm_fault+0x8d5" },
	{ SLEEP_SWAP_IN, false, "tmpfs", "read", "block", "folio_wait_bit_common+0x13d\nshmem_swapin_folio+0x1c2\nshmem_get_folio_gfp+0x1f8" },
	{ SLEEP_RECLAIM, false, "ext4", "page fault", "block", // memory that is freed by writing it explains the wait for the device and the journal
	  "folio_wait_bit+0x10e\nfolio_wait_writeback+0x28\nshrink_folio_list+0x60e\nshrink_inactive_list+0x16a\nshrink_node+0x2e5\n"
	  "do_try_to_free_pages+0xd0\ntry_to_free_pages+0xde\n__alloc_pages_slowpath.constprop.0+0x35b\next4_da_write_begin+0x6e" },
	{ SLEEP_RECLAIM, false, NULL, "page fault", "", "schedule_timeout+0x87\nreclaim_throttle+0xfc\nshrink_node+0x1d1\ndo_try_to_free_pages+0xd0\ntry_to_free_pages+0xde" },
	{ SLEEP_MEMORY_LIMIT, false, NULL, "page fault", "", "schedule_timeout_killable+0x25\n__mem_cgroup_handle_over_high+0x159\nexit_to_user_mode_loop+0xb3" },
	{ SLEEP_COMPACTION, false, NULL, "page fault", "", "migrate_pages_batch+0x6a\ncompact_zone+0x31e\ncompact_zone_order+0xad\n"
	  "try_to_compact_pages+0xc4\n__alloc_pages_direct_compact+0x81" },
	{ SLEEP_IO_LIMIT, false, "ext4", "write", "softirq", "io_schedule+0x46\nioc_rqos_throttle+0x2ac\n__rq_qos_throttle+0x23\nblk_mq_submit_bio+0x2d2\next4_io_submit+0x24" },
	{ SLEEP_IO_LIMIT, false, NULL, "write", "", "blkcg_maybe_throttle_current+0x14c\nexit_to_user_mode_loop+0x77" },
	{ SLEEP_BLOCK_QUEUE, false, NULL, "io_submit", "softirq", "io_schedule+0x46\nblk_mq_get_tag+0x11a\n__blk_mq_alloc_requests+0x199\nblk_mq_submit_bio+0x1ac" },
	{ SLEEP_IDLE, false, NULL, "ioctl", "task", "kvm_vcpu_block+0x5f\nkvm_vcpu_halt+0x7f\nvcpu_run+0x18d\nkvm_arch_vcpu_ioctl_run+0x14c" },
	{ SLEEP_USERFAULT, false, NULL, "page fault", "task", "handle_userfault+0x4a4\ndo_anonymous_page+0x36a\n__handle_mm_fault+0x72c" },
	{ SLEEP_DEVICE, false, NULL, "ioctl", "task", "schedule_timeout+0x87\ndma_fence_default_wait+0x1bd\ndma_fence_wait_timeout+0x10d" },
	{ SLEEP_PIPE, false, NULL, "read", "task", "pipe_read+0x2e0\nvfs_read+0x210\nksys_read+0x67" }, // before 6.15
	{ SLEEP_FUTEX, false, NULL, "futex", "task", "futex_wait_queue_me+0x9f\nfutex_wait+0x103\ndo_futex+0x105" }, // 5.15
	{ SLEEP_KERNEL_LOCK, false, NULL, "munmap", "task", "rwsem_down_write_slowpath+0x20f\ndown_write_killable+0x55\n__vm_munmap+0x6c" },
	{ SLEEP_KERNEL_WORK, false, NULL, "close", "softirq", "synchronize_rcu_expedited+0x1a1\nnamespace_unlock+0x13d" },
};

#endif
