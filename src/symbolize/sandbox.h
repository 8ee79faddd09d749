// Takes from a process all that it does not need to read files of others' making.
#ifndef WHYSTALL_SYMBOLIZE_SANDBOX_H
#define WHYSTALL_SYMBOLIZE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

// Call first in a new child: lowers its priority, leaves it only the file descriptor `keep` (which becomes number 3) and
// standard streams that lead nowhere, detaches what it shares with its parent's memory, and limits it: memory of its own,
// and CPU time, behind which the kernel kills it. It dies with its parent. Returns 0 or a negative errno.
#define SANDBOX_FD 3
int sandbox__limit(int keep, size_t memory_bytes, int64_t cpu_ns);

// Gives up all capabilities for good. From then on the process can read what it has open, write to SANDBOX_FD, manage its own
// memory and open files for reading that user root may read (debug information); every other system call fails with EPERM.
// Returns 0 or a negative errno: then nothing that is not trusted may be read.
int sandbox__enter(void);

#endif
