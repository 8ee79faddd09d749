#include "ledger/cpu_work.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

// What functions say, anywhere on a stack. The first row that holds decides, so that what stands above explains what stands below: a spinning CPU
// spins whatever it wants the lock for, memory that a fault frees before it gets a page is reclaim, and the pages of a process that ends are given
// back because it ends. Work that the table does not know stays with its system call.
enum mark {
	MARK_SOFTIRQ, MARK_SPIN, MARK_KSWAPD, MARK_COMPACTION, MARK_LIMIT, MARK_RECLAIM, MARK_PROCESS_MEMORY, MARK_PROCESS, MARK_TLB, MARK_UNMAP,
	MARK_SWAP, MARK_HUGE, MARK_PAGE_CACHE, MARK_ZERO, MARK_FILE, MARK_COPY, MARK_NEW, MARK_FAULT,
	MARK_GUEST,
	// These only say more of the marks above.
	MARK_LOCK_CODE,         // of sleeping and spinning locks
	MARK_RWSEM,             // of these: of a rw_semaphore
	MARK_MMAP_LOCK,         // code that takes an mmap_lock
	MARKS
};

// Names of kernel functions, parted by spaces; a star at the end stands for the rest of a name. Suffixes that compilers add (.isra.0) are left out
// on both sides. Names of several kernel versions stand side by side (5.15 … 7.2).
struct pattern { enum mark mark; const char *functions; };

static const struct pattern patterns[] = {
	{ MARK_SOFTIRQ, "__do_softirq __softirqentry_text_start handle_softirqs" },

	{ MARK_SPIN, "native_queued_spin_lock_slowpath __pv_queued_spin_lock_slowpath queued_spin_lock_slowpath queued_read_lock_slowpath "
		"queued_write_lock_slowpath resilient_queued_spin_lock_slowpath rwsem_optimistic_spin rwsem_spin_on_owner osq_lock "
		"mutex_spin_on_owner mutex_optimistic_spin rtmutex_spin_on_owner" },
	{ MARK_LOCK_CODE, "native_queued_* __pv_queued_* queued_* resilient_queued_* _raw_spin_* __raw_spin_* _raw_read_* _raw_write_* "
		"__raw_callee_save_* rwsem_* __rwsem_* osq_lock mutex_* __mutex_* down down_read* down_write* __down_* down_killable down_interruptible "
		"rtmutex_* rt_mutex_* __rt_mutex_* mmap_read_lock* mmap_write_lock* __mmap_lock* kvm_wait pv_wait* delay_* "
		"asm_sysvec_* sysvec_*" },
	{ MARK_RWSEM, "rwsem_* __rwsem_* down_read* down_write* __down_read* __down_write*" },
	{ MARK_MMAP_LOCK, "vm_mmap_pgoff __vm_munmap vm_munmap __x64_sys_munmap __do_sys_munmap __se_sys_munmap do_mprotect_pkey __do_sys_mremap "
		"__x64_sys_mremap do_mremap __do_sys_brk __x64_sys_brk vm_brk_flags do_user_addr_fault lock_mm_and_find_vma do_page_fault "
		"do_madvise madvise_lock madvise_do_behavior process_madvise do_mlock apply_mlockall_flags __do_sys_mlockall __x64_sys_mlockall "
		"__mm_populate __get_user_pages_locked get_user_pages_unlocked internal_get_user_pages_fast gup_fast_fallback "
		"exit_mm exit_mmap dup_mmap dup_mm m_start smap_gather_stats show_smaps_rollup pagemap_read pagemap_scan* clear_refs_write "
		"__access_remote_vm access_remote_vm access_process_vm proc_pid_cmdline_read setup_arg_pages exec_mmap begin_new_exec "
		"collapse_huge_page hpage_collapse_scan_pmd khugepaged_scan_mm_slot khugepaged_do_scan* ksm_scan_thread "
		"userfaultfd_* mfill_atomic* do_mbind kernel_mbind do_set_mempolicy do_migrate_pages do_pages_move kernel_move_pages "
		"do_shmat ksys_shmdt __do_sys_msync __x64_sys_msync do_mincore __do_sys_mincore __do_sys_remap_file_pages aio_setup_ring "
		"find_vma_prev* task_numa_work uprobe_* __do_sys_mseal do_mseal get_vma_policy proc_map_files_* map_files_*" },

	{ MARK_KSWAPD, "kswapd balance_pgdat" },
	{ MARK_COMPACTION, "__alloc_pages_direct_compact try_to_compact_pages compact_zone_order compact_zone kcompactd kcompactd_do_work compact_node "
		"compact_nodes proactive_compact_node" },
	{ MARK_LIMIT, "try_to_free_mem_cgroup_pages mem_cgroup_handle_over_high __mem_cgroup_handle_over_high reclaim_high mem_cgroup_out_of_memory "
		"mem_cgroup_oom_synchronize mem_cgroup_soft_limit_reclaim mem_cgroup_shrink_node" },
	{ MARK_RECLAIM, "try_to_free_pages __alloc_pages_direct_reclaim do_try_to_free_pages node_reclaim __node_reclaim shrink_node shrink_lruvec "
		"shrink_slab drop_slab drop_slab_node shrink_one shrink_many evict_folios out_of_memory" },

	{ MARK_PROCESS_MEMORY, "exit_mmap __mmput mmput dup_mmap dup_mm copy_mm copy_page_range exec_mmap" },
	{ MARK_PROCESS, "do_exit do_group_exit copy_process kernel_clone _do_fork kernel_thread ret_from_fork_user bprm_execve do_execveat_common* begin_new_exec "
		"load_elf_binary exec_binprm search_binary_handler release_task wait_task_zombie wait_consider_task schedule_tail" },

	{ MARK_TLB, "flush_tlb_mm_range flush_tlb_multi native_flush_tlb_multi native_flush_tlb_others flush_tlb_others flush_tlb_func "
		"flush_tlb_func_local flush_tlb_func_common flush_tlb_one_user native_flush_tlb_one_user flush_tlb_all flush_tlb_kernel_range "
		"__purge_vmap_area_lazy arch_tlbbatch_flush try_to_unmap_flush* kvm_flush_tlb_multi hyperv_flush_tlb_multi xen_flush_tlb_multi "
		"ptep_clear_flush __flush_tlb_range* broadcast_tlb_flush tlb_remove_table_sync_one" },
	{ MARK_UNMAP, "unmap_region unmap_vmas unmap_page_range unmap_single_vma zap_pte_range zap_page_range* zap_pmd_range zap_huge_pmd zap_vma_ptes "
		"free_pgtables free_pgd_range tlb_finish_mmu tlb_flush_mmu tlb_batch_pages_flush tlb_remove_table* __tlb_batch_free_encoded_pages "
		"__tlb_remove_table* free_pages_and_swap_cache free_page_and_swap_cache __do_munmap do_munmap do_mas_munmap do_mas_align_munmap "
		"do_vmi_munmap do_vmi_align_munmap vms_complete_munmap_vmas vms_clear_ptes vms_gather_munmap_vmas vms_clean_up_area "
		"madvise_dontneed_free madvise_dontneed_single_vma madvise_free_single_vma madvise_free_pte_range unmap_mapping_range unmap_mapping_pages "
		"unmap_hugepage_range __unmap_hugepage_range" },

	{ MARK_SWAP, "do_swap_page swapin_readahead swap_cluster_readahead swap_vma_readahead swapin_folio" },
	{ MARK_HUGE, "do_huge_pmd_anonymous_page __do_huge_pmd_anonymous_page do_huge_pmd_wp_page create_huge_pmd hugetlb_fault hugetlb_no_page hugetlb_wp "
		"clear_huge_page do_huge_pmd_numa_page vma_alloc_anon_folio_pmd wp_huge_pmd" },
	{ MARK_PAGE_CACHE, "filemap_fault filemap_map_pages filemap_map_folio_range next_uptodate_folio next_uptodate_page do_fault_around "
		"do_page_mkwrite fault_dirty_shared_page wp_page_shared wp_pfn_shared ext4_filemap_fault xfs_filemap_fault" },
	{ MARK_ZERO, "clear_page_erms clear_page_rep clear_page_orig clear_page clear_pages* clear_subpage clear_highpage* clear_user_page clear_user_highpage* "
		"clear_gigantic_page folio_zero_user kernel_init_pages init_pages __pi_clear_page __clear_pages_unrolled" },
	{ MARK_COPY, "do_wp_page wp_page_copy do_cow_fault copy_user_highpage* copy_mc_* copy_page copy_subpage" },
	{ MARK_FILE, "do_fault do_read_fault do_shared_fault __do_fault finish_fault shmem_fault shmem_get_folio* shmem_getpage*" },
	{ MARK_NEW, "do_anonymous_page alloc_anon_folio" },
	{ MARK_FAULT, "handle_mm_fault __handle_mm_fault exc_page_fault asm_exc_page_fault do_user_addr_fault do_page_fault do_mem_abort el0_da el0_ia "
		"do_translation_fault __get_user_pages faultin_page faultin_page_range fixup_user_fault" },

	{ MARK_GUEST, "vmx_do_interrupt_irqoff vmx_do_interrupt_nmi_irqoff vmx_do_nmi_irqoff vmx_vcpu_run vmx_vcpu_enter_exit __vmx_vcpu_run svm_vcpu_run "
		"svm_vcpu_enter_exit __svm_vcpu_run __svm_sev_es_vcpu_run vcpu_enter_guest vcpu_run kvm_arch_vcpu_ioctl_run vmx_handle_exit_irqoff "
		"svm_handle_exit_irqoff fred_entry_from_kvm kvm_vcpu_run_vhe __kvm_vcpu_run __guest_enter" },
};

struct function { const char *name; size_t length; uint32_t marks; };
struct cpu_works {
	struct function *exact; size_t exact_count, exact_capacity;     // sorted by name, each once
	struct function *starred; size_t starred_count, starred_capacity;
};

static int compare_name(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
	return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int compare(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	return compare_name(left->name, left->length, right->name, right->length);
}

static void add_pattern(struct cpu_works *works, const struct pattern *pattern)
{
	for (const char *name = pattern->functions; *name;) {
		size_t size = strcspn(name, " ");
		bool star = size && name[size - 1] == '*';
		struct function function = { name, size - star, 1U << pattern->mark };
		if (star) {
			works->starred = base__grow(works->starred, &works->starred_capacity, works->starred_count + 1, sizeof(function));
			works->starred[works->starred_count++] = function;
		} else {
			works->exact = base__grow(works->exact, &works->exact_capacity, works->exact_count + 1, sizeof(function));
			works->exact[works->exact_count++] = function;
		}
		name += size;
		name += strspn(name, " ");
	}
}

struct cpu_works *cpu_works__new(void)
{
	struct cpu_works *works = base__alloc(1, sizeof(*works));
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		add_pattern(works, &patterns[i]);
	qsort(works->exact, works->exact_count, sizeof(*works->exact), compare);
	for (size_t i = 0; i < works->exact_count; i++) {
		if (count && !compare(&works->exact[count - 1], &works->exact[i]))
			works->exact[count - 1].marks |= works->exact[i].marks;
		else
			works->exact[count++] = works->exact[i];
	}
	works->exact_count = count;
	return works;
}

void cpu_works__free(struct cpu_works *works)
{
	if (!works)
		return;
	free(works->exact);
	free(works->starred);
	free(works);
}

static uint32_t marks_of(const struct cpu_works *works, const char *name, size_t length)
{
	struct function wanted = { name, length, 0 };
	const struct function *found = bsearch(&wanted, works->exact, works->exact_count, sizeof(wanted), compare);
	uint32_t marks = found ? found->marks : 0;
	for (size_t i = 0; i < works->starred_count; i++)
		if (length >= works->starred[i].length && !memcmp(name, works->starred[i].name, works->starred[i].length))
			marks |= works->starred[i].marks;
	return marks;
}

#define HAS(marks, mark) ((marks) >> (mark) & 1)

// The marks of a whole stack. Of spinning also whose lock it is: the caller of the lock's own code, and whether that is code of a rw_semaphore.
static uint32_t read_stack(const struct cpu_works *works, const char *frames, bool *ret_mmap_lock)
{
	uint32_t all = 0;
	bool spinning = false, rwsem = false, caller_seen = false;
	*ret_mmap_lock = false;
	for (const char *frame = frames; *frame; frame += strcspn(frame, "\n"), frame += *frame == '\n') {
		uint32_t marks = marks_of(works, frame, strcspn(frame, "+. \n"));
		all |= marks;
		spinning = spinning || HAS(marks, MARK_SPIN);
		if (!spinning || caller_seen)
			continue;
		rwsem = rwsem || HAS(marks, MARK_RWSEM);
		caller_seen = !HAS(marks, MARK_LOCK_CODE);
		if (caller_seen)
			*ret_mmap_lock = rwsem && HAS(marks, MARK_MMAP_LOCK);
	}
	return all;
}

static enum cpu_work work_of_fault(uint32_t marks)
{
	static const struct { enum mark mark; enum cpu_work work; } kinds[] = {
		{ MARK_SWAP, WORK_FAULT_SWAP }, { MARK_HUGE, WORK_FAULT_HUGE }, { MARK_PAGE_CACHE, WORK_FAULT_FILE },
		{ MARK_ZERO, WORK_FAULT_ZERO }, { MARK_COPY, WORK_FAULT_COPY }, { MARK_FILE, WORK_FAULT_FILE },
		{ MARK_NEW, WORK_FAULT_NEW },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (HAS(marks, kinds[i].mark))
			return kinds[i].work;
	return WORK_FAULT_OTHER;
}

// Where the stack says nothing more.
static enum cpu_work work_of_operation(const char *name, bool stack)
{
	switch (operation__from_name(name)) {
	case OPERATION_SOFTIRQ: return WORK_INTERRUPT;
	// An exception, or else an interrupt of user code.
	case OPERATION_PAGE_FAULT: return stack ? WORK_SCHEDULER : WORK_FAULT_OTHER;
	case OPERATION_EXIT: return WORK_PROCESS;
	case OPERATION_KERNEL_THREAD: return WORK_KERNEL_THREAD;
	case OPERATION_UNKNOWN: return WORK_UNKNOWN;
	case OPERATION_USER: return WORK_USER;
	default: return WORK_SYSCALL;
	}
}

enum cpu_work cpu_works__of(const struct cpu_works *works, const char *operation, const char *frames)
{
	static const struct { enum mark mark; enum cpu_work work; } order[] = {
		{ MARK_KSWAPD, WORK_KSWAPD }, { MARK_COMPACTION, WORK_COMPACTION }, { MARK_LIMIT, WORK_RECLAIM_LIMIT }, { MARK_RECLAIM, WORK_RECLAIM },
		{ MARK_PROCESS_MEMORY, WORK_PROCESS_MEMORY }, { MARK_PROCESS, WORK_PROCESS }, { MARK_TLB, WORK_TLB }, { MARK_UNMAP, WORK_UNMAP },
	};
	bool mmap_lock = false;
	uint32_t marks = frames ? read_stack(works, frames, &mmap_lock) : 0;
	if (operation__from_name(operation) == OPERATION_SOFTIRQ || HAS(marks, MARK_SOFTIRQ))
		return WORK_INTERRUPT;
	if (HAS(marks, MARK_SPIN))
		return mmap_lock ? WORK_SPIN_MMAP : WORK_SPIN_LOCK;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (HAS(marks, order[i].mark))
			return order[i].work;
	if (HAS(marks, MARK_FAULT))
		return work_of_fault(marks);
	return HAS(marks, MARK_GUEST) ? WORK_GUEST : work_of_operation(operation, frames != NULL);
}

const char *cpu_work__name(enum cpu_work work)
{
	static const char *const names[WORKS] = {
		[WORK_USER] = "user code", [WORK_SYSCALL] = "system call", [WORK_FAULT_ZERO] = "page fault: zeroing new pages",
		[WORK_FAULT_NEW] = "page fault: getting new pages", [WORK_FAULT_HUGE] = "page fault: huge pages", [WORK_FAULT_FILE] = "page fault: pages of files",
		[WORK_FAULT_COPY] = "page fault: copy on write", [WORK_FAULT_SWAP] = "page fault: swap-in", [WORK_FAULT_OTHER] = "page fault: other work",
		[WORK_UNMAP] = "unmapping and freeing pages", [WORK_TLB] = "TLB flushes", [WORK_RECLAIM] = "direct reclaim",
		[WORK_RECLAIM_LIMIT] = "reclaim for a memory limit", [WORK_KSWAPD] = "kswapd", [WORK_COMPACTION] = "compaction",
		[WORK_SPIN_MMAP] = "spinning for mmap_lock", [WORK_SPIN_LOCK] = "spinning for a kernel lock", [WORK_PROCESS] = "creating and ending tasks",
		[WORK_PROCESS_MEMORY] = "copying and freeing address spaces", [WORK_GUEST] = "guest code", [WORK_INTERRUPT] = "softirqs",
		[WORK_SCHEDULER] = "scheduling and signals", [WORK_KERNEL_THREAD] = "kernel thread", [WORK_UNKNOWN] = "unknown",
	};
	return (unsigned int)work < WORKS ? names[work] : "unknown";
}

const char *cpu_work__id(enum cpu_work work)
{
	static const char *const ids[WORKS] = {
		[WORK_USER] = "user", [WORK_SYSCALL] = "syscall", [WORK_FAULT_ZERO] = "fault.zero", [WORK_FAULT_NEW] = "fault.new",
		[WORK_FAULT_HUGE] = "fault.huge", [WORK_FAULT_FILE] = "fault.file", [WORK_FAULT_COPY] = "fault.copy", [WORK_FAULT_SWAP] = "fault.swap",
		[WORK_FAULT_OTHER] = "fault.other", [WORK_UNMAP] = "unmap", [WORK_TLB] = "tlb", [WORK_RECLAIM] = "reclaim",
		[WORK_RECLAIM_LIMIT] = "reclaim.limit", [WORK_KSWAPD] = "kswapd", [WORK_COMPACTION] = "compaction", [WORK_SPIN_MMAP] = "spin.mmap_lock",
		[WORK_SPIN_LOCK] = "spin.lock", [WORK_PROCESS] = "process", [WORK_PROCESS_MEMORY] = "process.memory", [WORK_GUEST] = "guest",
		[WORK_INTERRUPT] = "softirq", [WORK_SCHEDULER] = "scheduler", [WORK_KERNEL_THREAD] = "kernel_thread", [WORK_UNKNOWN] = "unknown",
	};
	return (unsigned int)work < WORKS ? ids[work] : "unknown";
}

bool cpu_work__is_fault(enum cpu_work work)
{
	return work >= WORK_FAULT_ZERO && work <= WORK_FAULT_OTHER;
}

bool cpu_work__is_memory_churn(enum cpu_work work, const char *operation)
{
	static const char *const calls[] = { "mmap", "mmap2", "munmap", "mremap", "brk", "madvise" };
	for (size_t i = 0; work == WORK_SYSCALL && i < ARRAY_SIZE(calls); i++)
		if (operation && !strcmp(operation, calls[i]))
			return true;
	return work == WORK_UNMAP || work == WORK_TLB || (cpu_work__is_fault(work) && work != WORK_FAULT_FILE && work != WORK_FAULT_SWAP);
}

bool cpu_work__is_spinning(enum cpu_work work)
{
	return work == WORK_SPIN_MMAP || work == WORK_SPIN_LOCK;
}
