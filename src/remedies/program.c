#include "remedies/program.h"

#include "remedies/manager.h"

#include "causes/lock_words.h"

#include <string.h>

// Functions of allocators that call munmap, mmap, madvise or brk; they show in user stacks.
#define MALLOC_FRAMES "malloc free calloc realloc cfree __libc_malloc __libc_free __libc_realloc __libc_calloc __libc_memalign _int_malloc " \
	"_int_free _int_free_merge_chunk _int_free_maybe_consolidate _int_realloc sysmalloc sysmalloc_mmap munmap_chunk mremap_chunk systrim " \
	"systrim.constprop heap_trim shrink_heap grow_heap new_heap malloc_consolidate aligned_alloc posix_memalign memalign " \
	"__rdl_alloc __rdl_dealloc __rust_alloc __rust_dealloc __rust_realloc je_* _rjem_je_* mi_* _mi_* tc_* __libc_mallopt"

bool program__is(const char *text, const char *wanted)
{
	return text && !strcmp(text, wanted);
}

static bool is_one_of(const char *operation, const char *words)
{
	return operation && lock_words__has_any_frame(operation, words);
}

static void add_operations(struct program *program)
{
	for (size_t i = 0; i < program->party->operation_count; i++) {
		const struct party_operation *operation = &program->party->operations[i];
		if (is_one_of(operation->operation, "munmap mmap mremap"))
			program->unmap_share += operation->share;
		else if (is_one_of(operation->operation, "madvise"))
			program->advise_share += operation->share;
		else if (is_one_of(operation->operation, "brk"))
			program->break_share += operation->share;
	}
}

// What page faults take says nothing about who gives the memory back.
static void leave_out_faults(struct program *program)
{
	double faults = 0;
	for (size_t i = 0; i < program->party->operation_count; i++)
		faults += operation__from_name(program->party->operations[i].operation) == OPERATION_PAGE_FAULT ? program->party->operations[i].share : 0;
	double rest = 1 - faults;
	if (rest < 0.001)
		return;
	program->unmap_share = program->unmap_share / rest;
	program->advise_share = program->advise_share / rest;
	program->break_share = program->break_share / rest;
}

static bool is_foreign(const struct party *party)
{
	return party->foreign_seconds > 0.5 * party->seconds;
}

// The heaviest that can still be changed: of those who hold their own address space if there is one.
static const struct party *choose_party(const struct ledger *ledger, const struct verdict *verdict)
{
	const struct party *foreign = NULL;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct party *party = offer__living_party(ledger, &verdict->culprits[i], 1);
		if (party && !is_foreign(party))
			return party;
		foreign = foreign ? foreign : party;
	}
	return foreign;
}

static void describe(const struct ledger *ledger, const struct verdict *verdict, const struct party *party, struct program *ret)
{
	const struct process_row *row = recording__process(ledger->recording, party->process);
	bool churn = !strcmp(verdict->cause->id, "memory.churn");
	*ret = (struct program){ .party = party, .row = row, .name = process_row__name(row), .foreign = is_foreign(party),
				 .deed = churn ? "spends CPU time in" : "holds the lock during" };
	add_operations(ret);
	if (churn)
		leave_out_faults(ret);
	for (size_t i = 0; i < party->stack_count; i++)
		ret->by_malloc = ret->by_malloc || lock_words__has_any_frame(party->stacks[i].user, MALLOC_FRAMES);
	// No allocator goes through the C library's function for any system call.
	const char *leaf = party->stack_count ? party->stacks[0].user : NULL;
	cleanup_free char *first = leaf ? base__format("%.*s", (int)strcspn(leaf, "\n"), leaf) : NULL;
	ret->own_calls = lock_words__has_frame(first, "syscall");
}

bool program__waits_in_malloc(const struct recording *recording, const struct ledger_lock *lock)
{
	double all_ns = 0, malloc_ns = 0;
	for (size_t i = 0; i < lock->stack_count; i++) {
		const struct lock_stack_row *row = lock->stacks[i];
		const char *frames = lock_role__from_name(row->role, LOCK_ROLES) == LOCK_WAITER ? recording__frames(recording, row->user_stack) : NULL;
		if (!frames)
			continue;
		all_ns += (double)row->ns;
		malloc_ns += lock_words__has_any_frame(frames, MALLOC_FRAMES) ? (double)row->ns : 0;
	}
	return all_ns > 0 && malloc_ns >= 0.5 * all_ns;
}

bool program__find(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer, struct program *ret)
{
	const struct party *party = choose_party(ledger, verdict);
	const struct process_row *row = party ? recording__process(ledger->recording, party->process) : NULL;
	if (!row || row->kernel_thread) {
		offer__decide(offer, false, row ? "%s is a kernel thread" : "no culprit is left to be changed", row ? process_row__name(row) : "");
		return false;
	}
	describe(ledger, verdict, party, ret);
	return true;
}

bool program__find_foreign(const struct ledger *ledger, const struct verdict *verdict, struct program *ret)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct party *party = offer__living_party(ledger, &verdict->culprits[i], 1);
		if (!party || !is_foreign(party))
			continue;
		describe(ledger, verdict, party, ret);
		return true;
	}
	return false;
}

double program__allocating(const struct program *program)
{
	return program->unmap_share + program->advise_share + program->break_share;
}

bool program__has_own_heap(const struct program *program, const char **ret_heap)
{
	static const struct { const char *runtime, *heap; } heaps[] = {
		{ "jvm", "Java's heap is mapped by the virtual machine itself" }, { "node", "the heap of V8 is mapped by V8 itself" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(heaps); i++)
		if (program__is(program->row->runtime, heaps[i].runtime)) {
			*ret_heap = heaps[i].heap;
			return true;
		}
	return false;
}

bool program__is_older(const struct process_row *row, int major, int minor)
{
	int its_major, its_minor;
	if (!row->runtime_version || sscanf(row->runtime_version, "%d.%d", &its_major, &its_minor) != 2)
		return false;
	return its_major < major || (its_major == major && its_minor < minor);
}

char *program__setting(const struct process_row *row, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = row->settings; line && *line;) {
		size_t end = strcspn(line, "\n");
		if (end > length && line[length] == '=' && !strncmp(line, name, length))
			return base__format("%.*s", (int)(end - length - 1), line + length + 1);
		line += end + (line[end] == '\n');
	}
	return NULL;
}

char *program__tunable(const struct process_row *row, const char *tunable, const char *older_variable)
{
	cleanup_free char *tunables = program__setting(row, "GLIBC_TUNABLES");
	size_t length = strlen(tunable);
	for (const char *part = tunables; part && *part;) {
		size_t end = strcspn(part, ":");
		if (end > length && part[length] == '=' && !strncmp(part, tunable, length))
			return base__format("%.*s", (int)(end - length - 1), part + length + 1);
		part += end + (part[end] == ':');
	}
	return program__setting(row, older_variable);
}

bool program__ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), tail = strlen(ending);
	return length > tail && !strcmp(text + length - tail, ending);
}

// "Environment=A=1\nEnvironment=B=2\n", as printf takes it.
static char *environment_lines(const char *assignments)
{
	struct string out = { 0 };
	for (size_t length; *assignments; assignments += length + (assignments[length] == ' ')) {
		length = strcspn(assignments, " ");
		string__add(&out, "Environment=%.*s\\n", (int)length, assignments);
	}
	return string__steal(&out);
}

static void add_why(struct remedy_offer *offer, const char *words, ...) PRINTF_LIKE(2, 3);
static void add_why(struct remedy_offer *offer, const char *words, ...)
{
	struct string why = { 0 };
	va_list list;
	string__add(&why, "%s; ", offer->why ? offer->why : "");
	va_start(list, words);
	string__add_list(&why, words, list);
	va_end(list);
	free(offer->why);
	offer->why = string__steal(&why);
}

// A drop-in for the unit. What runs in it may be somebody else's (a job of cron): then the administrator writes it, who sees the unit.
static void offer_drop_in(const struct process_row *row, const char *unit, const char *assignments, struct remedy_offer *offer)
{
	if (row->exe_trusted) {
		cleanup_free char *lines = environment_lines(assignments);
		offer__set_command(offer, "mkdir -p /etc/systemd/system/%s.d && printf '[Service]\\n%s' > /etc/systemd/system/%s.d/whystall.conf && "
				   "systemctl daemon-reload && systemctl restart %s", unit, lines, unit, unit);
		return;
	}
	add_why(offer, "in the unit %s: a line Environment=%s below [Service], then restart it", unit, assignments);
	offer__set_command(offer, "systemctl edit %s", unit);
}

static void offer_start(const char *exe, const char *assignments, struct remedy_offer *offer)
{
	cleanup_shell struct shell command = { 0 };
	shell__add(&command, "env");
	for (size_t length; *assignments; assignments += length + (assignments[length] == ' ')) {
		length = strcspn(assignments, " ");
		cleanup_free char *assignment = base__format("%.*s", (int)length, assignments);
		shell__add(&command, "%s", assignment);
	}
	shell__add(&command, "%s", exe);
	offer__take_command(offer, &command);
}

// A command that is pasted as root must run nobody else's program: only a trusted one is named in it (process.exe_trusted).
void program__offer_environment(const struct program *program, const char *assignments, struct remedy_offer *offer)
{
	const struct process_row *row = program->row;
	cleanup_manager struct manager manager = manager__of_process(row);
	cleanup_free char *unit = manager__host_unit(row), *whose = manager__name(&manager);
	if (row->container || row->vm_id)
		add_why(offer, "set %s in the configuration of %s", assignments, row->container ? row->container : "what starts this virtual machine");
	else if (unit && program__ends_with(unit, ".service") && strncmp(unit, "user@", 5))
		offer_drop_in(row, unit, assignments, offer);
	else if (row->exe && row->exe[0] == '/' && row->exe_trusted && !strchr(row->exe, '='))
		offer_start(row->exe, assignments, offer);
	else
		add_why(offer, "set %s where %s is started%s%s%s", assignments, program->name, whose ? " (" : "", whose ? whose : "", whose ? ")" : "");
}

const char *program__library_directory(const struct recording *recording)
{
	const char *machine = recording__meta(recording, "machine");
	return machine && !strcmp(machine, "aarch64") ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
}

bool program__reads_preload(const struct program *program, struct remedy_offer *offer)
{
	const struct process_row *row = program->row;
	bool is_static = row->linkage && !strncmp(row->linkage, "static", 6);
	if (program__is(row->runtime, "go") && is_static)
		offer__decide(offer, false, "LD_PRELOAD does nothing for %s: it is a static Go program. No loader reads it, and Go's heap is not malloc's",
			      program->name);
	else if (program__is(row->runtime, "go"))
		offer__decide(offer, false, "%s is a Go program: a preloaded allocator serves its C code only; Go's heap is Go's own", program->name);
	else if (is_static)
		offer__decide(offer, false, "LD_PRELOAD does nothing for %s: it is a static executable, and no loader reads it", program->name);
	else
		return true;
	return false;
}

bool program__asks_loader_for_malloc(const struct program *program, struct remedy_offer *offer)
{
	const struct process_row *row = program->row;
	if (!program__is(row->linkage, "dynamic"))
		offer__decide(offer, false, "how %s is linked is not known, and LD_PRELOAD works for dynamic executables only", program->name);
	else if (program__is(row->allocator_how, "linked in"))
		offer__decide(offer, false, "LD_PRELOAD does nothing here: the allocator of %s (%s) is linked in", program->name,
			      row->allocator ? row->allocator : "unknown");
	else
		return true;
	return false;
}
