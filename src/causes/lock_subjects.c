// Well-known kernel locks by the functions that take them. Names are those of Linux 5.15 to 6.18; where a function was
// renamed, both names stand. Adding a lock is one entry.
#include "causes/lock_words.h"
#include "base/base.h"

#include <string.h>

static const struct lock_subject subjects[] = {
	{ .name = "the queues of futexes", .subsystem = "futex", .follows = true,
	  .places = "futex_q_lock futex_wait_setup futex_wake futex_wake_op futex_requeue futex_lock_pi futex_unlock_pi queue_lock "
		    "futex_unqueue futex_unqueue_pi futex_hash_lock futex_wait_multiple_setup",
	  .helps = "it follows from locks of the program itself: look at its own mutexes" },
	{ .name = "the run queues of the scheduler", .subsystem = "scheduler", .follows = true,
	  .places = "raw_spin_rq_lock_nested raw_spin_rq_lock __schedule try_to_wake_up ttwu_queue ttwu_queue_wakelist task_rq_lock "
		    "__task_rq_lock sched_ttwu_pending load_balance sched_balance_rq newidle_balance sched_balance_newidle "
		    "update_blocked_averages sched_balance_update_blocked_averages scheduler_tick sched_tick double_rq_lock "
		    "double_lock_balance __balance_push_cpu_stop rebalance_domains sched_balance_domains",
	  .helps = "it follows from very many wake-ups and switches: batch the work, use fewer threads" },
	{ .name = "a directory's lock (i_rwsem)", .subsystem = "file system, names",
	  .places = "filename_create do_unlinkat do_rmdir do_mkdirat path_openat open_last_lookups lookup_open lookup_slow walk_component "
		    "do_renameat2 lock_rename lock_rename_child lock_two_directories do_linkat do_symlinkat vfs_unlink vfs_rmdir vfs_rename "
		    "done_path_create iterate_dir wrap_directory_iterator filename_unlinkat filename_rmdir __start_dirop start_dirop "
		    "vfs_tmpfile vfs_link simple_recursive_removal lookup_one_unlocked",
	  .helps = "spread the files over more directories (one for each thread, or by a hash); create, rename and remove fewer files in "
		   "one of them" },
	{ .name = "a file's lock (i_rwsem)", .subsystem = "file system, data",
	  .places = "ext4_buffered_write_iter ext4_file_write_iter ext4_dio_write_iter ext4_file_read_iter ext4_dio_read_iter "
		    "generic_file_write_iter xfs_ilock xfs_ilock_for_iomap xfs_file_buffered_write xfs_file_dio_write_aligned "
		    "xfs_file_buffered_read xfs_file_dio_read btrfs_inode_lock btrfs_buffered_write f2fs_file_write_iter "
		    "shmem_file_write_iter blkdev_write_iter nfs_start_io_read nfs_start_io_write do_truncate ext4_sync_file "
		    "inode_lock ovl_write_iter fuse_file_write_iter fuse_cache_write_iter",
	  .helps = "writers of one file wait for each other: write to several files, or use direct I/O into space that is allocated already, "
		   "where the file system then shares the lock" },
	{ .name = "the file system's journal", .subsystem = "file system, journal",
	  .places = "jbd2_* start_this_handle add_transaction_credits do_get_write_access ext4_journal_start_sb ext4_orphan_add ext4_orphan_del "
		    "xlog_* xfs_log_* xfs_trans_* btrfs_start_transaction btrfs_commit_transaction start_transaction join_transaction "
		    "wait_current_trans btrfs_sync_log txg_* dmu_tx_* zil_*",
	  .helps = "fewer and larger transactions (batch creates, renames and syncs), a journal on a faster device" },
	{ .name = "the freeze lock of a file system", .subsystem = "file system, snapshots",
	  .places = "sb_start_write __sb_start_write mnt_want_write mnt_want_write_file freeze_super thaw_super_locked percpu_down_write "
		    "sb_wait_write file_start_write",
	  .helps = "a file system was frozen (a snapshot or a backup, fsfreeze): shorten the freeze or move it" },
	{ .name = "the page lists (LRU lock)", .subsystem = "memory, page lists",
	  .places = "folio_lruvec_lock folio_lruvec_lock_irq folio_lruvec_lock_irqsave lock_page_lruvec lock_page_lruvec_irq "
		    "lock_page_lruvec_irqsave relock_page_lruvec_irqsave folio_lruvec_relock_irqsave folio_batch_move_lru pagevec_lru_move_fn "
		    "__pagevec_lru_add lru_add_drain_cpu lru_add_drain release_pages folios_put_refs __page_cache_release "
		    "__folio_batch_add_and_move move_folios_to_lru move_pages_to_lru shrink_inactive_list shrink_active_list "
		    "isolate_lru_folios isolate_lru_pages",
	  .helps = "less coming and going of pages (keep memory and page cache instead of dropping it), huge pages, more and smaller memory "
		   "cgroups (each has lists of its own)" },
	{ .name = "the free lists of a memory zone", .subsystem = "memory, page allocator",
	  .places = "rmqueue rmqueue_bulk rmqueue_buddy __rmqueue_pcplist free_pcppages_bulk free_one_page __free_pages_ok "
		    "get_page_from_freelist free_unref_page free_unref_page_commit free_unref_page_list free_unref_folios "
		    "free_frozen_page_commit free_frozen_pages drain_pages_zone __alloc_pages_bulk unreserve_highatomic_pageblock "
		    "compaction_alloc isolate_freepages_block",
	  .helps = "a larger store of free pages at each CPU (vm.percpu_pagelist_high_fraction, 5.14 and later), and programs that keep "
		   "memory instead of returning it" },
	{ .name = "page tables", .subsystem = "memory, page faults",
	  .places = "__pte_offset_map_lock pte_offset_map_lock do_anonymous_page do_wp_page wp_page_copy finish_fault handle_pte_fault "
		    "__handle_mm_fault zap_pte_range zap_pmd_range change_pte_range do_numa_page filemap_map_pages __pte_alloc __pmd_alloc "
		    "pmd_lock do_huge_pmd_anonymous_page do_swap_page copy_pte_range set_pte_range page_vma_mapped_walk",
	  .helps = "threads touch neighbouring pages: give each thread its own stretch of memory, touch it in advance, use huge pages" },
	{ .name = "reverse maps (anon_vma, i_mmap)", .subsystem = "memory, mappings",
	  .places = "anon_vma_clone anon_vma_fork unlink_anon_vmas __anon_vma_prepare rmap_walk_anon rmap_walk_file folio_lock_anon_vma_read "
		    "vma_link vma_prepare unlink_file_vma unlink_file_vma_batch_process dup_mmap __vma_adjust unmap_mapping_range "
		    "unmap_mapping_pages mmap_region commit_merge i_mmap_lock_write i_mmap_lock_read vma_link_file",
	  .helps = "fewer processes that map the same file or fork from one parent at a high rate; posix_spawn or vfork instead of fork" },
	{ .name = "the allocator of kernel objects (slab)", .subsystem = "memory, slab",
	  .places = "get_partial_node get_partial_node_bulk ___slab_alloc __slab_free deactivate_slab __unfreeze_partials "
		    "__put_partials cache_alloc_refill cache_flusharray free_block unfreeze_partials get_any_partial "
		    "__pcs_replace_empty_main __pcs_replace_full_main barn_* refill_objects",
	  .helps = "find what allocates and frees kernel objects at such a rate (the stack above it)" },
	{ .name = "statistics of cgroups (rstat)", .subsystem = "cgroup, statistics",
	  .places = "cgroup_rstat_flush cgroup_rstat_flush_locked cgroup_rstat_updated __cgroup_rstat_lock css_rstat_flush "
		    "css_rstat_updated mem_cgroup_flush_stats do_flush_stats mem_cgroup_css_rstat_flush",
	  .helps = "fewer readers of memory.stat and cpu.stat (monitoring agents), longer intervals, fewer cgroups" },
	{ .name = "the structure of cgroups (cgroup_mutex)", .subsystem = "cgroup, structure",
	  .places = "cgroup_kn_lock_live cgroup_lock_and_drain_offline proc_cgroup_show cgroup_attach_lock cgroup_procs_write_start "
		    "cgroup_procs_write cgroup_rmdir cgroup_mkdir cgroup_threadgroup_change_begin cgroup_can_fork cgroup_attach_task_all "
		    "cgroup_css_set_fork cgroup_release cgroupstats_build cpuset_write_resmask exit_signals",
	  .helps = "fewer moves of processes between cgroups, fewer containers started at once" },
	{ .name = "a directory entry", .subsystem = "file system, names",
	  .places = "dput d_alloc_parallel lockref_get lockref_get_not_dead lockref_put_return lockref_put_or_lock d_lookup __d_lookup "
		    "dget_parent d_invalidate shrink_dentry_list __dentry_kill dentry_kill d_add d_move __d_move d_delete "
		    "lockref_get_not_zero prepend_path d_alloc __d_add d_walk fast_dput",
	  .helps = "many tasks look up the same path: keep files and directories open (openat with a directory), avoid failing look-ups" },
	{ .name = "a process' table of open files", .subsystem = "file descriptors",
	  .places = "alloc_fd __alloc_fd close_fd __close_fd file_close_fd fd_install put_unused_fd expand_files receive_fd do_dup2 "
		    "close_fd_get_file dup_fd",
	  .helps = "threads of one process open and close files at a high rate: keep them open" },
	{ .name = "sysfs, cgroup and other kernel files (kernfs)", .subsystem = "kernfs",
	  .places = "kernfs_*",
	  .helps = "fewer openings of files below /sys (monitoring agents), longer intervals" },
	{ .name = "an epoll instance", .subsystem = "epoll",
	  .places = "ep_poll_callback ep_poll ep_scan_ready_list ep_start_scan ep_done_scan ep_send_events do_epoll_ctl ep_insert ep_remove "
		    "eventpoll_release_file ep_try_send_events",
	  .helps = "an epoll instance for each thread, EPOLLEXCLUSIVE, fewer events" },
	{ .name = "a pipe", .subsystem = "pipes",
	  .places = "pipe_read pipe_write pipe_lock pipe_double_lock pipe_poll anon_pipe_read anon_pipe_write pipe_fcntl splice_pipe_to_pipe",
	  .helps = "larger pieces for each write, a larger pipe (F_SETPIPE_SZ), several pipes" },
	{ .name = "a network device's queue", .subsystem = "network, devices",
	  .places = "__dev_queue_xmit __dev_xmit_skb sch_direct_xmit __qdisc_run net_tx_action dev_hard_start_xmit dev_watchdog",
	  .helps = "more transmit queues, another queueing discipline (fq or mq instead of one shared queue)" },
	{ .name = "a socket", .subsystem = "network, sockets",
	  .places = "lock_sock_nested __lock_sock release_sock lock_sock_fast __lock_sock_fast tcp_* udp_* unix_* __udp_enqueue_schedule_skb "
		    "skb_wait_for_more_packets __skb_try_recv_datagram inet_csk_accept",
	  .helps = "several sockets (SO_REUSEPORT) instead of one for all threads" },
	{ .name = "the network configuration (rtnl)", .subsystem = "network, configuration",
	  .places = "rtnl_lock rtnl_lock_killable rtnetlink_rcv_msg rtnl_* devinet_ioctl netdev_run_todo dev_ioctl",
	  .helps = "fewer changes and readers of interfaces and routes at once (container starts, monitoring agents)" },
	{ .name = "the list of processes (tasklist_lock)", .subsystem = "processes",
	  .places = "release_task exit_notify copy_process do_wait __do_wait do_exit wait_consider_task kill_something_info __kill_pgrp_info "
		    "setpgid session_* getpriority setpriority forget_original_parent do_prlimit",
	  .helps = "fewer processes and threads created and ended a second" },
	{ .name = "a block device's I/O scheduler", .subsystem = "block layer",
	  .places = "bfq_* dd_* kyber_* blk_mq_* __blk_mq_* blkcg_* ioc_* sbitmap_*",
	  .helps = "scheduler none for fast devices (/sys/block/DEV/queue/scheduler), more hardware queues" },
	{ .name = "a map of a BPF program", .subsystem = "BPF",
	  .places = "htab_* bpf_* __bpf_* prealloc_lru_pop trie_* array_map_*",
	  .helps = "a tracing tool runs beside: stop it and look again" },
	{ .name = "a wait queue", .subsystem = "waiting and waking",
	  .places = "finish_wait finish_swait prepare_to_wait prepare_to_wait_exclusive prepare_to_wait_event prepare_to_swait_event "
		    "prepare_to_swait_exclusive swake_up_one swake_up_all swake_up_locked __wake_up __wake_up_* add_wait_queue remove_wait_queue "
		    "folio_wait_bit_common folio_wake_bit wake_up_q complete complete_all wait_for_completion* do_wait_intr*",
	  .helps = "many tasks wait for the same event and are woken together: wake one of them, or give them events of their own" },
	{ .name = "timers", .subsystem = "timers",
	  .places = "lock_timer_base lock_hrtimer_base hrtimer_* call_timer_fn __mod_timer run_timer_softirq __run_timers tick_* clockevents_* "
		    "tmigr_*",
	  .helps = "fewer and longer timers" },
	{ .name = "RCU", .subsystem = "RCU",
	  .places = "rcu_* __call_rcu* call_rcu kfree_rcu* kvfree_call_rcu note_gp_changes force_qs_rnp srcu_*",
	  .helps = "find what frees so many objects at once (the stack above it)" },
	{ .name = "a terminal", .subsystem = "terminals",
	  .places = "tty_* n_tty_* ldsem_* pty_* do_con_write",
	  .helps = "less output to one terminal" },
};

static bool is_place(const struct lock_subject *subject, const char *place)
{
	// The place as one frame: the same rules for suffixes as in stacks.
	return place && *place && lock_words__has_any_frame(place, subject->places);
}

const struct lock_subject *lock_words__subject(const struct lock_row *lock)
{
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (is_place(&subjects[i], lock->place))
			return &subjects[i];
	return NULL;
}
