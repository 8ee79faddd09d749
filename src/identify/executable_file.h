// The file that a process runs: where it is, and what counts in the way it was started.
#ifndef WHYSTALL_IDENTIFY_EXECUTABLE_FILE_H
#define WHYSTALL_IDENTIFY_EXECUTABLE_FILE_H

#include <stdbool.h>

#include "identify/executable.h"

#define EXECUTABLE_PATH_SIZE 4096

struct executable_file {
	int fd;
	int root_fd;                    // the process' root directory; AT_FDCWD: our own
	char path[EXECUTABLE_PATH_SIZE]; // below the root, without symbolic links as far as they could be followed
	bool deleted;                   // removed or replaced since
	bool secure;                    // AT_SECURE: its loader did not heed its environment
	char *our_path;                 // where the same file stands in our own root; NULL: it does not
	char *loader;                   // the file was started as "ld.so PROGRAM", by this loader; else NULL
};

// Finds and opens it; of a script its interpreter, of a loader the program that it runs. Returns 0 or a negative errno.
int executable_file__open(const struct executable_subject *subject, struct executable_file *ret);
void executable_file__close(struct executable_file *file);

#endif
