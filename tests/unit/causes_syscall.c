// Long system calls: found by samples and sleeps, proved by the probes' counts, and nobody else accused.
#include "unit/stage_locks.h"

#include <math.h>

#define MLOCK "follow_page_pte+0x7\n__get_user_pages+0x10\npopulate_vma_page_range+0x10\n__mm_populate+0x10\ndo_mlock+0x10\n__x64_sys_mlock+0x10"

// Samples of 10 ms each.
static void add_samples(struct stage *stage, int64_t process, const char *operation, const char *kernel, int64_t samples)
{
	int64_t stack = kernel ? stage__stack(stage, kernel) : 0;
	recording__set_meta(stage->recording, "probe.sample", "on");
	recording__set_meta(stage->recording, "sample.period_ns", "10000000");
	*recording__add_cpu_sample(stage->recording) = (struct cpu_sample_row){ .process = process, .operation = base__copy(operation), .kernel_stack = stack,
		.samples = samples, .ns = samples * 10 * STAGE_MS };
}

static void add_calls(struct stage *stage, int64_t process, const char *operation, int64_t calls, int64_t mean_us)
{
	*recording__add_syscall(stage->recording) = (struct syscall_row){ .process = process, .operation = base__copy(operation), .watched_ns = 9000 * STAGE_MS,
		.calls = calls, .ns = calls * mean_us * 1000, .max_ns = 3 * mean_us * 1000, .bytes = -1, .latency = base__copy(""), .arguments = base__copy("") };
}

// A program that runs 4 of 10 s, 3 of them in mlock.
static int64_t add_table(struct stage *stage, int64_t *ret_other)
{
	int64_t table = stage__process(stage, "tablestore", 100, 4000, 10, 0);
	*ret_other = stage__process(stage, "bystander", 200, 4000, 10, 0);
	add_samples(stage, table, "mlock", MLOCK, 300);
	add_samples(stage, table, "", NULL, 100);
	add_samples(stage, *ret_other, "write", "vfs_write+0x10\nksys_write+0x10", 300);
	return table;
}

static void test_long_calls(void **state)
{
	(void)state;
	struct stage stage = stage__new(100);
	int64_t other, table = add_table(&stage, &other);
	add_calls(&stage, table, "mlock", 150, 18000);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "kernel.syscall");
	assert_string_equal(verdict__name(verdict->kind), "confirmed");
	assert_accused(&stage, "kernel.syscall", table);
	assert_not_accused(&stage, "kernel.syscall", other);
	assert_int_equal(verdict->culprit_count, 1);
	assert_true(verdict->own);
	assert_non_null(strstr(verdict->summary, "in mlock: 17 calls a second of 18.0 ms each, the longest 54.0 ms"));
	assert_int_equal(stage.diagnosis->state, STATE_BUSY);
	assert_non_null(strstr(stage.diagnosis->headline, "BUSY, as far as the kernel sees"));
	stage__free(&stage);
}

// The same time in short calls, in a wait for others, or in calls that nobody counted.
static void test_what_is_no_long_call(void **state)
{
	static const struct { const char *operation; int64_t calls, mean_us; const char *verdict; } cases[] = {
		{ "mlock", 30000, 90, "ruled_out" }, { "epoll_wait", 100, 20000, "ruled_out" }, { "fsync", 100, 20000, "ruled_out" },
		{ "exit_group", 100, 20000, "ruled_out" }, { "mlock", 0, 0, "not_testable" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(100);
		int64_t table = stage__process(&stage, "tablestore", 100, 4000, 10, 0);
		add_samples(&stage, table, cases[i].operation, MLOCK, 300);
		add_samples(&stage, table, "", NULL, 100);
		if (cases[i].calls)
			add_calls(&stage, table, cases[i].operation, cases[i].calls, cases[i].mean_us);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "kernel.syscall");
		if (strcmp(verdict__name(verdict->kind), cases[i].verdict))
			fail_msg("case %zu is %s: %s", i, verdict__name(verdict->kind), verdict->summary);
		assert_int_equal(verdict->culprit_count, 0);
		stage__free(&stage);
	}
}

static void test_without_samples(void **state)
{
	(void)state;
	struct stage stage = stage__new(100);
	stage__process(&stage, "tablestore", 100, 4000, 10, 0);
	stage__judge(&stage);
	assert_verdict(&stage, "kernel.syscall", "not_testable");
	assert_true(stage__verdict(&stage, "kernel.syscall")->absent);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_calls), cmocka_unit_test(test_what_is_no_long_call), cmocka_unit_test(test_without_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
