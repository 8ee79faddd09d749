// The file that a process runs: where it is, and what counts in the way it was started.
#ifndef WHYSTALL_IDENTIFY_EXECUTABLE_FILE_H
#define WHYSTALL_IDENTIFY_EXECUTABLE_FILE_H

#include <stdbool.h>

#include "identify/executable.h"
#include "identify/root.h"

#define EXECUTABLE_PATH_SIZE 4096

struct executable_file {
	int fd;
	struct root_dir root;               // the process' root directory
	char path[EXECUTABLE_PATH_SIZE]; // below the root, without symbolic links as far as they could be followed
	bool deleted;                   // removed or replaced since
	bool secure;                    // AT_SECURE: its loader did not heed its environment
	char *our_path;                 // where the same file stands in our own root; NULL: it does not
	char *loader;                   // the file was started as "ld.so PROGRAM", by this loader; else NULL
};

// Which one. Either a process that lives, or a path of something that has ended.
struct executable_subject {
	int proc_fd;                            // the directory /proc/PID, or -1: `path` in our own root is all that is known
	const char *path;                       // where proc_fd is -1
	const char *program;                    // where the executable is a loader ("ld.so PROGRAM"): PROGRAM; else NULL
};

// Finds and opens it; of a script its interpreter, of a loader the program that it runs. Returns 0 or a negative errno: the process is gone, it has no
// executable (kernel threads), no permission. A file system that does not answer makes it hang: for openers only (isolate/isolate.h).
int executable_file__open(const struct executable_subject *subject, struct executable_file *ret);
void executable_file__close(struct executable_file *file);

#endif
