// When a thread of ours is taken for one that starves; who carries out orders for it; that the lifter lets go of all it was given.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/attacher.h"
#include "collect/lifter.h"

static enum lift_step look(struct lift_look *last, uint64_t ms, uint64_t cpu_ms, bool runnable, bool lately)
{
	return lifter__judge(last, &(struct lift_look){ ms * NS_PER_MSEC, cpu_ms * NS_PER_MSEC, runnable }, lately);
}

static void test_starving(void **state)
{
	struct lift_look last = { 0 };

	(void)state;
	// The first look tells nothing yet.
	assert_int_equal(look(&last, 1000, 10, true, false), LIFT_SUSPECT);
	assert_int_equal(look(&last, 1020, 10, true, false), LIFT_UP);
	// A third of the time is enough.
	assert_int_equal(look(&last, 1120, 44, true, false), LIFT_NONE);
	assert_int_equal(look(&last, 1220, 76, true, false), LIFT_UP);
}

static void test_asleep(void **state)
{
	struct lift_look last = { 0 };

	(void)state;
	assert_int_equal(look(&last, 1000, 10, false, false), LIFT_NONE);
	// It was asleep, so it may have been woken just now.
	assert_int_equal(look(&last, 1100, 10, true, false), LIFT_SUSPECT);
	assert_int_equal(look(&last, 1120, 10, false, false), LIFT_NONE);
	// Where threads of ours starved a moment ago, one look suffices.
	assert_int_equal(look(&last, 1140, 10, true, true), LIFT_UP);
	// One that was born since, too.
	last = (struct lift_look){ 0 };
	assert_int_equal(look(&last, 1160, 0, false, true), LIFT_NONE);
	last = (struct lift_look){ 0 };
	assert_int_equal(look(&last, 1160, 0, true, true), LIFT_UP);
}

static void test_attacher_without_programs(void **state)
{
	struct bpf_program *const none[ATTACHER_PROGRAMS] = { 0 };
	struct attacher *attacher = attacher__new();
	int group = attacher__add(attacher, none);
	struct attach_state group_state;

	(void)state;
	assert_int_equal(attacher__state(attacher, group).refusal, -ENODEV);    // not started
	for (int i = 1; i < ATTACHER_GROUPS; i++)
		assert_int_equal(attacher__add(attacher, none), i);
	assert_int_equal(attacher__add(attacher, none), ATTACHER_NONE);
	attacher__start(attacher);
	attacher__order(attacher, group, true);
	assert_true(attacher__wait(attacher, 5 * NS_PER_SEC));
	usleep(2000);
	group_state = attacher__state(attacher, group);
	assert_true(group_state.on && !group_state.pending && !group_state.refusal);
	assert_true(group_state.on_ns >= NS_PER_MSEC);
	attacher__order(attacher, group, false);
	assert_true(attacher__wait(attacher, 5 * NS_PER_SEC));
	assert_false(attacher__state(attacher, group).on);
	attacher__order(attacher, ATTACHER_NONE, true);
	attacher__free(attacher);
	assert_true(wait(NULL) > 0);            // it ends by itself
}

// Whoever reads the output of one that has a lifter gets its end at once.
static void test_lifter_holds_nothing(void **state)
{
	char byte;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	if (fork() == 0) {
		lifter__leave(lifter__start());
		close(ends[1]);
		sleep(1);                       // the lifter goes on
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	assert_true(wait(NULL) > 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starving), cmocka_unit_test(test_asleep), cmocka_unit_test(test_attacher_without_programs),
		cmocka_unit_test(test_lifter_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
