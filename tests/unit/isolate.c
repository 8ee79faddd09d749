// Work in children that may lose their lives, and what they are not allowed to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "isolate/isolate.h"
#include "unit/forbidden.h"

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

static int own_status = -1;

static void open_status(void *context, size_t item, struct isolate_channel *channel)
{
	(void)context;
	(void)item;
	(void)channel;
	own_status = open("/proc/self/status", O_RDONLY);
}

// What it has open it can read; the kernel says there what it is.
static int allowed_read(void)
{
	char text[4096] = "";
	const char *uid, *line;

	if (pread(own_status, text, sizeof(text) - 1, 0) <= 0 || !strstr(text, "\nNoNewPrivs:\t1") || !strstr(text, "\nSeccomp:\t2"))
		return -1;
	uid = strstr(text, "\nUid:\t");
	line = strstr(text, "\nCapPrm:\t");
	return uid && uid[6] != '0' && line && !strncmp(line + 9, "0000000000000000", 16) ? 0 : -1;
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
	struct isolate_job job = { .items = 1, .batch = 1, .prepare = open_status, .work = try_all, .receive = note_answer, .context = &answers };
	struct isolate_budget budget = budget_of(1000, 1000);

	(void)state;
	forbidden__prepare();
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

// ---- asking for files ----

enum wish { WISH_OWN, WISH_OTHER, WISH_HANGING, WISH_DEADLY, WISH_LONG, WISHES };

static int grant(void *context, size_t item, const void *request, size_t length, struct isolate_answer *answer)
{
	const enum wish *wish = request;

	(void)context;
	if (length != sizeof(*wish))
		return -EINVAL;
	switch (*wish) {
	case WISH_OWN:
		answer->length = (size_t)snprintf(answer->bytes, 32, "item %zu", item) + 1;
		return open("/proc/self/status", O_RDONLY);
	case WISH_HANGING: poll(NULL, 0, -1); return -EINTR;
	case WISH_DEADLY: _exit(1);
	default: return -EACCES;
	}
}

// Sends what became of it: 1 all is as it should be.
static void ask(void *context, size_t item, struct isolate_channel *channel)
{
	const enum wish *wishes = context;
	char bytes[ISOLATE_ANSWER_LIMIT], text[64], expected[32];
	static char much[ISOLATE_REQUEST_LIMIT + 1];
	struct isolate_answer answer = { .bytes = bytes };
	bool is_long = wishes[item] == WISH_LONG;
	cleanup_fd int fd = isolate__open(channel, is_long ? (const void *)much : &wishes[item], is_long ? sizeof(much) : sizeof(wishes[item]), &answer);
	unsigned char good = 0;

	snprintf(expected, sizeof(expected), "item %zu", item);
	switch (wishes[item]) {
	case WISH_OWN: good = fd >= 0 && read(fd, text, sizeof(text)) > 0 && answer.fd == fd && !strcmp(bytes, expected); break;
	case WISH_OTHER: good = fd == -EACCES && answer.fd == -1 && !answer.length; break;
	case WISH_DEADLY: good = fd == -EPIPE; break;
	case WISH_LONG: good = fd == -ENAMETOOLONG; break;
	default: break;
	}
	isolate__send(channel, &good, 1);
}

static void take_good(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	(void)item;
	assert_true(length == 1);
	((enum wish *)context)[item] = bytes[0] ? WISHES : WISH_HANGING;
}

static void test_files_on_request(void **state)
{
	enum wish wishes[] = { WISH_OWN, WISH_OTHER, WISH_LONG, WISH_OWN, WISH_HANGING, WISH_OWN, WISH_DEADLY };
	struct isolate_job job = { .items = ARRAY_SIZE(wishes), .batch = 16, .work = ask, .open = grant, .receive = take_good, .context = wishes };
	struct isolate_budget budget = budget_of(2000, 1000);

	(void)state;
	assert_int_equal(isolate__run(&job, &budget), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);       // no opener is left behind
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		assert_int_equal(wishes[i], i == 4 ? WISH_HANGING : WISHES);
	assert_int_equal(budget.children_lost, 1);
	assert_int_equal(budget.items_lost, 1);
}

// In a process of its own, which can't make any: all items are lost, and it is told why.
static int run_without_children(int call_error)
{
	static const enum fate fates[3] = { GOOD, GOOD, GOOD };
	static const int calls[] = { SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork) };
	struct play play = { fates, { 0 }, { 0 } };
	struct isolate_job job = { .items = 3, .batch = 2, .prepare = prepare, .work = work, .receive = receive, .lose = lose, .context = &play };
	struct isolate_budget budget = budget_of(1000, 1000);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = 0, returned;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)call_error), calls[i], 0))
			return 2;
	if (seccomp_load(filter))
		return 3;
	returned = isolate__run(&job, &budget);
	if (returned != -call_error || budget.items_lost != 3 || budget.children_lost || !play.lost[0] || !play.lost[2])
		return 4;
	return isolate__unmade(&error) == 3 && error == -call_error ? 0 : 5;
}

static void test_no_child_can_be_made(void **state)
{
	static const int errors[] = { EAGAIN, EPERM };

	(void)state;
	assert_int_equal(isolate__unmade(NULL), 0);     // whatever else is lost does not count
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		int status;
		pid_t child = fork();

		if (!child)
			_exit(run_without_children(errors[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fate), cmocka_unit_test(test_time_is_up), cmocka_unit_test(test_too_many_deaths),
		cmocka_unit_test(test_forbidden), cmocka_unit_test(test_shared_memory), cmocka_unit_test(test_files_on_request),
		cmocka_unit_test(test_no_child_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
