// Warnings of the kernel's log, in the formats of versions from 4.19 to 6.18, and texts that only look like them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/kernel_log.h"

static uint64_t sequence;

// Lines of one moment, parted by newlines, as the kernel's own of level "err".
static void feed(struct kernel_log *log, const char *lines, uint64_t time_us)
{
	cleanup_free char *copy = base__copy(lines);

	for (char *line = copy, *next; line; line = next) {
		cleanup_free char *raw = NULL;
		struct log_record record;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		raw = base__format("3,%llu,%llu,-,caller=T1;%s\n SUBSYSTEM=x\n", (unsigned long long)++sequence, (unsigned long long)time_us, line);
		assert_true(log_record__parse(raw, strlen(raw), &record));
		kernel_log__add(log, &record, (int64_t)time_us * 1000);
	}
}

struct expected { const char *lines, *kind; int cpu; int64_t tid; const char *task; double seconds; int64_t jiffies; };

static const struct expected messages[] = {
	{ "rcu: INFO: rcu_sched self-detected stall on CPU\n"
	  "rcu: \\x093-....: (5249 ticks this GP) idle=a2e/1/0x4000000000000002 softirq=5024/5024 fqs=2624 \n"
	  "\\x09(t=5250 jiffies g=9185 q=118)\nNMI backtrace for cpu 3\n"
	  "CPU: 3 PID: 1311 Comm: copier Not tainted 5.15.0-91-generic #101\nCall Trace:\n copy_page+0x7/0x10",
	  "rcu_stall", 3, 1311, "copier", 0, 5250 },
	{ "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
	  "rcu: \\x091-...!: (1 GPs behind) idle=f2e/1/0x4000000000000000 softirq=42093241/42093242 fqs=0 \n"
	  "rcu: \\x09(detected by 0, t=21003 jiffies, g=77905, q=25 ncpus=4)\nSending NMI from CPU 0 to CPUs 1:\n"
	  "rcu: rcu_preempt kthread starved for 21003 jiffies! g77905 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1",
	  "rcu_stall", 1, 0, "", 0, 21003 },
	{ "rcu: INFO: rcu_preempt self-detected stall on CPU\n"
	  "rcu: \\x090-....: (1 GPs behind) idle=3514/0/0x3 softirq=671080/671080 fqs=3762\n"
	  "rcu: \\x09(t=21002 jiffies g=1292137 q=85 ncpus=2)\n"
	  "CPU: 0 UID: 0 PID: 412 Comm: two words Not tainted 6.18.0 #1 PREEMPT(lazy) ", "rcu_stall", 0, 412, "two words", 0, 21002 },
	{ "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n"
	  "rcu: \\x0912-O..0: (1 GPs behind) idle=d634/1/0x4000000000000002 softirq=7032/7032 fqs=2024\n"
	  "rcu: \\x09(detected by 1, t=5902 jiffies, g=16541, q=4391 ncpus=16)", "rcu_stall", 12, 0, "", 0, 5902 },
	{ "INFO: rcu_sched self-detected stall on CPU\n\\x092-....: (14997 ticks this GP) idle=0c6/1/4611686018427387906 softirq=98/98 fqs=7500 \n"
	  "\\x09 (t=15000 jiffies g=123 q=44)", "rcu_stall", 2, 0, "", 0, 15000 },
	{ "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 jiffies s: 4173 root: 0x2/.",
	  "rcu_stall", 1, 0, "", 0, 21 },
	{ "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { P311 } 6 jiffies s: 33 root: 0x0/T", "rcu_stall", -1, 0, "", 0, 6 },
	{ "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu: \\x09Tasks blocked on level-0 rcu_node (CPUs 0-3): P9123/1:b..l\n"
	  "rcu: \\x09(detected by 2, t=15002 jiffies, g=501, q=9 ncpus=4)\ntask:reader          state:R  running task     stack:0     pid:9123",
	  "rcu_stall", -1, 9123, "", 0, 15002 },
	{ "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\nrcu: \\x09(detected by 6, t=21002 jiffies, g=12009, q=3846 ncpus=8)\n"
	  "rcu: All QSes seen, last rcu_preempt kthread activity 21002 (4294897073-4294876071), jiffies_till_next_fqs=3, root ->qsmask 0x0",
	  "rcu_stall", -1, 0, "", 0, 21002 },
	{ "INFO: rcu_tasks detected stalls on tasks:", "rcu_stall", -1, 0, "", 0, 0 },
	{ "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [kworker/1:2:233]", "soft_lockup", 1, 233, "kworker/1:2", 26, 0 },
	{ "watchdog: BUG: soft lockup - CPU#63 stuck for 112s! [my [odd] na]:77]", "soft_lockup", 63, 77, "my [odd] na]", 112, 0 },
	{ "NMI watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [cat:9]", "soft_lockup", 0, 9, "cat", 22, 0 },
	{ "NMI watchdog: Watchdog detected hard LOCKUP on cpu 5\nCPU: 5 PID: 18 Comm: spinner Tainted: G   O 4.19.0", "hard_lockup", 5, 18, "spinner", 0, 0 },
	{ "watchdog: Watchdog detected hard LOCKUP on cpu 7", "hard_lockup", 7, 0, "", 0, 0 },
	{ "watchdog: CPU2: Watchdog detected hard LOCKUP on cpu 2", "hard_lockup", 2, 0, "", 0, 0 },
	{ "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 34s!", "workqueue_lockup", 1, 0, "", 34, 0 },
	{ "INFO: task txg_sync:812 blocked for more than 120 seconds.\n      Not tainted 6.8.12\ntask:txg_sync        state:D stack:0     pid:812",
	  "hung_task", -1, 812, "txg_sync", 120, 0 },
	{ "INFO: task a blocked b:1:33 blocked in I/O wait for more than 241 seconds.", "hung_task", -1, 33, "a blocked b:1", 241, 0 },
	{ "Out of memory: Killed process 4711 (java) total-vm:1kB, anon-rss:1kB", "oom_kill", -1, 4711, "java", 0, 0 },
	{ "Memory cgroup out of memory: Killed process 12 (a (b) c) total-vm:1kB", "oom_kill", -1, 12, "a (b", 0, 0 },
	{ "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:", "clock_unstable", -1, 0, "", 0, 0 },
	{ "hrtimer: interrupt took 44005651 ns", "timer_late", -1, 0, "", 0.044005651, 0 },
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		struct kernel_log *log = kernel_log__new();
		size_t count;
		feed(log, messages[i].lines, 5000000);
		const struct kernel_warning *warning = kernel_log__warnings(log, &count);
		assert_int_equal(count, 1);
		assert_string_equal(warning->kind, messages[i].kind);
		assert_int_equal(warning->cpu, messages[i].cpu);
		assert_int_equal(warning->tid, messages[i].tid);
		assert_string_equal(warning->task, messages[i].task);
		assert_true(warning->seconds > messages[i].seconds - 1e-6 && warning->seconds < messages[i].seconds + 1e-6);
		assert_int_equal(warning->jiffies, messages[i].jiffies);
		kernel_log__free(log);
	}
}

static void test_no_warnings(void **state)
{
	(void)state;
	static const char *const lines[] = {
		// Names that the kernel prints first in a line of its own: 15 characters are theirs to choose.
		"rcu: INFO: rcu_[123]: segfault at 0 ip 0 sp 0 error 4", "INFO: task x:1 [9]: segfault at 0", "BUG: soft locku[5]: segfault",
		"watchdog: BUG: (5): drop_caches: 3", "rcu: INFO: rcu_sched", "rcu: INFO: RCU detected stalls on CPUs/tasks:", "INFO: task nobody",
		"BUG: workqueue lockup", "watchdog: BUG: soft lockup - CPU#x stuck for 9s! [a:1]", "usb 1-1: rcu: INFO: rcu_sched self-detected stall on CPU",
		"clocksource: Switched to clocksource tsc", "rcu: Hierarchical RCU implementation.", "", ";", "Killed process 12 (x)",
	};
	struct kernel_log *log = kernel_log__new();
	size_t count;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		feed(log, lines[i], 1000000 * (i + 1));
	kernel_log__warnings(log, &count);
	assert_int_equal(count, 0);
	kernel_log__free(log);
}

// Whoever may write to /dev/kmsg can write the same words, but not as the kernel.
static void test_user_space_is_not_believed(void **state)
{
	(void)state;
	static const char raw[] = "12,7,5000,-;watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [kworker/1:2:233]\n";
	static const char own[] = "0,7,5000,-;watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [kworker/1:2:233]\n";
	struct kernel_log *log = kernel_log__new();
	struct log_record record;
	size_t count;
	assert_true(log_record__parse(raw, strlen(raw), &record));
	assert_int_equal(record.facility, 1);
	kernel_log__add(log, &record, 0);
	kernel_log__warnings(log, &count);
	assert_int_equal(count, 0);
	assert_true(log_record__parse(own, strlen(own), &record));
	kernel_log__add(log, &record, 0);
	kernel_log__warnings(log, &count);
	assert_int_equal(count, 1);
	kernel_log__free(log);
}

static void test_lines_that_belong_together(void **state)
{
	(void)state;
	struct kernel_log *log = kernel_log__new();
	size_t count;
	feed(log, messages[0].lines, 5000000);
	feed(log, "eth0: link is up", 5100000);
	feed(log, messages[10].lines, 6000000);
	feed(log, "CPU: 1 PID: 5 Comm: other Not tainted 6.1", 6000001);
	feed(log, " a_function+0x10/0x20", 25000000);
	const struct kernel_warning *warnings = kernel_log__warnings(log, &count);
	assert_int_equal(count, 2);
	assert_non_null(strstr(warnings[0].text, "copy_page+0x7/0x10"));
	assert_non_null(strstr(warnings[0].text, "softirq=5024/5024"));
	assert_null(strstr(warnings[0].text, "eth0"));
	assert_int_equal(warnings[1].tid, 233);
	assert_null(strstr(warnings[1].text, "a_function"));
	kernel_log__free(log);
}

static void test_limits(void **state)
{
	(void)state;
	struct kernel_log *log = kernel_log__new();
	size_t count;
	feed(log, messages[0].lines, 1);
	for (int i = 0; i < 1000; i++)
		feed(log, " a_function_with_a_long_name_that_fills_the_text+0x10/0x20", 2);
	assert_true(strlen(kernel_log__warnings(log, &count)->text) < LOG_TEXT_LIMIT);
	for (int i = 0; i < 1000; i++)
		feed(log, messages[10].lines, 10);
	kernel_log__warnings(log, &count);
	assert_int_equal(count, LOG_WARNINGS_LIMIT);
	assert_int_equal(kernel_log__dropped(log), 1000 - LOG_WARNINGS_LIMIT + 1);
	kernel_log__free(log);
}

static void test_records(void **state)
{
	(void)state;
	static const char *const broken[] = { "", ";", "3", "3,1,2,-", "3,1;x", "x,1,2,-;t", "3,,2,-;t", "99999,1,2,-;t", "-3,1,2,-;t",
		"3,99999999999999999999999,2,-;t" };
	static const char good[] = "30,1,2,c,caller=T9;a\\x09b\\x5cx41\\xzz\001c\nKEY=v\n";
	struct log_record record;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_false(log_record__parse(broken[i], strlen(broken[i]), &record));
	assert_true(log_record__parse(good, strlen(good), &record));
	assert_int_equal(record.facility, 3);
	assert_int_equal(record.level, 6);
	assert_string_equal(record.text, "a b\\x41\\xzz c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_no_warnings), cmocka_unit_test(test_user_space_is_not_believed),
		cmocka_unit_test(test_lines_that_belong_together), cmocka_unit_test(test_limits), cmocka_unit_test(test_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
