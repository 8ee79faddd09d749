// What recordings store never changes: each word's number and name, as the first recordings of schema 1 have them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "recording/vocabulary.h"

struct word { int number; const char *name; };
static const struct word occupants[] = { { 0, "task" }, { 1, "idle" }, { 2, "steal" }, { 3, "hardirq" }, { 4, "softirq" }, { 5, "quota" }, { 6, "unknown" },
	{ 7, "not cut" } };
static const struct word reasons[] = { { 0, "other" }, { 1, "lock" }, { 2, "io" }, { 3, "timer" }, { 4, "work" }, { 5, "process" }, { 6, "futex" },
	{ 7, "memory" } };
static const struct word wakers[] = { { 0, "" }, { 1, "task" }, { 2, "hardirq" }, { 3, "softirq" }, { 4, "block" } };
static const struct word kinds[] = { { 0, "semaphore" }, { 1, "mmap_lock" }, { 2, "rwsem" }, { 3, "mutex" }, { 4, "spinlock" }, { 5, "rwlock" },
	{ 6, "percpu_rwsem" }, { 7, "rtmutex" }, { 8, "vma_lock" }, { 9, "several" } };
static const struct word modes[] = { { 0, "write" }, { 1, "read" }, { 2, "handed over" } };
static const struct word lock_roles[] = { { 0, "waiter" }, { 1, "owner" } };
static const struct word futex_roles[] = { { 0, "waiter" }, { 1, "waker" } };

static const struct word host_events[] = { { 0, "pause" }, { 1, "freeze" }, { 2, "silence" }, { 3, "suspend" }, { 4, "clock_step" }, { 5, "rcu_stall" },
	{ 6, "soft_lockup" }, { 7, "hard_lockup" }, { 8, "workqueue_lockup" }, { 9, "hung_task" }, { 10, "oom_kill" }, { 11, "clock_unstable" },
	{ 12, "timer_late" } };

static const struct word pressures[] = { { 0, "cpu" }, { 1, "memory" }, { 2, "io" }, { 3, "irq" }, { 4, "none" } };

// Number to name, name to number, and nothing behind the last one.
#define CHECK(kind, words) do { \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(words); i_++) { \
		assert_int_equal((words)[i_].number, i_); \
		assert_string_equal(kind##__name((enum kind)i_), (words)[i_].name); \
		assert_int_equal(kind##__from_name((words)[i_].name, (enum kind)99), i_); \
	} \
	for (size_t i_ = 0; i_ < 3; i_++) \
		assert_null(kind##__name((enum kind)(ARRAY_SIZE(words) + i_))); \
	assert_int_equal(kind##__from_name("of a later version", (enum kind)99), 99); \
	assert_int_equal(kind##__from_name(NULL, (enum kind)99), 99); \
} while (0)

static void test_stored_words(void **state)
{
	(void)state;
	CHECK(blocked_reason, reasons);
	CHECK(waker_kind, wakers);
	CHECK(lock_kind, kinds);
	CHECK(lock_mode, modes);
	CHECK(lock_role, lock_roles);
	CHECK(futex_role, futex_roles);
	CHECK(host_event_kind, host_events);
	CHECK(pressure_resource, pressures);
	assert_int_equal(ARRAY_SIZE(reasons), BLOCKED_REASONS);
	assert_int_equal(BLOCKED_REASONS & (BLOCKED_REASONS - 1), 0);   // a mask in the kernel
	assert_int_equal(ARRAY_SIZE(kinds) + 1, LOCK_KINDS);
}

static void test_operations(void **state)
{
	static const struct word operations[] = { { 0xff01, "page fault" }, { 0xff02, "exit" }, { 0xff03, "kernel thread" }, { 0xff04, "io_uring worker" },
		{ 0xff05, "handing over" }, { 0xff06, "unknown" }, { 0xff07, "softirq" }, { 0xff08, "" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		assert_string_equal(operation__name((enum operation)operations[i].number), operations[i].name);
		assert_int_equal(operation__from_name(operations[i].name), operations[i].number);
	}
	static const int calls[] = { 0, 1, 0xff00, 0xff09, 0x10000 };
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_null(operation__name((enum operation)calls[i]));
	assert_int_equal(operation__from_name("munmap"), OPERATION_CALL);
	assert_int_equal(operation__from_name("syscall 999"), OPERATION_CALL);
	assert_int_equal(operation__from_name(NULL), OPERATION_UNKNOWN);
}

static void test_occupants(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(occupants), OCCUPANT_KINDS);
	for (size_t i = 0; i < ARRAY_SIZE(occupants); i++) {
		assert_int_equal(occupants[i].number, i);
		assert_string_equal(occupant__name((enum occupant)i), occupants[i].name);
	}
	assert_string_equal(occupant__name(OCCUPANT_KINDS), "unknown");
	assert_string_equal(occupant__name((enum occupant)-1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stored_words), cmocka_unit_test(test_operations), cmocka_unit_test(test_occupants) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
