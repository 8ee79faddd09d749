// What command lines tell of virtual machines, and bytes made fit for a report.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "identify/meaning.h"

// Arguments separated by "|" for reading; "|" becomes the NUL of /proc/PID/cmdline.
struct sample { const char *arguments; bool vm; const char *id, *name; };

static const struct sample samples[] = {
	{ "/usr/bin/kvm|-id|112|-name|storj,debug-threads=on|-no-shutdown|-smbios|type=1,uuid=aa|", true, "112", "storj" },
	{ "/usr/bin/qemu-system-x86_64|-name|guest=web,debug-threads=on|-S|-uuid|1b4e28ba-2fa1|-smp|4|", true, "1b4e28ba-2fa1", "web" },
	{ "qemu-system-aarch64|-name|plain|", true, "", "plain" },
	{ "qemu-system-x86_64|--name|two|--uuid|u|", true, "u", "two" },
	{ "qemu-system-x86_64|-name|process=p,guest=g|", true, "", "g" },
	{ "qemu-system-x86_64|-name|debug-threads=on|", true, "", "" },
	{ "qemu-system-x86_64|-name|guest=a,,b,debug-threads=on|", true, "", "a,b" },
	{ "/usr/libexec/qemu-kvm|-name|guest=el|", true, "", "el" },
	{ "/usr/bin/qemu-system-x86_64|-name", true, "", "" },
	{ "/usr/bin/firecracker|--id|551e7604-e35c|--api-sock|/run/f.sock", true, "551e7604-e35c", "" },
	{ "/usr/bin/firecracker-v1.7|--id=abc|", true, "abc", "" },
	{ "cloud-hypervisor|--api-socket|/run/ch.sock|", true, "", "" },
	{ "/usr/bin/qemu-img|convert|-name|x|", false, "", "" },
	{ "/usr/bin/vi|/usr/bin/kvm|-id|1|", false, "", "" },
	{ "kvmtool|-name|x|", false, "", "" },
	{ "", false, "", "" }, { "|", false, "", "" }, { "||||", false, "", "" },
	{ "kvm|-id|", true, "", "" }, { "kvm|-id", true, "", "" },
};

static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct command_meaning meaning;
		char arguments[512];
		size_t length = strlen(samples[i].arguments);

		memcpy(arguments, samples[i].arguments, length);
		for (size_t c = 0; c < length; c++)
			if (arguments[c] == '|')
				arguments[c] = '\0';
		identify__command_line(arguments, length, NULL, &meaning);
		if (meaning.vm != samples[i].vm || strcmp(meaning.vm_id, samples[i].id) || strcmp(meaning.vm_name, samples[i].name))
			fail_msg("%s: VM %d, id \"%s\", name \"%s\"", samples[i].arguments, meaning.vm, meaning.vm_id, meaning.vm_name);
	}
}

static void test_long_command_line(void **state)
{
	static char arguments[20000];
	struct command_meaning meaning;
	size_t used = 4;

	(void)state;
	memcpy(arguments, "kvm", used);
	memset(arguments + used, 'x', sizeof(arguments) - used);
	identify__command_line(arguments, sizeof(arguments), NULL, &meaning);
	assert_true(meaning.vm);
	memcpy(arguments, "kvm\0-name", 10);
	identify__command_line(arguments, sizeof(arguments), NULL, &meaning);
	assert_int_equal(strlen(meaning.vm_name), MEANING_NAME_SIZE - 1);
}

// Anybody can call himself kvm: where the file is known, it decides.
static void test_the_file_decides(void **state)
{
	static const char arguments[] = "kvm\0-id\0" "101\0-name\0router";
	static const struct { const char *exe; bool vm; } cases[] = {
		{ "/usr/bin/qemu-system-x86_64", true }, { "/usr/bin/kvm", true }, { "/home/mallory/kvmtool", false }, { "/usr/bin/sleep", false }, { NULL, true },
	};
	struct command_meaning meaning;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		identify__command_line(arguments, sizeof(arguments), cases[i].exe, &meaning);
		assert_int_equal(meaning.vm, cases[i].vm);
		assert_string_equal(meaning.vm_id, cases[i].vm ? "101" : "");
	}
}

struct bytes { const char *in; size_t length; const char *out; };
static const struct bytes printables[] = {
	{ "sleep\0" "100\0", 10, "sleep 100" },
	{ "a\0\0b\0\0\0", 7, "a  b" },
	{ "a\x1b[31mred\n\t\x7f", 12, "a?[31mred???" },
	{ "gr\xc3\xbc\xc3\x9f" "e", 7, "gr\xc3\xbc\xc3\x9f" "e" },
	{ "\xe2\x82\xac \xf0\x9f\x90\xa2", 8, "\xe2\x82\xac \xf0\x9f\x90\xa2" },
	{ "\xc0\xaf", 2, "??" }, { "\xe0\x80\xaf", 3, "???" }, { "\xed\xa0\x80", 3, "???" }, { "\xf4\x90\x80\x80", 4, "????" },
	{ "\xff\xfe", 2, "??" }, { "\xc3", 1, "?" }, { "a\xe2\x82", 3, "a??" }, { "\x80", 1, "?" },
	{ "\xc2\x9b" "31m", 5, "?31m" }, { "\xe2\x80\xae" "gpj", 6, "?gpj" }, { "\xe2\x80\xa8", 3, "?" }, { "\xe2\x81\xa6", 3, "?" },
	{ "", 0, "" }, { "\0\0", 2, "" },
};

static void test_printable(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(printables); i++) {
		size_t length = identify__printable(printables[i].in, printables[i].length, text, sizeof(text));

		assert_string_equal(text, printables[i].out);
		assert_int_equal(length, strlen(text));
	}
}

// A cut falls between characters, never into one.
static void test_printable_cut(void **state)
{
	char text[5];

	(void)state;
	assert_int_equal(identify__printable("abc\xc3\xbc", 5, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(identify__printable("abcdef", 6, text, sizeof(text)), 4);
	assert_int_equal(identify__printable("abc", 3, text, 1), 0);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_long_command_line), cmocka_unit_test(test_the_file_decides), cmocka_unit_test(test_printable),
		cmocka_unit_test(test_printable_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
