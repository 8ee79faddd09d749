// The account of futexes: which of them are locks, who waited for those, who held them. Part of the ledger (ledger.h). Task time (book B).
//
// A futex wait is a lock wait, or a wait for work, an event, a timer. What tells them apart is weighed in the order of enum futex_sign;
// what no sign decides is said to be undecided, and nobody is accused of it.
#ifndef WHYSTALL_LEDGER_FUTEXES_H
#define WHYSTALL_LEDGER_FUTEXES_H

#include "base/string_table.h"
#include "ledger/locks.h"

enum futex_class { FUTEX_UNDECIDED, FUTEX_IDLE, FUTEX_LOCK, FUTEX_CLASSES };
const char *futex_class__name(enum futex_class class);  // "undecided", "idle", "lock"

// What decided, the surest first.
enum futex_sign {
	FUTEX_SIGN_NONE,
	FUTEX_SIGN_PRIORITY_INHERITANCE, // the operation is LOCK_PI: made for locks and nothing else
	FUTEX_SIGN_STACK,               // the waiting function has a name that we know
	FUTEX_SIGN_OWNER,               // the waiters expect the number of a thread of their process: the lock names its owner
	FUTEX_SIGN_VALUE,               // the waiters expect the value of a contended lock, always the same
	FUTEX_SIGN_BEHAVIOUR,           // those who wait also wake (lock), or never do (queue): no proof, so no more than contributing
	FUTEX_SIGN_NOBODY,              // nobody woke a waiter in the window: a timer, or nothing came
	FUTEX_SIGNS
};
const char *futex_sign__words(enum futex_sign sign, enum futex_class class); // one clause, why it is taken for that

// What a futex is part of; names as in the report: "mutex", "rwlock", "GIL", … NULL for FUTEX_KIND_UNKNOWN.
enum futex_kind {
	FUTEX_KIND_UNKNOWN,
	FUTEX_KIND_MUTEX, FUTEX_KIND_RWLOCK, FUTEX_KIND_SEMAPHORE, FUTEX_KIND_PI_MUTEX, FUTEX_KIND_PARKING_LOT, FUTEX_KIND_GIL,
	FUTEX_KIND_JAVA_MONITOR, FUTEX_KIND_LWLOCK, FUTEX_KIND_GO_RUNTIME, FUTEX_KIND_CONDITION, FUTEX_KIND_CONDITION_OR_PARKED,
	FUTEX_KIND_BARRIER, FUTEX_KIND_END_OF_THREAD, FUTEX_KIND_POOL, FUTEX_KIND_GO_IDLE, FUTEX_KIND_JAVA_PARKED,
	FUTEX_KIND_JAVA_PARKING, FUTEX_KIND_QUEUE, FUTEX_KIND_TIMER, FUTEX_KIND_NOTHING_CAME,
};
STRING_TABLE_DECLARE(futex_kind);

// One futex, or several that make up one lock: glibc's rwlock and condition variable consist of two words side by side.
struct ledger_futex {
	const struct futex_row *row;    // the one with the most waiting
	struct futex_row sum;           // of all its rows; strings are those of `row`
	enum futex_class class;
	enum futex_sign sign;
	enum futex_kind kind;           // what its sign tells
	const char *place;              // the function that wants it, the first on the waiters' stacks that is none of a lock's own; NULL unknown
	// The same as a lock, so that it is judged by the same rules. Its rows are this ledger's own.
	struct ledger_lock lock;
	struct lock_row lock_row;
	struct lock_wait_row wait_row;
	struct lock_hold_row *hold_rows;
	struct lock_stack_row *stack_rows;
};

struct ledger_futexes {
	bool recorded;
	struct ledger_futex *futexes; size_t count;     // most waiting first
	int64_t ns[FUTEX_CLASSES];                      // waiting by class
};

void futexes__make(const struct recording *recording, struct ledger_futexes *ret_futexes);
void futexes__free(struct ledger_futexes *futexes);
// The futex that a lock of this account is.
const struct ledger_futex *futexes__of_lock(const struct ledger_lock *lock);

// ---- futex_class.c ----
// A futex' stack rows, heaviest first.
struct futex_evidence {
	const struct recording *recording;
	const struct process_row *process;              // may be NULL
	const struct futex_stack_row **stacks; size_t stack_count;
	bool pair;                                      // made of two words side by side
};
// Sets class, sign, kind and place of a futex whose `sum` is complete.
void futex__classify(struct ledger_futex *futex, const struct futex_evidence *evidence);

// ---- futex_names.c ----
// What a frame's function says about its waiting.
enum futex_word { FUTEX_WORD_NONE, FUTEX_WORD_WRAPPER, FUTEX_WORD_LOCK, FUTEX_WORD_IDLE, FUTEX_WORD_SEMAPHORE };
struct futex_name {
	const char *names;              // separated by spaces; * at an end stands for anything
	enum futex_word word;
	bool decides;                   // wherever on the stack it is; else only where it is the innermost that says anything
	enum futex_kind kind;
};
// The entry for a frame ("function (file)" or "function+0x1"), NULL if it is none of them.
const struct futex_name *futex_names__find(const char *frame, size_t length);

#endif
