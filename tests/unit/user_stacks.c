// Stacks of many processes: each one is kept once for its process, also where tens of thousands of short-lived ones have the same numbers again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "symbolize/user.h"

#define PROCESSES 60000

static void test_a_stack_is_of_one_process(void **state)
{
	const uint64_t addresses[] = { 0x1000, 0x2000 };
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;

	(void)state;
	// Numbers come again with another start, and starts with another number.
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < PROCESSES; i++)
			assert_int_equal(user_stacks__add(stacks, 1 + i % 500, 1000 + i / 500, addresses, 2, false), i);
	user_stacks__mark_gone(stacks, 1, 1000);
	assert_int_equal(user_stacks__add(stacks, 1, 1000, addresses, 2, false), 0);
	assert_int_equal(user_stacks__add(stacks, 1, 1000, addresses, 1, false), PROCESSES);
	user_stacks__statistics(stacks, &statistics);
	assert_int_equal(statistics.stacks, PROCESSES + 1);
	user_stacks__free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_stack_is_of_one_process) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
