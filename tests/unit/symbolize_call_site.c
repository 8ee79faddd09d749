// Places that calls return to, as assemblers write them, and this program's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/call_site.h"

struct instruction { const char *what; unsigned char length, bytes[CALL_SITE_BEFORE]; };

static bool behind(uint16_t machine, const struct instruction *instruction)
{
	unsigned char code[CALL_SITE_BEFORE + CALL_SITE_AFTER] = { 0 };

	memset(code, 0x90, CALL_SITE_BEFORE);
	memcpy(code + CALL_SITE_BEFORE - instruction->length, instruction->bytes, instruction->length);
	return call_site__is_one(machine, code);
}

static void test_x86(void **state)
{
	static const struct instruction calls[] = {
		{ "call rel32", 5, { 0xe8, 1, 2, 3, 4 } }, { "call *%rax", 2, { 0xff, 0xd0 } }, { "call *%r12", 3, { 0x41, 0xff, 0xd4 } },
		{ "notrack call *%rdx", 3, { 0x3e, 0xff, 0xd2 } }, { "call *(%rax)", 2, { 0xff, 0x10 } },
		{ "call *0x8(%rax)", 3, { 0xff, 0x50, 8 } }, { "call *0x100(%rax)", 6, { 0xff, 0x90, 0, 1, 0, 0 } },
		{ "call *0x100(%rip)", 6, { 0xff, 0x15, 0, 1, 0, 0 } }, { "call *(%rsp)", 3, { 0xff, 0x14, 0x24 } },
		{ "call *0x8(%rsp)", 4, { 0xff, 0x54, 0x24, 8 } }, { "call *0x100(%rsp)", 7, { 0xff, 0x94, 0x24, 0, 1, 0, 0 } },
		{ "call *0x100(,%rax,8)", 7, { 0xff, 0x14, 0xc5, 0, 1, 0, 0 } }, { "call *(%r12)", 4, { 0x41, 0xff, 0x14, 0x24 } },
	};
	static const struct instruction others[] = {
		{ "nop", 1, { 0x90 } }, { "syscall", 2, { 0x0f, 0x05 } }, { "jmp rel32", 5, { 0xe9, 1, 2, 3, 4 } }, { "jmp *%rax", 2, { 0xff, 0xe0 } },
		{ "push %rbp; mov %rsp,%rbp", 4, { 0x55, 0x48, 0x89, 0xe5 } }, { "incl (%rax)", 2, { 0xff, 0x00 } }, { "ret", 1, { 0xc3 } },
		{ "within call rel32", 4, { 0xe8, 1, 2, 3 } }, { "within call *0x8(%rax)", 2, { 0xff, 0x50 } },
		{ "within call *0x100(,%rax,8)", 3, { 0xff, 0x14, 0xc5 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!behind(EM_X86_64, &calls[i]))
			fail_msg("not taken for a call: %s", calls[i].what);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (behind(EM_X86_64, &others[i]))
			fail_msg("taken for a call: %s", others[i].what);
		assert_true(behind(EM_S390, &others[i]));       // a machine that is not known here
	}
}

static void test_signal_return(void **state)
{
	unsigned char code[CALL_SITE_BEFORE + CALL_SITE_AFTER] = { 0 };

	(void)state;
	memcpy(code + CALL_SITE_BEFORE, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9);
	assert_true(call_site__is_one(EM_X86_64, code));
	code[CALL_SITE_BEFORE + 3] = 0x0e;
	assert_false(call_site__is_one(EM_X86_64, code));
}

static void test_arm64(void **state)
{
	static const struct instruction calls[] = {
		{ "bl", 4, { 0x01, 0x00, 0x00, 0x94 } }, { "bl backwards", 4, { 0xff, 0xff, 0xff, 0x97 } },
		{ "blr x8", 4, { 0x00, 0x01, 0x3f, 0xd6 } }, { "blraaz x8", 4, { 0x1f, 0x09, 0x3f, 0xd6 } }, { "blraa x8, x9", 4, { 0x09, 0x09, 0x3f, 0xd7 } },
	};
	static const struct instruction others[] = {
		{ "nop", 4, { 0x1f, 0x20, 0x03, 0xd5 } }, { "b", 4, { 0x01, 0x00, 0x00, 0x14 } }, { "br x8", 4, { 0x00, 0x01, 0x1f, 0xd6 } },
		{ "ret", 4, { 0xc0, 0x03, 0x5f, 0xd6 } }, { "svc #0", 4, { 0x01, 0x00, 0x00, 0xd4 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!behind(EM_AARCH64, &calls[i]))
			fail_msg("not taken for a call: %s", calls[i].what);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (behind(EM_AARCH64, &others[i]))
			fail_msg("taken for a call: %s", others[i].what);
}

#if defined(__x86_64__) || defined(__aarch64__)
static __attribute__((noinline)) const unsigned char *return_address(void)
{
	return __builtin_return_address(0);
}

static void test_own(void **state)
{
	const unsigned char *const addresses[] = { return_address(), return_address() };
	const unsigned char *(*volatile pointer)(void) = return_address;

	(void)state;
#ifdef __x86_64__
	const uint16_t machine = EM_X86_64;
#else
	const uint16_t machine = EM_AARCH64;
#endif
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		assert_true(call_site__is_one(machine, addresses[i] - CALL_SITE_BEFORE));
	assert_true(call_site__is_one(machine, pointer() - CALL_SITE_BEFORE));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86), cmocka_unit_test(test_signal_return), cmocka_unit_test(test_arm64),
#if defined(__x86_64__) || defined(__aarch64__)
		cmocka_unit_test(test_own),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
