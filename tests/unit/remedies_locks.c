// Remedies for lock.mmap by how the program is made: offered only where they can work, and why not elsewhere.
#include "unit/stage_locks.h"

struct making { const char *runtime, *linkage, *allocator, *how, *settings; bool calls_mallopt; };

// A process that holds its own address-space lock during these operations, the first one most of the time.
static struct stage fighter(struct making making, const char *operation, const char *other)
{
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "daemon", 412, 9000, 1000, 0);
	struct process_row *row = stage__make(&stage, process, making.runtime, making.linkage, making.allocator, making.how);
	row->settings = base__copy(making.settings);
	row->calls_mallopt = making.calls_mallopt;
	row->exe_trusted = 1;
	int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 8000);
	stage__lock_wait(&stage, lock, process, "write", 1000, 30000);
	stage__lock_hold(&stage, lock, process, operation, "write", 20000);
	stage__lock_hold(&stage, lock, process, other, "write", 10000);
	recording__set_meta(stage.recording, "machine", "x86_64");
	recording__set_meta(stage.recording, "kernel", "6.1.0-18-amd64");
	return stage;
}

#define GLIBC "dynamic", "glibc", "libc"

static void test_who_can_be_helped_by_what(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct making making;
		const char *operation, *other;
		int preload, thresholds;        // 1 applicable, 0 not, -1 not mentioned
		const char *preload_why, *thresholds_why;
	} cases[] = {
		{ "Rust, mallopt in the code", { "rust", GLIBC, NULL, true }, "munmap", "mmap", 1, 0, "mallopt", "wins over GLIBC_TUNABLES" },
		{ "the same with tunables set in vain", { "rust", GLIBC, "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=67108864", true }, "munmap", "mmap",
		  1, 0, "mallopt", "wins over GLIBC_TUNABLES" },
		{ "one threshold in the environment", { "c", GLIBC, "GOGC=50\nMALLOC_MMAP_THRESHOLD_=131072", false }, "munmap", "mmap", 1, 1,
		  "keeps freed buffers", "set the pair" },
		{ "a frozen trim threshold", { "c", GLIBC, "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=67108864", false }, "madvise", "page fault", 1, 1,
		  "keeps freed buffers", "set the pair" },
		{ "both set low", { "c", GLIBC, "GLIBC_TUNABLES=glibc.malloc.trim_threshold=0x20000:glibc.malloc.mmap_threshold=131072", false },
		  "munmap", "mmap", 1, 1, "keeps freed buffers", "but low (131072 and 0x20000)" },
		{ "both set high already", { "c", GLIBC, "GLIBC_TUNABLES=glibc.malloc.trim_threshold=536870912:glibc.malloc.mmap_threshold=67108864", false },
		  "munmap", "mmap", 1, 0, "keeps freed buffers", "set already" },
		{ "large buffers or mappings of its own", { "c++", GLIBC, NULL, false }, "munmap", "mmap", 1, 1, "if it is malloc that maps them",
		  "keep larger ones, if it is malloc" },
		{ "madvise that is not glibc's", { "c", GLIBC, NULL, false }, "madvise", "page fault", 0, 0, "own", "own" },
		{ "the break", { "c", GLIBC, NULL, false }, "brk", "page fault", 1, 1, "keeps freed buffers", "freed memory is kept" },
		{ "mprotect", { "c", GLIBC, NULL, true }, "mprotect", "page fault", 0, 0, "no allocator's work", "no allocator's work" },
		{ "static glibc reads tunables", { "c", "static", "glibc", "libc", "MALLOC_MMAP_THRESHOLD_=131072", false }, "munmap", "mmap", 0, 1,
		  "static executable", "set the pair" },
		{ "static-pie", { "rust", "static-pie", "musl", "libc", NULL, false }, "munmap", "mmap", 0, 0, "static executable", "no settings" },
		{ "static Go", { "go", "static", "go", "runtime", NULL, false }, "munmap", "mmap", 0, 0, "static Go program", "Go's own" },
		{ "Go with C code", { "go", "dynamic", "go", "runtime", NULL, false }, "madvise", "mmap", 0, 0, "C code only", "Go's own" },
		{ "musl", { "rust", "dynamic", "musl", "libc", NULL, false }, "munmap", "mmap", 1, 0, "built for musl", "no settings" },
		{ "jemalloc linked in", { "rust", "dynamic", "jemalloc", "linked in", NULL, false }, "madvise", "munmap", 0, 0, "is linked in",
		  "for glibc's malloc" },
		{ "mimalloc preloaded", { "c", "dynamic", "mimalloc", "preloaded", NULL, false }, "madvise", "munmap", 0, 0, "its own settings come first",
		  "for glibc's malloc" },
		{ "Java", { "jvm", GLIBC, NULL, false }, "munmap", "mmap", 0, 0, "Java's heap", "Java's heap" },
		{ "unknown", { "unknown", "unknown", "unknown", NULL, NULL, false }, "munmap", "mmap", 0, 0, "not known", "not known" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter(cases[i].making, cases[i].operation, cases[i].other);
		stage__judge(&stage);
		const struct remedy_offer *preload = stage__offer(&stage, "lock.mmap", "preload-allocator");
		const struct remedy_offer *thresholds = stage__offer(&stage, "lock.mmap", "malloc-thresholds");
		assert_non_null(preload);
		assert_non_null(thresholds);
		if (preload->applicable != cases[i].preload || thresholds->applicable != cases[i].thresholds)
			fail_msg("%s: preload %d (%s), thresholds %d (%s)", cases[i].what, preload->applicable, preload->why, thresholds->applicable,
				 thresholds->why);
		assert_says(preload->why, cases[i].preload_why);
		assert_says(thresholds->why, cases[i].thresholds_why);
		// A command stands only where it can work; whoever needs a library that no distribution ships must find it himself.
		assert_int_equal(preload->command != NULL, cases[i].preload && strcmp(cases[i].making.allocator, "musl"));
		assert_int_equal(thresholds->command != NULL, cases[i].thresholds);
		stage__free(&stage);
	}
}

static void test_stacks_tell_that_malloc_maps(void **state)
{
	(void)state;
	struct stage stage = fighter((struct making){ "c", GLIBC, NULL, false }, "munmap", "mmap");
	stage__lock_stack(&stage, 1, 1, "owner", "__vm_munmap+0x7d", "munmap (libc.so.6)\n_int_free (libc.so.6)\nwork (daemon)", 9000);
	stage__judge(&stage);
	assert_silent(stage__offer(&stage, "lock.mmap", "preload-allocator")->why, "if it is malloc");
	assert_says(stage__offer(&stage, "lock.mmap", "malloc-thresholds")->command, "mmap_threshold=1073741824");
	assert_true(stage__offer(&stage, "lock.mmap", "malloc-thresholds")->applicable);
	stage__free(&stage);
}

// A program that calls brk and the like by syscall() does so itself: no allocator would be another one's.
static void test_stacks_tell_that_the_program_maps(void **state)
{
	(void)state;
	struct stage stage = fighter((struct making){ "c", GLIBC, NULL, true }, "brk", "mmap");
	stage__lock_stack(&stage, 1, 1, "owner", "__do_sys_brk+0x7d", "syscall (libc.so.6)\nmunmap (libc.so.6)", 9000);
	stage__judge(&stage);
	assert_false(stage__offer(&stage, "lock.mmap", "preload-allocator")->applicable);
	assert_says(stage__offer(&stage, "lock.mmap", "preload-allocator")->why, "its own code makes these calls");
	assert_false(stage__offer(&stage, "lock.mmap", "malloc-thresholds")->applicable);
	stage__free(&stage);
}

static void put_into(struct process_row *row, const char *cgroup, const char *unit)
{
	stage__set(&row->cgroup, cgroup);
	stage__set(&row->cpu_cgroup, cgroup);
	stage__set(&row->unit, unit);
}

// A user's program is never started by root: any user can hold such a lock with a program of his. So it is with recordings that do not say whose
// program it is.
static void test_root_starts_nobody_elses_program(void **state)
{
	static const struct { const char *what, *cgroup, *unit; int64_t uid, exe_uid, trusted; const char *command, *says; } cases[] = {
		{ "root's own", "/", NULL, 0, 0, 1, "env GLIBC_TUNABLES=", NULL },
		{ "a user's", "/user.slice/user-1000.slice/session-2.scope", "session-2.scope", 1000, 1000, 0, NULL, "where daemon is started" },
		{ "a user's, of a file of root's", "/", NULL, 1000, 0, 0, NULL, "set GLIBC_TUNABLES=" },
		{ "root runs a user's file", "/", NULL, 0, 1000, 0, NULL, "set GLIBC_TUNABLES=" },
		{ "an older recording", "/", NULL, -1, -1, 0, NULL, "set GLIBC_TUNABLES=" },
		{ "a service of root's", "/system.slice/cron.service", "cron.service", 0, 0, 1, "> /etc/systemd/system/cron.service.d/whystall.conf", NULL },
		{ "a user's in a service", "/system.slice/cron.service", "cron.service", 1000, 1000, 0, "systemctl edit cron.service", "a line Environment=GLIBC" },
		{ "a user's service", "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "user@1000.service/x.service", 1000, 1000, 0, NULL,
		  "(unit x.service of user 1000)" },
		{ "a container's service", "/lxc/101/ns/system.slice/ssh.service", "ssh.service", 0, 0, 1, NULL, "where daemon is started (container 101)" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter((struct making){ "rust", GLIBC, "MALLOC_TRIM_THRESHOLD_=1", false }, "munmap", "mmap");
		struct process_row *row = &stage.recording->process[0];
		put_into(row, cases[i].cgroup, cases[i].unit);
		row->uid = cases[i].uid;
		row->exe_uid = cases[i].exe_uid;
		row->exe_trusted = cases[i].trusted && strcmp(cases[i].what, "a container's service");
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.mmap", "malloc-thresholds");
		assert_true(offer->applicable);
		if (!cases[i].command != !offer->command || (offer->command && !strstr(offer->command, cases[i].command)))
			fail_msg("%s: %s", cases[i].what, offer->command ? offer->command : "no command");
		if (cases[i].says && !strstr(offer->why, cases[i].says))
			fail_msg("%s: %s", cases[i].what, offer->why);
		if (!cases[i].trusted && offer->command)
			assert_null(strstr(offer->command, "/usr/bin/daemon"));
		stage__free(&stage);
	}
}

static void test_commands_name_unit_and_executable(void **state)
{
	(void)state;
	struct making made = { "rust", GLIBC, "MALLOC_TRIM_THRESHOLD_=1", false };
	for (int place = 0; place < 4; place++) {
		struct stage stage = fighter(made, "munmap", "mmap");
		struct process_row *row = &stage.recording->process[0];
		if (place == 1)
			put_into(row, "/system.slice/backup-proxy.service", "backup-proxy.service");
		if (place == 2)
			put_into(row, "/user.slice/user-0.slice/session-2.scope", "session-2.scope");
		if (place == 3)
			row->container = base__copy("docker:0123456789ab");
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.mmap", "malloc-thresholds");
		assert_true(offer->applicable);
		if (place == 1) {
			assert_says(offer->command, "> /etc/systemd/system/backup-proxy.service.d/whystall.conf");
			assert_says(offer->command, "systemctl restart backup-proxy.service");
			const struct remedy_offer *preload = stage__offer(&stage, "lock.mmap", "preload-allocator");
			assert_says(preload->command, "printf '[Service]\\nEnvironment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\\n"
						      "Environment=MALLOC_CONF=oversize_threshold:0\\n' > ");
			assert_says(offer->command, "Environment=GLIBC_TUNABLES=glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912\\n'");
		} else if (place == 3) {
			assert_null(offer->command);
			assert_says(offer->why, "in the configuration of docker:0123456789ab");
		} else {
			assert_says(offer->command, "env GLIBC_TUNABLES=");
			assert_says(offer->command, " /usr/bin/daemon");
		}
		stage__free(&stage);
	}
}

static void test_other_allocators_have_settings_of_their_own(void **state)
{
	(void)state;
	static const struct { struct making making; const char *command; } cases[] = {
		{ { "c", "dynamic", "jemalloc", "library", "MALLOC_CONF=dirty_decay_ms:0", false }, "env MALLOC_CONF=" },
		{ { "rust", "dynamic", "jemalloc", "linked in", NULL, false }, "env _RJEM_MALLOC_CONF=" },
		{ { "c", "dynamic", "mimalloc", "preloaded", NULL, false }, "MIMALLOC_PURGE_DELAY=" },
		{ { "c++", "dynamic", "tcmalloc", "library", NULL, false }, "TCMALLOC_RELEASE_RATE=" },
		{ { "c", GLIBC, NULL, false }, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter(cases[i].making, "madvise", "munmap");
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.mmap", "allocator-decay");
		assert_int_equal(offer != NULL, cases[i].command != NULL);
		if (offer)
			assert_says(offer->command, cases[i].command);
		if (i == 0)
			assert_says(offer->why, "(now dirty_decay_ms:0)");
		stage__free(&stage);
	}
}

static void test_go_settings_are_for_go(void **state)
{
	(void)state;
	static const struct { const char *runtime, *operation; int go; } cases[] = {
		{ "go", "madvise", 1 }, { "go", "munmap", 0 }, { "rust", "madvise", -1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter((struct making){ cases[i].runtime, "static", "go", "runtime", "GOGC=50", false }, cases[i].operation, "read");
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.mmap", "go-memory");
		assert_int_equal(offer ? offer->applicable : -1, cases[i].go);
		if (cases[i].go == 1)
			assert_says(offer->why, "now 50");
		if (cases[i].go == 0)
			assert_says(offer->why, "its own mappings or its C code");
		stage__free(&stage);
	}
}

static void test_kernels_that_do_without_the_lock(void **state)
{
	(void)state;
	static const struct { const char *kernel, *operation, *waiter; bool helps; const char *why; } cases[] = {
		{ "6.1.0-18-amd64", "munmap", "rwsem_down_read_slowpath+0x1\ndo_user_addr_fault+0x1", true, "6.4" },
		{ "6.12.3", "munmap", "rwsem_down_read_slowpath+0x1\ndo_user_addr_fault+0x1", false, "every kernel" },
		{ "6.12.3", "madvise", "rwsem_down_write_slowpath+0x1\nvm_mmap_pgoff+0x1", true, "6.17" },
		{ "6.18.0", "madvise", "rwsem_down_write_slowpath+0x1\nvm_mmap_pgoff+0x1", false, "every kernel" },
		{ "6.1.0", "munmap", "rwsem_down_write_slowpath+0x1\n__vm_munmap+0x1", false, "every kernel" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter((struct making){ "rust", GLIBC, NULL, true }, cases[i].operation, "mmap");
		recording__set_meta(stage.recording, "kernel", "%s", cases[i].kernel);
		stage__lock_stack(&stage, 1, 1, "waiter", cases[i].waiter, NULL, 1000);
		stage__judge(&stage);
		const struct remedy_offer *offer = stage__offer(&stage, "lock.mmap", "newer-kernel");
		assert_int_equal(offer->applicable, cases[i].helps);
		assert_says(offer->why, cases[i].why);
		stage__free(&stage);
	}
}

static void test_changes_of_the_program(void **state)
{
	(void)state;
	static const struct { const char *operation; int keep, changes; const char *why; } cases[] = {
		{ "munmap", 1, -1, NULL }, { "mprotect", -1, 1, "larger stretches" }, { "page fault", -1, 1, "touch new memory in advance" },
		{ "exit", -1, 1, "pool of threads" }, { "madvise", 1, 1, "larger stretches" }, { "m", -1, -1, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = fighter((struct making){ "c", GLIBC, NULL, false }, cases[i].operation, "ioctl");
		stage__judge(&stage);
		const struct remedy_offer *keep = stage__offer(&stage, "lock.mmap", "keep-buffers");
		const struct remedy_offer *changes = stage__offer(&stage, "lock.mmap", "fewer-changes");
		assert_int_equal(keep ? keep->applicable : -1, cases[i].keep);
		assert_int_equal(changes ? changes->applicable : -1, cases[i].changes);
		if (cases[i].why)
			assert_says(changes->why, cases[i].why);
		stage__free(&stage);
	}
}

static void test_a_program_that_has_ended_is_not_changed(void **state)
{
	(void)state;
	struct stage stage = fighter((struct making){ "rust", GLIBC, NULL, true }, "munmap", "mmap");
	stage.recording->process[0].gone = 1;
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
	assert_string_equal(verdict__name(verdict->kind), "confirmed");
	assert_true(verdict->remedy_count > 0);
	for (size_t i = 0; i < verdict->remedy_count; i++)
		assert_false(verdict->remedies[i].applicable && verdict->remedies[i].command);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_can_be_helped_by_what),
		cmocka_unit_test(test_stacks_tell_that_malloc_maps),
		cmocka_unit_test(test_stacks_tell_that_the_program_maps),
		cmocka_unit_test(test_commands_name_unit_and_executable),
		cmocka_unit_test(test_root_starts_nobody_elses_program),
		cmocka_unit_test(test_other_allocators_have_settings_of_their_own),
		cmocka_unit_test(test_go_settings_are_for_go),
		cmocka_unit_test(test_kernels_that_do_without_the_lock),
		cmocka_unit_test(test_changes_of_the_program),
		cmocka_unit_test(test_a_program_that_has_ended_is_not_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
