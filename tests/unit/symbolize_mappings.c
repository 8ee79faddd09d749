// /proc/PID/maps: lines of every kind, in pieces of every size; and this process' own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/mappings.h"

static bool parse(const char *line, char *buffer, struct mapping *mapping)
{
	strcpy(buffer, line);
	return mapping__parse(buffer, mapping);
}

static void test_lines(void **state)
{
	char line[MAPPING_LINE_SIZE];
	struct mapping mapping;

	(void)state;
	assert_true(parse("55d0a1c00000-55d0a1c28000 r-xp 00002000 fd:01 1048602                    /usr/bin/dash", line, &mapping));
	assert_int_equal(mapping.start, 0x55d0a1c00000);
	assert_int_equal(mapping.end, 0x55d0a1c28000);
	assert_int_equal(mapping.offset, 0x2000);
	assert_int_equal(mapping.device_major, 0xfd);
	assert_int_equal(mapping.device_minor, 1);
	assert_int_equal(mapping.inode, 1048602);
	assert_true(mapping.executable);
	assert_false(mapping.deleted);
	assert_string_equal(mapping.path, "/usr/bin/dash");

	assert_true(parse("7f00-8000 rw-p 00000000 00:00 0 ", line, &mapping));
	assert_false(mapping.executable);
	assert_string_equal(mapping.path, "");
	assert_true(parse("7f00-8000 rwxp 00000000 00:00 0", line, &mapping));
	assert_true(mapping.executable);
	assert_true(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", line, &mapping));
	assert_string_equal(mapping.path, "[vsyscall]");
	assert_true(parse("7f00-8000 r-xs 00000000 00:01 2054 /memfd:jit (deleted)", line, &mapping));
	assert_true(mapping.deleted);
	assert_string_equal(mapping.path, "/memfd:jit");
	assert_true(parse("7f00-8000 r-xp 00000000 00:01 1 /a b\\012c\\d (deleted) (deleted)", line, &mapping));
	assert_string_equal(mapping.path, "/a b\nc\\d (deleted)");
	assert_true(parse("7f00-8000 r-xp 00000000 00:00 0 [anon: x (deleted)]", line, &mapping));
	assert_false(mapping.deleted);
}

static void test_not_lines(void **state)
{
	static const char *const lines[] = {
		"", " ", "7f00", "7f00-8000", "7f00-8000 r-xp", "8000-7f00 r-xp 00000000 00:00 0 /x", "7f00-7f00 r-xp 00000000 00:00 0 /x",
		"-7f00-8000 r-xp 00000000 00:00 0 /x", "7f00-8000 r?xp 00000000 00:00 0 /x", "7f00-8000 r-xp 00000000 00:00 /x",
		"7f00-8000 r-xp 00000000 00:00 0/x", "11112222333344445-8000 r-xp 0 00:00 0", "7f00-8000 r-xp 00000000 100000000:00 0 /x",
		"7f00-8000 r-x 00000000 00:00 0 /x", "Rss: 4 kB",
	};
	char line[MAPPING_LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct mapping mapping = { .start = 4711 };

		if (parse(lines[i], line, &mapping))
			fail_msg("taken: %s", lines[i]);
		assert_int_equal(mapping.start, 4711);
	}
}

struct findings { struct string text; };

static void note(void *context, const struct mapping *mapping, size_t first, size_t count)
{
	string__add(&((struct findings *)context)->text, "%llx %s %zu+%zu\n", (unsigned long long)mapping->start, mapping->path, first, count);
}

static const char table[] =
	"1000-2000 r-xp 00000000 08:01 7 /a\n"
	"2000-3000 rw-p 00001000 08:01 7 /a\n"
	"nonsense\n"
	"5000-6000 r-xp 00000000 08:01 8 /b\n"
	"1500-7000 r-xp 00000000 08:01 9 /lies below what came before\n"
	"7000-8000 r-xp 00000000 00:00 0 \n"
	"9000-a000 r-xp 00000000 08:01 10 /c";

static void test_pieces(void **state)
{
	static const uint64_t wanted[] = { 0x10, 0x1000, 0x1fff, 0x2000, 0x4000, 0x5001, 0x6fff, 0x7fff };

	(void)state;
	for (size_t piece = 1; piece < sizeof(table); piece++) {
		struct findings findings = { 0 };
		struct mappings_reader reader;
		bool more = true;

		mappings__begin(&reader, wanted, ARRAY_SIZE(wanted), note, &findings);
		for (size_t at = 0; at < sizeof(table) - 1 && more; at += piece)
			more = mappings__feed(&reader, table + at, at + piece < sizeof(table) - 1 ? piece : sizeof(table) - 1 - at);
		assert_false(more);
		assert_string_equal(findings.text.text, "1000 /a 1+2\n2000 /a 3+1\n5000 /b 5+1\n7000  7+1\n");
		string__free(&findings.text);
	}
}

static void test_long_lines(void **state)
{
	static const uint64_t wanted[] = { 0x1800, 0x2800 };
	struct findings findings = { 0 };
	struct mappings_reader reader;
	char *text = base__alloc(20000, 1);

	(void)state;
	strcpy(text, "1000-2000 r-xp 00000000 08:01 7 /");
	memset(text + strlen(text), 'x', 3 * MAPPING_LINE_SIZE);
	strcat(text, "\n2000-3000 r-xp 00000000 08:01 8 /b\n");
	mappings__begin(&reader, wanted, ARRAY_SIZE(wanted), note, &findings);
	assert_false(mappings__feed(&reader, text, strlen(text)));
	assert_string_equal(findings.text.text, "2000 /b 1+1\n");
	string__free(&findings.text);
	free(text);
}

static void note_own(void *context, const struct mapping *mapping, size_t first, size_t count)
{
	(void)first;
	(void)count;
	if (mapping->executable && strstr(mapping->path, "symbolize_mappings"))
		(*(int *)context)++;
}

static void test_own(void **state)
{
	uint64_t wanted[] = { (uint64_t)(uintptr_t)test_own };
	int found = 0, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), empty = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(mappings__read(fd, wanted, 1, note_own, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(mappings__read(empty, wanted, 1, note_own, &found), -ENODATA);
	assert_int_equal(mappings__read(-1, wanted, 1, note_own, &found), -EBADF);
	close(fd);
	close(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_not_lines), cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
