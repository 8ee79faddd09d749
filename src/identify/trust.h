// Whether a file is root's alone: what is advised to be run as root must be nobody else's.
#ifndef WHYSTALL_IDENTIFY_TRUST_H
#define WHYSTALL_IDENTIFY_TRUST_H

#include <stdbool.h>
#include <stdint.h>

// Whether the file open at `fd` stands at this absolute path, and it and every directory above it belong to root and can be written by nobody
// else (an access list that lets somebody write shows in the group's bits). False where something can't be looked at, for paths through symbolic
// links, and on file systems that are mounted nosuid: the owners on them are somebody else's word.
bool trust__is_roots(const char *path, int fd);

// The user ids of a process (`proc_fd`: the directory /proc/PID): the effective one, -1 where it can't be read. *ret_root: all four are 0.
// Waits for nobody.
int64_t trust__user(int proc_fd, bool *ret_root);

#endif
