// Files as a process sees them: below its own root directory, which may be a container's.
#ifndef WHYSTALL_IDENTIFY_ROOT_H
#define WHYSTALL_IDENTIFY_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Either a directory (`fd`; AT_FDCWD: our own root), or somebody who opens files below one for us: `open` returns what root__open would.
struct root_dir { int fd; int (*open)(void *context, const char *path); void *context; };

// Opens a regular file for reading; symbolic links are followed as the process would follow them and cannot lead out. Devices, pipes and sockets are
// never opened. Returns an fd or a negative errno. A file system that does not answer makes it hang.
int root__open(const struct root_dir *root, const char *path);
// Reads a whole file of at most `limit` bytes; NUL-terminated, owned by the caller. Returns its length or a negative errno.
ssize_t root__read(const struct root_dir *root, const char *path, size_t limit, char **ret_text);

// Whether an opener may hand this file over to a child that reads strangers' files: an ELF file, or one of the few texts that tell where libraries are
// or of which version an installation is, if everybody may read it. Nothing else is needed, and nothing else is given: no keys, no passwords.
bool root__may_share(int fd, const char *path);

#endif
