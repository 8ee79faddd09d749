// What the recorded processes run, filled into their rows when the window is over.
#ifndef WHYSTALL_IDENTIFY_PROGRAMS_H
#define WHYSTALL_IDENTIFY_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "recording/recording.h"

// Sets runtime, linkage, allocator and all that belongs to them (docs/identity.md), the user and whose file it is in each row that is no kernel thread. Call it
// after the window: reading an environment takes the process' mmap_lock for some microseconds. Of processes that are gone the
// file at the path in `exe` is read, unless they ran in a container; their settings stay unknown.
// Work that hangs (a held lock, a dead file server) is left behind, the rows concerned keep "unknown"; everything is given up
// after `limit_ns`. Returns how many processes were left behind or not reached.
int identify__programs(struct process_row *rows, size_t count, int64_t limit_ns);

#endif
