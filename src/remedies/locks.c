// What a program, its neighbours or the kernel can do about the queue at a lock.
#include "remedies/manager.h"
#include "remedies/program.h"

#include "causes/lock_words.h"
#include "causes/verdict.h"

#include <string.h>

#define MOSTLY 0.5
#define A_GOOD_PART 0.2

// The system call with most of its work; NULL: page faults are all that was seen.
static const char *giving_call(const struct program *program)
{
	for (size_t i = 0; i < program->party->operation_count; i++)
		if (operation__from_name(program->party->operations[i].operation) != OPERATION_PAGE_FAULT)
			return program->party->operations[i].operation;
	return NULL;
}

void keep_buffers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	if (!program__find(ledger, verdict, offer, &program))
		return;
	if (program.foreign)
		free(offer->why), offer->why = NULL;
	else if (!strcmp(verdict->cause->id, "memory.churn"))
		offer__decide(offer, true, "memory that %s keeps and uses again (a pool of buffers) needs no page faults and none of its calls%s%s: its stacks "
			      "say where", program.name, giving_call(&program) ? ", most of them " : "", giving_call(&program) ? giving_call(&program) : "");
	else if (program__allocating(&program) >= MOSTLY)
		offer__decide(offer, true, "%s spends the lock on %s: memory that it keeps and uses again (a pool of buffers) needs none of these calls",
			      program.name, program.party->operations[0].operation);
	else
		free(offer->why), offer->why = NULL;
}

void fewer_changes__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	static const struct { const char *operation, *advice; } advices[] = {
		{ "mprotect pkey_mprotect", "change the protection of larger stretches at once, or keep writable and executable views of the same memory" },
		{ "page fault", "touch new memory in advance (MAP_POPULATE, madvise(MADV_POPULATE_WRITE)), use huge pages" },
		{ "exit exit_group", "end fewer threads: a pool of threads that stay" },
		{ "clone clone3 fork vfork", "start processes by posix_spawn or vfork, which copy no mappings, or from a small helper process" },
		{ "mlock mlock2 mlockall munlock munlockall", "lock memory once, not again and again: each call walks the whole stretch" },
		{ "madvise", "give memory back in larger stretches and later" },
		{ "msync", "sync smaller stretches, or write through a file descriptor" },
	};
	struct program program;
	struct remedy_offer declined = *offer;
	declined.why = NULL;
	bool found = program__find(ledger, verdict, &declined, &program);
	free(declined.why);
	if (!found || program.foreign || !program.party->operation_count)
		return;
	const struct party_operation *most = &program.party->operations[0];
	for (size_t i = 0; most->share >= A_GOOD_PART && i < ARRAY_SIZE(advices); i++) {
		const char *at = strstr(advices[i].operation, most->operation);
		size_t length = strlen(most->operation);
		if (!at || !length || (at != advices[i].operation && at[-1] != ' ') || (at[length] && at[length] != ' '))
			continue;
		offer__decide(offer, true, "%s holds the lock during %s (%s): %s", program.name, most->operation, wording__percent(most->share).text,
			      advices[i].advice);
		return;
	}
}

static size_t count_tasks(const struct ledger *ledger, const struct party *party)
{
	size_t tasks = 0;
	for (size_t i = 0; i < party->member_count; i++) {
		const struct ledger_process *process = ledger__process(ledger, party->members[i]);
		tasks += process ? process->task_count : 0;
	}
	return tasks;
}

void fewer_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	if (!program__find(ledger, verdict, offer, &program))
		return;
	size_t tasks = count_tasks(ledger, program.party);
	if (program.party->own_seconds < MOSTLY * program.party->seconds)
		offer__decide(offer, false, "%s does not hold up itself, but others", program.name);
	else if (tasks <= 2)
		offer__decide(offer, false, "%s has %zu thread%s only", program.name, tasks, tasks == 1 ? "" : "s");
	else
		offer__decide(offer, true, "%zu tasks of %s queue for one lock: with fewer, the same work is done with less waiting; how many there are is a "
			      "setting of its own", tasks, program.name);
}

// ---- the kernel ----

// Whether a version "6.1.0-18-amd64" is at least major.minor; unknown ones are.
static bool is_at_least(const char *kernel, int major, int minor)
{
	int has_major = 0, has_minor = 0;
	if (!kernel || sscanf(kernel, "%d.%d", &has_major, &has_minor) != 2)
		return true;
	return has_major > major || (has_major == major && has_minor >= minor);
}

// The part of the waiting in which the waiters were in a page fault, as far as their stacks show it.
static double fault_share(const struct ledger *ledger, const struct verdict *verdict)
{
	double all = 0, faults = 0;
	for (size_t i = 0; verdict->lock && i < verdict->lock->stack_count; i++) {
		const struct lock_stack_row *row = verdict->lock->stacks[i];
		if (lock_role__from_name(row->role, LOCK_ROLES) != LOCK_WAITER)
			continue;
		const char *frames = recording__frames(ledger->recording, row->kernel_stack);
		all += (double)row->ns;
		if (lock_words__has_any_frame(frames, "do_user_addr_fault exc_page_fault do_page_fault lock_mm_and_find_vma do_translation_fault"))
			faults += (double)row->ns;
	}
	return all > 0 ? faults / all : 0;
}

static double advising_share(const struct verdict *verdict)
{
	return verdict->culprit_count && verdict->culprits[0].operation_count &&
	       program__is(verdict->culprits[0].operations[0].operation, "madvise") ? verdict->culprits[0].operations[0].share : 0;
}

void newer_kernel__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const char *kernel = recording__meta(ledger->recording, "kernel");
	if (verdict->culprit_count && verdict->culprits[0].foreign_seconds > MOSTLY * verdict->culprits[0].seconds)
		return;                 // somebody else's lock: what he does with it is the question
	double faults = fault_share(ledger, verdict), advising = advising_share(verdict);
	if (faults >= A_GOOD_PART && !is_at_least(kernel, 6, 4))
		offer__decide(offer, true, "%s of the waiting is in page faults, which mostly do without this lock since Linux 6.4 (here: %s)",
			      wording__percent(faults).text, kernel);
	else if (advising >= A_GOOD_PART && !is_at_least(kernel, 6, 17))
		offer__decide(offer, true, "madvise holds the lock; giving memory back does mostly without it since Linux 6.17 (here: %s)", kernel);
	else
		offer__decide(offer, false, "what waits and holds here (%s) takes the lock in every kernel",
			      verdict->culprit_count && verdict->culprits[0].operation_count ? verdict->culprits[0].operations[0].operation : "its operations");
}

// ---- neighbours ----

void stop_polling__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	if (!program__find_foreign(ledger, verdict, &program))
		return;
	const char *note = program.party->note;
	offer__decide(offer, true, "%s (pid %lld) %s: do it more rarely or not at all; sizes stand in /proc/PID/statm and status as well, which take no such "
		      "lock, and smaps_rollup lets waiting writers pass", program.name, (long long)program.row->pid,
		      note ? note : "takes this lock from outside");
	cleanup_free char *unit = manager__host_unit(program.row);
	// A scope is a session, a container or the like: more than this program.
	if (unit && program__ends_with(unit, ".service") && strncmp(unit, "user@", 5))
		offer__set_command(offer, "systemctl stop %s", unit);
	else
		offer__set_command(offer, "ps -o pid,ppid,lstart,args -p %lld", (long long)program.row->pid);
}

void spread_contention__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct lock_subject *subject = verdict->lock ? lock_words__subject(verdict->lock->row) : NULL;
	cleanup_free char *who = verdict->culprit_count ? verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2) : NULL;
	cleanup_free char *place = verdict->lock ? lock_words__place(verdict->lock->row) : NULL;
	if (subject)
		offer__decide(offer, true, "for %s, %s: %s", subject->name, who ? who : "whoever takes it", subject->helps);
	else
		offer__decide(offer, false, "this lock (%s) is none of the well-known ones: what helps depends on the function that takes it",
			      place ? place : "not known");
}
