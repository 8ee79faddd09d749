// Time series: a day of them fits, and what is kept are true values, evenly spread.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "collect/series.h"

enum { CPUS = 128 };

static struct recording *record(uint64_t seconds, uint32_t cpus)
{
	struct cpu_account *accounts = base__alloc(cpus, sizeof(*accounts));
	struct probes probes = { .cpus = cpus, .accounts = accounts };
	struct series *series = series__new(&probes);
	struct recording *recording = recording__new();
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		accounts[cpu].on = 1;
	for (uint64_t second = 1; second <= seconds; second++) {
		const struct pressure_totals totals[PRESSURE_RESOURCES] = { { (int64_t)second * 10, 0 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
		accounts[cpus - 1].idle_total = second * 1000;
		accounts[cpus - 1].switches = second * 7;
		series__add(series, second * NS_PER_SEC, totals);
	}
	series__store(series, recording);
	series__free(series);
	free(accounts);
	return recording;
}

// Checks that each value of a series is the true one of its moment, and that moments are `step` seconds apart. Returns how many there are.
static int64_t check(const struct recording *recording, const char *series, const char *key, double a_second, int64_t step)
{
	int64_t count = 0;
	for (size_t i = 0; i < recording->sample_count; i++) {
		const struct sample_row *row = &recording->sample[i];
		if (strcmp(row->series, series) || strcmp(row->key, key))
			continue;
		assert_int_equal(row->time_ns, (1 + count * step) * (int64_t)NS_PER_SEC);
		assert_true(row->value == (double)(1 + count * step) * a_second);
		count++;
	}
	return count;
}

static void test_short_window_keeps_all(void **state)
{
	(void)state;
	struct recording *recording = record(10, 2);
	assert_int_equal(check(recording, "cpu.some_total_us", "system", 10, 1), 10);
	assert_int_equal(check(recording, "cpu.switches", "1", 7, 1), 10);
	assert_int_equal(recording__counter(recording, "samples_step"), 1);
	recording__free(recording);
}

static void test_a_day_is_thinned(void **state)
{
	(void)state;
	struct recording *recording = record(86400, CPUS);
	int64_t step = recording__counter(recording, "samples_step");
	assert_true(step > 1);
	int64_t count = check(recording, "cpu.some_total_us", "system", 10, step);
	assert_int_equal(count, (86400 + step - 1) / step);             // to the end of the window
	assert_true(count >= SERIES_VALUES_MOST / (5 + 3 * CPUS) / 2);
	assert_int_equal(check(recording, "cpu.idle_ns", "127", 1000, step), count);
	assert_true(recording->sample_count <= SERIES_VALUES_MOST);
	recording__free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_short_window_keeps_all), cmocka_unit_test(test_a_day_is_thinned) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
