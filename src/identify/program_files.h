// The files of many processes' programs, read in child processes that can open nothing (isolate/isolate.h).
#ifndef WHYSTALL_IDENTIFY_PROGRAM_FILES_H
#define WHYSTALL_IDENTIFY_PROGRAM_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "identify/executable.h"
#include "identify/started.h"

// Whose it is, found out before anything of the file is read.
struct ownership {
	int64_t user;           // effective user id of the process; -1: not known
	int64_t owner;          // user id of the file's owner; -1: not known
	bool trusted;           // the process is root's, `exe` is the file it runs, and that is root's alone (identify/trust.h)
};
struct program_facts { bool owned, found; struct ownership ownership; struct executable_facts facts; };

// Fills facts[i] for started[i]; what can't be had stays as it is. Of a process that has ended, the file at the path in `exe` is read. A file that
// makes its reader crash or hang costs its own process only. Gives up after `limit_ns`. Returns how many were left behind or not reached.
int64_t program_files__read(struct started *started, struct program_facts *facts, size_t count, int64_t limit_ns);

#endif
