// What a process must not be able to do that works on strangers' files.
#ifndef WHYSTALL_TESTS_FORBIDDEN_H
#define WHYSTALL_TESTS_FORBIDDEN_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void *page;
static int own_file, elsewhere = 1;     // a descriptor that is not for the child's results

static inline void forbidden__prepare(void)
{
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own_file = open("/dev/null", O_RDWR);
	for (int i = 0; i < 10; i++)
		own_file = dup(own_file);       // beyond the numbers that the child has of its own
}

// Each returns 0 if it was done, as it must not be.
static int open_to_write(void) { return open("/tmp", O_TMPFILE | O_RDWR, 0600); }
static int create(void) { return open("/tmp/whystall-must-not-be", O_RDONLY | O_CREAT, 0600); }
static int cut(void) { return open("/proc/self/comm", O_RDONLY | O_TRUNC); }
static int open_writable(void) { return open("/proc/self/comm", O_WRONLY); }
static int write_elsewhere(void) { return (int)write(elsewhere, "x", 1); }
static int make_process(void) { return fork(); }
static int reach_network(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static int send_signal(void) { return kill(getppid(), 0); }
static int trace(void) { return (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0); }
static int make_executable(void) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static int turn_executable(void) { return mprotect(page, 4096, PROT_READ | PROT_EXEC); }
static int delete_file(void) { return unlink("/tmp/whystall-nothing"); }
static int inherit(void) { return fcntl(own_file, F_GETFD) >= 0 ? 0 : -1; }
static int own_signals(void) { return fcntl(0, F_SETOWN, 1); }
static int read_memory(void) { return open("/proc/1/mem", O_RDONLY); }
static int read_passwords(void) { return open("/etc/shadow", O_RDONLY); }
static int read_anything(void) { return open("/proc/self/status", O_RDONLY); }
static int look_around(void) { return open("/", O_PATH | O_DIRECTORY); }
static int take_back(void) { return setresuid(0, 0, 0); }
static int run_program(void) { char word[] = "true", *words[] = { word, NULL }; return execve("/bin/true", words, NULL); }
static int reach_server(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static int peek(void) { char byte; struct iovec part = { &byte, 1 }; return (int)process_vm_readv(getppid(), &part, 1, &part, 1, 0); }
static int load_probe(void) { return (int)syscall(SYS_bpf, 0, NULL, 0); }
static int rename_file(void) { return rename("/tmp/whystall-nothing", "/tmp/whystall-must-not-be"); }

static const struct { const char *name; int (*attempt)(void); } forbidden[] = {
	{ "open_to_write", open_to_write }, { "create", create }, { "cut", cut }, { "open_writable", open_writable },
	{ "write_elsewhere", write_elsewhere }, { "make_process", make_process }, { "reach_network", reach_network },
	{ "send_signal", send_signal }, { "trace", trace }, { "make_executable", make_executable }, { "turn_executable", turn_executable },
	{ "delete_file", delete_file }, { "inherit", inherit }, { "own_signals", own_signals }, { "read_memory", read_memory },
	{ "read_passwords", read_passwords }, { "read_anything", read_anything }, { "look_around", look_around }, { "take_back", take_back },
	{ "run_program", run_program }, { "reach_server", reach_server }, { "peek", peek }, { "load_probe", load_probe }, { "rename_file", rename_file },
};

#endif
