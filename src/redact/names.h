// Names with a structure of their own: cgroups, units, containers, executables, frames of stacks. Each returns the redacted text, owned by
// the caller.
#ifndef WHYSTALL_NAMES_H
#define WHYSTALL_NAMES_H

#include "redact/aliases.h"

// Learns the names that stay: those of kernel threads are known by their row, those of the system's programs by their path.
void names__learn(struct aliases *aliases, const struct process_row *row);
bool names__is_program_kept(struct aliases *aliases, const char *name);
char *names__program(struct aliases *aliases, const struct process_row *row, const char *name);         // row may be NULL: not known
char *names__thread(struct aliases *aliases, const struct process_row *row, const char *name);
char *names__executable(struct aliases *aliases, const char *path);
char *names__cgroup(struct aliases *aliases, const char *path);         // also units: parts separated by '/'
char *names__container(struct aliases *aliases, const char *container); // "docker:<id>", "kubepods:<pod>/<id>"
char *names__frames(struct aliases *aliases, const char *frames, bool user);
char *names__log(struct aliases *aliases, const char *text);            // lines of the kernel's log
char *names__text(struct aliases *aliases, const char *text);
char *names__vocabulary(struct aliases *aliases, const char *text);

#endif
