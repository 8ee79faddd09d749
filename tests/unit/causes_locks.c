// Verdicts about kernel locks: who is accused, who is not, and what the first lines say.
#include "unit/stage_locks.h"

#include <math.h>

// 32 threads that lose three quarters of their time to their own address-space lock.
static int64_t add_fighter(struct stage *stage, int64_t pid)
{
	int64_t fighter = stage__process(stage, "backup", pid, 9000, 1000, 0);
	int64_t lock = stage__lock(stage, "mmap_lock", fighter, NULL, 8000);
	stage__lock_wait(stage, lock, fighter, "write", 1000, 20000);
	stage__lock_wait(stage, lock, fighter, "read", 1000, 10000);
	stage__lock_hold(stage, lock, fighter, "munmap", "write", 15000);
	stage__lock_hold(stage, lock, fighter, "mmap", "write", 8000);
	stage__lock_hold(stage, lock, fighter, "munmap", "read", 6000);
	stage__lock_hold(stage, lock, 0, "handing over", "write", 1000);
	return fighter;
}

static void test_threads_that_fight(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t innocent = stage__process(&stage, "storagenode", 99, 8000, 10, 0), fighter = add_fighter(&stage, 412);
	stage__lock_stack(&stage, 1, fighter, "owner", "rwsem_down_write_slowpath+0x1\n__vm_munmap+0x7d", "munmap (libc.so.6)\nwork (backup)", 9000);
	stage__lock_stack(&stage, 1, fighter, "owner", "rwsem_down_write_slowpath+0x1\nvm_mmap_pgoff+0x1", "mmap (libc.so.6)", 12000);
	stage__lock_stack(&stage, 1, fighter, "owner", "unmap_region+0x1\n__vm_munmap+0x7d", NULL, 3000);
	stage__lock_stack(&stage, 1, fighter, "owner", "zap_pte_range+0x1", NULL, 1000);
	stage__lock_stack(&stage, 1, fighter, "waiter", "rwsem_down_write_slowpath+0x1\n__vm_munmap+0x7d", NULL, 500);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "confirmed");
	assert_verdict(&stage, "lock.kernel", "ruled_out");
	assert_accused(&stage, "lock.mmap", fighter);
	assert_victim(&stage, "lock.mmap", fighter);
	assert_not_accused(&stage, "lock.mmap", innocent);
	const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
	assert_int_equal(verdict->counted_by_pressure, PRESSURE_NONE);
	assert_float_equal(verdict->stall_seconds, 30, 1e-6);
	assert_float_equal(verdict->wall_seconds, 8, 1e-6);
	const struct party *culprit = &verdict->culprits[0];
	// 29 of 30 s were held by it; munmap in both modes together comes first.
	assert_float_equal(culprit->seconds, 29, 1e-6);
	assert_float_equal(culprit->share, 29.0 / 30, 1e-6);
	assert_int_equal(culprit->operation_count, 3);
	assert_string_equal(culprit->operations[0].operation, "munmap");
	assert_string_equal(culprit->operations[1].operation, "munmap");
	assert_float_equal(culprit->operations[0].share, 15.0 / 29, 1e-6);
	assert_says(culprit->note, "munmap 72 %, mmap 28 %");
	// Three stacks at most, the heaviest first, none of the other role.
	assert_int_equal(culprit->stack_count, 3);
	assert_float_equal(culprit->stacks[0].seconds, 12, 1e-6);
	assert_says(culprit->stacks[1].user, "work (backup)");
	assert_int_equal(verdict->victims[0].stack_count, 1);
	assert_int_equal(verdict->victims[0].waits, 2000);
	assert_float_equal(verdict->victims[0].longest_seconds, 2, 1e-6);
	assert_float_equal(verdict->victims[0].loss, 0.75, 1e-6);
	assert_false(stage.diagnosis->healthy);
	assert_true(stage.diagnosis->confirmed);
	assert_says(stage.diagnosis->headline, "STALLED on a kernel lock, which no pressure figure shows");
	assert_says(stage.diagnosis->headline, "backup (pid 412) wait for their own address-space lock");
	assert_null(stage__offer(&stage, "lock.mmap", "stop-polling"));
	assert_silent(stage.diagnosis->headline, "storagenode");
	assert_silent(stage.diagnosis->headline, "CPU time");
	stage__free(&stage);
}

// What a woken waiter waits for a CPU is the scheduler's: it is in no stall of a lock, though the owners' rows have it.
static void test_waiting_for_a_cpu_is_not_counted_here(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "daemon", 100, 4000, 1000, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 5000);
	struct lock_wait_row *wait = stage__lock_wait(&stage, lock, process, "write", 100, 8000);
	wait->sleep_ns = 5000 * STAGE_MS;
	wait->runqueue_ns = 3000 * STAGE_MS;
	stage__lock_hold(&stage, lock, process, "munmap", "write", 6000);
	stage__lock_hold(&stage, lock, 0, "handing over", "write", 2000);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
	assert_string_equal(verdict__name(verdict->kind), "confirmed");
	assert_float_equal(verdict->stall_seconds, 5, 1e-6);
	assert_float_equal(verdict->victims[0].loss, 0.5, 1e-6);
	// It held the lock for three quarters of the waiting.
	assert_float_equal(verdict->culprits[0].share, 0.75, 1e-6);
	assert_float_equal(verdict->culprits[0].seconds, 3.75, 1e-6);
	stage__free(&stage);
}

// Whom the kernel's own housekeeping makes wait, and who is made to wait by it: in a virtual machine with two busy CPUs khugepaged held a reverse map
// for 0.8 s, and the thread that watches accesses to memory waited for it; in an emulated one 93 kworkers waited for each other to free the programs of an
// earlier recording.
static void test_housekeeping_is_no_victim(void **state)
{
	(void)state;
	static const struct { const char *name; int kernel_thread; const char *verdict; } cases[] = {
		{ "kdamond.0", 1, "ruled_out" }, { "khugepaged", 1, "ruled_out" }, { "kdamond.0", 0, "confirmed" }, { "kswapd0", 1, "confirmed" },
		{ "daemon", 0, "confirmed" }, { "kworker/1:2-events", 1, "contributing" }, { "kworker/1:2-events", 0, "confirmed" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stage = stage__new(50);
		int64_t holder = stage__process(&stage, "holder", 42, 100, 10, 0), waiter = stage__process(&stage, cases[i].name, 51, 100, 10, 0);
		stage.recording->process[waiter - 1].kernel_thread = cases[i].kernel_thread;
		int64_t lock = stage__lock(&stage, "mmap_lock", holder, NULL, 5000);
		struct lock_wait_row *wait = stage__lock_wait(&stage, lock, waiter, "write", 1, 5000);
		wait->sleep_ns = 5000 * STAGE_MS;
		stage__lock_hold(&stage, lock, holder, "munmap", "write", 5000);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
		assert_string_equal(verdict__name(verdict->kind), cases[i].verdict);
		assert_int_equal(verdict->severity > SEVERITY_NONE, verdict->kind == VERDICT_CONFIRMED);
		stage__free(&stage);
	}
}

// Figures above what confirms, as measured, and below it without the time in which the lock was free: the report says why.
static void test_what_does_not_count_is_said(void **state)
{
	(void)state;
	for (int freed = 0; freed < 2; freed++) {
		struct stage stage = stage__new(50);
		int64_t process = stage__process(&stage, "daemon", 100, 3000, 2000, 0);
		int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 1500);
		stage__lock_wait(&stage, lock, process, "write", 400, 2500);
		stage__lock_hold(&stage, lock, process, "munmap", "handed over", freed ? 750 : 100);
		stage__lock_hold(&stage, lock, process, "munmap", "write", freed ? 1750 : 2400);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
		assert_string_equal(verdict__name(verdict->kind), freed ? "contributing" : "confirmed");
		assert_int_equal(verdict->doubt != NULL, freed);
		if (freed)
			assert_says(verdict->doubt, "the lock was free (30 %) does not count: it leaves 10 % of the window and 23 % of the wanted time");
		stage__free(&stage);
	}
}

// A lock that is free while the next owner has no CPU: a queue that follows from the want of CPUs. What it was really held for
// decides: 1, 5 and 15 of 30 s here, of the 35 s that the victim wanted.
static void test_a_convoy_follows_from_want_of_cpus(void **state)
{
	(void)state;
	static const struct { int64_t handed_ms; const char *verdict; } cases[] = {
		{ 29000, "ruled_out" }, { 25000, "contributing" }, { 15000, "confirmed" },
	};
	// Who keeps the CPUs: nobody, another program from the daemon's threads, another one from a third, the daemon from itself.
	enum { NOBODY, FROM_IT, FROM_OTHERS, ITSELF, SITUATIONS };
	for (size_t i = 0; i < SITUATIONS * ARRAY_SIZE(cases); i++) {
		size_t situation = i % SITUATIONS;
		bool starved = situation == FROM_IT;
		const char *expected = cases[i / SITUATIONS].verdict;
		int64_t handed_ms = cases[i / SITUATIONS].handed_ms;
		struct stage stage = stage__new(situation ? 9000 : 50);
		int64_t process = stage__process(&stage, "daemon", 100, 3000, 2000, situation == ITSELF ? 18000 : 0);
		int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 9000);
		stage__lock_wait(&stage, lock, process, "write", 400, 30000);
		stage__lock_hold(&stage, lock, process, "mmap", "handed over", handed_ms);
		stage__lock_hold(&stage, lock, process, "mmap", "write", 30000 - handed_ms);
		int64_t batch = situation ? stage__process(&stage, "batch", 500, 9000, 100, 18000) : 0;
		int64_t server = situation ? stage__process(&stage, "server", 501, 1500, 4000, 0) : 0;
		if (situation == FROM_OTHERS || situation == FROM_IT)
			stage__pair(&stage, situation == FROM_IT ? process : server, OCCUPANT_TASK, batch, situation == FROM_IT ? 1950 : 3900);
		if (situation == ITSELF)
			stage__pair(&stage, process, OCCUPANT_TASK, process, 1950);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
		const char *headline = stage.diagnosis->headline;
		assert_string_equal(verdict__name(verdict->kind), expected);
		bool convoy = !strcmp(expected, "contributing");
		assert_int_equal(verdict->doubt != NULL, convoy);
		assert_int_equal(verdict->under != NULL, convoy && starved);
		if (verdict->kind == VERDICT_RULED_OUT)
			assert_says(verdict->summary, "mostly while the lock was free");
		if (convoy) {
			assert_says(verdict->doubt, "83 % of the waiting the lock was free");
			// It held the lock for a sixth of the waiting, but for all of the time in which anybody held it.
			assert_accused(&stage, "lock.mmap", process);
			assert_float_equal(verdict->culprits[0].share, 5.0 / 30, 1e-6);
			// Where it keeps the CPUs from itself, only the lock is a stall.
			assert_int_equal(!strncmp(headline, "STALLED for want of CPU time", 28), situation == FROM_IT || situation == FROM_OTHERS);
			assert_int_equal(strstr(headline, "SEPARATELY") != NULL, situation == FROM_OTHERS);
			for (size_t j = 0; starved && j < stage.diagnosis->caution_count; j++)
				assert_silent(stage.diagnosis->cautions[j], "another cause");
		}
		if (!strcmp(expected, "confirmed")) {
			assert_accused(&stage, "lock.mmap", process);
			assert_float_equal(verdict->culprits[0].share, 0.5, 1e-6);
		}
		stage__free(&stage);
	}
}

// A queue that lasts a fortieth of the window is no stall, however much of a small demand it takes.
static void test_a_short_queue_of_many(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "starter", 100, 2000, 0, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 250);
	stage__lock_wait(&stage, lock, process, "write", 100, 900);
	stage__lock_hold(&stage, lock, process, "mmap", "write", 900);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "ruled_out");
	stage__free(&stage);
}

// Who lost next to nothing is no victim beside one that can well bear its waits.
static void test_a_small_loss_beside_a_bearable_one(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t server = stage__process(&stage, "server", 100, 90000, 0, 0), helper = stage__process(&stage, "helper", 101, 20, 0, 0);
	int64_t lock = stage__lock(&stage, "rwsem", 0, "do_unlinkat", 3000);
	stage__lock_wait(&stage, lock, server, "write", 1000, 3000);
	stage__lock_wait(&stage, lock, helper, "write", 10, 90);
	stage__lock_hold(&stage, lock, server, "unlink", "write", 3090);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.kernel", "ruled_out");
	stage__free(&stage);
}

// The CPU pressure has another cause: both must be said, in the order of their weight, and that they are separate.
static void test_two_stalls_are_two_sentences(void **state)
{
	(void)state;
	for (int lock_first = 0; lock_first < 2; lock_first++) {
		struct stage stage = stage__new(lock_first ? 6000 : 9500);
		add_fighter(&stage, 412);
		int64_t batch = stage__process(&stage, "batch", 500, 9000, 100, lock_first ? 12000 : 19000);
		int64_t server = stage__process(&stage, "server", 501, 1500, 4000, 0);
		stage__pair(&stage, server, OCCUPANT_TASK, batch, 3900);
		stage__judge(&stage);
		assert_verdict(&stage, "lock.mmap", "confirmed");
		assert_verdict(&stage, "cpu.oversubscription", "confirmed");
		assert_null(stage__verdict(&stage, "cpu.oversubscription")->under);
		const char *headline = stage.diagnosis->headline;
		const char *lock = strstr(headline, "on a kernel lock"), *cpu = strstr(headline, "for want of CPU time");
		assert_non_null(lock);
		assert_non_null(cpu);
		double lock_wall = stage__verdict(&stage, "lock.mmap")->wall_seconds, cpu_wall = stage__verdict(&stage, "cpu.oversubscription")->wall_seconds;
		assert_int_equal(lock < cpu, lock_wall > cpu_wall);
		assert_says(headline, "SEPARATELY");
		assert_says(headline, "batch (pid 500)");
		assert_says(stage.diagnosis->cautions[0], "counted by no pressure figure");
		assert_says(stage.diagnosis->cautions[0], "has another cause: cpu.oversubscription");
		stage__free(&stage);
	}
}

static void test_a_foreign_reader_is_the_culprit(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t database = stage__process(&stage, "database", 412, 9000, 1000, 0), monitor = stage__process(&stage, "monitor", 77, 3000, 10, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", database, NULL, 6000);
	stage__lock_wait(&stage, lock, database, "write", 100, 6000);
	stage__lock_wait(&stage, lock, database, "read", 100, 4000);
	stage__lock_wait(&stage, lock, monitor, "read", 100, 100);
	stage__lock_hold(&stage, lock, monitor, "read", "read", 8700);
	stage__lock_hold(&stage, lock, database, "mmap", "write", 1400);
	stage__lock_stack(&stage, lock, monitor, "owner", "smaps_pte_range+0x1\nshow_smap+0x20\nseq_read_iter+0x1", "read (libc.so.6)", 5000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "confirmed");
	assert_accused(&stage, "lock.mmap", monitor);
	assert_not_accused(&stage, "lock.mmap", database);
	assert_victim(&stage, "lock.mmap", database);
	const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
	assert_int_equal(verdict->culprit_count, 1);
	assert_says(verdict->culprits[0].note, "reads /proc/412/smaps of database (pid 412)");
	assert_says(verdict->summary, "monitor (pid 77) reads /proc/412/smaps of database");
	// Its readers wait behind a writer that waits for the reader: at least 4.1 + 8.7 - 10.1 s.
	bool told = false;
	for (size_t i = 0; i < verdict->evidence_count; i++)
		if (strstr(verdict->evidence[i].what, "a waiting writer stood before them")) {
			told = true;
			assert_float_equal(verdict->evidence[i].value, 2.7 / 10.1, 1e-6);
		}
	assert_true(told);
	assert_true(stage__offer(&stage, "lock.mmap", "stop-polling")->applicable);
	assert_says(stage__offer(&stage, "lock.mmap", "stop-polling")->why, "monitor (pid 77)");
	assert_false(stage__offer(&stage, "lock.mmap", "preload-allocator")->applicable);
	assert_null(stage__offer(&stage, "lock.mmap", "malloc-thresholds"));
	assert_null(stage__offer(&stage, "lock.mmap", "keep-buffers"));
	stage__free(&stage);
}

// Two address spaces at once: each sentence and each remedy is about its own parties.
static void test_two_locks_are_kept_apart(void **state)
{
	(void)state;
	for (int heavier = 0; heavier < 2; heavier++) {
		struct stage stage = stage__new(50);
		int64_t fighter = add_fighter(&stage, 412), database = stage__process(&stage, "database", 500, 3000, 0, 0);
		int64_t monitor = stage__process(&stage, "monitor", 77, 3000, 10, 0);
		int64_t lock = stage__lock(&stage, "mmap_lock", database, NULL, 6000), wait_ms = heavier ? 40000 : 9000;
		stage__lock_wait(&stage, lock, database, "write", 100, wait_ms);
		stage__lock_hold(&stage, lock, monitor, "read", "read", wait_ms);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.mmap");
		assert_accused(&stage, "lock.mmap", fighter);
		assert_accused(&stage, "lock.mmap", monitor);
		assert_not_accused(&stage, "lock.mmap", database);
		assert_float_equal(verdict->stall_seconds, 30 + (double)wait_ms / 1000, 1e-6);
		assert_says(verdict->summary, heavier ? "monitor (pid 77) reaches into database" : "threads of backup (pid 412) wait for their own");
		assert_silent(verdict->summary, heavier ? "backup" : "database");
		assert_says(stage__offer(&stage, "lock.mmap", "stop-polling")->why, "monitor (pid 77)");
		assert_says(stage__offer(&stage, "lock.mmap", "keep-buffers")->why, "backup spends");
		stage__free(&stage);
	}
}

static void test_two_directories_of_two_programs(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	static const char *const names[] = { "mailer", "indexer" }, *const places[] = { "do_unlinkat", "exotic_ioctl" };
	for (int i = 0; i < 2; i++) {
		int64_t process = stage__process(&stage, names[i], 100 + i, 3000, 0, 0);
		int64_t lock = stage__lock(&stage, "rwsem", 0, places[i], 6000);
		stage__lock_wait(&stage, lock, process, "write", 100, 9000 - i);
		stage__lock_hold(&stage, lock, process, "unlink", "write", 9000 - i);
	}
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.kernel");
	assert_int_equal(verdict->victim_count, 2);
	assert_says(verdict->summary, "tasks of mailer (pid 100) wait for each other");
	assert_silent(verdict->summary, "indexer");
	stage__free(&stage);
}

static void test_decoys_are_not_accused(void **state)
{
	(void)state;
	static const struct { const char *what; int64_t run_ms, waits, wait_ms, wall_ms; } decoys[] = {
		{ "many page faults with short waits", 19000, 100000, 900, 800 },
		{ "short locks at a high rate", 15000, 500000, 1400, 250 },
		{ "one long wait of a program that does nothing else", 2, 1, 90, 90 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(decoys); i++) {
		struct stage stage = stage__new(50);
		int64_t process = stage__process(&stage, "decoy", 100, decoys[i].run_ms, 0, 0);
		int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, decoys[i].wall_ms);
		stage__lock_wait(&stage, lock, process, "read", decoys[i].waits, decoys[i].wait_ms);
		stage__lock_hold(&stage, lock, process, "munmap", "write", decoys[i].wait_ms);
		stage__judge(&stage);
		if (stage__verdict(&stage, "lock.mmap")->kind != VERDICT_RULED_OUT)
			fail_msg("%s: %s", decoys[i].what, stage__verdict(&stage, "lock.mmap")->summary);
		stage__assert_no_accusation(&stage);
		assert_true(stage.diagnosis->healthy);
		assert_says(stage.diagnosis->headline, "CPU AND LOCKS HEALTHY");
		stage__free(&stage);
	}
}

// The queues of futexes are contended where a program's own locks are: no verdict about the kernel.
static void test_locks_of_a_program_are_not_the_kernels(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "mutexes", 100, 9000, 1000, 0);
	int64_t lock = stage__lock(&stage, "spinlock", 0, "futex_q_lock", 5000), queue = stage__lock(&stage, "spinlock", 0, "__schedule", 5000);
	stage__lock_wait(&stage, lock, process, "write", 100000, 9000);
	stage__lock_wait(&stage, queue, process, "write", 100000, 9000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.kernel", "ruled_out");
	assert_verdict(&stage, "lock.mmap", "ruled_out");
	stage__free(&stage);
}

// Places of one directory lock, each below the threshold, make one lock.
static void test_a_directory_lock_is_one_lock(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t mailer = stage__process(&stage, "mailer", 100, 4000, 200, 0);
	static const char *const places[] = { "do_unlinkat", "filename_create", "open_last_lookups.isra.0" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int64_t lock = stage__lock(&stage, "rwsem", 0, places[i], 4000);
		stage__lock_wait(&stage, lock, mailer, "write", 1000, 450);
		stage__lock_hold(&stage, lock, mailer, "unlink", "write", 450);
	}
	int64_t other = stage__lock(&stage, "mutex", 0, "pipe_read", 4000);
	stage__lock_wait(&stage, other, mailer, "write", 1000, 450);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "lock.kernel");
	assert_string_equal(verdict__name(verdict->kind), "contributing");
	assert_float_equal(verdict->stall_seconds, 1.35, 1e-6);
	assert_accused(&stage, "lock.kernel", mailer);
	assert_says(verdict->summary, "a directory's lock (i_rwsem)");
	assert_true(stage__offer(&stage, "lock.kernel", "spread-contention")->applicable);
	assert_says(stage__offer(&stage, "lock.kernel", "spread-contention")->why, "more directories");
	stage__free(&stage);
}

static void test_an_unknown_place_is_named_by_its_function(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t user = stage__process(&stage, "user", 100, 2000, 200, 0);
	int64_t lock = stage__lock(&stage, "mutex", 0, "exotic_driver_ioctl", 4000);
	stage__lock_wait(&stage, lock, user, "write", 100, 6000);
	stage__lock_hold(&stage, lock, user, "ioctl", "write", 6000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.kernel", "confirmed");
	assert_says(stage__verdict(&stage, "lock.kernel")->summary, "mutex in exotic_driver_ioctl");
	assert_false(stage__offer(&stage, "lock.kernel", "spread-contention")->applicable);
	stage__free(&stage);
}

// What the recorder summed up of many locks accuses nobody: who held one of them need not have held up who waited for another.
static void test_several_locks_are_no_lock(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t user = stage__process(&stage, "user", 100, 2000, 200, 0), other = stage__process(&stage, "other", 200, 2000, 200, 0);
	int64_t lock = stage__lock(&stage, "several", 0, NULL, 4000);
	stage__lock_wait(&stage, lock, user, "write", 100, 6000);
	stage__lock_hold(&stage, lock, other, "ioctl", "write", 6000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.kernel", "ruled_out");
	assert_verdict(&stage, "lock.mmap", "ruled_out");
	assert_int_equal(stage__verdict(&stage, "lock.kernel")->culprit_count, 0);
	stage__free(&stage);
}

// Of spinning locks no owner is known: many parties make no confirmed accusation; one party that makes all the waiting does.
static void test_spinning_locks(void **state)
{
	(void)state;
	for (int parties = 1; parties <= 3; parties += 2) {
		struct stage stage = stage__new(50);
		int64_t lock = stage__lock(&stage, "spinlock", 0, "folio_lruvec_lock_irqsave", 0);
		for (int i = 0; i < parties; i++) {
			int64_t process = stage__process(&stage, i == 0 ? "one" : i == 1 ? "two" : "three", 100 + i, 12000 / parties, 0, 0);
			struct lock_wait_row *wait = stage__lock_wait(&stage, lock, process, "write", 100000, 6000 / parties);
			wait->spin_ns = wait->sleep_ns;
			wait->sleep_ns = 0;
		}
		stage__lock_hold(&stage, lock, 0, "unknown", "write", 6000);
		stage__judge(&stage);
		const struct verdict *verdict = stage__verdict(&stage, "lock.kernel");
		assert_string_equal(verdict__name(verdict->kind), parties == 1 ? "confirmed" : "contributing");
		assert_int_equal(verdict->culprit_count, parties);
		assert_says(verdict->culprits[0].note, "holders of spinning locks are not known");
		assert_int_equal(verdict->counted_by_pressure, PRESSURE_CPU);
		// Six task-seconds of spinning on two CPUs take three seconds at least.
		assert_float_equal(verdict->wall_seconds, 3, 1e-6);
		assert_int_equal(verdict->doubt != NULL, parties > 1);
		stage__free(&stage);
	}
}

// Who occupies the CPUs because it spins for a lock: the crowd on the CPUs follows from the lock.
static void test_spinning_is_not_counted_twice(void **state)
{
	(void)state;
	struct stage stage = stage__new(6000);
	int64_t spinner = stage__process(&stage, "spinner", 100, 9000, 100, 12000), server = stage__process(&stage, "server", 200, 1500, 4000, 0);
	stage__pair(&stage, server, OCCUPANT_TASK, spinner, 3900);
	int64_t lock = stage__lock(&stage, "spinlock", 0, "folio_lruvec_lock_irqsave", 0);
	struct lock_wait_row *wait = stage__lock_wait(&stage, lock, spinner, "write", 100000, 6000);
	wait->spin_ns = wait->sleep_ns;
	wait->sleep_ns = 0;
	stage__judge(&stage);
	assert_verdict(&stage, "lock.kernel", "confirmed");
	const struct verdict *cpu = stage__verdict(&stage, "cpu.oversubscription");
	assert_string_equal(cpu->under, "lock.kernel");
	assert_string_equal(verdict__name(cpu->kind), "contributing");
	assert_says(cpu->culprits[0].note, "67 % of its CPU time it spun");
	stage__free(&stage);
}

// Rule 1: an owner that was not measured is not accused, and nothing is confirmed without one.
static void test_unknown_owners(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "daemon", 100, 9000, 1000, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 8000);
	stage__lock_wait(&stage, lock, process, "write", 1000, 20000);
	stage__lock_hold(&stage, lock, 0, "unknown", "write", 18000);
	stage__lock_hold(&stage, lock, process, "munmap", "write", 2000);
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "contributing");
	assert_int_equal(stage__verdict(&stage, "lock.mmap")->culprit_count, 0);
	assert_says(stage__verdict(&stage, "lock.mmap")->doubt, "known for 10 %");
	assert_says(stage__verdict(&stage, "lock.mmap")->summary, "who held it was not seen");
	stage__free(&stage);
}

// Rule 5: waits that were not recorded bound the verdict.
static void test_lost_waits_bound_verdicts(void **state)
{
	(void)state;
	static const struct { const char *counter; int64_t lost; const char *verdict; bool healthy; } cases[] = {
		{ "lock_states_lost", 0, "ruled_out", true }, { "lock_states_lost", 40, "ruled_out", true },
		{ "lock_states_lost", 9000, "not_testable", false }, { "lock_rows_lost", 9000, "not_testable", false },
		{ "lock_stacks_lost", 9000, "ruled_out", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(50);
		int64_t process = stage__process(&stage, "daemon", 100, 9000, 10, 0);
		int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 80);
		stage__lock_wait(&stage, lock, process, "write", 1000, 100);
		recording__set_counter(stage.recording, cases[i].counter, cases[i].lost, "lost");
		stage__judge(&stage);
		assert_verdict(&stage, "lock.mmap", cases[i].verdict);
		assert_verdict(&stage, "cpu.oversubscription", "ruled_out");
		assert_int_equal(stage.diagnosis->healthy, cases[i].healthy);
		if (!cases[i].healthy)
			assert_says(stage.diagnosis->cautions[0], "Kernel locks could not be judged");
		stage__free(&stage);
	}
}

// Missing scheduler events say nothing against what the locks' own account saw.
// Fewer lost than a twentieth hide nothing, also where much was waited.
static void test_few_lost_waits_hide_nothing(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t process = stage__process(&stage, "daemon", 100, 300000, 10, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", process, NULL, 9000);
	stage__lock_wait(&stage, lock, process, "write", 1000, 15000);
	recording__set_counter(stage.recording, "lock_states_lost", 40, "lost");
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "ruled_out");
	stage__free(&stage);
}

static void test_healthy_names_what_was_judged(void **state)
{
	(void)state;
	for (int pressure_ms = 10; pressure_ms < 400; pressure_ms += 300) {
		struct stage stage = stage__new(pressure_ms);
		recording__set_meta(stage.recording, "locks", "1");
		stage__judge(&stage);
		assert_true(stage.diagnosis->healthy);
		assert_says(stage.diagnosis->headline, "CPU AND LOCKS HEALTHY");
		stage__free(&stage);
	}
}

static void test_accounts_bound_only_their_own_verdicts(void **state)
{
	(void)state;
	struct stage stage = stage__new(6000);
	add_fighter(&stage, 412);
	stage.recording->cpu[1].credit_unknown_task_ns = 90000 * STAGE_MS;
	stage.recording->book[0].victims_ns /= 2;
	stage__judge(&stage);
	assert_verdict(&stage, "lock.mmap", "confirmed");
	stage__free(&stage);
}

static void test_not_testable_without_tracepoints(void **state)
{
	(void)state;
	for (int recorded = 0; recorded < 2; recorded++) {
		struct stage stage = stage__new(12);
		if (recorded)
			recording__set_meta(stage.recording, "locks", "0");
		stage__judge(&stage);
		assert_verdict(&stage, "lock.mmap", "not_testable");
		assert_verdict(&stage, "lock.kernel", "not_testable");
		assert_says(stage__verdict(&stage, "lock.mmap")->summary, recorded ? "contention_begin" : "no lock waits");
		// What cannot be judged at all makes the rest no less sound; it is said.
		assert_true(stage.diagnosis->healthy);
		assert_says(stage.diagnosis->headline, "CPU HEALTHY");
		assert_silent(stage.diagnosis->headline, "LOCKS");
		assert_int_equal(stage.diagnosis->caution_count, 0);
		stage__free(&stage);
	}
}

// Several processes of one kind, each with a lock of its own, are judged one by one and named as one party.
static void test_one_of_many_workers(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	for (int i = 0; i < 8; i++)
		stage__process(&stage, "worker", 100 + i, 2000, 0, 0);
	int64_t lock = stage__lock(&stage, "mmap_lock", 3, NULL, 5000);
	stage__lock_wait(&stage, lock, 3, "write", 100, 4000);
	stage__lock_hold(&stage, lock, 3, "munmap", "write", 4000);
	stage__judge(&stage);
	// 4 of the 6 s that this worker wanted, not 4 of the 20 s that all of them did.
	assert_verdict(&stage, "lock.mmap", "confirmed");
	assert_float_equal(stage__verdict(&stage, "lock.mmap")->victims[0].loss, 4.0 / 6, 1e-6);
	stage__free(&stage);
}

static void test_whystall_is_never_accused(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t database = stage__process(&stage, "database", 412, 5000, 0, 0), tool = stage__process(&stage, "whystall", 77, 100, 0, 0);
	recording__set_meta(stage.recording, "tool_pid", "77");
	int64_t lock = stage__lock(&stage, "mmap_lock", database, NULL, 6000);
	stage__lock_wait(&stage, lock, database, "write", 100, 6000);
	stage__lock_hold(&stage, lock, tool, "read", "read", 6000);
	stage__judge(&stage);
	assert_not_accused(&stage, "lock.mmap", tool);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_that_fight),
		cmocka_unit_test(test_waiting_for_a_cpu_is_not_counted_here),
		cmocka_unit_test(test_housekeeping_is_no_victim),
		cmocka_unit_test(test_a_convoy_follows_from_want_of_cpus), cmocka_unit_test(test_what_does_not_count_is_said),
		cmocka_unit_test(test_a_short_queue_of_many),
		cmocka_unit_test(test_a_small_loss_beside_a_bearable_one),
		cmocka_unit_test(test_few_lost_waits_hide_nothing),
		cmocka_unit_test(test_healthy_names_what_was_judged),
		cmocka_unit_test(test_two_stalls_are_two_sentences),
		cmocka_unit_test(test_a_foreign_reader_is_the_culprit),
		cmocka_unit_test(test_two_locks_are_kept_apart),
		cmocka_unit_test(test_two_directories_of_two_programs),
		cmocka_unit_test(test_decoys_are_not_accused),
		cmocka_unit_test(test_locks_of_a_program_are_not_the_kernels),
		cmocka_unit_test(test_a_directory_lock_is_one_lock),
		cmocka_unit_test(test_an_unknown_place_is_named_by_its_function),
		cmocka_unit_test(test_several_locks_are_no_lock),
		cmocka_unit_test(test_spinning_locks),
		cmocka_unit_test(test_spinning_is_not_counted_twice),
		cmocka_unit_test(test_unknown_owners),
		cmocka_unit_test(test_lost_waits_bound_verdicts),
		cmocka_unit_test(test_accounts_bound_only_their_own_verdicts),
		cmocka_unit_test(test_not_testable_without_tracepoints),
		cmocka_unit_test(test_one_of_many_workers),
		cmocka_unit_test(test_whystall_is_never_accused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
