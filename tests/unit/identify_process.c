// Who live processes are: this one, a child, a kernel thread; compared with what other interfaces of the kernel say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "identify/process.h"
#include "identify/stat.h"

static int64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static void free_row(struct process_row *row)
{
	char **const strings[] = { &row->name, &row->exe, &row->command_line, &row->cgroup, &row->cpu_cgroup, &row->unit,
				   &row->container, &row->vm_id, &row->vm_name, &row->runtime, &row->linkage, &row->allocator, &row->unit_manager };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*strings[i]);
	memset(row, 0, sizeof(*row));
}

static pid_t start_child(const char *name, char *const *arguments)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (arguments)
			execv(arguments[0], arguments);
		else
			prctl(PR_SET_NAME, name);
		pause();
		_exit(0);
	}
	usleep(100000);
	return pid;
}

static void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_this_process(void **state)
{
	struct process_row row = { 0 };
	char exe[4096] = "", name[16] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	prctl(PR_GET_NAME, name);
	assert_int_equal(identify__process(getpid(), &row), 0);
	assert_int_equal(row.pid, getpid());
	assert_int_equal(identify__parent(getpid()), getppid());
	assert_string_equal(row.name, name);
	assert_string_equal(row.exe, exe);
	assert_non_null(row.cgroup);
	assert_int_equal(row.cgroup[0], '/');
	assert_int_equal(row.cpu_cgroup[0], '/');
	assert_string_equal(row.runtime, "unknown");
	assert_null(row.command_line);
	free_row(&row);
}

static void test_child(void **state)
{
	struct process_row row = { 0 };
	pid_t pid = start_child("odd )( name\n", NULL);

	(void)state;
	assert_int_equal(identify__process(pid, &row), 0);
	assert_string_equal(row.name, "odd )( name?");
	assert_int_equal(identify__parent(pid), getpid());
	stop_child(pid);
	assert_int_equal(identify__parent(pid), -1);
	assert_int_equal(identify__process(pid, &row), -ESRCH);
	assert_string_equal(row.name, "odd )( name?");
	free_row(&row);
}

static void test_deleted_executable(void **state)
{
	char path[] = "/tmp/whystall-test-XXXXXX", command[256];
	char *const arguments[] = { path, (char *)"30", NULL };
	struct process_row row = { 0 };

	(void)state;
	close(mkstemp(path));
	snprintf(command, sizeof(command), "cp \"$(readlink -f /bin/sleep)\" %s && chmod 755 %s", path, path);
	assert_int_equal(system(command), 0);
	pid_t pid = start_child("", arguments);
	unlink(path);
	assert_int_equal(identify__process(pid, &row), 0);
	assert_string_equal(row.exe, path);
	stop_child(pid);
	free_row(&row);
}

static void test_kernel_thread(void **state)
{
	struct process_row row = { 0 };

	(void)state;
	assert_int_equal(identify__process(2, &row), 0);
	if (strcmp(row.name, "kthreadd")) { // a pid namespace of its own
		free_row(&row);
		skip();
	}
	assert_null(row.exe);
	assert_int_equal(identify__parent(2), 0);
	free_row(&row);
}

static void test_command_lines(void **state)
{
	char *const arguments[] = { (char *)"/bin/sleep", (char *)"30", NULL };
	int64_t started_ns = boottime_ns();
	pid_t pid = start_child("", arguments);
	struct process_row rows[5] = { { .pid = pid }, { .pid = 2, .kernel_thread = 1 }, { .pid = 999999999 },
				       { .pid = pid, .start_ns = 1 }, { .pid = getpid(), .gone = 1 } };

	(void)state;
	assert_int_equal(identify__process(pid, &rows[0]), 0);
	rows[0].start_ns = started_ns;  // as exact as probes give it
	assert_int_equal(identify__command_lines(rows, ARRAY_SIZE(rows), (int64_t)NS_PER_SEC), 0);
	assert_string_equal(rows[0].command_line, "/bin/sleep 30");
	for (size_t i = 1; i < ARRAY_SIZE(rows); i++)
		assert_null(rows[i].command_line); // a kernel thread, nobody, another process' pid, gone
	stop_child(pid);
	free_row(&rows[0]);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

// Holds its mmap_lock for writing nearly all the time: changes the protection of many small pages, over and over. In a
// realtime class, so that it is what the spinner interrupts, whatever else runs.
static pid_t start_lock_holder(int cpu)
{
	struct sched_param priority = { .sched_priority = 1 };
	const size_t size = 128u << 20;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(cpu);
		char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(memory, size, MADV_NOHUGEPAGE);
		memset(memory, 1, size);
		sched_setscheduler(0, SCHED_FIFO, &priority);
		for (int protection = PROT_READ;; protection ^= PROT_WRITE)
			mprotect(memory, size, protection);
	}
	usleep(300000);
	return pid;
}

// Takes the CPU away from everybody else there, in whatever they hold.
static pid_t start_realtime_spinner(int cpu, int64_t spin_ns)
{
	struct sched_param priority = { .sched_priority = 2 };
	pid_t pid = fork();

	if (!pid) {
		pin(cpu);
		if (sched_setscheduler(0, SCHED_FIFO, &priority))
			_exit(1);
		for (int64_t end_ns = boottime_ns() + spin_ns; boottime_ns() < end_ns;)
			;
		_exit(0);
	}
	return pid;
}

// A process that is kept off its CPU while it holds its mmap_lock for writing: whoever reads its command line hangs as long.
// We must come back, without this one's command line but with that of the next.
static void test_command_lines_give_up(void **state)
{
	cpu_set_t allowed;
	int cpus[2], found = 0, held = 0;
	char *const arguments[] = { (char *)"/bin/sleep", (char *)"30", NULL };

	(void)state;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			cpus[found++] = cpu;
	if (found < 2 || geteuid())
		skip();
	pid_t holder = start_lock_holder(cpus[1]), other = start_child("", arguments);
	pin(cpus[0]);
	for (int attempt = 0; attempt < 10 && held != 1; attempt++) {
		struct process_row rows[2] = { { .pid = holder }, { .pid = other } };
		pid_t spinner = start_realtime_spinner(cpus[1], 600 * (int64_t)NS_PER_MSEC);

		usleep(20000);
		int64_t before_ns = boottime_ns();
		held = identify__command_lines(rows, ARRAY_SIZE(rows), (int64_t)NS_PER_SEC);
		// It came back at all; how soon is the scheduler's business on a loaded machine.
		assert_true(boottime_ns() - before_ns < 10 * (int64_t)NS_PER_SEC);
		if (rows[1].command_line) {
			assert_string_equal(rows[1].command_line, "/bin/sleep 30");
			if (held)
				assert_null(rows[0].command_line);
		} else {
			held = 0;       // on a crowded machine the reader may have had no CPU for a second, and given up this one for that
		}
		free(rows[0].command_line);
		free(rows[1].command_line);
		waitpid(spinner, NULL, 0);
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
	stop_child(holder);
	stop_child(other);
	if (held != 1) {
		print_message("# it was never interrupted within the lock\n");
		skip();
	}
}

static void write_file(const char *directory, const char *name, const char *text)
{
	cleanup_free char *path = base__format("%s/%s", directory, name);
	cleanup_file FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
}

// A process of a hybrid system, as its files stood there.
static void test_hybrid_tree(void **state)
{
	char root[] = "/tmp/whystall-proc-XXXXXX";
	struct process_row row = { 0 };

	(void)state;
	assert_non_null(mkdtemp(root));
	cleanup_free char *directory = base__format("%s/4711", root), *exe = base__format("%s/4711/exe", root);
	cleanup_free char *clean = base__format("rm -r %s", root);
	assert_int_equal(mkdir(directory, 0700), 0);
	write_file(directory, "comm", "nginx: worker\n");
	write_file(directory, "cgroup", "4:memory:/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
		   "3:cpuacct:/elsewhere\n2:cpu,rdma:/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
		   "1:name=systemd:/system.slice/web.service (deleted)\n0::/\n");
	assert_int_equal(symlink("/usr/sbin/nginx (deleted)", exe), 0);
	int fd = open(root, O_RDONLY | O_DIRECTORY);
	assert_int_equal(identify__process_at(fd, 4711, &row), 0);
	assert_int_equal(identify__process_at(fd, 4712, &row), -ESRCH);
	close(fd);
	assert_string_equal(row.name, "nginx: worker");
	assert_string_equal(row.exe, "/usr/sbin/nginx");
	assert_string_equal(row.cgroup, "/");
	assert_string_equal(row.cpu_cgroup, "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	assert_string_equal(row.unit, "web.service");
	assert_string_equal(row.container, "docker:0123456789ab");
	free_row(&row);
	assert_int_equal(system(clean), 0);
}

static void test_stat_parse(void **state)
{
	struct stat_facts facts = { .parent_pid = 42 };

	(void)state;
	assert_int_equal(stat__parse("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 4 0 0 20 0 1 0 7 0 0", 100, &facts), 0);
	assert_true(facts.kernel_thread);
	assert_int_equal(facts.start_ns, 70000000);
	assert_int_equal(stat__parse("9 (a) b) R) R 3 0 0 0 -1 4194304 0 0 0 0 0 4 0 0 20 0 1 0 7 0 0", 100, &facts), 0);
	assert_string_equal(facts.name, "a) b) R");
	assert_int_equal(facts.parent_pid, 3);
	static const char *const broken[] = { "", "1", "1 (", "1 )(", "1 (a)", "1 (a) S", "1 (a) S 1 2 3", "(((((" };
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_equal(stat__parse(broken[i], 100, &facts), -EINVAL);
	assert_int_equal(facts.parent_pid, 3);
}

static void test_from_exec(void **state)
{
	struct process_row row = { 0 };

	(void)state;
	identify__from_exec("/usr/lib/postgresql/15/bin/a-very-long-program-name", &row);
	assert_string_equal(row.name, "a-very-long-pro");
	assert_string_equal(row.exe, "/usr/lib/postgresql/15/bin/a-very-long-program-name");
	identify__set_cgroups("/qemu.slice/7.scope", NULL, &row);
	assert_string_equal(row.vm_id, "7");
	assert_null(row.cpu_cgroup);
	identify__set_cgroups(row.cgroup, row.cgroup, &row);
	assert_string_equal(row.cpu_cgroup, "/qemu.slice/7.scope");
	free_row(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_process), cmocka_unit_test(test_child), cmocka_unit_test(test_deleted_executable),
		cmocka_unit_test(test_kernel_thread), cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_command_lines_give_up), cmocka_unit_test(test_hybrid_tree), cmocka_unit_test(test_stat_parse),
		cmocka_unit_test(test_from_exec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
