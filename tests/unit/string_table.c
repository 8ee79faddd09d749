// One table gives both directions between an enumeration and its names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/string_table.h"
#include "causes/facts.h"

enum fruit { FRUIT_APPLE, FRUIT_UNNAMED, FRUIT_PEAR, FRUITS };
static const char *const fruits[] = { [FRUIT_APPLE] = "apple", [FRUIT_PEAR] = "pear" };
STRING_TABLE_DECLARE(fruit);
STRING_TABLE_DEFINE(fruit, fruits)

static void test_both_directions(void **state)
{
	(void)state;
	assert_string_equal(fruit__name(FRUIT_APPLE), "apple");
	assert_string_equal(fruit__name(FRUIT_PEAR), "pear");
	assert_int_equal(fruit__from_name("pear", FRUIT_UNNAMED), FRUIT_PEAR);
	assert_int_equal(fruit__from_name("apple", FRUIT_UNNAMED), FRUIT_APPLE);
}

static void test_what_is_not_there(void **state)
{
	static const char *const strange[] = { "", "app", "apples", "Apple", NULL };
	(void)state;
	assert_null(fruit__name(FRUIT_UNNAMED));
	assert_null(fruit__name(FRUITS));
	assert_null(fruit__name((enum fruit)-1));
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++)
		assert_int_equal(fruit__from_name(strange[i], FRUIT_PEAR), FRUIT_PEAR);
}

static void test_classes(void **state)
{
	// Policies by their numbers (include/uapi/linux/sched.h).
	static const struct { struct class_fact class; bool realtime; const char *words; } cases[] = {
		{ { 0, 0, 0 }, false, NULL }, { { 0, 0, -20 }, false, "nice -20" }, { { 3, 0, 5 }, false, "nice 5" },
		{ { 1, 50, 0 }, true, "SCHED_FIFO 50" }, { { 2, 1, 0 }, true, "SCHED_RR 1" }, { { 6, 0, 0 }, true, "SCHED_DEADLINE" },
		{ { 5, 0, 0 }, false, "SCHED_IDLE" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *words = class_fact__words(&cases[i].class);
		assert_int_equal(class_fact__is_realtime(&cases[i].class), cases[i].realtime);
		assert_true(!words == !cases[i].words);
		if (words)
			assert_string_equal(words, cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_directions), cmocka_unit_test(test_what_is_not_there), cmocka_unit_test(test_classes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
