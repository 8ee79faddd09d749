// Which system calls are watched for being long, what their sizes are, and when enough was seen of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/syscall.h>

#include "base/base.h"
#include "collect/long_calls.h"

static void test_kinds(void **state)
{
	// Waits for others, idle waits, ends and syncs (io.fsync has them) are no long calls; what reads and writes sleep for is I/O.
	static const struct { int number; bool running, asleep; } cases[] = {
		{ SYS_mlock, true, true }, { SYS_munmap, true, true }, { SYS_unlink, true, true }, { SYS_fallocate, true, true }, { SYS_ioctl, true, true },
		{ SYS_read, true, false }, { SYS_pwrite64, true, false }, { SYS_sendfile, true, false },
		{ SYS_futex, false, false }, { SYS_epoll_wait, false, false }, { SYS_nanosleep, false, false }, { SYS_wait4, false, false },
		{ SYS_fsync, false, false }, { SYS_fdatasync, false, false }, { SYS_exit_group, false, false }, { SYS_execve, false, false },
		{ SYS_sched_yield, false, false }, { SYS_poll, false, false },
	};
	struct long_call_kinds kinds;
	(void)state;
	long_calls__kinds(&kinds);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (kinds.running[cases[i].number] != cases[i].running || kinds.asleep[cases[i].number] != cases[i].asleep)
			print_error("system call %d: running %d, asleep %d\n", cases[i].number, kinds.running[cases[i].number], kinds.asleep[cases[i].number]);
		assert_true(kinds.running[cases[i].number] == cases[i].running && kinds.asleep[cases[i].number] == cases[i].asleep);
	}
}

static void test_bytes(void **state)
{
	(void)state;
	assert_int_equal(long_calls__bytes_from(SYS_mlock), 1);
	assert_int_equal(long_calls__bytes_from(SYS_mlock2), 1);
	assert_int_equal(long_calls__bytes_from(SYS_mremap), 2);
	assert_int_equal(long_calls__bytes_from(SYS_fallocate), 3);
	assert_int_equal(long_calls__bytes_from(SYS_read), SYSCALL_RETURNED);
	assert_int_equal(long_calls__bytes_from(SYS_readlink), SYSCALL_NO_BYTES);       // a name within a name is none
	assert_int_equal(long_calls__bytes_from(SYS_unlink), SYSCALL_NO_BYTES);
}

static void test_enough(void **state)
{
	(void)state;
	assert_false(long_calls__are_short(&(struct syscall_sum){ .calls = 99, .ns = 99 * 1000 }));     // too few to tell
	assert_true(long_calls__are_short(&(struct syscall_sum){ .calls = 100, .ns = 100 * 499999 }));
	assert_false(long_calls__are_short(&(struct syscall_sum){ .calls = 100, .ns = 100 * 500000 }));
	assert_false(long_calls__are_short(&(struct syscall_sum){ .calls = 0 }));
	assert_true(long_calls__are_known(&(struct syscall_sum){ .calls = 200 }, 0));
	assert_false(long_calls__are_known(&(struct syscall_sum){ .calls = 199 }, 3999999999ull));
	assert_true(long_calls__are_known(&(struct syscall_sum){ .calls = 10 }, 4000000000ull));
	assert_false(long_calls__are_known(&(struct syscall_sum){ .calls = 9 }, 60000000000ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kinds), cmocka_unit_test(test_bytes), cmocka_unit_test(test_enough) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
