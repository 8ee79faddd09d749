// All that are below a cgroup stand side by side, whatever characters the names hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/base.h"
#include "ledger/path_order.h"

static const char *const paths[] = {
	"/a", "/a-b", "/a/b", "/a.slice", "/a/b/c", "/a/b-c", NULL, "/", "/a b", "/a\xc3\xbc", "/ab", "/a/b", "/b", "/a/b.c/d", "/a\x01", NULL, "/a/b/c/d/e",
};

static const char *path_of(const void *context, size_t index)
{
	return ((const char *const *)context)[index];
}

static bool is_within(const char *path, const char *cgroup)
{
	size_t length = strlen(cgroup);
	return !strcmp(cgroup, "/") || (path && !strncmp(path, cgroup, length) && (!path[length] || path[length] == '/'));
}

static void test_ranges(void **state)
{
	(void)state;
	struct path_order order = path_order__make(ARRAY_SIZE(paths), path_of, paths);
	static const char *const others[] = { "/c", "/a/b/c/d", "/a/b/", "/A", "" };
	size_t found = 0;
	assert_int_equal(order.count, ARRAY_SIZE(paths));
	for (size_t i = 0; i < ARRAY_SIZE(paths) + ARRAY_SIZE(others); i++) {
		const char *cgroup = i < ARRAY_SIZE(paths) ? paths[i] : others[i - ARRAY_SIZE(paths)];
		size_t first, end, expected = 0;
		if (!cgroup)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(paths); j++)
			expected += is_within(paths[j], cgroup);
		end = path_order__below(&order, cgroup, &first);
		if (end - first != expected)
			fail_msg("%zu of %zu below '%s'", end - first, expected, cgroup);
		for (size_t j = first; j < end; j++)
			assert_true(is_within(order.places[j].path, cgroup));
		found += expected;
	}
	assert_true(found > 40);
	path_order__free(&order);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ranges) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
