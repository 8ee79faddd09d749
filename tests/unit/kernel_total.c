// Where the kernel's total= lost time: the reason is told from the folds, and the meter stands in.
#include "stage.h"

#include "render/answer.h"

#include <math.h>

#define SECOND 1000000000LL
#define TURN 4294967296LL

static void assert_near(double value, double expected)
{
	if (!(fabs(value - expected) < 1e-6))
		fail_msg("%.9f, not %.9f", value, expected);
}

static struct recording *window(int seconds)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "complete", "1");
	recording__set_meta(recording, "hz", "250");
	recording__set_meta(recording, "cpus", "1");
	recording__set_meta(recording, "meter", "psi_group_cpu");
	recording__set_meta(recording, "window_ns", "%lld", seconds * SECOND);
	return recording;
}

static struct fold_row *fold(struct recording *recording, int64_t cgroup, int64_t some_ns, int64_t since_ns, bool foreign)
{
	int64_t number = 0;
	for (size_t i = 0; i < recording->fold_count; i++)
		number += recording->fold[i].cgroup == cgroup;
	struct fold_row *row = recording__add_fold(recording);
	*row = (struct fold_row){ .cgroup = cgroup, .number = number, .some_ns = some_ns, .nonidle_ns = since_ns, .foreign = foreign,
				  .since_ns = since_ns };
	return row;
}

static void total(struct recording *recording, int64_t cgroup, const char *resource, int64_t kernel_ns, int64_t booked_ns)
{
	*recording__add_pressure(recording) = (struct pressure_row){ cgroup, base__copy(resource), base__copy("some"), kernel_ns };
	if (!strcmp(resource, "cpu"))
		*recording__add_book(recording) = (struct book_row){ cgroup, 0, booked_ns, booked_ns, booked_ns, booked_ns };
	else
		*recording__add_resource_book(recording) = (struct resource_book_row){ cgroup, base__copy(resource), base__copy("some"), 0, booked_ns,
										      booked_ns };
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

// 12 s of pressure; the second fold comes 10 s after the first, in which the counter went round twice: 2 + (10 - 2 * 4.295) s.
static struct recording *starved(void)
{
	struct recording *recording = window(12);
	fold(recording, 0, 2 * SECOND, 2 * SECOND, true);
	fold(recording, 0, 10 * SECOND, 10 * SECOND, false);
	total(recording, 0, "cpu", 12 * SECOND - 2 * TURN, 12 * SECOND);
	return recording;
}

static void test_folded_too_late(void **state)
{
	(void)state;
	struct recording *recording = starved();
	struct ledger *ledger = build(recording);
	const struct ledger_pressure *row = ledger->cpu_some;
	assert_int_equal(row->loss, TOTAL_WRAPPED);
	assert_near(row->kernel_seconds, 12 - 2 * 4.294967296);
	assert_near(row->counted_seconds, 12);
	assert_near(row->explained, 1);
	assert_true(ledger->balanced);
	assert_non_null(ledger->kernel_loss);
	assert_non_null(strstr(ledger->kernel_loss, "not folded for 10.0 s"));
	assert_non_null(strstr(ledger->kernel_loss, "this makes exactly the 3.410 s"));
	cleanup_free char *line = answer__balance(row);
	assert_non_null(strstr(line, "kernel 3.410 s (lost time; its CPUs' counters make 12.00 s)"));
	finish(ledger, recording);
}

// The kernel folded in time while we were late: what we saw as one fold were several, and nothing is lost.
static void test_late_look_is_no_late_fold(void **state)
{
	(void)state;
	struct recording *recording = starved();
	recording->pressure[0].kernel_ns = 12 * SECOND;
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->cpu_some->loss, TOTAL_WHOLE);
	assert_null(ledger->kernel_loss);
	assert_true(ledger->balanced && ledger->cpu_some->exact_folds);
	finish(ledger, recording);
}

// An older recording: when the folds were is not known, but that a growth does not fit into 32 bits is.
static void test_late_fold_of_an_older_recording(void **state)
{
	(void)state;
	struct recording *recording = starved();
	recording->fold[0].since_ns = recording->fold[1].since_ns = 0;
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->cpu_some->loss, TOTAL_WRAPPED);
	assert_non_null(strstr(ledger->kernel_loss, "folded too late"));
	finish(ledger, recording);
}

// What is missing on one side of the books is found although the kernel's total is too small to miss it.
static void test_books_are_held_against_the_meter(void **state)
{
	(void)state;
	struct recording *recording = starved();
	recording->book[0].culprits_ns = 9 * SECOND;
	struct ledger *ledger = build(recording);
	assert_near(ledger->cpu_some->explained, 0.75);
	assert_false(ledger->balanced);
	assert_non_null(strstr(ledger->imbalance, "3.000 s have no occupant"));
	recording->book[0].culprits_ns = 14 * SECOND;
	ledger__free(ledger);
	ledger = build(recording);
	assert_non_null(strstr(ledger->imbalance, "14.000 s are booked to occupants, more than the 12.000 s"));
	finish(ledger, recording);
}

// A reader every 20 ms; we see ten of its folds a second.
static struct recording *read_often(int64_t folds)
{
	struct recording *recording = window(10);
	for (int64_t i = 0; i < folds; i++)
		fold(recording, 0, 8 * SECOND / folds, 10 * SECOND / folds, true);
	total(recording, 0, "cpu", 2 * SECOND, 8 * SECOND);
	return recording;
}

static void test_other_readers(void **state)
{
	(void)state;
	struct recording *recording = read_often(100);
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->cpu_some->loss, TOTAL_READ);
	assert_non_null(strstr(ledger->kernel_loss, "10.0 foreign folds a second were seen"));
	assert_true(ledger->balanced);
	assert_near(ledger->cpu_some->explained, 1);
	finish(ledger, recording);
	// The kernel's worker alone: nobody is suspected.
	recording = read_often(5);
	ledger = build(recording);
	assert_int_equal(ledger->cpu_some->loss, TOTAL_UNKNOWN);
	assert_null(ledger->kernel_loss);
	assert_non_null(strstr(ledger->imbalance, "no late fold and no other reader of the pressure files was seen"));
	assert_near(ledger->cpu_some->explained, 1);
	finish(ledger, recording);
}

// Cgroups and the other resources: one lone task that stalls switches the clock of its cgroup off.
static void test_every_row(void **state)
{
	(void)state;
	struct recording *recording = window(12);
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 7, .hierarchy = 2, .path = base__copy("/lone") };
	for (int64_t cgroup = 0; cgroup <= 7; cgroup += 7) {
		struct fold_row *row = fold(recording, cgroup, 9 * SECOND, 12 * SECOND, false);
		row->io_some_ns = row->memory_some_ns = 9 * SECOND;
		// The weights are cut as well, but of one CPU they fall out of the division.
		total(recording, cgroup, "cpu", 9 * SECOND - 2 * TURN, 9 * SECOND);
		total(recording, cgroup, "memory", 9 * SECOND - 2 * TURN, 9 * SECOND);
		total(recording, cgroup, "io", 9 * SECOND - 2 * TURN, 9 * SECOND);
	}
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->pressure_count, 6);
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		const struct ledger_pressure *row = &ledger->pressures[i];
		assert_true(row->booked);
		assert_int_equal(row->loss, TOTAL_WRAPPED);
		assert_near(row->counted_seconds, 9);
		assert_true(row->explained >= 0 && row->explained <= 1);
	}
	finish(ledger, recording);
}

// The stand-in for the meter is no measure of the kernel's own counters.
static void test_event_model_accuses_no_total(void **state)
{
	(void)state;
	struct recording *recording = starved();
	recording__set_meta(recording, "meter", "events");
	struct ledger *ledger = build(recording);
	assert_int_equal(ledger->cpu_some->loss, TOTAL_WHOLE);
	assert_true(ledger->cpu_some->explained <= 1);
	finish(ledger, recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded_too_late), cmocka_unit_test(test_late_look_is_no_late_fold),
		cmocka_unit_test(test_late_fold_of_an_older_recording), cmocka_unit_test(test_books_are_held_against_the_meter),
		cmocka_unit_test(test_other_readers), cmocka_unit_test(test_every_row), cmocka_unit_test(test_event_model_accuses_no_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
