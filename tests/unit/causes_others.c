// Verdicts whose culprit is no task (quota, steal, wake-up latency), loss bounds, healthy and unexplained.
#include "unit/stage.h"

#include <math.h>

static int64_t add_limited_group(struct stage *stage, int64_t throttled_us)
{
	*recording__add_cgroup(stage->recording) = (struct cgroup_row){
		.id = 77, .hierarchy = 2, .path = base__copy("/limited"), .level = 1, .has_pressure = 1, .quota_us = 25000, .period_us = 100000,
		.weight = 100, .periods = 100, .throttled_periods = 98, .throttled_us = throttled_us };
	int64_t worker = stage__process(stage, "worker", 100, 2500, 7400, 0);
	struct process_row *row = &stage->recording->process[worker - 1];
	free(row->cgroup);
	row->cgroup = base__copy("/limited/inner");
	stage__task(stage, worker)->throttled_ns = 7300 * STAGE_MS;
	return worker;
}

static void credit_quota(struct stage *stage, int64_t ms)
{
	for (size_t i = 0; i < stage->recording->cpu_count; i++)
		stage->recording->cpu[i].credit_quota_ns = ms * STAGE_MS;
}

static void test_quota(void **state)
{
	struct stage stage = stage__new(7300);
	(void)state;
	int64_t worker = add_limited_group(&stage, 7300000);
	credit_quota(&stage, 7300);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.quota", "confirmed");
	assert_victim(&stage, "cpu.quota", worker);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.quota");
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].kind, PARTY_QUOTA);
	assert_string_equal(verdict->culprits[0].cgroup, "/limited");
	// The pressure of a quota is not oversubscription, however large it is.
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	stage__free(&stage);
}

// Workers of one limited group wait for each other whenever they are let go: that follows from the quota.
static void test_competition_inside_a_limit_follows_from_it(void **state)
{
	struct stage stage = stage__new(9000);
	(void)state;
	int64_t one = add_limited_group(&stage, 7300000), two = stage__process(&stage, "worker", 101, 2500, 7400, 0);
	struct process_row *row = &stage.recording->process[two - 1];
	free(row->cgroup);
	row->cgroup = base__copy("/limited/inner");
	stage__task(&stage, two)->throttled_ns = 4000 * STAGE_MS;
	stage__task(&stage, one)->throttled_ns = 4000 * STAGE_MS;
	stage__task(&stage, one)->credit_pressure_ns = stage__task(&stage, two)->credit_pressure_ns = 3000 * STAGE_MS;
	stage__pair(&stage, one, OCCUPANT_TASK, two, 3300);
	stage__pair(&stage, two, OCCUPANT_TASK, one, 3300);
	credit_quota(&stage, 5000);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.quota", "confirmed");
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	stage__free(&stage);
}

static void test_quota_that_hardly_strikes(void **state)
{
	struct stage stage = stage__new(20);
	(void)state;
	int64_t worker = add_limited_group(&stage, 20000);
	stage__task(&stage, worker)->throttled_ns = 20 * STAGE_MS;
	stage__task(&stage, worker)->wait_ns = 25 * STAGE_MS;
	credit_quota(&stage, 20);
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	assert_true(stage.diagnosis->healthy);
	stage__free(&stage);
}

// Without the kernel's own count of throttling the probe's word alone does not confirm.
static void test_quota_without_the_kernels_word(void **state)
{
	struct stage stage = stage__new(7300);
	(void)state;
	add_limited_group(&stage, 0);
	credit_quota(&stage, 7300);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.quota", "contributing");
	stage__free(&stage);
}

static void test_steal(void **state)
{
	static const struct { int64_t stolen_ms; const char *verdict; } cases[] = {
		{ 1500, "confirmed" }, { 400, "contributing" }, { 200, "ruled_out" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(500);
		int64_t server = stage__process(&stage, "server", 100, 5000, 600, 0);
		stage__task(&stage, server)->wait_steal_ns = 500 * STAGE_MS;
		stage__pair(&stage, server, OCCUPANT_STEAL, 0, 500);
		for (int cpu = 0; cpu < 2; cpu++) {
			stage.recording->cpu[cpu].steal_ns = cases[i].stolen_ms * STAGE_MS;
			stage.recording->cpu[cpu].credit_steal_ns = 400 * STAGE_MS;
		}
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.steal", cases[i].verdict);
		if (i == 0) {
			assert_int_equal(stage__verdict(&stage, "cpu.steal")->culprits[0].kind, PARTY_HYPERVISOR);
			assert_victim(&stage, "cpu.steal", server);
		}
		stage__free(&stage);
	}
}

static void test_no_steal_on_bare_metal(void **state)
{
	struct stage stage = stage__new(0);
	(void)state;
	recording__set_meta(stage.recording, "virtualization", "none");
	stage.recording->cpu[0].steal_ns = 3000 * STAGE_MS;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.steal", "ruled_out");
	stage__free(&stage);
}

static struct stage sleepy(int64_t waits)
{
	struct stage stage = stage__new(900);
	int64_t server = stage__process(&stage, "server", 100, 2000, 1800, 0);
	stage__task(&stage, server)->wait_idle_ns = 1700 * STAGE_MS;
	stage__pair(&stage, server, OCCUPANT_IDLE, 0, 1700)->waits = waits;
	for (int cpu = 0; cpu < 2; cpu++)
		stage.recording->cpu[cpu].credit_idle_ns = 850 * STAGE_MS;
	return stage;
}

static void test_wakeup(void **state)
{
	(void)state;
	static const struct { int64_t waits; const char *verdict; } cases[] = {
		{ 850, "confirmed" }, { 3000, "contributing" }, { 17000, "ruled_out" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = sleepy(cases[i].waits);
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.wakeup", cases[i].verdict);
		if (i == 2)
			stage__assert_no_accusation(&stage);
		stage__free(&stage);
	}
}

static void test_wakeup_names_only_who_waits_long(void **state)
{
	struct stage stage = sleepy(850);
	(void)state;
	int64_t timers = stage__process(&stage, "timers", 101, 2000, 900, 0);
	stage__task(&stage, timers)->wait_idle_ns = 800 * STAGE_MS;
	stage__pair(&stage, timers, OCCUPANT_IDLE, 0, 300)->waits = 1500;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.wakeup");
	assert_true(verdict->kind >= VERDICT_CONTRIBUTING);
	assert_int_equal(verdict->victim_count, 1);
	assert_victim(&stage, "cpu.wakeup", 1);
	stage__free(&stage);
}

// What a quota holds off leaves its CPU idle as well: that is no slow wake-up.
static void test_throttled_tasks_do_not_wake_slowly(void **state)
{
	struct stage stage = sleepy(850);
	(void)state;
	stage__task(&stage, 1)->throttled_ns = 10 * STAGE_MS;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.wakeup", "ruled_out");
	stage__free(&stage);
}

#define POLICY_DEADLINE 6

// A task of SCHED_DEADLINE that waits while the CPU is idle, or behind ordinary tasks, has used up its own runtime: no idle CPU is slow, and no spinner
// holds it up. A wait that lasts longer than any period tells that the kernel refills nothing any more.
static void test_deadline_tasks_wait_for_their_own_runtime(void **state)
{
	(void)state;
	for (int forgotten = 0; forgotten < 2; forgotten++) {
		struct stage stage = stage__new(8000);
		int64_t capture = stage__process(&stage, "capture", 100, 1000, 8000, 0), spinner = stage__process(&stage, "spinner", 200, 9000, 0, 8000);
		struct task_row *task = stage__task(&stage, capture);
		task->policy = POLICY_DEADLINE;
		task->wait_idle_ns = 4000 * STAGE_MS;
		task->wait_max_ns = forgotten ? 8000 * STAGE_MS : 20 * STAGE_MS;
		stage__pair(&stage, capture, OCCUPANT_IDLE, 0, 4000)->waits = 200;
		stage__pair(&stage, capture, OCCUPANT_TASK, spinner, 4000);
		stage.recording->cpu[0].credit_idle_ns = 8000 * STAGE_MS;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.wakeup", "ruled_out");
		assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
		assert_verdict(&stage, "cpu.quota", "confirmed");
		const struct verdict *verdict = stage__verdict(&stage, "cpu.quota");
		assert_victim(&stage, "cpu.quota", capture);
		assert_non_null(strstr(verdict->summary, forgotten ? "stopped refilling the runtime" : "used up the runtime of SCHED_DEADLINE"));
		assert_float_equal(verdict->share.share, 1, 0.001);
		stage__free(&stage);
	}
}

// One thread of that class among ordinary ones tells nothing of these.
static void test_one_deadline_thread_does_not_speak_for_its_process(void **state)
{
	struct stage stage = sleepy(850);
	(void)state;
	struct task_row *other = recording__add_task(stage.recording);
	*other = (struct task_row){ .process = 1, .tid = 1234, .name = base__copy("dl"), .policy = POLICY_DEADLINE, .allowed_cpus = 2, .run_ns = STAGE_MS };
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.wakeup", "confirmed");
	assert_verdict(&stage, "cpu.quota", "ruled_out");
	stage__free(&stage);
}

static void test_wakeup_under_confirmed_steal_is_its_effect(void **state)
{
	struct stage stage = sleepy(850);
	(void)state;
	for (int cpu = 0; cpu < 2; cpu++)
		stage.recording->cpu[cpu].steal_ns = 2000 * STAGE_MS;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.steal", "confirmed");
	assert_string_equal(stage__verdict(&stage, "cpu.wakeup")->under, "cpu.steal");
	assert_verdict(&stage, "cpu.wakeup", "contributing");
	stage__free(&stage);
}

static void add_batch_and_server(struct stage *stage)
{
	int64_t batch = stage__process(stage, "batch", 100, 9000, 100, 12000), server = stage__process(stage, "server", 200, 1500, 4000, 0);
	stage__pair(stage, server, OCCUPANT_TASK, batch, 3900);
}

// What was lost bounds a share. Of 4.1 task-seconds, 3.9 of which are the server's, so much was booked on nobody: the verdict falls where the
// lower bound no longer passes, and nothing can be said where more is unknown than known.
static void test_loss_bounds_verdicts(void **state)
{
	static const struct { int64_t unknown_ms; const char *verdict, *other; double low, high; bool doubt, other_doubt; } cases[] = {
		{ 0, "confirmed", "ruled_out", 3.9, 3.9, false, false },
		{ 400, "confirmed", "ruled_out", 3.5, 4.3, true, false },
		{ 1500, "confirmed", "ruled_out", 2.4, 5.4, true, true },
		{ 2500, "confirmed", "not_testable", 1.4, 6.4, true, true },    // 1.4 s are still more than a twentieth of the window
		{ 3800, "contributing", "not_testable", 0.1, 7.7, true, true },
		{ 9000, "not_testable", "not_testable", 0, 12.9, true, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(6000);
		add_batch_and_server(&stage);
		stage.recording->cpu[1].credit_unknown_task_ns = cases[i].unknown_ms * STAGE_MS;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.oversubscription", cases[i].verdict);
		assert_verdict(&stage, "cpu.wakeup", cases[i].other);
		const struct verdict *verdict = stage__verdict(&stage, "cpu.oversubscription");
		assert_true(fabs(verdict->stall_low - cases[i].low) < 0.01 && fabs(verdict->stall_high - cases[i].high) < 0.01);
		assert_true(verdict->wall_low <= verdict->wall_seconds && verdict->wall_seconds <= verdict->wall_high);
		assert_int_equal(verdict->doubt != NULL, cases[i].doubt);
		assert_int_equal(stage__verdict(&stage, "cpu.wakeup")->doubt != NULL, cases[i].other_doubt);
		stage__free(&stage);
	}
}

// A long gap on a CPU whose counter did not move hides nothing; where events stand in for the counter, it may.
static void test_gaps_without_pressure(void **state)
{
	(void)state;
	for (int events = 0; events < 2; events++) {
		struct stage stage = stage__new(12);
		recording__set_meta(stage.recording, "meter", events ? "events" : "psi_group_cpu");
		stage.recording->cpu[1].gaps = 3;
		stage.recording->cpu[1].gap_ns = 2000 * STAGE_MS;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.oversubscription", events ? "not_testable" : "ruled_out");
		assert_int_equal(stage.diagnosis->healthy, !events);
		stage__free(&stage);
	}
}

// Half of next to nothing is unexplained: that is no reason to doubt anything.
static void test_little_imbalance_does_not_matter(void **state)
{
	struct stage stage = stage__new(60);
	(void)state;
	stage.recording->book[0].victims_ns = stage.recording->book[1].victims_ns = 30 * STAGE_MS;
	stage__judge(&stage);
	assert_false(stage.ledger->balanced);
	assert_true(stage.diagnosis->healthy);
	assert_int_equal(stage.diagnosis->caution_count, 0);
	stage__free(&stage);
}

static void test_unbalanced_books_lower_verdicts(void **state)
{
	struct stage stage = stage__new(6000);
	(void)state;
	add_batch_and_server(&stage);
	stage.recording->book[0].victims_ns /= 2;
	stage.recording->book[1].victims_ns /= 2;
	stage__judge(&stage);
	assert_false(stage.ledger->balanced);
	assert_verdict(&stage, "cpu.oversubscription", "contributing");
	assert_non_null(stage__verdict(&stage, "cpu.oversubscription")->doubt);
	assert_true(stage.diagnosis->caution_count > 0);
	assert_true(stage.diagnosis->unexplained_seconds > 2.9);
	stage__free(&stage);
}

static void test_idle_machine_is_healthy(void **state)
{
	struct stage stage = stage__new(12);
	(void)state;
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	assert_true(stage.diagnosis->healthy);
	assert_int_equal(stage.diagnosis->caution_count, 0);
	stage__free(&stage);
}

// Other pressure is not ours to judge yet, but "healthy" would be a lie.
static void test_io_pressure_is_not_healthy(void **state)
{
	struct stage stage = stage__new(12);
	(void)state;
	*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 4000 * STAGE_MS };
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	assert_false(stage.diagnosis->healthy);
	assert_non_null(strstr(stage.diagnosis->cautions[0], "I/O pressure"));
	stage__free(&stage);
}

static void test_unexplained_is_not_healthy(void **state)
{
	struct stage stage = stage__new(3000);
	(void)state;
	stage.recording->book[0].culprits_ns = stage.recording->book[1].culprits_ns = 0;
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	assert_false(stage.diagnosis->healthy);
	assert_non_null(strstr(stage.diagnosis->headline, "UNEXPLAINED"));
	stage__free(&stage);
}

static void test_cut_short(void **state)
{
	struct stage stage = stage__new(12);
	(void)state;
	recording__set_meta(stage.recording, "complete", "0");
	stage__judge(&stage);
	assert_non_null(strstr(stage.diagnosis->cautions[0], "cut short"));
	stage__free(&stage);
}

static void test_every_cause_once(void **state)
{
	struct stage stage = stage__new(12);
	(void)state;
	stage__judge(&stage);
	assert_int_equal(stage.diagnosis->verdict_count, 30);
	for (size_t i = 0; i < stage.diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &stage.diagnosis->verdicts[i];
		assert_non_null(verdict->summary);
		assert_true((verdict->cause->judge != NULL) != (verdict->cause->needs != NULL));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(verdict->cause->id, stage.diagnosis->verdicts[j].cause->id);
	}
	stage__free(&stage);
}

static void test_empty_recording_judges_nothing(void **state)
{
	struct stage stage = { .recording = recording__new() };
	(void)state;
	stage__judge(&stage);
	for (size_t i = 0; i < stage.diagnosis->verdict_count; i++)
		assert_int_equal(stage.diagnosis->verdicts[i].kind, VERDICT_NOT_TESTABLE);
	assert_false(stage.diagnosis->healthy);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_competition_inside_a_limit_follows_from_it),
		cmocka_unit_test(test_quota_that_hardly_strikes),
		cmocka_unit_test(test_deadline_tasks_wait_for_their_own_runtime),
		cmocka_unit_test(test_one_deadline_thread_does_not_speak_for_its_process),
		cmocka_unit_test(test_quota_without_the_kernels_word),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_no_steal_on_bare_metal),
		cmocka_unit_test(test_wakeup),
		cmocka_unit_test(test_wakeup_names_only_who_waits_long),
		cmocka_unit_test(test_throttled_tasks_do_not_wake_slowly),
		cmocka_unit_test(test_wakeup_under_confirmed_steal_is_its_effect),
		cmocka_unit_test(test_loss_bounds_verdicts),
		cmocka_unit_test(test_gaps_without_pressure),
		cmocka_unit_test(test_little_imbalance_does_not_matter),
		cmocka_unit_test(test_unbalanced_books_lower_verdicts),
		cmocka_unit_test(test_idle_machine_is_healthy),
		cmocka_unit_test(test_io_pressure_is_not_healthy),
		cmocka_unit_test(test_unexplained_is_not_healthy),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_every_cause_once),
		cmocka_unit_test(test_empty_recording_judges_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
