// How recordings call what bpf/vocabulary.h numbers.
#ifndef WHYSTALL_RECORDING_VOCABULARY_H
#define WHYSTALL_RECORDING_VOCABULARY_H

#include "base/string_table.h"
#include "bpf/vocabulary.h"

const char *occupant__name(enum occupant kind); // "task", "idle", "steal", …; "unknown" for numbers of later versions
STRING_TABLE_DECLARE(blocked_reason);                  // "lock", "io", …
STRING_TABLE_DECLARE(waker_kind);                      // "task", "hardirq", "softirq", "block"; "" unknown
// "page fault", "exit", "kernel thread", "io_uring worker", "handing over", "unknown", "softirq", ""; NULL for numbers of system calls.
const char *operation__name(enum operation operation);
// The operation of a name; OPERATION_CALL for all others, OPERATION_UNKNOWN for NULL.
enum operation operation__from_name(const char *name);
STRING_TABLE_DECLARE(lock_kind);                       // "mmap_lock", "rwsem", …
STRING_TABLE_DECLARE(lock_mode);                       // "read", "write", "handed over"
STRING_TABLE_DECLARE(lock_role);                       // "waiter", "owner"
STRING_TABLE_DECLARE(futex_role);                      // "waiter", "waker"

// The kernel's pressure files (/proc/pressure); stored by name only.
enum pressure_resource { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURE_IRQ, PRESSURE_RESOURCES,
	PRESSURE_NONE = PRESSURE_RESOURCES };   // counted by none of them
STRING_TABLE_DECLARE(pressure_resource);        // "cpu", "memory", "io", "irq"; "none"

// What host_event rows tell of; stored by name only.
enum host_event_kind {
	HOST_EVENT_PAUSE,       // the host did not run the machine, and its clock went on
	HOST_EVENT_FREEZE,      // the same, and its clock stood still, too
	HOST_EVENT_SILENCE,     // one CPU took no timer interrupt
	HOST_EVENT_SUSPEND,     // the machine itself slept
	HOST_EVENT_CLOCK_STEP,  // CLOCK_REALTIME was set
	HOST_EVENT_RCU_STALL, HOST_EVENT_SOFT_LOCKUP, HOST_EVENT_HARD_LOCKUP, HOST_EVENT_WORKQUEUE_LOCKUP, HOST_EVENT_HUNG_TASK, HOST_EVENT_OOM_KILL,
	HOST_EVENT_CLOCK_UNSTABLE, HOST_EVENT_TIMER_LATE,       // what the kernel's log says
	HOST_EVENT_KINDS
};
STRING_TABLE_DECLARE(host_event_kind);

#endif
