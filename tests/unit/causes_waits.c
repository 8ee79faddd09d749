// Verdicts on waits for other tasks: oversubscription, affinity, priority, churn, from hand-made tables.
#include "unit/stage.h"

#include <sched.h>

// Four spinners on two CPUs beside a server that wants little and waits long for it.
static struct stage crowd(int64_t *ret_server, int64_t *ret_spinner)
{
	struct stage stage = stage__new(8000);
	int64_t spinners[4];
	for (int i = 0; i < 4; i++)
		spinners[i] = stage__process(&stage, "spinner", 100 + i, 4500, 5500, 3800);
	int64_t server = stage__process(&stage, "server", 200, 1500, 3000, 800);
	// Its client waits a little, and for the server only: that makes the server no culprit of the machine's stall.
	int64_t client = stage__process(&stage, "client", 201, 100, 140, 10);
	stage__pair(&stage, client, OCCUPANT_TASK, server, 130);
	for (int i = 0; i < 4; i++) {
		stage__pair(&stage, server, OCCUPANT_TASK, spinners[i], 740);
		stage__pair(&stage, spinners[i], OCCUPANT_TASK, spinners[(i + 1) % 4], 4700);
		stage__pair(&stage, spinners[i], OCCUPANT_TASK, server, 700);
	}
	*ret_server = server;
	*ret_spinner = spinners[0];
	return stage;
}

static void test_oversubscription_is_confirmed(void **state)
{
	int64_t server, spinner;
	struct stage stage = crowd(&server, &spinner);
	(void)state;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.oversubscription", "confirmed");
	assert_accused(&stage, "cpu.oversubscription", spinner);
	assert_not_accused(&stage, "cpu.oversubscription", server);
	assert_victim(&stage, "cpu.oversubscription", server);
	assert_victim(&stage, "cpu.oversubscription", spinner);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.oversubscription");
	// Four processes of one kind are one party, and the victim that is no culprit comes first.
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].processes, 4);
	assert_int_equal(verdict->victims[0].process, server);
	assert_true(stage.diagnosis->confirmed);
	assert_false(stage.diagnosis->healthy);
	assert_non_null(strstr(stage.diagnosis->headline, "spinner"));
	for (const char *const *id = (const char *const[]){ "cpu.quota", "cpu.affinity", "cpu.priority", "cpu.churn", "cpu.steal", "cpu.wakeup", NULL };
	     *id; id++)
		assert_verdict(&stage, *id, "ruled_out");
	stage__free(&stage);
}

static void test_shares_and_checks(void **state)
{
	int64_t server, spinner;
	struct stage stage = crowd(&server, &spinner);
	(void)state;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.oversubscription");
	// 4 x 740 + 4 x 4700 ms by spinners, of those and 4 x 700 + 130 ms by the server.
	assert_true(verdict->culprits[0].seconds > 21.75 && verdict->culprits[0].seconds < 21.77);
	assert_true(verdict->stall_seconds > 24.68 && verdict->stall_seconds < 24.70);
	assert_true(verdict->culprits[0].own_seconds > 18.79 && verdict->culprits[0].own_seconds < 18.81);
	bool has_pid = false;
	for (size_t i = 0; i < verdict->check_count; i++)
		has_pid = has_pid || strstr(verdict->checks[i].command, "/proc/200/schedstat");
	assert_true(has_pid);
	assert_true(verdict->remedy_count >= 3);
	for (size_t i = 0; i < verdict->remedy_count; i++)
		assert_non_null(verdict->remedies[i].why);
	stage__free(&stage);
}

static void test_less_pressure_contributes(void **state)
{
	struct stage stage = stage__new(300);
	(void)state;
	int64_t batch = stage__process(&stage, "batch", 100, 3000, 50, 600), server = stage__process(&stage, "server", 200, 500, 200, 0);
	stage__pair(&stage, server, OCCUPANT_TASK, batch, 200);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.oversubscription", "contributing");
	assert_accused(&stage, "cpu.oversubscription", batch);
	assert_false(stage.diagnosis->confirmed);
	stage__free(&stage);
}

// Three hundred threads that are woken at once wait for some milliseconds, and for four seconds all together.
static void test_a_herd_is_not_severe(void **state)
{
	(void)state;
	for (int herd = 0; herd < 2; herd++) {
		struct stage stage = stage__new(herd ? 250 : 2500);
		int64_t batch = stage__process(&stage, "batch", 100, 3000, 50, 600), pool = stage__process(&stage, "pool", 200, 1500, 4000, 0);
		stage__task(&stage, pool)->waits = 300;
		stage__pair(&stage, pool, OCCUPANT_TASK, batch, 4000);
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.oversubscription", herd ? "contributing" : "confirmed");
		stage__free(&stage);
	}
}

// A server at 40 % load: many short collisions that add up to some pressure.
static void test_short_collisions_accuse_nobody(void **state)
{
	struct stage stage = stage__new(600);
	(void)state;
	int64_t one = stage__process(&stage, "server", 100, 4000, 700, 600), two = stage__process(&stage, "worker", 101, 4000, 700, 600);
	stage__pair(&stage, one, OCCUPANT_TASK, two, 600)->waits = 3000;
	stage__pair(&stage, two, OCCUPANT_TASK, one, 600)->waits = 3000;
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	assert_int_equal(stage.diagnosis->state, STATE_BUSY);
	assert_non_null(strstr(stage.diagnosis->headline, "BUSY, not stalled: CPU pressure (some) 6.0 %"));
	stage__free(&stage);
}

// Half of the CPU time is idle: waits of a millisecond are collisions, waits of 4 ms are a burst of too many tasks.
static void test_idle_cpus_speak_against_oversubscription(void **state)
{
	(void)state;
	for (int burst = 0; burst < 2; burst++) {
		struct stage stage = stage__new(900);
		for (int cpu = 0; cpu < 2; cpu++)
			stage.recording->cpu[cpu].run_ns = stage.recording->cpu[cpu].idle_ns = 5000 * STAGE_MS;
		int64_t server = stage__process(&stage, "server", 100, 4000, 100, 1700), client = stage__process(&stage, "client", 200, 800, 900, 0);
		struct pair_row *pair = stage__pair(&stage, client, OCCUPANT_TASK, server, 800);
		if (!burst)
			pair->waits = 800;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.oversubscription", burst ? "confirmed" : "ruled_out");
		stage__free(&stage);
	}
}

// A journal's thread that is woken beside the program that waits for it: a few percent of pressure on a machine that idles for most of the time.
static void test_little_pressure_on_an_idle_machine(void **state)
{
	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		struct stage stage = stage__new(300);
		for (int cpu = 0; cpu < 2; cpu++) {
			stage.recording->cpu[cpu].run_ns = (busy ? 6000 : 3000) * STAGE_MS;
			stage.recording->cpu[cpu].idle_ns = (busy ? 4000 : 7000) * STAGE_MS;
		}
		int64_t mail = stage__process(&stage, "mail-delivery", 100, 4000, 50, 600), journal = stage__process(&stage, "jbd2", 200, 100, 300, 0);
		stage__pair(&stage, journal, OCCUPANT_TASK, mail, 300)->waits = 75;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.oversubscription", busy ? "contributing" : "ruled_out");
		stage__free(&stage);
	}
}

// The bystander uses more CPU than anyone, but hardly anybody waited for it.
static void test_bystander_is_not_accused(void **state)
{
	int64_t server, spinner;
	struct stage stage = crowd(&server, &spinner);
	(void)state;
	int64_t bystander = stage__process(&stage, "bystander", 300, 9900, 10, 100);
	stage__pair(&stage, server, OCCUPANT_TASK, bystander, 60);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.oversubscription", "confirmed");
	assert_not_accused(&stage, "cpu.oversubscription", bystander);
	stage__free(&stage);
}

// Many small competitors together: nobody takes a twentieth of what the victim wanted, so nobody is the one to blame.
static void test_many_small_ones_do_not_confirm(void **state)
{
	struct stage stage = stage__new(6000);
	(void)state;
	int64_t server = stage__process(&stage, "server", 200, 1500, 3000, 0);
	for (int i = 0; i < 20; i++) {
		cleanup_free char *name = base__format("service%02d", i);
		int64_t service = stage__process(&stage, name, 300 + i, 800, 10, 600);
		stage__pair(&stage, server, OCCUPANT_TASK, service, 140);
	}
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.oversubscription", "contributing");
	assert_true(stage__verdict(&stage, "cpu.oversubscription")->culprit_count <= 2);
	stage__free(&stage);
}

// A large part of little waiting is still little: 13 % of what the server waited, but 2.6 % of what it wanted.
static void test_small_harm_accuses_nobody(void **state)
{
	struct stage stage = stage__new(2000);
	(void)state;
	int64_t server = stage__process(&stage, "server", 100, 4000, 1000, 0), batch = stage__process(&stage, "batch", 200, 9000, 10, 4000);
	int64_t cron = stage__process(&stage, "cron", 300, 500, 10, 300);
	stage__pair(&stage, server, OCCUPANT_TASK, batch, 850);
	stage__pair(&stage, server, OCCUPANT_TASK, cron, 130);
	stage__judge(&stage);
	assert_accused(&stage, "cpu.oversubscription", batch);
	assert_not_accused(&stage, "cpu.oversubscription", cron);
	stage__free(&stage);
}

static void test_tool_is_never_accused(void **state)
{
	struct stage stage = stage__new(3000);
	(void)state;
	int64_t tool = stage__process(&stage, "whystall", 100, 5000, 100, 5000), server = stage__process(&stage, "server", 200, 1500, 3000, 0);
	recording__set_meta(stage.recording, "tool_pid", "100");
	stage__pair(&stage, server, OCCUPANT_TASK, tool, 2900);
	stage__judge(&stage);
	assert_not_accused(&stage, "cpu.oversubscription", tool);
	assert_int_equal(stage__verdict(&stage, "cpu.oversubscription")->culprit_count, 0);
	stage__free(&stage);
}

// The recorder's helpers are the recorder, whatever they are called; a workload that is a whystall itself, and a stranger who takes the name, are not.
static void test_helpers_of_the_tool(void **state)
{
	static const struct { const char *name; int64_t parent; const char *command; bool tool; } cases[] = {
		{ "whystall-lift", 100, "whystall record", true }, { "whystall", 100, NULL, true }, { "whystall", 100, "whystall record -d 9", false },
		{ "whystall-lift", 55, "whystall record", false }, { "miner", 100, "whystall record", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(3000);
		int64_t tool = stage__process(&stage, "whystall", 100, 100, 10, 100), helper = stage__process(&stage, cases[i].name, 101, 5000, 100, 5000);
		int64_t server = stage__process(&stage, "server", 200, 1500, 3000, 0);
		struct process_row *rows = stage.recording->process;
		recording__set_meta(stage.recording, "tool_pid", "100");
		rows[tool - 1].command_line = base__copy("whystall record");
		rows[helper - 1].command_line = cases[i].command ? base__copy(cases[i].command) : NULL;
		rows[helper - 1].parent_pid = cases[i].parent;
		free(rows[helper - 1].exe);
		rows[helper - 1].exe = base__copy(rows[tool - 1].exe);
		stage__pair(&stage, server, OCCUPANT_TASK, helper, 2900);
		stage__judge(&stage);
		if (cases[i].tool)
			assert_not_accused(&stage, "cpu.oversubscription", helper);
		else
			assert_accused(&stage, "cpu.oversubscription", helper);
		stage__free(&stage);
	}
}

// What whystall took, at its realtime priority, is nobody else's: not the kernel thread's that took next to nothing beside it. Where others
// took much, too, what they took counts.
static void test_nobody_answers_for_the_tool(void **state)
{
	(void)state;
	for (int much = 0; much < 2; much++) {
		struct stage stage = stage__new(4000);
		int64_t tool = stage__process(&stage, "whystall", 100, 4000, 100, 4000), server = stage__process(&stage, "server", 200, 1500, 6000, 0);
		int64_t worker = stage__process(&stage, "kworker/1:0H", 46, 1000, 100, much ? 1000 : 1);
		int64_t taken_ms = much ? 2900 : 1;
		recording__set_meta(stage.recording, "tool_pid", "100");
		stage.recording->process[worker - 1].kernel_thread = 1;
		stage__task(&stage, worker)->nice = -20;
		stage__task(&stage, tool)->policy = SCHED_FIFO;
		stage__pair(&stage, server, OCCUPANT_TASK, tool, 3000)->realtime_ns = 3000 * STAGE_MS;
		stage__pair(&stage, server, OCCUPANT_TASK, worker, taken_ms)->heavier_ns = taken_ms * STAGE_MS;
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "cpu.priority");
		assert_not_accused(&stage, "cpu.priority", tool);
		if (much) {
			assert_accused(&stage, "cpu.priority", worker);
			assert_true(verdict->victims[0].seconds > 2.8 && verdict->victims[0].seconds < 3);
		} else {
			assert_verdict(&stage, "cpu.priority", "ruled_out");
			assert_int_equal(verdict->culprit_count, 0);
		}
		stage__free(&stage);
	}
}

static void test_affinity(void **state)
{
	struct stage stage = stage__new(7000);
	(void)state;
	int64_t crowd_ids[3];
	for (int i = 0; i < 3; i++) {
		crowd_ids[i] = stage__process(&stage, "pinned", 100 + i, 3300, 6600, 2300);
		stage__task(&stage, crowd_ids[i])->allowed_cpus = 1;
		stage__task(&stage, crowd_ids[i])->idle_outside_ns = 6500 * STAGE_MS;
	}
	for (int i = 0; i < 3; i++)
		for (int j = 1; j < 3; j++)
			stage__pair(&stage, crowd_ids[i], OCCUPANT_TASK, crowd_ids[(i + j) % 3], 3300);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.affinity", "confirmed");
	assert_accused(&stage, "cpu.affinity", crowd_ids[0]);
	assert_victim(&stage, "cpu.affinity", crowd_ids[1]);
	// The same waits are not oversubscription too.
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	stage__free(&stage);
}

static void test_idle_allowed_cpu_is_not_oversubscription(void **state)
{
	struct stage stage = stage__new(3000);
	(void)state;
	int64_t batch = stage__process(&stage, "batch", 100, 9000, 100, 6000), server = stage__process(&stage, "server", 200, 1500, 3000, 0);
	stage__task(&stage, server)->idle_allowed_ns = 2900 * STAGE_MS;
	stage__pair(&stage, server, OCCUPANT_TASK, batch, 2950);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	assert_verdict(&stage, "cpu.affinity", "ruled_out");
	stage__free(&stage);
}

static void test_priority_realtime(void **state)
{
	struct stage stage = stage__new(4000);
	(void)state;
	int64_t hog = stage__process(&stage, "hog", 100, 7500, 0, 8000), server = stage__process(&stage, "server", 200, 1500, 6000, 0);
	stage__task(&stage, hog)->policy = SCHED_FIFO;
	stage__task(&stage, hog)->rt_priority = 50;
	stage__pair(&stage, server, OCCUPANT_TASK, hog, 5900)->realtime_ns = 5900 * STAGE_MS;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.priority", "confirmed");
	assert_accused(&stage, "cpu.priority", hog);
	assert_victim(&stage, "cpu.priority", server);
	assert_string_equal(stage__verdict(&stage, "cpu.priority")->culprits[0].note, "SCHED_FIFO 50");
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	stage__free(&stage);
}

// What it would gain is said of a program, not of the kworker that wants little and loses most of it.
static void test_a_program_gains(void **state)
{
	struct stage stage = stage__new(4000);
	(void)state;
	int64_t hog = stage__process(&stage, "hog", 100, 7500, 0, 8000), worker = stage__process(&stage, "kworker/0:1", 15, 10, 6500, 0);
	int64_t server = stage__process(&stage, "server", 200, 1500, 6000, 0);
	stage.recording->process[worker - 1].kernel_thread = 1;
	stage__task(&stage, hog)->policy = SCHED_FIFO;
	stage__pair(&stage, worker, OCCUPANT_TASK, hog, 6400)->realtime_ns = 6400 * STAGE_MS;
	stage__pair(&stage, server, OCCUPANT_TASK, hog, 5900)->realtime_ns = 5900 * STAGE_MS;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.priority");
	assert_int_equal(verdict->victims[0].process, worker);
	assert_int_equal(verdict->victims[verdict->gain.victim].process, server);
	assert_float_equal(verdict->gain.loss_now, 6000.0 / 7500, 1e-6);
	stage__free(&stage);
}

// Two shells of SCHED_FIFO 50 and an ordinary one that does next to nothing: one executable, and two parties. The bystander is none of the hogs.
static void test_a_namesake_of_another_class_is_no_hog(void **state)
{
	struct stage stage = stage__new(4000);
	(void)state;
	int64_t hogs[2] = { stage__process(&stage, "sh", 100, 5000, 0, 4000), stage__process(&stage, "sh", 101, 5000, 0, 4000) };
	int64_t server = stage__process(&stage, "server", 200, 1500, 6000, 0), bystander = stage__process(&stage, "sh", 102, 5, 40, 0);
	for (size_t i = 0; i < ARRAY_SIZE(hogs); i++) {
		stage__task(&stage, hogs[i])->policy = SCHED_FIFO;
		stage__task(&stage, hogs[i])->rt_priority = 50;
		stage__pair(&stage, server, OCCUPANT_TASK, hogs[i], 2900)->realtime_ns = 2900 * STAGE_MS;
		stage__pair(&stage, bystander, OCCUPANT_TASK, hogs[i], 20)->realtime_ns = 20 * STAGE_MS;
	}
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.priority", "confirmed");
	const struct verdict *verdict = stage__verdict(&stage, "cpu.priority");
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].processes, 2);
	assert_accused(&stage, "cpu.priority", hogs[0]);
	assert_accused(&stage, "cpu.priority", hogs[1]);
	assert_not_accused(&stage, "cpu.priority", bystander);
	stage__free(&stage);
}

// The kernel's stopper threads have the look of a realtime hog: kernel thread, FIFO 99. A program of that class is one.
static void test_stoppers_are_not_accused(void **state)
{
	(void)state;
	for (int program = 0; program < 2; program++) {
		struct stage stage = stage__new(4000);
		int64_t migration = stage__process(&stage, "migration/0", 18, 7500, 0, 8000);
		int64_t server = stage__process(&stage, "server", 200, 1500, 6000, 0);
		stage.recording->process[migration - 1].kernel_thread = !program;
		stage__task(&stage, migration)->policy = SCHED_FIFO;
		stage__task(&stage, migration)->rt_priority = 99;
		stage__pair(&stage, server, OCCUPANT_TASK, migration, 5900)->realtime_ns = 5900 * STAGE_MS;
		stage__judge(&stage);
		if (program)
			assert_accused(&stage, "cpu.priority", migration);
		else
			stage__assert_no_accusation(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "cpu.priority");
		assert_true(verdict->evidence[3].value == (program ? 5.9 : 0));
		stage__free(&stage);
	}
}

// A kernel thread of one CPU waits for that CPU only, by design; a program that waits so is tied.
static void test_bound_kernel_threads_are_not_tied(void **state)
{
	(void)state;
	for (int program = 0; program < 2; program++) {
		struct stage stage = stage__new(3000);
		int64_t batch = stage__process(&stage, "batch", 100, 9000, 100, 6000), worker = stage__process(&stage, "kworker/0:1", 20, 1500, 3000, 0);
		stage.recording->process[worker - 1].kernel_thread = !program;
		stage__task(&stage, worker)->allowed_cpus = 1;
		stage__task(&stage, worker)->idle_outside_ns = 2950 * STAGE_MS;
		stage__pair(&stage, worker, OCCUPANT_TASK, batch, 2950);
		stage__judge(&stage);
		if (program)
			assert_victim(&stage, "cpu.affinity", worker);
		else
			stage__assert_no_accusation(&stage);
		stage__free(&stage);
	}
}

// A nice 19 task that waits for an ordinary one has what it asked for; behind a nice -20 one it is crowded out.
static void test_polite_victims(void **state)
{
	(void)state;
	for (int heavy = 0; heavy < 2; heavy++) {
		struct stage stage = stage__new(8000);
		int64_t normal = stage__process(&stage, "indexer", 100, 9000, 100, 16000), polite = stage__process(&stage, "polite", 200, 900, 9000, 0);
		stage__task(&stage, normal)->nice = heavy ? -20 : 0;
		stage__task(&stage, polite)->nice = 19;
		stage__pair(&stage, polite, OCCUPANT_TASK, normal, 8900)->heavier_ns = 8900 * STAGE_MS;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.priority", heavy ? "confirmed" : "ruled_out");
		assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
		stage__free(&stage);
	}
}

static struct stage storm(int64_t forks, int64_t *ret_parent, int64_t *ret_server, int64_t waited_ms)
{
	struct stage stage = stage__new(6000);
	recording__set_meta(stage.recording, "forks", "%lld", (long long)forks);
	int64_t parent = stage__process(&stage, "spawner", 100, 2000, 2000, 2000), server = stage__process(&stage, "server", 200, 1500, 3000, 100);
	int64_t children = stage__process(&stage, "true", 0, 8000, 3000, 9000);
	struct process_row *row = &stage.recording->process[children - 1];
	row->gone = 1;
	row->folded = forks;
	row->parent_pid = 100;
	stage__task(&stage, children)->tid = 0;
	stage__pair(&stage, server, OCCUPANT_TASK, children, waited_ms);
	stage__pair(&stage, server, OCCUPANT_TASK, parent, waited_ms / 8);
	*ret_parent = parent;
	*ret_server = server;
	return stage;
}

static void test_churn(void **state)
{
	int64_t parent, server;
	struct stage stage = storm(8000, &parent, &server, 2400);
	(void)state;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.churn", "confirmed");
	assert_accused(&stage, "cpu.churn", parent);
	assert_victim(&stage, "cpu.churn", server);
	// What the parent itself occupied is part of it: forking is its work.
	assert_true(stage__verdict(&stage, "cpu.churn")->stall_seconds > 2.69);
	assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
	stage__free(&stage);
}

static void test_churn_that_nobody_waits_for(void **state)
{
	int64_t parent, server;
	struct stage stage = storm(8000, &parent, &server, 60);
	(void)state;
	stage__task(&stage, server)->wait_ns = 70 * STAGE_MS;
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	stage__free(&stage);
}

// Waits of a third of a millisecond: twenty of them within each piece of work hold it up for 4 ms, one in each are collisions.
// Where sleeps are not recorded, nobody knows of pieces.
static void test_churn_in_many_short_waits(void **state)
{
	static const struct { int64_t sleeps; bool victim; } cases[] = { { 600, true }, { 9000, false }, { 0, false } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t parent, server;
		struct stage stage = storm(8000, &parent, &server, 2400);
		stage__task(&stage, server)->waits = 9000;
		for (size_t pair = 0; pair < stage.recording->pair_count; pair++)
			stage.recording->pair[pair].waits = 12000;
		if (cases[i].sleeps) {
			struct blocked_row *row = recording__add_blocked(stage.recording);
			*row = (struct blocked_row){ server, base__copy("work"), 5500 * STAGE_MS, cases[i].sleeps, 9 * STAGE_MS, 0 };
		}
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.churn", cases[i].victim ? "confirmed" : "ruled_out");
		if (cases[i].victim)
			assert_victim(&stage, "cpu.churn", server);
		stage__free(&stage);
	}
}

// Threads that come and go are folded into their process, by number in newer recordings: a spinner that has ended is no storm of
// threads, a pool that has ended after its threads is one.
static void test_thread_churn(void **state)
{
	struct stage stage = stage__new(6000);
	(void)state;
	recording__set_meta(stage.recording, "forks", "30000");
	int64_t pool = stage__process(&stage, "pool", 100, 6000, 3000, 8000), server = stage__process(&stage, "server", 200, 1500, 4000, 0);
	int64_t ended = stage__process(&stage, "ended", 300, 6000, 3000, 4000);
	stage__task(&stage, pool)->tid = stage__task(&stage, ended)->tid = 0;
	stage.recording->process[ended - 1].gone = 1;
	stage__pair(&stage, server, OCCUPANT_TASK, pool, 2000);
	stage__pair(&stage, server, OCCUPANT_TASK, ended, 1900);
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.churn", "confirmed");
	assert_accused(&stage, "cpu.churn", pool);
	assert_not_accused(&stage, "cpu.churn", ended);
	assert_accused(&stage, "cpu.oversubscription", ended);
	stage__free(&stage);
}

static void test_thread_churn_by_number(void **state)
{
	(void)state;
	for (int many = 0; many < 2; many++) {
		struct stage stage = stage__new(6000);
		recording__set_meta(stage.recording, "forks", "30000");
		int64_t pool = stage__process(&stage, "pool", 100, 6000, 3000, 8000), server = stage__process(&stage, "server", 200, 1500, 4000, 0);
		stage__task(&stage, pool)->tid = 0;
		stage__task(&stage, pool)->folded = many ? 24000 : 8;   // eight workers that ran for the most of a second
		stage.recording->process[pool - 1].gone = 1;
		stage__pair(&stage, server, OCCUPANT_TASK, pool, 3900);
		stage__judge(&stage);
		assert_accused(&stage, many ? "cpu.churn" : "cpu.oversubscription", pool);
		assert_not_accused(&stage, many ? "cpu.oversubscription" : "cpu.churn", pool);
		stage__free(&stage);
	}
}

// Two hundred compilers of 40 ms each are work, not churn.
static void test_short_programs_that_work_are_no_churn(void **state)
{
	int64_t parent, server;
	struct stage stage = storm(200, &parent, &server, 2400);
	(void)state;
	stage__judge(&stage);
	assert_verdict(&stage, "cpu.churn", "ruled_out");
	assert_verdict(&stage, "cpu.oversubscription", "confirmed");
	stage__free(&stage);
}

// Scripts of one interpreter are different programs.
static void test_scripts_are_told_apart(void **state)
{
	struct stage stage = stage__new(6000);
	(void)state;
	int64_t batch = stage__process(&stage, "python3", 100, 9000, 100, 12000), server = stage__process(&stage, "python3", 200, 1500, 4000, 0);
	stage.recording->process[batch - 1].command_line = base__copy("python3 batch.py");
	stage.recording->process[server - 1].command_line = base__copy("python3 server.py");
	stage__pair(&stage, server, OCCUPANT_TASK, batch, 3900);
	stage__judge(&stage);
	assert_accused(&stage, "cpu.oversubscription", batch);
	assert_not_accused(&stage, "cpu.oversubscription", server);
	assert_victim(&stage, "cpu.oversubscription", server);
	stage__free(&stage);
}

static void test_scope(void **state)
{
	int64_t server, spinner;
	struct stage stage = crowd(&server, &spinner);
	(void)state;
	recording__set_meta(stage.recording, "scope_pid", "200");
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.oversubscription");
	assert_int_equal(verdict->victim_count, 1);
	assert_victim(&stage, "cpu.oversubscription", server);
	assert_accused(&stage, "cpu.oversubscription", spinner);
	assert_true(stage.diagnosis->caution_count > 0);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oversubscription_is_confirmed),
		cmocka_unit_test(test_shares_and_checks),
		cmocka_unit_test(test_less_pressure_contributes), cmocka_unit_test(test_a_herd_is_not_severe),
		cmocka_unit_test(test_short_collisions_accuse_nobody),
		cmocka_unit_test(test_idle_cpus_speak_against_oversubscription), cmocka_unit_test(test_little_pressure_on_an_idle_machine),
		cmocka_unit_test(test_bystander_is_not_accused),
		cmocka_unit_test(test_many_small_ones_do_not_confirm),
		cmocka_unit_test(test_small_harm_accuses_nobody),
		cmocka_unit_test(test_nobody_answers_for_the_tool),
		cmocka_unit_test(test_tool_is_never_accused),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_idle_allowed_cpu_is_not_oversubscription),
		cmocka_unit_test(test_stoppers_are_not_accused), cmocka_unit_test(test_bound_kernel_threads_are_not_tied),
		cmocka_unit_test(test_priority_realtime), cmocka_unit_test(test_a_program_gains), cmocka_unit_test(test_a_namesake_of_another_class_is_no_hog),
		cmocka_unit_test(test_polite_victims),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_churn_that_nobody_waits_for),
		cmocka_unit_test(test_churn_in_many_short_waits),
		cmocka_unit_test(test_thread_churn),
		cmocka_unit_test(test_thread_churn_by_number),
		cmocka_unit_test(test_short_programs_that_work_are_no_churn),
		cmocka_unit_test(test_scripts_are_told_apart),
		cmocka_unit_test(test_helpers_of_the_tool),
		cmocka_unit_test(test_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
