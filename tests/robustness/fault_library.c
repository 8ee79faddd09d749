// For LD_PRELOAD: one call of one kind fails, the n-th; all are counted. tests/robustness/faults.py says what for and reads the counts.
//   WHYSTALL_FAULT=KIND:PROCESS:NUMBER:ERRNO   PROCESS: main, or child for all that are forked from it, counted together; NUMBER 0: none fails
//   WHYSTALL_FAULT_COUNTS=PATH                 a file of COUNTS_BYTES, where the counts go
//   WHYSTALL_FAULT_SITES=1                     notes which calls are the first ones from their place (their callers, DEPTH of them)
// What the C library calls inside itself is not seen, but for memory: output through stdio is faults.test's with /dev/full.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind {
	MEMORY, OPEN, READ, WRITE, SYNC, NAME, FORK, PIPE, MAP, MESSAGE, THREAD, LOAD, MAPS, ATTACH, PERF, DESCRIPTOR, CLOSE, OTHER, KINDS
};

static const char *const names[KINDS] = {
	"memory", "open", "read", "write", "sync", "name", "fork", "pipe", "map", "message", "thread", "load", "maps", "attach", "perf", "descriptor",
	"close", "other"
};

#define DEPTH 10
#define PLACE_DEPTH 24
#define PLACE_BYTES 2048
#define SITES (1 << 16)
#define COUNTS_BYTES (1 << 20)

struct counts {
	uint64_t calls[2][KINDS], failed;
	char place[PLACE_BYTES];                // of the call that failed: its callers as FILE+OFFSET, one a line
	uint64_t noted, notes[SITES / 2];       // of the first calls: number << 16 | process << 8 | kind
	uint64_t sites[SITES];
};
_Static_assert(sizeof(struct counts) <= COUNTS_BYTES, "it fits");

static struct counts unshared, *counts = &unshared;
static int fail_kind = -1, fail_child, fail_errno;
static uint64_t fail_number;
static bool by_site, begun;
static pid_t first;
static __thread bool inside;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static void begin(void)
{
	char text[128], *kind, *process, *number, *reason, *rest;
	const char *plan = getenv("WHYSTALL_FAULT"), *path = getenv("WHYSTALL_FAULT_COUNTS");
	void *stack[4];
	int fd;

	first = getpid();
	by_site = getenv("WHYSTALL_FAULT_SITES");
	backtrace(stack, 4);            // what it needs is loaded now
	fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
	if (fd >= 0) {
		void *memory = mmap(NULL, COUNTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		counts = memory == MAP_FAILED ? counts : memory;
		syscall(SYS_close, fd);
	}
	if (plan && strlen(plan) < sizeof(text)) {
		strcpy(text, plan);
		kind = strtok_r(text, ":", &rest);
		process = strtok_r(NULL, ":", &rest);
		number = strtok_r(NULL, ":", &rest);
		reason = strtok_r(NULL, ":", &rest);
		for (int i = 0; reason && i < KINDS; i++)
			if (!strcmp(names[i], kind))
				fail_kind = i;
		fail_child = process && !strcmp(process, "child");
		fail_number = number ? strtoull(number, NULL, 10) : 0;
		fail_errno = reason ? atoi(reason) : 0;
	}
	if (!getenv("WHYSTALL_FAULT_KEEP"))     // for valgrind, which starts the program
		unsetenv("LD_PRELOAD");         // the commands that it runs are none of ours
}

__attribute__((constructor)) static void construct(void)
{
	inside = true;
	begin();
	inside = false;
	begun = true;
}

// Whether it is the first call from where it is called.
static bool is_first(enum kind kind, bool child)
{
	void *stack[DEPTH];
	uint64_t hash = 14695981039346656037ULL ^ (uint64_t)kind * 2 ^ child, seen = 0;
	int depth;

	inside = true;
	depth = backtrace(stack, DEPTH);
	inside = false;
	for (int i = 0; i < depth; i++)
		hash = (hash ^ (uint64_t)(uintptr_t)stack[i]) * 1099511628211ULL;
	hash |= 1;
	for (uint64_t i = hash >> 20; ; i++, seen = 0) {
		if (__atomic_compare_exchange_n(&counts->sites[i % SITES], &seen, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (seen == hash)
			return false;
	}
}

static void note_place(void)
{
	void *stack[PLACE_DEPTH];
	size_t used = 0;
	Dl_info info;
	int depth;

	inside = true;
	depth = backtrace(stack, PLACE_DEPTH);
	for (int i = 2; i < depth && used < PLACE_BYTES; i++)
		if (dladdr(stack[i], &info))
			used += (size_t)snprintf(counts->place + used, PLACE_BYTES - used, "%s+0x%lx\n", strrchr(info.dli_fname, '/') ?: info.dli_fname,
						 (unsigned long)((char *)stack[i] - (char *)info.dli_fbase) - 1);
	inside = false;
}

// Counts a call; whether it has to fail, with errno.
static bool fails(enum kind kind)
{
	bool child;
	uint64_t number;

	if (!begun || inside)
		return false;
	child = getpid() != first;
	number = __atomic_add_fetch(&counts->calls[child][kind], 1, __ATOMIC_RELAXED);
	if (by_site && is_first(kind, child)) {
		uint64_t note = __atomic_fetch_add(&counts->noted, 1, __ATOMIC_RELAXED);

		if (note < SITES / 2)
			counts->notes[note] = number << 16 | (uint64_t)child << 8 | (uint64_t)kind;
	}
	if ((int)kind != fail_kind || child != fail_child || number != fail_number)
		return false;
	__atomic_add_fetch(&counts->failed, 1, __ATOMIC_RELAXED);
	note_place();
	errno = fail_errno;
	return true;
}

static void *real(const char *name)
{
	bool before = inside;
	void *found;

	inside = true;
	found = dlsym(RTLD_NEXT, name);
	inside = before;
	return found;
}

#define REAL(name) ({ static __typeof__(&name) found; if (!found) found = real(#name); found; })
// A function that fails with `failed`, else does what it does.
#define WRAP(kind, result, failed, name, parameters, arguments) \
	result name parameters { return fails(kind) ? (failed) : REAL(name) arguments; }

void *malloc(size_t size) { return fails(MEMORY) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails(MEMORY) ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return fails(MEMORY) ? NULL : __libc_realloc(old, size); }

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wnonnull-compare"

static int mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(list, int) : 0;
}

#define WRAP_OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list list; va_start(list, flags); int mode = mode_of(flags, list); va_end(list); \
		return fails(OPEN) ? -1 : REAL(name)(path, flags, mode); \
	}
#define WRAP_OPENAT(name) \
	int name(int directory, const char *path, int flags, ...) \
	{ \
		va_list list; va_start(list, flags); int mode = mode_of(flags, list); va_end(list); \
		return fails(OPEN) ? -1 : REAL(name)(directory, path, flags, mode); \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
WRAP(OPEN, int, -1, __open_2, (const char *path, int flags), (path, flags))
WRAP(OPEN, int, -1, __open64_2, (const char *path, int flags), (path, flags))
WRAP(OPEN, int, -1, __openat_2, (int directory, const char *path, int flags), (directory, path, flags))
WRAP(OPEN, int, -1, __openat64_2, (int directory, const char *path, int flags), (directory, path, flags))
WRAP(OPEN, FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
WRAP(OPEN, FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode))
WRAP(OPEN, FILE *, NULL, fdopen, (int fd, const char *mode), (fd, mode))
WRAP(OPEN, DIR *, NULL, opendir, (const char *path), (path))
WRAP(OPEN, DIR *, NULL, fdopendir, (int fd), (fd))

ssize_t __read_chk(int fd, void *bytes, size_t length, size_t size);
ssize_t __pread_chk(int fd, void *bytes, size_t length, off_t offset, size_t size);
ssize_t __pread64_chk(int fd, void *bytes, size_t length, off64_t offset, size_t size);
WRAP(READ, ssize_t, -1, read, (int fd, void *bytes, size_t length), (fd, bytes, length))
WRAP(READ, ssize_t, -1, pread, (int fd, void *bytes, size_t length, off_t offset), (fd, bytes, length, offset))
WRAP(READ, ssize_t, -1, pread64, (int fd, void *bytes, size_t length, off64_t offset), (fd, bytes, length, offset))
WRAP(READ, ssize_t, -1, __read_chk, (int fd, void *bytes, size_t length, size_t size), (fd, bytes, length, size))
WRAP(READ, ssize_t, -1, __pread_chk, (int fd, void *bytes, size_t length, off_t offset, size_t size), (fd, bytes, length, offset, size))
WRAP(READ, ssize_t, -1, __pread64_chk, (int fd, void *bytes, size_t length, off64_t offset, size_t size), (fd, bytes, length, offset, size))
WRAP(READ, ssize_t, -1, getline, (char **line, size_t *size, FILE *file), (line, size, file))
WRAP(READ, ssize_t, -1, readlinkat, (int directory, const char *path, char *bytes, size_t length), (directory, path, bytes, length))
WRAP(READ, ssize_t, -1, readlink, (const char *path, char *bytes, size_t length), (path, bytes, length))
WRAP(READ, struct dirent *, NULL, readdir, (DIR *directory), (directory))

WRAP(WRITE, ssize_t, -1, write, (int fd, const void *bytes, size_t length), (fd, bytes, length))
WRAP(WRITE, ssize_t, -1, pwrite, (int fd, const void *bytes, size_t length, off_t offset), (fd, bytes, length, offset))

WRAP(SYNC, int, -1, fsync, (int fd), (fd))
WRAP(NAME, int, -1, renameat, (int one, const char *from, int other, const char *to), (one, from, other, to))
WRAP(NAME, int, -1, linkat, (int one, const char *from, int other, const char *to, int flags), (one, from, other, to, flags))
WRAP(NAME, int, -1, unlinkat, (int directory, const char *path, int flags), (directory, path, flags))

WRAP(FORK, pid_t, -1, fork, (void), ())
WRAP(PIPE, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(PIPE, int, -1, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends))
WRAP(PIPE, int, -1, epoll_create1, (int flags), (flags))
WRAP(PIPE, int, -1, eventfd, (unsigned count, int flags), (count, flags))
WRAP(MESSAGE, ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP(MESSAGE, ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(MESSAGE, ssize_t, -1, send, (int fd, const void *bytes, size_t length, int flags), (fd, bytes, length, flags))
WRAP(MESSAGE, ssize_t, -1, recv, (int fd, void *bytes, size_t length, int flags), (fd, bytes, length, flags))

WRAP(MAP, void *, MAP_FAILED, mmap, (void *place, size_t length, int rights, int flags, int fd, off_t offset), (place, length, rights, flags, fd, offset))
WRAP(MAP, void *, MAP_FAILED, mmap64, (void *place, size_t length, int rights, int flags, int fd, off64_t offset), (place, length, rights, flags, fd, offset))

// A child that unmaps all that is shared keeps our counts.
int munmap(void *place, size_t length)
{
	return place == (void *)counts && begun ? 0 : REAL(munmap)(place, length);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	return fails(THREAD) ? fail_errno : REAL(pthread_create)(thread, attributes, run, argument);
}

WRAP(DESCRIPTOR, int, -1, dup, (int fd), (fd))
WRAP(DESCRIPTOR, int, -1, dup2, (int fd, int to), (fd, to))

// It is closed all the same, as Linux does.
int close(int fd)
{
	int status = REAL(close)(fd);

	return fails(CLOSE) ? -1 : status;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (request == PERF_EVENT_IOC_SET_BPF || request == PERF_EVENT_IOC_ENABLE)
		return fails(ATTACH) ? -1 : REAL(ioctl)(fd, request, argument);
	return fails(OTHER) ? -1 : REAL(ioctl)(fd, request, argument);
}

// libseccomp 2.5 crashes where it gets no memory (src/isolate/sandbox.c takes care that it does): it fails as a whole.
typedef void *filter;
filter seccomp_init(uint32_t action);
int seccomp_rule_add_array(filter filter, uint32_t action, int call, unsigned count, const void *conditions);
int seccomp_load(filter filter);

#define UNSEEN(result, call) ({ bool before = inside; inside = true; result done = call; inside = before; done; })
filter seccomp_init(uint32_t action)
{
	return fails(OTHER) ? NULL : UNSEEN(filter, REAL(seccomp_init)(action));
}

int seccomp_rule_add_array(filter filter, uint32_t action, int call, unsigned count, const void *conditions)
{
	return fails(OTHER) ? -fail_errno : UNSEEN(int, REAL(seccomp_rule_add_array)(filter, action, call, count, conditions));
}

int seccomp_load(filter filter)
{
	return fails(OTHER) ? -fail_errno : UNSEEN(int, REAL(seccomp_load)(filter));
}

static enum kind kind_of(long number, long argument)
{
	if (number == SYS_perf_event_open)
		return PERF;
	if (number == SYS_clone || number == SYS_clone3)
		return FORK;
	if (number == SYS_openat2)
		return OPEN;
	if (number != SYS_bpf)
		return OTHER;
	switch (argument) {
	case BPF_PROG_LOAD:
	case BPF_MAP_CREATE:
	case BPF_BTF_LOAD:
		return LOAD;
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_ENABLE_STATS:
		return ATTACH;
	default:
		return MAPS;
	}
}

long syscall(long number, ...)
{
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (fails(kind_of(number, a[0])))
		return -1;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
