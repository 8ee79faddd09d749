// Who frees memory before it gets any, and who works at it in the background. All in slow paths: nothing here runs while memory is free,
// but the page cache's probe, which is attached only while memory is scarce.
#include "bpf/kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf/memory_records.h"
#include "bpf/untrusted.h"
#include "bpf/rows.h"

#define GFP_DIRECT_RECLAIM 0x400 // ___GFP_DIRECT_RECLAIM (include/linux/gfp_types.h): the allocation may sleep, so it is no interrupt's

struct cgroup___memory { struct kernfs_node *kn; } __attribute__((preserve_access_index));
struct cgroup_subsys_state___memory { struct cgroup___memory *cgroup; } __attribute__((preserve_access_index));
struct mem_cgroup { struct cgroup_subsys_state___memory css; } __attribute__((preserve_access_index));
struct css_set___memory { struct cgroup_subsys_state___memory *subsys[1]; } __attribute__((preserve_access_index));
// The number of pages of a large folio: _folio_nr_pages from 5.18 on, _nr_pages since 6.14.
struct folio { unsigned long flags; unsigned int _nr_pages; } __attribute__((preserve_access_index));
struct folio___6_1 { unsigned int _folio_nr_pages; } __attribute__((preserve_access_index));
enum cgroup_subsys_id { memory_cgrp_id = 4 };
enum pageflags { PG_head = 6 };

struct compact_control { bool direct_compaction; } __attribute__((preserve_access_index));

const volatile _Bool have_reclaim_memcg = false; // mm_vmscan_memcg_reclaim_begin names the cgroup (7.x)
const volatile _Bool have_compact_control = false; // mm_compaction_begin names its compact_control (5.19)
volatile unsigned long long memory_window_began = 0; // CLOCK_MONOTONIC; 0: not yet, or over: nothing is summed up
volatile unsigned long long memory_lost = 0;

struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct memory_key);
	__type(value, struct memory_sum); __uint(max_entries, MEMORY_ROWS); } memory_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, u32);
	__type(value, struct memory_section); __uint(max_entries, MEMORY_SECTIONS); } memory_sections SEC(".maps");

static __always_inline struct memory_sum *sum_of(const struct memory_key *key)
{
	struct memory_sum *sum = find_or_add(&memory_sums, key);

	if (!sum)
		__sync_fetch_and_add(&memory_lost, 1);
	return sum;
}

static __always_inline void count(u32 tgid, u32 kind, u64 detail, u64 ns, u64 amount)
{
	struct memory_key key = { tgid, kind, detail };
	struct memory_sum *sum = memory_window_began ? sum_of(&key) : 0;

	if (!sum)
		return;
	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->amount, amount);
	if (ns > sum->max_ns)
		sum->max_ns = ns;
}

static __always_inline void section_begin(u32 kind, u64 detail, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct memory_section section = { task->tgid, kind, detail, now, task->se.sum_exec_runtime, task->sched_info.run_delay };
	u32 pid = task->pid;

	if (bpf_map_update_elem(&memory_sections, &pid, &section, BPF_ANY))
		__sync_fetch_and_add(&memory_lost, 1);
}

static __always_inline void section_book(const struct memory_section *section, struct task_struct *task, u64 amount)
{
	struct memory_key key = { section->tgid, section->kind, section->detail };
	u64 now = bpf_ktime_get_ns(), window_began = memory_window_began, ns;
	struct memory_sum *sum;

	if (!window_began || !section->began || now < window_began)
		return;
	ns = now - (section->began > window_began ? section->began : window_began);
	sum = sum_of(&key);
	if (!sum)
		return;
	__sync_fetch_and_add(&sum->count, !section->counted);
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->run_ns, task->se.sum_exec_runtime - section->run_ns);
	__sync_fetch_and_add(&sum->queue_ns, task->sched_info.run_delay - section->queue_ns);
	__sync_fetch_and_add(&sum->amount, amount);
	if (ns > sum->max_ns)
		sum->max_ns = ns;
}

static __always_inline int section_end(u64 amount)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = task->pid;
	struct memory_section *section = bpf_map_lookup_elem(&memory_sections, &pid);

	if (!section)
		return 0;
	section_book(section, task, amount);
	bpf_map_delete_elem(&memory_sections, &pid);
	return 0;
}

// The cgroup of the memory controller that the task is in: the limit is its own or one above it.
static __always_inline u64 memory_cgroup(struct task_struct *task)
{
	u32 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	u64 table = (u64)UNTRUSTED(task)->cgroups + bpf_core_field_offset(struct css_set___memory, subsys);
	struct cgroup_subsys_state___memory *css = 0;

	bpf_probe_read_kernel(&css, sizeof(css), (void *)(table + 8 * index));
	return css ? BPF_CORE_READ(css, cgroup, kn, id) : 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int on_direct_reclaim_begin(void *ctx)
{
	section_begin(MEMORY_DIRECT_RECLAIM, 0, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int on_direct_reclaim_end(u64 *ctx)
{
	return section_end(ctx[0]);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int on_memcg_reclaim_begin(u64 *ctx)
{
	u64 id = 0;

	if (have_reclaim_memcg)
		id = BPF_CORE_READ((struct mem_cgroup *)ctx[2], css.cgroup, kn, id);
	else
		id = memory_cgroup(bpf_get_current_task_btf());
	section_begin(MEMORY_LIMIT_RECLAIM, id, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int on_memcg_reclaim_end(u64 *ctx)
{
	return section_end(ctx[0]);
}

SEC("tp_btf/mm_vmscan_node_reclaim_begin")
int on_node_reclaim_begin(u64 *ctx)
{
	section_begin(MEMORY_NODE_RECLAIM, (u32)ctx[0], bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/mm_vmscan_node_reclaim_end")
int on_node_reclaim_end(u64 *ctx)
{
	return section_end(ctx[0]);
}

// An allocation asks for compaction. That begins zone by zone, in none where it was in vain lately; all zones together are one stall.
SEC("tp_btf/mm_compaction_try_to_compact_pages")
int on_try_to_compact(u64 *ctx)
{
	section_begin(MEMORY_COMPACTION, (u32)ctx[0], 0);
	return 0;
}

SEC("tp_btf/mm_compaction_begin")
int on_compaction_begin(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = task->pid;
	struct memory_section *section = bpf_map_lookup_elem(&memory_sections, &pid);
	bool direct = have_compact_control ? BPF_CORE_READ((struct compact_control *)ctx[0], direct_compaction) : !(task->flags & PF_KTHREAD);

	if (section && section->kind == MEMORY_COMPACTION && direct) {
		section->run_ns = task->se.sum_exec_runtime;
		section->queue_ns = task->sched_info.run_delay;
		section->began = bpf_ktime_get_ns();
	} else {
		section_begin(direct ? MEMORY_COMPACTION : MEMORY_COMPACTION_WORK, 0, bpf_ktime_get_ns());
	}
	return 0;
}

SEC("tp_btf/mm_compaction_end")
int on_compaction_end(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = task->pid;
	struct memory_section *section = bpf_map_lookup_elem(&memory_sections, &pid);

	if (!section || section->kind != MEMORY_COMPACTION)
		return section_end(0);
	section_book(section, task, 0);
	section->began = 0;
	section->counted = 1;
	return 0;
}

SEC("tp_btf/mm_vmscan_throttled")
int on_throttled(u64 *ctx)
{
	count(bpf_get_current_task_btf()->tgid, MEMORY_THROTTLED, (u32)ctx[3], (u64)(u32)ctx[2] * 1000, 0);
	return 0;
}

SEC("tp_btf/mm_vmscan_wakeup_kswapd")
int on_wakeup_kswapd(u64 *ctx)
{
	u32 tgid = (u32)ctx[3] & GFP_DIRECT_RECLAIM ? bpf_get_current_task_btf()->tgid : 0;

	count(tgid, MEMORY_KSWAPD_WAKEUP, 0, 0, 0);
	return 0;
}

SEC("tp_btf/mm_vmscan_kswapd_wake")
int on_kswapd_wake(u64 *ctx)
{
	u32 pid = bpf_get_current_task_btf()->pid;

	// It fires again for each further request while kswapd is awake.
	if (!bpf_map_lookup_elem(&memory_sections, &pid))
		section_begin(MEMORY_KSWAPD, (u32)ctx[0], bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/mm_vmscan_kswapd_sleep")
int on_kswapd_sleep(void *ctx)
{
	return section_end(0);
}

static __always_inline u64 folio_pages(struct folio *folio)
{
	unsigned long flags;

	// Its type has changed, its place has not.
	bpf_probe_read_kernel(&flags, sizeof(flags), folio);
	if (!(flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1))
		return 1;
	if (bpf_core_field_exists(folio->_nr_pages))
		return BPF_CORE_READ(folio, _nr_pages);
	if (bpf_core_field_exists(((struct folio___6_1 *)folio)->_folio_nr_pages))
		return BPF_CORE_READ((struct folio___6_1 *)folio, _folio_nr_pages);
	return 1;
}

SEC("tp_btf/mm_filemap_add_to_page_cache")
int on_page_cache_add(u64 *ctx)
{
	count(bpf_get_current_task_btf()->tgid, MEMORY_PAGE_CACHE, 0, 0, folio_pages((struct folio *)ctx[0]));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
