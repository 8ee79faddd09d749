// What remedies for programs ask: who holds the lock by what, which settings it has already, how its environment is set.
#ifndef WHYSTALL_REMEDIES_PROGRAM_H
#define WHYSTALL_REMEDIES_PROGRAM_H

#include "remedies/offer.h"

// A living culprit of a lock verdict and what it did to the address space while it held the lock; or of memory.churn and how it gives memory back.
struct program {
	const struct party *party;
	const struct process_row *row;
	const char *name;
	const char *deed;               // "holds the lock during", "spends CPU time in"
	double unmap_share;             // munmap, mmap, mremap: parts of its holding (of memory.churn: of its calls, without page faults), 0..1
	double advise_share;            // madvise
	double break_share;             // brk
	bool by_malloc;                 // its stacks show the allocator's functions
	bool own_calls;                 // its stacks show that its own code makes the system calls
	bool foreign;                   // the address space is another process'
};

// The heaviest culprit that is a living process of user space, those before others that hold their own address space. False,
// with the offer declined, if there is none.
bool program__find(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer, struct program *ret);
// The heaviest living culprit that holds another process' address space; false if there is none.
bool program__find_foreign(const struct ledger *ledger, const struct verdict *verdict, struct program *ret);
// The share of what allocators do: unmap, advise and break.
double program__allocating(const struct program *program);
// Whether it looks like a runtime whose heap does not come from malloc; says which in *ret_heap.
bool program__has_own_heap(const struct program *program, const char **ret_heap);

// What LD_PRELOAD needs to reach its malloc: a loader that reads it, and a malloc that the loader finds. False, with the offer declined, where
// there is none.
bool program__reads_preload(const struct program *program, struct remedy_offer *offer);
bool program__asks_loader_for_malloc(const struct program *program, struct remedy_offer *offer);
// Where Debian keeps libraries of the machine: "x86_64-linux-gnu".
const char *program__library_directory(const struct recording *recording);
// Whether those who wait for this lock in user space mostly do so within malloc, free and their kin, as far as stacks were taken.
bool program__waits_in_malloc(const struct recording *recording, const struct ledger_lock *lock);

bool program__ends_with(const char *text, const char *ending); // longer than the ending
bool program__is(const char *text, const char *wanted);         // NULL is never equal
// Whether the recorded version of its runtime ("1.19.8") is known and before major.minor.
bool program__is_older(const struct process_row *row, int major, int minor);
// Value of an environment variable in process.settings; NULL if it is not set there. Owned by the caller.
char *program__setting(const struct process_row *row, const char *name);
// Value of one glibc tunable ("glibc.malloc.mmap_threshold") from GLIBC_TUNABLES, else of the older variable; NULL if
// neither is set. Owned by the caller.
char *program__tunable(const struct process_row *row, const char *tunable, const char *older_variable);

// Says how to start the program with more variables: a drop-in for its unit where the host's manager has one, else a command for a program that
// is trusted, else the assignments alone. `assignments` are "NAME=value", separated by spaces, without characters that a shell or systemd would
// interpret. Say why before.
void program__offer_environment(const struct program *program, const char *assignments, struct remedy_offer *offer);

#endif
