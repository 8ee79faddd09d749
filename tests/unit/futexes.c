// Futexes: which are locks, by which sign, and the verdict on them. Hand-made tables with numbers worked out by hand.
#include "unit/stage_futexes.h"

#include "causes/hand_overs.h"
#include "causes/runtimes.h"

#include <math.h>

#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-9)) \
		fail_msg(#value " is %.12f, not %.12f", value_, expected_); \
} while (0)

// ---- names ----

static void test_names_of_functions(void **state)
{
	static const struct { const char *frame; enum futex_word word; bool decides; } cases[] = {
		{ "__lll_lock_wait (libc.so.6)", FUTEX_WORD_LOCK, false },
		{ "pthread_mutex_lock@@GLIBC_2.2.5 (libc.so.6)", FUTEX_WORD_LOCK, false },
		{ "futex_wait [inlined] (libc.so.6)", FUTEX_WORD_WRAPPER, false },
		{ "take_gil (python3.11)", FUTEX_WORD_LOCK, true },
		{ "runtime.lock2 (server)", FUTEX_WORD_LOCK, true },
		{ "runtime.notesleep (server)", FUTEX_WORD_IDLE, true },
		{ "pthread_cond_wait (libc.so.6)", FUTEX_WORD_IDLE, false },
		{ "sem_wait (libc.so.6)", FUTEX_WORD_SEMAPHORE, false },
		{ "std::sys::sync::mutex::futex::Mutex::lock_contended (daemon)", FUTEX_WORD_LOCK, false },
		{ "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout (daemon)", FUTEX_WORD_IDLE, true },
		{ "<parking_lot::raw_mutex::RawMutex>::lock_slow (daemon)", FUTEX_WORD_LOCK, true },
		{ "ObjectMonitor::enter (libjvm.so)", FUTEX_WORD_LOCK, true },
		{ "pthread_rwlock_wrlock (libc.so.6)", FUTEX_WORD_LOCK, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct futex_name *name = futex_names__find(cases[i].frame, strlen(cases[i].frame));
		if (!name || name->word != cases[i].word || name->decides != cases[i].decides)
			fail_msg("%s is taken for %d", cases[i].frame, name ? (int)name->word : -1);
	}
	static const char *const others[] = { "main (server)", "take_gilt (python3)", "my_pthread_mutex_lock (x)", "libc.so.6+0x88123 [93ac61ec5a8e]", "…" };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (futex_names__find(others[i], strlen(others[i])))
			fail_msg("%s is none of them", others[i]);
}

// ---- signs ----

static struct stage with_futex(int64_t operation, int64_t waits, struct futex_row **ret_row)
{
	struct stage stage = stage__new(0);
	int64_t process = stage__process(&stage, "server", 100, 5000, 0, 0);
	*ret_row = stage__futex(&stage, process, 0x7f0000001000, operation, waits, 4000);
	return stage;
}

static void assert_taken_for(struct stage *stage, enum futex_class class, enum futex_sign sign, const char *kind)
{
	assert_int_equal(ledger__build(stage->recording, &stage->ledger), 0);
	const struct ledger_futexes *futexes = &stage->ledger->futexes;
	assert_true(futexes->recorded);
	assert_int_equal(futexes->count, 1);
	if (futexes->futexes[0].class != class || futexes->futexes[0].sign != sign)
		fail_msg("it is taken for %s, because %s", futex_class__name(futexes->futexes[0].class),
			 futex_sign__words(futexes->futexes[0].sign, futexes->futexes[0].class));
	if (kind)
		assert_string_equal(futex_kind__name(futexes->futexes[0].kind), kind);
	assert_int_equal(futexes->ns[class], futexes->futexes[0].sum.wait_ns);
	stage__free(stage);
}

static void test_priority_inheritance_is_a_lock(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 3, &row);
	(void)state;
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_PRIORITY_INHERITANCE, "priority-inheriting mutex");
}

static void test_a_steady_two_is_a_mutex(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_MUTEX, 100, &row);
	(void)state;
	row->expected_two = row->wakes = 100;
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_VALUE, "mutex");

	stage = with_futex(STAGE_MUTEX, 100, &row);      // another value at every tenth wait: a counter that passed by
	row->expected_two = 90;
	row->expected_other = 10;
	row->wakes = 100;
	row->mutual = 50;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);

	stage = with_futex(STAGE_MUTEX, 4, &row);        // too few to say so
	row->expected_two = row->wakes = 4;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);
}

// musl's condition variables wait for a 2, each waiter at its own place.
static void test_a_two_of_musl_needs_wakers_that_wait(void **state)
{
	struct futex_row *row;
	(void)state;
	for (int mutual = 0; mutual < 2; mutual++) {
		struct stage stage = with_futex(STAGE_MUTEX, 100, &row);
		stage.recording->process[0].libc = base__copy("musl");
		row->expected_two = row->wakes = 100;
		row->mutual = mutual ? 100 : 0;
		assert_taken_for(&stage, mutual ? FUTEX_LOCK : FUTEX_UNDECIDED, mutual ? FUTEX_SIGN_VALUE : FUTEX_SIGN_NONE, NULL);
	}
}

static void test_a_value_that_names_its_owner(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_MUTEX, 100, &row);
	(void)state;
	row->expected_other = 100;
	row->owner_sought = row->owner_found = 10;
	row->value = 0x80000065;
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_OWNER, "mutex");
}

static void test_locks_of_musl(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_MUTEX, 100, &row);
	(void)state;
	row->expected_other = 100;
	row->value = 0x80000010;                         // EBUSY and the bit of waiters
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_VALUE, "mutex");

	stage = with_futex(STAGE_MUTEX, 100, &row);      // its semaphores: the bit alone
	row->expected_other = 100;
	row->value = 0x80000000;
	row->wakes = 100;
	row->mutual = 50;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);
}

// The two words of a rwlock, and those of a condition variable: one account each.
static void test_words_side_by_side_are_one(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_OTHER, 60, &row);
	int64_t process = row->process;
	(void)state;
	row->expected_two = 40;
	row->expected_other = 20;
	row->value = 3;
	row->wakes = 60;
	row = stage__futex(&stage, process, 0x7f0000001004, STAGE_OTHER, 40, 1000);
	row->expected_other = row->wakes = 40;
	row->value = 3;
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	const struct ledger_futexes *futexes = &stage.ledger->futexes;
	assert_int_equal(futexes->count, 1);
	assert_int_equal(futexes->futexes[0].sum.waits, 100);
	assert_int_equal(futexes->futexes[0].sum.wait_ns, 5000 * STAGE_MS);
	assert_int_equal(futexes->futexes[0].class, FUTEX_LOCK);
	assert_int_equal(futexes->futexes[0].kind, FUTEX_KIND_RWLOCK);
	stage__free(&stage);
}

static void test_behaviour(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_OTHER, 100, &row);
	(void)state;
	row->expected_zero = row->wakes = row->mutual = 100; // a semaphore that those who take it give back
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_BEHAVIOUR, "semaphore");

	stage = with_futex(STAGE_OTHER, 100, &row);      // consumers and producers
	row->expected_zero = row->wakes = 100;
	assert_taken_for(&stage, FUTEX_IDLE, FUTEX_SIGN_BEHAVIOUR, "queue or event");

	stage = with_futex(STAGE_OTHER, 100, &row);      // one thread's own place: for locks and for work
	row->expected_zero = row->wakes = 100;
	row->others = 0;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);

	stage = with_futex(STAGE_OTHER, 100, &row);      // half of the wakers wait there
	row->expected_zero = row->wakes = 100;
	row->mutual = 50;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);

	stage = with_futex(STAGE_OTHER, 10, &row);       // too few wake-ups
	row->expected_zero = row->wakes = row->mutual = 10;
	assert_taken_for(&stage, FUTEX_UNDECIDED, FUTEX_SIGN_NONE, NULL);

	stage = with_futex(STAGE_OTHER, 100, &row);      // timeouts alone
	row->expected_zero = row->timed = 100;
	assert_taken_for(&stage, FUTEX_IDLE, FUTEX_SIGN_NOBODY, "timer");

	stage = with_futex(STAGE_OTHER, 3, &row);        // asleep all the time
	row->expected_zero = 3;
	row->open_wait_ns = row->wait_ns;
	assert_taken_for(&stage, FUTEX_IDLE, FUTEX_SIGN_NOBODY, NULL);
}

// A pool whose threads make work for each other wakes and waits alike: a condition variable tells nothing, but for Python's GIL.
static void test_a_mutual_condition_variable_is_the_gil_in_python_only(void **state)
{
	(void)state;
	for (int python = 0; python < 2; python++) {
		struct futex_row *row;
		struct stage stage = with_futex(STAGE_OTHER, 100, &row);
		row->expected_zero = row->wakes = row->mutual = 100;
		row->timed = 100;
		row = stage__futex(&stage, 1, 0x7f0000001004, STAGE_OTHER, 100, 3000);
		row->expected_zero = row->wakes = row->mutual = 100;
		row->timed = 100;
		if (python)
			stage__set(&stage.recording->process[0].runtime, "python");
		assert_taken_for(&stage, python ? FUTEX_LOCK : FUTEX_UNDECIDED, python ? FUTEX_SIGN_BEHAVIOUR : FUTEX_SIGN_NONE, NULL);
	}
}

static void test_a_name_goes_before_behaviour(void **state)
{
	struct futex_row *row;
	struct stage stage = with_futex(STAGE_OTHER, 100, &row);
	(void)state;
	row->expected_zero = row->wakes = row->mutual = 100;
	stage__futex_stack(&stage, 1, 1, "waiter", "__futex_abstimed_wait_common (libc.so.6)\npthread_cond_wait (libc.so.6)\nnext_job (server)", 4000);
	assert_taken_for(&stage, FUTEX_IDLE, FUTEX_SIGN_STACK, "condition variable");

	stage = with_futex(STAGE_OTHER, 100, &row);
	row->expected_zero = row->wakes = 100;
	stage__futex_stack(&stage, 1, 1, "waiter", "pthread_cond_timedwait (libc.so.6)\ntake_gil (python3.11)\nPyEval_RestoreThread (python3.11)", 4000);
	assert_taken_for(&stage, FUTEX_LOCK, FUTEX_SIGN_STACK, "GIL");

	// Of a waker it says nothing, nor where it stands for a small part.
	stage = with_futex(STAGE_OTHER, 100, &row);
	row->expected_zero = row->wakes = 100;
	stage__futex_stack(&stage, 1, 1, "waker", "pthread_mutex_lock (libc.so.6)", 4000);
	stage__futex_stack(&stage, 1, 1, "waiter", "server+0x1234", 3600);
	stage__futex_stack(&stage, 1, 1, "waiter", "pthread_mutex_lock (libc.so.6)", 400);
	assert_taken_for(&stage, FUTEX_IDLE, FUTEX_SIGN_BEHAVIOUR, NULL);
}

// ---- verdicts ----

// 16 threads, one mutex: 150 s of waiting in 10 s, of 10 s of running.
static struct stage userlocks(int64_t wait_ms, struct futex_row **ret_row)
{
	struct stage stage = stage__new(100);
	int64_t process = stage__process(&stage, "one-big-mutex", 100, 9500, 0, 0);
	struct futex_row *row = stage__futex(&stage, process, 0x5500000041c0, STAGE_MUTEX, 5000, wait_ms);
	row->expected_two = row->wakes = 5000;
	row->mutual = 4950;
	row->wall_ns = 9900 * STAGE_MS;
	stage__futex_hold(&stage, row->id, process, 101, "worker-a", wait_ms / 2);
	stage__futex_hold(&stage, row->id, process, 102, "worker-b", wait_ms / 2);
	stage__futex_stack(&stage, row->id, process, "waiter", "__lll_lock_wait (libc.so.6)\nstep (one-big-mutex)", wait_ms);
	stage__futex_stack(&stage, row->id, process, "waker", "__lll_lock_wake (libc.so.6)\nstep (one-big-mutex)", wait_ms);
	*ret_row = row;
	return stage;
}

static void forget_stacks(struct recording *recording)
{
	while (recording->futex_stack_count)
		free(recording->futex_stack[--recording->futex_stack_count].role);
}

static void test_a_mutex_that_all_wait_for_is_confirmed(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(150000, &row);
	(void)state;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_near(verdict->stall_seconds, 150);
	assert_near(verdict->wall_seconds, 9.9);
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->victim_count, 1);
	assert_int_equal(verdict->culprits[0].process, verdict->victims[0].process);
	assert_near(verdict->culprits[0].seconds, 150);
	assert_near(verdict->victims[0].loss, 150 / 159.5);
	assert_int_equal(verdict->culprits[0].operation_count, 2);
	assert_says(verdict->summary, "wait for each other at a mutex in step (one-big-mutex) during 99 %");
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_NONE);
	stage__free(&stage);
}

// A rwlock in user space records its holders as a mutex does; only the kernel's rwlock_t spins and has none.
static void test_a_rwlock_has_holders(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(150000, &row);
	(void)state;
	forget_stacks(stage.recording);
	stage__futex_stack(&stage, row->id, row->process, "waiter", "__pthread_rwlock_wrlock (libc.so.6)\nstep (one-big-rwlock)", 150000);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
	assert_int_equal(stage.ledger->futexes.futexes[0].kind, FUTEX_KIND_RWLOCK);
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_int_equal(verdict->culprits[0].operation_count, 2);
	assert_says(verdict->culprits[0].note, "held by its threads");
	stage__free(&stage);
}

static void test_short_waits_are_no_stall(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(200, &row);
	(void)state;
	row->wall_ns = 180 * STAGE_MS;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "lock.futex")->kind, VERDICT_RULED_OUT);
	stage__free(&stage);
}

static void test_behaviour_alone_confirms_nothing(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(150000, &row);
	(void)state;
	row->operation = STAGE_OTHER;
	row->expected_two = 0;
	row->expected_zero = row->mutual = row->wakes;
	forget_stacks(stage.recording);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
	assert_int_equal(verdict->kind, VERDICT_CONTRIBUTING);
	assert_says(verdict->doubt, "who waits and who wakes");
	stage__free(&stage);
}

static void test_what_is_undecided_accuses_nobody_and_is_said(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(150000, &row);
	(void)state;
	row->operation = STAGE_OTHER;
	row->expected_two = row->others = row->mutual = 0;
	row->expected_zero = row->waits;
	forget_stacks(stage.recording);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
	assert_int_equal(verdict->kind, VERDICT_NOT_TESTABLE);  // its own threads ended the waits: it may be a lock
	assert_true(verdict->absent);
	assert_int_equal(verdict->culprit_count, 0);
	assert_int_equal(verdict->victim_count, 0);
	assert_says(verdict->summary, "one-big-mutex");
	const struct evidence *last = &verdict->evidence[verdict->evidence_count - 1];
	assert_says(last->what, "one-big-mutex 150 s");
	assert_near(last->value, 150);
	stage__free(&stage);
}

// Goroutines that wait for a sync.Mutex are parked without their thread: only the wake-ups by its unlocks are seen. Other wake-ups tell nothing.
static void test_goroutines_are_not_ruled_out(void **state)
{
	static const char *const frames[] = { "runtime.futexwakeup (server)\nruntime.notewakeup (server)\nruntime.startm (server)\nsync.(*Mutex).unlockSlow (server)\nmain.pay (server)",
		"runtime.futexwakeup (server)\nruntime.notewakeup (server)\nruntime.startm (server)\nruntime.chansend (server)\nmain.pay (server)" };
	(void)state;
	for (int channel = 0; channel < 2; channel++) {
		struct stage stage = stage__new(100);
		int64_t server = stage__process(&stage, "server", 100, 5000, 0, 0);
		struct futex_row *row = stage__futex(&stage, server, 0xc000, STAGE_MUTEX, 500, 30000);
		row->expected_zero = row->waits;
		row->wakes = 500;
		stage__futex_stack(&stage, 1, server, "waiter", "runtime.futex (server)\nruntime.notesleep (server)\nruntime.mPark (server)", 30000);
		stage__futex_stack(&stage, 1, server, "waker", frames[channel], 0);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
		assert_int_equal(verdict->kind, channel ? VERDICT_RULED_OUT : VERDICT_NOT_TESTABLE);
		if (!channel)
			assert_says(verdict->summary, "server");
		assert_int_equal(verdict->culprit_count, 0);
		stage__free(&stage);
	}
}

// Programs whose runtime keeps waiting to itself are neither cleared nor accused, if they do anything.
static void test_runtimes_that_hide_locks(void **state)
{
	static const struct { const char *runtime, *exe, *thread, *says; int run_ms, sleep_ms; } cases[] = {
		{ "go", "/usr/bin/server", "server", "mutex and block profile", 5000, 0 },
		{ "go", "/usr/bin/server", "server", NULL, 150, 0 },            // keeps its timers
		{ "go", "/usr/bin/server", "server", "mutex and block profile", 100, 900 },     // waits for a disk
		{ "jvm", "/usr/bin/java", "java", "jstack 100 ", 5000, 0 },
		{ "node", "/usr/bin/node", "node", "promise", 5000, 0 },
		{ "rust", "/usr/bin/server", "tokio-runtime-w", "tokio-console", 5000, 0 },
		{ "rust", "/usr/bin/server", "server", NULL, 5000, 0 },         // its locks are futexes
		{ "c", "/usr/bin/server", "server", NULL, 5000, 0 },
		{ "unknown", "/usr/share/dotnet/dotnet", "dotnet", "dotnet-stack report -p 100", 5000, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(100);
		int64_t server = stage__process(&stage, "server", 100, cases[i].run_ms, 0, 0), other = stage__process(&stage, "c", 200, 5000, 0, 0);
		stage__set(&stage.recording->process[0].runtime, cases[i].runtime);
		stage__set(&stage.recording->process[0].exe, cases[i].exe);
		stage__set(&stage.recording->task[0].name, cases[i].thread);
		stage__futex(&stage, other, 0xc000, STAGE_MUTEX, 5, 3);         // the recording has the probe
		int64_t stack = stage__stack(&stage, "io_schedule+0x10\nblk_mq_get_tag+0x10");
		*recording__add_sleep(stage.recording) = (struct sleep_row){ .process = server, .operation = base__copy("read"), .reason = base__copy("io"),
			.waker_kind = base__copy("block"), .kernel_stack = stack, .ns = cases[i].sleep_ms * STAGE_MS, .times = cases[i].sleep_ms };
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
		cleanup_free char *names = runtimes__hide_locks(stage.diagnosis);
		assert_int_equal(verdict->kind, cases[i].says ? VERDICT_NOT_TESTABLE : VERDICT_RULED_OUT);
		if (cases[i].says) {
			assert_says(verdict->summary, cases[i].says);
			assert_string_equal(names, "server (pid 100)");
		} else {
			assert_null(names);
		}
		assert_int_equal(strstr(stage.diagnosis->headline, "HEALTHY, as far as the kernel sees") != NULL, cases[i].says != NULL);
		assert_true(stage.diagnosis->healthy);                          // what can't be seen makes nothing else doubtful
		stage__free(&stage);
	}
}

static void test_what_stacks_tell_of_hand_overs(void **state)
{
#define WAKE "runtime.futex (x)\nruntime.notewakeup (x)\nruntime.startm (x)\nruntime.wakep (x)\n"
#define READY WAKE "runtime.ready (x)\nruntime.goready.func1 (x)\nruntime.systemstack.abi0 (x)\n"
#define PARK "runtime.futex (x)\nruntime.notesleep (x)\nruntime.stopm (x)\nruntime.findRunnable (x)\nruntime.schedule (x)\nruntime.park_m (x)\nruntime.mcall (x)\n"
#define UNLOCK "example.com/v2/table.(*rwMutex).processLocked (x)\nmain.(*rwMutex).Unlock [inlined] (x)\nmain.(*Table).Insert (x)\nmain.main (x)"
	static const struct { const char *frames, *primitive, *callers; bool parked, lock; } cases[] = {
		{ READY "runtime.recv (x)\nruntime.chanrecv (x)\nruntime.chanrecv1 (x)\n" UNLOCK, "a channel",
		  "table.(*rwMutex).processLocked ← main.(*rwMutex).Unlock ← main.(*Table).Insert", false, true },
		{ READY "runtime.chansend (x)\nmain.(*Queue).Put (x)\nmain.main (x)\nruntime.main (x)", "a channel", "main.(*Queue).Put ← main.main", false, false },
		{ READY "runtime.semrelease1 (x)\nsync.runtime_Semrelease (x)\nsync.(*Mutex).unlockSlow (x)\nmain.pay (x)", "a sync.Mutex", "main.pay", false, true },
		{ READY "sync.runtime_Semrelease (x)\nsync.(*WaitGroup).Done (x)\nmain.pay (x)", "a sync.WaitGroup", "main.pay", false, false },
		{ PARK "runtime.chansend (x)\nmain.(*rwMutex).Lock (x)\nmain.pay (x)", "a channel", "main.(*rwMutex).Lock ← main.pay", true, true },
		{ PARK "runtime.chanrecv (x)\nmain.(*Clock).Block (x)\n…", "a channel", "main.(*Clock).Block", true, false },
		{ PARK "time.Sleep (x)\nmain.main (x)", NULL, NULL, false, false },
		{ PARK "runtime.chansend (x)\n…", NULL, NULL, false, false },
		{ WAKE "runtime.resetspinning (x)\nruntime.findRunnable (x)\nruntime.chansend (x)\nmain.main (x)", NULL, NULL, false, false },
		{ "runtime.futex (x)\nruntime.unlock2 (x)\nruntime.chansend (x)\nmain.main (x)", NULL, NULL, false, false },
		{ "__lll_lock_wait (libc.so.6)\nmain (x)", NULL, NULL, false, false }, { "", NULL, NULL, false, false }, { NULL, NULL, NULL, false, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_wait wait;
		assert_int_equal(runtime_wait__read(cases[i].frames, &wait), cases[i].primitive != NULL);
		if (!cases[i].primitive)
			continue;
		cleanup_free char *callers = runtime_wait__callers(wait.caller, 3);
		assert_string_equal(wait.primitive, cases[i].primitive);
		assert_string_equal(callers, cases[i].callers);
		assert_int_equal(wait.parked, cases[i].parked);
		assert_int_equal(wait.lock, cases[i].lock);
	}
}

// What cannot be the queue of a lock that matters is ruled out: nobody woke the waiters, hardly ever, or for little time; or they still sleep.
static void test_what_is_undecided_and_harmless(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct futex_row *row;
		struct stage stage = userlocks(i == 2 ? 900 : 150000, &row);
		row->operation = STAGE_OTHER;
		row->expected_two = row->others = row->mutual = 0;
		row->expected_zero = row->waits;
		if (i == 0)
			row->wakes = 0;
		if (i == 1)
			row->wakes = 90;
		if (i == 3)
			row->open_wait_ns = row->wait_ns - 900 * STAGE_MS;
		forget_stacks(stage.recording);
		stage__judge(&stage);
		assert_int_equal(stage__verdict(&stage, "lock.futex")->kind, VERDICT_RULED_OUT);
		stage__free(&stage);
	}
}

static void test_unknown_holders_confirm_nothing(void **state)
{
	struct futex_row *row;
	struct stage stage = userlocks(150000, &row);
	(void)state;
	stage.recording->futex_hold[0].process = stage.recording->futex_hold[1].process = 0;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "lock.futex")->kind, VERDICT_CONTRIBUTING);
	stage__free(&stage);
}

static void test_without_the_probe_it_is_not_testable(void **state)
{
	struct stage stage = stage__new(100);
	(void)state;
	stage__process(&stage, "server", 100, 5000, 0, 0);
	recording__set_meta(stage.recording, "probe.futex", "futex(2) has no number on this architecture");
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.futex");
	assert_int_equal(verdict->kind, VERDICT_NOT_TESTABLE);
	assert_says(verdict->summary, "no number on this architecture");
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_functions),
		cmocka_unit_test(test_priority_inheritance_is_a_lock),
		cmocka_unit_test(test_a_steady_two_is_a_mutex),
		cmocka_unit_test(test_a_two_of_musl_needs_wakers_that_wait),
		cmocka_unit_test(test_a_value_that_names_its_owner),
		cmocka_unit_test(test_locks_of_musl),
		cmocka_unit_test(test_words_side_by_side_are_one),
		cmocka_unit_test(test_behaviour),
		cmocka_unit_test(test_a_mutual_condition_variable_is_the_gil_in_python_only),
		cmocka_unit_test(test_a_name_goes_before_behaviour),
		cmocka_unit_test(test_a_mutex_that_all_wait_for_is_confirmed), cmocka_unit_test(test_a_rwlock_has_holders),
		cmocka_unit_test(test_short_waits_are_no_stall),
		cmocka_unit_test(test_behaviour_alone_confirms_nothing),
		cmocka_unit_test(test_what_is_undecided_accuses_nobody_and_is_said), cmocka_unit_test(test_what_is_undecided_and_harmless), cmocka_unit_test(test_goroutines_are_not_ruled_out),
		cmocka_unit_test(test_runtimes_that_hide_locks), cmocka_unit_test(test_what_stacks_tell_of_hand_overs),
		cmocka_unit_test(test_unknown_holders_confirm_nothing),
		cmocka_unit_test(test_without_the_probe_it_is_not_testable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
