// Stacks of processes: raw addresses while recording, names after it. What the names mean: docs/stacks.md.
#ifndef WHYSTALL_SYMBOLIZE_USER_H
#define WHYSTALL_SYMBOLIZE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_STACK_FRAMES 128           // deeper frames of a stack are dropped, and it says so

// Collects stacks. Nothing is read before user_stacks__resolve.
struct user_stacks;
struct user_stacks *user_stacks__new(void);
void user_stacks__free(struct user_stacks *stacks);

// Keeps a stack of process `tgid`, which started at `start_ns` (CLOCK_BOOTTIME; 0: not known, then nobody notices that the
// number has a new bearer). `addresses`: virtual addresses, innermost first, the first one where the task itself stood, the
// others return addresses; copied. `cut`: whoever took them stopped at his limit. The same stack of the same process gets
// the same number. Returns the number (>= 0) for user_stacks__text; -EINVAL for no addresses; -ENOSPC beyond 65,536
// different stacks or 1,048,576 addresses of them (counted).
int user_stacks__add(struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns, const uint64_t *addresses, size_t count, bool cut);

// The process has ended or has executed another program since its stacks were taken: what is mapped there now, if anything,
// says nothing about them, and their addresses stay raw. May come before or after the stacks.
void user_stacks__mark_gone(struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns);

struct user_stacks_statistics {
	int64_t stacks, frames;         // different stacks; different addresses of different processes
	int64_t frames_unnamed;         // of these: no function is known; they stay file+offset or raw
	int64_t frames_late;            // of these: because the time was up
	int64_t frames_dropped;         // no code, or no call before it; and all frames outside of such ones
	int64_t processes, processes_gone;      // gone before their mappings could be read, or not readable
	int64_t files, files_unread;    // mapped files that had to be read; that could not, or were damaged, or had been replaced
	int64_t files_not_searched;     // whose debug information was not read to its end: inlined functions may be missing
	int64_t helpers_lost;           // processes that died while they read such files
	int64_t stacks_lost;            // refused with -ENOSPC
	int64_t cpu_ns, wall_ns;        // what it took
};

// Names all stacks at once. Processes that started it must not be recording any more: it reads /proc/PID/maps, which takes
// the lock under study. Files are read by child processes without privileges and with limits (docs/stacks.md), so nothing
// in them can harm the caller; it forks, and waits for these children only. Uses at most about 2 s of CPU time and 10 s in
// all; what is not named then stays file+offset. Needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for processes of others,
// CAP_CHECKPOINT_RESTORE for deleted libraries. Returns 0; a negative errno if no child could be made: all stay raw then.
int user_stacks__resolve(struct user_stacks *stacks);

// Frames of a stack, one a line, innermost first, as docs/stacks.md says; "" if none is left. Before user_stacks__resolve
// all are raw. Owned by `stacks`, valid until it is freed or resolved.
const char *user_stacks__text(struct user_stacks *stacks, int number);

void user_stacks__statistics(const struct user_stacks *stacks, struct user_stacks_statistics *ret);

#endif
