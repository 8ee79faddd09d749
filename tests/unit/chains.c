// Chains of wake-ups from hand-made waits: a lock's holder that waits for a disk, a cycle, gaps, other processes.
#include "unit/stage_futexes.h"

#include <math.h>

#include "ledger/chains.h"

#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-9)) \
		fail_msg(#value " is %.12f, not %.12f", value_, expected_); \
} while (0)

static struct sleep_event_row *sleeps(struct stage *stage, int64_t process, int64_t tid, const char *reason, const char *operation, int64_t from_ms,
				      int64_t to_ms)
{
	struct sleep_event_row *row = recording__add_sleep_event(stage->recording);
	*row = (struct sleep_event_row){ .time_ns = to_ms * STAGE_MS, .process = process, .tid = tid, .name = base__format("thread-%lld", (long long)tid),
					 .reason = base__copy(reason), .operation = base__copy(operation), .ns = (to_ms - from_ms) * STAGE_MS,
					 .waker_kind = base__copy("") };
	return row;
}

static void woken_by(struct sleep_event_row *row, const char *kind, int64_t process, int64_t tid)
{
	stage__set(&row->waker_kind, kind);
	row->waker = process;
	row->waker_tid = tid;
}

// A lock that threads of `process` may wait for up to `longest_ms`.
static void has_lock(struct stage *stage, int64_t process, int64_t longest_ms)
{
	struct futex_row *row = stage__futex(stage, process, 0x7f0000001000, STAGE_MUTEX, 100, 10 * longest_ms);
	row->expected_two = row->wakes = 100;
	row->wait_max_ns = longest_ms * STAGE_MS;
}

static const struct chain *only_chain(struct stage *stage)
{
	assert_int_equal(ledger__build(stage->recording, &stage->ledger), 0);
	assert_int_equal(stage->ledger->chains.count, 1);
	return &stage->ledger->chains.chains[0];
}

// A request waits 100 ms for a lock; its holder waits for the last 80 of these for a commit, which another process makes; that one waits for
// a disk for 70.
static void test_a_lock_whose_holder_waits_for_a_commit(void **state)
{
	struct stage stage = stage__new(0);
	int64_t server = stage__process(&stage, "server", 100, 0, 0, 0), writer = stage__process(&stage, "committer", 200, 0, 0, 0);
	(void)state;
	has_lock(&stage, server, 100);
	woken_by(sleeps(&stage, server, 101, "futex", "futex", 1000, 1100), "task", server, 102);
	woken_by(sleeps(&stage, server, 102, "other", "fsync", 1020, 1100), "task", writer, 200);
	struct sleep_event_row *disk = sleeps(&stage, writer, 200, "io", "pwrite64", 1025, 1095);
	woken_by(disk, "block", 0, 0);
	disk->device = base__copy("254:0");
	struct device_row *device = recording__add_device(stage.recording);
	*device = (struct device_row){ .number = base__copy("254:0"), .name = base__copy("vda"), .kind = base__copy("virtio") };
	// A wait of the same thread that has nothing to do with it.
	woken_by(sleeps(&stage, server, 102, "other", "fsync", 500, 600), "hardirq", 0, 0);
	stage.recording->sleep_event[3].ns = 15 * STAGE_MS;
	const struct chain *chain = only_chain(&stage);
	assert_int_equal(chain->count, 3);
	assert_near(chain->seconds, 0.1);
	assert_int_equal(chain->links[0].tid, 101);
	assert_string_equal(chain->links[0].what, "a lock or signal of the program");
	assert_int_equal(chain->links[1].tid, 102);
	assert_near(chain->links[1].seconds, 0.08);
	assert_int_equal(chain->links[2].process, writer);
	assert_near(chain->links[2].seconds, 0.07);
	assert_int_equal(chain->end, CHAIN_END_DEVICE);
	cleanup_free char *end = chain__end_words(stage.recording, chain);
	assert_says(end, "vda");
	stage__free(&stage);
}

static void test_a_waker_without_a_cpu(void **state)
{
	struct stage stage = stage__new(0);
	int64_t server = stage__process(&stage, "server", 100, 0, 0, 0), hog = stage__process(&stage, "hog", 200, 0, 0, 0);
	(void)state;
	has_lock(&stage, server, 50);
	woken_by(sleeps(&stage, server, 101, "futex", "futex", 1000, 1050), "task", server, 102);
	*recording__add_event(stage.recording) = (struct event_row){ .time_ns = 1045 * STAGE_MS, .process = server, .tid = 102,
		.name = base__copy("keeper"), .wait_ns = 40 * STAGE_MS, .kind = OCCUPANT_TASK, .culprit = hog };
	const struct chain *chain = only_chain(&stage);
	assert_int_equal(chain->count, 2);
	assert_string_equal(chain->links[1].what, "a CPU");
	assert_near(chain->links[1].seconds, 0.04);
	assert_int_equal(chain->end, CHAIN_END_CPU);
	assert_int_equal(chain->occupant_process, hog);
	stage__free(&stage);
}

// What explains less than a fifth of the wait does not lead on; nor do other threads' waits.
static void test_a_waker_that_hardly_waited(void **state)
{
	struct stage stage = stage__new(0);
	int64_t server = stage__process(&stage, "server", 100, 0, 0, 0);
	(void)state;
	has_lock(&stage, server, 100);
	woken_by(sleeps(&stage, server, 101, "futex", "futex", 1000, 1100), "task", server, 102);
	woken_by(sleeps(&stage, server, 102, "io", "read", 1000, 1019), "block", 0, 0);
	woken_by(sleeps(&stage, server, 103, "io", "read", 1000, 1019), "block", 0, 0);
	const struct chain *chain = only_chain(&stage);
	assert_int_equal(chain->count, 2);
	assert_int_equal(chain->end, CHAIN_END_AWAKE);
	assert_string_equal(chain->links[1].what, "running");
	stage__free(&stage);
}

static void test_cycles_and_depth_are_cut(void **state)
{
	struct stage stage = stage__new(0);
	int64_t server = stage__process(&stage, "server", 100, 0, 0, 0);
	(void)state;
	has_lock(&stage, server, 100);
	woken_by(sleeps(&stage, server, 101, "futex", "futex", 1000, 1100), "task", server, 102);
	woken_by(sleeps(&stage, server, 102, "futex", "futex", 1000, 1095), "task", server, 101);
	const struct chain *chain = only_chain(&stage);
	assert_int_equal(chain->count, 2);
	assert_int_equal(chain->end, CHAIN_END_CYCLE);
	stage__free(&stage);

	stage = stage__new(0);
	server = stage__process(&stage, "server", 100, 0, 0, 0);
	has_lock(&stage, server, 100);
	for (int64_t tid = 101; tid < 101 + 2 * CHAIN_LINKS; tid++)
		woken_by(sleeps(&stage, server, tid, "futex", "futex", 1000, 1201 - tid), "task", server, tid + 1);
	chain = only_chain(&stage);
	assert_int_equal(chain->count, CHAIN_LINKS);
	assert_int_equal(chain->end, CHAIN_END_DEEP);
	stage__free(&stage);
}

// Idle waits, short ones, parents and whystall itself are no stalls.
static void test_what_is_no_stall(void **state)
{
	struct stage stage = stage__new(0);
	int64_t pool = stage__process(&stage, "pool", 100, 0, 0, 0), shell = stage__process(&stage, "sh", 200, 0, 0, 0);
	int64_t tool = stage__process(&stage, "whystall", 300, 0, 0, 0);
	(void)state;
	recording__set_meta(stage.recording, "tool_pid", "300");
	woken_by(sleeps(&stage, pool, 101, "futex", "futex", 1000, 3000), "task", pool, 102);    // no lock of it has such waits
	woken_by(sleeps(&stage, shell, 200, "process", "wait4", 1000, 3000), "task", pool, 101);
	woken_by(sleeps(&stage, tool, 301, "io", "write", 1000, 3000), "block", 0, 0);
	woken_by(sleeps(&stage, shell, 200, "io", "read", 3000, 3015), "block", 0, 0);           // under 20 ms
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	assert_int_equal(stage.ledger->chains.count, 0);
	stage__free(&stage);
}

// Each process stands once, with its longest stall; the longest first.
static void test_one_for_each_process(void **state)
{
	struct stage stage = stage__new(0);
	int64_t one = stage__process(&stage, "one", 100, 0, 0, 0), two = stage__process(&stage, "two", 200, 0, 0, 0);
	(void)state;
	sleeps(&stage, one, 100, "io", "read", 1000, 1100);
	woken_by(sleeps(&stage, one, 101, "io", "read", 1000, 1300), "hardirq", 0, 0);
	sleeps(&stage, two, 200, "io", "read", 1000, 1200);
	assert_int_equal(ledger__build(stage.recording, &stage.ledger), 0);
	assert_int_equal(stage.ledger->chains.count, 2);
	assert_int_equal(stage.ledger->chains.chains[0].links[0].tid, 101);
	assert_int_equal(stage.ledger->chains.chains[0].end, CHAIN_END_INTERRUPT);
	assert_int_equal(stage.ledger->chains.chains[1].links[0].process, two);
	assert_int_equal(stage.ledger->chains.chains[1].end, CHAIN_END_UNKNOWN);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lock_whose_holder_waits_for_a_commit), cmocka_unit_test(test_a_waker_without_a_cpu),
		cmocka_unit_test(test_a_waker_that_hardly_waited), cmocka_unit_test(test_cycles_and_depth_are_cut),
		cmocka_unit_test(test_what_is_no_stall), cmocka_unit_test(test_one_for_each_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
