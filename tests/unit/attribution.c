// The account of causes: every second of explained pressure has exactly one cause, whatever the rows say.
#include "stage.h"

#include "ledger/attribution.h"

#include <math.h>
#include <sched.h>

static double sum_of_parts(const struct attribution *row)
{
	double sum = 0;
	for (int cause = 0; cause < CAUSE_KEYS; cause++)
		sum += row->parts[cause].seconds;
	return sum;
}

static const struct attribution *cpu_row(const struct stage *stage)
{
	const struct attribution *row = attributions__system(stage->diagnosis->attributions, "cpu");
	assert_non_null(row);
	return row;
}

static void assert_part(const struct stage *stage, enum cause_key cause, double share)
{
	double found = cpu_row(stage)->parts[cause].share;
	if (fabs(found - share) > 0.001)
		fail_msg("%s has %.4f of the pressure, not %.4f", cause_key__id(cause), found, share);
}

// Half of the credit is a realtime task's, a quarter of short-lived ones', a quarter of an ordinary one's.
static void test_occupants_have_causes(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	int64_t server = stage__process(&stage, "server", 100, 1000, 4000, 0), realtime = stage__process(&stage, "realtime", 200, 4000, 0, 4000);
	int64_t shell = stage__process(&stage, "sh", 300, 2000, 0, 2000), worker = stage__process(&stage, "worker", 400, 2000, 0, 2000);
	stage.recording->process[shell - 1].gone = 1;
	stage.recording->process[shell - 1].folded = 1000;
	stage__pair(&stage, server, OCCUPANT_TASK, realtime, 2000)->realtime_ns = 2000 * STAGE_MS;
	stage__pair(&stage, server, OCCUPANT_TASK, shell, 1000);
	stage__pair(&stage, server, OCCUPANT_TASK, worker, 1000);
	stage__judge(&stage);
	assert_part(&stage, CAUSE_CPU_PRIORITY, 0.5);
	assert_part(&stage, CAUSE_CPU_CHURN, 0.25);
	assert_part(&stage, CAUSE_CPU_OVERSUBSCRIPTION, 0.25);
	assert_part(&stage, CAUSE_NONE, 0);
	stage__free(&stage);
}

// Waits that were too short to be cut have the occupant's cause all the same.
static void test_short_waits_have_causes(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	stage__process(&stage, "server", 100, 1000, 4000, 0);
	int64_t shell = stage__process(&stage, "sh", 300, 2000, 0, 6000);
	stage__process(&stage, "worker", 400, 2000, 0, 2000);
	stage.recording->process[shell - 1].gone = 1;
	stage.recording->process[shell - 1].folded = 1000;
	stage__judge(&stage);
	assert_part(&stage, CAUSE_CPU_CHURN, 0.75);
	assert_part(&stage, CAUSE_CPU_OVERSUBSCRIPTION, 0.25);
	assert_int_equal(stage.diagnosis->state, STATE_BUSY);
	assert_null(strstr(stage.diagnosis->headline, "HEALTHY"));
	stage__free(&stage);
}

static void test_no_task(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	struct cpu_row *cpu = &stage.recording->cpu[0];
	stage__process(&stage, "server", 100, 1000, 4000, 0);
	cpu->credit_quota_ns = 3000 * STAGE_MS;
	cpu->credit_softirq_ns = 2000 * STAGE_MS;
	cpu->credit_steal_ns = 1000 * STAGE_MS;
	cpu->credit_hardirq_ns = 1000 * STAGE_MS;
	cpu->credit_idle_ns = 1000 * STAGE_MS;
	stage__judge(&stage);
	assert_part(&stage, CAUSE_CPU_QUOTA, 0.375);
	assert_part(&stage, CAUSE_IRQ_SOFTIRQ, 0.25);
	assert_part(&stage, CAUSE_CPU_STEAL, 0.125);
	assert_part(&stage, CAUSE_IRQ_HARD, 0.125);
	assert_part(&stage, CAUSE_CPU_WAKEUP, 0.125);
	stage__free(&stage);
}

static void test_workers_of_the_kernel_and_the_tool(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	static const struct { const char *name; enum cause_key cause; } workers[] = {
		{ "ksoftirqd/1", CAUSE_IRQ_SOFTIRQ }, { "kswapd0", CAUSE_MEMORY_KSWAPD }, { "kcompactd0", CAUSE_MEMORY_COMPACTION }, { "whystall", CAUSE_TOOL },
	};
	recording__set_meta(stage.recording, "tool_pid", "13");
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		int64_t id = stage__process(&stage, workers[i].name, 10 + (int64_t)i, 2000, 0, 2000);
		stage.recording->process[id - 1].kernel_thread = i < 3;
	}
	stage__process(&stage, "kswapd0", 100, 1000, 4000, 0);  // a program that calls itself so
	stage__judge(&stage);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		assert_part(&stage, workers[i].cause, 0.25);
	stage__free(&stage);
}

// A stopper that works for moments runs before everybody; one that seems to run for long tells of a CPU that stood still.
static void test_stoppers(void **state)
{
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct stage stage = stage__new(4000);
		int64_t stopper = stage__process(&stage, "migration/0", 18, 2000, 0, 4000), server = stage__process(&stage, "server", 200, 1500, 4000, 0);
		stage.recording->process[stopper - 1].kernel_thread = 1;
		stage__task(&stage, stopper)->policy = SCHED_FIFO;
		stage__task(&stage, stopper)->rt_priority = 99;
		stage__task(&stage, stopper)->switches = works ? 100000 : 2;
		stage__pair(&stage, server, OCCUPANT_TASK, stopper, 100)->realtime_ns = 100 * STAGE_MS;
		stage__judge(&stage);
		assert_part(&stage, CAUSE_CPU_PRIORITY, works ? 1 : 0);
		stage__free(&stage);
	}
}

// Whatever the rows: the causes and what has none are the explained part, no more and no less.
static void test_the_sum_is_what_is_explained(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct stage stage = stage__new(1 + rand() % 9000);
		int processes = 1 + rand() % 8;
		for (int i = 0; i < processes; i++) {
			int64_t id = stage__process(&stage, i % 3 ? "a" : "b", 100 + i, rand() % 9000, rand() % 9000, rand() % 3 ? rand() % 9000 : 0);
			stage.recording->process[id - 1].gone = rand() % 2;
			stage.recording->process[id - 1].folded = rand() % 3 ? 1 : 500;
			stage__task(&stage, id)->policy = rand() % 4 ? 0 : 1;
			stage__task(&stage, id)->idle_outside_ns = rand() % 5000 * STAGE_MS;
			stage__task(&stage, id)->idle_allowed_ns = rand() % 5000 * STAGE_MS;
		}
		for (int i = rand() % 12; i > 0; i--)
			stage__pair(&stage, 1 + rand() % processes, rand() % OCCUPANT_KINDS, 1 + rand() % processes, rand() % 4000)->realtime_ns =
				rand() % 4000 * STAGE_MS;
		stage.recording->cpu[0].credit_quota_ns = rand() % 2 ? rand() % 5000 * STAGE_MS : 0;
		stage.recording->book[0].victims_ns = (int64_t)(rand() % 100) * stage.recording->book[0].meter_ns / 100;
		stage__judge(&stage);
		const struct attribution *row = cpu_row(&stage);
		double explained = fmin(1, row->pressure->explained) * row->pressure->counted_seconds;
		if (fabs(sum_of_parts(row) - explained) > 1e-9 * (1 + explained))
			fail_msg("round %d: %.9f s have causes, %.9f s are explained", round, sum_of_parts(row), explained);
		stage__free(&stage);
	}
}

static void add_samples(struct stage *stage, int64_t process, const char *operation, const char *frames, int64_t samples)
{
	int64_t stack = (int64_t)stage->recording->stack_count + 1;
	if (frames)
		*recording__add_stack(stage->recording) = (struct stack_row){ stack, base__copy(frames) };
	recording__set_meta(stage->recording, "probe.sample", "on");
	recording__set_meta(stage->recording, "sample.period_ns", "10000000");
	*recording__add_cpu_sample(stage->recording) = (struct cpu_sample_row){ .process = process, .operation = base__copy(operation),
		.kernel_stack = frames ? stack : 0, .samples = samples, .waited = samples, .ns = samples * 10 * STAGE_MS,
		.pressure_ns = samples * 10 * STAGE_MS, .waiters_ns = samples * 10 * STAGE_MS };
}

// An occupant that has nothing over its waiters: what it did decides. Half of the memory that it faulted in it had had before.
static void test_what_an_occupant_did(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	stage__process(&stage, "server", 100, 1000, 4000, 0);
	int64_t worker = stage__process(&stage, "worker", 200, 8000, 0, 8000);
	*recording__add_activity(stage.recording) = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy("minor_faults"),
		.key = base__copy(""), .process = worker, .cpu = -1, .count = 100000, .amount = 50000 * 4096 };
	recording__set_meta(stage.recording, "page_size", "4096");
	recording__set_meta(stage.recording, "probe.memory", "on");
	add_samples(&stage, worker, "page fault", "clear_page_erms+0x7\ndo_anonymous_page+0x10\nhandle_mm_fault+0x10\nexc_page_fault+0x10", 400);
	add_samples(&stage, worker, "unlink", "native_queued_spin_lock_slowpath+0x1\n_raw_spin_lock+0x10\nd_delete+0x10\ndo_unlinkat+0x10", 200);
	add_samples(&stage, worker, "", NULL, 200);
	stage__judge(&stage);
	assert_part(&stage, CAUSE_MEMORY_CHURN, 0.25);
	assert_part(&stage, CAUSE_LOCK_KERNEL, 0.25);
	assert_part(&stage, CAUSE_CPU_OVERSUBSCRIPTION, 0.5);
	assert_part(&stage, CAUSE_NONE, 0);
	stage__free(&stage);
}

static void add_slice(struct stage *stage, int64_t number, int64_t process, int64_t ms)
{
	*recording__add_slice(stage->recording) = (struct slice_row){ .number = number, .time_ns = (number + 1) * 1000 * STAGE_MS, .ns = 1000 * STAGE_MS,
		.resource = base__copy("cpu"), .process = process, .pressure_ns = ms * STAGE_MS };
}

// A share that is the same in each slice has no spread; one that comes in bursts has a wide one, and its lower bound is low.
static void test_spread(void **state)
{
	(void)state;
	for (int bursts = 0; bursts < 2; bursts++) {
		struct stage stage = stage__new(4000);
		stage__process(&stage, "server", 100, 1000, 4000, 0);
		int64_t hog = stage__process(&stage, "hog", 200, 4000, 0, 4000), realtime = stage__process(&stage, "realtime", 300, 4000, 0, 4000);
		stage__task(&stage, realtime)->policy = 1;
		for (int64_t slice = 0; slice < 10; slice++) {
			add_slice(&stage, slice, hog, bursts && slice == 3 ? 4000 : bursts ? 1 : 400);
			add_slice(&stage, slice, realtime, 400);
		}
		stage__judge(&stage);
		const struct cause_part *part = &cpu_row(&stage)->parts[CAUSE_CPU_OVERSUBSCRIPTION];
		assert_float_equal(part->share, 0.5, 1e-9);
		if (bursts)
			assert_true(part->low < 0.2 && part->high > 0.8);
		else
			assert_true(fabs(part->low - 0.5) < 1e-9 && fabs(part->high - 0.5) < 1e-9);
		stage__free(&stage);
	}
}

static void sample(struct stage *stage, int64_t process, int64_t cpu, int64_t waited)
{
	*recording__add_process_cpu(stage->recording) = (struct process_cpu_row){ process, cpu, waited + 7, waited };
}

// CPU 1 is in use for a quarter of the time: its pressure weighs a quarter of CPU 0's in the kernel's total, whoever makes it.
static void test_a_cpu_weighs_by_how_busy_it_is(void **state)
{
	(void)state;
	enum { NO_SAMPLES, EACH_ON_ITS_OWN, BOTH_ON_BOTH, RULES };
	for (int rule = 0; rule < RULES; rule++) {
		struct stage stage = stage__new(4000);
		stage.recording->fold[1].nonidle_ns /= 4;
		stage.recording->fold[1].some_ns /= 2;
		stage.recording->book[1].meter_ns = stage.recording->book[1].victims_ns = stage.recording->book[1].culprits_ns = 2000 * STAGE_MS;
		stage.recording->cpu[1].credit_softirq_ns = 1000 * STAGE_MS;
		stage.recording->pressure[0].kernel_ns = (4000 * 10 + 2000 * 10 / 4) * STAGE_MS * 4 / 50;
		stage__process(&stage, "server", 100, 1000, 4000, 0);
		int64_t hog = stage__process(&stage, "hog", 200, 4000, 0, 4000), realtime = stage__process(&stage, "realtime", 300, 1000, 0, 1000);
		stage__task(&stage, realtime)->policy = SCHED_FIFO;
		for (int cpu = 0; rule != NO_SAMPLES && cpu < 2; cpu++) {
			if (rule == BOTH_ON_BOTH || cpu == 0)
				sample(&stage, hog, cpu, cpu ? 100 : 400);
			if (rule == BOTH_ON_BOTH || cpu == 1)
				sample(&stage, realtime, cpu, cpu ? 25 : 100);
		}
		stage__judge(&stage);
		// In units of 4/5 ms: CPU 0's tasks 4000, CPU 1's 1000 / 4 and its soft interrupts as much.
		double all = 4500, softirq = 250 / all, tasks = 4250 / all;
		assert_part(&stage, CAUSE_IRQ_SOFTIRQ, softirq);
		assert_part(&stage, CAUSE_CPU_PRIORITY, rule == EACH_ON_ITS_OWN ? 250 / all : tasks / 5);
		assert_part(&stage, CAUSE_CPU_OVERSUBSCRIPTION, rule == EACH_ON_ITS_OWN ? 4000 / all : tasks * 4 / 5);
		stage__free(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_occupants_have_causes), cmocka_unit_test(test_short_waits_have_causes), cmocka_unit_test(test_no_task),
		cmocka_unit_test(test_workers_of_the_kernel_and_the_tool), cmocka_unit_test(test_stoppers), cmocka_unit_test(test_the_sum_is_what_is_explained),
		cmocka_unit_test(test_what_an_occupant_did), cmocka_unit_test(test_spread),
		cmocka_unit_test(test_a_cpu_weighs_by_how_busy_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
