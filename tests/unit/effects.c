// Which verdict is listed under which: for every edge of the table one case in which it holds and one in which it does not.
#include "stage.h"

#include "causes/effects.h"
#include "causes/headline.h"
#include "ledger/thresholds.h"
#include "causes/verdict.h"

enum { WORKER = 1, SERVER, KSOFTIRQD, KSWAPD };

// A recording with four processes, and a diagnosis whose verdicts found nothing yet.
static struct stage scenery(void)
{
	struct stage stage = stage__new(500);
	stage__process(&stage, "worker", 100, 4000, 100, 0);
	stage__process(&stage, "server", 200, 1000, 100, 0);
	stage__process(&stage, "ksoftirqd/1", 20, 1000, 100, 0);
	stage__process(&stage, "kswapd0", 30, 1000, 100, 0);
	stage.recording->process[KSOFTIRQD - 1].kernel_thread = stage.recording->process[KSWAPD - 1].kernel_thread = 1;
	stage__judge(&stage);
	stage__forget_verdicts(&stage);
	return stage;
}

static void add_party(struct stage *stage, struct verdict *verdict, bool victim, int64_t process)
{
	stage__add_party(stage, verdict, victim, process, 2);
}

static struct verdict *found(struct stage *stage, const char *id, enum verdict_kind kind)
{
	struct verdict *verdict = stage__find(stage, id);
	verdict->kind = kind;
	verdict->stall_seconds = 2;
	verdict->wall_seconds = 1;
	return verdict;
}

// What makes an edge with this condition hold, or only look as if.
static void set_up(struct stage *stage, effect_shared_fn *condition, struct verdict *effect, struct verdict *cause, bool holds)
{
	struct recording *recording = stage->recording;
	int64_t other = holds ? WORKER : SERVER;
	if (condition == effects__through_resources) {
		verdict__add_resource(effect, RESOURCE_DEVICE, "254:0", 2e9);
		verdict__add_resource(cause, RESOURCE_DEVICE, holds ? "254:0" : "254:16", 2e9);
	} else if (condition == effects__on_stolen_cpus) {
		recording->cpu[0].credit_idle_ns = 900 * STAGE_MS;
		recording->cpu[1].credit_idle_ns = 100 * STAGE_MS;
		recording->cpu[holds ? 0 : 1].steal_ns = 2000 * STAGE_MS;
	} else if (condition == effects__convoy) {
		effect->convoy = true;
		effect->kind = VERDICT_CONTRIBUTING;
		add_party(stage, effect, true, WORKER);
		add_party(stage, cause, true, other);
	} else if (condition == effects__spinning) {
		add_party(stage, effect, false, WORKER);
		add_party(stage, cause, true, other);
		((struct ledger_process *)ledger__process(stage->ledger, WORKER))->lock_spin_ns = 3000 * STAGE_MS;
	} else if (condition == effects__own_crowding) {
		effect->kind = VERDICT_CONTRIBUTING;
		add_party(stage, effect, false, WORKER);
		add_party(stage, effect, true, WORKER);
		add_party(stage, cause, false, other);
	} else if (condition == effects__by_ksoftirqd || condition == effects__by_kswapd) {
		add_party(stage, effect, false, !holds ? WORKER : condition == effects__by_kswapd ? KSWAPD : KSOFTIRQD);
	} else if (condition == effects__by_reclaimers) {
		add_party(stage, effect, false, WORKER);
		add_party(stage, cause, true, other);
		*recording__add_pressure_share(recording) = (struct pressure_share_row){ .process = WORKER, .resource = base__copy("memory"),
											.running_ns = 3000 * STAGE_MS };
	} else if (condition == effects__through_chains) {
		add_party(stage, effect, true, WORKER);
		verdict__add_resource(cause, RESOURCE_DEVICE, holds ? "254:0" : "254:16", 2e9);
		struct ledger_chains *chains = &stage->ledger->chains;
		chains__free(chains);
		chains->chains = base__alloc(1, sizeof(*chains->chains));
		chains->count = 1;
		chains->chains[0] = (struct chain){ .seconds = 1, .count = 2, .end = CHAIN_END_DEVICE, .device = "254:0",
						    .links = { { .process = WORKER, .seconds = 1 }, { .process = SERVER, .seconds = 0.9 } } };
	} else if (condition == effects__held_at_kernel_locks) {
		add_party(stage, effect, true, WORKER);
		add_party(stage, cause, true, SERVER);
		struct ledger_chains *chains = &stage->ledger->chains;
		chains__free(chains);
		chains->chains = base__alloc(1, sizeof(*chains->chains));
		chains->count = 1;
		chains->chains[0] = (struct chain){ .seconds = 1, .count = 2, .end = CHAIN_END_AWAKE,
						    .links = { { .process = WORKER, .class = SLEEP_FUTEX, .seconds = 1 },
							       { .process = SERVER, .class = holds ? SLEEP_KERNEL_LOCK : SLEEP_PIPE, .seconds = 0.9 } } };
	} else if (condition == effects__during_pauses) {
		add_party(stage, effect, true, WORKER);
		*recording__add_host_event(recording) = (struct host_event_row){ .time_ns = 5000 * STAGE_MS, .kind = base__copy("pause"), .cpu = -1,
										 .ns = 2000 * STAGE_MS };
		int64_t end = (holds ? 5000 : 8000) * STAGE_MS;
		*recording__add_event(recording) = (struct event_row){ .time_ns = end, .process = WORKER, .wait_ns = 2000 * STAGE_MS };
		*recording__add_sleep_event(recording) = (struct sleep_event_row){ .time_ns = end, .process = WORKER, .ns = 2000 * STAGE_MS };
	} else if (condition == effects__warnings_of_pauses) {
		*recording__add_host_event(recording) = (struct host_event_row){ .time_ns = (holds ? 5000 : 8000) * STAGE_MS, .kind = base__copy("pause"),
										 .cpu = -1, .ns = 2000 * STAGE_MS };
		*recording__add_host_event(recording) = (struct host_event_row){ .time_ns = 5010 * STAGE_MS, .kind = base__copy("soft_lockup"), .cpu = 1,
										 .ns = 2000 * STAGE_MS };
	} else if (condition == effects__warnings_on_stolen_cpus) {
		recording->cpu[1].steal_ns = 8000 * STAGE_MS;
		*recording__add_host_event(recording) = (struct host_event_row){ .time_ns = 5010 * STAGE_MS, .kind = base__copy("rcu_stall"),
										 .cpu = holds ? 1 : 0, .ns = 2000 * STAGE_MS };
	} else if (condition == effects__behind_stalled_cpus) {
		add_party(stage, effect, true, SERVER);
		add_party(stage, cause, false, WORKER);
		*recording__add_host_event(recording) = (struct host_event_row){ .time_ns = 5000 * STAGE_MS, .kind = base__copy("rcu_stall"), .cpu = 1,
										 .ns = 3000 * STAGE_MS };
		*recording__add_event(recording) = (struct event_row){ .time_ns = 7000 * STAGE_MS, .process = SERVER, .wait_ns = 4000 * STAGE_MS,
								       .cpu = holds ? 1 : 0, .culprit = WORKER };
	} else {
		fail_msg("this condition has no test");
	}
	host_events__free(&stage->ledger->host);        // the rows above came after the ledger
	host_events__make(recording, &stage->ledger->host);
}

static void test_every_edge(void **state)
{
	(void)state;
	assert_true(effect_table_count >= 30);
	for (size_t i = 0; i < effect_table_count; i++)
		for (int holds = 0; holds < 2; holds++) {
			const struct effect_edge *edge = &effect_table[i];
			struct stage stage = scenery();
			struct verdict *effect = found(&stage, edge->effect, VERDICT_CONFIRMED), *cause = found(&stage, edge->cause, VERDICT_CONFIRMED);
			set_up(&stage, edge->shared, effect, cause, holds);
			enum verdict_kind before = effect->kind;
			effects__place(stage.diagnosis, effect_table, effect_table_count);
			if ((effect->under != NULL) != holds || (holds && strcmp(effect->under, edge->cause)))
				fail_msg("%s is %sunder %s", edge->effect, effect->under ? "" : "not ", edge->cause);
			assert_int_equal(effect->kind, holds ? VERDICT_CONTRIBUTING : before);
			assert_null(cause->under);
			assert_int_equal(cause->kind, VERDICT_CONFIRMED);
			stage__free(&stage);
		}
}

// Two stalls at once, with the same victims but nothing that ties them: each stands for itself.
static void test_independent_stalls_stay_side_by_side(void **state)
{
	(void)state;
	for (size_t i = 0; i < cause_table_count; i++)
		for (size_t j = 0; j < cause_table_count; j++) {
			struct stage stage = scenery();
			struct verdict *one = found(&stage, cause_table[i]->id, VERDICT_CONFIRMED);
			struct verdict *other = found(&stage, cause_table[j]->id, VERDICT_CONFIRMED);
			add_party(&stage, one, true, SERVER);
			if (i != j)
				add_party(&stage, other, true, SERVER);
			effects__place(stage.diagnosis, effect_table, effect_table_count);
			if (one->under || other->under)
				fail_msg("%s and %s: one is under the other", one->cause->id, other->cause->id);
			stage__free(&stage);
		}
}

// Only a confirmed cause has effects, and only where half of the effect's waiting is shared.
static void test_half_of_it_and_confirmed(void **state)
{
	static const struct { enum verdict_kind kind; double shared_ns; bool under; } cases[] = {
		{ VERDICT_CONFIRMED, 1.1e9, true }, { VERDICT_CONFIRMED, 0.9e9, false }, { VERDICT_CONTRIBUTING, 2e9, false },
		{ VERDICT_RULED_OUT, 2e9, false }, { VERDICT_NOT_TESTABLE, 2e9, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = scenery();
		struct verdict *effect = found(&stage, "io.fsync", VERDICT_CONTRIBUTING), *cause = found(&stage, "io.device", cases[i].kind);
		verdict__add_resource(effect, RESOURCE_DEVICE, "254:0", 2e9);
		verdict__add_resource(cause, RESOURCE_DEVICE, "254:0", cases[i].shared_ns);
		effects__place(stage.diagnosis, effect_table, effect_table_count);
		assert_int_equal(effect->under != NULL, cases[i].under);
		stage__free(&stage);
	}
}

// A resource given twice is one; its kind is part of its name.
static void test_resources_add_up(void **state)
{
	(void)state;
	struct stage stage = scenery();
	struct verdict *effect = found(&stage, "io.fsync", VERDICT_CONFIRMED), *cause = found(&stage, "io.device", VERDICT_CONFIRMED);
	verdict__add_resource(effect, RESOURCE_DEVICE, "254:0", 0.6e9);
	verdict__add_resource(effect, RESOURCE_DEVICE, "254:0", 0.6e9);
	verdict__add_resource(effect, RESOURCE_CGROUP, "254:0", 5e9);
	verdict__add_resource(cause, RESOURCE_DEVICE, "254:0", 3e9);
	assert_int_equal(effect->resource_count, 2);
	assert_true(effects__through_resources(stage.diagnosis, effect, cause) == 1.2);
	stage__free(&stage);
}

// A slow disk holds writers up, and their syncs; a memory limit makes the swap device busy, which makes syncs slow.
static void test_a_chain(void **state)
{
	(void)state;
	struct stage stage = scenery();
	struct verdict *limit = found(&stage, "memory.limit", VERDICT_CONFIRMED), *device = found(&stage, "io.device", VERDICT_CONFIRMED);
	struct verdict *sync = found(&stage, "io.fsync", VERDICT_CONFIRMED), *wakeup = found(&stage, "cpu.wakeup", VERDICT_CONFIRMED);
	verdict__add_resource(limit, RESOURCE_DEVICE, "254:0", 2e9);
	verdict__add_resource(device, RESOURCE_DEVICE, "254:0", 2e9);
	verdict__add_resource(sync, RESOURCE_DEVICE, "254:0", 2e9);
	wakeup->wall_seconds = 0.5;
	effects__place(stage.diagnosis, effect_table, effect_table_count);
	assert_string_equal(device->under, "memory.limit");
	assert_string_equal(sync->under, "io.device");
	assert_null(limit->under);
	assert_null(wakeup->under);
	size_t order[8];
	assert_int_equal(headline__order(stage.diagnosis, order, ARRAY_SIZE(order)), 4);
	assert_ptr_equal(&stage.diagnosis->verdicts[order[0]], limit);
	assert_ptr_equal(&stage.diagnosis->verdicts[order[1]], device);
	assert_ptr_equal(&stage.diagnosis->verdicts[order[2]], sync);
	assert_ptr_equal(&stage.diagnosis->verdicts[order[3]], wakeup);
	assert_int_equal(headline__order(stage.diagnosis, order, 2), 2);
	stage__free(&stage);
}

// Of two causes that account for it equally the heavier one has it.
static void test_the_heavier_cause(void **state)
{
	(void)state;
	for (int heavier = 0; heavier < 2; heavier++) {
		struct stage stage = scenery();
		struct verdict *sync = found(&stage, "io.fsync", VERDICT_CONFIRMED);
		struct verdict *causes[] = { found(&stage, "io.device", VERDICT_CONFIRMED), found(&stage, "io.limit", VERDICT_CONFIRMED) };
		causes[heavier]->wall_seconds = 3;
		verdict__add_resource(sync, RESOURCE_DEVICE, "254:0", 2e9);
		for (int i = 0; i < 2; i++)
			verdict__add_resource(causes[i], RESOURCE_DEVICE, "254:0", 2e9);
		effects__place(stage.diagnosis, effect_table, effect_table_count);
		assert_string_equal(sync->under, causes[heavier]->cause->id);
		stage__free(&stage);
	}
}

// The table has edges both ways (a lock's spinning, a queue at a free lock): never both at once.
static void test_no_circle(void **state)
{
	(void)state;
	struct stage stage = scenery();
	struct verdict *cpu = found(&stage, "cpu.oversubscription", VERDICT_CONFIRMED);
	const char *const locks[] = { "lock.mmap", "lock.kernel", "lock.futex" };
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		struct verdict *lock = found(&stage, locks[i], i ? VERDICT_CONFIRMED : VERDICT_CONTRIBUTING);
		lock->convoy = true;
		add_party(&stage, lock, true, WORKER);
		add_party(&stage, lock, false, SERVER);
	}
	add_party(&stage, cpu, false, SERVER);
	add_party(&stage, cpu, true, WORKER);
	((struct ledger_process *)ledger__process(stage.ledger, SERVER))->lock_spin_ns = 1000 * STAGE_MS;
	add_party(&stage, stage__find(&stage, "lock.kernel"), true, SERVER);
	effects__place(stage.diagnosis, effect_table, effect_table_count);
	assert_string_equal(cpu->under, "lock.kernel");
	assert_string_equal(stage__find(&stage, "lock.mmap")->under, "cpu.oversubscription");
	size_t roots = 0;
	for (size_t i = 0; i < stage.diagnosis->verdict_count; i++) {
		size_t steps = 0;
		for (const struct verdict *at = &stage.diagnosis->verdicts[i]; at->under; at = stage__find(&stage, at->under))
			assert_true(steps++ < 30);
		roots += !steps;
	}
	assert_true(roots > 0);
	stage__free(&stage);
}

// Whatever is claimed in a circle: one stays at the top, and that is whose claim is the weakest.
static void test_a_circle_is_left_open(void **state)
{
	static const struct effect_edge edges[] = {
		{ "io.device", "io.fsync", effects__through_resources }, { "io.fsync", "io.dirty", effects__through_resources },
		{ "io.dirty", "io.device", effects__through_resources }, { "io.dirty", "io.dirty", effects__through_resources },
	};
	(void)state;
	struct stage stage = scenery();
	const char *const ids[] = { "io.device", "io.fsync", "io.dirty" };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		verdict__add_resource(found(&stage, ids[i], VERDICT_CONFIRMED), RESOURCE_DEVICE, "254:0", i == 2 ? 1.5e9 : 2e9);
	stage__find(&stage, "io.fsync")->stall_seconds = 1.6;
	effects__place(stage.diagnosis, edges, ARRAY_SIZE(edges));
	assert_string_equal(stage__find(&stage, "io.device")->under, "io.fsync");
	assert_string_equal(stage__find(&stage, "io.fsync")->under, "io.dirty");
	assert_null(stage__find(&stage, "io.dirty")->under);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_edge), cmocka_unit_test(test_independent_stalls_stay_side_by_side), cmocka_unit_test(test_half_of_it_and_confirmed),
		cmocka_unit_test(test_resources_add_up), cmocka_unit_test(test_a_chain), cmocka_unit_test(test_the_heavier_cause),
		cmocka_unit_test(test_no_circle), cmocka_unit_test(test_a_circle_is_left_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
