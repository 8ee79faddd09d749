// One task of a mixture (tests/shares): it is pinned to a CPU and does one thing until it is killed, so that the kernel's files tell what the
// mixture is made of. Usage: share_load MODE CPU [ARGUMENT…]
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_US 300            // life of a child of `fork`
#define MAPPING (4ul << 20)
#define BLOCK 4096ul

static int64_t now_us(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * 1000000ll + time.tv_nsec / 1000;
}

static void spin_us(int64_t duration)
{
	for (int64_t end = now_us(CLOCK_MONOTONIC) + duration; now_us(CLOCK_MONOTONIC) < end;)
		;
}

static uint64_t next_random(uint64_t random)
{
	return random * 6364136223846793005ull + 1442695040888963407ull;
}

// Where the block begins that a random number stands for.
static off_t block_at(uint64_t random, off_t blocks)
{
	return (off_t)((random >> 33) % (uint64_t)blocks * BLOCK);
}

// Computes without end.
static void spin(char **arguments)
{
	(void)arguments;
	for (volatile unsigned long turns = 0;; turns++)
		;
}

// Computes in the first ON_US of each PERIOD_US of the clock: all such tasks at the same time.
static void burst(char **arguments)
{
	int64_t on = atoll(arguments[0]), period = atoll(arguments[1]);
	for (;;) {
		int64_t phase = now_us(CLOCK_MONOTONIC) % period;
		if (phase < on)
			spin_us(on - phase);
		else
			usleep((useconds_t)(period - phase));
	}
}

// The same in the class SCHED_FIFO.
static void fifo(char **arguments)
{
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }) < 0)
		exit(1);
	burst(arguments);
}

// Creates one child after the other, each of which lives for CHILD_US.
static void fork_children(char **arguments)
{
	(void)arguments;
	for (;;) {
		pid_t child = fork();
		if (child == 0) {
			spin_us(CHILD_US);
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			exit(1);
	}
}

// Maps, touches and unmaps.
static void map(char **arguments)
{
	(void)arguments;
	for (;;) {
		char *memory = mmap(NULL, MAPPING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			exit(1);
		for (size_t at = 0; at < MAPPING; at += BLOCK)
			memory[at] = 1;
		munmap(memory, MAPPING);
	}
}

// Writes a block of FILE, syncs it, again. The file has all its blocks, so that no journal has to commit.
static void sync_writes(char **arguments)
{
	char block[BLOCK] = "x";
	int fd = open(arguments[0], O_WRONLY);
	while (fd >= 0 && pwrite(fd, block, BLOCK, 0) == (ssize_t)BLOCK && fdatasync(fd) == 0)
		;
	exit(1);
}

// Reads or writes blocks of FILE past the page cache, and computes for THINK_US after each.
static void direct(char **arguments, int flags)
{
	int64_t think = atoll(arguments[1]);
	int fd = open(arguments[0], flags | O_DIRECT);
	off_t blocks = fd < 0 ? 0 : lseek(fd, 0, SEEK_END) / (off_t)BLOCK;
	void *block = aligned_alloc(BLOCK, BLOCK);
	if (blocks < 1 || !block)
		exit(1);
	for (uint64_t random = 1;; random = next_random(random)) {
		off_t at = block_at(random, blocks);
		ssize_t done = flags == O_RDONLY ? pread(fd, block, BLOCK, at) : pwrite(fd, block, BLOCK, at);
		if (done != (ssize_t)BLOCK)
			exit(1);
		spin_us(think);
	}
}

static void direct_reads(char **arguments)
{
	direct(arguments, O_RDONLY);
}

static void direct_writes(char **arguments)
{
	direct(arguments, O_WRONLY);
}

// Reads all of FILE through the page cache, then blocks of it at random, one at a time: each has been read before.
static void reread(char **arguments)
{
	static char buffer[BLOCK];
	int fd = open(arguments[0], O_RDONLY);
	off_t blocks = fd < 0 ? 0 : lseek(fd, 0, SEEK_END) / (off_t)BLOCK;
	if (blocks < 1 || lseek(fd, 0, SEEK_SET) < 0)
		exit(1);
	// Page by page: what was read as a large folio leaves no trace of being dropped for each of its pages (Linux 6.18).
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	while (read(fd, buffer, BLOCK) > 0)
		;
	for (uint64_t random = 1; pread(fd, buffer, BLOCK, block_at(random, blocks)) == (ssize_t)BLOCK;)
		random = next_random(random);
	exit(1);
}

static const struct mode { const char *name; int arguments; void (*run)(char **arguments); } MODES[] = {
	{ "spin", 0, spin }, { "burst", 2, burst }, { "fifo", 2, fifo }, { "fork", 0, fork_children }, { "map", 0, map },
	{ "sync", 1, sync_writes }, { "read", 2, direct_reads }, { "write", 2, direct_writes }, { "reread", 1, reread },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(MODES) / sizeof(MODES[0]); i++) {
		if (strcmp(argv[1], MODES[i].name) || argc != 3 + MODES[i].arguments)
			continue;
		cpu_set_t mask;
		CPU_ZERO(&mask);
		CPU_SET(atoi(argv[2]), &mask);
		if (sched_setaffinity(0, sizeof(mask), &mask) < 0)
			return 1;
		// Each mode is a program of its own, as it would be elsewhere.
		char name[16];
		snprintf(name, sizeof(name), "share-%s", argv[1]);
		prctl(PR_SET_NAME, name);
		MODES[i].run(argv + 3);
	}
	fprintf(stderr, "share_load: a part of tests/shares, started by it\n");
	return 1;
}
