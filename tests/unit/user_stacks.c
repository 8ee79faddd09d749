// Stacks of many processes: each one is kept once for its process, also where tens of thousands of short-lived ones have the same numbers again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

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

// Deep stacks fill the room for addresses before that for stacks: what is known then stays known, what is new is counted.
static void test_the_room_for_addresses(void **state)
{
	uint64_t addresses[USER_STACK_FRAMES];
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;
	const uint64_t room = (1 << 20) / USER_STACK_FRAMES;

	(void)state;
	for (uint64_t i = 0; i < room + 10; i++) {
		for (uint64_t j = 0; j < USER_STACK_FRAMES; j++)
			addresses[j] = 0x1000 * i + j;
		assert_int_equal(user_stacks__add(stacks, i < room ? 1 : (uint32_t)i, 0, addresses, USER_STACK_FRAMES, false), i < room ? (int)i : -ENOSPC);
	}
	for (uint64_t j = 0; j < USER_STACK_FRAMES; j++)
		addresses[j] = 0x1000 + j;
	assert_int_equal(user_stacks__add(stacks, 1, 0, addresses, USER_STACK_FRAMES, false), 1);
	user_stacks__statistics(stacks, &statistics);
	assert_int_equal(statistics.stacks, room);
	assert_int_equal(statistics.stacks_lost, 10);
	user_stacks__free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_stack_is_of_one_process), cmocka_unit_test(test_the_room_for_addresses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
