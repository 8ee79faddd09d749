// Takes from a process all that it does not need to read files of others' making. SECURITY.md says which process has which rights.
#ifndef WHYSTALL_ISOLATE_SANDBOX_H
#define WHYSTALL_ISOLATE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_FD 3            // where a child sends its results
#define SANDBOX_ASK_FD 4        // where it asks its opener, and where that one listens

// Call first in a new child: lowers its priority, leaves it only the file descriptor `keep` (which becomes SANDBOX_FD) and
// standard streams that lead nowhere, detaches what it shares with its parent's memory, and limits it: memory of its own,
// and CPU time, behind which the kernel kills it. It dies with its parent. Returns 0 or a negative errno.
int sandbox__limit(int keep, size_t memory_bytes, int64_t cpu_ns);

// For opening files and nothing else: the process is not root any more but an account that nobody has, and keeps three capabilities at most
// (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE), for reading. Without root nothing changes but the capabilities.
// Returns 0 or a negative errno.
int sandbox__open_only(void);
// The same for a process that goes on as an opener: from then on it can open files for reading, hand them over through SANDBOX_ASK_FD, and
// nothing else. Call sandbox__open_only before.
int sandbox__serve(void);

// Gives up all capabilities, and being root, for good. From then on the process can read what it has open, write to SANDBOX_FD, ask through
// SANDBOX_ASK_FD and manage its own memory. It can open nothing; every other system call fails with EPERM.
// Returns 0 or a negative errno: then nothing that is not trusted may be read.
int sandbox__enter(void);

// The same for a whole command that goes on to work on a recording: it may write to its standard output and error as well. What else it has open is
// closed, its standard input leads nowhere, it can open nothing any more, and it has limits on memory and CPU time (4 GiB and 5 minutes more than it has
// used; it then ends with `late_status` and the sentence `late`, at most 240 bytes). Only while the process has one thread.
// Returns 0, or a negative errno if it could not give up being root or a capability. *ret: which means the kernel has, in either case; without the filter
// the process can do what any process of its account can.
struct sandbox_means { bool landlock, filter; };
int sandbox__work(const char *late, int late_status, struct sandbox_means *ret);

#endif
