// Markdown as a terminal shows it: no mark is left, nothing that was said is lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "causes/cause.h"
#include "command/cause_pages.h"
#include "render/markdown.h"

static void expect(const char *text, const char *wanted)
{
	struct page page = { 0 };
	markdown__write(&page, text);
	cleanup_free char *out = string__steal(&page.out);
	assert_string_equal(out, wanted);
}

static void test_within_a_line(void **state)
{
	static const struct { const char *text, *plain; } lines[] = {
		{ "plain", "plain" }, { "", "" }, { "`munmap` and `ls -l *`", "munmap and “ls -l *”" },
		{ "*emphasis* and **strength**", "emphasis and strength" }, { "2 * 3", "2 * 3" }, { "a_b_c", "a_b_c" },
		{ "[a `page`](other.md) (b)", "a page (b)" }, { "[not] a link", "[not] a link" }, { "an open `tick", "an open `tick" },
		{ "10 %<!--WALL--> of it", "10 % of it" }, { "a \\* b \\| c", "a * b | c" }, { "<!-- open", "<!-- open" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		cleanup_free char *plain = markdown__plain(lines[i].text);
		assert_string_equal(plain, lines[i].plain);
	}
}

static void test_blocks(void **state)
{
	(void)state;
	expect("One\ntwo.\n\nThree.\n", "  One two.\n\n  Three.\n");
	expect("A\n\n\n## Head\n\ntext\n", "  A\n\nHead\n  text\n");
	expect("- one\n  more\n- two\n  - inner\n\nafter", "  · one more\n  · two\n    · inner\n\n  after\n");
	expect("1. first\n2. second\n", "  · first\n  · second\n");
	expect("See:\n```sh\na | b  `c`\n\n  d\n```\nafter\n", "  See:\n\na | b  `c`\n\n  d\n\n  after\n");
	expect("```\nnever closed", "never closed\n");
	expect("| what | price |\n|---|---|\n| `a|b` | much |\n| c | |\n", "  a|b\n    price: much\n  c\n");
	expect("", "");
}

// No control character of a page reaches the terminal.
static void test_harmless(void **state)
{
	(void)state;
	expect("a\033[1mb\n```\n\033]0;x\007\n```\n", "  a?[1mb\n\n?]0;x?\n");
}

static void test_every_page(void **state)
{
	static const char *const noise[] = { "`", "**", "<!--", "```", "\n##", "|---" };
	(void)state;
	size_t pages = 0;
	for (size_t i = 0; i < cause_table_count; i++) {
		cleanup_free char *body = cause_page__body(cause_table[i]->id);
		struct page page = { 0 };
		if (!body)
			continue;
		markdown__write(&page, body);
		cleanup_free char *out = string__steal(&page.out);
		for (size_t j = 0; j < ARRAY_SIZE(noise); j++)
			if (strstr(out, noise[j]))
				fail_msg("%s: '%s' is left", cause_table[i]->id, noise[j]);
		for (char *rest = out, *line; (line = strsep(&rest, "\n"));)
			if (page__columns(line) > PAGE_COLUMNS)
				fail_msg("%s: too wide: %s", cause_table[i]->id, line);
		pages++;
	}
	assert_true(pages >= 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_within_a_line), cmocka_unit_test(test_blocks), cmocka_unit_test(test_harmless), cmocka_unit_test(test_every_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
