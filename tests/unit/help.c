// What help, the man pages and the tables say: the same, and no more than there is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "causes/cause.h"
#include "command/command.h"

static char *help_of(const struct command_spec *spec)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	help__print(spec, out);
	fclose(out);
	return text;
}

// A man page as it is read: without roff's backslashes and fonts.
static char *man_of(const struct command_spec *spec)
{
	cleanup_free char *path = base__format("docs/man/whystall%s%s.8", *spec->name ? "-" : "", spec->name), *source = NULL;
	if (base__read_file(path, 1 << 20, &source) < 0)
		fail_msg("there is no %s", path);
	struct string out = { 0 };
	for (const char *c = source; *c; c++) {
		if (!strncmp(c, "\\-", 2))
			string__add(&out, "-"), c++;
		else if (!strncmp(c, "\\f", 2) && c[2])
			c += 2;
		else
			string__add(&out, "%c", *c);
	}
	return string__steal(&out);
}

static void assert_has(const char *text, const char *wanted, const char *where)
{
	if (!strstr(text, wanted))
		fail_msg("%s does not say: %s", where, wanted);
}

static size_t count(const char *text, const char *wanted)
{
	size_t found = 0;
	for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted))
		found++;
	return found;
}

// The section of a man page that begins so, up to the next one. Owned.
static char *section_of(const char *man, const char *title)
{
	cleanup_free char *heading = base__format("\n.SH %s\n", title);
	const char *start = strstr(man, heading), *end = start ? strstr(start + strlen(heading), "\n.SH ") : NULL;
	return start ? base__format("%.*s\n", (int)(end ? (size_t)(end - start) : strlen(start)), start) : base__copy("");
}

static void test_help_lists_what_there_is(void **state)
{
	(void)state;
	cleanup_free char *help = help_of(NULL);
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		cleanup_free char *line = base__format("\n  %-8s ", spec->name);
		if (*spec->name && !strstr(help, line) != !spec->run)
			fail_msg("help %s %s", spec->run ? "lacks" : "lists", spec->name);
		assert_true(!spec->run == (spec->absent != NULL));
	}
	assert_null(strstr(help, "not there yet"));
}

static void test_man_pages_list_what_there_is(void **state)
{
	(void)state;
	cleanup_free char *man = man_of(command__find("")), *section = section_of(man, "SUBCOMMANDS");
	size_t commands = 0;
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		cleanup_free char *line = base__format("\n.B %s\n", spec->name);
		cleanup_free char *page = base__format("whystall-%s(8)", spec->name);
		if (!*spec->name || !spec->run)
			continue;
		commands++;
		assert_has(section, line, "whystall.8");
		assert_has(section, page, "whystall.8");
	}
	assert_int_equal(count(section, "\n.B "), commands);
}

// Each option with its short name, its argument and its help, and no others.
static void test_man_pages_and_help_agree(void **state)
{
	(void)state;
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		if (!spec->run)
			continue;
		cleanup_free char *man = man_of(spec), *section = section_of(man, "OPTIONS"), *help = help_of(spec);
		size_t options = 0;
		for (const struct option_spec *option = spec->options; option && option->name; option++, options++) {
			cleanup_free char *brief = option->short_name ? base__format("-%c, ", option->short_name) : base__copy("");
			cleanup_free char *name = base__format("%s--%s%s%s", brief, option->name, option->argument ? " " : "", option->argument ? option->argument : "");
			cleanup_free char *entry = base__format("\n.TP\n%s\n%s.\n", name, option->help);
			assert_has(help, name, spec->usage);
			assert_has(section, entry, spec->usage);
		}
		// --help of all, --version of the main one
		assert_int_equal(count(section, "\n.TP\n"), options + 1 + !*spec->name);
		assert_has(section, "\n.TP\n-h, --help\n", spec->usage);
	}
}

// "30 causes" wherever it is said.
static void test_causes_are_counted(void **state)
{
	static const char *const files[] = { "docs/man/whystall.8", "README.md", "docs/architecture.md" };
	(void)state;
	size_t judged = 0, said = 0;
	for (size_t i = 0; i < cause_table_count; i++)
		judged += cause_table[i]->judge != NULL;
	assert_int_equal(judged, cause_table_count);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_free char *text = NULL;
		size_t before = said;
		assert_true(base__read_file(files[i], 1 << 20, &text) > 0);
		for (char *at = strstr(text, " causes"); at; at = strstr(at + 1, " causes")) {
			char *number = at;
			while (number > text && number[-1] >= '0' && number[-1] <= '9')
				number--;
			if (number == at)
				continue;
			said++;
			assert_int_equal(atoi(number), judged);
		}
		if (i < 2)
			assert_true(said > before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_lists_what_there_is),
		cmocka_unit_test(test_man_pages_list_what_there_is),
		cmocka_unit_test(test_man_pages_and_help_agree),
		cmocka_unit_test(test_causes_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
