// The parsers of ELF and DWARF are libraries that were not made for hostile files, and we are root: a bug in them must gain
// nothing. Root without capabilities still owns root's files, so it is not enough to drop these: a filter allows no way to
// change a file, to make a process or to reach another one.
#include "symbolize/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/base.h"

// What the child shares with its parent (the tables of the probes) is none of its business.
static void unmap_shared(void)
{
	cleanup_free char *text = NULL;
	char *line, *rest;

	if (base__read_file("/proc/self/maps", 16 << 20, &text) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long start, end;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3 && mode[3] == 's')
			munmap((void *)start, end - start);
	}
}

static int replace_descriptors(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	if (keep != SANDBOX_FD && dup2(keep, SANDBOX_FD) < 0)
		return -errno;
	for (int fd = 0; fd < SANDBOX_FD; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (close_range(SANDBOX_FD + 1, ~0U, 0))
		return -errno;
	return 0;
}

static uint64_t data_bytes(void)
{
	cleanup_free char *text = NULL;
	unsigned long data = 0;

	if (base__read_file("/proc/self/statm", 256, &text) > 0)
		sscanf(text, "%*s %*s %*s %*s %*s %lu", &data);
	return data * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void set_limit(int resource, uint64_t value)
{
	struct rlimit limit = { value, value };

	setrlimit((__rlimit_resource_t)resource, &limit);
}

int sandbox__limit(int keep, size_t memory_bytes, int64_t cpu_ns)
{
	static const int left_alone[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct itimerval timer = { .it_value = { cpu_ns / (int64_t)NS_PER_SEC, cpu_ns % (int64_t)NS_PER_SEC / 1000 } };
	struct sched_param ordinary = { 0 };
	pid_t parent = getppid();
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return -ESRCH;
	for (size_t i = 0; i < ARRAY_SIZE(left_alone); i++)
		signal(left_alone[i], SIG_IGN);         // the parent decides when to end
	signal(SIGPROF, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	error = replace_descriptors(keep);
	if (error)
		return error;
	unmap_shared();
	set_limit(RLIMIT_CORE, 0);
	prctl(PR_SET_DUMPABLE, 0);      // or a handler in kernel.core_pattern would be started for each crash
	set_limit(RLIMIT_FSIZE, 0);
	set_limit(RLIMIT_DATA, data_bytes() + memory_bytes);
	set_limit(RLIMIT_CPU, (uint64_t)(cpu_ns / (int64_t)NS_PER_SEC) + 2);     // in whole seconds: behind the timer
	if (cpu_ns <= 0 || setitimer(ITIMER_PROF, &timer, NULL))
		return cpu_ns <= 0 ? -ETIME : -errno;
	return 0;
}

static int load_filter(void)
{
	static const int allowed[] = {
		SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
		SCMP_SYS(statx), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
		SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(exit), SCMP_SYS(exit_group),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < ARRAY_SIZE(allowed); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, SANDBOX_FD));
	if (!error)     // libelf asks so whether a descriptor is open
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFD));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error;
}

int sandbox__enter(void)
{
	cap_t none = cap_init();
	int error = !none || cap_set_proc(none) ? -errno : 0;

	cap_free(none);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = -errno;
	return error ? error : load_filter();
}
