// Kernel threads that starve: named with their own waits and with who had the CPU.
#include "stage.h"

#include "render/render.h"

#include <jansson.h>
#include <math.h>

enum { TOSSER = 1, OTHER, RCU, KWORKER, KSM, SHORT };

static int64_t kernel_thread(struct stage *stage, const char *name, int64_t pid, int64_t longest_ms, int64_t nice)
{
	int64_t id = stage__process(stage, name, pid, 10, 2 * longest_ms, 0);
	struct process_row *row = &stage->recording->process[id - 1];
	row->kernel_thread = 1;
	free(row->exe);
	row->exe = NULL;
	stage__task(stage, id)->wait_max_ns = longest_ms * STAGE_MS;
	stage__task(stage, id)->nice = nice;
	return id;
}

static struct stage scenery(void)
{
	struct stage stage = stage__new(9900);
	stage__process(&stage, "tosser", 100, 8000, 100, 9000);
	stage__process(&stage, "other", 200, 1000, 100, 900);
	kernel_thread(&stage, "rcu_preempt", 15, 4400, 0);
	kernel_thread(&stage, "kworker/0:0", 9, 1200, 0);
	kernel_thread(&stage, "ksmd", 33, 9000, 5);             // asks for little
	kernel_thread(&stage, "ksoftirqd/0", 14, 990, 0);       // less than a second
	stage__task(&stage, OTHER)->wait_max_ns = 5000 * STAGE_MS; // no kernel thread
	stage__pair(&stage, RCU, OCCUPANT_TASK, TOSSER, 6000);
	stage__pair(&stage, RCU, OCCUPANT_TASK, OTHER, 500);
	stage__pair(&stage, RCU, OCCUPANT_IDLE, 0, 9000);
	stage__pair(&stage, KWORKER, OCCUPANT_TASK, TOSSER, 2000);
	return stage;
}

static const char *caution_with(const struct stage *stage, const char *word)
{
	for (size_t i = 0; i < stage->diagnosis->caution_count; i++)
		if (strstr(stage->diagnosis->cautions[i], word))
			return stage->diagnosis->cautions[i];
	return "";
}

static void test_who_starves(void **state)
{
	(void)state;
	struct stage stage = scenery();
	stage__judge(&stage);
	const struct starved_threads *starved = &stage.ledger->starved;
	assert_int_equal(starved->count, 2);
	assert_string_equal(starved->threads[0].process->name, "rcu_preempt");
	assert_true(fabs(starved->threads[0].longest_seconds - 4.4) < 1e-9 && fabs(starved->threads[0].waited_seconds - 8.8) < 1e-9);
	assert_int_equal(starved->threads[0].behind_count, 2);
	assert_string_equal(starved->threads[0].behind[0].name, "tosser");
	assert_true(fabs(starved->threads[0].behind[0].seconds - 6) < 1e-9);
	assert_string_equal(starved->threads[1].process->name, "kworker/0:0");
	assert_string_equal(caution_with(&stage, "starve"), "Kernel threads starve: rcu_preempt 4.40 s at a time and kworker/0:0 1.20 s wait for a CPU, "
			    "mostly behind tosser. Late by as much: RCU's grace periods (freeing memory, closing and attaching things), work items (the "
			    "kernel's pressure figures, writeback, timers of drivers).");
	assert_ptr_equal(stage.diagnosis->cautions[0], caution_with(&stage, "starve"));
	stage__free(&stage);
}

static void test_behind_realtime(void **state)
{
	(void)state;
	struct stage stage = scenery();
	for (size_t i = 0; i < stage.recording->pair_count; i++)
		stage.recording->pair[i].realtime_ns = stage.recording->pair[i].wait_ns;
	stage__judge(&stage);
	assert_non_null(strstr(caution_with(&stage, "starve"), "behind tosser (realtime)"));
	stage__free(&stage);
}

static void test_nobody_starves(void **state)
{
	(void)state;
	struct stage stage = scenery();
	stage__task(&stage, RCU)->wait_max_ns = stage__task(&stage, KWORKER)->wait_max_ns = 300 * STAGE_MS;
	stage__judge(&stage);
	assert_int_equal(stage.ledger->starved.count, 0);
	assert_string_equal(caution_with(&stage, "starve"), "");
	stage__free(&stage);
}

static void test_json(void **state)
{
	(void)state;
	struct stage stage = scenery();
	stage__judge(&stage);
	cleanup_free char *text = render__json(stage.diagnosis);
	json_t *root = json_loads(text, 0, NULL), *list = json_object_get(root, "starved_kernel_threads"), *first = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "rcu_preempt");
	assert_int_equal(json_integer_value(json_object_get(first, "pid")), 15);
	assert_true(fabs(json_number_value(json_object_get(first, "longest_wait_seconds")) - 4.4) < 1e-9);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(first, "behind"), 0), "process")), "tosser");
	json_decref(root);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_starves), cmocka_unit_test(test_behind_realtime), cmocka_unit_test(test_nobody_starves), cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
