// What a command can still do once it has given up what it does not need to make a report: as root and as an ordinary user.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "isolate/sandbox.h"
#include "unit/forbidden.h"

#define NOBODY 65534
#define LATE_STATUS 77

struct worker { pid_t pid; int output, errors; };

// The child has its standard streams and `own_file`; `act` goes on in it.
static struct worker start(uid_t account, void (*act)(void))
{
	int output[2], errors[2];
	struct worker worker = { 0 };

	assert_int_equal(pipe(output) | pipe(errors), 0);
	worker.pid = fork();
	if (!worker.pid) {
		struct sandbox_means means;

		dup2(output[1], STDOUT_FILENO);
		dup2(errors[1], STDERR_FILENO);
		if (account && setresuid(account, account, account))
			_exit(1);
		if (sandbox__work("too late", LATE_STATUS, &means) || !means.filter)
			_exit(2);
		act();
		_exit(3);
	}
	close(output[1]);
	close(errors[1]);
	worker.output = output[0];
	worker.errors = errors[0];
	return worker;
}

static int end(struct worker *worker, bool killed)
{
	int status;

	if (killed)
		kill(worker->pid, SIGKILL);
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	close(worker->output);
	close(worker->errors);
	return status;
}

static void try_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (write(1, &(unsigned char){ forbidden[i].attempt() >= 0 }, 1) != 1)
			_exit(4);
	poll(NULL, 0, -1);
}

static bool says(const char *status, const char *line)
{
	return strstr(status, line) != NULL;
}

static void check_forbidden(uid_t account)
{
	struct worker worker;
	cleanup_free char *path = NULL, *status = NULL;

	elsewhere = STDIN_FILENO;
	worker = start(account, try_all);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		unsigned char done;

		assert_int_equal(read(worker.output, &done, 1), 1);
		if (done)
			fail_msg("as user %u it could %s", (unsigned)account, forbidden[i].name);
	}
	path = base__format("/proc/%d/status", (int)worker.pid);
	assert_true(base__read_file(path, 65536, &status) > 0);
	assert_true(says(status, "\nNoNewPrivs:\t1") && says(status, "\nSeccomp:\t2"));
	assert_true(says(status, "\nCapPrm:\t0000000000000000") && says(status, "\nCapEff:\t0000000000000000") && !says(status, "\nUid:\t0"));
	end(&worker, true);
}

static void test_forbidden(void **state)
{
	(void)state;
	forbidden__prepare();
	check_forbidden(geteuid() ? geteuid() : 0);
	if (!geteuid())
		check_forbidden(NOBODY);
}

// A sanitizer's runtime makes system calls of its own at the end of a process, and in signal handlers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

// What a report needs: memory, both outputs, the end.
static void work(void)
{
	size_t size = (size_t)64 << 20;
	char *memory = base__alloc(1, size);

	memset(memory, 1, size);
	memory = realloc(memory, 2 * size);
	free(memory);
	fputs("report", stdout);
	fputs("warning", stderr);
	exit(isatty(STDOUT_FILENO) || fflush(stdout) ? 5 : 0);
}

static void test_allowed(void **state)
{
	struct worker worker;
	char text[16] = "";

	(void)state;
	if (SANITIZED)
		skip();
	worker = start(0, work);
	assert_int_equal(read(worker.output, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "report");
	assert_int_equal(read(worker.errors, text, sizeof(text) - 1), 7);
	assert_int_equal(end(&worker, false), 0);
}

static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

// The limit itself is minutes; a lower one of the caller's is kept.
static void test_late(void **state)
{
	struct rlimit before, low;
	struct worker worker;
	char text[64] = "";
	int status;

	(void)state;
	if (SANITIZED)
		skip();
	getrlimit(RLIMIT_CPU, &before);
	low = (struct rlimit){ 1, before.rlim_max };
	setrlimit(RLIMIT_CPU, &low);
	worker = start(0, spin);
	setrlimit(RLIMIT_CPU, &before);
	assert_true(read(worker.errors, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "whystall: too late\n");
	status = end(&worker, false);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), LATE_STATUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_forbidden), cmocka_unit_test(test_allowed), cmocka_unit_test(test_late) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
