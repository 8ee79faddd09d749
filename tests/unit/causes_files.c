// Verdicts about syncs, journals, dirty throttling and servers of file systems: who is accused, who is not.
#include "unit/stage_locks.h"

#include <math.h>

#define JBD2_WAIT "jbd2_log_wait_commit+0xee\next4_sync_file+0x1f2\ndo_fsync+0x3b\n__x64_sys_fsync+0xf"
#define OWN_PAGES "folio_wait_writeback+0x2a\n__filemap_fdatawait_range+0xac\next4_sync_file+0xa0\ndo_fsync+0x3b"
#define METADATA "bit_wait_io+0xd\ndo_get_write_access+0x277\njbd2_journal_get_write_access+0x95\next4_rename+0x1f"
#define THROTTLED "balance_dirty_pages+0x3b1\nbalance_dirty_pages_ratelimited_flags+0x2f7\next4_buffered_write_iter+0x9d"
#define FUSE "request_wait_answer+0x16a\n__fuse_simple_request+0x120\nfuse_direct_io+0x423\nfuse_file_read_iter+0x469"
#define NFS "rpc_wait_bit_killable+0x11\n__rpc_execute+0x10b\nnfs4_proc_getattr+0xe2"

static int64_t add_stack(struct stage *stage, const char *frames)
{
	int64_t id = (int64_t)stage->recording->stack_count + 1;
	*recording__add_stack(stage->recording) = (struct stack_row){ .id = id, .frames = base__copy(frames) };
	return id;
}

static struct sleep_row *add_sleep(struct stage *stage, int64_t process, const char *operation, const char *reason, int64_t waker, const char *frames,
				   int64_t times, int64_t ms)
{
	int64_t stack = add_stack(stage, frames);
	struct sleep_row *row = recording__add_sleep(stage->recording);
	*row = (struct sleep_row){ .process = process, .operation = base__copy(operation), .reason = base__copy(reason),
				   .waker_kind = base__copy(waker ? "task" : ""), .waker = waker, .kernel_stack = stack, .ns = ms * STAGE_MS, .times = times,
				   .max_ns = ms * STAGE_MS / (times ? times : 1), .io_some_ns = strcmp(reason, "io") ? 0 : ms * STAGE_MS };
	return row;
}

static void add_activity(struct stage *stage, const char *kind, const char *key, int64_t process, int64_t count, int64_t ms, int64_t amount)
{
	*recording__add_activity(stage->recording) = (struct activity_row){ .subject = base__copy("files"), .kind = base__copy(kind), .key = base__copy(key),
		.process = process, .cpu = -1, .count = count, .ns = ms * STAGE_MS, .max_ns = ms * STAGE_MS / (count ? count : 1), .amount = amount };
}

static int64_t add_thread(struct stage *stage, const char *name)
{
	int64_t id = stage__process(stage, name, 300 + (int64_t)stage->recording->process_count, 100, 10, 0);
	stage->recording->process[id - 1].kernel_thread = 1;
	return id;
}

// The journal of sda1, which sleeps for its device 9 of 10 s.
static int64_t add_journal(struct stage *stage)
{
	int64_t thread = add_thread(stage, "jbd2/sda1-8");
	*recording__add_device(stage->recording) = (struct device_row){ .number = base__copy("8:1"), .name = base__copy("sda1"), .kind = base__copy("partition"),
									.disk = base__copy("8:0") };
	*recording__add_device(stage->recording) = (struct device_row){ .number = base__copy("8:0"), .name = base__copy("sda"), .kind = base__copy("scsi"),
									.requests = 1 };
	struct sleep_row *row = add_sleep(stage, thread, "kernel thread", "io", 0, "jbd2_journal_commit_transaction+0x19e1\nkjournald2+0xc7", 900, 9000);
	free(row->waker_kind);
	row->waker_kind = base__copy("block");
	row->device = base__copy("8:0");
	return thread;
}

static double resource(const struct verdict *verdict, enum resource_kind kind, const char *name)
{
	double seconds = 0;
	for (size_t i = 0; i < verdict->resource_count; i++)
		if (verdict->resources[i].kind == kind && !strcmp(verdict->resources[i].key, name))
			seconds += verdict->resources[i].seconds;
	return seconds;
}

static void test_own_syncs(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t agent = stage__process(&stage, "agent", 99, 100, 0, 0), database = stage__process(&stage, "database", 100, 500, 10, 0);
	int64_t journal = add_journal(&stage);
	add_sleep(&stage, database, "fsync", "other", journal, JBD2_WAIT, 400, 8000);
	add_sleep(&stage, database, "fsync", "io", 0, OWN_PAGES, 400, 1000);
	add_activity(&stage, "sync", "8:1", database, 400, 9000, 0);
	add_activity(&stage, "commit", "8:1", 0, 400, 9500, 0);
	add_activity(&stage, "journal", "8:1", database, 400, 0, 800);
	add_activity(&stage, "journal", "8:1", agent, 900, 0, 4000); // in small commits it does not matter whose blocks they are
	stage__judge(&stage);
	assert_verdict(&stage, "io.fsync", "confirmed");
	assert_verdict(&stage, "io.journal", "ruled_out");
	assert_verdict(&stage, "io.dirty", "ruled_out");
	assert_verdict(&stage, "io.remote", "ruled_out");
	assert_accused(&stage, "io.fsync", database);
	assert_victim(&stage, "io.fsync", database);
	assert_not_accused(&stage, "io.fsync", agent);
	const struct verdict *verdict = stage__verdict(&stage, "io.fsync");
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_NONE);
	assert_float_equal(verdict->stall_seconds, 9, 1e-6);
	assert_float_equal(verdict->wall_seconds, 9, 1e-6);
	assert_float_equal(verdict->victims[0].loss, 9000.0 / 9510, 1e-6);
	// Eight seconds through the journal's thread, which sleeps for the disk 9000 of its 9110 ms.
	assert_float_equal(resource(verdict, RESOURCE_DEVICE, "8:0"), 8 * 9000.0 / 9110, 1e-6);
	assert_float_equal(resource(verdict, RESOURCE_FILE_SYSTEM, "8:1"), 8, 1e-6);
	assert_says(verdict->summary, "89 % for the file system's journal");
	assert_says(verdict->victims[0].note, "fsync on ext4, 40 a second, 22.5 ms asleep in each");
	stage__free(&stage);
}

// A process may call itself postgres; settings of PostgreSQL are for what is PostgreSQL.
static void test_databases_are_known_by_their_files(void **state)
{
	static const struct { const char *name, *exe, *package; int64_t exe_uid; const char *container; int offered; bool command; } cases[] = {
		{ "postgres", "/usr/lib/postgresql/15/bin/postgres", "postgresql-15", 0, NULL, 1, true },
		{ "checkpointer", "/usr/lib/postgresql/15/bin/postgres", "postgresql-15", 0, NULL, 1, true },
		{ "postgres", "/opt/pg/bin/postgres", NULL, 0, NULL, 1, true },
		{ "postgres", "/usr/lib/postgresql/16/bin/postgres", NULL, 0, "docker:0123456789ab", 1, false },
		{ "postgres", "/usr/bin/python3.11", "python3.11-minimal", 0, NULL, 0, false },
		{ "postgres", "/home/mallory/postgres", NULL, 1000, NULL, 0, false },
		{ "postgres", "/usr/local/bin/postgres", NULL, 1000, NULL, 0, false },
		{ "postgres", "/usr/local/bin/postgres", NULL, -1, NULL, 0, false },  // an older recording
		{ "postgres", "/usr/bin/postgres", "evil", 0, NULL, 0, false },
		{ "postgres", NULL, NULL, 0, NULL, 0, false },
		{ "mariadbd", "/usr/sbin/mariadbd", "mariadb-server-core", 0, NULL, 1, true },
		{ "redis-server", "/usr/bin/redis-check-rdb", "redis-tools", 0, NULL, 1, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(50);
		int64_t database = stage__process(&stage, cases[i].name, 100, 500, 10, 0);
		struct process_row *row = &stage.recording->process[database - 1];
		stage__set(&row->exe, cases[i].exe);
		stage__set(&row->package, cases[i].package);
		stage__set(&row->container, cases[i].container);
		row->exe_uid = cases[i].exe_uid;
		int64_t journal = add_journal(&stage);
		add_sleep(&stage, database, "fsync", "other", journal, JBD2_WAIT, 400, 9000);
		add_activity(&stage, "sync", "8:1", database, 400, 9000, 0);
		add_activity(&stage, "commit", "8:1", 0, 400, 9500, 0);
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "io.fsync", "database-durability");
		if (!offer != !cases[i].offered || (offer && !offer->command != !cases[i].command))
			fail_msg("%zu: %s", i, offer ? offer->command ? offer->command : offer->why : "not offered");
		stage__free(&stage);
	}
}

// Who calls himself like a journal's thread is none: the wait that he ended is no journal's.
static void test_a_journal_is_a_kernel_thread(void **state)
{
	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		struct stage stage = stage__new(50);
		int64_t database = stage__process(&stage, "database", 100, 500, 10, 0), journal = add_journal(&stage);
		stage.recording->process[journal - 1].kernel_thread = kernel;
		add_sleep(&stage, database, "fsync", "other", journal, JBD2_WAIT, 400, 9000);
		add_activity(&stage, "sync", "8:1", database, 400, 9000, 0);
		stage__judge(&stage);
		assert_true((resource(stage__verdict(&stage, "io.fsync"), RESOURCE_FILE_SYSTEM, "8:1") > 0) == kernel);
		stage__free(&stage);
	}
}

// A commit that carries mebibytes of somebody else's metadata is long for their sake.
static void test_syncs_behind_anothers_metadata(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t unpacker = stage__process(&stage, "unpacker", 99, 5000, 0, 0), editor = stage__process(&stage, "editor", 100, 100, 10, 0);
	int64_t journal = add_journal(&stage);
	add_sleep(&stage, editor, "fsync", "other", journal, JBD2_WAIT, 20, 8000);
	add_activity(&stage, "commit", "8:1", 0, 20, 9500, 0);
	add_activity(&stage, "journal", "8:1", editor, 20, 0, 100);
	add_activity(&stage, "journal", "8:1", unpacker, 90000, 0, 9900);
	stage__judge(&stage);
	assert_verdict(&stage, "io.fsync", "confirmed");
	assert_accused(&stage, "io.fsync", unpacker);
	assert_not_accused(&stage, "io.fsync", editor);
	stage__free(&stage);
}

// Many syncs on a device that makes data durable at once; a sync now and then; syncs of the recorder itself.
static void test_syncs_that_hurt_nobody(void **state)
{
	(void)state;
	static const struct { const char *name; int64_t run_ms, times, ms; } cases[] = {
		{ "database", 3000, 20000, 4000 }, { "editor", 9000, 3, 300 }, { "database", 100, 1, 60 }, { "whystall", 100, 5, 3000 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(50);
		int64_t process = stage__process(&stage, cases[i].name, 100, cases[i].run_ms, 10, 0);
		add_sleep(&stage, process, "fdatasync", "io", 0, OWN_PAGES, cases[i].times, cases[i].ms);
		stage__judge(&stage);
		assert_verdict(&stage, "io.fsync", "ruled_out");
		stage__free(&stage);
	}
}

static void test_anothers_commits(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t elsewhere = stage__process(&stage, "elsewhere", 98, 100, 0, 0), database = stage__process(&stage, "database", 99, 100, 0, 0);
	int64_t mail = stage__process(&stage, "mail", 100, 500, 10, 0), journal = add_journal(&stage);
	add_sleep(&stage, mail, "rename", "io", 0, METADATA, 300, 4000);
	add_sleep(&stage, database, "fsync", "other", journal, JBD2_WAIT, 300, 9500);
	add_activity(&stage, "commit", "8:1", 0, 300, 9500, 0);
	add_activity(&stage, "sync", "8:1", database, 300, 9500, 0);
	add_activity(&stage, "sync", "253:7", elsewhere, 9000, 9500, 0);
	add_activity(&stage, "journal", "8:1", mail, 9000, 0, 2000);
	add_activity(&stage, "journal", "8:1", database, 300, 0, 300);
	stage__judge(&stage);
	assert_verdict(&stage, "io.journal", "confirmed");
	assert_accused(&stage, "io.journal", database);
	assert_not_accused(&stage, "io.journal", mail);
	assert_not_accused(&stage, "io.journal", elsewhere);
	assert_victim(&stage, "io.journal", mail);
	const struct verdict *verdict = stage__verdict(&stage, "io.journal");
	assert_float_equal(verdict->stall_seconds, 4, 1e-6);
	assert_int_equal(verdict->victim_count, 1);
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_IO);
	stage__free(&stage);
}

// Commits that no sync forced: whose metadata fills them. Without any probe nobody is accused, and nothing confirmed.
static void test_commits_without_syncs(void **state)
{
	(void)state;
	for (int probes = 0; probes < 2; probes++) {
		struct stage stage = stage__new(50);
		int64_t unpacker = stage__process(&stage, "unpacker", 99, 5000, 0, 0), mail = stage__process(&stage, "mail", 100, 500, 10, 0);
		int64_t journal = add_journal(&stage);
		add_sleep(&stage, mail, "unlink", "other", journal, "wait_transaction_locked+0x83\nstart_this_handle+0x11e\next4_unlink+0xc4", 10, 4000);
		if (probes) {
			add_activity(&stage, "commit", "8:1", 0, 100, 9500, 0);
			add_activity(&stage, "sync", "8:1", mail, 1, 10, 0);
			add_activity(&stage, "journal", "8:1", mail, 100, 0, 100);
			add_activity(&stage, "journal", "8:1", unpacker, 90000, 0, 9900);
		}
		stage__judge(&stage);
		assert_verdict(&stage, "io.journal", probes ? "confirmed" : "contributing");
		if (probes)
			assert_accused(&stage, "io.journal", unpacker);
		else
			assert_int_equal(stage__verdict(&stage, "io.journal")->culprit_count, 0);
		assert_int_equal(stage__verdict(&stage, "io.journal")->counted_by_pressure, PRESSURE_NONE);
		stage__free(&stage);
	}
}

static void test_dirty_throttling(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t copy = stage__process(&stage, "copy", 100, 500, 10, 0), logger = stage__process(&stage, "logger", 101, 100, 10, 0);
	int64_t elsewhere = stage__process(&stage, "elsewhere", 102, 100, 10, 0);
	add_sleep(&stage, copy, "write", "io", 0, THROTTLED, 100, 8000);
	add_sleep(&stage, logger, "write", "io", 0, THROTTLED, 100, 3000);
	add_activity(&stage, "dirty", "8:0", copy, 100, 8000, 90000);
	add_activity(&stage, "dirty", "8:0", logger, 100, 3000, 900);
	add_activity(&stage, "dirty", "8:16", elsewhere, 0, 0, 900000);
	stage__judge(&stage);
	assert_verdict(&stage, "io.dirty", "confirmed");
	assert_accused(&stage, "io.dirty", copy);
	assert_not_accused(&stage, "io.dirty", logger);
	assert_not_accused(&stage, "io.dirty", elsewhere);
	assert_victim(&stage, "io.dirty", logger);
	assert_victim(&stage, "io.dirty", copy);
	assert_float_equal(resource(stage__verdict(&stage, "io.dirty"), RESOURCE_DEVICE, "8:0"), 11, 1e-6);
	assert_verdict(&stage, "io.fsync", "ruled_out");
	stage__free(&stage);
}

static void test_a_server_in_user_space(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t viewer = stage__process(&stage, "viewer", 100, 300, 10, 0), server = stage__process(&stage, "sshfs", 101, 100, 10, 0);
	int64_t bystander = stage__process(&stage, "bystander", 102, 9000, 10, 0);
	add_sleep(&stage, viewer, "pread64", "other", server, FUSE, 400, 8000);
	stage__judge(&stage);
	assert_verdict(&stage, "io.remote", "confirmed");
	assert_accused(&stage, "io.remote", server);
	assert_not_accused(&stage, "io.remote", bystander);
	assert_victim(&stage, "io.remote", viewer);
	assert_int_equal(stage__verdict(&stage, "io.remote")->counted_by_pressure, PRESSURE_NONE);
	assert_says(stage__verdict(&stage, "io.remote")->summary, "20.0 ms each");
	stage__free(&stage);
}

// Its own syncs of files that somebody else keeps are waits for that one.
static void test_syncs_of_served_files(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t editor = stage__process(&stage, "editor", 100, 300, 10, 0), server = stage__process(&stage, "sshfs", 101, 100, 10, 0);
	add_sleep(&stage, editor, "fsync", "other", server, "request_wait_answer+0x16a\nfuse_fsync_common+0xc2\nfuse_fsync+0xee\ndo_fsync+0x3b", 400, 8000);
	stage__judge(&stage);
	assert_verdict(&stage, "io.remote", "confirmed");
	assert_accused(&stage, "io.remote", server);
	assert_verdict(&stage, "io.fsync", "contributing");
	assert_string_equal(stage__verdict(&stage, "io.fsync")->under, "io.remote");
	stage__free(&stage);
}

// The same waiting in answers of half a millisecond; and a server in the network, which is no process here.
static void test_other_servers(void **state)
{
	(void)state;
	struct stage quick = stage__new(50), network = stage__new(50);
	int64_t viewer = stage__process(&quick, "viewer", 100, 300, 10, 0), server = stage__process(&quick, "sshfs", 101, 100, 10, 0);
	add_sleep(&quick, viewer, "pread64", "other", server, FUSE, 16000, 8000);
	stage__judge(&quick);
	assert_verdict(&quick, "io.remote", "ruled_out");
	viewer = stage__process(&network, "viewer", 100, 300, 10, 0);
	add_sleep(&network, viewer, "stat", "other", add_thread(&network, "kworker/0:1"), NFS, 400, 8000);
	stage__judge(&network);
	assert_verdict(&network, "io.remote", "confirmed");
	const struct verdict *verdict = stage__verdict(&network, "io.remote");
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].kind, PARTY_DEVICE);
	assert_string_equal(verdict->culprits[0].name, "server of nfs");
	stage__free(&quick);
	stage__free(&network);
}

// An idle io_uring is nobody's stall, however much pressure it makes.
static void test_an_idle_ring(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t server = stage__process(&stage, "server", 100, 10, 0, 0);
	add_sleep(&stage, server, "io_uring_enter", "io", 0, "io_cqring_wait+0x1f3\n__do_sys_io_uring_enter+0x37e", 1, 9990);
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	stage__free(&stage);
}

static void test_recordings_without_sleeps(void **state)
{
	(void)state;
	static const char *const causes[] = { "io.fsync", "io.journal", "io.dirty", "io.remote" };
	struct stage stage = stage__new(50);
	stage__judge(&stage);
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		assert_verdict(&stage, causes[i], "not_testable");
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_syncs),
		cmocka_unit_test(test_databases_are_known_by_their_files),
		cmocka_unit_test(test_a_journal_is_a_kernel_thread),
		cmocka_unit_test(test_syncs_behind_anothers_metadata),
		cmocka_unit_test(test_syncs_that_hurt_nobody),
		cmocka_unit_test(test_anothers_commits),
		cmocka_unit_test(test_commits_without_syncs),
		cmocka_unit_test(test_dirty_throttling),
		cmocka_unit_test(test_a_server_in_user_space),
		cmocka_unit_test(test_syncs_of_served_files),
		cmocka_unit_test(test_other_servers),
		cmocka_unit_test(test_an_idle_ring),
		cmocka_unit_test(test_recordings_without_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
