// Names of locks: from the kernel stack of whoever waited first, which function asked for the lock and what kind of lock it is.
#ifndef WHYSTALL_COLLECT_LOCK_NAMES_H
#define WHYSTALL_COLLECT_LOCK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/records.h"

struct kernel_symbols;
struct probes;
struct lock_names;
struct lock_name {
	enum lock_kind kind;
	const char *place;      // function that asked for the lock, without offset; NULL unknown; owned by lock_names
	const char *frames;     // the stack, one frame a line, innermost first; NULL unknown; owned by lock_names
};

struct lock_names *lock_names__new(void);
void lock_names__free(struct lock_names *names);
// This stack will be asked for.
void lock_names__want(struct lock_names *names, int stack);
// Reads the addresses of all wanted stacks and wants their symbols, once; they are named by lock_names__resolve, when the symbols are read.
void lock_names__want_symbols(struct lock_names *names, struct probes *probes, struct kernel_symbols *symbols);
void lock_names__resolve(struct lock_names *names, const struct kernel_symbols *symbols);
// Frames of a wanted stack, from the function that asked for the lock outwards and with the lock's own functions before it; NULL unknown.
const char *lock_names__frames(struct lock_names *names, int stack);
const struct lock_name *lock_names__of(struct lock_names *names, const struct lock_class *class);

// What the kernel stack of a sleeping task (named frames, innermost first) says of the lock that it waits for. Returns false where it does
// not wait for one. The caller frees ret->frames; ret->name points into *ret.
struct sleeping_lock { struct lock_name name; enum lock_mode mode; bool own_memory; char place[128]; char *frames; };
bool lock_names__sleeping(const char *const *names, size_t count, struct sleeping_lock *ret);

// The function that asked for a lock: the first frame that is neither a probe nor part of the lock's own code; "" if there is none.
// `frames`: "symbol+0x12", one a line. The name is copied to ret_place.
void lock_names__place(const char *frames, char *ret_place, size_t size);

#endif
