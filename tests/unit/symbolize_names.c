// Demangling, the numbering of stacks, and the text of stacks whose process is this one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/demangle.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

static void test_demangle(void **state)
{
	static const struct { const char *symbol, *name; } names[] = {
		{ "munmap", "munmap" }, { "memcpy@@GLIBC_2.14", "memcpy" }, { "memcpy@GLIBC_2.2.5", "memcpy" }, { "", "" }, { "@", "@" },
		{ "main.(*basket).pay", "main.(*basket).pay" }, { "_Z", "_Z" }, { "_R", "_R" }, { "_ZN", "_ZN" }, { "_start", "_start" },
		{ "_ZN4shop6BasketIiE3payEi", "shop::Basket<int>::pay" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back" },
		{ "_ZN4shop12_GLOBAL__N_15countEl", "shop::(anonymous namespace)::count" },
		{ "_ZN4core3ptr85drop_in_place$LT$std..rt..lang_start$LT$$LP$$RP$$GT$..$u7b$$u7b$closure$u7d$$u7d$$GT$17h0123456789abcdefE",
		  "core::ptr::drop_in_place<std::rt::lang_start<()>::{{closure}}>" },
		{ "_ZN5tokio7runtime4task3raw4poll17h9f6a6d1f2b3c4d5eE", "tokio::runtime::task::raw::poll" },
		{ "_RNvNtCs1234_7mycrate4shop5count", "mycrate::shop::count" },
		{ "_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *name = demangle(names[i].symbol);

		assert_string_equal(name, names[i].name);
		free(name);
	}
}

static void test_demangle_limits(void **state)
{
	char *symbol = base__alloc(200001, 1), *name;

	(void)state;
	memset(symbol, 'x', 200000);
	name = demangle(symbol);
	assert_int_equal(strlen(name), DEMANGLED_LIMIT);
	assert_string_equal(name + DEMANGLED_LIMIT - 4, "x...");
	free(name);
	// Nested a hundred thousand times: the demangler has to give up, not the stack.
	memcpy(symbol, "_Z1f", 4);
	memset(symbol + 4, 'P', 199995);
	symbol[199999] = 'i';
	name = demangle(symbol);
	assert_int_equal(strlen(name), DEMANGLED_LIMIT);
	free(name);
	free(symbol);
}

static void test_stack_table(void **state)
{
	struct recording *recording = recording__new();
	struct stack_table *table = stack_table__new(recording);

	(void)state;
	assert_int_equal(stack_table__id(table, NULL), 0);
	assert_int_equal(stack_table__id(table, ""), 0);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			cleanup_free char *frames = base__format("a+0x%x\nb", i);

			assert_int_equal(stack_table__id(table, frames), i + 1);
		}
	assert_int_equal(recording->stack_count, 5000);
	for (int i = 0; i < 5000; i++) {
		cleanup_free char *frames = base__format("a+0x%x\nb", i);

		assert_int_equal(recording->stack[i].id, i + 1);
		assert_string_equal(recording->stack[i].frames, frames);
	}
	stack_table__free(table);
	recording__free(recording);
}

static __attribute__((noinline)) uint64_t return_address(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

// Each returns a return address within itself: no tail call.
static __attribute__((noinline)) uint64_t first_function(void)
{
	volatile uint64_t address = return_address();

	return address;
}

static __attribute__((noinline)) uint64_t second_function(void)
{
	volatile uint64_t address = return_address();

	return address ^ 0x5a5a;
}

// What Go's scheduler threads begin with.
uint64_t go_thread(void) __asm__("runtime.mstart");
__attribute__((noinline)) uint64_t go_thread(void)
{
	volatile uint64_t address = return_address();

	return address ^ 0xa5a5;
}

// Beyond a thread's first function of Go lies what its stack was used for before: no part of this stack, and nothing is missing either.
static void test_stacks_of_go_end_where_they_end(void **state)
{
	uint64_t addresses[] = { first_function(), go_thread() ^ 0xa5a5, second_function() ^ 0x5a5a, 16 };
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;

	(void)state;
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 4, true), 0);
	assert_int_equal(user_stacks__resolve(stacks), 0);
	assert_string_equal(user_stacks__text(stacks, 0), "first_function (symbolize_names)\nruntime.mstart (symbolize_names)");
	user_stacks__statistics(stacks, &statistics);
	assert_int_equal(statistics.frames_dropped, 0);
	user_stacks__free(stacks);
}

static void test_own_stack(void **state)
{
	uint64_t addresses[] = { first_function(), second_function() ^ 0x5a5a, 16, first_function() };
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;
	int whole = user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 4, false);

	(void)state;
	assert_int_equal(whole, 0);
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 4, false), whole);
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 4, true), 1);
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 1, false), 2);
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 1, addresses, 1, false), 3);      // it did not start then
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 0, false), -EINVAL);
	addresses[1] -= 2;              // a place that no call returns to
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, 2, false), 4);
	assert_true(strstr(user_stacks__text(stacks, 0), "\n0x10\n"));
	assert_int_equal(user_stacks__resolve(stacks), 0);
	assert_string_equal(user_stacks__text(stacks, 0),
		"first_function (symbolize_names)\nsecond_function (symbolize_names)\n…");
	assert_string_equal(user_stacks__text(stacks, 2), "first_function (symbolize_names)\n…");
	assert_int_equal(strncmp(user_stacks__text(stacks, 3), "0x", 2), 0);
	assert_string_equal(user_stacks__text(stacks, 4), "first_function (symbolize_names)\n…");
	assert_string_equal(user_stacks__text(stacks, 5), "");
	assert_string_equal(user_stacks__text(stacks, -1), "");
	assert_int_equal(user_stacks__resolve(stacks), -EALREADY);
	user_stacks__statistics(stacks, &statistics);
	assert_int_equal(statistics.stacks, 5);
	assert_int_equal(statistics.processes, 2);
	assert_int_equal(statistics.processes_gone, 1);
	assert_int_equal(statistics.files, 1);
	assert_int_equal(statistics.files_unread, 0);
	user_stacks__free(stacks);
}

static void test_limits(void **state)
{
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;
	uint64_t addresses[2 * USER_STACK_FRAMES];
	const char *text;
	int lines = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		addresses[i] = first_function();
	assert_int_equal(user_stacks__add(stacks, (uint32_t)getpid(), 0, addresses, ARRAY_SIZE(addresses), false), 0);
	for (uint64_t i = 1; i < 65536; i++)
		assert_int_equal(user_stacks__add(stacks, 1, 1, &i, 1, false), (int)i);
	addresses[0] = 0;
	assert_int_equal(user_stacks__add(stacks, 1, 1, addresses, 1, false), -ENOSPC);
	user_stacks__mark_gone(stacks, 1, 1);
	assert_int_equal(user_stacks__resolve(stacks), 0);
	text = user_stacks__text(stacks, 0);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, USER_STACK_FRAMES + 1);
	assert_string_equal(strrchr(text, '\n'), "\n…");
	user_stacks__statistics(stacks, &statistics);
	assert_int_equal(statistics.stacks_lost, 1);
	user_stacks__free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demangle), cmocka_unit_test(test_demangle_limits), cmocka_unit_test(test_stack_table),
		cmocka_unit_test(test_stacks_of_go_end_where_they_end), cmocka_unit_test(test_own_stack), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
