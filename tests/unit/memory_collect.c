// What is read from the kernel's files about memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/memory_cgroups.h"
#include "collect/memory_files.h"
#include "collect/memory_processes.h"
#include "collect/memory_sums.h"

static void test_stat(void **state)
{
	struct memory_reading process = { 0 };

	(void)state;
	assert_true(memory_processes__parse_stat("42 (a b) c) S 1 42 42 0 -1 4194560 111 222 333 444 5 6 7 8 20 0 1 0 98765 1000 200 0", &process));
	assert_int_equal(process.minor_faults, 111);
	assert_int_equal(process.major_faults, 333);
	assert_int_equal(process.start_ticks, 98765);
	// PF_KTHREAD
	assert_false(memory_processes__parse_stat("2 (kswapd0) S 1 0 0 0 -1 2097216 0 0 7 0 0 0 0 0 20 0 1 0 5 0 0", &process));
	assert_false(memory_processes__parse_stat("42 (x", &process));
	assert_false(memory_processes__parse_stat("", &process));
}

static void test_status(void **state)
{
	struct memory_reading process = { 0 };

	(void)state;
	assert_true(memory_processes__parse_status("Name:\tVmRSS:\nVmPeak:\t  900 kB\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\nRssAnon:\t  120 kB\nRssFile:\t"
		"   80 kB\nVmSwap:\t    7 kB\n", &process));
	assert_int_equal(process.most_bytes, 300 * 1024);
	assert_int_equal(process.resident_bytes, 200 * 1024);
	assert_int_equal(process.anonymous_bytes, 120 * 1024);
	assert_int_equal(process.swap_bytes, 7 * 1024);
	assert_false(memory_processes__parse_status("Name:\tVmRSS:\nState:\tZ (zombie)\n", &process));
}

// What was resident beyond the beginning was faulted in once, at most; the rest of the faults came back for memory that had been given away.
static void test_what_was_kept(void **state)
{
	static const struct { int64_t before_resident, before_most, resident, most, kept; } cases[] = {
		{ 100, 150, 180, 180, 80 },     // grew
		{ 100, 150, 90, 150, 0 },       // shrank; its peak is older
		{ 100, 150, 90, 400, 300 },     // grew and gave all of it back, once
		{ 100, 900, 120, 900, 20 },     // its peak is older
		{ 0, 0, 50, 70, 70 },           // was started since
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct memory_reading before = { .resident_bytes = cases[i].before_resident, .most_bytes = cases[i].before_most, .minor_faults = 5 };
		struct memory_reading after = { .resident_bytes = cases[i].resident, .most_bytes = cases[i].most, .minor_faults = 12 };

		assert_int_equal(memory_reading__kept_bytes(&before, &after), cases[i].kept);
		assert_int_equal(memory_reading__faults(&before, &after), 7);
		assert_int_equal(memory_reading__faults(&after, &before), 0);
	}
}

static void test_swaps(void **state)
{
	struct counters *counters = counters__new();

	(void)state;
	memory_files__note_swaps(counters, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		"/dev/zram1                              partition\t1048572\t\t98784\t\t-2\n/swap\\040file file 100 0 -3\n");
	assert_int_equal(counters__last(counters, "swaps", "/dev/zram1", "size_kib"), 1048572);
	assert_int_equal(counters__last(counters, "swaps", "/dev/zram1", "used_kib"), 98784);
	assert_int_equal(counters__last(counters, "swaps", "/swap\\040file", "used_kib"), 0);
	memory_files__note_swaps(counters, "");
	counters__free(counters);
}

static void test_arc(void **state)
{
	struct counters *counters = counters__new();

	(void)state;
	memory_files__note_arc(counters, "13 1 0x01 96 4608 1 2\nname                            type data\nhits 4 1\nsize 4 8589934592\nc_max 4 17179869184\n");
	assert_int_equal(counters__last(counters, "arcstats", "", "size"), 8589934592LL);
	assert_int_equal(counters__last(counters, "arcstats", "", "c_max"), 17179869184LL);
	assert_int_equal(counters__last(counters, "arcstats", "", "hits"), -1);
	counters__free(counters);
}

static void test_chosen(void **state)
{
	cleanup_free char *chosen = memory_files__chosen("always defer [defer+madvise] madvise never\n");

	(void)state;
	assert_string_equal(chosen, "defer+madvise");
	assert_null(memory_files__chosen("1\n"));
	assert_null(memory_files__chosen("[never\n"));
}

// ---- cgroups ----

static void put(const char *directory, const char *file, const char *text)
{
	cleanup_free char *path = base__format("%s/%s", directory, file);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int64_t row(const struct recording *recording, const char *key, const char *name, bool after)
{
	for (size_t i = 0; i < recording->kernel_counter_count; i++) {
		const struct kernel_counter_row *counter = &recording->kernel_counter[i];

		if (!strcmp(counter->key, key) && !strcmp(counter->name, name))
			return after ? counter->after : counter->before;
	}
	return -1;
}

static void test_cgroups_v2(void **state)
{
	char root[] = "/tmp/whystall-test-XXXXXX";
	struct recording *recording = recording__new();

	(void)state;
	assert_non_null(mkdtemp(root));
	cleanup_free char *group = base__format("%s/app", root), *remove = base__format("rm -r %s", root);
	assert_int_equal(mkdir(group, 0755), 0);
	put(group, "memory.current", "67108864\n");
	put(group, "memory.max", "67108864\n");
	put(group, "memory.high", "max\n");
	put(group, "memory.events", "low 0\nhigh 0\nmax 999\noom 0\noom_kill 0\n");
	put(group, "memory.events.local", "low 0\nhigh 3\nmax 10\noom 0\noom_kill 0\n");
	put(group, "memory.stat", "anon 1000\nfile 2000\nanon_thp 5\nslab 30\nworkingset_refault_anon 7\nworkingset_refault_file 8\n");
	struct memory_cgroups *start = memory_cgroups__read(root, 2);
	put(group, "memory.events.local", "low 0\nhigh 3\nmax 250\noom 1\noom_kill 1\n");
	struct memory_cgroups *end = memory_cgroups__read(root, 2);
	assert_int_equal(start->count, 2);
	memory_cgroups__store(start, end, recording);
	assert_string_equal(recording->kernel_counter[0].source, "memcg.v2");
	assert_int_equal(row(recording, "/app", "events_max", false), 10);
	assert_int_equal(row(recording, "/app", "events_max", true), 250);
	assert_int_equal(row(recording, "/app", "events_high", true), 3);
	assert_int_equal(row(recording, "/app", "limit_bytes", true), 67108864);
	assert_int_equal(row(recording, "/app", "anon_bytes", true), 1000);
	// No limit is no row, and neither is a cgroup in which nothing happened.
	assert_int_equal(row(recording, "/app", "high_bytes", true), -1);
	assert_int_equal(row(recording, "/", "current_bytes", true), -1);

	// A limit's name in the sums of the probes.
	struct memory_sums *sums = memory_sums__new();
	struct memory_sum sum = { .count = 2, .ns = 900, .max_ns = 500, .run_ns = 1200, .queue_ns = 100, .amount = 64 };
	struct stat status;
	assert_int_equal(stat(group, &status), 0);
	memory_sums__add(sums, 1, MEMORY_LIMIT_RECLAIM, status.st_ino, &sum);
	memory_sums__add(sums, 1, MEMORY_LIMIT_RECLAIM, status.st_ino, &sum);
	memory_sums__add(sums, 2, MEMORY_PAGE_CACHE, 0, &sum);
	memory_sums__store(sums, start, end, recording);
	// 64 pages in the page cache are too few for a row.
	assert_int_equal(recording->activity_count, 3);
	assert_string_equal(recording->activity[0].kind, "limit_reclaim");
	assert_string_equal(recording->activity[0].key, "/app");
	assert_int_equal(recording->activity[0].count, 4);
	assert_int_equal(recording->activity[0].ns, 1800);
	assert_int_equal(recording->activity[0].max_ns, 500);
	assert_int_equal(recording->activity[0].amount, 128);
	// What is right in sums only is never more than the whole.
	assert_string_equal(recording->activity[1].kind, "limit_reclaim_running");
	assert_int_equal(recording->activity[1].ns, 1800);
	assert_int_equal(recording->activity[2].ns, 200);
	memory_sums__free(sums);
	memory_cgroups__free(start);
	memory_cgroups__free(end);
	recording__free(recording);
	assert_int_equal(system(remove), 0);
}

static void test_cgroups_v1(void **state)
{
	char root[] = "/tmp/whystall-test-XXXXXX";
	struct recording *recording = recording__new();

	(void)state;
	assert_non_null(mkdtemp(root));
	cleanup_free char *group = base__format("%s/app", root), *remove = base__format("rm -r %s", root);
	put(root, "memory.limit_in_bytes", "9223372036854771712\n");
	struct memory_cgroups *start = memory_cgroups__read(root, 1);
	assert_int_equal(mkdir(group, 0755), 0);
	put(group, "memory.limit_in_bytes", "1048576\n");
	put(group, "memory.usage_in_bytes", "1040000\n");
	put(group, "memory.failcnt", "120\n");
	put(group, "memory.memsw.failcnt", "3\n");
	put(group, "memory.stat", "rss 1\ntotal_rss 900000\ntotal_cache 4096\ntotal_swap 8192\ntotal_workingset_refault_anon 55\n");
	struct memory_cgroups *end = memory_cgroups__read(root, 1);
	memory_cgroups__store(start, end, recording);
	// It was made within the window: all of it is growth.
	assert_int_equal(row(recording, "/app", "failcnt", false), 0);
	assert_int_equal(row(recording, "/app", "failcnt", true), 123);
	assert_int_equal(row(recording, "/app", "refault_anon", true), 55);
	assert_int_equal(row(recording, "/app", "swap_bytes", true), 8192);
	assert_int_equal(row(recording, "/", "limit_bytes", true), -1);
	memory_cgroups__free(start);
	memory_cgroups__free(end);
	memory_cgroups__free(memory_cgroups__read(NULL, 2));
	recording__free(recording);
	assert_int_equal(system(remove), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat), cmocka_unit_test(test_status), cmocka_unit_test(test_what_was_kept), cmocka_unit_test(test_swaps), cmocka_unit_test(test_arc), cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_cgroups_v2), cmocka_unit_test(test_cgroups_v1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
