// Command lines, and the man pages and completion that must name every option.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "command/command.h"

#define NUMBERED(...) (char *[]){ __VA_ARGS__, NULL }
#define COUNT(...) (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *))
#define PARSE(spec, result, ...) arguments__parse(command__find(spec), COUNT(__VA_ARGS__), NUMBERED(__VA_ARGS__), result)

static char word_storage[16][64];
static char *word(int place, const char *text)
{
	snprintf(word_storage[place], sizeof(word_storage[place]), "%s", text);
	return word_storage[place];
}
#define W(place, text) word(place, text)

static void test_values_in_every_form(void **state)
{
	struct arguments arguments;
	int64_t ns = 0, pid = 0;
	(void)state;
	assert_int_equal(PARSE("record", &arguments, W(0, "record"), W(1, "-d"), W(2, "2.5"), W(3, "--output=x.db"), W(4, "-p17"), W(5, "--"),
			       W(6, "sleep"), W(7, "-d")), 0);
	assert_int_equal(arguments__duration(&arguments, "duration", 0, 0, INT64_MAX, &ns), 0);
	assert_int_equal(ns, 2500000000LL);
	assert_string_equal(arguments__value(&arguments, "output"), "x.db");
	assert_int_equal(arguments__number(&arguments, "pid", 0, 1 << 22, &pid), 0);
	assert_int_equal(pid, 17);
	assert_string_equal(arguments.command[0], "sleep");
	assert_string_equal(arguments.command[1], "-d");
	assert_false(arguments__has(&arguments, "quiet"));
}

static void test_durations(void **state)
{
	static const struct { const char *text; int64_t ns; } cases[] = {
		{ "500ms", 500000000 }, { "30s", 30000000000 }, { "5m", 300000000000 }, { "1h", 3600000000000 }, { "10", 10000000000 },
		{ "abc", -1 }, { "10x", -1 }, { "-3", -1 }, { "nan", -1 }, { "inf", -1 }, { "1e30", -1 }, { "s", -1 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arguments arguments;
		int64_t ns = -1;
		assert_int_equal(PARSE("record", &arguments, W(0, "record"), W(1, "-d"), W(2, cases[i].text)), 0);
		int status = arguments__duration(&arguments, "duration", 0, 1, 86400 * (int64_t)NS_PER_SEC, &ns);
		assert_int_equal(status, cases[i].ns < 0 ? -EINVAL : 0);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void test_mistakes_are_refused(void **state)
{
	struct arguments arguments;
	(void)state;
	assert_int_equal(PARSE("report", &arguments, W(0, "report")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "b.db")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "--format")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "--exit-code=3")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "--fromat"), W(3, "json")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "--"), W(3, "ls")), -EINVAL);
	assert_int_equal(PARSE("record", &arguments, W(0, "record"), W(1, "--")), -EINVAL);
	assert_int_equal(PARSE("record", &arguments, W(0, "record"), W(1, "sleep")), -EINVAL);
	assert_int_equal(PARSE("report", &arguments, W(0, "report"), W(1, "a.db"), W(2, "-f"), W(3, "json")), 0);
}

static void test_nearest_word(void **state)
{
	static const char *const words[] = { "record", "report", "causes", "cpu.oversubscription", "cpu.quota", NULL };
	(void)state;
	assert_string_equal(options__nearest("rport", words), "report");
	assert_string_equal(options__nearest("recrod", words), "record");
	assert_string_equal(options__nearest("quota", words), "cpu.quota");
	assert_string_equal(options__nearest("oversub", words), "cpu.oversubscription");
	assert_null(options__nearest("zzzzzz", words));
}

static void test_help_fits_the_page(void **state)
{
	size_t lines = 0;
	(void)state;
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		char *text = NULL;
		size_t size = 0;
		if (spec->absent)
			continue;
		FILE *out = open_memstream(&text, &size);
		help__print(spec, out);
		fclose(out);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
			if (strlen(line) > 100)
				fail_msg("%zu columns: %s", strlen(line), line);
		free(text);
	}
	assert_true(lines > 60);
}

static char *read_page(const char *subcommand)
{
	cleanup_free char *path = base__format("docs/man/whystall%s%s.8", *subcommand ? "-" : "", subcommand);
	char *text = NULL;
	if (base__read_file(path, 1 << 20, &text) < 0)
		fail_msg("%s cannot be read (run the tests in the source directory)", path);
	return text;
}

// Removes the backslashes that roff wants before dashes.
static void remove_backslashes(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++)
		if (*from != '\\' || from[1] != '-')
			*to++ = *from;
	*to = 0;
}

static void test_man_pages_name_every_option(void **state)
{
	size_t compared = 0;
	(void)state;
	cleanup_free char *overview = read_page("");
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		if (spec->absent)
			continue;
		if (!strstr(overview, spec->name))
			fail_msg("whystall.8 does not name the subcommand %s", spec->name);
		cleanup_free char *page = read_page(spec->name);
		remove_backslashes(page);
		for (const struct option_spec *option = spec->options; option->name; option++) {
			cleanup_free char *heading = option->short_name && option->argument
				? base__format("-%c, --%s %s\n", option->short_name, option->name, option->argument)
				: option->short_name ? base__format("-%c, --%s\n", option->short_name, option->name)
				: option->argument ? base__format("--%s %s\n", option->name, option->argument) : base__format("--%s\n", option->name);
			cleanup_free char *described = base__format("%s%s.\n", heading, option->help);
			if (!strstr(page, described))
				fail_msg("the page of '%s' does not say: %s", spec->name, described);
			compared++;
		}
	}
	assert_true(compared > 15);
}

static void test_completion_names_every_option(void **state)
{
	char *text = NULL;
	size_t compared = 0;
	(void)state;
	assert_true(base__read_file("packaging/whystall.bash", 1 << 20, &text) > 0);
	for (const struct command_spec *spec = command_table; spec->name; spec++) {
		if (spec->absent)
			continue;
		assert_non_null(strstr(text, spec->name));
		for (const struct option_spec *option = spec->options; option->name; option++, compared++) {
			cleanup_free char *name = base__format("--%s", option->name);
			if (!strstr(text, name))
				fail_msg("packaging/whystall.bash does not name %s of '%s'", name, spec->name);
		}
	}
	assert_true(compared > 15);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_in_every_form),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_mistakes_are_refused),
		cmocka_unit_test(test_nearest_word),
		cmocka_unit_test(test_help_fits_the_page),
		cmocka_unit_test(test_man_pages_name_every_option),
		cmocka_unit_test(test_completion_names_every_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
