// Locks and what their owners do, in words.
#ifndef WHYSTALL_LOCK_WORDS_H
#define WHYSTALL_LOCK_WORDS_H

#include "causes/cause.h"
#include "ledger/futexes.h"

// What kernel developers know about a lock that is taken at a certain place.
struct lock_subject {
	const char *name;       // "a directory's lock (i_rwsem)"
	const char *subsystem;  // "file system, names"
	const char *helps;      // what helps, and its price
	const char *places;     // kernel functions that take it, separated by spaces; a "*" at the end stands for any ending
	bool follows;           // such waits follow from something else, which `helps` names: not judged as a kernel lock
};
// The subject of a lock by its place, NULL where nobody has described it yet.
const struct lock_subject *lock_words__subject(const struct lock_row *lock);

// How a process uses a foreign address space.
struct foreign_use {
	const char *functions;  // of the kernel that show it, separated by spaces
	const char *words;      // "reads or writes its memory", or what comes before the file
	const char *file;       // of /proc/PID; NULL none
	const char *after;      // what comes behind the file; where it begins with a space, the process' name comes then
};
// Told by its kernel stacks while it held the lock. NULL where they do not tell.
const struct foreign_use *lock_words__foreign_use(const struct ledger_lock *lock, const struct recording *recording, int64_t process);
// In words: "reads /proc/12/smaps of db (pid 12)". whose: the address space; NULL unknown. Owned by the caller.
char *lock_words__use(const struct foreign_use *use, const struct process_row *whose);

// Whether a stack (frames one a line) has a frame of this function; offsets and compiler suffixes (.isra.0) are ignored.
// A "*" at the end of `function` stands for any ending.
bool lock_words__has_frame(const char *frames, const char *function);
// The same for any of several, separated by spaces.
bool lock_words__has_any_frame(const char *frames, const char *functions);

// "munmap 71 %, mmap 20 % and 2 more": the operations of a party, at most `most`. Owned; NULL where it has none.
char *lock_words__operations(const struct party *party, size_t most);
// The lock's kind and place: "rwsem in do_unlinkat". Owned.
char *lock_words__place(const struct lock_row *lock);
// The same of a lock in user space, as part of a sentence: "a mutex in step (server)", "Python's global interpreter lock (GIL)". Owned.
char *lock_words__futex(const struct ledger_futex *futex);

#endif
