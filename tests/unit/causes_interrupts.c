// Verdicts on interrupts, from hand-made recordings.
#include "stage.h"

static struct activity_row *activity(struct stage *stage, const char *kind, const char *key, int64_t process, int64_t cpu, int64_t count, int64_t ms)
{
	struct activity_row *row = recording__add_activity(stage->recording);
	*row = (struct activity_row){ .subject = base__copy("irq"), .kind = base__copy(kind), .key = base__copy(key), .process = process, .cpu = cpu,
				      .count = count, .ns = ms * STAGE_MS, .max_ns = STAGE_MS };
	return row;
}

static void counter(struct stage *stage, const char *source, const char *key, const char *name, int64_t growth)
{
	struct kernel_counter_row *row = recording__add_kernel_counter(stage->recording);
	*row = (struct kernel_counter_row){ .source = base__copy(source), .key = base__copy(key), .name = base__copy(name), .before = 100, .after = 100 + growth };
}

static struct stage new_stage(int64_t cpu_some_ms)
{
	struct stage stage = stage__new(cpu_some_ms);
	recording__set_meta(stage.recording, "probe.irq", "on");
	recording__set_meta(stage.recording, "probe.irq.sources", "on");
	recording__set_meta(stage.recording, "probe.irq.calls", "csd");
	return stage;
}

// The figure of the evidence that begins so; -1: there is none.
static double evidence(const struct verdict *verdict, const char *begin)
{
	for (size_t i = 0; i < verdict->evidence_count; i++)
		if (!strncmp(verdict->evidence[i].what, begin, strlen(begin)))
			return verdict->evidence[i].value;
	return -1;
}

static const struct remedy_offer *offer(const struct verdict *verdict, const char *id)
{
	for (size_t i = 0; i < verdict->remedy_count; i++)
		if (!strcmp(verdict->remedies[i].id, id))
			return &verdict->remedies[i];
	return NULL;
}

// A flood over a veth pair: CPU 1 spends 6 of 10 s in NET_RX, most of it in ksoftirqd, and a server there waits 4 s for it.
static struct stage flood(int64_t *ret_server, int64_t *ret_flood, int64_t server_loss_ms)
{
	struct stage stage = new_stage(4000);
	*ret_server = stage__process(&stage, "quote-server", 100, 4000, 4000, 0);
	*ret_flood = stage__process(&stage, "udp-flood", 101, 9000, 0, 0);
	int64_t thread = stage__process(&stage, "ksoftirqd/1", 20, 4000, 0, 0);
	stage.recording->process[thread - 1].kernel_thread = 1;
	stage__task(&stage, *ret_server)->wait_softirq_ns = server_loss_ms * 3 / 4 * STAGE_MS;
	stage__task(&stage, *ret_server)->run_softirq_ns = server_loss_ms / 4 * STAGE_MS;
	stage__task(&stage, thread)->run_softirq_ns = 3900 * STAGE_MS;
	stage.recording->cpu[1].softirq_ns = 6000 * STAGE_MS;
	stage.recording->cpu[1].credit_softirq_task_ns = server_loss_ms * 3 / 4 * STAGE_MS;
	activity(&stage, "softirq", "NET_RX", 0, 1, 50000, 6000)->amount = 3900 * STAGE_MS;
	activity(&stage, "softirq", "TIMER", 0, 0, 900, 10);
	activity(&stage, "device", "backlog", 0, 1, 50000, 5990)->amount = 1000000;
	activity(&stage, "received", "lab-sink", 0, 1, 1000000, 0);
	activity(&stage, "sent", "", *ret_flood, -1, 1000000, 0);
	counter(&stage, "softnet", "1", "squeezed", 12);
	counter(&stage, "softirqs", "0", "NET_RX", 7000);       // of another CPU
	counter(&stage, "softirqs", "1", "NET_RX", 50500);
	counter(&stage, "softirqs", "1", "TIMER", 900);
	return stage;
}

static void test_flood(void **state)
{
	int64_t server, sender;
	struct stage stage = flood(&server, &sender, 4000);
	(void)state;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "irq.softirq");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_true(stage__names(verdict->culprits, verdict->culprit_count, sender));
	assert_true(stage__names(verdict->victims, verdict->victim_count, server));
	assert_int_equal(verdict->victim_count, 1);     // not ksoftirqd, and not the sender
	assert_non_null(strstr(verdict->summary, "NET_RX (lab-sink)"));
	assert_non_null(strstr(verdict->culprits[0].note, "NET_RX (lab-sink)"));
	assert_float_equal(verdict->stall_seconds, 4.0, 0.01);
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_CPU);
	assert_float_equal(evidence(verdict, "NET_RX on CPU 1, as counted"), 50500, 0);
	assert_float_equal(evidence(verdict, "part of them that the probes saw"), 50000.0 / 50500, 1e-9);
	assert_non_null(strstr(offer(verdict, "receive-steering")->command, "/lab-sink/"));
	assert_false(offer(verdict, "device-queues")->applicable);      // of software
	assert_true(offer(verdict, "softirq-budget")->applicable);
	assert_non_null(strstr(offer(verdict, "less-traffic")->why, "udp-flood"));
	assert_null(offer(verdict, "irq-affinity"));
	assert_int_equal(stage__verdict(&stage, "irq.hard")->kind, VERDICT_RULED_OUT);
	stage__free(&stage);
}

// The same traffic, and nobody wanted that CPU.
static void test_nobody_suffers(void **state)
{
	int64_t server, sender;
	struct stage stage = flood(&server, &sender, 80);
	(void)state;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "irq.softirq");
	assert_int_equal(verdict->kind, VERDICT_RULED_OUT);
	assert_int_equal(verdict->culprit_count, 0);
	assert_int_equal(verdict->victim_count, 0);
	assert_non_null(strstr(verdict->summary, "nobody"));
	stage__free(&stage);
}

// A thread of the kernel that wants little lost most of that little, a server a fifth of much: the loss that counts is the server's.
static void test_small_demands_confirm_nothing(void **state)
{
	int64_t server, sender;
	struct stage stage = flood(&server, &sender, 1700);
	int64_t thread = stage__process(&stage, "rcu_preempt", 15, 20, 200, 0);
	(void)state;
	stage__task(&stage, thread)->wait_softirq_ns = 180 * STAGE_MS;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "irq.softirq")->kind, VERDICT_CONTRIBUTING);
	assert_non_null(strstr(stage__verdict(&stage, "irq.softirq")->summary, "21 %"));
	stage__free(&stage);
}

// The only one that loses is a kworker: found, and no stall of anybody (fio with deep queues looked like one), unless it waits for over a second.
static void test_put_off_work_is_no_stall(void **state)
{
	static const struct { const char *name; int kernel_thread; int64_t longest_ms; bool felt; } cases[] = {
		{ "kworker/1:1H-kblockd", 1, 12, false }, { "kworker/1:1H-kblockd", 1, 1200, true }, { "kworker", 0, 12, true }, { "server", 0, 12, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t server, sender;
		struct stage stage = flood(&server, &sender, 4000);
		struct process_row *row = &stage.recording->process[server - 1];
		free(row->name);
		row->name = base__copy(cases[i].name);
		row->kernel_thread = cases[i].kernel_thread;
		stage__task(&stage, server)->wait_max_ns = cases[i].longest_ms * STAGE_MS;
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "irq.softirq");
		assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
		assert_int_equal(verdict->severity > SEVERITY_NONE, cases[i].felt);
		if (cases[i].felt != !!strstr(stage.diagnosis->headline, "STALLED"))
			fail_msg("%zu: %s", i, stage.diagnosis->headline);
		stage__free(&stage);
	}
}

// A little waiting for a lot of interrupts: below what confirms.
static void test_some_loss_contributes(void **state)
{
	int64_t server, sender;
	struct stage stage = flood(&server, &sender, 1400);
	(void)state;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "irq.softirq")->kind, VERDICT_CONTRIBUTING);
	stage__free(&stage);
}

// Packets from outside: the device is known, a process only as their receiver; what a server loses to its own packets is its own work.
static void test_packets_from_outside(void **state)
{
	struct stage stage = new_stage(4000);
	int64_t web = stage__process(&stage, "web-server", 100, 6000, 2000, 0);
	int64_t batch = stage__process(&stage, "batch", 101, 4000, 3000, 0);
	(void)state;
	stage__task(&stage, web)->run_softirq_ns = 2500 * STAGE_MS;
	stage__task(&stage, batch)->wait_softirq_ns = 2500 * STAGE_MS;
	stage.recording->cpu[0].softirq_ns = 5000 * STAGE_MS;
	stage.recording->cpu[0].credit_softirq_task_ns = 2500 * STAGE_MS;
	activity(&stage, "softirq", "NET_RX", 0, 0, 90000, 5000);
	activity(&stage, "device", "eth0", 0, 0, 90000, 4990)->amount = 800000;
	activity(&stage, "received", "eth0", 0, 0, 100000, 0);
	activity(&stage, "copied", "", web, -1, 70000, 0);
	*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("irq"), base__copy("full"), 100 * STAGE_MS };
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "irq.softirq");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_true(stage__names(verdict->culprits, verdict->culprit_count, web));
	assert_false(stage__names(verdict->victims, verdict->victim_count, web));
	assert_true(stage__names(verdict->victims, verdict->victim_count, batch));
	bool device = false;
	for (size_t i = 0; i < verdict->culprit_count; i++)
		device |= verdict->culprits[i].kind == PARTY_IRQ && !strcmp(verdict->culprits[i].name, "NET_RX (eth0)");
	assert_true(device);
	assert_non_null(strstr(offer(verdict, "device-queues")->command, "ethtool -L eth0 combined 2"));
	assert_true(offer(verdict, "coalescing")->applicable);
	assert_false(offer(verdict, "softirq-budget")->applicable);     // nothing was squeezed
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_IRQ);
	stage__free(&stage);
}

// A disk's handler on CPU 0, and a profiler's timers on CPU 1: two recordings of hard interrupts.
static void test_hard_by_device(void **state)
{
	struct stage stage = new_stage(3000);
	int64_t server = stage__process(&stage, "server", 100, 5000, 3000, 0);
	(void)state;
	stage__task(&stage, server)->run_hardirq_ns = 1500 * STAGE_MS;
	stage__task(&stage, server)->wait_hardirq_ns = 1500 * STAGE_MS;
	stage.recording->cpu[0].hardirq_ns = 4000 * STAGE_MS;
	stage.recording->cpu[0].credit_hardirq_task_ns = 1500 * STAGE_MS;
	activity(&stage, "hardirq", "36", 0, 0, 400000, 4000);
	activity(&stage, "hardirq", "LOC", 0, 0, 2500, 20);
	counter(&stage, "interrupts", "36", "nvme0q1", 400000);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "irq.hard");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].kind, PARTY_IRQ);
	assert_string_equal(verdict->culprits[0].name, "nvme0q1 (36)");
	assert_float_equal(evidence(verdict, "interrupt 36 on all CPUs, as counted"), 400000, 0);
	assert_float_equal(evidence(verdict, "part of them that the probes saw"), 1, 1e-9);
	assert_non_null(strstr(offer(verdict, "irq-affinity")->command, "/proc/irq/36/"));
	assert_null(offer(verdict, "fewer-timers"));
	assert_true(stage__names(verdict->victims, verdict->victim_count, server));
	assert_int_equal(stage__verdict(&stage, "irq.softirq")->kind, VERDICT_RULED_OUT);
	stage__free(&stage);
}

static void test_hard_by_timers(void **state)
{
	struct stage stage = new_stage(3000);
	int64_t server = stage__process(&stage, "server", 100, 8000, 0, 0);
	int64_t profiler = stage__process(&stage, "profiler", 101, 0, 0, 0);
	(void)state;
	stage__task(&stage, server)->run_hardirq_ns = 4000 * STAGE_MS;   // alone on its CPU: nobody waits, and still half of it is gone
	stage.recording->cpu[1].hardirq_ns = 4500 * STAGE_MS;
	activity(&stage, "hardirq", "LOC", 0, 1, 800000, 4500);
	activity(&stage, "timer", "perf_swevent_hrtimer", profiler, -1, 4000000, 0);
	activity(&stage, "timer", "tick_nohz_handler", 0, -1, 5000, 0);
	counter(&stage, "interrupts", "LOC", "Local timer interrupts", 800000);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "irq.hard");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_int_equal(verdict->culprit_count, 1);
	assert_true(stage__names(verdict->culprits, verdict->culprit_count, profiler));
	assert_non_null(strstr(verdict->culprits[0].note, "sampling"));
	assert_true(offer(verdict, "fewer-timers")->applicable);
	assert_null(offer(verdict, "irq-affinity"));
	stage__free(&stage);
}

// Flushes: 40000 a second by one program, which waits 4 s of 10 for the answers.
static struct stage flushes(int64_t *ret_program, int64_t waited_ms)
{
	struct stage stage = new_stage(0);
	*ret_program = stage__process(&stage, "model-server", 100, 18000, 0, 0);
	int64_t other = stage__process(&stage, "shell", 101, 100, 0, 0);
	struct activity_row *row = activity(&stage, "shootdown", "mprotect", *ret_program, -1, 400000, waited_ms);
	row->amount = 400000;
	activity(&stage, "shootdown", "munmap", *ret_program, -1, 10, 1)->amount = 10;
	activity(&stage, "shootdown", "exit", other, -1, 30, 1)->amount = 30;
	activity(&stage, "interrupted", "flush_tlb_func", *ret_program, -1, 400000, waited_ms / 8);
	counter(&stage, "interrupts", "TLB", "TLB shootdowns", 400040);
	return stage;
}

static void test_shootdowns(void **state)
{
	int64_t program;
	struct stage stage = flushes(&program, 4000);
	(void)state;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "memory.tlb");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_int_equal(verdict->culprit_count, 1);
	assert_true(stage__names(verdict->culprits, 1, program));
	assert_string_equal(verdict->culprits[0].operations[0].operation, "mprotect");
	assert_true(stage__names(verdict->victims, verdict->victim_count, program));
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_NONE);
	stage__free(&stage);
	// A handful of flushes that were answered very late: not their fault.
	stage = flushes(&program, 4000);
	for (size_t i = 0; i < stage.recording->activity_count; i++)
		stage.recording->activity[i].count /= 1000;
	stage__judge(&stage);
	// The kernel counted a thousand times as many: they were not seen, so nothing can be ruled out.
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, VERDICT_NOT_TESTABLE);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->culprit_count, 0);
	stage__free(&stage);
	stage = flushes(&program, 4000);
	for (size_t i = 0; i < stage.recording->activity_count; i++)
		stage.recording->activity[i].count /= 1000;
	stage.recording->kernel_counter[stage.recording->kernel_counter_count - 1].after = 100 + 400;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, VERDICT_RULED_OUT);
	stage__free(&stage);
	stage = flushes(&program, 200);
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, VERDICT_RULED_OUT);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->culprit_count, 0);
	stage__free(&stage);
}

// Before 6.5 only the callers and the time of all calls are known: harmless if that is little, else nothing can be said.
static void test_shootdowns_of_older_kernels(void **state)
{
	(void)state;
	for (int many = 0; many < 2; many++) {
		struct stage stage = new_stage(0);
		int64_t program = stage__process(&stage, "model-server", 100, 18000, 0, 0);
		recording__set_meta(stage.recording, "probe.irq.calls", "tlb_flush");
		activity(&stage, "shootdown", "mprotect", program, -1, 400000, 0);
		activity(&stage, "hardirq", "CAL", 0, 0, 400000, many ? 1500 : 50);
		stage__judge(&stage);
		assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, many ? VERDICT_NOT_TESTABLE : VERDICT_RULED_OUT);
		stage__free(&stage);
	}
	struct stage stage = new_stage(0);
	recording__set_meta(stage.recording, "probe.irq.calls", "none");
	recording__set_meta(stage.recording, "probe.irq.sources", "the kernel refused the probes");
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, VERDICT_NOT_TESTABLE);
	assert_non_null(strstr(stage__verdict(&stage, "memory.tlb")->summary, "refused"));
	stage__free(&stage);
	stage = new_stage(0);           // they alone were refused
	recording__set_meta(stage.recording, "probe.irq.calls", "refused");
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "memory.tlb")->kind, VERDICT_NOT_TESTABLE);
	assert_non_null(strstr(stage__verdict(&stage, "memory.tlb")->summary, "refused"));
	assert_int_not_equal(stage__verdict(&stage, "irq.softirq")->kind, VERDICT_NOT_TESTABLE);
	stage__free(&stage);
}

static void test_older_recordings(void **state)
{
	struct stage stage = stage__new(0);
	(void)state;
	stage__judge(&stage);
	for (const char *const *id = (const char *const[]){ "irq.softirq", "irq.hard", "memory.tlb", NULL }; *id; id++) {
		assert_int_equal(stage__verdict(&stage, *id)->kind, VERDICT_NOT_TESTABLE);
		assert_true(stage__verdict(&stage, *id)->absent);
	}
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood), cmocka_unit_test(test_nobody_suffers), cmocka_unit_test(test_some_loss_contributes), cmocka_unit_test(test_small_demands_confirm_nothing),
		cmocka_unit_test(test_put_off_work_is_no_stall),
		cmocka_unit_test(test_packets_from_outside), cmocka_unit_test(test_hard_by_device), cmocka_unit_test(test_hard_by_timers),
		cmocka_unit_test(test_shootdowns), cmocka_unit_test(test_shootdowns_of_older_kernels), cmocka_unit_test(test_older_recordings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
