// Work in children that may lose their lives, and what they are not allowed to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "symbolize/isolate.h"

enum fate { GOOD, CRASH, LEAVE, SPIN, EAT, HANG_EARLY, FATES };

struct play {
	const enum fate *fates;
	int received[64];               // messages for each item
	int lost[64];                   // 1 + the loss
};

static void prepare(void *context, size_t item, struct isolate_channel *channel)
{
	struct play *play = context;

	isolate__send(channel, "prepared", 8);
	if (play->fates[item] == HANG_EARLY)
		pause();
}

static void work(void *context, size_t item, struct isolate_channel *channel)
{
	struct play *play = context;
	volatile char *volatile nowhere = NULL;

	isolate__send(channel, "worked", 6);
	switch (play->fates[item]) {
	case CRASH: *nowhere = 1; break;
	case LEAVE: _exit(0);
	case SPIN: for (;;) __asm__ volatile(""); break;
	case EAT: for (;;) memset(base__alloc(1, 1 << 24), 1, 1 << 24); break;
	default: break;
	}
}

static void receive(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	(void)bytes;
	((struct play *)context)->received[item] += length == 6;
}

static void lose(void *context, size_t item, enum isolate_loss loss)
{
	((struct play *)context)->lost[item] = 1 + (int)loss;
}

static struct isolate_budget budget_of(int64_t cpu_ms, int64_t child_cpu_ms)
{
	return (struct isolate_budget){ .cpu_ns = cpu_ms * (int64_t)NS_PER_MSEC, .child_cpu_ns = child_cpu_ms * (int64_t)NS_PER_MSEC,
		.wall_ns = 20 * (int64_t)NS_PER_SEC, .item_wall_ns = 500 * (int64_t)NS_PER_MSEC, .memory_bytes = 64 << 20 };
}

static void run(struct play *play, size_t items, size_t batch, struct isolate_budget *budget)
{
	struct isolate_job job = { .items = items, .batch = batch, .prepare = prepare, .work = work, .receive = receive, .lose = lose, .context = play };

	assert_int_equal(isolate__run(&job, budget), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);       // nobody is left behind
}

static void test_each_fate(void **state)
{
	static const enum fate fates[] = { GOOD, CRASH, GOOD, LEAVE, GOOD, SPIN, GOOD, EAT, GOOD, HANG_EARLY, GOOD };

	(void)state;
	for (size_t batch = 1; batch <= 16; batch *= 4) {
		struct play play = { .fates = fates };
		struct isolate_budget budget = budget_of(4000, 200);

		run(&play, ARRAY_SIZE(fates), batch, &budget);
		for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
			assert_int_equal(play.lost[i], fates[i] == GOOD ? 0 : fates[i] == HANG_EARLY ? 1 + ISOLATE_STUCK : 1 + ISOLATE_DIED);
			if (fates[i] == GOOD)
				assert_int_equal(play.received[i], 1);
		}
		assert_int_equal(budget.children_lost, 5);
		assert_true(budget.cpu_ns < 3850 * (int64_t)NS_PER_MSEC && budget.cpu_ns > 0);
	}
}

static void test_time_is_up(void **state)
{
	static const enum fate fates[] = { GOOD, SPIN, GOOD };
	struct play play = { .fates = fates };
	struct isolate_budget budget = budget_of(100, 1000);

	(void)state;
	run(&play, ARRAY_SIZE(fates), 8, &budget);
	assert_int_equal(play.lost[0], 0);
	assert_int_equal(play.lost[1], 1 + ISOLATE_LATE);
	assert_int_equal(play.lost[2], 1 + ISOLATE_LATE);
	budget = budget_of(1000, 1000);
	budget.wall_ns = 200 * (int64_t)NS_PER_MSEC;
	memset(play.lost, 0, sizeof(play.lost));
	run(&play, ARRAY_SIZE(fates), 1, &budget);
	assert_int_equal(play.lost[1], 1 + ISOLATE_LATE);
	assert_int_equal(play.lost[2], 1 + ISOLATE_LATE);
	// Silent for longer than is allowed, but not asleep.
	budget = budget_of(20000, 20000);
	budget.wall_ns = 1200 * (int64_t)NS_PER_MSEC;
	memset(play.lost, 0, sizeof(play.lost));
	run(&play, ARRAY_SIZE(fates), 1, &budget);
	assert_int_equal(play.lost[1], 1 + ISOLATE_LATE);
}

static void test_too_many_deaths(void **state)
{
	enum fate fates[40];
	struct play play = { .fates = fates };
	struct isolate_budget budget = budget_of(4000, 1000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++)
		fates[i] = CRASH;
	run(&play, ARRAY_SIZE(fates), 8, &budget);
	assert_int_equal(budget.children_lost, 16);
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++)
		assert_int_equal(play.lost[i], 1 + ISOLATE_DIED);
}

static void *page;
static int own_file;

// Each returns 0 if it was done, as it must not be.
static int open_to_write(void) { return open("/tmp", O_TMPFILE | O_RDWR, 0600); }
static int create(void) { return open("/tmp/whystall-must-not-be", O_RDONLY | O_CREAT, 0600); }
static int cut(void) { return open("/proc/self/comm", O_RDONLY | O_TRUNC); }
static int open_writable(void) { return open("/proc/self/comm", O_WRONLY); }
static int write_elsewhere(void) { return (int)write(1, "x", 1); }
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

static const struct { const char *name; int (*attempt)(void); } forbidden[] = {
	{ "open_to_write", open_to_write }, { "create", create }, { "cut", cut }, { "open_writable", open_writable },
	{ "write_elsewhere", write_elsewhere }, { "make_process", make_process }, { "reach_network", reach_network },
	{ "send_signal", send_signal }, { "trace", trace }, { "make_executable", make_executable }, { "turn_executable", turn_executable },
	{ "delete_file", delete_file }, { "inherit", inherit }, { "own_signals", own_signals }, { "read_memory", read_memory },
};

static int allowed_read(void)
{
	char byte;
	int fd = open("/proc/self/status", O_RDONLY);

	return fd >= 0 && read(fd, &byte, 1) == 1 && !close(fd) ? 0 : -1;
}

static void try_all(void *context, size_t item, struct isolate_channel *channel)
{
	(void)context;
	(void)item;
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		unsigned char done = forbidden[i].attempt() >= 0;

		isolate__send(channel, &done, 1);
	}
	isolate__send(channel, &(unsigned char){ allowed_read() == 0 }, 1);
}

struct answers { size_t count; unsigned char done[64]; };

static void note_answer(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct answers *answers = context;

	(void)item;
	assert_int_equal(length, 1);
	answers->done[answers->count++] = bytes[0];
}

static void test_forbidden(void **state)
{
	struct answers answers = { 0 };
	struct isolate_job job = { .items = 1, .batch = 1, .work = try_all, .receive = note_answer, .context = &answers };
	struct isolate_budget budget = budget_of(1000, 1000);

	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own_file = open("/dev/null", O_RDWR);
	for (int i = 0; i < 10; i++)
		own_file = dup(own_file);       // beyond the numbers that the child has of its own
	assert_int_equal(isolate__run(&job, &budget), 0);
	assert_int_equal(answers.count, ARRAY_SIZE(forbidden) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (answers.done[i])
			fail_msg("a child could %s", forbidden[i].name);
	assert_true(answers.done[ARRAY_SIZE(forbidden)]);
}

// What the parent shares with the kernel is not the child's.
static void touch_shared(void *context, size_t item, struct isolate_channel *channel)
{
	(void)item;
	(void)channel;
	((volatile char *)context)[0] = 1;
}

static void test_shared_memory(void **state)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct isolate_job job = { .items = 1, .batch = 1, .work = touch_shared, .context = shared };
	struct isolate_budget budget = budget_of(1000, 1000);

	(void)state;
	assert_int_equal(isolate__run(&job, &budget), 0);
	assert_int_equal(budget.children_lost, 1);
	assert_int_equal(shared[0], 0);
	munmap(shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fate), cmocka_unit_test(test_time_is_up), cmocka_unit_test(test_too_many_deaths),
		cmocka_unit_test(test_forbidden), cmocka_unit_test(test_shared_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
