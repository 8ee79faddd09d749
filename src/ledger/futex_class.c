// Whether a futex is a lock. Each sign has its reason beside it; what none decides stays undecided.
#include "ledger/futexes.h"
#include "base/base.h"

#include <linux/futex.h>
#include <math.h>
#include <string.h>

#define NEARLY_ALL 0.95
#define MOSTLY 0.5
#define HARDLY_ANY 0.1
#define FEW_WAITS 5              // below, a steady value is chance
#define FEW_WAKES 20             // below, behaviour is chance
#define NAMED_LEAST 0.2          // of the sampled waiting: names must stand for that much

const char *futex_class__name(enum futex_class class)
{
	static const char *const names[] = { "undecided", "idle", "lock" };
	return names[class];
}

const char *futex_sign__words(enum futex_sign sign, enum futex_class class)
{
	bool lock = class == FUTEX_LOCK;
	switch (sign) {
	case FUTEX_SIGN_PRIORITY_INHERITANCE: return "its operation is FUTEX_LOCK_PI, which exists for locks only";
	case FUTEX_SIGN_STACK: return lock ? "the function that waits is a lock's" : "the function that waits is none of a lock's";
	case FUTEX_SIGN_OWNER: return "its word holds the number of the thread that owns it";
	case FUTEX_SIGN_VALUE: return "its waiters always expect the value of a contended lock";
	case FUTEX_SIGN_BEHAVIOUR: return lock ? "the same threads take it and give it" : "who wakes there never waits there";
	case FUTEX_SIGN_NOBODY: return "nobody woke a waiter";
	default: return "nothing tells a lock from a queue there";
	}
}

static bool nearly_all(int64_t part, int64_t all)
{
	return all > 0 && (double)part >= NEARLY_ALL * (double)all;
}

static int command_of(const struct futex_row *row)
{
	return (int)row->operation & FUTEX_CMD_MASK;
}

static void decide(struct ledger_futex *futex, enum futex_class class, enum futex_sign sign, enum futex_kind kind)
{
	futex->class = class;
	futex->sign = sign;
	futex->kind = kind;
}

// ---- names ----

// What a whole stack says: a lock's function wherever it stands, else the innermost that says anything, or one above it that decides.
static const struct futex_name *name_of_stack(const char *frames)
{
	const struct futex_name *innermost = NULL, *deciding = NULL;
	for (size_t length; frames && *frames; frames += length + (frames[length] == '\n')) {
		length = strcspn(frames, "\n");
		const struct futex_name *name = futex_names__find(frames, length);
		if (!name || name->word == FUTEX_WORD_WRAPPER)
			continue;
		if (name->word == FUTEX_WORD_LOCK && (name->decides || !innermost))
			return name;
		if (!innermost)
			innermost = name;
		if (!deciding && name->decides)
			deciding = name;
	}
	return deciding ? deciding : innermost;
}

// The first frame that is the program's own wish: behind those that belong to a lock, outside of the C library.
static const char *place_of_stack(const char *frames)
{
	bool waiting = false;
	for (size_t length; frames && *frames; frames += length + (frames[length] == '\n')) {
		length = strcspn(frames, "\n");
		bool library = memmem(frames, length, "(libc.so", 8) || memmem(frames, length, "(libpthread", 11) || memmem(frames, length, "(ld-", 4);
		bool named = memmem(frames, length, " (", 2) && !memmem(frames, length, "[anon]", 6);
		if (futex_names__find(frames, length))
			waiting = true;
		else if (!library && named && waiting)
			return frames;
	}
	return NULL;
}

struct names { double lock, idle, semaphore, none; const struct futex_name *most[FUTEX_WORD_SEMAPHORE + 1]; double most_ns[FUTEX_WORD_SEMAPHORE + 1]; };

static void weigh_names(const struct futex_evidence *evidence, struct ledger_futex *futex, struct names *ret)
{
	*ret = (struct names){ 0 };
	for (size_t i = 0; i < evidence->stack_count; i++) {
		const struct futex_stack_row *row = evidence->stacks[i];
		const char *frames = recording__frames(evidence->recording, row->user_stack);
		if (futex_role__from_name(row->role, FUTEX_ROLES) != FUTEX_WAITER || !frames)
			continue;
		const struct futex_name *name = name_of_stack(frames);
		enum futex_word word = name ? name->word : FUTEX_WORD_NONE;
		*(word == FUTEX_WORD_LOCK ? &ret->lock : word == FUTEX_WORD_IDLE ? &ret->idle : word == FUTEX_WORD_SEMAPHORE ? &ret->semaphore
			: &ret->none) += (double)row->ns;
		if (name && (double)row->ns > ret->most_ns[word]) {
			ret->most_ns[word] = (double)row->ns;
			ret->most[word] = name;
		}
		if (!futex->place)
			futex->place = place_of_stack(frames);
	}
}

// Names count where they stand for a fair part of the waiting and agree.
static bool by_names(struct ledger_futex *futex, const struct names *names)
{
	double said = names->lock + names->idle, all = said + names->semaphore + names->none;
	if (said <= 0 || said < NAMED_LEAST * all)
		return false;
	if (names->lock >= NEARLY_ALL * said)
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_STACK, names->most[FUTEX_WORD_LOCK]->kind);
	else if (names->idle >= MOSTLY * said)
		decide(futex, FUTEX_IDLE, FUTEX_SIGN_STACK, names->most[FUTEX_WORD_IDLE]->kind);
	else
		return false;
	return true;
}

// ---- values ----

// 2 is "locked, somebody waits" in glibc's, Rust's and Go's mutexes. musl's condition variables wait for a 2 as well, each waiter at a place of
// its own: there, only who wakes tells.
static bool by_mutex_value(const struct futex_row *sum, bool musl)
{
	int command = command_of(sum);
	return (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) && sum->waits >= FEW_WAITS && nearly_all(sum->expected_two, sum->waits) &&
	       !sum->timed && (double)sum->wakes_all <= HARDLY_ANY * (double)sum->wakes &&
	       (!musl || (double)sum->mutual >= MOSTLY * (double)sum->wakes);
}

// glibc's rwlock: its two words hold 0 or 1, and 2 on top while somebody waits. FUTEX_CLOCK_REALTIME without a timeout is how its
// __futex_abstimed_wait asks (pthread_rwlock_common.c, since 2.25).
static bool by_rwlock_value(const struct futex_row *sum)
{
	return command_of(sum) == FUTEX_WAIT_BITSET && sum->operation & FUTEX_CLOCK_REALTIME && sum->waits >= FEW_WAITS && !sum->timed &&
	       nearly_all(sum->expected_two + (sum->value == 3 ? sum->expected_other : 0), sum->waits) && sum->expected_other > 0;
}

// musl sets the highest bit of a lock that is waited for: beside EBUSY in a plain mutex, beside a small count in its own locks (malloc's).
static bool by_musl_value(const struct futex_row *sum)
{
	uint32_t value = (uint32_t)sum->value, rest = value & 0x7fffffff;
	return command_of(sum) == FUTEX_WAIT && sum->waits >= FEW_WAITS && nearly_all(sum->expected_other, sum->waits) && !sum->timed &&
	       value >> 31 && rest > 0 && rest < 0x1000;
}

static bool by_values(struct ledger_futex *futex, const struct process_row *process)
{
	const struct futex_row *sum = &futex->sum;
	bool musl = process && process->libc && !strcmp(process->libc, "musl");
	if (sum->owner_sought >= 3 && nearly_all(sum->owner_found, sum->owner_sought) && nearly_all(sum->expected_other, sum->waits))
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_OWNER, FUTEX_KIND_MUTEX);
	else if (by_mutex_value(sum, musl))
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_VALUE, FUTEX_KIND_MUTEX);
	else if (by_rwlock_value(sum))
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_VALUE, FUTEX_KIND_RWLOCK);
	else if (by_musl_value(sum))
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_VALUE, FUTEX_KIND_MUTEX);
	else
		return false;
	return true;
}

// ---- behaviour ----

// A semaphore that those who wait for it also give back, one at a time, is a lock in all but name. Of a condition variable (two words) that says
// nothing: threads of a pool that make work for each other do the same.
static bool by_behaviour(struct ledger_futex *futex, const struct futex_evidence *evidence, const struct names *names)
{
	const struct futex_row *sum = &futex->sum;
	bool python = evidence->process && evidence->process->runtime && !strcmp(evidence->process->runtime, "python");
	double mutual = sum->wakes > 0 ? (double)sum->mutual / (double)sum->wakes : 0;
	if (sum->wakes < FEW_WAKES) {
		if (sum->wakes || sum->waits > sum->timed)
			return false;
		decide(futex, FUTEX_IDLE, FUTEX_SIGN_NOBODY, FUTEX_KIND_TIMER);
		return true;
	}
	// A place where a single thread waits may be that thread's own, where it waits for locks as well as for work (Java's and PostgreSQL's do).
	// The GIL is a condition variable on which every thread waits with a timeout of 5 ms before it asks for the GIL, and which every one wakes.
	if (python && evidence->pair && mutual >= MOSTLY && (double)sum->timed >= MOSTLY * (double)sum->waits)
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_BEHAVIOUR, FUTEX_KIND_GIL);
	else if (mutual >= NEARLY_ALL && !evidence->pair && !sum->timed && nearly_all(sum->expected_zero, sum->waits) && !sum->wakes_all &&
		 names->idle <= 0)
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_BEHAVIOUR, FUTEX_KIND_SEMAPHORE);
	else if (mutual <= HARDLY_ANY && !sum->expected_two && sum->others)
		decide(futex, FUTEX_IDLE, FUTEX_SIGN_BEHAVIOUR, FUTEX_KIND_QUEUE);
	else
		return false;
	return true;
}

void futex__classify(struct ledger_futex *futex, const struct futex_evidence *evidence)
{
	const struct futex_row *sum = &futex->sum;
	int command = command_of(sum);
	struct names names;
	weigh_names(evidence, futex, &names);
	if (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2) {
		decide(futex, FUTEX_LOCK, FUTEX_SIGN_PRIORITY_INHERITANCE, FUTEX_KIND_PI_MUTEX);
		return;
	}
	if (by_names(futex, &names) || (sum->address && by_values(futex, evidence->process)))
		return;
	if (sum->address && by_behaviour(futex, evidence, &names))
		return;
	// Nobody came within the window, and nothing says that it is a lock: as idle as a thread can be.
	if (!sum->wakes && sum->open_wait_ns == sum->wait_ns && !sum->expected_two)
		decide(futex, FUTEX_IDLE, FUTEX_SIGN_NOBODY, FUTEX_KIND_NOTHING_CAME);
	else
		decide(futex, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, FUTEX_KIND_UNKNOWN);
}
