// Remedies for lock.futex: what is true for the owner of the lock, be it the program, its runtime or its allocator.
#include "unit/stage_futexes.h"

#define MUTEX "__lll_lock_wait (libc.so.6)\npthread_mutex_lock (libc.so.6)\nstep (daemon)"
#define IN_MALLOC "__lll_lock_wait_private (libc.so.6)\n_int_free (libc.so.6)\nfree (libc.so.6)\nstep (daemon)"
#define GIL "pthread_cond_timedwait (libc.so.6)\ntake_gil (python3.11)\nPyEval_RestoreThread (python3.11)"

struct making { const char *runtime, *linkage, *allocator, *how, *settings, *version; bool calls_mallopt; };

// 16 threads of one process that wait for 150 s in 10 s, handing the lock on `wakes` times in 9.9 s.
static struct stage contenders(struct making making, const char *waiter, int64_t wakes)
{
	struct stage stage = stage__new(100);
	int64_t process = stage__process(&stage, "daemon", 412, 9500, 0, 0);
	struct process_row *made = stage__make(&stage, process, making.runtime, making.linkage, making.allocator, making.how);
	made->settings = base__copy(making.settings);
	made->runtime_version = base__copy(making.version);
	made->calls_mallopt = making.calls_mallopt;
	made->exe_trusted = 1;
	recording__set_meta(stage.recording, "machine", "x86_64");
	struct futex_row *row = stage__futex(&stage, process, 0x5500000041c0, STAGE_MUTEX, wakes, 150000);
	row->expected_two = row->wakes = row->mutual = wakes;
	row->wall_ns = 9900 * STAGE_MS;
	stage__futex_hold(&stage, row->id, process, 413, "worker", 150000);
	stage.recording->futex_hold[0].wall_ns = 9900 * STAGE_MS;
	stage__futex_stack(&stage, row->id, process, "waiter", waiter, 150000);
	return stage;
}

#define GLIBC "dynamic", "glibc", "libc"

// Each remedy: 1 applicable, 0 not, -1 not mentioned.
static void test_who_can_be_helped_by_what(void **state)
{
	(void)state;
	static const char *const remedies[] = { "shorter-section", "split-lock", "python-processes", "malloc-arenas", "preload-thread-caches", "profile-locks" };
	static const struct { const char *what; struct making making; const char *waiter; int expected[6]; int said; const char *why; } cases[] = {
		{ "a mutex of a C program", { "c", GLIBC, NULL, NULL, false }, MUTEX, { 1, 1, -1, -1, -1, -1 }, 1, "all threads of daemon meet at a mutex in step" },
		{ "the same in C++", { "c++", GLIBC, NULL, NULL, false }, MUTEX, { 1, 1, -1, -1, -1, -1 }, 0, "is handed on after 2.0 ms" },
		{ "readers and a writer", { "c", GLIBC, NULL, NULL, false }, "pthread_rwlock_rdlock (libc.so.6)\nlook (daemon)", { 1, 1, -1, -1, -1, -1 }, 1,
		  "replaced as a whole" },
		{ "the GIL", { "python", GLIBC, NULL, "3.11.2", false }, GIL, { -1, -1, 1, -1, -1, 1 }, 2, "here it is 3.11.2" },
		{ "a mutex of a C library in Python", { "python", GLIBC, NULL, "3.13.1", false }, MUTEX, { 1, 1, 0, -1, -1, -1 }, 2, "not the GIL" },
		{ "Go's runtime", { "go", "static", "go", "runtime", NULL, NULL, false }, "runtime.futex (daemon)\nruntime.lock2 (daemon)\nruntime.sweep (daemon)",
		  { 0, 0, -1, -1, -1, 1 }, 5, "SetMutexProfileFraction" },
		{ "a mutex of Go's C code", { "go", "dynamic", "go", "runtime", NULL, NULL, false }, MUTEX, { 1, 1, -1, -1, -1, 1 }, 5, "net/http/pprof" },
		{ "a Java monitor", { "jvm", GLIBC, NULL, NULL, false }, "pthread_cond_wait (libc.so.6)\nObjectMonitor::enter (libjvm.so)\nx (libjvm.so)",
		  { 1, 1, -1, -1, -1, 1 }, 5, "Flight Recorder" },
		{ "PostgreSQL", { "c", GLIBC, NULL, NULL, false }, "sem_wait (libc.so.6)\nPGSemaphoreLock (postgres)\nLWLockAcquire (postgres)\nx (postgres)",
		  { 0, 0, -1, -1, -1, -1 }, 0, "pg_stat_activity" },
		{ "malloc as it is", { "c", GLIBC, NULL, NULL, false }, IN_MALLOC, { -1, -1, -1, 0, 1, -1 }, 3, "eight for each CPU already" },
		{ "malloc with one arena", { "c", GLIBC, "MALLOC_ARENA_MAX=1", NULL, false }, IN_MALLOC, { -1, -1, -1, 1, 1, -1 }, 3, "allows 1 arena," },
		{ "malloc with two", { "rust", GLIBC, "GLIBC_TUNABLES=glibc.malloc.arena_max=2", NULL, false }, IN_MALLOC, { -1, -1, -1, 1, 1, -1 }, 3, "allows 2 arenas," },
		{ "malloc that is set in the code", { "c", GLIBC, NULL, NULL, true }, IN_MALLOC, { -1, -1, -1, 1, 1, -1 }, 3, "M_ARENA_MAX" },
		{ "malloc of a static program", { "c", "static", "glibc", "libc", NULL, NULL, false }, IN_MALLOC, { -1, -1, -1, 0, 0, -1 }, 4, "static executable" },
		{ "musl's malloc", { "rust", "dynamic", "musl", "libc", NULL, NULL, false }, IN_MALLOC, { -1, -1, -1, 0, 1, -1 }, 4, "built for musl" },
		{ "jemalloc's", { "rust", "dynamic", "jemalloc", "linked in", NULL, NULL, false }, IN_MALLOC, { -1, -1, -1, 0, 0, -1 }, 4, "is linked in" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = contenders(cases[i].making, cases[i].waiter, 5000);
		stage__judge(&stage);
		for (size_t j = 0; j < ARRAY_SIZE(remedies); j++) {
			const struct remedy_offer *offer = stage__offer(&stage, "lock.futex", remedies[j]);
			int offered = offer ? offer->applicable : -1;
			if (offered != cases[i].expected[j])
				fail_msg("%s: %s is %d (%s)", cases[i].what, remedies[j], offered, offer ? offer->why : "not mentioned");
		}
		assert_says(stage__offer(&stage, "lock.futex", remedies[cases[i].said])->why, cases[i].why);
		stage__free(&stage);
	}
}

// 9.9 s of holding in 1,000,000 hand-overs are 10 us each: the lock is taken too often, not for too long.
static void test_short_sections_have_nothing_to_shorten(void **state)
{
	(void)state;
	struct stage stage = contenders((struct making){ "c", GLIBC, NULL, NULL, false }, MUTEX, 1000000);
	stage__judge(&stage);
	assert_false(stage__offer(&stage, "lock.futex", "shorter-section")->applicable);
	assert_says(stage__offer(&stage, "lock.futex", "shorter-section")->why, "little to shorten");
	assert_true(stage__offer(&stage, "lock.futex", "split-lock")->applicable);
	stage__free(&stage);
}

static void test_commands_fit_the_process(void **state)
{
	(void)state;
	static const struct { struct making making; const char *waiter, *remedy, *command; } cases[] = {
		{ { "python", GLIBC, NULL, "3.12.1", false }, GIL, "profile-locks", "py-spy record --gil --duration 30 --output gil.svg --pid 412" },
		{ { "jvm", GLIBC, NULL, NULL, false }, "ObjectMonitor::enter (libjvm.so)", "profile-locks", "jcmd 412 JFR.start" },
		{ { "c", GLIBC, NULL, NULL, false }, IN_MALLOC, "preload-thread-caches", "env LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2 /usr/bin/daemon" },
		{ { "c", "dynamic", "musl", "libc", NULL, NULL, false }, IN_MALLOC, "preload-thread-caches", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = contenders(cases[i].making, cases[i].waiter, 5000);
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.futex", cases[i].remedy);
		assert_true(offer->applicable);
		if (cases[i].command)
			assert_says(offer->command, cases[i].command);
		else
			assert_null(offer->command);
		stage__free(&stage);
	}
}

// A container's process has another number where jcmd runs.
static void test_no_command_for_another_number_space(void **state)
{
	(void)state;
	struct stage stage = contenders((struct making){ "jvm", GLIBC, NULL, NULL, false }, "ObjectMonitor::enter (libjvm.so)", 5000);
	stage.recording->process[0].container = base__copy("docker:0123456789ab");
	stage__judge(&stage);
	assert_true(stage__offer(&stage, "lock.futex", "profile-locks")->applicable);
	assert_null(stage__offer(&stage, "lock.futex", "profile-locks")->command);
	stage__free(&stage);
}

static void test_nobody_is_left(void **state)
{
	(void)state;
	struct stage stage = contenders((struct making){ "python", GLIBC, NULL, "3.12.1", false }, GIL, 5000);
	stage.recording->process[0].gone = 1;
	stage__judge(&stage);
	assert_says(stage__offer(&stage, "lock.futex", "shorter-section")->why, "no culprit is left");
	assert_null(stage__offer(&stage, "lock.futex", "python-processes"));
	assert_null(stage__offer(&stage, "lock.futex", "profile-locks"));
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_can_be_helped_by_what),
		cmocka_unit_test(test_short_sections_have_nothing_to_shorten),
		cmocka_unit_test(test_commands_fit_the_process),
		cmocka_unit_test(test_no_command_for_another_number_space),
		cmocka_unit_test(test_nobody_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
