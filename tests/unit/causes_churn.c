// Memory that is mapped, faulted in and given back: what counts as churn, and who is accused of it.
#include "unit/stage_locks.h"

#include <math.h>

#include "ledger/memory_churn.h"

// 4 KiB pages.
static void add_faults(struct stage *stage, int64_t process, int64_t faults, int64_t kept_bytes)
{
	*recording__add_activity(stage->recording) = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy("minor_faults"),
		.key = base__copy(""), .process = process, .cpu = -1, .count = faults, .amount = kept_bytes };
	recording__set_meta(stage->recording, "page_size", "4096");
	recording__set_meta(stage->recording, "probe.memory", "on");
}

static void test_the_part_that_was_given_back(void **state)
{
	static const struct { int64_t faults, kept; double part; } cases[] = {
		{ 100000, 0, 1 }, { 100000, 102400000, 0.75 }, { 100000, 409600000, 0 }, { 100000, 900000000, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(100);
		int64_t one = stage__process(&stage, "one", 100, 5000, 0, 0), other = stage__process(&stage, "other", 200, 5000, 0, 0);
		add_faults(&stage, one, cases[i].faults, cases[i].kept);
		stage__judge(&stage);
		assert_true(fabs(memory_churn__returned_part(stage.ledger, one) - cases[i].part) < 1e-9);
		assert_true(memory_churn__returned_part(stage.ledger, other) == 0);
		assert_true(memory_churn__returned_part(stage.ledger, 0) == 0);
		stage__free(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_part_that_was_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
