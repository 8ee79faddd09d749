// What the compiler's flags promise, seen in running code: children that overflow a buffer are ended by SIGABRT before they go on.
// What the files of the programs say is looked at by tests/replay/hardening.test.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#ifndef __OPTIMIZE__
#define WANTED_LEVEL 0
#elif __GNUC_PREREQ(12, 0) || defined(__clang__)
#define WANTED_LEVEL 3
#else
#define WANTED_LEVEL 2
#endif

static volatile size_t one = 1, many = 400;

// Signal that ended a child which ran `work`; 0 if it came to its end.
static int signal_of(void (*work)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		close(STDERR_FILENO);
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// The size is known to the running program only: no level below 3 sees this.
static void overflow_heap(void)
{
	size_t size = 10 * one;
	char *bytes = malloc(size);

	memset(bytes, 0, size + one);
	__asm__ volatile("" : : "r"(bytes) : "memory");
	free(bytes);
}

static void overflow_array(void)
{
	char bytes[16];

	memset(bytes, 0, 16 + one);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

// Past the array and over what lies behind it, by a loop that no library function checks.
__attribute__((noinline)) static void smash_stack(void)
{
	volatile char bytes[16];

	for (size_t i = 0; i < many; i++)
		*(bytes + i) = 1;
}

static void fortified(void **state)
{
	(void)state;
	if (SANITIZED || WANTED_LEVEL < 2)
		skip();
	assert_int_equal(signal_of(overflow_array), SIGABRT);
	if (WANTED_LEVEL == 3)
		assert_int_equal(signal_of(overflow_heap), SIGABRT);
}

static void stack_protected(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_int_equal(signal_of(smash_stack), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fortified),
		cmocka_unit_test(stack_protected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
