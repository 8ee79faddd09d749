// The ledger, from hand-made tables with numbers worked out by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "ledger/fold.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MS 1000000LL
#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-9)) \
		fail_msg(#value " is %.12f, not %.12f", value_, expected_); \
} while (0)

static struct recording *two_cpus(const char *hz)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "hz", "%s", hz);
	recording__set_meta(recording, "cpus", "2");
	recording__set_meta(recording, "window_ns", "10000000000");
	return recording;
}

static void add_fold(struct recording *recording, int64_t cgroup, int64_t number, int64_t cpu, int64_t some_ns, int64_t nonidle_ns)
{
	*recording__add_fold(recording) = (struct fold_row){ cgroup, number, cpu, some_ns, nonidle_ns, 0 };
}

static void add_book(struct recording *recording, int64_t cgroup, int64_t cpu, int64_t meter, int64_t victims, int64_t culprits)
{
	*recording__add_book(recording) = (struct book_row){ cgroup, cpu, meter, victims, culprits, 0 };
}

static void add_pressure(struct recording *recording, int64_t cgroup, const char *resource, const char *kind, int64_t kernel_ns)
{
	*recording__add_pressure(recording) = (struct pressure_row){ cgroup, base__copy(resource), base__copy(kind), kernel_ns };
}

static struct ledger *build(const struct recording *recording)
{
	struct ledger *ledger = NULL;
	assert_int_equal(ledger__build(recording, &ledger), 0);
	return ledger;
}

static void finish(struct ledger *ledger, struct recording *recording)
{
	ledger__free(ledger);
	recording__free(recording);
}

static void test_jiffies_are_rounded_down(void **state)
{
	(void)state;
	assert_int_equal(fold__jiffies(3999999, 250), 0);
	assert_int_equal(fold__jiffies(4000000, 250), 1);
	assert_int_equal(fold__jiffies(999999999, 1000), 999);
	assert_int_equal(fold__jiffies(20 * MS, 100), 2);
	// 300 does not divide 1e9: the kernel takes n * 9 / 30000000, the nearest whole number to 9e9 / 300.
	assert_int_equal(fold__jiffies(3333333, 300), 0);
	assert_int_equal(fold__jiffies(3333334, 300), 1);
	assert_int_equal(fold__jiffies(1000000000, 1024), 1024);
}

// HZ 250, a jiffy is 4 ms.
// fold 0: CPU 0 some 100 ms, nonidle 400 ms = 100 jiffies; CPU 1 some 40 ms, nonidle 103 ms = 25 jiffies (25.75).
//         total = (100 * 100 + 40 * 25) / 125 = 88 ms
// fold 1: CPU 0 some 30 ms, nonidle 3.9 ms = 0 jiffies; CPU 1 some 10 ms, nonidle 8 ms = 2 jiffies: total = 10 ms,
//         CPU 0's 30 ms are lost.
// CPU 0: 130 ms, of which 100 * 100/125 = 80 ms count: factor 80/130. CPU 1: 50 ms, 40 * 25/125 + 10 = 18 ms: 18/50.
static void add_hand_made_folds(struct recording *recording, int64_t cgroup)
{
	add_fold(recording, cgroup, 1, 1, 10 * MS, 8 * MS);
	add_fold(recording, cgroup, 0, 0, 100 * MS, 400 * MS);
	add_fold(recording, cgroup, 0, 1, 40 * MS, 103 * MS);
	add_fold(recording, cgroup, 1, 0, 30 * MS, 39 * MS / 10);
}

static void test_folds_as_the_kernel_does(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	add_hand_made_folds(recording, 0);
	struct folds folds;
	folds__make(recording, &folds);
	assert_int_equal(folds.total_count, 1);
	assert_near(folds__total(&folds, 0)->predicted_ns[FOLD_CPU_SOME], 98.0 * MS);
	assert_near(folds__factor(&folds, 0, 0, FOLD_CPU_SOME), 80.0 / 130);
	assert_near(folds__factor(&folds, 0, 1, FOLD_CPU_SOME), 18.0 / 50);
	assert_near(folds__factor(&folds, 0, 2, FOLD_CPU_SOME), 0);
	assert_null(folds__total(&folds, 7));
	folds__free(&folds);
	recording__free(recording);
}

// The same growth in another counter makes the same total and the same weights, and none in the others.
static void test_each_counter_is_folded_alike(void **state)
{
	(void)state;
	static const struct { const char *resource, *kind; size_t column; } cases[FOLD_COUNTERS] = {
		{ "cpu", "some", offsetof(struct fold_row, some_ns) }, { "io", "some", offsetof(struct fold_row, io_some_ns) },
		{ "io", "full", offsetof(struct fold_row, io_full_ns) }, { "memory", "some", offsetof(struct fold_row, memory_some_ns) },
		{ "memory", "full", offsetof(struct fold_row, memory_full_ns) },
	};
	for (size_t i = 0; i < FOLD_COUNTERS; i++) {
		struct recording *recording = two_cpus("250");
		add_hand_made_folds(recording, 0);
		for (size_t j = 0; j < recording->fold_count; j++) {
			int64_t some_ns = recording->fold[j].some_ns;
			recording->fold[j].some_ns = 0;
			*(int64_t *)((char *)&recording->fold[j] + cases[i].column) = some_ns;
		}
		enum fold_counter counter = fold_counter__find(cases[i].resource, cases[i].kind);
		struct folds folds;
		folds__make(recording, &folds);
		for (enum fold_counter other = 0; other < FOLD_COUNTERS; other++) {
			assert_near(folds__total(&folds, 0)->predicted_ns[other], other == counter ? 98.0 * MS : 0);
			assert_near(folds__total(&folds, 0)->metered_ns[other], other == counter ? 180.0 * MS : 0);
			assert_near(folds__factor(&folds, 0, 0, other), other == counter ? 80.0 / 130 : 0);
		}
		assert_string_equal(fold_counter__resource(counter), cases[i].resource);
		folds__free(&folds);
		recording__free(recording);
	}
	assert_int_equal(fold_counter__find("irq", "full"), FOLD_COUNTERS);
	assert_int_equal(fold_counter__find(NULL, "some"), FOLD_COUNTERS);
}

static void test_integer_division_and_no_weight(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	// 3 jiffies in all: (10 * 1 + 11 * 2) / 3 = 10.67 -> 10 ns; then a fold in which nobody was busy for a jiffy: 0.
	add_fold(recording, 0, 0, 0, 10, 4 * MS);
	add_fold(recording, 0, 0, 1, 11, 8 * MS);
	add_fold(recording, 0, 1, 0, 1000, 1 * MS);
	add_fold(recording, 0, 1, 1, 1000, 1 * MS);
	struct folds folds;
	folds__make(recording, &folds);
	assert_near(folds__total(&folds, 0)->predicted_ns[FOLD_CPU_SOME], 10);
	folds__free(&folds);
	recording__free(recording);
}

static void test_both_sides_are_folded_alike(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	add_hand_made_folds(recording, 0);
	add_pressure(recording, 0, "cpu", "some", 98 * MS);
	add_book(recording, 0, 0, 130 * MS, 130 * MS, 117 * MS);       // culprits: 9/10 on CPU 0
	add_book(recording, 0, 1, 50 * MS, 50 * MS, 50 * MS);
	struct ledger *ledger = build(recording);
	const struct ledger_pressure *row = ledger->cpu_some;
	assert_true(row->booked && row->exact_folds);
	assert_near(row->predicted_seconds, 0.098);
	assert_near(row->victims_seconds, 0.098);
	assert_near(row->culprits_seconds, 0.072 + 0.018);
	assert_near(row->explained, 0.090 / 0.098);
	assert_near(ledger->fold_scale, 98.0 / 180);
	assert_false(ledger->balanced);
	assert_non_null(strstr(ledger->imbalance, "only 91.8 %"));
	assert_non_null(strstr(ledger->imbalance, "0.008 s have no occupant"));
	finish(ledger, recording);
}

// One CPU that counts in full: its figures are those of the total.
static struct recording *plain(int64_t kernel_ms, int64_t meter_ms, int64_t victims_ms, int64_t culprits_ms)
{
	struct recording *recording = two_cpus("250");
	add_fold(recording, 0, 0, 0, meter_ms * MS, 4000 * MS);
	add_pressure(recording, 0, "cpu", "some", kernel_ms * MS);
	add_book(recording, 0, 0, meter_ms * MS, victims_ms * MS, culprits_ms * MS);
	return recording;
}

static void test_explained(void **state)
{
	(void)state;
	static const struct { int64_t kernel, meter, victims, culprits; double explained; const char *imbalance; } cases[] = {
		{ 1000, 1000, 1000, 1000, 1, NULL },
		{ 1000, 1000, 980, 990, 0.97, NULL },           // the two holes need not be the same: 1 - 0.02 - 0.01
		{ 1000, 1000, 900, 1000, 0.9, "0.100 s have no victim" },
		{ 1000, 1000, 300, 400, 0, "0.700 s have no victim" },
		{ 1000, 800, 800, 800, 0.8, "0.200 s of it never passed through the meter" },
		{ 1000, 1000, 1010, 1010, 1.01, NULL },         // over 1: shown
		{ 1000, 1000, 1100, 900, 0.9, "1.100 s are booked to victims" },
		{ 1000, 1000, 1000, 1200, 1, "1.200 s are booked to occupants" },
		{ 0, 3000, 3000, 3000, 1, "no late fold and no other reader" },
		{ 0, 0, 0, 0, 1, NULL },
		{ 8, 8, 0, 0, 0, NULL },                        // too little to matter in 10 s
		{ 8, 8, 40, 0, 0, "0.040 s are booked to victims" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording *recording = plain(cases[i].kernel, cases[i].meter, cases[i].victims, cases[i].culprits);
		struct ledger *ledger = build(recording);
		assert_near(ledger->cpu_some->explained, cases[i].explained);
		assert_int_equal(ledger->balanced, cases[i].imbalance == NULL);
		if (!cases[i].imbalance && ledger->imbalance)
			fail_msg("case %zu: %s", i, ledger->imbalance);
		if (cases[i].imbalance && !strstr(ledger->imbalance, cases[i].imbalance))
			fail_msg("case %zu: %s", i, ledger->imbalance);
		finish(ledger, recording);
	}
}

static void test_exact_folds(void **state)
{
	(void)state;
	static const struct { int64_t kernel, meter; bool exact; } cases[] = {
		{ 1000, 991, true }, { 1000, 989, false }, { 1000, 1009, true }, { 1000, 1011, false }, { 3, 3, true }, { 5, 3, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording *recording = plain(cases[i].kernel, cases[i].meter, 0, 0);
		struct ledger *ledger = build(recording);
		assert_int_equal(ledger->cpu_some->exact_folds, cases[i].exact);
		finish(ledger, recording);
	}
}

static void add_cgroup(struct recording *recording, int64_t id, int64_t hierarchy, const char *path)
{
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = id, .hierarchy = hierarchy, .path = base__copy(path) };
}

static void test_order_and_cgroups(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	add_cgroup(recording, 9, 1, "/wrong");          // a v1 directory may have the number of a v2 one
	add_cgroup(recording, 9, 2, "/a");
	add_cgroup(recording, 4, 2, "/b");
	add_pressure(recording, 4, "cpu", "full", 1);
	add_pressure(recording, 4, "cpu", "some", 20 * MS);
	add_pressure(recording, 9, "io", "some", 1);
	add_pressure(recording, 9, "cpu", "some", 98 * MS);
	add_pressure(recording, 0, "irq", "full", 1);
	add_pressure(recording, 0, "io", "full", 1);
	add_pressure(recording, 0, "io", "some", 1);
	add_pressure(recording, 0, "memory", "some", 1);
	add_pressure(recording, 0, "cpu", "some", 0);
	add_hand_made_folds(recording, 9);
	add_book(recording, 9, 0, 130 * MS, 130 * MS, 130 * MS);
	add_book(recording, 9, 1, 50 * MS, 50 * MS, 50 * MS);
	static const char *const expected[] = {
		"system cpu some 0", "system memory some 0", "system io some 0", "system io full 0", "system irq full 0",
		"/a cpu some 1", "/a io some 0", "/b cpu some 0", "/b cpu full 0",
	};
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->pressure_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct ledger_pressure *row = &ledger->pressures[i];
		cleanup_free char *line = base__format("%s %s %s %d", row->scope, row->resource, row->kind, row->booked);
		assert_string_equal(line, expected[i]);
	}
	assert_near(ledger->pressures[5].explained, 1);
	assert_near(ledger->pressures[7].explained, 0);
	assert_ptr_equal(ledger->cpu_some, &ledger->pressures[0]);
	finish(ledger, recording);
}

static void test_no_pressure_figures(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	struct ledger *ledger = build(recording);
	assert_non_null(ledger->cpu_some);
	assert_near(ledger->cpu_some->kernel_seconds, 0);
	assert_string_equal(ledger->cpu_some->scope, "system");
	assert_non_null(strstr(ledger->imbalance, "PSI is missing"));
	assert_near(ledger->fold_scale, 1);
	ledger__free(ledger);
	recording__set_meta(recording, "complete", "0");
	ledger = build(recording);
	assert_non_null(strstr(ledger->imbalance, "cut short"));
	ledger__free(ledger);
	add_pressure(recording, 0, "cpu", "some", 900 * MS);
	ledger = build(recording);
	assert_non_null(strstr(ledger->imbalance, "not the counters of its CPUs"));
	finish(ledger, recording);
}

static const char *imbalance_by_events(int64_t meter_ns, char *ret_text, size_t size)
{
	struct recording *recording = two_cpus("250");
	recording__set_meta(recording, "meter", "events");
	add_pressure(recording, 0, "cpu", "some", 1000 * MS);
	add_fold(recording, 0, 0, 0, meter_ns, 2000 * MS);
	add_book(recording, 0, 0, meter_ns, meter_ns, meter_ns);
	struct ledger *ledger = build(recording);
	assert_true(ledger->by_events);
	assert_int_equal(ledger->balanced, !ledger->imbalance);
	snprintf(ret_text, size, "%s", ledger->imbalance ? ledger->imbalance : "");
	finish(ledger, recording);
	return ret_text;
}

// The stand-in sees other waits than the kernel counts; its reports must not suspect anybody of reading pressure files.
static void test_events_as_meter(void **state)
{
	(void)state;
	char text[300];
	assert_string_equal(imbalance_by_events(970 * MS, text, sizeof(text)), "");
	assert_string_equal(imbalance_by_events(1030 * MS, text, sizeof(text)), "");
	assert_non_null(strstr(imbalance_by_events(900 * MS, text, sizeof(text)), "0.100 s of it were not seen by the event model"));
	assert_non_null(strstr(imbalance_by_events(1200 * MS, text, sizeof(text)), "makes 1.200 s of what the kernel counts as 1.000 s"));
}

// CPU 0: 6 s with waiters, busy 8 s; CPU 1: 1 s, busy 2 s: (6 * 8 + 1 * 2) / 10 = 5 s of 7 s.
static void test_scale_without_folds(void **state)
{
	(void)state;
	struct recording *recording = two_cpus("250");
	*recording__add_cpu(recording) = (struct cpu_row){ .cpu = 0, .run_ns = 7000 * MS, .softirq_ns = 1000 * MS, .idle_ns = 2000 * MS };
	*recording__add_cpu(recording) = (struct cpu_row){ .cpu = 1, .run_ns = 2000 * MS, .idle_ns = 8000 * MS };
	add_book(recording, 0, 0, 6000 * MS, 0, 0);
	add_book(recording, 0, 1, 1000 * MS, 0, 0);
	struct ledger *ledger = build(recording);
	assert_near(ledger->fold_scale, 5.0 / 7);
	finish(ledger, recording);
}

static void add_task(struct recording *recording, int64_t process, int64_t run_ns, int64_t wait_ns, int64_t wait_max_ns,
		     int64_t run_delay_ns)
{
	*recording__add_task(recording) = (struct task_row){ .process = process, .tid = process * 10, .run_ns = run_ns,
		.wait_ns = wait_ns, .waits = 2, .wait_max_ns = wait_max_ns, .throttled_ns = 1, .credit_task_ns = 5,
		.run_delay_ns = run_delay_ns };
}

static struct recording *three_processes(void)
{
	struct recording *recording = two_cpus("250");
	for (int64_t id = 1; id <= 3; id++)
		recording__add_process(recording)->id = id;
	add_task(recording, 1, 100, 7, 4, 7);
	add_task(recording, 1, 200, 9, 6, 9);
	add_task(recording, 3, 400, 11, 11, -1);
	add_task(recording, 3, 800, 13, 12, 13);
	return recording;
}

static void test_sums_by_process(void **state)
{
	(void)state;
	struct recording *recording = three_processes();
	add_task(recording, 0, 1600, 20, 20, 0);        // of no known process
	*recording__add_cpu(recording) = (struct cpu_row){ .cpu = 0, .run_ns = 3000, .idle_ns = 10, .credit_unknown_task_ns = 4 };
	*recording__add_cpu(recording) = (struct cpu_row){ .cpu = 1, .run_ns = 100, .idle_ns = 20, .credit_unknown_task_ns = 3 };
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->process_count, 3);
	const struct ledger_process *first = ledger__process(ledger, 1), *second = ledger__process(ledger, 2);
	const struct ledger_process *third = ledger__process(ledger, 3);
	assert_int_equal(first->task_count, 2);
	assert_int_equal(first->run_ns, 300);
	assert_int_equal(first->wait_ns, 16);
	assert_int_equal(first->waits, 4);
	assert_int_equal(first->wait_max_ns, 6);
	assert_int_equal(first->throttled_ns, 2);
	assert_int_equal(first->credit_task_ns, 10);
	assert_int_equal(first->run_delay_ns, 16);
	assert_int_equal(second->task_count, 0);
	assert_int_equal(third->run_delay_ns, -1);
	assert_int_equal(third->wait_max_ns, 12);
	assert_null(ledger__process(ledger, 4));
	assert_int_equal(ledger->wait_ns, 60);
	assert_int_equal(ledger->run_ns, 3100);
	assert_int_equal(ledger->idle_ns, 30);
	assert_int_equal(ledger->unknown_ns, 7);
	finish(ledger, recording);
}

static void test_scattered_tasks(void **state)
{
	(void)state;
	struct recording *recording = three_processes();
	add_task(recording, 1, 1, 1, 1, 1);
	struct ledger *ledger = NULL;
	assert_int_equal(ledger__build(recording, &ledger), -EINVAL);
	assert_null(ledger);
	recording__repair(recording);
	ledger = build(recording);
	assert_int_equal(ledger__process(ledger, 1)->task_count, 3);
	assert_int_equal(ledger__process(ledger, 1)->run_ns, 301);
	finish(ledger, recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jiffies_are_rounded_down), cmocka_unit_test(test_folds_as_the_kernel_does),
		cmocka_unit_test(test_each_counter_is_folded_alike),
		cmocka_unit_test(test_integer_division_and_no_weight), cmocka_unit_test(test_both_sides_are_folded_alike),
		cmocka_unit_test(test_explained), cmocka_unit_test(test_exact_folds), cmocka_unit_test(test_order_and_cgroups),
		cmocka_unit_test(test_no_pressure_figures), cmocka_unit_test(test_scale_without_folds), cmocka_unit_test(test_events_as_meter),
		cmocka_unit_test(test_sums_by_process),
		cmocka_unit_test(test_scattered_tasks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
