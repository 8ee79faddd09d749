// The log of folds: what grew between two of them, from counters that go round and meters that do not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "collect/folds.h"
#include "ledger/fold.h"

#define SECOND 1000000000ULL
enum { CPUS = 2, GROUPS = 2, CGROUP_ID = 77, HZ = 250 };

struct rig {
	struct probes probes;
	struct cpu_account accounts[CPUS];
	struct group group_table[GROUPS];
	struct group_account group_accounts[GROUPS * CPUS];
	struct fold_sample folds[GROUPS * CPUS];
	struct foldlog *log;
};

static struct rig *rig_new(void)
{
	struct rig *rig = base__alloc(1, sizeof(*rig));
	rig->probes = (struct probes){ .cpus = CPUS, .groups = GROUPS, .meter = true, .accounts = rig->accounts, .group_table = rig->group_table,
				       .group_accounts = rig->group_accounts, .folds = rig->folds };
	rig->group_table[1] = (struct group){ .id = CGROUP_ID, .pcpu = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(rig->folds); i++)     // the counters ran long before we came
		rig->folds[i] = (struct fold_sample){ .now = 5 * SECOND, .previous_some = 0xfff00000u, .previous_nonidle = 0x80000000u };
	for (int cpu = 0; cpu < CPUS; cpu++) {
		rig->accounts[cpu].meter_ns = 3 * SECOND;
		rig->group_accounts[CPUS + cpu].meter_ns = 2 * SECOND;
	}
	rig->log = foldlog__new(&rig->probes, HZ);
	foldlog__begin(rig->log, FOLDS_SYSTEM);
	foldlog__begin(rig->log, FOLDS_GROUPS);
	return rig;
}

// All CPUs of a group had waiters, and ran, for so long, and then somebody folded.
static void pass(struct rig *rig, uint32_t group, uint64_t ns)
{
	for (int cpu = 0; cpu < CPUS; cpu++) {
		struct fold_sample *sample = &rig->folds[group * CPUS + (uint32_t)cpu];
		sample->now += ns;
		sample->previous_some += (uint32_t)ns;
		sample->previous_nonidle += (uint32_t)ns;
		sample->previous_line[LINE_IO][0] += (uint32_t)ns;
		if (group) {
			rig->group_accounts[CPUS + cpu].meter_ns += ns;
			rig->group_accounts[CPUS + cpu].lines[LINE_IO].grown_ns[0] += ns;
		} else {
			rig->accounts[cpu].meter_ns += ns;
			rig->accounts[cpu].run_ns += ns;
			rig->accounts[cpu].lines[LINE_IO].grown_ns[0] += ns;
		}
	}
}

static struct recording *close_rig(struct rig *rig)
{
	struct recording *recording = recording__new();
	foldlog__store(rig->log, recording);
	memset(&rig->probes, 0x7f, sizeof(rig->probes));        // the collector frees them first
	foldlog__free(rig->log);
	free(rig);
	return recording;
}

static void expect(const struct fold_row *row, int64_t cgroup, int64_t number, uint64_t ns, bool foreign)
{
	assert_int_equal(row->cgroup, cgroup);
	assert_int_equal(row->number, number);
	assert_int_equal(row->some_ns, ns);
	assert_int_equal(row->nonidle_ns, ns);
	assert_int_equal(row->io_some_ns, ns);
	assert_int_equal(row->since_ns, ns);
	assert_int_equal(row->foreign, foreign);
}

static void test_counters_go_round(void **state)
{
	(void)state;
	struct rig *rig = rig_new();
	pass(rig, 0, 2 * SECOND);
	foldlog__note(rig->log, FOLDS_SYSTEM, false);
	pass(rig, 0, 20 * SECOND);              // four turns and more
	foldlog__note(rig->log, FOLDS_SYSTEM, true);
	pass(rig, 1, 9 * SECOND);
	foldlog__note(rig->log, FOLDS_GROUPS, true);
	assert_int_equal(foldlog__foreign(rig->log), 1);
	struct recording *recording = close_rig(rig);
	assert_int_equal(recording->fold_count, 6);
	for (size_t cpu = 0; cpu < CPUS; cpu++) {
		expect(&recording->fold[cpu], 0, 0, 2 * SECOND, true);
		expect(&recording->fold[2 + cpu], 0, 1, 20 * SECOND, false);
		expect(&recording->fold[4 + cpu], CGROUP_ID, 0, 9 * SECOND, false);
	}
	recording__free(recording);
}

// A CPU that ran for 20 s, with waiters for the first second only.
static void test_busy_without_waiters(void **state)
{
	(void)state;
	struct rig *rig = rig_new();
	pass(rig, 0, 20 * SECOND);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		rig->folds[cpu].previous_some -= (uint32_t)(19 * SECOND);
		rig->accounts[cpu].meter_ns -= 19 * SECOND;
		rig->folds[cpu].previous_line[LINE_IO][0] = 0;
		rig->accounts[cpu].lines[LINE_IO].grown_ns[0] = 0;
	}
	foldlog__note(rig->log, FOLDS_SYSTEM, true);
	struct recording *recording = close_rig(rig);
	assert_int_equal(recording->fold[0].some_ns, SECOND);
	assert_int_equal(recording->fold[0].nonidle_ns, 20 * SECOND);
	assert_int_equal(recording->fold[0].io_some_ns, 0);
	recording__free(recording);
}

// Folds of ours in which nothing grew count as folds: what comes after them is no late one.
static void test_idle_folds_count(void **state)
{
	(void)state;
	struct rig *rig = rig_new();
	for (int i = 0; i < 6; i++) {
		for (int cpu = 0; cpu < CPUS; cpu++)
			rig->folds[cpu].now += SECOND;
		foldlog__note(rig->log, FOLDS_SYSTEM, true);
	}
	pass(rig, 0, SECOND / 2);
	foldlog__note(rig->log, FOLDS_SYSTEM, true);
	struct recording *recording = close_rig(rig);
	assert_int_equal(recording->fold_count, 2);
	expect(&recording->fold[0], 0, 0, SECOND / 2, false);
	recording__free(recording);
}

// ---- a day ----

// A CPU of a group had waiters for so long, and was busy for so long, and then somebody folded.
static void pass_cpu(struct rig *rig, uint32_t group, uint32_t cpu, uint64_t ns, uint64_t some_ns, uint64_t nonidle_ns)
{
	struct fold_sample *sample = &rig->folds[group * CPUS + cpu];
	sample->now += ns;
	sample->previous_some += (uint32_t)some_ns;
	sample->previous_nonidle += (uint32_t)nonidle_ns;
	sample->previous_line[LINE_MEMORY][1] += (uint32_t)(some_ns / 2);
	if (group) {
		rig->group_accounts[CPUS + cpu].meter_ns += some_ns;
		rig->group_accounts[CPUS + cpu].lines[LINE_MEMORY].grown_ns[1] += some_ns / 2;
	} else {
		rig->accounts[cpu].meter_ns += some_ns;
		rig->accounts[cpu].run_ns += nonidle_ns;
		rig->accounts[cpu].lines[LINE_MEMORY].grown_ns[1] += some_ns / 2;
	}
}

// What the kernel makes of the folds of a group, added up fold by fold.
struct kernel_sums { double total_ns, wrapped_ns, cpu_counted_ns[CPUS], cpu_ns[CPUS]; int64_t folds, foreign; };

static double kernel_fold(const uint64_t *some_ns, const uint64_t *nonidle_ns, uint64_t bits, double *ret_counted)
{
	double weights = 0, total = 0;
	for (int cpu = 0; cpu < CPUS; cpu++)
		weights += (double)((nonidle_ns[cpu] & bits) / (SECOND / HZ));
	for (int cpu = 0; cpu < CPUS; cpu++) {
		double counted = (double)(some_ns[cpu] & bits) * (double)((nonidle_ns[cpu] & bits) / (SECOND / HZ)) / (weights > 0 ? weights : 1);
		total += counted;
		if (ret_counted)
			ret_counted[cpu] += counted;
	}
	return total;
}

static void fold(struct rig *rig, uint32_t group, uint64_t length_ns, uint64_t number, bool own, struct kernel_sums *sums)
{
	uint64_t some_ns[CPUS], nonidle_ns[CPUS];
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		nonidle_ns[cpu] = length_ns / (1 + (number * 7 + cpu * 5 + group) % 3);
		some_ns[cpu] = nonidle_ns[cpu] / (1 + (number * 3 + cpu) % 4);
		pass_cpu(rig, group, cpu, length_ns, some_ns[cpu], nonidle_ns[cpu]);
		sums->cpu_ns[cpu] += (double)some_ns[cpu];
	}
	foldlog__note(rig->log, group ? FOLDS_GROUPS : FOLDS_SYSTEM, own);
	sums->total_ns += kernel_fold(some_ns, nonidle_ns, UINT64_MAX, sums->cpu_counted_ns);
	sums->wrapped_ns += kernel_fold(some_ns, nonidle_ns, UINT32_MAX, NULL);
	sums->folds++;
	sums->foreign += !own;
}

static void expect_near(double value, double expected)
{
	if (!(value > expected * (1 - 1e-6) && value < expected * (1 + 1e-6)))
		fail_msg("%f instead of %f", value, expected);
}

static void expect_sums(const struct folds *folds, int64_t cgroup, const struct kernel_sums *sums, double longest_seconds)
{
	const struct fold_total *total = folds__total(folds, cgroup);
	assert_non_null(total);
	assert_int_equal(total->folds, sums->folds);
	assert_int_equal(total->foreign_folds, sums->foreign);
	assert_int_equal(total->longest_ns, (int64_t)(longest_seconds * SECOND));
	expect_near(total->predicted_ns[FOLD_CPU_SOME], sums->total_ns);
	expect_near(total->wrapped_ns[FOLD_CPU_SOME], sums->wrapped_ns);
	expect_near(total->predicted_ns[FOLD_MEMORY_FULL], sums->total_ns / 2);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		expect_near(folds__factor(folds, cgroup, cpu, FOLD_CPU_SOME), sums->cpu_counted_ns[cpu] / sums->cpu_ns[cpu]);
		expect_near(folds__factor(folds, cgroup, cpu, FOLD_MEMORY_FULL), sums->cpu_counted_ns[cpu] / sums->cpu_ns[cpu]);
	}
}

// Two folds a second of the system's, one of a cgroup's, for 24 hours, one of them 40 s late: few rows, and the kernel's own total.
static void test_a_day_is_summed_up(void **state)
{
	(void)state;
	struct rig *rig = rig_new();
	struct kernel_sums system = { 0 }, cgroup = { 0 };
	for (uint64_t second = 0; second < 86400; second++) {
		fold(rig, 0, second == 1000 ? 40 * SECOND : SECOND / 2, 2 * second, false, &system);
		fold(rig, 0, SECOND / 2, 2 * second + 1, true, &system);
		fold(rig, 1, SECOND, second, true, &cgroup);
	}
	assert_true(system.wrapped_ns < system.total_ns);
	struct recording *recording = close_rig(rig);
	assert_true(recording->fold_count > 0);
	assert_true(recording->fold_count <= FOLDS_LISTED);
	assert_int_equal(recording->fold_sum_count, GROUPS * CPUS);
	recording__set_meta(recording, "hz", "%d", HZ);
	struct folds folds;
	folds__make(recording, &folds);
	assert_int_equal(folds.total_count, GROUPS);
	expect_sums(&folds, 0, &system, 40);
	expect_sums(&folds, CGROUP_ID, &cgroup, 1);
	folds__free(&folds);
	recording__free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_go_round), cmocka_unit_test(test_busy_without_waiters), cmocka_unit_test(test_idle_folds_count),
		cmocka_unit_test(test_a_day_is_summed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
