// Rows of processes and tasks as they are made while recording: of those that are gone, and of tasks that have ended.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "collect/process_row.h"
#include "collect/task_rows.h"

static void test_a_process_that_is_gone_is_told_by_its_exec_and_its_parent(void **state)
{
	struct process_row parent = { .id = 1, .exe = (char *)"/usr/bin/make", .cgroup = (char *)"/build", .unit = (char *)"build.service" };
	struct task_slot slot = { .pid = 12, .tgid = 12, .parent_tgid = 10, .comm = "cc1", .leader_comm = "other" };
	struct process_row forked = { .id = 2 }, executed = { .id = 3 }, orphan = { .id = 4 };

	(void)state;
	process_row__describe_gone(&forked, &slot, NULL, &parent);
	assert_string_equal(forked.name, "cc1");
	assert_string_equal(forked.exe, "/usr/bin/make");       // it has not become another program
	assert_string_equal(forked.cgroup, "/build");
	assert_string_equal(forked.unit, "build.service");
	assert_string_equal(forked.runtime, "unknown");
	assert_int_equal(forked.parent_pid, 10);
	assert_int_equal(forked.gone, 1);
	process_row__describe_gone(&executed, &slot, "/usr/lib/cc1", &parent);
	assert_string_equal(executed.exe, "/usr/lib/cc1");
	slot.pid = 13;                                          // a thread: the process has the name of the first one
	process_row__describe_gone(&orphan, &slot, NULL, NULL);
	assert_string_equal(orphan.name, "other");
	assert_null(orphan.exe);
	assert_null(orphan.cgroup);
	assert_false(process_row__alike(&forked, &executed));
	assert_false(process_row__alike(&forked, &orphan));
	process_row__free_strings(&forked);
	process_row__free_strings(&executed);
	process_row__free_strings(&orphan);
}

static void test_a_copy_has_strings_of_its_own(void **state)
{
	struct process_row row = { .id = 7, .pid = 70, .start_ns = 5, .name = base__copy("a"), .settings = base__copy("s") }, copy;

	(void)state;
	process_row__copy(&row, &copy);
	assert_true(process_row__alike(&row, &copy));
	assert_ptr_not_equal(row.name, copy.name);
	process_row__reset(&row, 71);
	assert_int_equal(row.id, 7);
	assert_int_equal(row.pid, 71);
	assert_int_equal(row.start_ns, 0);
	assert_null(row.name);
	assert_null(row.settings);
	assert_true(process_row__is_named(&copy, "a"));
	assert_false(process_row__is_named(&row, "a"));
	assert_string_equal(copy.settings, "s");
	process_row__free_strings(&copy);
}

static void test_ended_tasks_are_summed_by_process_name_and_class(void **state)
{
	const struct task_slot slots[] = {
		{ .pid = 1, .tgid = 1, .comm = "worker", .nice20 = 25, .run_ns = 10, .wait_ns = 3, .wait_max_ns = 3 },
		{ .pid = 2, .tgid = 1, .comm = "worker", .nice20 = 20, .run_ns = 20, .wait_ns = 4, .wait_max_ns = 2 },
		{ .pid = 3, .tgid = 1, .comm = "worker", .policy = 1, .run_ns = 40 },
		{ .pid = 4, .tgid = 1, .comm = "timer", .run_ns = 80 },
	};
	struct ended_tasks *tasks = ended_tasks__new();
	struct recording *recording = recording__new();
	size_t sums = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		ended_tasks__add(tasks, &slots[i], 1);
	ended_tasks__add(tasks, &slots[0], 2);
	ended_tasks__store(tasks, recording);
	assert_int_equal(recording->task_count, 4);
	for (size_t i = 0; i < recording->task_count; i++) {
		const struct task_row *row = &recording->task[i];

		if (row->process != 1 || row->policy || strcmp(row->name, "worker"))
			continue;
		sums++;
		assert_int_equal(row->folded, 2);
		assert_int_equal(row->tid, 0);
		assert_int_equal(row->nice, 5);         // of the first one
		assert_int_equal(row->run_ns, 30);
		assert_int_equal(row->wait_ns, 7);
		assert_int_equal(row->wait_max_ns, 3);
		assert_int_equal(row->run_delay_ns, -1);        // unknown, not twice unknown
	}
	assert_int_equal(sums, 1);
	assert_int_equal(recording->task[3].process, 2);
	assert_int_equal(recording->task[3].run_ns, 10);
	recording__free(recording);
	ended_tasks__free(tasks);
	ended_tasks__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_that_is_gone_is_told_by_its_exec_and_its_parent),
		cmocka_unit_test(test_a_copy_has_strings_of_its_own),
		cmocka_unit_test(test_ended_tasks_are_summed_by_process_name_and_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
