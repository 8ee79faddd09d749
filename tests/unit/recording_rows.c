// Rows in memory: look-ups, meta, and the repairs that make foreign rows fit to be believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "recording/columns.h"

#include <math.h>
#include <string.h>

static int64_t repair(struct recording *recording)
{
	recording__repair(recording);
	return recording__counter(recording, "values_repaired");
}

static void test_meta_and_counters(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	assert_null(recording__meta(recording, "hz"));
	assert_int_equal(recording__meta_number(recording, "hz", 7), 7);
	recording__set_meta(recording, "hz", "%d", 100);
	recording__set_meta(recording, "hz", "%d", 250);
	assert_int_equal(recording->meta_count, 1);
	assert_int_equal(recording__meta_number(recording, "hz", 7), 250);
	static const char *const no_numbers[] = { "", "abc", "12x", "9223372036854775807", "99999999999999999999", "-99999999999999999999" };
	for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
		recording__set_meta(recording, "hz", "%s", no_numbers[i]);
		assert_int_equal(recording__meta_number(recording, "hz", 7), 7);
	}
	assert_int_equal(recording__counter(recording, "lost"), 0);
	recording__set_counter(recording, "lost", 3, "events lost");
	recording__set_counter(recording, "lost", 4, "events lost");
	assert_int_equal(recording->counter_count, 1);
	assert_int_equal(recording__counter(recording, "lost"), 4);
	recording__free(recording);
}

static void test_look_ups(void **state)
{
	(void)state;
	static const int64_t orders[][4] = { { 1, 2, 3, 4 }, { 2, 5, 7, 90 }, { 90, 7, 2, 5 } };
	for (size_t order = 0; order < ARRAY_SIZE(orders); order++) {
		struct recording *recording = recording__new();
		for (size_t i = 0; i < 4; i++)
			recording__add_process(recording)->id = orders[order][i];
		for (size_t i = 0; i < 4; i++)
			assert_ptr_equal(recording__process(recording, orders[order][i]), &recording->process[i]);
		assert_null(recording__process(recording, 0));
		assert_null(recording__process(recording, -1));
		assert_null(recording__process(recording, 6));
		assert_null(recording__process(recording, 91));
		recording__free(recording);
	}
	assert_string_equal(occupant__name(OCCUPANT_STEAL), "steal");
	assert_string_equal(occupant__name((enum occupant)99), "unknown");
	assert_string_equal(occupant__name((enum occupant)-1), "unknown");
}

static void test_text(void **state)
{
	(void)state;
	static const struct { const char *text, *repaired; } cases[] = {
		{ "plain", "plain" },
		{ "ümläut 漢字 🐢", "ümläut 漢字 🐢" },
		{ "a\tb\nc\x1b[31mred\x7f", "a?b?c?[31mred?" },
		{ "\xff\xfe", "??" },
		{ "cut \xe6\xbc", "cut ??" },
		{ "\xc0\xaf \xe0\x80\xaf", "?? ???" },                  // overlong
		{ "\xed\xa0\x80", "???" },                              // surrogate
		{ "\xf4\x90\x80\x80", "????" },                         // past U+10FFFF
		{ "\xc2\x9b" "31m", "??31m" },                          // C1 control: some terminals take it as an escape
		{ "txt\xe2\x80\xae" "fdp.exe", "txt???fdp.exe" },       // turns the direction of writing
		{ "line\xe2\x80\xa8separator", "line???separator" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording *recording = recording__new();
		recording__add_event(recording)->name = base__copy(cases[i].text);
		int64_t changed = repair(recording);
		assert_string_equal(recording->event[0].name, cases[i].repaired);
		assert_int_equal(changed > 0, strcmp(cases[i].text, cases[i].repaired) != 0);
		recording__free(recording);
	}
}

static void test_long_text_is_cut_between_characters(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	struct string text = { 0 };
	string__add(&text, "x");
	while (text.length < RECORDING_TEXT_MAX + 10)
		string__add(&text, "ü");
	recording__add_process(recording)->id = 1;
	recording->process[0].command_line = string__steal(&text);
	recording->process[0].name = base__copy("x");
	recording__add_stack(recording)->id = 1;
	recording->stack[0].frames = base__copy("one+0x1\ntwo+0x2");
	assert_int_equal(repair(recording), 1);
	assert_int_equal(strlen(recording->process[0].command_line), RECORDING_TEXT_MAX - 1);
	assert_string_equal(recording->stack[0].frames, "one+0x1\ntwo+0x2");
	recording__free(recording);
}

static void test_numbers(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	recording__add_process(recording)->id = 1;
	recording->process[0].name = base__copy("x");
	recording->process[0].kernel_thread = 7;
	*recording__add_task(recording) = (struct task_row){ .process = 1, .name = base__copy("x"), .nice = -20, .wait_ns = -5,
		.run_ns = INT64_MAX, .run_delay_ns = -1 };
	*recording__add_pair(recording) = (struct pair_row){ .victim = 1, .kind = 99 };
	*recording__add_book(recording) = (struct book_row){ .cpu = 1 << 30 };
	*recording__add_sample(recording) = (struct sample_row){ .series = base__copy("s"), .key = NULL, .value = NAN };
	assert_int_equal(repair(recording), 7);
	assert_int_equal(recording->process[0].kernel_thread, 1);
	assert_int_equal(recording->task[0].nice, -20);
	assert_int_equal(recording->task[0].wait_ns, 0);
	assert_int_equal(recording->task[0].run_ns, RECORDING_SUM_MAX);
	assert_int_equal(recording->task[0].run_delay_ns, -1);
	assert_int_equal(recording->pair[0].kind, OCCUPANT_UNKNOWN);
	assert_int_equal(recording->book[0].cpu, RECORDING_CPUS_MAX - 1);
	assert_string_equal(recording->sample[0].key, "?");
	assert_true(recording->sample[0].value == 0);
	assert_int_equal(repair(recording), 7);         // nothing more to repair
	recording__free(recording);
}

static void test_ids_and_references(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	static const int64_t ids[] = { 5, 0, 3, 5, -2, 3 };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		recording__add_process(recording)->id = ids[i];
		recording->process[i].pid = (int64_t)i;
		recording->process[i].name = base__copy("x");
	}
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 1, .hierarchy = 1, .path = base__copy("/one") };
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 8, .hierarchy = 1, .path = base__copy("/a") };
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 1, .hierarchy = 2, .path = base__copy("/") };
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = INT64_MIN, .hierarchy = 2, .path = base__copy("/big") };
	*recording__add_pair(recording) = (struct pair_row){ .victim = 5, .culprit = 77 };
	static const int64_t cgroups[] = { 0, 1, 8, INT64_MIN, 4 };
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		recording__add_book(recording)->cgroup = cgroups[i];
	assert_int_equal(repair(recording), 4 + 1 + 2);
	assert_int_equal(recording->process_count, 2);
	assert_int_equal(recording->process[0].pid, 0);
	assert_int_equal(recording->process[1].pid, 2);
	assert_int_equal(recording->cgroup_count, 4);
	assert_int_equal(recording->pair[0].victim, 5);
	assert_int_equal(recording->pair[0].culprit, 0);
	static const int64_t expected[] = { 0, 1, RECORDING_NO_CGROUP, INT64_MIN, RECORDING_NO_CGROUP };   // never the system
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(recording->book[i].cgroup == expected[i]);
	assert_string_equal(recording__cgroup(recording, 1)->path, "/");
	assert_string_equal(recording__cgroup(recording, 8)->path, "/a");
	// The place of the dropped rows is zero again when it is used again.
	assert_int_equal(recording__add_process(recording)->pid, 0);
	assert_null(recording->process[2].name);
	recording__free(recording);
}

static void test_tasks_are_grouped_and_keep_their_order(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	for (int64_t id = 1; id <= 3; id++) {
		recording__add_process(recording)->id = id;
		recording->process[id - 1].name = base__copy("x");
	}
	static const int64_t tasks[][2] = { { 2, 20 }, { 1, 10 }, { 2, 21 }, { 3, 30 }, { 1, 11 }, { 9, 90 } };
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		*recording__add_task(recording) = (struct task_row){ .process = tasks[i][0], .tid = tasks[i][1], .name = base__copy("x") };
	assert_int_equal(repair(recording), 1);
	static const int64_t expected[] = { 90, 10, 11, 20, 21, 30 };
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(recording->task[i].tid, expected[i]);
	recording__free(recording);
}

// 8,000 threads that sleep for a day are no error: nothing is changed.
static void test_a_day_of_many_sleepers_is_kept(void **state)
{
	(void)state;
	const int64_t day = 86400LL * 1000000000;
	struct recording *recording = recording__new();
	recording__add_process(recording)->id = 1;
	recording->process[0].name = base__copy("x");
	*recording__add_blocked(recording) = (struct blocked_row){ .process = 1, .reason = base__copy("futex"), .blocked_ns = 8000 * day, .open_ns = 8000 * day };
	for (int i = 0; i < 8000; i++)
		*recording__add_futex(recording) = (struct futex_row){ .id = i + 1, .process = 1, .waits = 1, .wait_ns = day, .open_wait_ns = day, .wall_ns = day };
	assert_int_equal(repair(recording), 0);
	assert_int_equal(recording__counter(recording, "sums_cut"), 0);
	assert_null(recording__meta(recording, "sums_cut"));
	assert_int_equal(recording->blocked[0].blocked_ns, 8000 * day);
	assert_int_equal(recording->futex[7999].wait_ns, day);
	recording__free(recording);
}

static void test_sums_that_do_not_fit_are_cut(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	recording__add_process(recording)->id = 1;
	recording->process[0].name = base__copy("x");
	for (int i = 0; i < 70; i++)
		recording__add_pair(recording)->wait_ns = RECORDING_SUM_MAX / 64;
	for (int i = 0; i < 2; i++)
		*recording__add_task(recording) = (struct task_row){ .process = 1, .name = base__copy("x"), .run_delay_ns = i ? RECORDING_SUM_MAX : -1 };
	assert_int_equal(repair(recording), 0);
	assert_int_equal(recording->pair[63].wait_ns, RECORDING_SUM_MAX / 64);
	assert_int_equal(recording->pair[64].wait_ns, 0);
	assert_int_equal(recording->task[0].run_delay_ns, -1);
	assert_int_equal(recording->task[1].run_delay_ns, RECORDING_SUM_MAX);
	assert_int_equal(recording__counter(recording, "sums_cut"), 6);
	assert_string_equal(recording__meta(recording, "sums_cut"), "pair.wait_ns");
	repair(recording);
	assert_int_equal(recording__counter(recording, "sums_cut"), 6);
	recording__free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meta_and_counters), cmocka_unit_test(test_look_ups), cmocka_unit_test(test_text),
		cmocka_unit_test(test_long_text_is_cut_between_characters), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ids_and_references), cmocka_unit_test(test_tasks_are_grouped_and_keep_their_order),
		cmocka_unit_test(test_a_day_of_many_sleepers_is_kept), cmocka_unit_test(test_sums_that_do_not_fit_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
