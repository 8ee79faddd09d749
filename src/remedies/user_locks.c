// What a program can do about the queue at a lock of its own. What is true depends on whose lock it is: the program's, its runtime's or its
// allocator's.
#include "remedies/program.h"

#include "causes/lock_words.h"
#include "ledger/futexes.h"

#include <string.h>

// A section without system calls and long loops takes some microseconds: what takes longer than this has something in it to be taken out.
#define LONG_SECTION_NS (0.1 * NS_PER_MSEC)

// Whose code is under the lock.
enum owner { OWNER_PROGRAM, OWNER_GIL, OWNER_MALLOC, OWNER_GO, OWNER_POSTGRES };
struct user_lock { struct program program; const struct ledger_futex *futex; enum owner owner; char *name; };

static void free_lock(struct user_lock *lock)
{
	free(lock->name);
}
#define cleanup_lock __attribute__((cleanup(free_lock)))

static enum owner owner_of(const struct ledger *ledger, const struct ledger_futex *futex)
{
	if (futex->kind == FUTEX_KIND_GIL)
		return OWNER_GIL;
	if (futex->kind == FUTEX_KIND_GO_RUNTIME)
		return OWNER_GO;
	if (futex->kind == FUTEX_KIND_LWLOCK)
		return OWNER_POSTGRES;
	return program__waits_in_malloc(ledger->recording, &futex->lock) ? OWNER_MALLOC : OWNER_PROGRAM;
}

// The culprit that can still be changed, and its lock with the most waiting. False, with the offer declined, if there is none.
static bool find(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer, struct user_lock *ret)
{
	if (!program__find(ledger, verdict, offer, &ret->program))
		return false;
	for (size_t i = 0; i < ledger->futexes.count && !ret->futex; i++) {
		const struct ledger_futex *futex = &ledger->futexes.futexes[i];
		for (size_t j = 0; futex->class == FUTEX_LOCK && j < ret->program.party->member_count; j++)
			if (futex->row->process == ret->program.party->members[j])
				ret->futex = futex;
	}
	if (!ret->futex)                // its lock is another program's: held in memory that they share
		ret->futex = futexes__of_lock(verdict->lock);
	ret->owner = owner_of(ledger, ret->futex);
	ret->name = lock_words__futex(ret->futex);
	return true;
}

// The same where a missing culprit is not worth a word: another remedy says it.
static bool find_quietly(const struct ledger *ledger, const struct verdict *verdict, struct user_lock *ret)
{
	struct remedy_offer declined = { 0 };
	bool found = find(ledger, verdict, &declined, ret);
	free(declined.why);
	return found;
}

// From one hand-over to the next while somebody waits. Others that take the lock in passing are in it: an upper bound. 0: not known.
static double section_ns(const struct ledger_futex *futex)
{
	double held_ns = 0;
	for (size_t i = 0; i < futex->lock.hold_count; i++)
		held_ns += (double)futex->lock.holds[i]->wall_ns;
	return futex->sum.wakes > 0 ? held_ns / (double)futex->sum.wakes : 0;
}

// Declines for locks that no code of the program is under.
static bool is_the_programs(const struct verdict *verdict, const struct user_lock *lock, struct remedy_offer *offer)
{
	if (lock->owner == OWNER_GO)
		offer__decide(offer, false, "it is %s: no code of %s itself runs under it", lock->name, lock->program.name);
	else if (lock->owner == OWNER_POSTGRES)
		offer__decide(offer, false, "it is %s, and PostgreSQL's own: the column wait_event of pg_stat_activity names it", lock->name);
	else if (verdict->convoy)
		offer__decide(offer, false, "the lock is mostly free, and who is to take it has no CPU: CPU time comes first");
	else
		return lock->owner == OWNER_PROGRAM;
	return false;
}

void shorter_section__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find(ledger, verdict, offer, &lock) || !is_the_programs(verdict, &lock, offer))
		return;
	double ns = section_ns(lock.futex);
	struct text_figure length = wording__seconds(ns / NS_PER_SEC);
	if (ns <= 0)
		offer__decide(offer, true, "for how long %s is held at a time was not seen; what need not be under it (I/O, allocation, long loops, "
			      "logging) comes out of it", lock.name);
	else if (ns >= LONG_SECTION_NS)
		offer__decide(offer, true, "%s is handed on after %s on average, which is long: I/O, allocation, logging or long loops that need not be "
			      "under it come out of it", lock.name, length.text);
	else
		offer__decide(offer, false, "%s is handed on after %s on average: there is little to shorten", lock.name, length.text);
}

void split_lock__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find_quietly(ledger, verdict, &lock) || !is_the_programs(verdict, &lock, offer))
		return;
	bool readers = lock.futex->kind == FUTEX_KIND_RWLOCK;
	offer__decide(offer, true, "all threads of %s meet at %s: if they use different parts of what it protects, a lock for each part lets them go on "
		      "beside each other%s", lock.program.name, lock.name,
		      readers ? "; who only reads can do with a copy that is replaced as a whole" : "");
}

void python_processes__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find_quietly(ledger, verdict, &lock) || !program__is(lock.program.row->runtime, "python"))
		return;
	const char *version = lock.program.row->runtime_version;
	bool old = program__is_older(lock.program.row, 3, 13);
	if (lock.owner != OWNER_GIL)
		offer__decide(offer, false, "it is %s that is waited for, not the GIL", lock.name);
	else
		offer__decide(offer, true, "one thread of a process runs Python code at a time: processes in place of threads (multiprocessing, more workers of "
			      "the server) have a GIL each; threads are enough where the work is in C code that gives it up. Python 3.13 and later can be "
			      "built without it (free-threaded)%s%s", old ? "; here it is " : "", old ? version : "");
}

void malloc_arenas__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find_quietly(ledger, verdict, &lock) || lock.owner != OWNER_MALLOC)
		return;
	const struct program *program = &lock.program;
	cleanup_free char *most = program__tunable(program->row, "glibc.malloc.arena_max", "MALLOC_ARENA_MAX");
	if (program__is(program->row->allocator, "musl"))
		offer__decide(offer, false, "musl's malloc has one lock for all threads, and no settings");
	else if (!program__is(program->row->allocator, "glibc"))
		offer__decide(offer, false, "arenas of this kind are glibc's; the allocator of %s is %s", program->name,
			      program->row->allocator && strcmp(program->row->allocator, "unknown") ? program->row->allocator : "not known");
	else if (most)
		offer__decide(offer, true, "the environment of %s allows %s arena%s, which its threads must share: without that setting (MALLOC_ARENA_MAX, or "
			      "arena_max in GLIBC_TUNABLES) there are up to eight for each CPU", program->name, most, strcmp(most, "1") ? "s" : "");
	else if (program->row->calls_mallopt)
		offer__decide(offer, true, "%s calls mallopt in its own code: if that sets M_ARENA_MAX, its threads must share arenas", program->name);
	else
		offer__decide(offer, false, "nothing limits the arenas of %s: there are up to eight for each CPU already, and who frees memory of another "
			      "thread takes that thread's", program->name);
}

void preload_for_threads__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find_quietly(ledger, verdict, &lock) || lock.owner != OWNER_MALLOC || !program__reads_preload(&lock.program, offer) ||
	    !program__asks_loader_for_malloc(&lock.program, offer))
		return;
	const struct process_row *row = lock.program.row;
	if (program__is(row->allocator, "musl")) {
		offer__decide(offer, true, "musl's malloc has one lock for all threads, and %s waits for it; a preloaded allocator with caches for each "
			      "thread must be built for musl, too", lock.program.name);
	} else if (program__is(row->allocator, "glibc")) {
		cleanup_free char *assignment = base__format("LD_PRELOAD=/usr/lib/%s/libjemalloc.so.2", program__library_directory(ledger->recording));
		offer__decide(offer, true, "threads of %s wait for locks of glibc's malloc; it is dynamic, and an allocator with caches for each thread takes "
			      "them more rarely (jemalloc: package libjemalloc2)", lock.program.name);
		program__offer_environment(&lock.program, assignment, offer);
	} else {
		offer__decide(offer, false, "%s does not use the C library's malloc, but %s", lock.program.name,
			      row->allocator && strcmp(row->allocator, "unknown") ? row->allocator : "an allocator that is not known");
	}
}

// Where the runtime itself can say which lock it is and who takes it where.
void profile_locks__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	cleanup_lock struct user_lock lock = { 0 };
	if (!find_quietly(ledger, verdict, &lock))
		return;
	const struct process_row *row = lock.program.row;
	long long pid = (long long)row->pid;
	if (program__is(row->runtime, "go")) {
		offer__decide(offer, true, "Go's mutex profile names the places that hold locks others wait for, if %s calls runtime.SetMutexProfileFraction "
			      "and serves net/http/pprof", lock.program.name);
		offer__set_command(offer, "go tool pprof http://HOST:PORT/debug/pprof/mutex");
	} else if (program__is(row->runtime, "jvm")) {
		offer__decide(offer, true, "Java's Flight Recorder notes waits of 10 ms and more for monitors and locks, with their stacks and the last owner");
		if (!row->container)
			offer__set_command(offer, "jcmd %lld JFR.start settings=profile duration=60s filename=/tmp/locks.jfr; sleep 65; "
					   "jfr print --events jdk.JavaMonitorEnter,jdk.ThreadPark /tmp/locks.jfr", pid);
	} else if (lock.owner == OWNER_GIL) {
		offer__decide(offer, true, "py-spy samples only those who hold the GIL, with the lines of their code");
		offer__set_command(offer, "py-spy record --gil --duration 30 --output gil.svg --pid %lld", pid);
	}
}
