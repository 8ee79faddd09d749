// Which allocator serves a program: what its calls of malloc resolve to, or what was built in beside that.
#ifndef WHYSTALL_IDENTIFY_ALLOCATOR_H
#define WHYSTALL_IDENTIFY_ALLOCATOR_H

#include <stdbool.h>

#include "identify/libraries.h"
#include "identify/object.h"
#include "identify/object_cache.h"

// The program in question, as its loader found it.
struct program {
	const struct object *object;    // read deep
	const char *path;               // below its root; NULL unknown
	const char *preload;            // LD_PRELOAD of its environment; NULL: not set, or not known
	bool dynamic;                   // a loader resolves its symbols
	bool go;
};

// Strings are owned; NULL: unknown.
struct allocator {
	char *name;                     // "glibc", "musl", "jemalloc", "mimalloc", "tcmalloc", "go", …; "own": built in, not known by
	                                // name; "libfoo.so.1": a library that defines malloc and is not known by another name
	char *how;                      // "libc", "linked in", "library", "preloaded", "runtime"
	char *libc;                     // "glibc", "musl", "none", …
	bool calls_mallopt;             // the program or a library that is neither a C library nor the allocator imports mallopt
};

void allocator__resolve(const struct program *program, struct search *search, struct object_cache *cache, struct allocator *ret);
void allocator__free(struct allocator *allocator);

// "glibc" for a loader or library of this name, …; NULL: no C library known here.
const char *allocator__libc_of(const char *file_name);

#endif
