#include "collect/syscalls.h"

#include <string.h>
#include <seccomp.h>

#include "base/base.h"
#include "bpf/records.h"
#include "recording/vocabulary.h"

// Waiting for work to come (a request, an event, a child's data) is idle; waiting for somebody to take what one gives, or to end, is waiting for a
// process. What a read waits for cannot be told from its number: files are io (in_iowait), the rest are pipes, sockets, terminals.
static const struct { enum blocked_reason reason; const char *calls; } sleeps[] = {
	{ BLOCKED_TIMER, "nanosleep clock_nanosleep clock_nanosleep_time64" },
	{ BLOCKED_WORK, "epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 accept accept4 recvfrom recvmsg recvmmsg read readv "
		"rt_sigtimedwait rt_sigsuspend pause io_getevents io_pgetevents io_uring_enter mq_timedreceive msgrcv restart_syscall "
		"_newselect ppoll_time64 pselect6_time64 recv recvmmsg_time64 rt_sigtimedwait_time64 sigsuspend io_pgetevents_time64 "
		"mq_timedreceive_time64" },
	{ BLOCKED_PROCESS, "wait4 waitid waitpid write writev sendto sendmsg sendmmsg connect flock fcntl semop semtimedop vfork clone clone3 "
		"mq_timedsend msgsnd splice tee vmsplice sendfile send fcntl64 sendfile64 semtimedop_time64 mq_timedsend_time64" },
	{ BLOCKED_IO, "fsync fdatasync sync syncfs msync sync_file_range" },
	{ BLOCKED_FUTEX, "futex futex_time64 futex_wait futex_waitv futex_requeue" },
};

static uint32_t architecture_of(bool compat)
{
#ifdef __x86_64__
	return compat ? SCMP_ARCH_X86 : SCMP_ARCH_NATIVE;
#else
	return compat ? SCMP_ARCH_ARM : SCMP_ARCH_NATIVE;
#endif
}

void syscalls__reasons(bool compat, unsigned char *reasons, size_t count)
{
	memset(reasons, BLOCKED_OTHER, count);
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		cleanup_free char *calls = base__copy(sleeps[i].calls);
		char *rest = calls;

		for (char *name; (name = strsep(&rest, " "));) {
			int number = seccomp_syscall_resolve_name_arch(architecture_of(compat), name);

			if (number >= 0 && (size_t)number < count)
				reasons[number] = (unsigned char)sleeps[i].reason;
		}
	}
}

char *syscalls__operation_name(uint32_t operation)
{
	bool compat = operation & OPERATION_COMPAT;
	uint32_t number = operation & ~OPERATION_COMPAT;
	const char *known = compat ? NULL : operation__name((enum operation)number);
	char *name;

	if (known)
		return base__copy(known);
	name = seccomp_syscall_resolve_num_arch(architecture_of(compat), (int)number);
	return name ? name : base__format("syscall %u", number);
}
