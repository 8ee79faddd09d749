// What a process is: from /proc for those that live, from what they executed for those that are gone.
//
// No file is read here that takes a process' mmap_lock, the lock that whystall studies: not maps, smaps, numa_maps,
// environ. The command line is the exception that has to be made (access_remote_vm, mm/memory.c, takes mmap_lock for
// reading and sleeps while a writer holds it), so it stands in a function of its own, with a deadline.
#ifndef WHYSTALL_IDENTIFY_PROCESS_H
#define WHYSTALL_IDENTIFY_PROCESS_H

#include <stdint.h>

#include "recording/recording.h"

// Fills name, exe, cgroup, cpu_cgroup, unit, unit_manager, container, vm_id, vm_name (the last two as far as the cgroup tells) and sets
// runtime, linkage and allocator to "unknown". Strings that were there are freed; the rest is left alone: start_ns,
// parent_pid and kernel_thread are what the probes tell. Waits for nobody: not for a writer of the process' mmap_lock, nor
// for its execve, as /proc/PID/stat does (exec_update_lock, do_task_stat in Linux 6.18) while that one waits for a CPU. 3
// files, some 20 µs. Returns 0; -ESRCH when the process is gone before anything was learned (the row is untouched); facts
// that can't be had (exe without CAP_SYS_PTRACE) stay NULL.
int identify__process(int64_t pid, struct process_row *row);

// The same below another procfs (`proc_fd`, a directory), for tests and recorded trees.
int identify__process_at(int proc_fd, int64_t pid, struct process_row *row);

// The parent's pid; -1: the process is gone. Waits for nobody either.
int64_t identify__parent(int64_t pid);

// Adds command_line, and from it vm_id and vm_name, to every live row that is no kernel thread and has none yet: call it
// after the window, never inside. Each read takes the process' mmap_lock for reading for some microseconds; one that
// does not come back within 100 ms (a writer holds the lock) is left behind, and its row keeps NULL. Gives up
// altogether after `limit_ns`. Rows whose pid belongs to another process by now (another start_ns; it may be the exact one
// or rounded to ticks, 0 means unknown) are left alone.
// Returns the number of processes that could not be read because their lock was held.
int identify__command_lines(struct process_row *rows, size_t count, int64_t limit_ns);

// For processes that are gone: name and exe from the path handed to execve (name: its last part, cut at 15 bytes).
void identify__from_exec(const char *filename, struct process_row *row);

// Sets cgroup and cpu_cgroup and what the two paths mean (unit, container, VM). Either may be NULL: unknown.
void identify__set_cgroups(const char *v2_path, const char *cpu_path, struct process_row *row);

#endif
