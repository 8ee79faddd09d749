#include "collect/lock_names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/lock_sums.h"
#include "collect/probes_maps.h"
#include "symbolize/kernel_symbols.h"

struct named_stack { int stack; size_t count; uint64_t addresses[LOCK_FRAMES]; char *frames; struct lock_name name; char place[128]; };

struct lock_names {
	struct named_stack *stacks;     // sorted by number once their addresses are read
	size_t count, capacity;
	struct lock_name unknown;
};

// Frames above the lock: our own probe and what called it.
static const char *const tracing[] = { "bpf_prog_*", "bpf_trace_run*", "__bpf_trace_*", "__traceiter_*", "trace_contention_*",
	"bpf_trampoline_*", "bpf_get_stackid*", "perf_trace_*" };
// Code of the locks themselves (kernel/locking, and the wrappers of mmap_lock in include/linux/mmap_lock.h and mm/mmap_lock.c).
static const char *const locking[] = { "rwsem_*", "*_slowpath", "__mutex_lock*", "mutex_lock*", "down_read*", "down_write*", "__down_*", "down",
	"down_interruptible", "down_killable", "down_timeout*", "down_trylock", "rt_mutex_*", "__rt_mutex_*", "rtlock_*", "percpu_down_*",
	"__percpu_down_*", "percpu_rwsem_*", "_raw_spin_*", "_raw_read_*", "_raw_write_*", "__raw_spin_*", "do_raw_*", "queued_*",
	"native_queued_*", "__pv_queued_*", "pv_*", "ww_mutex_*", "osq_lock*", "mmap_read_lock*", "mmap_write_lock*", "lock_mm_and_find_vma", "schedule*", "__schedule*", "preempt_schedule*",
	"__raw_callee_save_*", "percpu_rwsem_wait" };

// Where the locks of single mappings are taken and no other rw_semaphore: vma_start_write (include/linux/mm.h), which is inlined. They are
// rw_semaphores from 6.4 to 6.14; from 6.15 on they are reference counts, and waiting for them is in no tracepoint of locks.
static const char *const one_mapping[] = { "vma_start_write", "__vma_start_write", "mprotect_fixup", "mlock_fixup", "mlock_vma_pages_range",
	"free_pgtables", "vma_shrink", "expand_stack*", "lock_vma_under_rcu" };

static bool matches(const char *symbol, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], symbol, 0) == 0)
			return true;
	return false;
}

// Copies the symbol of the frame that begins at `line`; returns the next line, or NULL.
static const char *symbol_of(const char *line, char *ret_symbol, size_t size)
{
	size_t length = strcspn(line, "+\n ");
	const char *end = strchr(line, '\n');

	snprintf(ret_symbol, size, "%.*s", (int)length, line);
	return end ? end + 1 : NULL;
}

void lock_names__place(const char *frames, char *ret_place, size_t size)
{
	char symbol[128];

	ret_place[0] = 0;
	for (const char *line = frames, *next; line && *line; line = next) {
		next = symbol_of(line, symbol, sizeof(symbol));
		if (matches(symbol, tracing, ARRAY_SIZE(tracing)) || matches(symbol, locking, ARRAY_SIZE(locking)) || !strncmp(symbol, "0x", 2))
			continue;
		snprintf(ret_place, size, "%s", symbol);
		return;
	}
}

struct lock_names *lock_names__new(void)
{
	return base__alloc(1, sizeof(struct lock_names));
}

void lock_names__free(struct lock_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->stacks[i].frames);
	free(names->stacks);
	free(names);
}

static int compare_stacks(const void *a, const void *b)
{
	const struct named_stack *left = a, *right = b;

	return left->stack < right->stack ? -1 : left->stack > right->stack;
}

void lock_names__want(struct lock_names *names, int stack)
{
	if (stack < 0)
		return;
	names->stacks = base__grow(names->stacks, &names->capacity, names->count + 1, sizeof(*names->stacks));
	names->stacks[names->count++].stack = stack;
}

// One row for each stack, with its addresses.
void lock_names__want_symbols(struct lock_names *names, struct probes *probes, struct kernel_symbols *symbols)
{
	size_t kept = 0;

	if (names->count)
		qsort(names->stacks, names->count, sizeof(*names->stacks), compare_stacks);
	for (size_t i = 0; i < names->count; i++) {
		struct named_stack *stack = &names->stacks[kept];

		if (kept && stack[-1].stack == names->stacks[i].stack)
			continue;
		*stack = names->stacks[i];
		stack->count = probes__lock_stack(probes, stack->stack, stack->addresses, LOCK_FRAMES);
		for (size_t j = 0; j < stack->count; j++)
			kernel_symbols__want(symbols, stack->addresses[j]);
		kept++;
	}
	names->count = kept;
}

// Joins the frames of one stack; our probe and what called it are left out.
static char *join(const char *const *names, size_t count)
{
	struct string text = {};
	char symbol[128];
	size_t first = 0;

	for (; first < count; first++) {
		symbol_of(names[first], symbol, sizeof(symbol));
		if (!matches(symbol, tracing, ARRAY_SIZE(tracing)))
			break;
	}
	for (size_t i = first; i < count; i++)
		string__add(&text, "%s%s", i > first ? "\n" : "", names[i]);
	return text.length ? string__steal(&text) : NULL;
}

void lock_names__resolve(struct lock_names *names, const struct kernel_symbols *symbols)
{
	for (size_t i = 0; i < names->count; i++) {
		struct named_stack *stack = &names->stacks[i];
		const char *texts[LOCK_FRAMES];

		for (size_t j = 0; j < stack->count; j++)
			texts[j] = kernel_symbols__name(symbols, stack->addresses[j]);
		stack->frames = join(texts, stack->count);
		lock_names__place(stack->frames ? stack->frames : "", stack->place, sizeof(stack->place));
	}
}

static struct named_stack *find(const struct lock_names *names, int stack)
{
	struct named_stack key = { .stack = stack };

	return names->count && stack >= 0 ? bsearch(&key, names->stacks, names->count, sizeof(key), compare_stacks) : NULL;
}

const char *lock_names__frames(struct lock_names *names, int stack)
{
	struct named_stack *found = find(names, stack);

	return found ? found->frames : NULL;
}

const struct lock_name *lock_names__of(struct lock_names *names, const struct lock_class *class)
{
	enum lock_kind kind = class->kind < LOCK_KIND_VMA || class->kind == LOCK_KIND_SEVERAL ? (enum lock_kind)class->kind : LOCK_KIND_UNKNOWN;
	struct named_stack *found = class->kind == LOCK_KIND_MMAP ? NULL : find(names, class->stack);

	if (!found) {
		names->unknown = (struct lock_name){ .kind = kind };
		return &names->unknown;
	}
	if (class->kind == LOCK_KIND_RWSEM && matches(found->place, one_mapping, ARRAY_SIZE(one_mapping)))
		kind = LOCK_KIND_VMA;
	found->name = (struct lock_name){ kind, found->place[0] ? found->place : NULL, found->frames };
	return &found->name;
}

// Functions in which a task sleeps for a lock, by the kind of lock; kernel/locking, 5.15 … 7.2.
static const struct { const char *pattern; enum lock_kind kind; enum lock_mode mode; } sleeping[] = {
	{ "rwsem_down_read_slowpath*", LOCK_KIND_RWSEM, LOCK_MODE_READ },
	{ "rwsem_down_write_slowpath*", LOCK_KIND_RWSEM, LOCK_MODE_WRITE },
	{ "__mutex_lock*", LOCK_KIND_MUTEX, LOCK_MODE_WRITE },
	{ "percpu_rwsem_wait*", LOCK_KIND_PERCPU, LOCK_MODE_WRITE },
	{ "__percpu_down_read*", LOCK_KIND_PERCPU, LOCK_MODE_READ },
	{ "percpu_down_write*", LOCK_KIND_PERCPU, LOCK_MODE_WRITE },
	{ "rt_mutex_slowlock*", LOCK_KIND_RTMUTEX, LOCK_MODE_WRITE },
	{ "__rt_mutex_slowlock*", LOCK_KIND_RTMUTEX, LOCK_MODE_WRITE },
	{ "__down*", LOCK_KIND_UNKNOWN, LOCK_MODE_WRITE },
	{ "___down_common*", LOCK_KIND_UNKNOWN, LOCK_MODE_WRITE },
};
// Places that take the caller's own mmap_lock and no other rw_semaphore.
static const char *const own_memory[] = { "__vm_munmap", "vm_munmap", "vm_mmap_pgoff", "do_mprotect_pkey*", "__do_sys_brk", "__x64_sys_brk",
	"__se_sys_mremap", "__do_sys_mremap", "__x64_sys_mremap", "exc_page_fault", "do_user_addr_fault", "exit_mm", "exit_mmap", "do_exit" };

bool lock_names__sleeping(const char *const *names, size_t count, struct sleeping_lock *ret)
{
	char symbol[128];
	size_t which = ARRAY_SIZE(sleeping);

	memset(ret, 0, sizeof(*ret));
	// The lock's own function is among the innermost frames; further out, a task may hold other locks that it has got.
	for (size_t i = 0; i < count && i < 5 && which == ARRAY_SIZE(sleeping); i++) {
		symbol_of(names[i], symbol, sizeof(symbol));
		for (which = 0; which < ARRAY_SIZE(sleeping) && fnmatch(sleeping[which].pattern, symbol, 0); which++)
			;
	}
	if (which < ARRAY_SIZE(sleeping)) {
		ret->frames = join(names, count);
		lock_names__place(ret->frames, ret->place, sizeof(ret->place));
		ret->own_memory = sleeping[which].kind == LOCK_KIND_RWSEM && matches(ret->place, own_memory, ARRAY_SIZE(own_memory));
		ret->mode = sleeping[which].mode;
		ret->name = (struct lock_name){ ret->own_memory ? LOCK_KIND_MMAP : sleeping[which].kind,
						 ret->own_memory || !ret->place[0] ? NULL : ret->place, ret->frames };
	}
	return which < ARRAY_SIZE(sleeping);
}
