// Kernel addresses to names: from hand-made tables, and from this kernel's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/kallsyms.h"

static int resolve(const char *table, const uint64_t *addresses, size_t count, char **names)
{
	cleanup_file FILE *file = table[0] ? fmemopen((char *)(uintptr_t)table, strlen(table), "r") : fopen("/dev/null", "r");

	assert_non_null(file);
	return kallsyms__resolve_from(file, addresses, count, names);
}

static void check(const char *table, uint64_t address, const char *expected)
{
	char *name = NULL;

	assert_int_equal(resolve(table, &address, 1, &name), 0);
	assert_string_equal(name, expected);
	free(name);
}

static const char table[] =
	"ffffffff81000000 T _stext\n"
	"ffffffff81000000 T _text\n"
	"ffffffff81000100 t rwsem_down_write_slowpath\n"
	"ffffffff81000400 T schedule\n"
	"ffffffff81000480 t __schedule.part.0\n"
	"ffffffff81000600 T _etext\n"
	"ffffffff81700000 D jiffies\n"
	"ffffffff81000200 W weak_one\n"
	"ffffffffc0001000 t helper\t[zfs]\n"
	"ffffffffc0001080 t zio_wait\t[zfs]\n"
	"ffffffffc0900000 d zfs_data\t[zfs]\n"
	"ffffffffc0a00000 t bpf_prog_0123456789abcdef_on_switch\t[bpf]\n";

static void test_table(void **state)
{
	(void)state;
	check(table, 0xffffffff81000100, "rwsem_down_write_slowpath+0x0");
	check(table, 0xffffffff810001ff, "rwsem_down_write_slowpath+0xff");
	check(table, 0xffffffff81000200, "weak_one+0x0");
	check(table, 0xffffffff81000490, "__schedule.part.0+0x10");
	check(table, 0xffffffff81000004, "_stext+0x4");
	check(table, 0xffffffffc000109a, "zio_wait+0x1a [zfs]");
	check(table, 0xffffffffc0a00010, "bpf_prog_0123456789abcdef_on_switch+0x10 [bpf]");
}

static void test_nothing_covers(void **state)
{
	(void)state;
	check(table, 0xffffffff81000600, "0xffffffff81000600"); // behind the end of the kernel's text
	check(table, 0xffffffff81700008, "0xffffffff81700008"); // data
	check(table, 0xffffffffc0700000, "0xffffffffc0700000"); // further from zio_wait than a function is long
	check(table, 0xffffffffc0900010, "0xffffffffc0900010"); // a module's data
	check(table, 0x1000, "0x1000");
	check(table, 0, "0x0");
	check("", 0x1000, "0x1000");
}

static void test_many_addresses(void **state)
{
	static const uint64_t addresses[] = { 0xffffffff81000410, 0xffffffffc0001000, 0xffffffff81000410, 0x1, 0xffffffff81000430,
					      0xffffffff81000101 };
	static const char *const expected[] = { "schedule+0x10", "helper+0x0 [zfs]", "schedule+0x10", "0x1", "schedule+0x30",
						"rwsem_down_write_slowpath+0x1" };
	char *names[ARRAY_SIZE(addresses)];

	(void)state;
	assert_int_equal(resolve(table, addresses, ARRAY_SIZE(addresses), names), 0);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		assert_string_equal(names[i], expected[i]);
		free(names[i]);
	}
	assert_int_equal(resolve(table, addresses, 0, names), 0);
}

static void test_hidden_addresses(void **state)
{
	static const uint64_t address = 0xffffffff81000100;
	char *name = NULL;

	(void)state;
	assert_int_equal(resolve("0000000000000000 T a\n0000000000000000 t b\n", &address, 1, &name), -EPERM);
	assert_string_equal(name, "0xffffffff81000100");
	free(name);
}

static void test_odd_lines(void **state)
{
	char *text = base__alloc(5000, 1);

	(void)state;
	check("\n\nnonsense\nffffffff81000100\nffffffff81000100 T\nffffffff81000100 T \nffffffff81000100 T good\n", 0xffffffff81000101,
	      "good+0x1");
	check("ffffffff81000100 T cut", 0xffffffff81000101, "cut+0x1");
	check("zzz T a\nffffffff81000100 TT a\nffffffff81000100 T a\tb [c\n", 0xffffffff81000102, "a+0x2 [c");
	// A line longer than any that the kernel writes is cut (at 447 bytes); what is behind the cut is not taken for a line.
	memcpy(text, "ffffffff81000100 T ", 19);
	memset(text + 19, 'x', 4000);
	memcpy(text + 447, "ffffffff81000180 T inside ", 26);
	memcpy(text + 4000, "\nffffffff81000200 T next\n", 25);
	check(text, 0xffffffff81000201, "next+0x1");
	static const uint64_t address = 0xffffffff81000190;
	char *name = NULL;
	assert_int_equal(resolve(text, &address, 1, &name), 0);
	assert_int_equal(strspn(name, "x"), 447 - 19);
	assert_string_equal(name + 447 - 19, "+0x90");
	free(name);
	free(text);
}

static void test_find(void **state)
{
	static const char text[] = "ffffffff81000100 T first\nffffffff81000200 t second.isra.0\nffffffff81000300 t twice\nffffffff81000400 t twice\n"
		"ffffffff81000480 t first.cold\nffffffff81000500 D data\nffffffff81000600 t second_one\n";
	static const char *const names[] = { "first", "second", "twice", "data", "none" };
	uint64_t addresses[ARRAY_SIZE(names)];
	cleanup_file FILE *file = fmemopen((void *)text, sizeof(text) - 1, "r");

	(void)state;
	assert_int_equal(kallsyms__find_in(file, names, ARRAY_SIZE(names), addresses), 0);
	assert_int_equal(addresses[0], 0xffffffff81000100);
	assert_int_equal(addresses[1], 0xffffffff81000200);
	assert_int_equal(addresses[2], 0);
	assert_int_equal(addresses[3], 0);
	assert_int_equal(addresses[4], 0);
	cleanup_file FILE *hidden = fmemopen((void *)"0000000000000000 T first\n", 25, "r");
	assert_int_equal(kallsyms__find_in(hidden, names, ARRAY_SIZE(names), addresses), -EPERM);
	assert_int_equal(addresses[0], 0);
}

// Symbols of this kernel, picked all over the file, must resolve to themselves.
static void test_this_kernel(void **state)
{
	enum { PICKS = 200 };
	cleanup_file FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], type, symbol[900], *names[PICKS], picked[PICKS][900];
	uint64_t addresses[PICKS], previous = 0;
	unsigned long long address;
	size_t count = 0, number = 0;

	(void)state;
	if (!file)
		skip();
	while (fgets(line, sizeof(line), file) && count < PICKS) {
		if (sscanf(line, "%llx %c %899s", &address, &type, symbol) != 3 || !strchr("tTwW", type))
			continue;
		// The first name of its address, none of the marks of a section's end, and no program that may be gone at the second reading.
		if (++number % 501 == 0 && address != previous && symbol[0] != '_' && strncmp(symbol, "bpf_prog_", 9)) {
			strcpy(picked[count], symbol);
			addresses[count++] = address + 1;
		}
		previous = address;
	}
	if (!previous) {
		print_message("# kernel.kptr_restrict hides the addresses\n");
		skip();
	}
	assert_true(count > 10);
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(kallsyms__resolve(addresses, count, names), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	print_message("# %zu addresses in %.1f ms\n", count,
		      (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6);
	for (size_t i = 0; i < count; i++) {
		if (strncmp(names[i], picked[i], strlen(picked[i])) || names[i][strlen(picked[i])] != '+')
			fail_msg("%llx is %s, not %s", (unsigned long long)addresses[i], names[i], picked[i]);
		free(names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_nothing_covers), cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_hidden_addresses), cmocka_unit_test(test_odd_lines), cmocka_unit_test(test_find), cmocka_unit_test(test_this_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
