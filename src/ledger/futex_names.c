// Functions that wait on futexes, by what they wait for. Names are those of symbol tables, without parameters.
#include "ledger/futexes.h"
#include "base/base.h"

#include <string.h>

static const char *const kinds[] = {
	[FUTEX_KIND_MUTEX] = "mutex", [FUTEX_KIND_RWLOCK] = "rwlock", [FUTEX_KIND_SEMAPHORE] = "semaphore",
	[FUTEX_KIND_PI_MUTEX] = "priority-inheriting mutex", [FUTEX_KIND_PARKING_LOT] = "parking_lot lock", [FUTEX_KIND_GIL] = "GIL",
	[FUTEX_KIND_JAVA_MONITOR] = "Java monitor", [FUTEX_KIND_LWLOCK] = "LWLock", [FUTEX_KIND_GO_RUNTIME] = "lock of the Go runtime",
	[FUTEX_KIND_CONDITION] = "condition variable", [FUTEX_KIND_CONDITION_OR_PARKED] = "condition variable or parked thread",
	[FUTEX_KIND_BARRIER] = "barrier", [FUTEX_KIND_END_OF_THREAD] = "end of a thread", [FUTEX_KIND_POOL] = "pool of threads",
	[FUTEX_KIND_GO_IDLE] = "idle thread of Go's scheduler", [FUTEX_KIND_JAVA_PARKED] = "parked Java thread",
	[FUTEX_KIND_JAVA_PARKING] = "parking place of a Java thread", [FUTEX_KIND_QUEUE] = "queue or event", [FUTEX_KIND_TIMER] = "timer",
	[FUTEX_KIND_NOTHING_CAME] = "nothing came",
};
STRING_TABLE_DEFINE(futex_kind, kinds)

static const struct futex_name known[] = {
	// What decides wherever it stands: above it there is a condition variable or a thread's own parking place, which alone say nothing.
	{ "take_gil PyEval_RestoreThread PyEval_AcquireThread PyEval_AcquireLock", FUTEX_WORD_LOCK, true, FUTEX_KIND_GIL },
	{ "ObjectMonitor::enter* ObjectMonitor::EnterI ObjectMonitor::ReenterI ObjectMonitor::*enter_internal", FUTEX_WORD_LOCK, true,
	  FUTEX_KIND_JAVA_MONITOR },
	{ "LWLockAcquire LWLockAcquireOrWait", FUTEX_WORD_LOCK, true, FUTEX_KIND_LWLOCK },
	{ "runtime.lock runtime.lock2 runtime.lockWithRank", FUTEX_WORD_LOCK, true, FUTEX_KIND_GO_RUNTIME },
	{ "*parking_lot*lock_slow *parking_lot*lock_shared_slow *parking_lot*lock_exclusive_slow *parking_lot*lock_upgradable_slow",
	  FUTEX_WORD_LOCK, true, FUTEX_KIND_PARKING_LOT },
	{ "absl::*Mutex::LockSlow* absl::*Mutex::Lock absl::*Mutex::ReaderLock", FUTEX_WORD_LOCK, true, FUTEX_KIND_MUTEX },
	{ "_PyMutex_LockTimed PyMutex_Lock _PyMutex_LockSlow", FUTEX_WORD_LOCK, true, FUTEX_KIND_MUTEX },
	{ "runtime.notesleep runtime.notetsleep* runtime.stopm runtime.findRunnable runtime.findrunnable runtime.sysmon runtime.gcParkAssist "
	  "runtime.templateThread runtime.stoplockedm", FUTEX_WORD_IDLE, true, FUTEX_KIND_GO_IDLE },
	{ "JVM_MonitorWait ObjectMonitor::wait JVM_Sleep* VMThread::* WatcherThread::* GangWorker::* WorkerThread::*",
	  FUTEX_WORD_IDLE, true, FUTEX_KIND_JAVA_PARKED },
	{ "*Condvar*::wait* *condvar*wait* std::condition_variable::wait* *::thread::park* std::thread::park* *Thread*::park* "
	  "*::mpmc*::recv* *::mpsc*::recv* tokio::*::park* *::thread*::sleep*", FUTEX_WORD_IDLE, true, FUTEX_KIND_CONDITION_OR_PARKED },
	{ "pthread_join* __pthread_timedjoin* __pthread_clockjoin* thrd_join", FUTEX_WORD_IDLE, true, FUTEX_KIND_END_OF_THREAD },
	{ "pthread_barrier_wait __pthread_barrier_wait", FUTEX_WORD_IDLE, true, FUTEX_KIND_BARRIER },
	{ "g_async_queue_pop* g_cond_wait* uv_cond_wait* uv_cond_timedwait* qemu_cond_wait* qemu_cond_timedwait* qemu_futex_wait qemu_event_wait",
	  FUTEX_WORD_IDLE, true, FUTEX_KIND_CONDITION },
	{ "v8::base::ConditionVariable::Wait* node::*::BlockingPop* uv__threadpool*", FUTEX_WORD_IDLE, true, FUTEX_KIND_POOL },
	// What decides where it is the innermost that says anything.
	{ "__lll_lock_wait __lll_lock_wait_private lll_lock_wait __lll_lock_* __GI___lll_lock_wait* pthread_mutex_lock __pthread_mutex_lock* "
	  "___pthread_mutex_lock pthread_mutex_timedlock __pthread_mutex_timedlock pthread_mutex_clocklock __pthread_mutex_clocklock* "
	  "__pthread_mutex_cond_lock* __pthread_mutex_lock_full mtx_lock __lock __lockfile", FUTEX_WORD_LOCK, false, FUTEX_KIND_MUTEX },
	{ "pthread_rwlock_rdlock pthread_rwlock_wrlock __pthread_rwlock_rdlock* __pthread_rwlock_wrlock* ___pthread_rwlock_* "
	  "pthread_rwlock_timed* pthread_rwlock_clock*", FUTEX_WORD_LOCK, false, FUTEX_KIND_RWLOCK },
	{ "*Mutex::lock_contended *mutex*::lock_contended *Mutex*::lock_contended", FUTEX_WORD_LOCK, false, FUTEX_KIND_MUTEX },
	{ "*RwLock::read_contended *RwLock::write_contended *rwlock*::*_contended *RwLock*::*_contended", FUTEX_WORD_LOCK, false,
	  FUTEX_KIND_RWLOCK },
	{ "uv_mutex_lock uv_rwlock_rdlock uv_rwlock_wrlock g_mutex_lock* g_rec_mutex_lock*", FUTEX_WORD_LOCK, false, FUTEX_KIND_MUTEX },
	{ "pthread_cond_wait* __pthread_cond_wait* ___pthread_cond_wait* pthread_cond_timedwait* __pthread_cond_timedwait* "
	  "___pthread_cond_timedwait* pthread_cond_clockwait* cnd_wait cnd_timedwait", FUTEX_WORD_IDLE, false, FUTEX_KIND_CONDITION },
	{ "Unsafe_Park Parker::park", FUTEX_WORD_SEMAPHORE, false, FUTEX_KIND_JAVA_PARKING },
	{ "sem_wait __new_sem_wait* sem_timedwait sem_clockwait __sem_wait* ___sem_* PGSemaphoreLock PyThread_acquire_lock*",
	  FUTEX_WORD_SEMAPHORE, false, FUTEX_KIND_SEMAPHORE },
	// What is on the way to any of them.
	{ "futex_wait futex_wait_cancelable* futex_abstimed_wait* __futex_abstimed_wait* __GI___futex_abstimed_wait* syscall syscall_cp_asm "
	  "__syscall_cp* __timedwait* __wait futex runtime.futex* runtime.systemstack runtime.mcall futex_wait_simple __internal_syscall_cancel* "
	  "*futex_wait*", FUTEX_WORD_WRAPPER, false, FUTEX_KIND_UNKNOWN },
};

static bool matches(const char *pattern, size_t pattern_length, const char *text, size_t length)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
	while (t < length) {
		if (p < pattern_length && pattern[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern_length && pattern[p] == text[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern_length && pattern[p] == '*')
		p++;
	return p == pattern_length;
}

static bool is_named(const char *names, const char *function, size_t length)
{
	for (size_t name; *names; names += name + (names[name] == ' ')) {
		name = strcspn(names, " ");
		if (matches(names, name, function, length))
			return true;
	}
	return false;
}

// The function of a frame: what comes before " (file)", " [inlined]", "+0x12" or "@@VERSION".
static size_t function_length(const char *frame, size_t length)
{
	const char *end = memchr(frame, '\n', length);
	if (end)
		length = (size_t)(end - frame);
	for (size_t i = 1; i < length; i++)
		if ((frame[i] == ' ' && (frame[i + 1] == '(' || frame[i + 1] == '[')) || (frame[i] == '+' && frame[i + 1] == '0') || frame[i] == '@')
			return i;
	return length;
}

const struct futex_name *futex_names__find(const char *frame, size_t length)
{
	size_t function = function_length(frame, length);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (is_named(known[i].names, frame, function))
			return &known[i];
	return NULL;
}
