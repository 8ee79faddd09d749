// What a program is: from its executable file, and from what its process was started with.
#ifndef WHYSTALL_IDENTIFY_EXECUTABLE_H
#define WHYSTALL_IDENTIFY_EXECUTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "identify/settings.h"

// docs/identity.md says what each field means. Strings are owned, fit for a report, and NULL where unknown or where there is
// no such thing.
struct executable_facts {
	char *runtime, *runtime_version;        // runtime: never NULL, "unknown" at worst
	char *module, *module_version;
	char *linkage;                          // never NULL: "static", "static-pie", "dynamic", "unknown"
	char *loader, *libc;
	char *allocator, *allocator_how;        // allocator: never NULL
	char *build_id;
	bool calls_mallopt, exe_deleted;
	char *package_path;                     // the file to ask the package database for; NULL: it is no file of our own root
};

// Files that were read are remembered, so that the next process with the same program or libraries costs little.
struct executables;
struct executables *executables__new(void);
void executables__free(struct executables *executables);

// Reads the file and, through its root, the libraries that its loader would load. All of it is a stranger's: for children without privileges only
// (isolate/isolate.h). `settings`: of the process' environment; NULL: not known.
struct executable_file;
void executables__identify(struct executables *executables, const struct executable_file *file, const struct settings *settings,
	struct executable_facts *ret);
void executable_facts__free(struct executable_facts *facts);

// From the arguments of a loader that was started by name (as in /proc/PID/cmdline), the program that it runs; NULL: none.
const char *executable__loaded_program(const char *arguments, size_t length);
// Whether a file of this name is a dynamic loader.
bool executable__is_loader(const char *path);

#endif
