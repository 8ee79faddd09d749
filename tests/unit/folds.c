// The log of folds: what grew between two of them, from counters that go round and meters that do not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "collect/folds.h"

#define SECOND 1000000000ULL
enum { CPUS = 2, GROUPS = 2, CGROUP_ID = 77 };

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
	rig->log = foldlog__new(&rig->probes);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_go_round), cmocka_unit_test(test_busy_without_waiters), cmocka_unit_test(test_idle_folds_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
