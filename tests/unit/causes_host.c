// Verdicts about the machine: pauses, stall warnings, and stolen time that nobody tells.
#include "unit/stage.h"
#include "causes/effects.h"
#include "ledger/rcu_stall.h"

#include <math.h>

static struct stage machine(const char *virtualization, const char *ways)
{
	struct stage stage = stage__new(10);
	stage__process(&stage, "server", 100, 3000, 5, 0);
	recording__set_meta(stage.recording, "virtualization", "%s", virtualization);
	recording__set_meta(stage.recording, "probe.host", "on");
	recording__set_meta(stage.recording, "kernel_log", "on");
	if (ways)
		recording__set_meta(stage.recording, "pause_detectors", "%s", ways);
	return stage;
}

static void happened(struct stage *stage, const char *kind, int64_t time_ms, int64_t ms, int64_t cpu, int64_t process, const char *text)
{
	*recording__add_host_event(stage->recording) = (struct host_event_row){ .time_ns = time_ms * STAGE_MS, .kind = base__copy(kind), .cpu = cpu,
		.process = process, .ns = ms * STAGE_MS, .text = base__copy(text) };
}

static void test_pauses(void **state)
{
	static const struct { const char *kind; int64_t ms; int times; const char *verdict; } cases[] = {
		{ "pause", 2000, 1, "confirmed" }, { "freeze", 2000, 1, "confirmed" }, { "pause", 100, 1, "contributing" }, { "freeze", 100, 1, "contributing" },
		{ "pause", 100, 4, "confirmed" }, { "pause", 60, 1, "ruled_out" }, { "freeze", 0, 1, "contributing" }, { "silence", 2000, 1, "ruled_out" },
		{ "suspend", 2000, 1, "ruled_out" }, { "clock_step", 2000, 1, "ruled_out" }, { "soft_lockup", 2000, 1, "ruled_out" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = machine("kvm", "scheduler counter silence");
		for (int n = 0; n < cases[i].times; n++)
			happened(&stage, cases[i].kind, 4000 + 500 * n, cases[i].ms, -1, 0, "words");
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "host.pause");
		assert_string_equal(verdict__name(verdict->kind), cases[i].verdict);
		if (verdict->kind >= VERDICT_CONTRIBUTING) {
			assert_true(fabs(verdict->wall_seconds - (double)(cases[i].ms * cases[i].times) / 1000) < 1e-9);
			assert_int_equal(verdict->culprit_count, 1);
			assert_int_equal(verdict->culprits[0].kind, PARTY_HYPERVISOR);
		}
		stage__free(&stage);
	}
}

static void test_a_pause_before_the_window(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "pause", -1000, 2000, -1, 0, "words");
	stage__judge(&stage);
	assert_verdict(&stage, "host.pause", "ruled_out");
	stage__free(&stage);
}

static void test_who_can_tell(void **state)
{
	static const struct { const char *virtualization, *ways, *verdict; } cases[] = {
		{ "none", NULL, "ruled_out" }, { "kvm", "scheduler counter silence", "ruled_out" }, { "amazon", "counter silence", "ruled_out" },
		{ "kvm", "counter", "not_testable" }, { "kvm", "silence", "not_testable" }, { "kvm", "", "not_testable" },
		{ "qemu", "scheduler counter silence", "not_testable" }, { "qemu", "scheduler counter rtc silence", "ruled_out" },
		{ "vmware", "scheduler counter silence", "not_testable" }, { "vmware", "rtc", "ruled_out" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = machine(cases[i].virtualization, cases[i].ways);
		stage__judge(&stage);
		assert_verdict(&stage, "host.pause", cases[i].verdict);
		stage__free(&stage);
	}
}

static void test_what_is_missing(void **state)
{
	(void)state;
	struct stage old = stage__new(10), off = machine("kvm", "scheduler counter silence"), log = machine("kvm", NULL), lost = machine("kvm", NULL);
	stage__judge(&old);
	assert_verdict(&old, "host.pause", "not_testable");
	assert_verdict(&old, "kernel.rcu", "not_testable");
	stage__free(&old);
	recording__set_meta(off.recording, "probe.host", "the kernel refused");
	stage__judge(&off);
	assert_verdict(&off, "host.pause", "not_testable");
	assert_verdict(&off, "kernel.rcu", "not_testable");
	assert_non_null(strstr(stage__verdict(&off, "kernel.rcu")->summary, "refused"));
	stage__free(&off);
	recording__set_meta(log.recording, "kernel_log", "Permission denied");
	stage__judge(&log);
	assert_verdict(&log, "kernel.rcu", "not_testable");
	stage__free(&log);
	recording__set_counter(lost.recording, "kernel_log_lost", 1, "lost");
	stage__judge(&lost);
	assert_verdict(&lost, "kernel.rcu", "not_testable");
	stage__free(&lost);
}

#define LOOP "rcu: INFO: rcu_preempt self-detected stall on CPU\nrcu:  1-....: (5249 ticks this GP) idle=a2e4/1/0x4000000000000000 " \
	"softirq=5024/5024 fqs=2624\nrcu:  (t=5250 jiffies g=9185 q=118 ncpus=2)\nCPU: 1 UID: 0 PID: 100 Comm: server Not tainted 6.18.0\n" \
	"RIP: 0010:copy_page+0x7/0x10"
#define ABSENT "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu:  1-...!: (1 GPs behind) idle=f2e/1/0x4000000000000000 " \
	"softirq=42093241/42093242 fqs=0\nrcu:  (detected by 0, t=5250 jiffies, g=77905, q=25 ncpus=2)"

static void test_stalled_cpu(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "rcu_stall", 6000, 5250, 1, 1, LOOP);
	stage__judge(&stage);
	assert_verdict(&stage, "kernel.rcu", "confirmed");
	assert_accused(&stage, "kernel.rcu", 1);
	const struct verdict *verdict = stage__verdict(&stage, "kernel.rcu");
	assert_string_equal(verdict->culprits[0].note, "found in copy_page");
	assert_non_null(strstr(verdict->summary, "CPU 1"));
	assert_non_null(strstr(verdict->summary, "server"));
	assert_null(verdict->under);
	stage__free(&stage);
}

#define STUCK_POOL "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 34s!"
#define STARVED_GP "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu:  (detected by 0, t=5250 jiffies, g=77905, q=25 ncpus=2)\n" \
	"rcu: rcu_preempt kthread starved for 5250 jiffies! g77905 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1"

// Work items and grace periods that only lacked a thread of the kernel: that starves, and no CPU stands still. Where the thread did not wait, or the
// CPU itself was late, the warning counts.
static void test_starved_threads_behind_a_warning(void **state)
{
	static const struct { const char *kind, *text, *thread; int64_t waited_ms; bool accuses; } cases[] = {
		{ "workqueue_lockup", STUCK_POOL, "kworker/1:0", 3000, false }, { "workqueue_lockup", STUCK_POOL, "kworker/1:0", 2000, true },
		{ "workqueue_lockup", STUCK_POOL, "rcu_preempt", 5000, true }, { "rcu_stall", STARVED_GP, "rcu_preempt", 3000, false },
		{ "rcu_stall", STARVED_GP, "kworker/1:0", 5000, true }, { "rcu_stall", LOOP, "rcu_preempt", 5000, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = machine("kvm", "scheduler counter silence");
		int64_t thread = stage__process(&stage, cases[i].thread, 15, 10, 2 * cases[i].waited_ms, 0);
		stage.recording->process[thread - 1].kernel_thread = 1;
		stage__task(&stage, thread)->wait_max_ns = cases[i].waited_ms * STAGE_MS;
		happened(&stage, cases[i].kind, 6000, 5250, 1, 1, cases[i].text);
		stage__judge(&stage);
		assert_verdict(&stage, "kernel.rcu", cases[i].accuses ? "confirmed" : "contributing");
		assert_int_equal(stage__verdict(&stage, "kernel.rcu")->culprit_count, cases[i].accuses);
		assert_int_equal(strstr(stage__verdict(&stage, "kernel.rcu")->summary, "only lacked a CPU") != NULL, !cases[i].accuses);
		stage__free(&stage);
	}
}

// The kernel complained of nothing. CPU 0's stopper waited behind a program for some seconds, and with it a server.
static struct stage held(int64_t ms, int64_t *ret_stopper, int64_t *ret_looper, int64_t *ret_server)
{
	struct stage stage = machine("kvm", "scheduler counter silence");
	*ret_stopper = stage__process(&stage, "migration/0", 21, 1, ms, 0);
	*ret_looper = stage__process(&stage, "looper", 200, 8000, 0, 0);
	*ret_server = stage__process(&stage, "quote-server", 201, 1000, ms, 0);
	stage.recording->process[*ret_stopper - 1].kernel_thread = 1;
	stage__task(&stage, *ret_stopper)->policy = 1;          // SCHED_FIFO
	stage__task(&stage, *ret_stopper)->rt_priority = 99;
	stage__task(&stage, *ret_stopper)->allowed_cpus = 1;
	stage__pair(&stage, *ret_stopper, OCCUPANT_TASK, *ret_looper, ms);
	stage__pair(&stage, *ret_server, OCCUPANT_TASK, *ret_looper, ms);
	for (int waiter = 0; waiter < 2; waiter++)
		*recording__add_event(stage.recording) = (struct event_row){ .time_ns = 9000 * STAGE_MS, .cpu = 0, .process = waiter ? *ret_server : *ret_stopper,
			.tid = waiter ? 201 : 21, .wait_ns = ms * STAGE_MS, .kind = OCCUPANT_TASK, .culprit = *ret_looper };
	return stage;
}

static void test_held_without_a_warning(void **state)
{
	static const struct { int64_t ms; const char *verdict; } cases[] = { { 5900, "confirmed" }, { 2000, "confirmed" }, { 1990, "contributing" },
		{ 500, "contributing" }, { 490, "ruled_out" }, { 4, "ruled_out" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t stopper, looper, server;
		struct stage stage = held(cases[i].ms, &stopper, &looper, &server);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "kernel.rcu");
		assert_verdict(&stage, "kernel.rcu", cases[i].verdict);
		assert_int_equal(verdict->culprit_count, cases[i].ms >= 500);
		assert_int_equal(verdict->victim_count, cases[i].ms >= 500);    // not the stopper
		if (cases[i].ms >= 500) {
			assert_accused(&stage, "kernel.rcu", looper);
			assert_victim(&stage, "kernel.rcu", server);
			assert_float_equal(verdict->stall_seconds, (double)cases[i].ms / 1000, 1e-9);
			assert_non_null(strstr(verdict->summary, "CPU 0"));
		}
		stage__free(&stage);
	}
}

// What the server lost by it is no want of CPUs of its own; what it lost to others is.
static void test_waits_behind_a_section(void **state)
{
	(void)state;
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		int64_t stopper, looper, server;
		struct stage stage = held(5900, &stopper, &looper, &server);
		stage.recording->event[1].cpu = elsewhere;
		stage__judge(&stage);
		struct verdict *effect = stage__find(&stage, "cpu.oversubscription"), *cause = stage__find(&stage, "kernel.rcu");
		stage__forget_verdicts(&stage);
		effect->kind = VERDICT_CONTRIBUTING;
		effect->stall_seconds = 5.9;
		cause->kind = VERDICT_CONFIRMED;
		stage__add_party(&stage, effect, true, server, 5.9);
		stage__add_party(&stage, cause, false, looper, 5.9);
		assert_float_equal(effects__behind_stalled_cpus(stage.diagnosis, effect, cause), elsewhere ? 0 : 5.9, 1e-9);
		stage__free(&stage);
	}
}

// A log that can't be read hides warnings, and no such section.
static void test_held_without_a_log(void **state)
{
	int64_t stopper, looper, server;
	struct stage stage = held(5900, &stopper, &looper, &server);
	(void)state;
	recording__set_meta(stage.recording, "kernel_log", "Permission denied");
	stage__judge(&stage);
	assert_verdict(&stage, "kernel.rcu", "confirmed");
	assert_false(stage__verdict(&stage, "kernel.rcu")->absent);
	stage__free(&stage);
}

// It goes on when the window ends: the wait is not over, and still in the pairs.
static void test_held_at_the_end(void **state)
{
	int64_t stopper, looper, server;
	struct stage stage = held(5900, &stopper, &looper, &server);
	(void)state;
	stage.recording->event_count = 0;
	stage__task(&stage, stopper)->open_wait_ns = 5900 * STAGE_MS;
	stage__judge(&stage);
	assert_verdict(&stage, "kernel.rcu", "confirmed");
	assert_accused(&stage, "kernel.rcu", looper);
	stage__free(&stage);
}

// What looks like it and is not: nobody may be accused.
static void test_not_held(void **state)
{
	static const char *const cases[] = { "paused", "a silent CPU of a guest", "stolen", "a missed switch", "another thread of class FIFO", "whystall", "without heartbeats", "with lost heartbeats", "a stopper" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t stopper, looper, server;
		struct stage stage = held(5900, &stopper, &looper, &server);
		switch (i) {
		case 0: happened(&stage, "pause", 8990, 5600, -1, 0, "words"); break;
		case 1: happened(&stage, "silence", 8990, 5600, 0, 0, "words"); break;
		case 2: stage.recording->pair[0].wait_ns = 400 * STAGE_MS; break;
		case 3: stage.recording->cpu[0].kernel_switches = 1; break;
		case 4: stage__task(&stage, stopper)->rt_priority = 50; break;
		case 5: recording__set_meta(stage.recording, "tool_pid", "200"); break;
		case 6: recording__set_meta(stage.recording, "probe.host", "the kernel refused the probes"); break;
		case 7: recording__set_counter(stage.recording, "heartbeats_lost", 3, "lost"); break;
		default:
			stage.recording->process[looper - 1].kernel_thread = 1;
			stage__task(&stage, looper)->policy = 1;
			stage__task(&stage, looper)->rt_priority = 99;
		}
		stage__judge(&stage);
		if (stage__verdict(&stage, "kernel.rcu")->kind > VERDICT_RULED_OUT)
			fail_msg("%s: %s", cases[i], verdict__name(stage__verdict(&stage, "kernel.rcu")->kind));
		stage__free(&stage);
	}
}

// A switch that a gap hid was healed; on bare metal a CPU without timer interrupts is one that ran with them off.
static void test_held_all_the_same(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t stopper, looper, server;
		struct stage stage = held(5900, &stopper, &looper, &server);
		if (i) {
			recording__set_meta(stage.recording, "virtualization", "none");
			happened(&stage, "silence", 8990, 5600, 0, 0, "words");
		} else {
			stage.recording->cpu[0].kernel_switches = stage.recording->cpu[0].gaps = 1;
		}
		stage__judge(&stage);
		assert_verdict(&stage, "kernel.rcu", "confirmed");
		stage__free(&stage);
	}
}

// The same warning during and after a pause: nobody is accused of it but the hypervisor.
static void test_stalled_by_a_pause(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "pause", 5990, 5000, -1, 0, "words");
	happened(&stage, "rcu_stall", 6000, 5250, 1, 1, ABSENT);
	happened(&stage, "soft_lockup", 6001, 5000, 0, 1, "watchdog: BUG: soft lockup - CPU#0 stuck for 5s! [server:100]");
	stage__judge(&stage);
	assert_verdict(&stage, "host.pause", "confirmed");
	assert_verdict(&stage, "kernel.rcu", "contributing");
	assert_string_equal(stage__verdict(&stage, "kernel.rcu")->under, "host.pause");
	assert_int_equal(stage__verdict(&stage, "kernel.rcu")->culprit_count, 0);
	stage__free(&stage);
}

#define HALTED "watchdog: BUG: soft lockup - CPU#1 stuck for 3s! [swapper/1:0]\nRIP: 0010:pv_native_safe_halt+0xf/0x20"
#define DROWNED "watchdog: BUG: soft lockup - CPU#1 stuck for 3s! [swapper/1:0]\nRIP: 0010:net_rx_action+0xf/0x20"
#define SPINNER "watchdog: BUG: soft lockup - CPU#1 stuck for 4s! [server:100]\nRIP: 0033:0x402768"

// All CPUs were silent together, and no pause was called: the warnings that follow accuse nobody, unless the kernel says that it ran.
static void test_silent_as_a_whole(void **state)
{
	static const struct { const char *virtualization; int64_t cpu1_end, cpu1_ms, warned, warning_ms; const char *words; bool accused; } cases[] = {
		{ "kvm", 6014, 4014, 6020, 4000, SPINNER, false },
		{ "kvm", 6014, 4014, 5900, 4000, SPINNER, false },      // written before that CPU beat again
		{ "kvm", 6300, 3000, 6020, 4000, SPINNER, true },       // not together
		{ "kvm", 0, 0, 6020, 4000, SPINNER, true },             // CPU 1 beat on: a loop in the kernel on the other one
		{ "kvm", 6014, 4014, 4500, 4000, SPINNER, true },       // the kernel ran in the middle of it
		{ "none", 6014, 4014, 6020, 4000, SPINNER, true },      // nobody can stop it
		{ "kvm", 0, 0, 6020, 3000, HALTED, false },             // found it idle, and nothing else
		{ "kvm", 0, 0, 6020, 3000, DROWNED, true },
		{ "none", 0, 0, 6020, 3000, HALTED, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = machine(cases[i].virtualization, "scheduler counter silence");
		happened(&stage, "silence", 6008, 4008, 0, 0, "words");
		if (cases[i].cpu1_ms)
			happened(&stage, "silence", cases[i].cpu1_end, cases[i].cpu1_ms, 1, 0, "words");
		happened(&stage, "soft_lockup", cases[i].warned, cases[i].warning_ms, 1, strstr(cases[i].words, "server") != NULL, cases[i].words);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "kernel.rcu");
		if ((verdict->culprit_count > 0) != cases[i].accused)
			fail_msg("case %zu: %s", i, verdict->summary);
		assert_int_equal(verdict->kind, cases[i].accused ? VERDICT_CONFIRMED : VERDICT_CONTRIBUTING);
		stage__free(&stage);
	}
}

// A pause elsewhere in the window explains nothing.
static void test_stalled_beside_a_pause(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "rcu_stall", 5300, 5250, 1, 1, LOOP);
	happened(&stage, "pause", 9000, 2000, -1, 0, "words");
	stage__judge(&stage);
	assert_verdict(&stage, "host.pause", "confirmed");
	assert_verdict(&stage, "kernel.rcu", "confirmed");
	assert_accused(&stage, "kernel.rcu", 1);
	assert_null(stage__verdict(&stage, "kernel.rcu")->under);
	stage__free(&stage);
}

// A warning repeats itself with a growing age; its time counts once, and only as far as it lies within the window.
static void test_repeated_warnings(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "rcu_stall", 2000, 21000, 1, 1, LOOP);
	happened(&stage, "rcu_stall", 8000, 27000, 1, 1, LOOP);
	happened(&stage, "soft_lockup", 8500, 26000, 1, 1, "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [server:100]");
	stage__judge(&stage);
	assert_true(fabs(stage__verdict(&stage, "kernel.rcu")->stall_seconds - 8.5) < 1e-9);
	stage__free(&stage);
}

static void test_warnings_before(void **state)
{
	(void)state;
	struct stage stage = machine("kvm", "scheduler counter silence");
	happened(&stage, "rcu_stall", -60000, 5250, 1, 0, LOOP);
	happened(&stage, "hung_task", 2000, 120000, -1, 1, "INFO: task server:100 blocked for more than 120 seconds.");
	stage__judge(&stage);
	assert_verdict(&stage, "kernel.rcu", "ruled_out");
	assert_non_null(strstr(stage__verdict(&stage, "kernel.rcu")->summary, "before"));
	stage__assert_no_accusation(&stage);
	stage__free(&stage);
}

static void test_stall_figures(void **state)
{
	struct rcu_stall stall;
	(void)state;
	assert_true(rcu_stall__parse(LOOP, &stall));
	assert_true(stall.self_detected);
	assert_int_equal(stall.jiffies, 5250);
	assert_int_equal(stall.callbacks, 118);
	assert_int_equal(stall.cpu_count, 1);
	assert_int_equal(stall.cpus[0].ticks, 5249);
	assert_int_equal(stall.cpus[0].handlers, 0);
	assert_int_equal(stall.cpus[0].looks, 2624);
	char function[64];
	assert_int_equal(rcu_stall__function(LOOP, function, sizeof(function)), 9);
	assert_string_equal(function, "copy_page");
	assert_int_equal(rcu_stall__function("RIP: 0033:0x4474e9", function, sizeof(function)), 0);
	assert_int_equal(rcu_stall__function("RIP: 0010:copy_page", function, sizeof(function)), 0);
	assert_int_equal(rcu_stall__function("RIP: 0010:copy_page+0x1", function, 5), 0);
	assert_int_equal(rcu_stall__function(NULL, function, sizeof(function)), 0);
	assert_int_equal(rcu_stall__shape(&stall), RCU_STALL_LOOP);
	assert_true(rcu_stall__parse(ABSENT, &stall));
	assert_int_equal(stall.cpus[0].handlers, 1);
	assert_int_equal(stall.cpus[0].ticks, -1);
	assert_int_equal(stall.cpus[0].behind, 1);
	assert_int_equal(stall.cpus[0].looks, 0);
	assert_int_equal(rcu_stall__shape(&stall), RCU_STALL_ABSENT);
	// The counts have 32 bits.
	assert_true(rcu_stall__parse("INFO: rcu_sched detected stalls on CPUs/tasks:\n 3-O..0: (0 ticks this GP) idle=81c/0/0 softirq=4294967295/1 fqs=0", &stall));
	assert_int_equal(stall.cpus[0].handlers, 2);
	assert_true(stall.cpus[0].offline && stall.cpus[0].idle);
	assert_true(rcu_stall__parse("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu:  (detected by 6, t=21002 jiffies, g=12009, q=3846 ncpus=8)\n"
				     "rcu: rcu_preempt kthread starved for 21002 jiffies! g12009 f0x2 RCU_GP_WAIT_FQS(5) ->state=0x200 ->cpu=4", &stall));
	assert_int_equal(stall.starved_jiffies, 21002);
	assert_int_equal(rcu_stall__shape(&stall), RCU_STALL_STARVED);
	assert_true(rcu_stall__parse("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 jiffies s: 4173 root: 0x2/.", &stall));
	assert_int_equal(rcu_stall__shape(&stall), RCU_STALL_UNCLEAR);
	assert_false(rcu_stall__parse("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [a:1]", &stall));
	assert_false(rcu_stall__parse(NULL, &stall));
}

static void test_untold_steal(void **state)
{
	static const struct { const char *offered; int64_t stolen_ms; const char *verdict; } cases[] = {
		{ "1", 0, "ruled_out" }, { "0", 0, "not_testable" }, { "-1", 0, "not_testable" }, { "1", 2000, "confirmed" }, { "-1", 2000, "confirmed" },
		{ NULL, 0, "ruled_out" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = machine("kvm", NULL);
		if (cases[i].offered)
			recording__set_meta(stage.recording, "steal_offered", "%s", cases[i].offered);
		for (size_t cpu = 0; cpu < stage.recording->cpu_count; cpu++)
			stage.recording->cpu[cpu].steal_ns = cases[i].stolen_ms * STAGE_MS;
		stage__judge(&stage);
		assert_verdict(&stage, "cpu.steal", cases[i].verdict);
		stage__free(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses), cmocka_unit_test(test_a_pause_before_the_window), cmocka_unit_test(test_who_can_tell),
		cmocka_unit_test(test_what_is_missing), cmocka_unit_test(test_starved_threads_behind_a_warning), 
		cmocka_unit_test(test_stalled_cpu), cmocka_unit_test(test_held_without_a_warning),
		cmocka_unit_test(test_waits_behind_a_section), cmocka_unit_test(test_held_without_a_log), cmocka_unit_test(test_held_at_the_end), cmocka_unit_test(test_not_held),
		cmocka_unit_test(test_held_all_the_same), cmocka_unit_test(test_stalled_by_a_pause),
		cmocka_unit_test(test_silent_as_a_whole), cmocka_unit_test(test_stalled_beside_a_pause), cmocka_unit_test(test_repeated_warnings), cmocka_unit_test(test_warnings_before),
		cmocka_unit_test(test_stall_figures), cmocka_unit_test(test_untold_steal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
