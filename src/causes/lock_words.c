#include "causes/lock_words.h"
#include "causes/wording.h"
#include "base/base.h"

#include <string.h>

// Why somebody else's process takes this address space's lock; the first that a stack shows is meant.
static const struct foreign_use uses[] = {
	{ "show_smap show_smaps_rollup smaps_pte_range smap_gather_stats smaps_pte_entry smaps_page_accumulate smaps_account", "reads ", "smaps", " of " },
	{ "pagemap_read pagemap_pmd_range do_pagemap_scan", "reads ", "pagemap", " of " },
	{ "clear_refs_write clear_refs_pte_range", "writes ", "clear_refs", " of " },
	{ "show_numa_map gather_stats", "reads ", "numa_maps", " of " },
	{ "show_map show_map_vma m_start m_next m_stop proc_get_vma", "reads ", "maps or smaps", " of " },
	{ "process_vm_rw*", "reads or writes its memory (process_vm_readv, process_vm_writev)" },
	{ "mem_rw", "reads or writes its memory (", "mem", ")" },
	{ "ptrace_access_vm ptrace_request arch_ptrace", "is its debugger (ptrace)" },
	{ "proc_pid_cmdline_read get_mm_cmdline environ_read", "reads its command line or environment in /proc" },
	{ "access_remote_vm __access_remote_vm", "reads or writes its memory from outside" },
	{ "collapse_huge_page khugepaged*", "makes huge pages of its memory (khugepaged)" },
	{ "ksm_do_scan ksm_scan_thread", "merges equal pages of its memory (ksmd)" },
	{ "process_madvise do_process_madvise __do_sys_process_madvise", "advises on its memory (process_madvise)" },
	{ "try_to_unuse unuse_mm", "brings its memory back from swap (swapoff)" },
	{ "migrate_pages kernel_migrate_pages do_migrate_pages kernel_move_pages", "moves its memory between NUMA nodes" },
	{ "dup_mmap dup_mm", "forks" },
	{ "uprobe* register_for_each_vma", "sets or removes probes in its code (uprobes)" },
};

static bool is_same_function(const char *frame, size_t frame_length, const char *function, size_t length)
{
	if (length && function[length - 1] == '*')
		return frame_length >= length - 1 && !strncmp(frame, function, length - 1);
	return frame_length == length && !strncmp(frame, function, length);
}

static bool has_frame(const char *frames, const char *function, size_t length)
{
	while (frames && *frames) {
		size_t name = strcspn(frames, "+ .\n");
		if (name && is_same_function(frames, name, function, length))
			return true;
		frames += strcspn(frames, "\n");
		frames += *frames == '\n';
	}
	return false;
}

bool lock_words__has_frame(const char *frames, const char *function)
{
	return has_frame(frames, function, strlen(function));
}

bool lock_words__has_any_frame(const char *frames, const char *functions)
{
	for (size_t length; *functions; functions += length + (functions[length] == ' ')) {
		length = strcspn(functions, " ");
		if (length && has_frame(frames, functions, length))
			return true;
	}
	return false;
}

const struct foreign_use *lock_words__foreign_use(const struct ledger_lock *lock, const struct recording *recording, int64_t process)
{
	for (size_t i = 0; i < lock->stack_count; i++) {
		const struct lock_stack_row *row = lock->stacks[i];
		if (row->process != process || lock_role__from_name(row->role, LOCK_ROLES) != LOCK_OWNER)
			continue;
		const char *frames = recording__frames(recording, row->kernel_stack);
		for (size_t j = 0; frames && j < ARRAY_SIZE(uses); j++)
			if (lock_words__has_any_frame(frames, uses[j].functions))
				return &uses[j];
	}
	return NULL;
}

char *lock_words__use(const struct foreign_use *use, const struct process_row *whose)
{
	if (!use->file)
		return base__copy(use->words);
	cleanup_free char *pid = whose ? base__format("%lld", (long long)whose->pid) : base__copy("PID");
	cleanup_free char *name = whose ? base__format("%s (pid %s)", process_row__name(whose), pid) : base__copy("it");
	return base__format("%s/proc/%s/%s%s%s", use->words, pid, use->file, use->after, use->after[0] == ' ' ? name : "");
}

char *lock_words__operations(const struct party *party, size_t most)
{
	struct string out = { 0 };
	size_t kinds = 0;
	for (size_t i = 0, end; i < party->operation_count; i = end) {
		double share = 0;
		for (end = i; end < party->operation_count && !strcmp(party->operations[i].operation, party->operations[end].operation); end++)
			share += party->operations[end].share;
		if (kinds++ < most)
			string__add(&out, "%s%s %s", i ? ", " : "", party->operations[i].operation, wording__percent(share).text);
	}
	if (kinds > most)
		string__add(&out, " and %zu more", kinds - most);
	return out.text;
}

char *lock_words__place(const struct lock_row *lock)
{
	return lock->place && *lock->place ? base__format("%s in %s", lock->kind ? lock->kind : "lock", lock->place)
					   : base__copy(lock->kind ? lock->kind : "lock");
}

char *lock_words__futex(const struct ledger_futex *futex)
{
	const char *name = futex_kind__name(futex->kind), *kind = name ? name : "lock", *place = futex->lock_row.place;
	if (futex->kind == FUTEX_KIND_GIL)
		return base__copy("Python's global interpreter lock (GIL)");
	const char *article = strchr("aeiouL", kind[0]) ? "an" : "a";
	if (futex->place)
		return base__format("%s %s in %s", article, kind, place);
	return base__format("%s %s %s", article, kind, place ? place : "whose place is not known");
}
