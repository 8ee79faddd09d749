// The processes seen while recording: the living by /proc, the gone by their fork, exec and exit; and the sums of tasks
// that have ended.
#ifndef WHYSTALL_COLLECT_PROCESSES_H
#define WHYSTALL_COLLECT_PROCESSES_H

#include "bpf/records.h"
#include "recording/recording.h"

struct processes;
struct processes *processes__new(void);
void processes__free(struct processes *processes);

// The window begins at this CLOCK_BOOTTIME: what starts and ends after it is short-lived and folded with its like
// (same name, executable, parent and cgroup). In a window with more than 10,000 processes, so is all that starts within it.
void processes__window_begins(struct processes *processes, uint64_t boottime_ns);

// A live task was seen: identifies its process the first time. Returns the process' row id.
int64_t processes__see(struct processes *processes, const struct task_slot *slot);
void processes__exec(struct processes *processes, const struct exec_record *record);
// A task has ended: its sums are kept. Returns its process' row id.
int64_t processes__exit(struct processes *processes, const struct task_slot *slot);
// The row id of whoever has or had this tgid; made up from /proc if it was never seen. 0 only for tgid 0.
int64_t processes__by_tgid(struct processes *processes, uint32_t tgid);
// Nice value of the process' first seen task, for comparing weights.
int processes__nice(const struct processes *processes, int64_t id);
// CLOCK_BOOTTIME at which the process started, 0: unknown.
uint64_t processes__start_ns(const struct processes *processes, int64_t id);
// The pairs that name ended processes have been taken: those that nothing was heard of for some calls are forgotten by tgid.
void processes__forget_dead(struct processes *processes);

// Reads command lines of the living (after the window); returns how many could not be read.
int processes__read_command_lines(struct processes *processes);
// Says of each process what its program is (after the window, from files); returns how many could not be looked at.
int processes__identify_programs(struct processes *processes);
// Processes that stand with their kind although they were seen alive: there were too many.
int64_t processes__grouped(const struct processes *processes);
// Ended tasks that stand under the name "(others)", because there were too many names.
int64_t processes__task_names_merged(const struct processes *processes);
uint64_t processes__exits(const struct processes *processes);
uint64_t processes__execs(const struct processes *processes);
uint64_t processes__task_exits(const struct processes *processes);

// Adds the process rows and the rows of ended tasks to a recording; strings are copied.
void processes__store(const struct processes *processes, struct recording *recording);

#endif
