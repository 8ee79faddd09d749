// Bounds of what the recorder and its probes do where a machine has much of everything.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "bpf/placement.h"
#include "collect/lock_account.h"
#include "collect/memory_processes.h"
#include "collect/pace.h"

// However many CPUs there are, each look is at 64 of them at most, at none twice; over some looks all of them have their turn.
static void test_cpus_looked_at_during_a_wait(void **state)
{
	static const unsigned int machines[] = { 1, 2, 63, 64, 65, 96, 128, 255, 256, 257, 1024 };
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		unsigned int scanned = placement_scanned(machines[m]), all = 0;
		bool ever[CPUS_SCANNED] = { false };
		assert_int_equal(scanned, machines[m] < 256 ? machines[m] : 256);
		for (unsigned long long since = 0; since < 1000; since++) {
			bool now[CPUS_SCANNED] = { false };
			unsigned int first = placement_first(scanned, since * 7919 * 4096), looked = 0;
			for (unsigned int i = 0; i < PLACEMENT_CPUS && i < scanned; i++, looked++) {
				unsigned int cpu = placement_cpu(scanned, first, i);
				assert_true(cpu < scanned);
				assert_false(now[cpu]);
				now[cpu] = ever[cpu] = true;
			}
			assert_int_equal(looked, machines[m] < 64 ? machines[m] : 64);
		}
		for (unsigned int cpu = 0; cpu < scanned; cpu++)
			all += ever[cpu];
		assert_int_equal(all, scanned);
	}
}

// What is cheap comes as often as it is wanted; what is not takes its part of the time and no more.
static void test_a_pace(void **state)
{
	(void)state;
	assert_int_equal(pace__pause_ns(0, 1500, 200), 1500);
	assert_int_equal(pace__pause_ns(7, 1500, 200), 1500);
	assert_int_equal(pace__pause_ns(8, 1500, 200), 1600);
	assert_int_equal(pace__pause_ns(NS_PER_SEC, 3 * NS_PER_SEC / 2, 200), 200 * NS_PER_SEC);
}

// A lock that made room for another is not there at the end. One made while the table was read counts as neither.
static void test_evicted_locks(void **state)
{
	struct lock_cpu rows[3] = { { .states_made = 5000 }, { .states_made = 0 }, { .states_made = 4000 } };
	(void)state;
	assert_int_equal(lock_account__evicted(rows, 3, 8192), 808);
	assert_int_equal(lock_account__evicted(rows, 3, 9000), 0);
	assert_int_equal(lock_account__evicted(rows, 2, 5001), 0);
}

// Beyond the limit processes are counted, not read.
static void test_processes_whose_memory_is_read(void **state)
{
	pid_t children[4];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (!children[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);       // where the test fails
			pause();
			_exit(0);
		}
		assert_true(children[i] > 0);
	}
	struct memory_processes *all = memory_processes__read(MEMORY_PROCESSES_MOST), *some = memory_processes__read(3);
	assert_true(all->count > 4);
	assert_int_equal(all->left_out, 0);
	assert_int_equal(some->count, 3);
	assert_true(some->left_out >= 2);
	memory_processes__free(all);
	memory_processes__free(some);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus_looked_at_during_a_wait),
		cmocka_unit_test(test_a_pace),
		cmocka_unit_test(test_evicted_locks),
		cmocka_unit_test(test_processes_whose_memory_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
