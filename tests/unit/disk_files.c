// What is read of block devices and their limits: /proc/diskstats, io.max, io.stat, blkio.throttle.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/cgroup_io.h"
#include "collect/disk_facts.h"

static void test_diskstats(void **state)
{
	(void)state;
	// 7.2, 6.1 with seventeen fields; eleven fields as before 4.18; none of it; a line that ends too early.
	const char *text = "   7       0 loop0 5 1 40 7 2 0 16 3 1 9 12 4 0 8 2 6 1\n"
			   " 254 0 vda 36237 6520 3277754 17690 43011 16315 2549000 29203 0 13056 51425\n"
			   "nonsense\n\n"
			   "   8       1 sda1 1 2 3\n"
			   " 259       0 nvme0n1 18446744073709551615 0 0 0 -5 0 0 0 0 0 0";
	struct disk_stat stat;

	assert_true(disk_stat__parse(&text, &stat));
	assert_string_equal(stat.name, "loop0");
	assert_int_equal(stat.major, 7);
	assert_int_equal(stat.reads, 5);
	assert_int_equal(stat.read_ms, 7);
	assert_int_equal(stat.write_sectors, 16);
	assert_int_equal(stat.in_flight, 1);
	assert_int_equal(stat.busy_ms, 9);
	assert_int_equal(stat.queue_ms, 12);
	assert_int_equal(stat.discards, 4);
	assert_int_equal(stat.flush_ms, 1);
	assert_true(disk_stat__parse(&text, &stat));
	assert_string_equal(stat.name, "vda");
	assert_int_equal(stat.queue_ms, 51425);
	assert_int_equal(stat.flushes, 0);
	assert_true(disk_stat__parse(&text, &stat));
	assert_string_equal(stat.name, "nvme0n1");
	assert_true(stat.reads > 0);    // what does not fit is the most there is
	assert_int_equal(stat.writes, 0);
	assert_false(disk_stat__parse(&text, &stat));
}

// Kernels before 4.18 and 5.5 have fewer fields: what is missing is not the next line's device number.
static void test_lines_with_fewer_fields(void **state)
{
	(void)state;
	const char *text = "   8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n   8 1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n-7";
	struct disk_stat stat;

	assert_true(disk_stat__parse(&text, &stat));
	assert_int_equal(stat.queue_ms, 11);
	assert_int_equal(stat.discards, 0);
	assert_true(disk_stat__parse(&text, &stat));
	assert_int_equal(stat.flushes, 16);
	assert_int_equal(stat.flush_ms, 0);
	assert_false(disk_stat__parse(&text, &stat));
}

static void test_lines_of_v2(void **state)
{
	(void)state;
	struct io_line line;

	assert_true(io_line__parse_v2("8:16 rbps=2097152 wbps=max riops=max wiops=120", &line));
	assert_int_equal(line.major, 8);
	assert_int_equal(line.minor, 16);
	assert_int_equal(line.figures[IO_READ_BYTES], 2097152);
	assert_int_equal(line.figures[IO_WRITE_BYTES], -1);
	assert_int_equal(line.figures[IO_READS], -1);
	assert_int_equal(line.figures[IO_WRITES], 120);
	assert_int_equal(line.latency_us, -1);
	assert_true(io_line__parse_v2("8:16 target=500", &line));
	assert_int_equal(line.latency_us, 500);
	assert_int_equal(line.figures[IO_WRITES], -1);
	assert_true(io_line__parse_v2("7:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0 cost.usage=9 cost.wait=77 cost.indebt=1 cost.indelay=5\n", &line));
	assert_int_equal(line.figures[IO_READ_BYTES], 4096);
	assert_int_equal(line.figures[IO_READS], 1);
	assert_int_equal(line.figures[IO_WRITES], 0);
	assert_int_equal(line.cost_wait_us, 77);
	assert_int_equal(line.cost_delay_us, 5);
	for (const char *const *bad = (const char *const[]){ "", "8", "8:", "8:0", "max", "(none) rbps=1", NULL }; *bad; bad++)
		assert_false(io_line__parse_v2(*bad, &line));
}

static void test_lines_of_v1(void **state)
{
	(void)state;
	struct io_line line;

	assert_true(io_line__parse_v1("254:0 1048576", IO_WRITE_BYTES, &line));
	assert_int_equal(line.figures[IO_WRITE_BYTES], 1048576);
	assert_int_equal(line.figures[IO_READ_BYTES], -1);
	assert_true(io_line__parse_v1("7:0 Read 41361", IO_READS, &line));
	assert_int_equal(line.figures[IO_READS], 41361);
	assert_true(io_line__parse_v1("7:0 Write 8", IO_READS, &line));
	assert_int_equal(line.figures[IO_WRITES], 8);
	assert_int_equal(line.figures[IO_READS], -1);
	for (const char *const *bad = (const char *const[]){ "7:0 Sync 41361", "7:0 Total 1", "Total 41361", "7:0 Read", "7:0 x", "", NULL }; *bad; bad++)
		assert_false(io_line__parse_v1(*bad, IO_READS, &line));
	assert_false(io_line__parse_v1("7:0 Write 8", IO_WRITES, &line)); // there is nothing behind the last figure
}

// Devices as sysfs shows them: with a request queue, in memory, and then one without a queue.
static void test_stacked_devices(void **state)
{
	(void)state;
	char directory[] = "/tmp/whystall-disks.XXXXXX", path[128];
	static const char *const below[] = { "loop0", "loop0/mq", "zram0", "ram3", "pmem0", "dm-0" };
	const size_t count = sizeof(below) / sizeof(below[0]), stacked = count - 1;

	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < count; i++) {
		if (i == stacked)
			assert_false(disk_facts__any_stacked(directory));
		snprintf(path, sizeof(path), "%s/%s", directory, below[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_true(disk_facts__any_stacked(directory));
	assert_false(disk_facts__any_stacked("/nowhere"));
	for (size_t i = count; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", directory, below[i]);
		rmdir(path);
	}
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diskstats),
		cmocka_unit_test(test_lines_with_fewer_fields), cmocka_unit_test(test_lines_of_v2),
		cmocka_unit_test(test_lines_of_v1),
		cmocka_unit_test(test_stacked_devices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
