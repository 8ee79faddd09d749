// What a sleep waited for, told by its kernel stack, its system call and who ended it. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_SLEEP_CLASSES_H
#define WHYSTALL_LEDGER_SLEEP_CLASSES_H

#include "recording/recording.h"

enum sleep_class {
	SLEEP_UNKNOWN,          // no stack, no device: nothing is known
	SLEEP_BLOCK,            // a request to a block device, or its cache to be flushed
	SLEEP_PAGE_READ,        // a page of a file that is being read
	SLEEP_JOURNAL,          // a commit of a file system's journal, log or transaction, or room in its log
	SLEEP_DIRTY,            // writers held back because too much is dirty
	SLEEP_WRITEBACK,        // pages being written
	SLEEP_BLOCK_QUEUE,      // a place in a device's queue (tags, writeback throttling)
	SLEEP_IO_LIMIT,         // a cgroup's I/O limit
	SLEEP_REMOTE,           // a network file system
	SLEEP_FUSE,             // a file system in user space
	SLEEP_FILE_SYSTEM,      // inside a file system, for something that the table does not know
	SLEEP_SWAP_IN,          // a page that was swapped out
	SLEEP_REFAULT,          // a page that was dropped a moment ago (PSI counts it as memory)
	SLEEP_RECLAIM,          // memory that is being freed
	SLEEP_MEMORY_LIMIT,     // a cgroup's memory limit: reclaim, or the penalty of memory.high
	SLEEP_COMPACTION,       // huge pages being made
	SLEEP_USERFAULT,        // another program that provides a page (userfaultfd)
	SLEEP_FUTEX,            // a lock or a signal of the program itself
	SLEEP_KERNEL_LOCK,      // a kernel lock (its own account has it)
	SLEEP_FILE_LOCK,        // flock, fcntl, leases
	SLEEP_PIPE, SLEEP_SOCKET, // the other end
	SLEEP_PROCESS,          // another process: its end, or that it executes its program
	SLEEP_KERNEL_WORK,      // the kernel's own machinery: RCU, work queues, other CPUs
	SLEEP_RING_IDLE,        // an io_uring waiter to whom nothing is owed: counted as I/O pressure all the same
	SLEEP_IDLE,             // work, where the system call alone does not tell: a halted virtual CPU, a server of /dev/fuse
	SLEEP_DEVICE,           // another device or its driver
	SLEEP_FREEZE,           // frozen, stopped, traced
	SLEEP_OTHER,            // a stack that no pattern knows
	SLEEP_CLASSES
};
// "block device", "journal" …, as it stands in reports.
const char *sleep_class__name(enum sleep_class class);

// What a kernel stack alone tells.
struct sleep_stack {
	enum sleep_class class;         // SLEEP_UNKNOWN: there is no stack
	bool sync;                      // within fsync and the like, writes with O_SYNC included
	const char *file_system;        // "ext4"; NULL: none is on the stack
	const char *frame;              // the frame that told, within the stack's text; NULL
	int frame_length;               // of the function's name
};
// frames: innermost first, one "symbol+0x12" a line (stack_row.frames); NULL where none was taken.
struct sleep_stack sleep_class__read(const char *frames);
// A pure function of one row and what its stack told.
enum sleep_class sleep_class__of_row(const struct sleep_row *sleep, const struct sleep_stack *stack);
enum sleep_class sleep_class__of(const struct sleep_row *sleep, const char *frames);
// Whether the operation is a sync of the program itself (fsync, fdatasync, msync, sync, syncfs, sync_file_range).
bool sleep_class__is_sync(const char *operation);
// Whether nothing is awaited that could be late.
bool sleep_class__is_idle(enum sleep_class class);

#endif
