// Words that both sides of the kernel border use, and that recordings store by number or by name (recording/vocabulary.h). Numbers and names never
// change: tests/unit/vocabulary.c holds them. New ones come at the end.
#ifndef WHYSTALL_VOCABULARY_H
#define WHYSTALL_VOCABULARY_H

// What can occupy a CPU while somebody waits for it.
enum occupant {
	OCCUPANT_TASK = 0,      // a task of the process given beside it
	OCCUPANT_IDLE = 1,      // nobody: the CPU was idle and had not picked the waiter up yet (wake-up latency)
	OCCUPANT_STEAL = 2,     // the hypervisor ran something else
	OCCUPANT_HARDIRQ = 3,
	OCCUPANT_SOFTIRQ = 4,
	OCCUPANT_QUOTA = 5,     // nobody: a CPU quota kept the waiter off
	OCCUPANT_UNKNOWN = 6,   // events were missed; nobody is named
	OCCUPANT_NOT_CUT = 7,   // pairs only: a wait that was not cut by its occupants, to keep the probe cheap
	OCCUPANT_KINDS
};

// What a task is blocked for.
enum blocked_reason {
	BLOCKED_OTHER = 0,
	BLOCKED_LOCK = 1,       // a kernel lock
	BLOCKED_IO = 2,
	BLOCKED_TIMER = 3,      // idle: the program chose to wait
	BLOCKED_WORK = 4,       // idle: until there is work
	BLOCKED_PROCESS = 5,    // another process, or the other end of a pipe or socket
	BLOCKED_FUTEX = 6,
	BLOCKED_MEMORY = 7,
	BLOCKED_REASONS         // a power of two
};

// Who ended a sleep.
enum waker_kind {
	WAKER_UNKNOWN = 0,
	WAKER_TASK = 1,
	WAKER_HARDIRQ = 2,
	WAKER_SOFTIRQ = 3,
	WAKER_BLOCK = 4,        // the completion of a block request
};

enum lock_kind {
	LOCK_KIND_UNKNOWN = 0,  // none of the others: a semaphore
	LOCK_KIND_MMAP = 1,     // the mmap_lock of an address space
	LOCK_KIND_RWSEM = 2,
	LOCK_KIND_MUTEX = 3,
	LOCK_KIND_SPINLOCK = 4,
	LOCK_KIND_RWLOCK = 5,
	LOCK_KIND_PERCPU = 6,
	LOCK_KIND_RTMUTEX = 7,
	LOCK_KIND_VMA = 8,      // user space tells it from other rw_semaphores, by the function that takes it
	LOCK_KIND_SEVERAL = 9,  // those that were waited for least, where user space had too many to tell them apart
	LOCK_KIND_FUTEX = 10,   // in user space; judged by the same rules, never stored as a kernel lock
	LOCK_KINDS
};

// How a lock is wanted or held; locks that know only one holder: for writing.
enum lock_mode {
	LOCK_MODE_WRITE = 0,
	LOCK_MODE_READ = 1,
	LOCK_MODE_HANDED = 2,   // by a task that was woken to take it and has no CPU yet
};
// What a task does: the number of its system call, or one of these. Stored by name.
enum operation {
	OPERATION_PAGE_FAULT = 0xff01,  // an exception from user mode: no system call
	OPERATION_EXIT = 0xff02,
	OPERATION_KERNEL_THREAD = 0xff03,
	OPERATION_IO_WORKER = 0xff04,   // of io_uring
	OPERATION_FREE = 0xff05,        // nobody held the lock
	OPERATION_UNKNOWN = 0xff06,
	OPERATION_SOFTIRQ = 0xff07,     // samples only: a soft interrupt runs on top of whatever the task did
	OPERATION_USER = 0xff08,        // samples only: user code
	OPERATION_CALL = 0,             // user space: a system call, whichever
};

enum lock_role { LOCK_WAITER = 0, LOCK_OWNER = 1, LOCK_ROLES };
enum futex_role { FUTEX_WAITER = 0, FUTEX_WAKER = 1, FUTEX_ROLES };

#endif
