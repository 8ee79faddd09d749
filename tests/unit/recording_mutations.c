// The targets of two fuzzers, run on a fixed sequence of damaged files and of arbitrary rows: the same ones at every run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define LLVMFuzzerTestOneInput read_file
#include "fuzz/recording_file.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput read_rows
#include "fuzz/recording.c"

#define ROUNDS_FILE 1000
#define ROUNDS_ROWS 150

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct recording *small_recording(void)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "hz", "250");
	for (int64_t i = 1; i <= 5; i++) {
		*recording__add_process(recording) = (struct process_row){ .id = i, .pid = 100 + i, .name = base__copy("name") };
		*recording__add_task(recording) = (struct task_row){ .process = i, .tid = 100 + i, .name = base__copy("task"), .wait_ns = 5 };
		*recording__add_cgroup(recording) = (struct cgroup_row){ .id = i, .hierarchy = 2, .path = base__format("/%d", (int)i) };
		*recording__add_pressure(recording) = (struct pressure_row){ i, base__copy("cpu"), base__copy("some"), 10000 };
		*recording__add_book(recording) = (struct book_row){ i, 0, 10000, 10000, 10000, 0 };
		*recording__add_fold(recording) = (struct fold_row){ i, 0, 0, 10000, 50000000, 0 };
	}
	return recording;
}

static size_t small_file(char **ret_bytes)
{
	char path[] = "/tmp/whystall-mutations-XXXXXX";
	close(mkstemp(path));
	struct recording_file *file = NULL;
	struct recording *recording = small_recording();
	char *sentence = NULL;
	assert_int_equal(recording_file__create(path, &file, &sentence), 0);
	assert_int_equal(recording_file__save(file, recording, &sentence), 0);
	recording_file__close(file);
	recording__free(recording);
	ssize_t length = base__read_file(path, 1 << 20, ret_bytes);
	unlink(path);
	assert_true(length > 10000);
	return (size_t)length;
}

static void test_damaged_files(void **state)
{
	(void)state;
	cleanup_free char *good = NULL;
	size_t length = small_file(&good);
	uint64_t seed = 88172645463325252ULL;
	char *bytes = base__alloc(length, 1);
	for (int round = 0; round < ROUNDS_FILE; round++) {
		memcpy(bytes, good, length);
		for (uint64_t left = next_random(&seed) % 6 + 1; left; left--) {
			// Three of four hit the schema or the head of a page, where the structure is.
			size_t at = next_random(&seed) % length;
			if (round % 4)
				at = round % 4 == 1 ? at % 4096 : at / 4096 * 4096 + at % 32;
			bytes[at] = (char)next_random(&seed);
		}
		memcpy(bytes, "SQLite", 6);
		read_file((const uint8_t *)bytes, round % 10 ? length : next_random(&seed) % length);
	}
	free(bytes);
}

static void test_arbitrary_rows(void **state)
{
	(void)state;
	uint64_t seed = 362436069362436069ULL;
	uint8_t bytes[2000];
	for (int round = 0; round < ROUNDS_ROWS; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)next_random(&seed);
		read_rows(bytes, next_random(&seed) % sizeof(bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_damaged_files), cmocka_unit_test(test_arbitrary_rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
