// The parsers of ELF, DWARF and SQLite are libraries that were not made for hostile files, and we are root: a bug in them must gain
// nothing. Root without capabilities still owns root's files, so the process becomes another user as well; and because what the others may read
// is no business of a stranger's either, a filter allows no way to open anything, to make a process or to reach another one.
#include "isolate/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "isolate/capabilities.h"

// systemd's list of user numbers leaves those above 2^31 to nobody; a user namespace may map the second one only.
static const uid_t accounts[] = { 4200000000U, 65534 };

#define FILTER_MEMORY 65536     // bytes; a filter takes some 30,000. Less than malloc would give back to the kernel
#define WORK_CPU_SECONDS 300
#define WORK_MEMORY ((rlim_t)4 << 30)

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
	for (int fd = 0; fd <= SANDBOX_ASK_FD; fd++)    // the last one is kept free for the socket
		if (fd != SANDBOX_FD && dup2(null, fd) < 0)
			return -errno;
	if (close_range(SANDBOX_ASK_FD + 1, ~0U, 0))
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
		return -ESRCH;          // the parent had ended before
	for (size_t i = 0; i < ARRAY_SIZE(left_alone); i++)
		signal(left_alone[i], SIG_IGN);         // the parent decides when to end
	signal(SIGPROF, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	// Not out of SCHED_DEADLINE, which the lifter (collect/lifter.h) may just have given us: it has a budget.
	if (sched_getscheduler(0) == SCHED_FIFO || sched_getscheduler(0) == SCHED_RR)
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

// The parent's death is forgotten whenever a process becomes another user.
static int change_account(uid_t account)
{
	int death = 0;

	prctl(PR_GET_PDEATHSIG, &death);
	if (setgroups(0, NULL) || setresuid(account, account, account))
		return -errno;
	prctl(PR_SET_PDEATHSIG, death);
	return 0;
}

// In the machine's own user namespace every number exists. Where none of ours does, root is no root outside of its container.
static int leave_root(void)
{
	int error = 0;

	if (getuid() && geteuid())
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(accounts); i++) {
		if (!setresgid(accounts[i], accounts[i], accounts[i]))
			return change_account(accounts[i]);
		error = errno == EINVAL ? 0 : -errno;
	}
	return error;
}

int sandbox__open_only(void)
{
	static const cap_value_t kept[] = { CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE };
	int error = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ? -errno : leave_root();

	return error ? error : capabilities__keep(kept, ARRAY_SIZE(kept));
}

// Landlock forbids whatever is opened by a path, below the filter and independent of it. (It also bars a process from looking at others in /proc:
// nothing for an opener.)
static int forbid_paths(void)
{
	static const uint64_t rights[] = { (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, 1 << 13, 1 << 14 };    // REFER, TRUNCATE: of Linux 5.19 and 6.2
	struct landlock_ruleset_attr attributes = { 0 };
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	for (int i = 0; i < version && (size_t)i < ARRAY_SIZE(rights); i++)
		attributes.handled_access_fs |= rights[i];
	if (version < 1)
		return -EOPNOTSUPP;
	cleanup_fd int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

	return rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0) ? -errno : 0;
}

// A system call that is allowed where (argument & mask) == value; argument -1: always.
struct rule { int call, argument; uint64_t mask, value; };
#define WRITE_FLAGS (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define ALWAYS(name) { SCMP_SYS(name), -1, 0, 0 }
#define TERMINAL_SETTINGS 0x802c542a    // TCGETS2, which isatty(3) of newer C libraries asks by; its header can't stand beside termios.h
#define ON_FD(name, fd) { SCMP_SYS(name), 0, UINT32_MAX, fd }

// What everybody needs: reading what is open, memory of its own that is not executable, ending. libelf asks by F_GETFD whether a descriptor is open.
static const struct rule common[] = {
	ALWAYS(read), ALWAYS(pread64), ALWAYS(lseek), ALWAYS(close), ALWAYS(fstat), ALWAYS(munmap), ALWAYS(mremap), ALWAYS(brk), ALWAYS(madvise),
	ALWAYS(futex), ALWAYS(clock_gettime), ALWAYS(getrandom), ALWAYS(rt_sigreturn), ALWAYS(exit), ALWAYS(exit_group), ALWAYS(restart_syscall),
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFD }, { SCMP_SYS(mmap), 2, PROT_EXEC, 0 }, { SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	// fstat(3) of newer C libraries. What a path leads to can be looked at so, not opened.
	{ SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
};
static const struct rule parser[] = { ON_FD(write, SANDBOX_FD), ON_FD(write, SANDBOX_ASK_FD), ON_FD(recvmsg, SANDBOX_ASK_FD),
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_DUPFD_CLOEXEC } };
static const struct rule opener[] = {
	ALWAYS(openat2), ALWAYS(newfstatat), ALWAYS(statx), ALWAYS(fstatfs), ALWAYS(readlink), ALWAYS(readlinkat), ALWAYS(poll), ALWAYS(ppoll),
	{ SCMP_SYS(openat), 2, WRITE_FLAGS, O_RDONLY }, { SCMP_SYS(open), 1, WRITE_FLAGS, O_RDONLY }, ON_FD(sendmsg, SANDBOX_ASK_FD),
	{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_DUPFD_CLOEXEC },
};
static const struct rule worker[] = {
	ON_FD(write, STDOUT_FILENO), ON_FD(write, STDERR_FILENO), ON_FD(writev, STDOUT_FILENO), ON_FD(writev, STDERR_FILENO),
	{ SCMP_SYS(ioctl), 1, UINT32_MAX, TCGETS }, { SCMP_SYS(ioctl), 1, UINT32_MAX, TERMINAL_SETTINGS }, { SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCGWINSZ },
	ALWAYS(poll), ALWAYS(ppoll), ALWAYS(getpid), ALWAYS(gettimeofday), ALWAYS(sysinfo),
};

static int add_rules(scmp_filter_ctx filter, const struct rule *rules, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		const struct rule *rule = &rules[i];
		struct scmp_arg_cmp condition = { .arg = (unsigned)rule->argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = rule->mask, .datum_b = rule->value };

		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule->argument < 0 ? 0 : 1, &condition);
	}
	return error;
}

static int load_filter(const struct rule *rules, size_t count)
{
	// libseccomp 2.5 crashes where it gets no memory: what is freed here is there for it.
	free(base__alloc(1, FILTER_MEMORY));
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error = filter ? add_rules(filter, common, ARRAY_SIZE(common)) : -ENOMEM;

	if (!error)
		error = add_rules(filter, rules, count);
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error;
}

int sandbox__serve(void)
{
	return load_filter(opener, ARRAY_SIZE(opener));
}

int sandbox__enter(void)
{
	int error = leave_root();

	if (!error)
		error = capabilities__keep(NULL, 0);
	if (error)
		return error;
	forbid_paths();         // not every kernel has it; the filter alone would do
	return load_filter(parser, ARRAY_SIZE(parser));
}

static char late_sentence[256];
static int late_end;

static void on_late(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, late_sentence, strlen(late_sentence));
	_exit(late_end);
}

static void lower_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit))
		return;
	limit.rlim_cur = limit.rlim_cur < value ? limit.rlim_cur : value;
	if (resource != RLIMIT_CPU)
		limit.rlim_max = limit.rlim_max < value ? limit.rlim_max : value;
	setrlimit((__rlimit_resource_t)resource, &limit);
}

// Whatever the caller of the command had open is none of a recording's business.
static void keep_outputs_only(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		close(STDIN_FILENO);            // a root directory without devices
	close_range(STDERR_FILENO + 1, ~0U, 0);
}

int sandbox__work(const char *late, int late_status, struct sandbox_means *ret)
{
	cap_t held = cap_get_proc();
	cap_flag_value_t can_leave = CAP_CLEAR;
	struct timespec used = { 0 };
	int error;

	snprintf(late_sentence, sizeof(late_sentence), "whystall: %s\n", late);
	late_end = late_status;
	signal(SIGXCPU, on_late);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	keep_outputs_only();
	prctl(PR_SET_DUMPABLE, 0);      // no core: it would hold what the recording holds, and be a stranger's making
	lower_limit(RLIMIT_CORE, 0);
	lower_limit(RLIMIT_CPU, (rlim_t)used.tv_sec + WORK_CPU_SECONDS);
	lower_limit(RLIMIT_DATA, data_bytes() + WORK_MEMORY);
	if (held)
		cap_get_flag(held, CAP_SETUID, CAP_PERMITTED, &can_leave);
	cap_free(held);
	error = leave_root();
	// Root in name only, in a container that may not change it: the filter holds for it all the same.
	if (error == -EPERM && can_leave == CAP_CLEAR)
		error = 0;
	if (!error)
		error = capabilities__keep(NULL, 0);
	ret->landlock = !forbid_paths();
	ret->filter = !load_filter(worker, ARRAY_SIZE(worker));
	return error;
}
