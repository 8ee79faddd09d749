// What a culprit did with the CPU, in words.
#include "unit/stage.h"

#include "render/answer.h"
#include "render/on_cpu.h"

static int64_t stack(struct stage *stage, const char *frames)
{
	struct stack_row *row = recording__add_stack(stage->recording);
	row->id = (int64_t)stage->recording->stack_count;
	row->frames = base__copy(frames);
	return row->id;
}

static void sample(struct stage *stage, int64_t process, const char *operation, int64_t kernel, int64_t user, int64_t samples, int64_t waited)
{
	struct cpu_sample_row *row = recording__add_cpu_sample(stage->recording);
	*row = (struct cpu_sample_row){ .process = process, .operation = base__copy(operation), .kernel_stack = kernel, .user_stack = user,
		.samples = samples, .waited = waited, .ns = samples * 5 * STAGE_MS, .pressure_ns = waited * 5 * STAGE_MS, .waiters_ns = waited * 5 * STAGE_MS };
}

#define assert_words(stage, process, expected) do { \
	struct answer answer = { .ledger = (stage).ledger, .recording = (stage).recording }; \
	cleanup_free char *words_ = on_cpu__words(&answer, cpu_profile__of((stage).ledger, process)); \
	assert_string_equal(words_, expected); } while (0)

static void test_words(void **state)
{
	(void)state;
	struct stage stage = stage__new(5000);
	int64_t few = stage__process(&stage, "few", 10, 100, 0, 100), churner = stage__process(&stage, "churner", 11, 900, 0, 900);
	int64_t alone = stage__process(&stage, "alone", 12, 900, 0, 0), raw = stage__process(&stage, "raw", 13, 900, 0, 900);
	int64_t zero = stack(&stage, "clear_page_erms+0x1\ndo_anonymous_page+0x2\nhandle_mm_fault+0x3"), map = stack(&stage, "do_anonymous_page+0x2\nhandle_mm_fault+0x3");
	int64_t copy = stack(&stage, "copy_page+0x1\nwp_page_copy+0x2\nhandle_mm_fault+0x3"), irq = stack(&stage, "handle_softirqs+0x1");
	int64_t memcpy1 = stack(&stage, "memcpy (libc.so.6)\nmain (x)"), memcpy2 = stack(&stage, "memcpy (libc.so.6)\nother (x)"), main_ = stack(&stage, "main (x)");
	int64_t address = stack(&stage, "0x7f0012345678"), unnamed = stack(&stage, "prog+0x123 [abcdef012345]\n…");
	sample(&stage, few, "", 0, 0, 19, 19);
	// by pressure: 40 zeroing, 25 other parts of faults, 5 copying, 30 user code
	sample(&stage, churner, "page fault", zero, 0, 60, 40);
	sample(&stage, churner, "page fault", map, 0, 25, 25);
	sample(&stage, churner, "page fault", copy, 0, 5, 5);
	sample(&stage, churner, "", 0, memcpy1, 10, 10);
	sample(&stage, churner, "", 0, memcpy2, 10, 10);
	sample(&stage, churner, "", 0, main_, 11, 8);
	sample(&stage, churner, "read", 0, 0, 2, 2);
	sample(&stage, churner, "softirq", irq, 0, 500, 500);
	sample(&stage, alone, "", 0, unnamed, 90, 0);
	sample(&stage, alone, "read", 0, 0, 110, 0);
	sample(&stage, raw, "", 0, address, 100, 100);
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	assert_words(stage, few, "too few samples to tell (19)");
	assert_words(stage, churner, "70 % page faults (zeroing new pages, getting new pages), 28 % user code in memcpy (libc.so.6); 100 samples, ± 9 points");
	// nobody waited: shares of the CPU time
	assert_words(stage, alone, "55 % read, 45 % user code in prog; 200 samples, ± 7 points, 55 % of them without a stack");
	assert_words(stage, raw, "100 % user code; 100 samples, ± 2 points");
	stage__free(&stage);
}

// At culprits of CPU pressure, and at those whom a quota keeps off; not at victims, nor at owners of locks.
static void test_where(void **state)
{
	(void)state;
	struct stage stage = stage__new(5000);
	int64_t process = stage__process(&stage, "one", 10, 100, 0, 100);
	sample(&stage, process, "", 0, 0, 30, 30);
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	struct answer answer = { .ledger = stage.ledger, .recording = stage.recording };
	struct party party = { .process = process, .members = &process, .member_count = 1 };
	static const struct { const char *cause; bool culprit, shown; } cases[] = {
		{ "cpu.oversubscription", true, true }, { "cpu.oversubscription", false, false }, { "cpu.quota", false, true }, { "cpu.quota", true, false },
		{ "lock.mmap", true, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verdict verdict = { 0 };
		for (size_t j = 0; j < cause_table_count; j++)
			if (!strcmp(cause_table[j]->id, cases[i].cause))
				verdict.cause = cause_table[j];
		assert_non_null(verdict.cause);
		struct cpu_profile *profile = on_cpu__profile(&answer, &verdict, &party, cases[i].culprit);
		if (cases[i].shown != (profile != NULL))
			fail_msg("%s, %s: %s", cases[i].cause, cases[i].culprit ? "culprit" : "victim", profile ? "shown" : "not shown");
		cpu_profile__free(profile);
	}
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_where) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
