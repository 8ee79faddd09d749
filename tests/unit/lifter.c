// When a thread of ours is taken for one that starves; who carries out orders for it; that the lifter lets go of all it was given.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
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

// Runnable at five looks over 200 ms, without any CPU time: not before, and not if it got some or slept meanwhile.
static void test_forgotten(void **state)
{
	static const struct { uint64_t ms, cpu_ms; bool runnable, forgotten; } looks[] = {
		{ 0, 5, true, false }, { 100, 5, true, false }, { 200, 5, true, false }, { 300, 5, true, false }, { 400, 5, true, true },
		{ 500, 6, true, false }, { 510, 6, true, false }, { 520, 6, true, false }, { 530, 6, true, false }, { 540, 6, true, false },
		{ 699, 6, true, false }, { 701, 6, true, true },
		{ 800, 6, false, false }, { 900, 6, true, false }, { 1000, 6, true, false }, { 5000, 6, true, false }, { 5020, 6, true, false },
		{ 5040, 6, true, true },
	};
	struct lift_stall stall = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		const struct lift_look at = { (looks[i].ms + 1) * NS_PER_MSEC, looks[i].cpu_ms * NS_PER_MSEC, looks[i].runnable };

		assert_int_equal(lifter__is_forgotten(&stall, &at), looks[i].forgotten);
	}
}

static volatile unsigned long spun;

static void *spin(void *unused)
{
	const struct own_budget far = { NS_PER_MSEC, 4 * NS_PER_SEC };

	(void)unused;
	if (own_class__take_deadline(0, &far) == OWN_CLASS_ORDINARY)
		return NULL;
	for (spun = 1;; spun++)
		;
}

// One that has used up a millisecond of four seconds gets nothing for the rest of them, as one that the kernel has forgotten: the lifter frees it.
static void test_lifter_rescues(void **state)
{
	struct lifter *lifter = lifter__start();
	pthread_t thread;
	unsigned long before;

	(void)state;
	if (!lifter || lifter__account(lifter).own != OWN_CLASS_DEADLINE)
		skip();
	assert_int_equal(pthread_create(&thread, NULL, spin, NULL), 0);
	usleep(100 * 1000);
	before = spun;
	if (!before)
		skip();                         // SCHED_DEADLINE is refused here
	usleep(1500 * 1000);
	assert_true(spun > before);
	assert_int_equal(lifter__account(lifter).rescues, 1);
	lifter__leave(lifter);
}

// A thread that leaves has its whole budget before it: what it used up does not follow it.
static void test_leaving_waits_for_the_next_period(void **state)
{
	const struct own_budget budget = { 10 * NS_PER_MSEC, 200 * NS_PER_MSEC };
	struct timespec began, ended;

	(void)state;
	if (own_class__take_deadline(0, &budget) == OWN_CLASS_ORDINARY)
		skip();
	clock_gettime(CLOCK_MONOTONIC, &began);
	assert_int_equal(own_class__leave(0), 0);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_true(ended.tv_sec - began.tv_sec + (ended.tv_nsec - began.tv_nsec) / 1e9 > 0.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starving), cmocka_unit_test(test_asleep), cmocka_unit_test(test_attacher_without_programs),
		cmocka_unit_test(test_lifter_holds_nothing), cmocka_unit_test(test_forgotten), cmocka_unit_test(test_leaving_waits_for_the_next_period),
		cmocka_unit_test(test_lifter_rescues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
