// Causes of memory and I/O pressure, from hand-made tables with numbers worked out by hand, and from random ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "ledger/ledger.h"
#include "ledger/resource_causes.h"
#include "ledger/scene.h"

#include <math.h>
#include <string.h>

#define MS 1000000LL
#define assert_near(value, expected) do { \
	double value_ = (value), expected_ = (expected); \
	if (!(fabs(value_ - expected_) < 1e-6 * fmax(1, fabs(expected_)))) \
		fail_msg(#value " is %.9f, not %.9f", value_, expected_); \
} while (0)

#define WRITEBACK "io_schedule+0x3f\nfolio_wait_writeback+0x2a\n__filemap_fdatawait_range+0x7c\n"
#define FSYNC "ext4_sync_file+0x226\ndo_fsync+0x3b\n"
#define READ "io_schedule+0x3f\nfolio_wait_bit_common+0x110\nfilemap_get_pages+0x749\nfilemap_read+0xda\nvfs_read+0x23a\n"
#define DIRECT "io_schedule+0x3f\n__iomap_dio_rw+0x1\n"

struct table { struct recording *recording; struct ledger *ledger; struct scene *scene; struct attributed_list io, memory; };

static struct table table_new(void)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "hz", "250");
	recording__set_meta(recording, "cpus", "2");
	recording__set_meta(recording, "window_ns", "1000000000");
	recording__set_meta(recording, "pair_threshold_ns", "100000");
	return (struct table){ .recording = recording };
}

static int64_t add_process(struct table *table, const char *name, const char *cgroup)
{
	int64_t id = (int64_t)table->recording->process_count + 1;
	*recording__add_process(table->recording) = (struct process_row){ .id = id, .pid = id + 100, .name = base__copy(name),
		.exe = base__format("/bin/%s", name), .cgroup = base__copy(cgroup), .folded = 1 };
	*recording__add_task(table->recording) = (struct task_row){ .process = id, .tid = id + 100, .name = base__copy(name), .allowed_cpus = 2, .folded = 1 };
	return id;
}

static int64_t add_thread(struct table *table, const char *name)
{
	int64_t id = add_process(table, name, "/");
	table->recording->process[id - 1].kernel_thread = 1;
	return id;
}

static int64_t add_stack(struct table *table, const char *frames)
{
	int64_t id = (int64_t)table->recording->stack_count + 1;
	*recording__add_stack(table->recording) = (struct stack_row){ id, base__copy(frames) };
	return id;
}

static void add_share(struct table *table, int64_t process, const char *resource, int64_t some_ms, int64_t full_ms, int64_t running_ms)
{
	*recording__add_pressure_share(table->recording) = (struct pressure_share_row){ process, base__copy(resource), some_ms * MS, full_ms * MS,
		running_ms * MS };
}

// Ended by a request to 8:0; frames NULL: no stack.
static struct sleep_row *add_sleep(struct table *table, int64_t process, const char *operation, const char *frames, int64_t some_ms)
{
	int64_t stack = frames ? add_stack(table, frames) : 0;
	struct sleep_row *row = recording__add_sleep(table->recording);
	*row = (struct sleep_row){ .process = process, .operation = base__copy(operation), .reason = base__copy("io"), .waker_kind = base__copy("block"),
		.device = base__copy("8:0"), .kernel_stack = stack, .ns = some_ms * MS, .times = 10, .io_some_ns = some_ms * MS, .io_full_ns = some_ms * MS / 2 };
	return row;
}

static void add_user(struct table *table, int64_t process, const char *operation, int64_t count, int64_t ms, int64_t crowding_ms)
{
	*recording__add_device_user(table->recording) = (struct device_user_row){ base__copy("8:0"), process, base__copy(operation), count, count * 4096,
		ms * MS, 0, count, crowding_ms * MS };
}

static void add_activity(struct table *table, const char *subject, const char *kind, const char *key, int64_t process, int64_t count, int64_t ms, int64_t amount)
{
	*recording__add_activity(table->recording) = (struct activity_row){ base__copy(subject), base__copy(kind), base__copy(key), process, -1, count,
		ms * MS, 0, amount };
}

static void add_counter(struct table *table, const char *source, const char *key, const char *name, int64_t before, int64_t after)
{
	*recording__add_kernel_counter(table->recording) = (struct kernel_counter_row){ base__copy(source), base__copy(key), base__copy(name), before, after };
}

static void judge(struct table *table)
{
	assert_int_equal(ledger__build(table->recording, &table->ledger), 0);
	table->scene = scene__new(table->ledger);
	resource_causes__add(table->ledger, table->scene, "io", &table->io);
	resource_causes__add(table->ledger, table->scene, "memory", &table->memory);
}

static void table_free(struct table *table)
{
	free(table->io.items);
	free(table->memory.items);
	scene__free(table->scene);
	ledger__free(table->ledger);
	recording__free(table->recording);
}

// Milliseconds of some; victim or culprit -1: any.
static double ms_of(const struct attributed_list *list, enum cause_key cause, int64_t victim, int64_t culprit)
{
	double ns = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].cause == cause && (victim < 0 || list->items[i].victim == victim) && (culprit < 0 || list->items[i].culprit == culprit))
			ns += list->items[i].some_ns;
	return ns / MS;
}

static void test_a_programs_own_syncs_are_its_own(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t writer = add_process(&table, "writer", "/"), kin = add_process(&table, "writer", "/");
	add_sleep(&table, writer, "fsync", WRITEBACK FSYNC, 300);
	add_sleep(&table, writer, "fsync", "submit_bio_wait+0x74\nblkdev_issue_flush+0x33\n" FSYNC, 200);
	add_sleep(&table, kin, "fsync", WRITEBACK FSYNC, 100);
	add_sleep(&table, kin, "write", WRITEBACK "generic_write_sync+0x1\n", 50);
	add_share(&table, writer, "io", 500, 250, 0);
	add_share(&table, kin, "io", 150, 75, 0);
	// Both fill the same device, which is slow for neither: they are one crowd.
	add_user(&table, writer, "write", 1000, 500, 250);
	add_user(&table, kin, "write", 1000, 150, 100);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_FSYNC, writer, writer), 500);
	assert_near(ms_of(&table.io, CAUSE_IO_FSYNC, kin, kin), 150);
	assert_int_equal(table.io.count, 2);
	assert_near(table.io.items[0].full_ns, 250.0 * MS);
	assert_int_equal(table.memory.count, 0);
	table_free(&table);
}

// The reader's requests take 10 ms each, 0.1 ms without the filler's, by the fastest fifth of them; 90 % of the queue beside them is the filler's.
static void test_a_queue_full_of_others_requests_is_theirs(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t reader = add_process(&table, "reader", "/"), filler = add_process(&table, "filler", "/"), small = add_process(&table, "small", "/");
	add_sleep(&table, reader, "read", DIRECT, 400);
	add_share(&table, reader, "io", 400, 0, 0);
	add_user(&table, reader, "read", 100, 1000, 900);
	add_user(&table, filler, "write", 1000, 8000, 750);
	add_user(&table, small, "write", 100, 1000, 250);
	*recording__add_device_io(table.recording) = (struct device_io_row){ .device = base__copy("8:0"), .operation = base__copy("read"), .count = 100,
		.ns = 1000 * MS, .latency = base__copy("128:20 16384:80") };
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, filler), 400 * 0.9 * 0.75);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, small), 400 * 0.9 * 0.25);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, reader), 400 * 0.1);
	table_free(&table);
}

static void set_alone(struct table *table, int64_t alone, int64_t alone_us, int64_t samples, int64_t known, int64_t beside)
{
	struct device_user_row *row = &table->recording->device_user[table->recording->device_user_count - 1];
	row->alone = alone;
	row->alone_ns = alone * alone_us * 1000;
	row->alone_samples = samples;
	row->known = known;
	row->beside = beside;
}

// Requests take 0.4 ms, 0.1 ms where nothing else is under way: three quarters of the waiting are made by what is beside them. On average five requests are
// there already, of which the other program has 3 (it has three quarters of all time in the device, and the reader's own make up 1).
static void test_what_others_make_is_measured_where_a_request_was_alone(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t reader = add_process(&table, "reader", "/"), other = add_process(&table, "other", "/");
	add_sleep(&table, reader, "read", DIRECT, 400);
	add_share(&table, reader, "io", 400, 0, 0);
	add_user(&table, reader, "read", 2500, 1000, 750);
	set_alone(&table, 50, 100, 5, 2500, 12500);
	add_user(&table, other, "read", 80000, 3000, 750);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, other), 400 * 0.75 * 3 / 5);
	table_free(&table);

	// Four samples tell too little; the device's kind says what a request takes at most.
	table = table_new();
	reader = add_process(&table, "reader", "/");
	other = add_process(&table, "other", "/");
	add_sleep(&table, reader, "read", DIRECT, 400);
	add_share(&table, reader, "io", 400, 0, 0);
	add_user(&table, reader, "read", 2500, 1000, 750);
	set_alone(&table, 50, 100, 4, 2500, 12500);
	add_user(&table, other, "read", 80000, 3000, 750);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, other), 0);
	table_free(&table);
}

static void test_a_fast_device_is_in_nobodys_way(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t reader = add_process(&table, "reader", "/"), other = add_process(&table, "other", "/");
	add_sleep(&table, reader, "read", DIRECT, 400);
	add_share(&table, reader, "io", 400, 0, 0);
	add_user(&table, reader, "read", 4000, 400, 380);       // 0.1 ms each, as all of that device
	add_user(&table, other, "read", 80000, 8000, 380);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, reader, reader), 400);
	table_free(&table);
}

static void limit(struct table *table, const char *source, const char *path, int64_t strikes, int64_t refaults)
{
	add_counter(table, source, path, "limit_bytes", 60 << 20, 60 << 20);
	add_counter(table, source, path, !strcmp(source, "memcg.v1") ? "failcnt" : "events_max", 0, strikes);
	add_counter(table, source, path, "refault_file", 1000, 1000 + refaults);
}

// 100,000 pages read, 75,000 of which had been there before: cgroup v1, where the process is known by its reclaim.
static void test_pages_that_a_limit_dropped_are_the_limits(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t cat = add_process(&table, "cat", "/"), bystander = add_process(&table, "bystander", "/");
	limit(&table, "memcg.v1", "/small", 5000, 75000);
	add_counter(&table, "vmstat", "", "workingset_refault_file", 0, 75000);
	add_counter(&table, "vmstat", "", "pgsteal_kswapd", 0, 0);
	add_activity(&table, "memory", "limit_reclaim", "/small", cat, 3000, 20, 90000);
	add_sleep(&table, cat, "read", READ, 600);
	add_sleep(&table, cat, "read", NULL, 60)->io_full_ns = 0;       // taken to be where the others were
	add_sleep(&table, bystander, "read", READ, 100);
	add_share(&table, cat, "io", 660, 300, 0);
	add_share(&table, bystander, "io", 100, 50, 0);
	add_user(&table, cat, "read", 100000, 600, 0);
	add_user(&table, bystander, "read", 1000, 90, 0);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_LIMIT, cat, 0), 660 * 0.75);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, cat, cat), 660 * 0.25);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, bystander, bystander), 100);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_THRASH, -1, -1), 0);
	table_free(&table);
}

static void test_a_first_reading_through_a_limited_cgroup_is_not_the_limits(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t cat = add_process(&table, "cat", "/small");
	limit(&table, "memcg.v2", "/small", 5000, 0);
	add_counter(&table, "vmstat", "", "workingset_refault_file", 0, 0);
	add_activity(&table, "memory", "limit_reclaim", "/small", cat, 3000, 20, 90000);
	add_sleep(&table, cat, "read", READ, 600);
	add_share(&table, cat, "io", 600, 300, 0);
	add_user(&table, cat, "read", 100000, 600, 0);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_LIMIT, -1, -1), 0);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, cat, cat), 600);
	table_free(&table);
}

// cgroup v2: a limit within another one. Counters of the outer one hold the inner one's; a quarter of all pages went for the machine.
static void test_rereads_of_nested_limits_on_v2(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t inner = add_process(&table, "inner", "/a/b"), outer = add_process(&table, "outer", "/a"), rest = add_process(&table, "rest", "/c");
	limit(&table, "memcg.v2", "/a", 10, 500);
	limit(&table, "memcg.v2", "/a/b", 10, 400);
	add_counter(&table, "vmstat", "", "workingset_refault_file", 0, 600);
	add_counter(&table, "vmstat", "", "pgsteal_kswapd", 0, 300);
	add_activity(&table, "memory", "limit_reclaim", "/a/b", inner, 1, 1, 900);
	add_activity(&table, "memory", "limit_reclaim", "/a", outer, 1, 1, 100);
	add_sleep(&table, inner, "page fault", READ, 100);
	add_sleep(&table, outer, "page fault", READ, 100);
	add_sleep(&table, rest, "page fault", READ, 100);
	add_share(&table, inner, "io", 100, 0, 0);
	add_share(&table, outer, "io", 100, 0, 0);
	add_share(&table, rest, "io", 100, 0, 0);
	add_user(&table, inner, "read", 400, 1, 0);             // all of them come back
	add_user(&table, outer, "read", 200, 1, 0);             // half of them
	add_user(&table, rest, "read", 1000, 1, 0);             // a tenth of them
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_LIMIT, inner, 0), 75);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_THRASH, inner, 0), 25);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_LIMIT, outer, 0), 50 * 0.25);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_THRASH, outer, 0), 50 * 0.75);
	assert_near(ms_of(&table.io, CAUSE_MEMORY_THRASH, rest, 0), 10);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, rest, rest), 90);
	table_free(&table);
}

static void test_sleeps_have_the_cause_of_their_place(void **state)
{
	static const struct { const char *operation, *frames; enum cause_key cause; } places[] = {
		{ "io_uring_enter", "io_cqring_wait+0x1\n", CAUSE_IDLE },
		{ "write", "balance_dirty_pages+0x1\next4_buffered_write_iter+0x1\n", CAUSE_IO_DIRTY },
		{ "read", "__blk_throtl_bio+0x1\n", CAUSE_IO_LIMIT },
		{ "fsync", "nfs_wait_on_request+0x1\nnfs_file_fsync+0x1\n", CAUSE_IO_REMOTE },
		{ "read", "request_wait_answer+0x1\nfuse_simple_request+0x1\n", CAUSE_IO_REMOTE },
		{ "page fault", "try_to_free_pages+0x1\n", CAUSE_MEMORY_RECLAIM },
		{ "page fault", "folio_wait_bit_common+0x1\ndo_swap_page+0x1\n", CAUSE_MEMORY_THRASH },
		{ "rename", "wait_transaction_locked+0x1\nadd_transaction_credits+0x1\n", CAUSE_IO_JOURNAL },
		{ "write", "__mutex_lock+0x1\n", CAUSE_LOCK_KERNEL },
		{ "ioctl", "blk_execute_rq+0x1\n", CAUSE_IO_DEVICE },
		{ "read", "something_new+0x1\n", CAUSE_NONE },
		{ "fsync", "something_new+0x1\n", CAUSE_IO_FSYNC },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct table table = table_new();
		int64_t one = add_process(&table, "one", "/");
		struct sleep_row *row = add_sleep(&table, one, places[i].operation, places[i].frames, 100);
		row->waker_kind[0] = 0;
		row->device[0] = 0;
		add_share(&table, one, "io", 120, 60, 0);
		judge(&table);
		assert_near(ms_of(&table.io, places[i].cause, one, -1), places[i].cause == CAUSE_NONE ? 120 : 100);
		assert_near(ms_of(&table.io, CAUSE_NONE, one, 0), places[i].cause == CAUSE_NONE ? 120 : 20);
		table_free(&table);
	}
}

// The lock of a page that somebody else's sync holds: that task's, where it let go; where the end was an interrupt or is not known, nobody's.
static void test_a_page_that_another_task_holds_locked(void **state)
{
	(void)state;
	for (int by_task = 0; by_task < 2; by_task++) {
		struct table table = table_new();
		int64_t one = add_process(&table, "one", "/"), other = add_process(&table, "other", "/");
		struct sleep_row *row = add_sleep(&table, one, "page fault", "__folio_lock+0xf6\nblock_page_mkwrite+0x11a\next4_page_mkwrite+0x282\n", 100);
		row->device[0] = 0;
		free(row->waker_kind);
		row->waker_kind = base__copy(by_task ? "task" : "softirq");
		row->waker = by_task ? other : 0;
		add_share(&table, one, "io", 100, 50, 0);
		judge(&table);
		assert_near(ms_of(&table.io, CAUSE_LOCK_KERNEL, one, other), by_task ? 100 : 0);
		assert_near(ms_of(&table.io, CAUSE_NONE, one, 0), by_task ? 0 : 100);
		table_free(&table);
	}
}

// Commits: twelve of sixteen are asked for by syncs. They carry 4,096 blocks and cost as much as 4,096 more.
static void test_commits_are_of_those_who_ask_for_them_or_fill_them(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t thread = add_thread(&table, "jbd2/sda1-8"), syncer = add_process(&table, "syncer", "/"), maker = add_process(&table, "maker", "/");
	*recording__add_device(table.recording) = (struct device_row){ .number = base__copy("8:1"), .name = base__copy("sda1"), .rotational = -1 };
	add_activity(&table, "files", "commit", "8:1", 0, 16, 400, 0);
	add_activity(&table, "files", "sync", "8:1", syncer, 12, 300, 0);
	add_activity(&table, "files", "journal", "8:1", syncer, 10, 0, 1024);
	add_activity(&table, "files", "journal", "8:1", maker, 10, 0, 3072);
	add_sleep(&table, thread, "kernel thread", "bit_wait_io+0x1\njbd2_journal_commit_transaction+0x1\n", 80);
	add_sleep(&table, syncer, "fsync", "jbd2_log_wait_commit+0x1\n" FSYNC, 200)->waker = thread;
	add_sleep(&table, maker, "rename", "wait_transaction_locked+0x1\n", 100)->waker = thread;
	add_share(&table, thread, "io", 80, 0, 0);
	add_share(&table, syncer, "io", 200, 0, 0);
	add_share(&table, maker, "io", 100, 0, 0);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_FSYNC, thread, syncer), 60);
	assert_near(ms_of(&table.io, CAUSE_IO_JOURNAL, thread, syncer), 20 * 0.25);
	assert_near(ms_of(&table.io, CAUSE_IO_JOURNAL, thread, maker), 20 * 0.75);
	assert_near(ms_of(&table.io, CAUSE_IO_JOURNAL, syncer, maker), 200 * 3072.0 / 8192);
	assert_near(ms_of(&table.io, CAUSE_IO_FSYNC, syncer, syncer), 200 * 5120.0 / 8192);
	assert_near(ms_of(&table.io, CAUSE_IO_JOURNAL, maker, syncer), 75 + 25 * 0.25);
	table_free(&table);
}

// Requests take 1 ms of the 10 that its waits last, and the limit is reached half of the time.
static void test_what_a_limit_holds_back_is_the_limits(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t one = add_process(&table, "one", "/");
	add_sleep(&table, one, "read", DIRECT, 100);            // ten times
	add_share(&table, one, "io", 100, 50, 0);
	add_activity(&table, "disks", "limited", "/slow", one, 1, 0, 0);
	*recording__add_cgroup_io(table.recording) = (struct cgroup_io_row){ .cgroup = base__copy("/slow"), .hierarchy = 1, .device = base__copy("8:0"),
		.read_bps = 1 << 20, .write_bps = -1, .read_iops = -1, .write_iops = -1, .latency_us = -1, .watched_ns = 1000 * MS, .at_limit_ns = 500 * MS,
		.requests = 10, .request_ns = 10 * MS };
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_IO_LIMIT, one, 0), 45);
	assert_near(ms_of(&table.io, CAUSE_IO_DEVICE, one, one), 55);
	table_free(&table);
}

static void test_memory_by_what_it_was_needed_for(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t one = add_process(&table, "one", "/"), kswapd = add_thread(&table, "kswapd0"), kcompactd = add_thread(&table, "kcompactd0");
	struct sleep_row *row = add_sleep(&table, one, "page fault", READ, 0);
	row->reason[0] = 'm';           // "memory" is what makes a refault of it
	free(row->reason);
	row->reason = base__copy("memory");
	row->memory_some_ns = 100 * MS;
	add_activity(&table, "memory", "direct_reclaim", "", one, 10, 90, 5000);
	add_activity(&table, "memory", "direct_reclaim_running", "", one, 0, 60, 0);
	add_activity(&table, "memory", "direct_reclaim_queued", "", one, 0, 30, 0);
	add_activity(&table, "memory", "compaction", "", one, 1, 30, 1);
	add_activity(&table, "memory", "compaction_running", "", one, 0, 30, 0);
	add_share(&table, one, "memory", 220, 0, 80);
	add_share(&table, kswapd, "memory", 70, 10, 60);
	add_share(&table, kcompactd, "memory", 7, 0, 7);
	judge(&table);
	assert_near(ms_of(&table.memory, CAUSE_MEMORY_THRASH, one, -1), 100);
	assert_near(ms_of(&table.memory, CAUSE_MEMORY_RECLAIM, one, -1), 90);
	assert_near(ms_of(&table.memory, CAUSE_MEMORY_COMPACTION, one, -1), 30);
	assert_near(ms_of(&table.memory, CAUSE_MEMORY_KSWAPD, kswapd, kswapd), 70);
	assert_near(ms_of(&table.memory, CAUSE_MEMORY_COMPACTION, kcompactd, kcompactd), 7);
	table_free(&table);
}

static void test_whystalls_own_waits_are_its_own(void **state)
{
	(void)state;
	struct table table = table_new();
	int64_t tool = add_process(&table, "whystall", "/"), one = add_process(&table, "one", "/");
	recording__set_meta(table.recording, "tool_pid", "%lld", (long long)table.recording->process[0].pid);
	add_sleep(&table, tool, "fdatasync", WRITEBACK FSYNC, 30);
	add_sleep(&table, one, "fdatasync", WRITEBACK FSYNC, 30);
	add_share(&table, tool, "io", 30, 15, 0);
	add_share(&table, one, "io", 30, 15, 0);
	judge(&table);
	assert_near(ms_of(&table.io, CAUSE_TOOL, tool, tool), 30);
	assert_near(ms_of(&table.io, CAUSE_IO_FSYNC, one, one), 30);
	table_free(&table);
}

// ---- any rows: the items add up to the shares ----

static unsigned int seed = 1;
static int64_t pick(int64_t most)
{
	seed = seed * 1664525u + 1013904223u;
	return (int64_t)(seed >> 8) % most;
}

static void add_random_sleep(struct table *table, int64_t processes)
{
	static const char *const frames[] = { NULL, WRITEBACK FSYNC, READ, DIRECT, "balance_dirty_pages+0x1\n", "jbd2_log_wait_commit+0x1\n" FSYNC,
		"wait_transaction_locked+0x1\n", "try_to_free_pages+0x1\n", "try_to_free_mem_cgroup_pages+0x1\n", "do_swap_page+0x1\n", "what+0x1\n",
		"io_cqring_wait+0x1\n", "__mutex_lock+0x1\n" };
	static const char *const operations[] = { "read", "fsync", "write", "page fault", "io_uring_enter" };
	struct sleep_row *row = add_sleep(table, 1 + pick(processes), operations[pick(ARRAY_SIZE(operations))], frames[pick(ARRAY_SIZE(frames))], pick(50));
	row->memory_some_ns = pick(3) ? 0 : pick(50) * MS;
	row->memory_full_ns = pick(2) * row->memory_some_ns / 2;
	if (!pick(3))
		row->waker_kind[0] = row->device[0] = 0;
	if (!pick(4))
		row->waker = 1 + pick(processes);
}

static void add_random_facts(struct table *table, int64_t processes)
{
	static const char *const kinds[] = { "direct_reclaim", "direct_reclaim_running", "limit_reclaim", "limit_reclaim_running", "limit_reclaim_queued",
		"compaction", "compaction_running", "major_faults" };
	static const char *const file_kinds[] = { "sync", "journal", "commit", "dirty" }, *const operations[] = { "read", "write", "flush" };
	for (int64_t i = pick(30); i > 0; i--)
		add_user(table, 1 + pick(processes), operations[pick(3)], 1 + pick(1000), pick(2000), pick(2000));
	for (int64_t i = pick(30); i > 0; i--)
		add_activity(table, "memory", kinds[pick(ARRAY_SIZE(kinds))], pick(2) ? "/a" : "/a/b", 1 + pick(processes), pick(10), pick(100), pick(10000));
	for (int64_t i = pick(20); i > 0; i--)
		add_activity(table, "files", file_kinds[pick(4)], "8:1", 1 + pick(processes), pick(100), pick(100), pick(1000));
	if (pick(2))
		limit(table, "memcg.v2", "/a", pick(100), pick(100000));
	if (pick(2))
		limit(table, "memcg.v2", "/a/b", pick(100), pick(100000));
	add_counter(table, "vmstat", "", "workingset_refault_file", 0, pick(100000));
	add_counter(table, "vmstat", "", "pgsteal_kswapd", 0, pick(100000));
	*recording__add_device(table->recording) = (struct device_row){ .number = base__copy("8:1"), .name = base__copy("sda1"), .rotational = -1 };
	*recording__add_device_io(table->recording) = (struct device_io_row){ .device = base__copy("8:0"), .operation = base__copy("read"),
		.latency = base__copy("128:20 16384:80") };
}

static void check_sums(const struct table *table, const char *resource, const struct attributed_list *list)
{
	double some = 0, full = 0, wanted_some = 0, wanted_full = 0;
	for (size_t i = 0; i < list->count; i++) {
		assert_true(list->items[i].some_ns >= 0 && list->items[i].full_ns >= 0);
		assert_true(list->items[i].victim > 0);
		some += list->items[i].some_ns;
		full += list->items[i].full_ns;
	}
	for (size_t i = 0; i < table->recording->pressure_share_count; i++) {
		const struct pressure_share_row *row = &table->recording->pressure_share[i];
		wanted_some += !strcmp(row->resource, resource) ? (double)row->some_ns : 0;
		wanted_full += !strcmp(row->resource, resource) ? (double)row->full_ns : 0;
	}
	assert_near(some, wanted_some);
	assert_near(full, wanted_full);
}

static void test_the_items_add_up_whatever_the_rows(void **state)
{
	static const char *const cgroups[] = { "/", "/a", "/a/b", "/c" };
	size_t items = 0;
	(void)state;
	for (int round = 0; round < 500; round++) {
		struct table table = table_new();
		int64_t processes = 2 + pick(8);
		for (int64_t i = 0; i < processes; i++)
			if (i || pick(2))
				add_process(&table, pick(2) ? "one" : "two", cgroups[pick(4)]);
			else
				add_thread(&table, pick(2) ? "jbd2/sda1-8" : "kswapd0");
		for (int64_t i = pick(40); i > 0; i--)
			add_random_sleep(&table, processes);
		add_random_facts(&table, processes);
		for (int64_t i = 1; i <= processes; i++) {
			add_share(&table, i, "io", pick(300), pick(300), 0);
			add_share(&table, i, "memory", pick(300), pick(300), pick(100));
		}
		judge(&table);
		check_sums(&table, "io", &table.io);
		check_sums(&table, "memory", &table.memory);
		items += table.io.count + table.memory.count;
		table_free(&table);
	}
	assert_true(items > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_programs_own_syncs_are_its_own),
		cmocka_unit_test(test_a_queue_full_of_others_requests_is_theirs),
		cmocka_unit_test(test_what_others_make_is_measured_where_a_request_was_alone),
		cmocka_unit_test(test_a_fast_device_is_in_nobodys_way),
		cmocka_unit_test(test_pages_that_a_limit_dropped_are_the_limits),
		cmocka_unit_test(test_a_first_reading_through_a_limited_cgroup_is_not_the_limits),
		cmocka_unit_test(test_rereads_of_nested_limits_on_v2),
		cmocka_unit_test(test_sleeps_have_the_cause_of_their_place), cmocka_unit_test(test_a_page_that_another_task_holds_locked),
		cmocka_unit_test(test_commits_are_of_those_who_ask_for_them_or_fill_them),
		cmocka_unit_test(test_what_a_limit_holds_back_is_the_limits),
		cmocka_unit_test(test_memory_by_what_it_was_needed_for),
		cmocka_unit_test(test_whystalls_own_waits_are_its_own),
		cmocka_unit_test(test_the_items_add_up_whatever_the_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
