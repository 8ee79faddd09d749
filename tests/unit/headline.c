// The first lines of a report: which stalls are named, beside what, and what is said of the pressure.
#include "stage.h"

#include "causes/accounts.h"
#include "causes/headline.h"
#include "causes/state.h"
#include "render/answer.h"
#include "render/render.h"

#include <jansson.h>

enum { WORKER = 1, SERVER };

static struct stage scenery(int64_t io_ms, int64_t memory_ms)
{
	struct stage stage = stage__new(100);
	stage__process(&stage, "worker", 100, 4000, 100, 0);
	stage__process(&stage, "server", 200, 1000, 100, 0);
	static const char *const resources[] = { "io", "memory" };
	for (int i = 0; i < 2; i++) {
		*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy(resources[i]), base__copy("some"),
										   (i ? memory_ms : io_ms) * STAGE_MS };
		for (int64_t process = WORKER; process <= SERVER; process++)
			*recording__add_pressure_share(stage.recording) = (struct pressure_share_row){
				.process = process, .resource = base__copy(resources[i]), .some_ns = (process == SERVER ? 900 : 100) * STAGE_MS };
	}
	stage__judge(&stage);
	stage__forget_verdicts(&stage);
	return stage;
}

static struct verdict *found(struct stage *stage, const char *id, enum verdict_kind kind, double wall_seconds, int64_t victim)
{
	struct verdict *verdict = stage__find(stage, id);
	verdict->kind = kind;
	verdict->severity = kind == VERDICT_CONFIRMED ? SEVERITY_SEVERE : SEVERITY_SOME;
	verdict->stall_seconds = verdict->wall_seconds = wall_seconds;
	verdict__set_summary(verdict, "what %s says", id);
	if (victim)
		stage__add_party(stage, verdict, true, victim, wall_seconds);
	return verdict;
}

static const char *write_again(struct stage *stage)
{
	struct diagnosis *diagnosis = stage->diagnosis;
	for (size_t i = 0; i < diagnosis->caution_count; i++)
		free(diagnosis->cautions[i]);
	free(diagnosis->cautions);
	free(diagnosis->headline);
	diagnosis->cautions = NULL;
	diagnosis->caution_count = 0;
	diagnosis->confirmed = false;
	memset(diagnosis->unattributed_seconds, 0, sizeof(diagnosis->unattributed_seconds));
	diagnosis__sum_up(diagnosis);
	headline__write(diagnosis);
	return diagnosis->headline;
}

static char *cautions(const struct stage *stage)
{
	struct string out = { 0 };
	string__add(&out, "%s", "");
	for (size_t i = 0; i < stage->diagnosis->caution_count; i++)
		string__add(&out, "%s\n", stage->diagnosis->cautions[i]);
	return string__steal(&out);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void forbid(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in: %s", part, text);
}

// Each account has its own words, and the pressure that counts it.
static void test_words_for_each_cause(void **state)
{
	static const struct { const char *id, *lead; } cases[] = {
		{ "io.device", "STALLED on I/O, I/O pressure (some) 40 %: what io.device says." },
		{ "io.journal", "STALLED on I/O, which no pressure figure shows: " }, { "lock.futex", "STALLED on a lock of a program's own, which no" },
		{ "memory.limit", "STALLED for want of memory, memory pressure (some) 20 %: " },
		{ "memory.kswapd", "STALLED for want of memory, CPU pressure (some) 1.0 %: " }, { "irq.softirq", "STALLED by interrupts, CPU pressure" },
		{ "host.pause", "STALLED with the whole machine, which no" }, { "kernel.rcu", "STALLED inside the kernel, " },
		{ "lock.mmap", "STALLED on a kernel lock, which no pressure figure shows: " }, { "cpu.quota", "STALLED for want of CPU time, CPU" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = scenery(4000, 2000);
		found(&stage, cases[i].id, VERDICT_CONFIRMED, 4, SERVER);
		const char *headline = write_again(&stage);
		if (strncmp(headline, cases[i].lead, strlen(cases[i].lead)))
			fail_msg("%s: %s", cases[i].id, headline);
		stage__free(&stage);
	}
}

static void test_separate_stalls_are_named(void **state)
{
	(void)state;
	struct stage stage = scenery(4000, 2000);
	found(&stage, "io.device", VERDICT_CONFIRMED, 4, SERVER);
	found(&stage, "memory.limit", VERDICT_CONFIRMED, 2, SERVER);
	struct verdict *sync = found(&stage, "io.fsync", VERDICT_CONTRIBUTING, 1, SERVER);
	sync->under = "io.device";
	expect(write_again(&stage), "what io.device says. SEPARATELY STALLED for want of memory, memory pressure (some) 20 %: what memory.limit says "
				    "(and 1 more cause below).");
	forbid(stage.diagnosis->headline, "io.fsync");
	found(&stage, "lock.futex", VERDICT_CONTRIBUTING, 1, WORKER);
	found(&stage, "host.pause", VERDICT_CONTRIBUTING, 0.5, 0);
	expect(write_again(&stage), "SEPARATELY PARTLY STALLED on a lock of a program's own");
	forbid(stage.diagnosis->headline, "host.pause");
	expect(stage.diagnosis->headline, "(and 2 more causes below).");
	stage__free(&stage);
}

// Of one account only what has other victims is another stall.
static void test_one_account(void **state)
{
	static const struct { int64_t victim; enum verdict_kind kind; bool separate; } cases[] = {
		{ WORKER, VERDICT_CONFIRMED, true }, { SERVER, VERDICT_CONFIRMED, false }, { WORKER, VERDICT_CONTRIBUTING, false }, { 0, VERDICT_CONFIRMED, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = scenery(4000, 0);
		found(&stage, "io.device", VERDICT_CONFIRMED, 4, SERVER);
		found(&stage, "io.remote", cases[i].kind, 3, cases[i].victim);
		assert_int_equal(strstr(write_again(&stage), "SEPARATELY") != NULL, cases[i].separate);
		stage__free(&stage);
	}
}

static void test_pressure_that_another_cause_has(void **state)
{
	(void)state;
	struct stage stage = scenery(4000, 0);
	found(&stage, "lock.futex", VERDICT_CONFIRMED, 5, SERVER);
	found(&stage, "io.device", VERDICT_CONFIRMED, 3.5, WORKER);
	write_again(&stage);
	cleanup_free char *text = cautions(&stage);
	expect(text, "Asleep on a lock: counted by no pressure figure (5.00 s in all). The I/O pressure of 40 % has another cause: io.device.");
	forbid(text, "No cause was found");
	stage__free(&stage);
}

static void test_figures_that_were_cut(void **state)
{
	(void)state;
	struct stage stage = scenery(4000, 0);
	recording__add_pair(stage.recording)->wait_ns = INT64_MAX;
	recording__add_pair(stage.recording)->wait_ns = 1;
	recording__repair(stage.recording);
	recording__set_counter(stage.recording, "rows_cut", 12, "");
	write_again(&stage);
	cleanup_free char *text = cautions(&stage);
	expect(text, "More was counted than a recording holds, so the figures of these columns are too small: pair.wait_ns.");
	expect(text, "12 rows were left out of the recording, which was too large: what they say is in no figure.");
	stage__free(&stage);
}

// A small cause does not explain a large figure: what is left without a cause is said.
static void test_the_remainder(void **state)
{
	(void)state;
	for (int wall = 1; wall < 5; wall++) {
		struct stage stage = scenery(4000, 0);
		found(&stage, "io.device", VERDICT_CONFIRMED, wall, SERVER);
		write_again(&stage);
		cleanup_free char *text = cautions(&stage);
		assert_int_equal(strstr(text, "The kernel counted 3.00 s of I/O pressure (30 % of the window), which this recording cannot attribute") != NULL, wall == 1);
		assert_int_equal(strstr(text, "which this recording cannot attribute") != NULL, wall < 4);
		stage__free(&stage);
	}
}

// Pressure that the kernel counted and of which no cause was found: who waited is said, and the machine is not called healthy.
static void test_pressure_without_a_cause(void **state)
{
	(void)state;
	for (int booked = 0; booked < 2; booked++) {
		struct stage stage = scenery(4000, 0);
		for (size_t i = 0; i < stage.ledger->pressure_count; i++)
			if (!strcmp(stage.ledger->pressures[i].resource, "io")) {
				stage.ledger->pressures[i].booked = booked;
				stage.ledger->pressures[i].explained = 0.98;
			}
		assert_float_equal(stage.diagnosis->unattributed_seconds[2], 4, 1e-9);
		assert_false(stage.diagnosis->healthy);
		const char *headline = write_again(&stage);
		cleanup_free char *text = cautions(&stage);
		expect(headline, booked ? "UNEXPLAINED: no cause was found for I/O pressure (some) 40 %; 90 % of that waiting was that of server (pid 200)"
					: "UNEXPLAINED: I/O pressure (some) 40 % was counted, which this recording cannot attribute");
		expect(text, booked ? "No cause was found for 4.00 s of the I/O pressure (40 % of the window); 90 % of all its waiting was that of server (pid 200)."
				    : "which this recording cannot attribute");
		forbid(headline, "HEALTHY");
		stage__free(&stage);
	}
}

// Processes of one name and executable are told together, and CPU pressure that no verdict stands for is not passed over.
static void test_pressure_of_many_alike(void **state)
{
	(void)state;
	for (int alike = 0; alike < 2; alike++) {
		struct stage stage = stage__new(3000);
		int64_t first = stage__process(&stage, "postgres", 200, 1000, 0, 0), second = stage__process(&stage, "postgres", 201, 1000, 0, 0);
		int64_t third = stage__process(&stage, "reader", 202, 1000, 0, 0);
		if (!alike)
			stage.recording->process[second - 1].exe[0] = '-';
		*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 4000 * STAGE_MS };
		const struct { int64_t process, ms; } shares[] = { { first, 1200 }, { second, 1200 }, { third, 1600 } };
		for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
			*recording__add_pressure_share(stage.recording) = (struct pressure_share_row){ .resource = base__copy("io"),
				.process = shares[i].process, .some_ns = shares[i].ms * STAGE_MS };
		assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
		double share;
		cleanup_free char *waiter = pressure__main_waiter(stage.ledger, PRESSURE_IO, &share);
		assert_string_equal(waiter, alike ? "postgres (2 processes)" : "reader (pid 202)");
		assert_int_equal(diagnosis__make(stage.ledger, &stage.diagnosis), 0);
		assert_float_equal(share, alike ? 0.6 : 0.4, 1e-9);
		stage__free(&stage);
	}
}

// A waiter of io_uring to whom nothing is owed is I/O pressure for the kernel, and nobody's stall.
static void test_idle_ring_waiters(void **state)
{
	(void)state;
	for (int idle = 0; idle < 2; idle++) {
		struct stage stage = stage__new(100);
		int64_t process = stage__process(&stage, "server", 200, 1000, 100, 0);
		*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 8000 * STAGE_MS };
		*recording__add_stack(stage.recording) = (struct stack_row){ 1, base__copy(idle ? "io_cqring_wait+0x1\nio_uring_enter+0x2" : "folio_wait_bit+0x1") };
		*recording__add_sleep(stage.recording) = (struct sleep_row){ .process = process, .operation = base__copy("io_uring_enter"),
			.reason = base__copy("io"), .kernel_stack = 1, .ns = 7900 * STAGE_MS, .times = 3, .io_some_ns = 7900 * STAGE_MS };
		stage__judge(&stage);
		cleanup_free char *text = cautions(&stage);
		// The kernel's figure is large, so it is not called healthy, but the headline says whose figure it is.
		assert_int_equal(stage.diagnosis->state, idle ? STATE_BUSY : STATE_UNEXPLAINED);
		assert_int_equal(strstr(text, "Of the I/O pressure of 80 %, 79 % is that of io_uring waiters") != NULL, idle);
		assert_float_equal(stage.diagnosis->unattributed_seconds[2], idle ? 0 : 8, 1e-9);
		stage__free(&stage);
	}
}

// The same process and class is one row, the largest first, with the stack of the longest.
static void test_sleeps_in_json(void **state)
{
	(void)state;
	struct stage stage = stage__new(100);
	int64_t process = stage__process(&stage, "server", 200, 1000, 100, 0);
	static const char *const frames[] = { "jbd2_log_wait_commit+0x1\next4_sync_file+0x2", "jbd2_log_wait_commit+0x1\next4_fsync_more+0x2", "folio_wait_bit+0x1" };
	for (int i = 0; i < 3; i++) {
		*recording__add_stack(stage.recording) = (struct stack_row){ i + 1, base__copy(frames[i]) };
		*recording__add_sleep(stage.recording) = (struct sleep_row){ .process = process, .operation = base__copy("fsync"), .reason = base__copy("other"),
			.kernel_stack = i + 1, .ns = (i + 1) * 1000 * STAGE_MS, .times = 1, .max_ns = (i + 1) * 1000 * STAGE_MS };
	}
	stage__judge(&stage);
	cleanup_free char *text = render__json(stage.diagnosis);
	json_t *report = json_loads(text, 0, NULL), *rows = json_object_get(json_object_get(report, "sleeps"), "processes");
	assert_int_equal(json_array_size(rows), 2);
	// Both commits together take as long as the page: the class decides then.
	const json_t *commit = json_array_get(rows, 0), *page = json_array_get(rows, 1);
	if (strcmp(json_string_value(json_object_get(commit, "class")), "journal"))
		commit = json_array_get(rows, 1), page = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(commit, "class")), "journal");
	assert_float_equal(json_number_value(json_object_get(commit, "seconds")), 3, 1e-9);
	assert_float_equal(json_number_value(json_object_get(commit, "longest_seconds")), 2, 1e-9);
	assert_int_equal(json_integer_value(json_object_get(commit, "times")), 2);
	assert_non_null(strstr(json_string_value(json_array_get(json_object_get(commit, "stack"), 1)), "ext4_fsync_more"));
	assert_int_equal(json_integer_value(json_object_get(commit, "pid")), 200);
	assert_float_equal(json_number_value(json_object_get(page, "seconds")), 3, 1e-9);
	json_decref(report);
	stage__free(&stage);
}

static void test_healthy(void **state)
{
	(void)state;
	struct stage stage = scenery(200, 0);
	stage.diagnosis->healthy = true;
	assert_string_equal(write_again(&stage), "HEALTHY: nothing stalls. CPU pressure (some) 1.0 %, I/O pressure (some) 2.0 %.");
	static const char *const unjudged[] = { "irq.softirq", "irq.hard", "memory.tlb", "lock.futex" };
	for (size_t i = 0; i < ARRAY_SIZE(unjudged); i++) {
		struct verdict *verdict = stage__find(&stage, unjudged[i]);
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
	}
	expect(write_again(&stage), "CPU, LOCKS, MEMORY, I/O AND MACHINE HEALTHY: nothing stalls for want of CPU time, on a kernel lock, for want of memory, on I/O or "
				    "by the machine underneath.");
	struct answer *answer = answer__new(stage.diagnosis);
	cleanup_free char *coverage = answer__coverage(answer);
	expect(coverage, "Judged here: waits for CPU time, kernel locks, memory, I/O and the machine underneath. Not judged: locks of the programs themselves");
	expect(coverage, "interrupts");
	answer__free(answer);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_for_each_cause), cmocka_unit_test(test_separate_stalls_are_named), cmocka_unit_test(test_one_account),
		cmocka_unit_test(test_pressure_that_another_cause_has), cmocka_unit_test(test_figures_that_were_cut), cmocka_unit_test(test_the_remainder),
		cmocka_unit_test(test_pressure_without_a_cause), cmocka_unit_test(test_pressure_of_many_alike), cmocka_unit_test(test_healthy), cmocka_unit_test(test_idle_ring_waiters), cmocka_unit_test(test_sleeps_in_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
