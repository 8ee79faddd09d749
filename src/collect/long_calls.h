// Long system calls (bpf/syscalls.bpf.c): which programs' calls are watched, and what was seen of them.
//
// Samples of the CPUs and single long sleeps say once a second which program spends much of its time in one kind of system call. Whether that is
// many short calls or few long ones only probes tell; they are attached then, to the calls of those programs, and are taken away again as soon as
// the calls prove short, or enough of them were seen.
#ifndef WHYSTALL_COLLECT_LONG_CALLS_H
#define WHYSTALL_COLLECT_LONG_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/syscalls_records.h"
#include "collect/subject.h"

extern const struct subject long_calls_subject;

// By the number of a system call: whether a program's time in it, on a CPU or asleep, could be that of long calls. Idle waits, waits for other
// programs and syncs (the cause io.fsync has them) are not; nor what a read or write of a file sleeps for (the causes of I/O).
struct long_call_kinds { bool running[512], asleep[512]; };
void long_calls__kinds(struct long_call_kinds *ret);
// Which argument of the call is a number of bytes: 0…3, SYSCALL_RETURNED, SYSCALL_NO_BYTES.
uint32_t long_calls__bytes_from(uint32_t operation);
// Whether calls of which this was seen are too short to matter, for good.
bool long_calls__are_short(const struct syscall_sum *sum);
// Enough was seen of them: the rest of the window tells nothing new.
bool long_calls__are_known(const struct syscall_sum *sum, uint64_t watched_ns);

#endif
