// What a CPU was doing, by kernel stacks of several versions, and the profile of pressure that samples make.
#include "unit/stage.h"

#include <math.h>

#define MS STAGE_MS

struct work_case { const char *operation, *frames; enum cpu_work work; };

static const struct work_case cases[] = {
	{ "", NULL, WORK_USER },
	{ "read", NULL, WORK_SYSCALL },
	{ "page fault", NULL, WORK_FAULT_OTHER },
	{ "unknown", NULL, WORK_UNKNOWN },
	{ "kernel thread", "process_one_work+0x1\nworker_thread+0x2\nkthread+0x3\nret_from_fork+0x4", WORK_KERNEL_THREAD },
	// taken on Linux 6.18: stress-ng --mmap
	{ "page fault", "clear_page_erms+0x7\nget_page_from_freelist+0x1668\n__alloc_frozen_pages_noprof+0x173\nalloc_pages_mpol+0x86\n"
		"vma_alloc_folio_noprof+0x61\ndo_wp_page+0x415\n__handle_mm_fault+0x9fa\nhandle_mm_fault+0xd0\nexc_page_fault+0x176\nasm_exc_page_fault+0x22",
		WORK_FAULT_ZERO },
	{ "mmap", "clear_page_erms+0x7\nfolio_zero_user+0x1\ndo_huge_pmd_anonymous_page+0x2\n__handle_mm_fault+0x3\nhandle_mm_fault+0x4\n__get_user_pages+0x5\n"
		"populate_vma_page_range+0x6\n__mm_populate+0x7\nvm_mmap_pgoff+0x8", WORK_FAULT_HUGE },
	{ "read", "copy_mc_fragile+0x1\nwp_page_copy+0x2\n__handle_mm_fault+0x3\nhandle_mm_fault+0x4\nasm_exc_page_fault+0x5\nrep_movs_alternative+0x6\n"
		"_copy_to_iter+0x7", WORK_FAULT_COPY },
	{ "page fault", "next_uptodate_folio+0x1\nfilemap_map_pages+0x2\ndo_read_fault+0x3\nhandle_mm_fault+0x4", WORK_FAULT_FILE },
	// the pages of a file are zeroed where the kernel does it for every allocation: no churn of the program's own memory
	{ "page fault", "clear_page_erms+0x1\nget_page_from_freelist+0x2\npage_cache_ra_unbounded+0x3\nfilemap_fault+0x4\n__do_fault+0x5\nhandle_mm_fault+0x6",
		WORK_FAULT_FILE },
	{ "page fault", "lz4_decompress+0x1\nzram_bio_read+0x2\ndo_swap_page+0x3\nhandle_mm_fault+0x4", WORK_FAULT_SWAP },
	{ "page fault", "memcg1_commit_charge+0x1\ncharge_memcg+0x2\ndo_anonymous_page+0x3\nhandle_mm_fault+0x4", WORK_FAULT_NEW },
	{ "page fault", "__count_memcg_events+0x1\nhandle_mm_fault+0x2\nexc_page_fault+0x3", WORK_FAULT_OTHER },
	{ "page fault", "sync_regs+0x1\nasm_exc_page_fault+0x2", WORK_FAULT_OTHER },
	{ "page fault", "finish_task_switch+0x1\n__schedule+0x2\nschedule+0x3\nirqentry_exit_to_user_mode+0x4\nasm_sysvec_apic_timer_interrupt+0x5", WORK_SCHEDULER },
	{ "munmap", "zap_pte_range+0x1\nunmap_page_range.isra.0+0x2\nunmap_vmas+0x3\nvms_clear_ptes.part.0+0x4\nvms_complete_munmap_vmas+0x5", WORK_UNMAP },
	{ "munmap", "free_unref_page_list+0x1\nrelease_pages+0x2\ntlb_batch_pages_flush+0x3\ntlb_finish_mmu+0x4\nunmap_region+0x5\n__do_munmap+0x6", WORK_UNMAP },
	{ "munmap", "smp_call_function_many_cond+0x1\nflush_tlb_mm_range+0x2\ntlb_finish_mmu+0x3\nunmap_region+0x4", WORK_TLB },
	{ "madvise", "madvise_vma_behavior+0x1\ndo_madvise+0x2", WORK_SYSCALL },
	// the same work, for a process that ends, is forked, or executes another program
	{ "exit", "zap_pte_range+0x1\nunmap_vmas+0x2\nexit_mmap+0x3\n__mmput+0x4\ndo_exit+0x5", WORK_PROCESS_MEMORY },
	{ "execve", "unmap_vmas+0x2\nexit_mmap+0x3\n__mmput+0x4\nbegin_new_exec+0x5\nload_elf_binary+0x6", WORK_PROCESS_MEMORY },
	{ "clone", "copy_pte_range+0x1\ncopy_page_range+0x2\ndup_mmap+0x3\ncopy_process+0x4\nkernel_clone+0x5", WORK_PROCESS_MEMORY },
	{ "clone", "kmem_cache_alloc+0x1\ncopy_process+0x2\nkernel_clone+0x3", WORK_PROCESS },
	{ "exit", NULL, WORK_PROCESS },
	{ "wait4", "release_task+0x1\nwait_task_zombie+0x2\ndo_wait+0x3", WORK_PROCESS },
	// memory that is freed first, whatever asks for it
	{ "page fault", "shrink_folio_list+0x1\nshrink_lruvec+0x2\nshrink_node+0x3\ntry_to_free_pages+0x4\n__alloc_pages_slowpath+0x5\nhandle_mm_fault+0x6", WORK_RECLAIM },
	{ "read", "shrink_page_list+0x1\nshrink_node+0x2\ndo_try_to_free_pages+0x3\ntry_to_free_mem_cgroup_pages+0x4\ntry_charge_memcg+0x5\nfilemap_add_folio+0x6\n"
		"page_cache_ra_unbounded+0x7", WORK_RECLAIM_LIMIT },
	{ "kernel thread", "shrink_node+0x1\nbalance_pgdat+0x2\nkswapd+0x3\nkthread+0x4", WORK_KSWAPD },
	{ "page fault", "isolate_freepages_block+0x1\ncompact_zone+0x2\ntry_to_compact_pages+0x3\n__alloc_pages_direct_compact+0x4\nhandle_mm_fault+0x5", WORK_COMPACTION },
	// spinning, and for what
	{ "munmap", "rwsem_spin_on_owner+0x1\nrwsem_optimistic_spin+0x2\nrwsem_down_write_slowpath+0x3\ndown_write_killable+0x4\n__vm_munmap+0x5", WORK_SPIN_MMAP },
	{ "munmap", "osq_lock+0x1\nrwsem_optimistic_spin+0x2\nrwsem_down_write_slowpath+0x3\ndown_write_killable+0x4\n__x64_sys_munmap+0x5", WORK_SPIN_MMAP },
	{ "page fault", "native_queued_spin_lock_slowpath+0x1\n_raw_spin_lock_irq+0x2\nrwsem_down_read_slowpath+0x3\ndown_read_killable+0x4\n"
		"lock_mm_and_find_vma+0x5\ndo_user_addr_fault+0x6", WORK_SPIN_MMAP },
	{ "unlink", "osq_lock+0x1\nrwsem_optimistic_spin+0x2\nrwsem_down_write_slowpath+0x3\ndown_write+0x4\ndo_unlinkat+0x5", WORK_SPIN_LOCK },
	// a lock of a page table below mmap code is no mmap_lock
	{ "munmap", "native_queued_spin_lock_slowpath+0x1\n_raw_spin_lock+0x2\nzap_pte_range+0x3\nunmap_vmas+0x4\n__vm_munmap+0x5", WORK_SPIN_LOCK },
	{ "exit", "native_queued_spin_lock_slowpath+0x1\n_raw_spin_lock+0x2\nexit_mmap+0x3\n__mmput+0x4", WORK_SPIN_LOCK },
	{ "page fault", "native_queued_spin_lock_slowpath+0x1\n_raw_spin_lock_irqsave+0x2\nfolio_lruvec_lock_irqsave+0x3\nshrink_inactive_list+0x4\n"
		"shrink_node+0x5\ntry_to_free_pages+0x6\nhandle_mm_fault+0x7", WORK_SPIN_LOCK },
	{ "futex", "kvm_wait+0x1\n__pv_queued_spin_lock_slowpath+0x2\n_raw_spin_lock+0x3\nfutex_wake+0x4", WORK_SPIN_LOCK },
	{ "mkdir", "mutex_spin_on_owner+0x1\n__mutex_lock.constprop.0+0x2\ncgroup_kn_lock_live+0x3", WORK_SPIN_LOCK },
	// a lock that is asleep does not spin
	{ "munmap", "__schedule+0x1\nschedule+0x2\nrwsem_down_write_slowpath+0x3\ndown_write_killable+0x4\n__vm_munmap+0x5", WORK_SYSCALL },
	// interrupts on top
	{ "softirq", NULL, WORK_INTERRUPT },
	{ "sendto", "tcp_v4_rcv+0x1\nnet_rx_action+0x2\nhandle_softirqs+0x3\ndo_softirq+0x4\n__local_bh_enable_ip+0x5", WORK_INTERRUPT },
	{ "page fault", "rcu_core+0x1\n__do_softirq+0x2\nirq_exit_rcu+0x3\nasm_sysvec_apic_timer_interrupt+0x4", WORK_INTERRUPT },
	// virtual machines
	{ "ioctl", "vmx_do_interrupt_irqoff+0x13 [kvm_intel]", WORK_GUEST },
	{ "ioctl", "vcpu_enter_guest+0x1 [kvm]\nkvm_arch_vcpu_ioctl_run+0x2 [kvm]\nkvm_vcpu_ioctl+0x3 [kvm]", WORK_GUEST },
	{ "ioctl", "clear_page_erms+0x1\ndo_anonymous_page+0x2\nhandle_mm_fault+0x3\n__get_user_pages+0x4\nkvm_mmu_page_fault+0x5 [kvm]\n"
		"vcpu_enter_guest+0x6 [kvm]", WORK_FAULT_ZERO },
	// no distances: rows that stand for many places
	{ "munmap", "zap_pte_range\nunmap_page_range\nunmap_vmas", WORK_UNMAP },
	{ "ioctl", "zap_pte_rangefinder\nsome_driver_ioctl", WORK_SYSCALL },
};

static void test_classes(void **state)
{
	(void)state;
	struct cpu_works *works = cpu_works__new();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum cpu_work work = cpu_works__of(works, cases[i].operation, cases[i].frames);
		if (work != cases[i].work)
			fail_msg("%s, not %s: %s in %s", cpu_work__name(work), cpu_work__name(cases[i].work), cases[i].operation,
				 cases[i].frames ? cases[i].frames : "-");
	}
	cpu_works__free(works);
}

static void test_memory_churn(void **state)
{
	(void)state;
	assert_true(cpu_work__is_memory_churn(WORK_FAULT_ZERO, "page fault"));
	assert_true(cpu_work__is_memory_churn(WORK_FAULT_OTHER, "read"));
	assert_true(cpu_work__is_memory_churn(WORK_UNMAP, "munmap"));
	assert_true(cpu_work__is_memory_churn(WORK_TLB, "madvise"));
	assert_true(cpu_work__is_memory_churn(WORK_SYSCALL, "munmap"));
	assert_false(cpu_work__is_memory_churn(WORK_SYSCALL, "mlock"));
	assert_false(cpu_work__is_memory_churn(WORK_FAULT_FILE, "page fault"));
	assert_false(cpu_work__is_memory_churn(WORK_FAULT_SWAP, "page fault"));
	assert_false(cpu_work__is_memory_churn(WORK_PROCESS_MEMORY, "exit"));
	assert_false(cpu_work__is_memory_churn(WORK_USER, ""));
}

static int64_t stack(struct stage *stage, const char *frames)
{
	struct stack_row *row = recording__add_stack(stage->recording);
	row->id = (int64_t)stage->recording->stack_count;
	row->frames = base__copy(frames);
	return row->id;
}

// waiters: how many wait in those samples that have waiters.
static void sample(struct stage *stage, int64_t process, const char *operation, int64_t kernel, int64_t samples, int64_t waited, int64_t waiters)
{
	struct cpu_sample_row *row = recording__add_cpu_sample(stage->recording);
	*row = (struct cpu_sample_row){ .process = process, .operation = base__copy(operation), .kernel_stack = kernel, .samples = samples, .waited = waited,
		.ns = samples * 5 * MS, .pressure_ns = waited * 5 * MS, .waiters_ns = waited * waiters * 5 * MS };
}

static const struct cpu_profile_part *part(const struct cpu_profile *profile, enum cpu_work work, const char *operation)
{
	for (size_t i = 0; i < profile->part_count; i++)
		if (profile->parts[i].work == work && !strcmp(profile->parts[i].operation, operation))
			return &profile->parts[i];
	return NULL;
}

// The books say how much pressure a process made, the samples by what.
static void test_scaled_to_the_books(void **state)
{
	(void)state;
	struct stage stage = stage__new(5000);
	int64_t churner = stage__process(&stage, "churner", 10, 2000, 0, 900), idle = stage__process(&stage, "other", 11, 500, 0, 100);
	stage__task(&stage, churner)->credit_task_ns = 2700 * MS;
	int64_t zap = stack(&stage, "zap_pte_range+0x11\nunmap_vmas+0x2\n__vm_munmap+0x3"), zap2 = stack(&stage, "zap_pte_range+0x99\nunmap_vmas+0x2\n__vm_munmap+0x3");
	int64_t release = stack(&stage, "release_pages+0x1\ntlb_finish_mmu+0x2\n__vm_munmap+0x3"), irq = stack(&stage, "net_rx_action+0x1\nhandle_softirqs+0x2");
	sample(&stage, churner, "", 0, 100, 50, 2);
	sample(&stage, churner, "munmap", release, 60, 30, 4);
	sample(&stage, churner, "munmap", zap, 40, 20, 4);
	sample(&stage, churner, "munmap", zap2, 41, 20, 4);
	sample(&stage, churner, "softirq", irq, 10, 10, 1);
	sample(&stage, idle, "", 0, 30, 0, 0);
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);

	const struct cpu_profile *profile = cpu_profile__of(stage.ledger, churner);
	assert_non_null(profile);
	assert_int_equal(profile->sums.samples, 241);
	assert_int_equal(profile->sums.ns, 241 * 5 * MS);
	assert_true(llabs(profile->sums.pressure_ns - 900 * MS) < 10);
	assert_true(llabs(profile->sums.waiters_ns - 2700 * MS) < 10);
	// 50 of the 120 samples with waiters; 100 of the 380 waiters
	assert_true(llabs(cpu_profile__work(profile, WORK_USER).pressure_ns - 375 * MS) < 10);
	assert_true(llabs(cpu_profile__work(profile, WORK_USER).waiters_ns - 2700 * MS * 100 / 380) < 10);
	// not the process' own doing, and credited to the interrupts by the books
	assert_int_equal(cpu_profile__work(profile, WORK_INTERRUPT).pressure_ns, 50 * MS);
	assert_int_equal(profile->unsampled_pressure_ns, 0);
	// two places in the same functions are one, and together the heaviest
	const struct cpu_profile_part *unmap = part(profile, WORK_UNMAP, "munmap");
	assert_non_null(unmap);
	assert_int_equal(unmap->sums.samples, 141);
	assert_int_equal(unmap->heaviest_samples, 81);
	assert_int_equal(unmap->heaviest->kernel_stack, zap2);
	assert_ptr_equal(unmap, &profile->parts[0]);
	struct cpu_profile_sums churn = cpu_profile__memory_churn(profile);
	assert_int_equal(churn.samples, 141);

	const struct cpu_profile *other = cpu_profile__of(stage.ledger, idle);
	assert_int_equal(other->sums.pressure_ns, 0);
	assert_int_equal(other->unsampled_pressure_ns, 100 * MS);
	assert_null(cpu_profile__of(stage.ledger, 99));

	const struct cpu_profile *machine = &stage.ledger->profiles.machine;
	assert_int_equal(machine->sums.samples, 271);
	assert_int_equal(cpu_profile__work(machine, WORK_USER).samples, 130);
	assert_int_equal(machine->unsampled_pressure_ns, 100 * MS);
	// 281 samples of 5 ms, of 18 s
	assert_true(fabs(stage.ledger->profiles.covered - 281 * 0.005 / 18) < 1e-9);
	int64_t both[] = { idle, churner, 99 };
	struct cpu_profile *sum = cpu_profile__of_all(stage.ledger, both, 3);
	assert_int_equal(sum->sums.samples, 271);
	assert_int_equal(part(sum, WORK_USER, "")->sums.samples, 130);
	assert_int_equal(sum->part_count, profile->part_count);
	cpu_profile__free(sum);
	assert_null(cpu_profile__of_all(stage.ledger, &both[2], 1));
	stage__free(&stage);
}

static void test_bounds(void **state)
{
	(void)state;
	double low = -1, high = -1;
	assert_false(cpu_profile__bounds(5, 19, &low, &high));
	assert_true(low == -1 && high == -1);
	assert_true(cpu_profile__bounds(610, 1000, &low, &high));
	assert_true(low > 0.57 && low < 0.59 && high > 0.63 && high < 0.65);
	assert_true(cpu_profile__bounds(20, 20, &low, &high));
	assert_true(low > 0.8 && low < 0.9 && high == 1);
	assert_true(cpu_profile__bounds(0, 1000, &low, &high));
	assert_true(low == 0 && high < 0.005);
}

static void test_no_samples(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	assert_false(stage.ledger->profiles.recorded);
	assert_int_equal(stage.ledger->profiles.machine.sums.samples, 0);
	assert_null(cpu_profile__of(stage.ledger, 1));
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes), cmocka_unit_test(test_memory_churn), cmocka_unit_test(test_scaled_to_the_books), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
