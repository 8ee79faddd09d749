// Names of kernel addresses for many accounts, from one reading.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/kernel_symbols.h"

static const char table[] =
	"ffffffff81000100 t rwsem_down_write_slowpath\n"
	"ffffffff81000400 T schedule\n"
	"ffffffffc0001080 t zio_wait\t[zfs]\n";

static void test_each_account_takes_its_own(void **state)
{
	static const uint64_t one[] = { 0xffffffffc000109a, 0xffffffff81000410 }, other[] = { 0xffffffff81000410, 0xffffffff81000101, 0x1 };
	struct kernel_symbols *symbols = kernel_symbols__new();
	cleanup_file FILE *file = fmemopen((char *)(uintptr_t)table, strlen(table), "r");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(one); i++)
		kernel_symbols__want(symbols, one[i]);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		kernel_symbols__want(symbols, other[i]);
	assert_null(kernel_symbols__name(symbols, one[0]));     // not read yet
	assert_int_equal(kernel_symbols__read_from(symbols, file), 0);
	assert_string_equal(kernel_symbols__name(symbols, one[0]), "zio_wait+0x1a [zfs]");
	assert_string_equal(kernel_symbols__name(symbols, one[1]), "schedule+0x10");
	assert_ptr_equal(kernel_symbols__name(symbols, other[0]), kernel_symbols__name(symbols, one[1]));
	assert_string_equal(kernel_symbols__name(symbols, other[1]), "rwsem_down_write_slowpath+0x1");
	assert_string_equal(kernel_symbols__name(symbols, other[2]), "0x1");
	assert_null(kernel_symbols__name(symbols, 0xffffffff81000100)); // nobody wanted it
	kernel_symbols__free(symbols);
}

static void test_addresses_that_the_kernel_hides(void **state)
{
	static const char hidden[] = "0000000000000000 T a\n0000000000000000 t b\n";
	struct kernel_symbols *symbols = kernel_symbols__new();
	cleanup_file FILE *file = fmemopen((char *)(uintptr_t)hidden, strlen(hidden), "r");

	(void)state;
	kernel_symbols__want(symbols, 0xffffffff81000100);
	kernel_symbols__want(symbols, 0);
	assert_int_equal(kernel_symbols__read_from(symbols, file), -EPERM);
	assert_string_equal(kernel_symbols__name(symbols, 0xffffffff81000100), "0xffffffff81000100");
	assert_string_equal(kernel_symbols__name(symbols, 0), "0x0");
	kernel_symbols__free(symbols);
}

static void test_nothing_to_read(void **state)
{
	struct kernel_symbols *symbols = kernel_symbols__new();

	(void)state;
	assert_int_equal(kernel_symbols__read(symbols), 0);
	assert_null(kernel_symbols__name(symbols, 0));
	kernel_symbols__free(symbols);
	symbols = kernel_symbols__new();
	kernel_symbols__want(symbols, 0x1000);
	assert_int_equal(kernel_symbols__read_from(symbols, NULL), 0);
	assert_string_equal(kernel_symbols__name(symbols, 0x1000), "0x1000");
	kernel_symbols__free(symbols);
	assert_null(kernel_symbols__name(NULL, 0x1000));
	kernel_symbols__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_account_takes_its_own),
		cmocka_unit_test(test_addresses_that_the_kernel_hides),
		cmocka_unit_test(test_nothing_to_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
