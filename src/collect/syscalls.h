// System calls: their names, and what a task that sleeps in one waits for.
#ifndef WHYSTALL_COLLECT_SYSCALLS_H
#define WHYSTALL_COLLECT_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Sets reasons[number] to the enum blocked_reason of an interruptible sleep in each system call of this architecture (`compat`: of its 32-bit
// programs, whose calls have other numbers); calls that make none of the known sleeps: BLOCKED_OTHER.
void syscalls__reasons(bool compat, unsigned char *reasons, size_t count);

// Name of an operation (OPERATION_* or the number of a system call, as the probes give it): "munmap", "page fault", "exit",
// "kernel thread", "io_uring worker", "handing over" (the lock was free), "unknown", "softirq", "" (user code), "syscall 999". Owned by the caller.
char *syscalls__operation_name(uint32_t operation);

#endif
