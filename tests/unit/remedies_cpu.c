// Remedies for waits for CPU time: that they fit the process, its class, its limit and its runtime.
#include "unit/stage_locks.h"

#include "remedies/remedy.h"

#include <sched.h>

struct asked { struct stage stage; struct verdict *verdict; int64_t culprit, victim; };

// A culprit and a victim by hand; who they are is for the test to say before `ask`.
static struct asked scene_of_two(void)
{
	struct asked asked = { .stage = stage__new(3000) };
	asked.culprit = stage__process(&asked.stage, "encoder", 700, 9000, 4000, 3000);
	asked.victim = stage__process(&asked.stage, "server", 800, 2000, 3000, 0);
	stage__pair(&asked.stage, asked.victim, OCCUPANT_TASK, asked.culprit, 2000);
	stage__pair(&asked.stage, asked.culprit, OCCUPANT_TASK, asked.culprit, 4000);
	return asked;
}

static void judge(struct asked *asked, const char *cause)
{
	stage__judge(&asked->stage);
	stage__forget_verdicts(&asked->stage);
	asked->verdict = stage__find(&asked->stage, cause);
}

static const struct remedy_offer *ask(struct asked *asked, const char *remedy)
{
	remedies__offer_for(asked->stage.ledger, asked->verdict);
	return stage__offer(&asked->stage, asked->verdict->cause->id, remedy);
}

static void test_nice_values_are_only_lowered(void **state)
{
	static const struct { int culprit, victim; const char *command; } cases[] = {
		{ 0, 0, "renice -n 10 -p 700" }, { 5, 0, "renice -n 10 -p 700" }, { -5, 0, "renice -n 10 -p 700" }, { 10, 0, NULL }, { 19, 0, NULL },
		{ 0, 10, "renice -n 19 -p 700" }, { 10, 10, "renice -n 19 -p 700" }, { 19, 10, NULL }, { 0, 19, NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked asked = scene_of_two();
		stage__task(&asked.stage, asked.culprit)->nice = cases[i].culprit;
		stage__task(&asked.stage, asked.victim)->nice = cases[i].victim;
		judge(&asked, "cpu.oversubscription");
		stage__add_party(&asked.stage, asked.verdict, false, asked.culprit, 3);
		stage__add_party(&asked.stage, asked.verdict, true, asked.victim, 3);
		const struct remedy_offer *offer = ask(&asked, "nice");
		assert_int_equal(offer->applicable, cases[i].command != NULL);
		if (cases[i].command)
			assert_string_equal(offer->command, cases[i].command);
		else
			assert_null(offer->command);
		stage__free(&asked.stage);
	}
}

// Two hogs of one kind and one that has ended, whose number may be another's by now: the command is for those that live, and for all of them.
static void test_an_ordinary_class_for_all_that_live(void **state)
{
	static const char *const commands[] = { "chrt -a -o -p 0 700", "for p in 700 701; do chrt -a -o -p 0 $p; done", "for p in 700 701; do chrt -a -o -p 0 $p; done" };
	(void)state;
	for (int more = 0; more < 3; more++) {
		struct asked asked = scene_of_two();
		for (int i = 0; i < more; i++) {
			int64_t id = stage__process(&asked.stage, "encoder", 701 + i, 9000, 4000, 3000);
			asked.stage.recording->process[id - 1].gone = i;
			stage__task(&asked.stage, id)->policy = SCHED_FIFO;
			stage__pair(&asked.stage, asked.victim, OCCUPANT_TASK, id, 2000)->realtime_ns = 2000 * STAGE_MS;
		}
		stage__task(&asked.stage, asked.culprit)->policy = SCHED_FIFO;
		asked.stage.recording->pair[0].realtime_ns = 2000 * STAGE_MS;
		stage__judge(&asked.stage);
		const struct remedy_offer *offer = stage__offer(&asked.stage, "cpu.priority", "ordinary-class");
		assert_non_null(offer);
		assert_true(offer->applicable);
		assert_string_equal(offer->command, commands[more]);
		stage__free(&asked.stage);
	}
}

// Whoever waits for its own threads gains nothing by a lower weight.
static void test_nothing_for_those_who_hold_up_themselves(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		struct asked asked = scene_of_two();
		int64_t third = stage__process(&asked.stage, "third", 900, 1000, 0, 0);
		if (own) {              // the server waits for somebody else
			asked.stage.recording->pair[0].wait_ns = 100 * STAGE_MS;
			stage__pair(&asked.stage, asked.victim, OCCUPANT_TASK, third, 1900);
		}
		judge(&asked, "cpu.oversubscription");
		stage__add_party(&asked.stage, asked.verdict, false, asked.culprit, 3);
		stage__add_party(&asked.stage, asked.verdict, true, asked.victim, 3);
		assert_int_equal(ask(&asked, "nice")->applicable, !own);
		if (own) {
			assert_says(stage__offer(&asked.stage, "cpu.oversubscription", "nice")->why, "nobody but its own kind");
			assert_says(stage__offer(&asked.stage, "cpu.oversubscription", "cpu-weight")->why, "nobody but its own kind");
		}
		stage__free(&asked.stage);
	}
}

static void test_ordinary_nice_values_are_no_class(void **state)
{
	(void)state;
	for (int nice = -5; nice <= 0; nice += 5) {
		struct asked asked = scene_of_two();
		stage__task(&asked.stage, asked.culprit)->nice = nice;
		judge(&asked, "cpu.priority");
		stage__add_party(&asked.stage, asked.verdict, false, asked.culprit, 3);
		stage__add_party(&asked.stage, asked.verdict, true, asked.victim, 3);
		assert_int_equal(ask(&asked, "ordinary-class")->applicable, nice < 0);
		stage__free(&asked.stage);
	}
}

struct limited { int quota_us, throttled_periods, throttled_ms, counted_ms; const char *unit, *command, *says; };

// 10 s in periods of 100 ms, on two CPUs.
static struct asked limited_by(const struct limited *limited)
{
	struct asked asked = scene_of_two();
	struct cgroup_row *group = recording__add_cgroup(asked.stage.recording);
	*group = (struct cgroup_row){ .id = 11, .hierarchy = 2, .path = base__copy("/system.slice/capped.service"), .level = 2, .weight = 100,
		.quota_us = limited->quota_us, .period_us = 100000, .periods = 100, .throttled_periods = limited->throttled_periods,
		.throttled_us = limited->counted_ms < 0 ? -1 : limited->counted_ms * 1000 };
	struct process_row *process = &asked.stage.recording->process[asked.victim - 1];
	stage__set(&process->cpu_cgroup, "/system.slice/capped.service/below");
	stage__set(&process->unit, limited->unit);
	stage__task(&asked.stage, asked.victim)->throttled_ns = limited->throttled_ms * STAGE_MS;
	stage__task(&asked.stage, asked.victim)->wait_ns = limited->throttled_ms * STAGE_MS;
	return asked;
}

static void accuse_the_limit(struct asked *asked)
{
	judge(asked, "cpu.quota");
	verdict__add_other_culprit(asked->verdict, PARTY_QUOTA, "/system.slice/capped.service", "/system.slice/capped.service", 3e9);
	stage__add_party(&asked->stage, asked->verdict, true, asked->victim, 3);
}

static void test_the_limit_that_suffices(void **state)
{
	static const struct limited cases[] = {
		{ 20000, 100, 8000, 8000, "capped.service", "systemctl set-property --runtime capped.service CPUQuota=100%", "at most 1;" }, // one task, 80 ms in each period
		{ 20000, 20, 600, 600, "capped.service", "systemctl set-property --runtime capped.service CPUQuota=50%", "at most 0.5;" },  // bursts: 30 ms in 20 of them
		{ 20000, 100, 36000, 9000, "capped.service", "systemctl set-property --runtime capped.service CPUQuota=110%", "at most 1.1;" }, // four tasks on one CPU
		{ 20000, 100, 36000, -1, "capped.service", "systemctl set-property --runtime capped.service CPUQuota=200%", "all of them" },  // the kernel does not count
		{ 100000, 10, 10, 10, NULL, "systemctl set-property --runtime capped.service CPUQuota=105%", "at most 1.05;" },
		{ 200000, 10, 1000, 1000, NULL, NULL, "no more than 2" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked asked = limited_by(&cases[i]);
		accuse_the_limit(&asked);
		const struct remedy_offer *offer = ask(&asked, "raise-quota");
		assert_says(offer->why, cases[i].says);
		assert_int_equal(offer->applicable, cases[i].command != NULL);
		if (cases[i].command)
			assert_string_equal(offer->command, cases[i].command);
		stage__free(&asked.stage);
	}
}

static void test_threads_by_runtime_and_version(void **state)
{
	static const struct { const char *runtime, *version, *settings, *says, *not; } cases[] = {
		{ "go", "1.19.8", NULL, "version 1.19.8, which runs as many threads as the machine has CPUs: GOMAXPROCS=1", "itself" },
		{ "go", "1.25.1", NULL, "Go 1.25.1 reads the limit itself", "GOMAXPROCS" },
		{ "go", NULL, NULL, "before Go 1.25 GOMAXPROCS=1", "itself" },
		{ "go", "1.19.8", "GOMAXPROCS=8", "GOMAXPROCS=8 in its environment", "machine" },
		{ "jvm", "17.0.1", NULL, "ActiveProcessorCount=1", "GOMAXPROCS" },
		{ "c", NULL, NULL, "early in each period", "GOMAXPROCS" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked asked = limited_by(&(struct limited){ 20000, 100, 8000, 8000, NULL, NULL, NULL });
		struct process_row *process = &asked.stage.recording->process[asked.victim - 1];
		stage__set(&process->runtime, cases[i].runtime);
		stage__set(&process->runtime_version, cases[i].version);
		stage__set(&process->settings, cases[i].settings);
		*recording__add_task(asked.stage.recording) = *stage__task(&asked.stage, asked.victim);
		asked.stage.recording->task[2].name = base__copy("second");
		asked.stage.recording->task[2].tid++;
		accuse_the_limit(&asked);
		const struct remedy_offer *offer = ask(&asked, "threads-to-quota");
		assert_true(offer->applicable);
		assert_says(offer->why, cases[i].says);
		assert_null(strstr(offer->why, cases[i].not));
		stage__free(&asked.stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nice_values_are_only_lowered), cmocka_unit_test(test_an_ordinary_class_for_all_that_live),
		cmocka_unit_test(test_nothing_for_those_who_hold_up_themselves),
		cmocka_unit_test(test_ordinary_nice_values_are_no_class),
		cmocka_unit_test(test_the_limit_that_suffices),
		cmocka_unit_test(test_threads_by_runtime_and_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
