// Memory and I/O pressure in the ledger, and the sums of sleeps, from hand-made tables with numbers worked out by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "collect/counters.h"
#include "collect/kernel_stacks.h"
#include "ledger/ledger.h"
#include "ledger/resources.h"
#include "symbolize/kernel_symbols.h"

#include <math.h>
#include <string.h>

#define MS 1000000LL
#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-9)) \
		fail_msg(#value " is %.12f, not %.12f", value_, expected_); \
} while (0)

// Two CPUs, one fold: CPU 0 was busy for 3 s of 4 and CPU 1 for 1 s, so their weights are 3:1.
static struct recording *stage(void)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "hz", "250");
	recording__set_meta(recording, "cpus", "2");
	recording__set_meta(recording, "window_ns", "4000000000");
	*recording__add_fold(recording) = (struct fold_row){ .cpu = 0, .some_ns = 0, .nonidle_ns = 3000 * MS, .io_some_ns = 2000 * MS, .io_full_ns = 400 * MS,
		.memory_some_ns = 800 * MS };
	*recording__add_fold(recording) = (struct fold_row){ .cpu = 1, .some_ns = 0, .nonidle_ns = 1000 * MS, .io_some_ns = 1000 * MS };
	*recording__add_process(recording) = (struct process_row){ .id = 1, .pid = 10, .name = base__copy("writer"), .folded = 1 };
	return recording;
}

static void add_pressure(struct recording *recording, int64_t cgroup, const char *resource, const char *kind, int64_t kernel_ns)
{
	*recording__add_pressure(recording) = (struct pressure_row){ cgroup, base__copy(resource), base__copy(kind), kernel_ns };
}

static void add_book(struct recording *recording, int64_t cgroup, const char *resource, const char *kind, int64_t cpu, int64_t meter, int64_t victims)
{
	*recording__add_resource_book(recording) = (struct resource_book_row){ cgroup, base__copy(resource), base__copy(kind), cpu, meter, victims };
}

static struct sleep_row *add_sleep(struct recording *recording, const char *operation, const char *reason, const char *device, int64_t ns, int64_t io_ns)
{
	struct sleep_row *row = recording__add_sleep(recording);
	*row = (struct sleep_row){ .process = 1, .operation = base__copy(operation), .reason = base__copy(reason),
		.waker_kind = base__copy(device ? "block" : ""), .device = device ? base__copy(device) : NULL, .ns = ns, .times = 2, .max_ns = ns, .io_some_ns = io_ns };
	return row;
}

static const struct ledger_pressure *row_of(const struct ledger *ledger, int64_t cgroup, const char *resource, const char *kind)
{
	for (size_t i = 0; i < ledger->pressure_count; i++)
		if (ledger->pressures[i].cgroup == cgroup && !strcmp(ledger->pressures[i].resource, resource) && !strcmp(ledger->pressures[i].kind, kind))
			return &ledger->pressures[i];
	fail_msg("no row of %s %s", resource, kind);
	return NULL;
}

static void test_both_sides_are_folded_with_the_kernels_weights(void **state)
{
	(void)state;
	struct recording *recording = stage();
	struct ledger *ledger = NULL;
	add_pressure(recording, 0, "io", "some", 1750 * MS);    // (2000 * 3 + 1000 * 1) / 4
	add_pressure(recording, 0, "io", "full", 300 * MS);     // 400 * 3 / 4
	add_book(recording, 0, "io", "some", 0, 2000 * MS, 1900 * MS);
	add_book(recording, 0, "io", "some", 1, 1000 * MS, 1000 * MS);
	add_book(recording, 0, "io", "full", 0, 400 * MS, 400 * MS);
	add_sleep(recording, "read", "io", "254:0", 2500 * MS, 2610 * MS);
	add_sleep(recording, "read", "io", NULL, 300 * MS, 290 * MS);   // nobody knows what this one waited for
	assert_int_equal(ledger__build(recording, &ledger), 0);
	const struct ledger_pressure *some = row_of(ledger, 0, "io", "some"), *full = row_of(ledger, 0, "io", "full");
	assert_true(some->booked);
	assert_true(some->exact_folds);
	assert_near(some->predicted_seconds, 1.75);
	assert_near(some->victims_seconds, 1.9 * 0.75 + 1.0 * 0.25);
	assert_near(some->culprits_seconds, some->victims_seconds * 2610 / 2900);
	assert_near(some->explained, some->culprits_seconds / 1.75);
	assert_near(full->predicted_seconds, 0.3);
	assert_near(full->victims_seconds, 0.3);
	assert_near(resources__scale(ledger, "io", "some"), 1.75 / 3);
	assert_near(resources__scale(ledger, "memory", "full"), 1);
	ledger__free(ledger);
	recording__free(recording);
}

static void test_memory_that_a_task_frees_itself_has_an_occupant(void **state)
{
	(void)state;
	struct recording *recording = stage();
	struct ledger *ledger = NULL;
	add_pressure(recording, 0, "memory", "some", 600 * MS);
	add_book(recording, 0, "memory", "some", 0, 800 * MS, 800 * MS);
	*recording__add_pressure_share(recording) = (struct pressure_share_row){ .process = 1, .resource = base__copy("memory"), .some_ns = 800 * MS,
		.running_ns = 500 * MS };
	struct sleep_row *row = add_sleep(recording, "write", "memory", NULL, 300 * MS, 0);
	row->memory_some_ns = 200 * MS;                         // asleep, no stack: of 800 ms, 600 are known
	assert_int_equal(ledger__build(recording, &ledger), 0);
	const struct ledger_pressure *some = row_of(ledger, 0, "memory", "some");
	assert_near(some->predicted_seconds, 0.6);
	assert_near(some->victims_seconds, 0.6);
	assert_near(some->culprits_seconds, 0.6 * 600 / 800);
	ledger__free(ledger);
	recording__free(recording);
}

static void test_a_cgroup_has_books_of_its_own(void **state)
{
	(void)state;
	struct recording *recording = stage();
	struct ledger *ledger = NULL;
	*recording__add_cgroup(recording) = (struct cgroup_row){ .id = 77, .hierarchy = 2, .path = base__copy("/app"), .level = 1 };
	add_pressure(recording, 0, "io", "some", 1750 * MS);
	add_pressure(recording, 77, "io", "some", 500 * MS);
	add_pressure(recording, 77, "memory", "some", 1 * MS);
	add_book(recording, 0, "io", "some", 0, 2000 * MS, 2000 * MS);
	*recording__add_fold(recording) = (struct fold_row){ .cgroup = 77, .cpu = 0, .nonidle_ns = 1000 * MS, .io_some_ns = 1000 * MS };
	*recording__add_fold(recording) = (struct fold_row){ .cgroup = 77, .cpu = 1, .nonidle_ns = 1000 * MS };
	add_book(recording, 77, "io", "some", 0, 1000 * MS, 900 * MS);
	assert_int_equal(ledger__build(recording, &ledger), 0);
	assert_near(row_of(ledger, 77, "io", "some")->predicted_seconds, 0.5);
	assert_near(row_of(ledger, 77, "io", "some")->victims_seconds, 0.45);
	assert_near(row_of(ledger, 0, "io", "some")->victims_seconds, 1.5);
	ledger__free(ledger);
	recording__free(recording);
}

static void test_an_older_recording_has_no_books_of_them(void **state)
{
	(void)state;
	struct recording *recording = stage();
	struct ledger *ledger = NULL;
	add_pressure(recording, 0, "io", "some", 1750 * MS);
	assert_int_equal(ledger__build(recording, &ledger), 0);
	assert_false(row_of(ledger, 0, "io", "some")->booked);
	assert_false(ledger->sleeps.recorded);
	ledger__free(ledger);
	recording__free(recording);
}

static void test_sleeps_are_summed_by_class(void **state)
{
	(void)state;
	struct recording *recording = stage();
	struct ledger *ledger = NULL;
	*recording__add_stack(recording) = (struct stack_row){ 1, base__copy("jbd2_log_wait_commit+0x10\next4_sync_file+0x1\n__x64_sys_fsync+0x2") };
	struct sleep_row *row = add_sleep(recording, "fsync", "other", NULL, 700 * MS, 0);
	row->kernel_stack = 1;
	add_sleep(recording, "read", "io", "254:0", 200 * MS, 200 * MS);
	add_sleep(recording, "read", "io", NULL, 100 * MS, 100 * MS);
	assert_int_equal(ledger__build(recording, &ledger), 0);
	assert_true(ledger->sleeps.recorded);
	assert_int_equal(ledger->sleeps.count, 3);
	assert_int_equal(ledger->sleeps.by_class[SLEEP_JOURNAL].ns, 700 * MS);
	assert_int_equal(ledger->sleeps.by_class[SLEEP_BLOCK].ns, 200 * MS);
	assert_int_equal(ledger->sleeps.by_class[SLEEP_BLOCK].io_some_ns, 200 * MS);
	assert_int_equal(ledger->sleeps.by_class[SLEEP_UNKNOWN].ns, 100 * MS);
	assert_true(ledger->sleeps.sleeps[0].sync);
	ledger__free(ledger);
	recording__free(recording);
}

static void test_kernel_counters_have_both_ends(void **state)
{
	(void)state;
	struct counters *counters = counters__new();
	struct recording *recording = recording__new();
	assert_int_equal(counters__note_lines(counters, "vmstat", "", "pgscan_direct 10\npgscan_kswapd 5\nnonsense\n", "pgscan_direct"), 1);
	assert_int_equal(counters__note_lines(counters, "vmstat", "", "pgscan_direct 25\n", NULL), 1);
	assert_int_equal(counters__note_lines(counters, "meminfo", "", "MemFree:        1234 kB\nDirty:\t 8 kB\nHuge: -\n", NULL), 2);
	counters__note(counters, "diskstats", "vda", "reads", -5);
	assert_int_equal(counters__last(counters, "vmstat", "", "pgscan_direct"), 25);
	assert_int_equal(counters__last(counters, "vmstat", "", "pgscan_kswapd"), -1);
	counters__store(counters, recording);
	assert_int_equal(recording->kernel_counter_count, 4);
	assert_string_equal(recording->kernel_counter[0].source, "diskstats");
	assert_int_equal(recording->kernel_counter[0].before, 0);
	assert_string_equal(recording->kernel_counter[2].name, "MemFree");
	assert_int_equal(recording->kernel_counter[3].before, 10);
	assert_int_equal(recording->kernel_counter[3].after, 25);
	counters__free(counters);
	recording__free(recording);
}

static void test_the_same_stack_is_kept_once(void **state)
{
	(void)state;
	struct kernel_stacks *stacks = kernel_stacks__new();
	const unsigned long long one[] = { 1, 2, 3 }, other[] = { 1, 2 };
	assert_int_equal(kernel_stacks__add(stacks, one, 3), 0);
	assert_int_equal(kernel_stacks__add(stacks, other, 2), 1);
	assert_int_equal(kernel_stacks__add(stacks, one, 3), 0);
	assert_int_equal(kernel_stacks__add(stacks, one, 0), -1);
	assert_null(kernel_stacks__frames(stacks, 0));
	assert_null(kernel_stacks__frames(stacks, 5));
	assert_null(kernel_stacks__frames(stacks, -1));
	struct kernel_symbols *symbols = kernel_symbols__new();
	kernel_stacks__want_symbols(stacks, symbols);
	kernel_symbols__read_from(symbols, NULL);
	kernel_stacks__resolve(stacks, symbols);
	assert_non_null(strchr(kernel_stacks__frames(stacks, 0), '\n'));        // two frames at least
	kernel_symbols__free(symbols);
	kernel_stacks__free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_are_folded_with_the_kernels_weights),
		cmocka_unit_test(test_memory_that_a_task_frees_itself_has_an_occupant),
		cmocka_unit_test(test_a_cgroup_has_books_of_its_own),
		cmocka_unit_test(test_an_older_recording_has_no_books_of_them),
		cmocka_unit_test(test_sleeps_are_summed_by_class),
		cmocka_unit_test(test_kernel_counters_have_both_ends),
		cmocka_unit_test(test_the_same_stack_is_kept_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
