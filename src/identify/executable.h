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
	int64_t owner;                          // user id of the file's owner
	bool roots;                             // it is root's alone (identify/trust.h) at package_path, and no loader runs another file
	char *package_path;                     // the file to ask the package database for; NULL: it is no file of our own root
};

// Which one. Either a process that lives, or a path of something that has ended.
struct executable_subject {
	int proc_fd;                            // the directory /proc/PID, or -1: `path` in our own root is all that is known
	const char *path;                       // where proc_fd is -1
	const struct settings *settings;        // of its environment; NULL: not known
	const char *program;                    // where the executable is a loader ("ld.so PROGRAM"): PROGRAM; else NULL
};

// Files that were read are remembered, so that the next process with the same program or libraries costs little.
struct executables;
struct executables *executables__new(void);
void executables__free(struct executables *executables);

// Returns 0 or a negative errno: the process is gone, it has no executable (kernel threads), no permission. Then *ret is
// untouched. Reads files of that process' root; a file system that does not answer makes it hang: see identify/patience.h.
int executables__identify(struct executables *executables, const struct executable_subject *subject, struct executable_facts *ret);
void executable_facts__free(struct executable_facts *facts);

// From the arguments of a loader that was started by name (as in /proc/PID/cmdline), the program that it runs; NULL: none.
const char *executable__loaded_program(const char *arguments, size_t length);
// Whether a file of this name is a dynamic loader.
bool executable__is_loader(const char *path);

#endif
