// The pages of the causes: every one has all its parts, and the figures of the table of thresholds. With WHYSTALL_WRITE_PAGES
// set, the sections "Thresholds" are written anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "causes/cause.h"
#include "ledger/thresholds.h"
#include "command/cause_pages.h"

static const char *const sections[] = { "", "How it shows", "How it is judged", "Thresholds", "Who is accused", "Easily misread", "By hand",
					"What helps, and its price", "An example" };
#define SECTIONS ARRAY_SIZE(sections)
#define THRESHOLDS_SECTION 3
#define LEAST_LENGTH 60         // a section that is shorter says nothing

// The page as it is in the tree, which is what the program should have in it; NULL where there is none.
static char *read_page(const char *id)
{
	cleanup_free char *path = base__format("docs/causes/%s.md", id);
	char *text = NULL;
	return base__read_file(path, 1 << 20, &text) < 0 ? NULL : text;
}

// The text of a section without its heading; NULL if it is not there or not in its place. Owned by the caller.
static char *section_of(const char *page, size_t number)
{
	const char *from = page;
	for (size_t i = 0; i <= number; i++) {
		from = strstr(from, i ? "\n## " : "# ");
		if (!from)
			return NULL;
		from += i ? strlen("\n## ") : strlen("# ");
		size_t length = strcspn(from, "\n");
		if (i && (length != strlen(sections[i]) || strncmp(from, sections[i], length)))
			return NULL;
		from += length;
	}
	const char *end = strstr(from, "\n## ");
	return base__format("%.*s", (int)(end ? end - from : (long)strlen(from)), from);
}

// What is wrong with a page in this form; NULL if nothing. Owned by the caller.
static char *fault_of(const struct cause *cause, const char *page)
{
	cleanup_free char *title = base__format("# %s: %s\n", cause->id, cause->title);
	if (strncmp(page, title, strlen(title)))
		return base__format("its first line is not '%.*s'", (int)strlen(title) - 1, title);
	for (size_t i = 0; i < SECTIONS; i++) {
		cleanup_free char *text = section_of(page, i);
		if (!text)
			return base__format("section '%s' is missing or not in its place", sections[i]);
		if (i != THRESHOLDS_SECTION && strlen(text) < LEAST_LENGTH)
			return base__format("section '%s' says nothing", *sections[i] ? sections[i] : "(what it is)");
	}
	cleanup_free char *by_hand = section_of(page, 6), *example = section_of(page, SECTIONS - 1);
	if (!strchr(by_hand, '`'))
		return base__copy("section 'By hand' has no command");
	const char *block = strstr(example, "```"), *end = block ? strstr(block + 3, "```") : NULL, *id = block ? strstr(block, cause->id) : NULL;
	if (!end || !id || id > end)
		return base__copy("the example has no block of a report that names the cause");
	for (const char *line = block; line < end; line += strcspn(line, "\n") + 1) {
		size_t columns = 0;
		for (const char *c = line; *c != '\n' && c < end; c++)
			columns += (*c & 0xC0) != 0x80;
		if (columns > 100)
			return base__format("a line of the example is wider than 100 columns: %.40s…", line);
	}
	return NULL;
}

static void test_every_page_has_its_parts(void **state)
{
	(void)state;
	size_t good = 0;
	assert_int_equal(cause_table_count, 30);
	for (size_t i = 0; i < cause_table_count; i++) {
		const struct cause *cause = cause_table[i];
		cleanup_free char *page = read_page(cause->id);
		cleanup_free char *fault = page ? fault_of(cause, page) : base__copy("there is no page yet");
		if (fault)
			fail_msg("docs/causes/%s.md: %s", cause->id, fault);
		good += !fault;
	}
	assert_int_equal(good, cause_table_count);
}

// The program has in it what is in the tree, and nothing of a cause that is none.
static void test_the_program_has_the_pages(void **state)
{
	(void)state;
	size_t pages = 0;
	for (size_t i = 0; i < cause_table_count; i++) {
		cleanup_free char *page = read_page(cause_table[i]->id);
		const char *own = cause_page__text(cause_table[i]->id);
		assert_int_equal(page != NULL, own != NULL);
		if (own)
			assert_string_equal(own, page);
		pages += own != NULL;
	}
	assert_true(pages >= 9);
	assert_null(cause_page__text("README"));
	assert_null(cause_page__text("no.such"));
	assert_null(cause_page__body("no.such"));
}

static void write_thresholds(const char *id, const char *page, const char *wanted)
{
	const char *heading = strstr(page, "\n## Thresholds\n"), *rest = heading ? strstr(heading + 1, "\n## ") : NULL;
	cleanup_free char *path = base__format("docs/causes/%s.md", id);
	cleanup_file FILE *file = heading && rest ? fopen(path, "we") : NULL;
	if (file)
		fprintf(file, "%.*s\n## Thresholds\n%s%s", (int)(heading - page), page, wanted, rest);
}

static void test_the_thresholds_are_those_of_the_table(void **state)
{
	(void)state;
	size_t compared = 0;
	for (size_t i = 0; i < cause_table_count; i++) {
		const char *id = cause_table[i]->id;
		cleanup_free char *page = read_page(id), *section = page ? section_of(page, THRESHOLDS_SECTION) : NULL;
		cleanup_free char *rows = cause_page__thresholds(cause_table[i]);
		cleanup_free char *wanted = base__copy(*rows ? rows : "No figure of its own decides.\n");
		if (!section && page && getenv("WHYSTALL_WRITE_PAGES"))
			print_message("# docs/causes/%s.md has no section 'Thresholds' in its place\n", id);
		if (!section)
			continue;
		compared++;
		if (getenv("WHYSTALL_WRITE_PAGES"))
			write_thresholds(id, page, wanted);
		else if (strcmp(section + strspn(section, "\n"), wanted))
			fail_msg("docs/causes/%s.md: the section 'Thresholds' is not what the table says; 'make pages' writes it anew", id);
	}
	assert_int_equal(compared, cause_table_count);
}

// The value of a threshold by its name in the enum, as a text quotes it: shares in percent. NAN if there is none.
static double quoted_value(const char *enumeration, const char *name)
{
	size_t place = 0, length = strlen(name);
	for (const char *at = enumeration; (at = strstr(at, "THRESHOLD_")); place++) {
		at += strlen("THRESHOLD_");
		if (place < THRESHOLDS && !strncmp(at, name, length) && strchr(", \n", at[length]))
			return threshold_table[place].value * (strncmp(threshold_table[place].unit, "of ", 3) ? 1 : 100);
	}
	return NAN;
}

// The number that stands right before `end`, with at most a unit between: "10 %", "0.4 ms". NAN if there is none.
static double number_before(const char *start, const char *end)
{
	const char *from = end;
	while (from > start && end - from < 16 && !(from[-1] >= '0' && from[-1] <= '9'))
		from--;
	while (from > start && strchr("0123456789.", from[-1]))
		from--;
	return *from >= '0' && *from <= '9' ? strtod(from, NULL) : NAN;
}

static size_t compare_quotes(const char *id, const char *page, const char *enumeration)
{
	size_t count = 0;
	for (const char *at = page; (at = strstr(at, "<!--")); at += 4) {
		cleanup_free char *name = base__format("%.*s", (int)strcspn(at + 4, "-\n"), at + 4);
		double wanted = quoted_value(enumeration, name), found = number_before(page, at);
		if (isnan(wanted))
			fail_msg("docs/causes/%s.md: there is no threshold %s", id, name);
		if (isnan(found) || fabs(wanted - found) > 1e-6 * fabs(wanted))
			fail_msg("docs/causes/%s.md: %g stands before %s, which is %g", id, found, name, wanted);
		count++;
	}
	return count;
}

static void test_quoted_figures_are_those_of_the_table(void **state)
{
	(void)state;
	cleanup_free char *header = NULL;
	assert_true(base__read_file("src/ledger/thresholds.h", 1 << 20, &header) > 0);
	const char *enumeration = strstr(header, "enum threshold {");
	assert_non_null(enumeration);
	assert_true(quoted_value(enumeration, "WALL_CONFIRMED") == threshold__value(THRESHOLD_WALL_CONFIRMED) * 100);
	assert_true(quoted_value(enumeration, "GAPS") == threshold__value(THRESHOLD_GAPS) * 100);
	assert_true(isnan(quoted_value(enumeration, "WALL")));
	const char *sample = "from 0.4 ms<!--x-->";
	assert_true(number_before(sample, strchr(sample, '<')) == 0.4);
	for (size_t i = 0; i < cause_table_count; i++) {
		cleanup_free char *page = read_page(cause_table[i]->id);
		if (page)
			compare_quotes(cause_table[i]->id, page, enumeration);
	}
}

// What a terminal shows: no title twice, no table of thresholds twice.
static void test_the_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < cause_table_count; i++) {
		cleanup_free char *body = cause_page__body(cause_table[i]->id);
		if (!body)
			continue;
		assert_null(strstr(body, "\n## Thresholds\n"));
		assert_true(*body != '#');
		assert_non_null(strstr(body, "\n## Who is accused\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_has_its_parts), cmocka_unit_test(test_the_program_has_the_pages),
		cmocka_unit_test(test_the_thresholds_are_those_of_the_table), cmocka_unit_test(test_quoted_figures_are_those_of_the_table),
		cmocka_unit_test(test_the_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
