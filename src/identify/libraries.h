// Where the dynamic loader finds a library for a process. Mirrors glibc 2.36's elf/dl-load.c (_dl_map_object) and
// musl 1.2.3's ldso/dynlink.c (load_library), as far as the choice of the file goes.
#ifndef WHYSTALL_IDENTIFY_LIBRARIES_H
#define WHYSTALL_IDENTIFY_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>

#include "identify/object.h"
#include "identify/root.h"

// What one process' loader goes by.
struct loader_cache;
struct search {
	const struct root_dir *root;        // the process' root directory
	int elf_class, machine;         // libraries of other kinds are passed over
	bool musl;
	bool secure;                    // AT_SECURE: the environment does not count
	const char *library_path;       // LD_LIBRARY_PATH of its environment, or NULL
	struct loader_cache *cache;     // of /etc/ld.so.cache below the root; made when needed
};

// One that wants a library: its paths count in the search, $ORIGIN is its directory.
struct wanting { const struct object *object; const char *path; const struct wanting *parent; };

// Opens the library called `name`. `ret_path`: owned by the caller, the path below the root. Returns an fd or a negative errno.
int libraries__open(struct search *search, const struct wanting *wanting, const char *name, char **ret_path);
void search__free(struct search *search);

#endif
