// What the process for the disk is given it does, answers in time or not at all, and keeps nothing that others wait for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errands.h"

static void test_sync(void **state)
{
	struct errands *errands = errands__start();
	char path[] = "/tmp/whystall-test-XXXXXX";
	int fd = mkstemp(path), ends[2];

	(void)state;
	assert_non_null(errands);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(errands__sync(errands, fd, 60000), 0);
	// A pipe can't be synchronised, and the answer to that is this call's.
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(errands__sync(errands, ends[1], 60000), -EINVAL);
	assert_int_equal(errands__sync(errands, fd, 60000), 0);
	// What is late is not waited for, and not taken for the answer of the next one.
	int late = errands__sync(errands, ends[1], 0);
	assert_true(late == -ETIMEDOUT || late == -EINVAL);
	assert_int_equal(errands__sync(errands, fd, 60000), 0);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	unlink(path);
	errands__leave(errands);
	assert_true(wait(NULL) > 0 || errno == ECHILD);
}

static void test_close(void **state)
{
	struct errands *errands = errands__start();
	struct pollfd end = { .events = POLLIN };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	end.fd = ends[0];
	errands__close(errands, ends[1]);
	assert_int_equal(poll(&end, 1, 60000), 1);      // the last copy is closed there
	assert_true(end.revents & POLLHUP);
	errands__close(errands, -1);
	errands__leave(errands);
	close(ends[0]);
}

static void test_nobody(void **state)
{
	char path[] = "/tmp/whystall-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(errands__sync(NULL, fd, 0), 0);
	errands__close(NULL, fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	errands__leave(NULL);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sync), cmocka_unit_test(test_close), cmocka_unit_test(test_nobody) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
