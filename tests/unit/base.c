// The small safe core.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void test_growing_keeps_and_zeroes(void **state)
{
	(void)state;
	int *numbers = NULL;
	size_t capacity = 0;
	for (size_t i = 0; i < 1000; i++) {
		numbers = base__grow(numbers, &capacity, i + 1, sizeof(*numbers));
		assert_int_equal(numbers[i], 0);
		numbers[i] = (int)i;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i);
	assert_true(capacity >= 1000 && capacity < 2000);
	free(numbers);
}

static void test_strings(void **state)
{
	(void)state;
	struct string string = { 0 };
	for (int i = 0; i < 500; i++)
		string__add(&string, "%d,", i);
	assert_int_equal(string.length, 10 * 2 + 90 * 3 + 400 * 4);
	assert_int_equal(strlen(string.text), string.length);
	string__add_bytes(&string, "abc", 2);
	assert_string_equal(string.text + string.length - 6, "499,ab");
	char *text = string__steal(&string);
	assert_null(string.text);
	free(text);
	text = string__steal(&string);
	assert_string_equal(text, "");
	free(text);
	text = base__format("%s %05d", "x", 42);
	assert_string_equal(text, "x 00042");
	free(text);
	assert_null(base__copy(NULL));
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_files(void **state)
{
	(void)state;
	char path[] = "/tmp/whystall-base-XXXXXX", *text = NULL;
	close(mkstemp(path));
	put(path, "0123456789");
	assert_int_equal(base__read_file(path, 100, &text), 10);
	assert_string_equal(text, "0123456789");
	free(text);
	assert_int_equal(base__read_file(path, 4, &text), 4);
	assert_string_equal(text, "0123");
	free(text);
	text = NULL;
	assert_int_equal(base__read_file("/nonexistent", 4, &text), -ENOENT);
	assert_int_equal(base__read_file("/proc", 4, &text), -EISDIR);
	assert_null(text);
	// Kernel files have no size.
	assert_true(base__read_file("/proc/self/status", 1 << 20, &text) > 100);
	assert_non_null(strstr(text, "Pid:"));
	free(text);
	unlink(path);
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct { const char *text; int error; int64_t number; } cases[] = {
		{ "42\n", 0, 42 }, { "-1", 0, -1 }, { "17 max\n", 0, 17 }, { "max 100000\n", -EINVAL, 0 }, { "", -EINVAL, 0 },
		{ "99999999999999999999\n", -ERANGE, 0 },
	};
	char path[] = "/tmp/whystall-base-XXXXXX";
	close(mkstemp(path));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t number = 0;
		put(path, cases[i].text);
		assert_int_equal(base__read_number(path, &number), cases[i].error);
		assert_int_equal(number, cases[i].number);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growing_keeps_and_zeroes), cmocka_unit_test(test_strings), cmocka_unit_test(test_files),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
