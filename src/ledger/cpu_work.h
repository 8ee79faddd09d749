// What a CPU was doing when it was sampled, told by the kernel's stack and the system call. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_CPU_WORK_H
#define WHYSTALL_LEDGER_CPU_WORK_H

#include <stdbool.h>

#include "recording/recording.h"

enum cpu_work {
	WORK_USER,              // user code
	WORK_SYSCALL,           // a system call (the operation says which), as far as no class below takes it
	WORK_FAULT_ZERO,        // page faults: new pages are zeroed …
	WORK_FAULT_NEW,         // … new pages are found, accounted for and mapped
	WORK_FAULT_HUGE,        // … huge pages are made
	WORK_FAULT_FILE,        // … pages of a file are mapped
	WORK_FAULT_COPY,        // … pages are copied on write
	WORK_FAULT_SWAP,        // … pages come back from swap
	WORK_FAULT_OTHER,       // … all else: page tables, accounting, entry and exit
	WORK_UNMAP,             // pages are unmapped and freed
	WORK_TLB,               // TLBs are flushed, other CPUs' too
	WORK_RECLAIM,           // an allocation frees memory (direct reclaim)
	WORK_RECLAIM_LIMIT,     // the same for a cgroup's memory limit
	WORK_KSWAPD,            // kswapd
	WORK_COMPACTION,        // huge pages are made room for, on allocation or by kcompactd
	WORK_SPIN_MMAP,         // spinning for an mmap_lock
	WORK_SPIN_LOCK,         // spinning for another kernel lock
	WORK_PROCESS,           // tasks are created and ended, programs executed
	WORK_PROCESS_MEMORY,    // of that: their address spaces are copied and given back
	WORK_GUEST,             // the code of a virtual machine
	WORK_INTERRUPT,         // soft interrupts, on top of whatever the process did
	WORK_SCHEDULER,         // on the way out of an interrupt: the scheduler, signals
	WORK_KERNEL_THREAD,     // a kernel thread's own work
	WORK_UNKNOWN,           // nothing is known
	WORKS
};
// "user code", "page fault: zeroing new pages" …, as it stands in reports.
const char *cpu_work__name(enum cpu_work work);
// "user", "fault.zero" …: stable, for programs.
const char *cpu_work__id(enum cpu_work work);
bool cpu_work__is_fault(enum cpu_work work);
// Memory that is mapped, faulted in and given back: page faults (but for files and swap), unmapping, and the system calls that change an
// address space. `operation` as in cpu_sample_row.
bool cpu_work__is_memory_churn(enum cpu_work work, const char *operation);
bool cpu_work__is_spinning(enum cpu_work work);

// The patterns, ready for use.
struct cpu_works;
struct cpu_works *cpu_works__new(void);
void cpu_works__free(struct cpu_works *works);
// frames: the kernel's stack, innermost first, one "symbol+0x12" or "symbol" a line; NULL where there is none.
enum cpu_work cpu_works__of(const struct cpu_works *works, const char *operation, const char *frames);

#endif
