#include "recording/vocabulary.h"

static const char *const occupants[OCCUPANT_KINDS] = {
	[OCCUPANT_TASK] = "task", [OCCUPANT_IDLE] = "idle", [OCCUPANT_STEAL] = "steal", [OCCUPANT_HARDIRQ] = "hardirq", [OCCUPANT_SOFTIRQ] = "softirq",
	[OCCUPANT_QUOTA] = "quota", [OCCUPANT_UNKNOWN] = "unknown", [OCCUPANT_NOT_CUT] = "not cut",
};

const char *occupant__name(enum occupant kind)
{
	const char *name = string_table__name(occupants, OCCUPANT_KINDS, (size_t)kind);
	return name ? name : occupants[OCCUPANT_UNKNOWN];
}

static const char *const reasons[BLOCKED_REASONS] = {
	[BLOCKED_OTHER] = "other", [BLOCKED_LOCK] = "lock", [BLOCKED_IO] = "io", [BLOCKED_TIMER] = "timer", [BLOCKED_WORK] = "work",
	[BLOCKED_PROCESS] = "process", [BLOCKED_FUTEX] = "futex", [BLOCKED_MEMORY] = "memory",
};
STRING_TABLE_DEFINE(blocked_reason, reasons)

static const char *const wakers[] = {
	[WAKER_UNKNOWN] = "", [WAKER_TASK] = "task", [WAKER_HARDIRQ] = "hardirq", [WAKER_SOFTIRQ] = "softirq", [WAKER_BLOCK] = "block",
};
STRING_TABLE_DEFINE(waker_kind, wakers)

static const char *const operations[] = {
	[OPERATION_PAGE_FAULT - OPERATION_PAGE_FAULT] = "page fault", [OPERATION_EXIT - OPERATION_PAGE_FAULT] = "exit",
	[OPERATION_KERNEL_THREAD - OPERATION_PAGE_FAULT] = "kernel thread", [OPERATION_IO_WORKER - OPERATION_PAGE_FAULT] = "io_uring worker",
	[OPERATION_FREE - OPERATION_PAGE_FAULT] = "handing over", [OPERATION_UNKNOWN - OPERATION_PAGE_FAULT] = "unknown",
	[OPERATION_SOFTIRQ - OPERATION_PAGE_FAULT] = "softirq", [OPERATION_USER - OPERATION_PAGE_FAULT] = "",
};

const char *operation__name(enum operation operation)
{
	return string_table__name(operations, ARRAY_SIZE(operations), (size_t)operation - OPERATION_PAGE_FAULT);
}

enum operation operation__from_name(const char *name)
{
	size_t place = string_table__find(operations, ARRAY_SIZE(operations), name);
	return !name ? OPERATION_UNKNOWN : place == SIZE_MAX ? OPERATION_CALL : (enum operation)(OPERATION_PAGE_FAULT + place);
}

static const char *const lock_kinds[LOCK_KINDS] = {
	[LOCK_KIND_UNKNOWN] = "semaphore", [LOCK_KIND_MMAP] = "mmap_lock", [LOCK_KIND_RWSEM] = "rwsem", [LOCK_KIND_MUTEX] = "mutex",
	[LOCK_KIND_SPINLOCK] = "spinlock", [LOCK_KIND_RWLOCK] = "rwlock", [LOCK_KIND_PERCPU] = "percpu_rwsem", [LOCK_KIND_RTMUTEX] = "rtmutex",
	[LOCK_KIND_VMA] = "vma_lock",
	[LOCK_KIND_SEVERAL] = "several",
};
STRING_TABLE_DEFINE(lock_kind, lock_kinds)

static const char *const lock_modes[] = { [LOCK_MODE_WRITE] = "write", [LOCK_MODE_READ] = "read", [LOCK_MODE_HANDED] = "handed over" };
STRING_TABLE_DEFINE(lock_mode, lock_modes)

static const char *const lock_roles[] = { [LOCK_WAITER] = "waiter", [LOCK_OWNER] = "owner" };
STRING_TABLE_DEFINE(lock_role, lock_roles)

static const char *const futex_roles[] = { [FUTEX_WAITER] = "waiter", [FUTEX_WAKER] = "waker" };
STRING_TABLE_DEFINE(futex_role, futex_roles)

static const char *const host_events[HOST_EVENT_KINDS] = {
	[HOST_EVENT_PAUSE] = "pause", [HOST_EVENT_FREEZE] = "freeze", [HOST_EVENT_SILENCE] = "silence", [HOST_EVENT_SUSPEND] = "suspend",
	[HOST_EVENT_CLOCK_STEP] = "clock_step", [HOST_EVENT_RCU_STALL] = "rcu_stall", [HOST_EVENT_SOFT_LOCKUP] = "soft_lockup",
	[HOST_EVENT_HARD_LOCKUP] = "hard_lockup", [HOST_EVENT_WORKQUEUE_LOCKUP] = "workqueue_lockup", [HOST_EVENT_HUNG_TASK] = "hung_task",
	[HOST_EVENT_OOM_KILL] = "oom_kill", [HOST_EVENT_CLOCK_UNSTABLE] = "clock_unstable", [HOST_EVENT_TIMER_LATE] = "timer_late",
};
STRING_TABLE_DEFINE(host_event_kind, host_events)

static const char *const pressures[] = {
	[PRESSURE_CPU] = "cpu", [PRESSURE_MEMORY] = "memory", [PRESSURE_IO] = "io", [PRESSURE_IRQ] = "irq", [PRESSURE_NONE] = "none",
};
STRING_TABLE_DEFINE(pressure_resource, pressures)
