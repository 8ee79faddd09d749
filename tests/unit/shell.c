// Printed commands: what a shell makes of them is what was meant, whatever others have named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/shell.h"

// Asks shells to do something: run, expand, redirect, end the word, begin a comment, be an option.
static const char *const names[] = {
	"plain", "", " ", "a b", "'", "''", "'\\''", "\"", "\"; id; \"", "'; id; '", "$(id)", "`id`", "$HOME", "${IFS}id", "; id", "& id &", "| id", "> out", "< in",
	"*", "?", "[a-z]*", "{a,b}", "~", "~root", "#", "# x", "!", "!!", "\\", "\\\\", "a\\", "'$(touch PWNED);\\n\"", "%s", "%n%n", "100%", "=ls", "a=b", "ünïcödé", "日本語",
	"x'y\"z`w$v", "$'\\x41'", "$((1+1))", "(id)", "{ id; }", "a;b", "--", "/a/-rf", "a\\nb", "\xc2\xa0",
};
// Must not be pasted: they move the cursor, end the line, or show other than what they say.
static const char *const unfit[] = {
	"a\nb", "\n", "a\rb", "\x1b[31m", "a\tb", "\x7f", "\xc2\x9b" "31m", "\xff", "a\xc3", "\xe2\x80\xae" "gpj.exe", "\xe2\x80\x8b", "\xed\xa0\x80", "../../etc/passwd", "a/../b",
};

// What `shell` prints when it runs the command.
static void run(const char *shell, const char *command, char *out, size_t size)
{
	cleanup_free char *path = base__copy("/tmp/whystall-shell-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, command, strlen(command)), (ssize_t)strlen(command));
	close(fd);
	cleanup_free char *line = base__format("cd / && %s %s 2>&1", shell, path);
	FILE *pipe = popen(line, "r");
	assert_non_null(pipe);
	size_t got = fread(out, 1, size - 1, pipe);
	out[got] = '\0';
	pclose(pipe);
	unlink(path);
}

// Each argument in angle brackets.
#define SHOW "printf '<%%s>' "

static void check(const char *command, const char *expected)
{
	static const char *const shells[] = { "sh", "bash" };
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		char out[4096];
		run(shells[i], command, out, sizeof(out));
		if (strcmp(out, expected))
			fail_msg("%s makes %s of: %s\nexpected %s", shells[i], out, command, expected);
	}
}

static void test_every_name_stays_one_argument(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];
		cleanup_free char *alone = shell__command(SHOW "-- %s end", name), *part = shell__command(SHOW "/a/%s.d/%s 'in %s, too' x=%s", name, name, name, name);
		cleanup_free char *first = base__format("<--><%s><end>", name);
		cleanup_free char *second = base__format("</a/%s.d/%s><in %s, too><x=%s>", name, name, name, name);
		check(alone, first);
		check(part, second);
	}
}

static void test_what_cannot_be_pasted_is_no_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unfit); i++) {
		assert_null(shell__command("cat %s", unfit[i]));
		assert_null(shell__command("cat '/a %s'; sleep 5", unfit[i]));
	}
	assert_null(shell__command("kill %s", "-9"));
	assert_null(shell__command("kill '%s'", "-9"));
	assert_null(shell__command("kill %s%s", "", "-9"));
	assert_null(shell__command("true -- x; kill %s", "-9"));
	assert_null(shell__command("true -- x | kill %s", "-9"));
	cleanup_free char *ended = shell__command("kill -- %s", "-9"), *inside = shell__command("kill a%s", "-9");
	assert_string_equal(ended, "kill -- -9");
	assert_string_equal(inside, "kill a-9");
}

static void test_templates_are_kept_as_they_are(void **state)
{
	(void)state;
	cleanup_free char *loop = shell__command("while :; do date +%%s.%%N; sleep 0.02; done | awk '$1 - last > 0.1 { print $1 }'");
	assert_string_equal(loop, "while :; do date +%s.%N; sleep 0.02; done | awk '$1 - last > 0.1 { print $1 }'");
	cleanup_free char *glob = shell__command("cat /proc/%lld/task/*/stack; echo %x %d %.2f %zu%% > %s", 12LL, 255u, -3, 1.5, (size_t)7, "/a b/*");
	assert_string_equal(glob, "cat /proc/12/task/*/stack; echo ff -3 1.50 7% > '/a b/*'");
	cleanup_free char *quoted = shell__command("grep ' %s ' /proc/diskstats; bpftrace -e 't:x /pid==%lld/ { @[kstack(6)] = count(); }'", "sda", 5LL);
	assert_string_equal(quoted, "grep ' sda ' /proc/diskstats; bpftrace -e 't:x /pid==5/ { @[kstack(6)] = count(); }'");
}

static void test_commands_in_pieces(void **state)
{
	(void)state;
	struct shell shell = { 0 };
	shell__add(&shell, "for p in");
	for (int i = 1; i < 3; i++)
		shell__add(&shell, "%d", i);
	shell__add(&shell, "; do renice %s $p; done", "a b");
	cleanup_free char *text = shell__steal(&shell);
	assert_string_equal(text, "for p in 1 2; do renice 'a b' $p; done");
	shell__add(&shell, "cat %s", "\n");
	shell__add(&shell, "x");
	assert_null(shell__steal(&shell));
	shell__add(&shell, "x");
	cleanup_free char *again = shell__steal(&shell);
	assert_string_equal(again, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_stays_one_argument),
		cmocka_unit_test(test_what_cannot_be_pasted_is_no_command),
		cmocka_unit_test(test_templates_are_kept_as_they_are),
		cmocka_unit_test(test_commands_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
