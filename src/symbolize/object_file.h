// One mapped file, read in a child process that may lose its life to it (isolate.h): what its addresses are called.
#ifndef WHYSTALL_SYMBOLIZE_OBJECT_FILE_H
#define WHYSTALL_SYMBOLIZE_OBJECT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbolize/mappings.h"

// Opens the very file that `mapping` of process `pid` shows: through /proc/PID/map_files, or, without CAP_CHECKPOINT_RESTORE,
// by its path or as the process' executable if device and inode are still the same. Touches no device and no FIFO.
// Returns a file descriptor; -ESTALE: another file has this name now; or another negative errno.
int object_file__open(pid_t pid, const struct mapping *mapping);

// What is found out about a file; `functions` is one name a line, innermost first, each but the last one with " [inlined]".
struct object_file_listener {
	void (*build_id)(void *context, const unsigned char *bytes, size_t length);
	// `index` of the offset asked for; `address` in the file's own address space; "" where no function is known.
	void (*functions)(void *context, size_t index, uint64_t address, const char *functions);
	// What follows this offset is no place that a call returns to: as a return address it is not believable. (Symbols only.)
	void (*no_call)(void *context, size_t index);
	void *context;
	// Opens a file with debug information, at a path in our own root; NULL: it is opened here.
	int (*open)(void *context, const char *path);
};

// Names the code at `offsets` (in the file, ascending) by symbol tables: quick. `path` (in its mount namespace) is for
// finding the debug information. Returns 0, or -ENOEXEC if it is no ELF file.
int object_file__symbols(int fd, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener);
// The same by debug information, if there is any: tells of offsets whose function it knows. Slower; gives
// up after 0.4 s of CPU time. Returns 0; -ENOEXEC; -EFBIG or -ETIME: not read to its end.
int object_file__inlined(int fd, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener);
// By the vDSO of this process, which is that of all 64-bit processes.
int object_file__vdso(size_t size, const uint64_t *offsets, size_t count, const struct object_file_listener *listener);

#endif
