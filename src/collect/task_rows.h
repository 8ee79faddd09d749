// Tasks as rows: a task's row from its slot, and the sums of tasks that have ended.
#ifndef WHYSTALL_COLLECT_TASK_ROWS_H
#define WHYSTALL_COLLECT_TASK_ROWS_H

#include <stdint.h>

#include "bpf/records.h"
#include "recording/recording.h"

// Fills an empty row from a slot's sums. `process`: row id. The row's name is a copy, owned by the row.
void task_rows__fill(const struct task_slot *slot, int64_t process, struct task_row *row);

// Tasks that have ended, summed by process, name and class; `folded` of the rows says how many.
struct ended_tasks;
struct ended_tasks *ended_tasks__new(void);
void ended_tasks__free(struct ended_tasks *tasks);
void ended_tasks__add(struct ended_tasks *tasks, const struct task_slot *slot, int64_t process);
// Adds a row for each sum, sorted by process.
// Tasks that stand under the name "(others)".
int64_t ended_tasks__merged(const struct ended_tasks *tasks);
void ended_tasks__store(const struct ended_tasks *tasks, struct recording *recording);

#endif
