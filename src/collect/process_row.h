// The row of one process: its strings, what can be told of a process that is gone, and which ones are alike.
#ifndef WHYSTALL_COLLECT_PROCESS_ROW_H
#define WHYSTALL_COLLECT_PROCESS_ROW_H

#include <stdbool.h>

#include "bpf/records.h"
#include "recording/recording.h"

// Frees the strings; the row itself is the caller's.
void process_row__free_strings(struct process_row *row);
// Makes `to`, which is empty, a copy with strings of its own.
void process_row__copy(const struct process_row *from, struct process_row *to);
// Forgets all but the row's id: it is the row of one process with this number, of which nothing is known yet.
void process_row__reset(struct process_row *row, int64_t pid);
// Who is behind a number that is gone: fills an empty row from a task's slot, the path of the process' last exec (NULL: none was seen) and the
// row of the parent that it was forked from (NULL: unknown).
void process_row__describe_gone(struct process_row *row, const struct task_slot *slot, const char *exec_path, const struct process_row *parent);
// Whether two have the same name, executable, parent and cgroup.
bool process_row__alike(const struct process_row *a, const struct process_row *b);
bool process_row__is_named(const struct process_row *row, const char *name);

#endif
