// What a labelled workload states, held against a diagnosis.
#include "unit/stage_locks.h"

#include "command/truth.h"

// The case of the demo: a daemon that fights over its own lock, and an innocent neighbour.
static struct stage judged_case(void)
{
	struct stage stage = stage__new(50);
	stage__process(&stage, "storagenode", 99, 8000, 10, 0);
	int64_t daemon = stage__process(&stage, "backup", 412, 9000, 1000, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", daemon, NULL, 8000);
	stage__lock_wait(&stage, lock, daemon, "write", 1000, 30000);
	stage__lock_hold(&stage, lock, daemon, "munmap", "write", 29000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "confirmed");
	return stage;
}

// Asserts that a truth disagrees in exactly these words; NULL: it agrees.
static void assert_differences(const char *truth_text, const char *expected)
{
	struct stage stage = judged_case();
	json_t *truth = json_loads(truth_text, 0, NULL);
	assert_non_null(truth);
	cleanup_free char *differences = truth__differences(truth, stage.diagnosis);
	if (expected)
		assert_string_equal(differences, expected);
	else
		assert_null(differences);
	json_decref(truth);
	stage__free(&stage);
}

static void test_agrees(void **state)
{
	(void)state;
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"pid\":412,\"process\":\"backup\",\"operation\":\"mmap|munmap\"}],"
			   "\"innocent\":[{\"pid\":99,\"process\":\"storagenode\"}]}", NULL);
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"process\":\"backup\"}]}", NULL);
	assert_differences("{\"causes\":[],\"allowed\":[\"lock.mmap\"]}", NULL);
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"pid\":1,\"process\":\"x\",\"cause\":\"cpu.quota\"}]}", NULL);
}

static void test_disagrees(void **state)
{
	(void)state;
	assert_differences("{\"causes\":[]}", "lock.mmap was found and is not part of the truth");
	assert_differences("{\"causes\":[\"lock.mmap\",\"cpu.quota\"]}", "cpu.quota is true and was not found");
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"pid\":99,\"process\":\"storagenode\"}]}",
			   "lock.mmap does not name storagenode");
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"pid\":412,\"process\":\"backup\",\"operation\":\"unmap|munmap2\"}]}",
			   "lock.mmap says of backup munmap and not unmap|munmap2");
	assert_differences("{\"causes\":[\"lock.mmap\"],\"innocent\":[{\"pid\":412,\"process\":\"backup\"}]}",
			   "lock.mmap accuses backup, which is innocent");
	assert_differences("{\"causes\":[\"lock.mmap\"],\"culprits\":[{\"kind\":\"quota\",\"cgroup\":\"/limited\"}]}",
			   "lock.mmap does not name /limited");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_disagrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
