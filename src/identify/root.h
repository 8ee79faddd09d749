// Files as a process sees them: below its own root directory, which may be a container's.
#ifndef WHYSTALL_IDENTIFY_ROOT_H
#define WHYSTALL_IDENTIFY_ROOT_H

#include <stddef.h>
#include <sys/types.h>

// Opens a regular file for reading, below the directory `root_fd` (AT_FDCWD: our own root); symbolic links are followed as
// the process would follow them and cannot lead out. Devices, pipes and sockets are never opened. Returns an fd or a negative
// errno.
int root__open(int root_fd, const char *path);
// Reads a whole file of at most `limit` bytes; NUL-terminated, owned by the caller. Returns its length or a negative errno.
ssize_t root__read(int root_fd, const char *path, size_t limit, char **ret_text);

#endif
