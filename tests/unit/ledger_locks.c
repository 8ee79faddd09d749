// The account of kernel locks and of blocked time, from hand-made tables with numbers worked out by hand.
#include "unit/stage_locks.h"

#include <math.h>

#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-9)) \
		fail_msg(#value " is %.12f, not %.12f", value_, expected_); \
} while (0)

static void build(struct stage *stage)
{
	assert_int_equal(ledger__build(stage->recording, &stage->ledger), 0);
}

// Two locks: of the second, 10 s waited (4 s to read), 8 s by a named process; 7 s held by named owners with a known
// operation, 1 s handed over, 2 s unknown. At least 8 + 7 - 10 = 5 s have both names.
static void add_two_locks(struct stage *stage, int64_t *ret_process)
{
	int64_t process = stage__process(stage, "daemon", 100, 5000, 0, 0);
	int64_t small = stage__lock(stage, "mutex", 0, "pipe_read", 500), large = stage__lock(stage, "mmap_lock", process, NULL, 9000);
	stage__lock_wait(stage, large, process, "read", 40, 4000);
	struct lock_wait_row *wait = stage__lock_wait(stage, large, process, "write", 60, 4000);
	wait->sleep_ns = 2500 * STAGE_MS;
	wait->spin_ns = 500 * STAGE_MS;
	wait->runqueue_ns = 1000 * STAGE_MS;
	wait->open_wait_ns = 300 * STAGE_MS;
	stage__lock_wait(stage, large, 0, "write", 5, 2000);
	stage__lock_hold(stage, large, process, "munmap", "write", 3000);
	stage__lock_hold(stage, large, process, "munmap", "read", 4000);
	stage__lock_hold(stage, large, 0, "handing over", "write", 1000);
	stage__lock_hold(stage, large, 0, "unknown", "write", 1500);
	stage__lock_hold(stage, large, process, "unknown", "read", 500);
	stage__lock_wait(stage, small, process, "write", 7, 600);
	stage__lock_hold(stage, small, process, "read", "write", 600);
	*ret_process = process;
}

static void test_both_sides_of_a_lock(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	int64_t process = 0;
	add_two_locks(&stage, &process);
	build(&stage);
	const struct ledger_locks *locks = &stage.ledger->locks;
	assert_true(locks->recorded);
	assert_int_equal(locks->count, 2);
	const struct ledger_lock *lock = &locks->locks[0];
	assert_string_equal(lock->row->kind, "mmap_lock");
	assert_int_equal(lock->wait_count, 3);
	assert_int_equal(lock->hold_count, 5);
	assert_int_equal(lock->holds[0]->task_ns, 4000 * STAGE_MS);
	assert_int_equal(lock->wait_ns, 10000 * STAGE_MS);
	assert_int_equal(lock->sleep_ns + lock->spin_ns + lock->runqueue_ns, 10000 * STAGE_MS);
	assert_int_equal(lock->open_wait_ns, 300 * STAGE_MS);
	assert_int_equal(lock->waits_seen, 105);
	assert_int_equal(lock->wait_max_ns, 400 * STAGE_MS);
	assert_int_equal(lock->read_ns, 4000 * STAGE_MS);
	assert_int_equal(lock->victims_ns, 8000 * STAGE_MS);
	assert_int_equal(lock->owners_ns, 7000 * STAGE_MS);
	assert_int_equal(lock->read_held_ns, 4000 * STAGE_MS);
	assert_int_equal(lock->handing_over_ns, 1000 * STAGE_MS);
	assert_int_equal(lock->unknown_ns, 2000 * STAGE_MS);
	assert_near(locks__explained(lock), 0.5);
	assert_near(locks__explained(&locks->locks[1]), 1);
	stage__free(&stage);
}

static void test_accounts_are_apart_and_closed_lock_by_lock(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	int64_t process = 0;
	add_two_locks(&stage, &process);
	// Nobody named waited here, and its owner is known for more than was waited: neither makes up for the other lock.
	int64_t third = stage__lock(&stage, "vma_lock", process, NULL, 100);
	stage__lock_wait(&stage, third, 0, "read", 1, 1000);
	stage__lock_hold(&stage, third, process, "munmap", "write", 3000);
	build(&stage);
	const struct lock_balance *account = &stage.ledger->locks.address_space;
	assert_near(account->wait_seconds, 11);
	assert_near(account->victims_seconds, 8);
	assert_near(account->owners_seconds, 10);
	assert_near(account->handing_over_seconds, 1);
	assert_near(account->explained, 5.0 / 11);
	assert_near(stage.ledger->locks.other.wait_seconds, 0.6);
	assert_near(stage.ledger->locks.other.explained, 1);
	stage__free(&stage);
}

static void test_waits_reach_their_processes(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	int64_t process = 0;
	add_two_locks(&stage, &process);
	build(&stage);
	const struct ledger_process *row = ledger__process(stage.ledger, process);
	assert_int_equal(row->lock_sleep_ns, (4000 + 2500 + 600) * STAGE_MS);
	assert_int_equal(row->lock_spin_ns, 500 * STAGE_MS);
	stage__free(&stage);
}

static void test_nothing_recorded_is_not_nothing_waited(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	build(&stage);
	assert_false(stage.ledger->locks.recorded);
	assert_near(stage.ledger->locks.other.explained, 1);
	ledger__free(stage.ledger);
	recording__set_meta(stage.recording, "locks", "0");
	build(&stage);
	assert_false(stage.ledger->locks.recorded);
	stage__free(&stage);
}

static void add_blocked(struct stage *stage, int64_t process, const char *reason, int64_t ms)
{
	*recording__add_blocked(stage->recording) = (struct blocked_row){ .process = process, .reason = base__copy(reason),
		.blocked_ns = ms * STAGE_MS, .times = 3, .max_ns = ms * STAGE_MS / 2, .open_ns = ms * STAGE_MS / 4 };
}

static void test_idle_waiting_is_kept_out(void **state)
{
	(void)state;
	struct stage stage = stage__new(0);
	int64_t idler = stage__process(&stage, "idler", 100, 1, 0, 0), waiter = stage__process(&stage, "waiter", 101, 1, 0, 0);
	stage__process(&stage, "runner", 102, 1, 0, 0);
	add_blocked(&stage, idler, "work", 90000);
	add_blocked(&stage, idler, "timer", 10000);
	add_blocked(&stage, idler, "io", 100);
	add_blocked(&stage, waiter, "lock", 700);
	add_blocked(&stage, waiter, "reason of a later version", 50);
	add_blocked(&stage, 999, "lock", 20);
	build(&stage);
	const struct ledger_blocking *blocking = &stage.ledger->blocking;
	assert_int_equal(blocking->count, 2);
	assert_int_equal(blocking->processes[0].process->pid, 101);
	assert_int_equal(blocking->processes[0].waiting_ns, 750 * STAGE_MS);
	assert_int_equal(blocking->processes[1].waiting_ns, 100 * STAGE_MS);
	assert_int_equal(blocking->by_reason[BLOCKED_LOCK].ns, 720 * STAGE_MS);
	assert_int_equal(blocking->by_reason[BLOCKED_LOCK].times, 6);
	assert_int_equal(blocking->by_reason[BLOCKED_LOCK].max_ns, 350 * STAGE_MS);
	assert_int_equal(blocking->by_reason[BLOCKED_WORK].open_ns, 22500 * STAGE_MS);
	assert_int_equal(blocking->by_reason[BLOCKED_OTHER].ns, 50 * STAGE_MS);
	assert_true(blocked_reason__is_idle(BLOCKED_WORK) && blocked_reason__is_idle(BLOCKED_TIMER));
	assert_false(blocked_reason__is_idle(BLOCKED_FUTEX));
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_of_a_lock),
		cmocka_unit_test(test_accounts_are_apart_and_closed_lock_by_lock),
		cmocka_unit_test(test_waits_reach_their_processes),
		cmocka_unit_test(test_nothing_recorded_is_not_nothing_waited),
		cmocka_unit_test(test_idle_waiting_is_kept_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
