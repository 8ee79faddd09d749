// Programs that know what they do with the CPU, for tests/live/samples.test and tests/bench.
//  sample_load mix PERCENT     user code for PERCENT of the CPU time, reads of /dev/zero for the rest, in turns of about 10 ms
//  sample_load churn           maps 4 MiB, touches them and unmaps them, over and over
//  sample_load stolen MS       how much of MS milliseconds of a busy CPU went to interrupts: gaps in the time stamps of a tight loop
// The first two run until SIGTERM, and then print what they did: "user=NS system=NS", by their own clock (mix) or by getrusage (churn).
#include <signal.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TURN_NS 10000000
#define BYTES (4 << 20)
// Gaps that are the clock's own, and those in which another task or the host ran, are no interrupts.
#define GAP_NS 400
#define GAP_MOST_NS 50000

static volatile sig_atomic_t ended;

static void on_end(int signal)
{
	(void)signal;
	ended = 1;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void spin(long rounds)
{
	volatile long sum = 0;

	for (long i = 0; i < rounds; i++)
		sum += i;
}

// The clock is read seldom: reading CPU time is a system call, too.
static void mix(int percent)
{
	static char buffer[256 << 10];
	int64_t user_ns = 0, system_ns = 0, then = now_ns(CLOCK_THREAD_CPUTIME_ID);
	int zero = open("/dev/zero", O_RDONLY);

	while (!ended) {
		int64_t until = then + (int64_t)TURN_NS * percent / 100, now;

		while ((now = now_ns(CLOCK_THREAD_CPUTIME_ID)) < until)
			spin(200000);
		user_ns += now - then;
		then = now;
		until = then + (int64_t)TURN_NS * (100 - percent) / 100;
		do {
			for (int i = 0; i < 8; i++)
				if (read(zero, buffer, sizeof(buffer)) < 0)
					exit(1);
			now = now_ns(CLOCK_THREAD_CPUTIME_ID);
		} while (now < until);
		system_ns += now - then;
		then = now;
	}
	printf("user=%lld system=%lld\n", (long long)user_ns, (long long)system_ns);
}

static void churn(void)
{
	struct rusage usage;

	while (!ended) {
		volatile char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			exit(1);
		for (size_t at = 0; at < BYTES; at += 4096)
			memory[at] = 1;
		munmap((void *)memory, BYTES);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("user=%lld system=%lld\n", usage.ru_utime.tv_sec * 1000000000LL + usage.ru_utime.tv_usec * 1000LL,
	       usage.ru_stime.tv_sec * 1000000000LL + usage.ru_stime.tv_usec * 1000LL);
}

static void stolen(long milliseconds)
{
	int64_t began = now_ns(CLOCK_MONOTONIC), then = began, lost = 0, others = 0, gaps = 0;

	while (then < began + milliseconds * 1000000) {
		int64_t now = now_ns(CLOCK_MONOTONIC), gap = now - then;

		if (gap > GAP_MOST_NS) {
			others += gap;
		} else if (gap > GAP_NS) {
			lost += gap;
			gaps++;
		}
		then = now;
	}
	// of the time that was its own
	printf("%lld %lld %lld\n", (long long)lost, (long long)gaps, (long long)(then - began - others));
}

int main(int argc, char **argv)
{
	signal(SIGTERM, on_end);
	if (argc == 3 && !strcmp(argv[1], "mix"))
		mix(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "churn"))
		churn();
	else if (argc == 3 && !strcmp(argv[1], "stolen"))
		stolen(atol(argv[2]));
	else
		return 1;
	return 0;
}
