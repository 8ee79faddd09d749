// Verdicts about memory: who had to wait for it, who took it, and who is not accused.
#include "ledger/attribution.h"
#include "unit/stage_locks.h"

#include <math.h>

#include "causes/memory_case.h"
#include "ledger/memory.h"

#define MIB (1LL << 20)
#define PATH "/shop"

static struct stage stage_of_memory(void)
{
	struct stage stage = stage__new(50);
	recording__set_meta(stage.recording, "probe.memory", "on");
	recording__set_meta(stage.recording, "probe.memory.compaction", "on");
	recording__set_meta(stage.recording, "thp_enabled", "always");
	recording__set_meta(stage.recording, "thp_defrag", "always");
	return stage;
}

static struct activity_row *add_activity(struct stage *stage, const char *kind, const char *key, int64_t process, int64_t count, int64_t ms,
					 int64_t amount)
{
	struct activity_row *row = recording__add_activity(stage->recording);
	*row = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy(kind), .key = base__copy(key), .process = process, .cpu = -1,
				      .count = count, .ns = ms * STAGE_MS, .max_ns = ms * STAGE_MS / 10, .amount = amount };
	return row;
}

// A section: all of it, of which `running` on a CPU and `queued` waiting for one.
static void add_section(struct stage *stage, const char *kind, const char *key, int64_t process, int64_t count, int64_t ms, int64_t running_ms,
			int64_t queued_ms, int64_t pages)
{
	cleanup_free char *running = base__format("%s_running", kind), *queued = base__format("%s_queued", kind);
	add_activity(stage, kind, key, process, count, ms, pages);
	add_activity(stage, running, key, process, count, running_ms, 0);
	add_activity(stage, queued, key, process, count, queued_ms, 0);
}

static void add_counter(struct stage *stage, const char *source, const char *key, const char *name, int64_t before, int64_t after)
{
	*recording__add_kernel_counter(stage->recording) =
		(struct kernel_counter_row){ base__copy(source), base__copy(key), base__copy(name), before, after };
}

// Each CPU had this much memory pressure, all of it the process'.
static void add_pressure(struct stage *stage, int64_t process, int64_t ms, int64_t running_ms)
{
	*recording__add_pressure_share(stage->recording) = (struct pressure_share_row){
		.process = process, .resource = base__copy("memory"), .some_ns = ms * STAGE_MS, .running_ns = running_ms * STAGE_MS };
	for (int cpu = 0; cpu < 2; cpu++) {
		stage->recording->fold[cpu].memory_some_ns += ms * STAGE_MS / 2;
		struct resource_book_row *book = recording__add_resource_book(stage->recording);
		*book = (struct resource_book_row){ .resource = base__copy("memory"), .kind = base__copy("some"), .cpu = cpu,
						    .meter_ns = ms * STAGE_MS / 2, .victims_ns = ms * STAGE_MS / 2 };
	}
	*recording__add_pressure(stage->recording) = (struct pressure_row){ 0, base__copy("memory"), base__copy("some"), ms * STAGE_MS / 2 };
}

static void add_limit(struct stage *stage, const char *path, int64_t limit, int64_t strikes)
{
	add_counter(stage, "memcg.v2", path, "limit_bytes", limit, limit);
	add_counter(stage, "memcg.v2", path, "current_bytes", limit, limit);
	add_counter(stage, "memcg.v2", path, "events_max", 100, 100 + strikes);
}

static const struct party *quota(const struct stage *stage)
{
	const struct verdict *verdict = stage__verdict(stage, "memory.limit");
	return verdict->culprit_count && verdict->culprits[0].kind == PARTY_QUOTA ? &verdict->culprits[0] : NULL;
}

// ---- memory.limit ----

static void test_a_limit_is_the_culprit(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t builder = stage__process(&stage, "builder", 100, 6000, 100, 0), other = stage__process(&stage, "other", 200, 6000, 10, 0);
	add_section(&stage, "limit_reclaim", PATH "/job", builder, 500, 4000, 2500, 500, 100000);
	add_limit(&stage, PATH, 64 * MIB, 5000);
	add_pressure(&stage, builder, 4000, 2500);
	add_activity(&stage, "anonymous_growth", "", other, 0, 0, 900 * MIB);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.limit", "confirmed");
	assert_victim(&stage, "memory.limit", builder);
	assert_non_null(quota(&stage));
	// The limit that was hit is above the task's own cgroup.
	assert_string_equal(quota(&stage)->name, PATH);
	assert_says(quota(&stage)->note, "64 MiB (memory.max), hit 5000 times");
	// Waiting for a CPU meanwhile is not counted: 3.5 of 4 s; a process that grew outside has nothing to do with it.
	assert_float_equal(stage__verdict(&stage, "memory.limit")->stall_seconds, 3.5, 1e-6);
	assert_float_equal(stage__verdict(&stage, "memory.limit")->wall_seconds, 2, 1e-3);
	assert_float_equal(stage__verdict(&stage, "memory.limit")->victims[0].loss, 3.5 / 7, 1e-6);
	assert_not_accused(&stage, "memory.limit", other);
	assert_verdict(&stage, "memory.reclaim", "ruled_out");
	assert_verdict(&stage, "memory.thrash", "ruled_out");
	assert_says(stage__verdict(&stage, "memory.limit")->checks[0].command, "/sys/fs/cgroup" PATH "/memory.events.local");
	// Nothing is known to be left: a higher limit would make the want of memory everybody's.
	assert_false(stage__offer(&stage, "memory.limit", "raise-memory-limit")->applicable);
	stage__free(&stage);
}

static void test_a_higher_limit_where_there_is_memory(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t builder = stage__process(&stage, "builder", 100, 6000, 100, 0);
	add_section(&stage, "limit_reclaim", PATH, builder, 500, 4000, 3500, 0, 100000);
	add_limit(&stage, PATH, 64 * MIB, 5000);
	add_pressure(&stage, builder, 4000, 2500);
	add_counter(&stage, "meminfo", "", "MemAvailable", 8 << 20, 8 << 20);
	stage__judge(&stage);
	assert_true(stage__offer(&stage, "memory.limit", "raise-memory-limit")->applicable);
	assert_string_equal(stage__offer(&stage, "memory.limit", "raise-memory-limit")->command, "echo 134217728 > /sys/fs/cgroup" PATH "/memory.max");
	assert_true(stage__offer(&stage, "memory.limit", "smaller-working-set")->applicable);
	stage__free(&stage);
}

// Whoever writes to memory.reclaim, or lowers a limit, frees memory on purpose.
static void test_reclaim_on_purpose_is_no_limit(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t manager = stage__process(&stage, "manager", 100, 6000, 10, 0);
	add_section(&stage, "limit_reclaim", "/manager", manager, 500, 4000, 4000, 0, 100000);
	add_limit(&stage, PATH, 64 * MIB, 0);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.limit", "ruled_out");
	assert_int_equal(stage__verdict(&stage, "memory.limit")->culprit_count, 0);
	stage__free(&stage);
}

static void test_a_full_limit_that_holds_nobody_up(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t reader = stage__process(&stage, "reader", 100, 9000, 10, 0);
	// It frees clean pages in passing, 5 % of its time.
	add_section(&stage, "limit_reclaim", PATH, reader, 5000, 450, 450, 0, 300000);
	add_limit(&stage, PATH, 64 * MIB, 5000);
	add_pressure(&stage, reader, 450, 450);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.limit", "ruled_out");
	assert_says(stage__verdict(&stage, "memory.limit")->summary, "too little");
	stage__assert_no_accusation(&stage);
	stage__free(&stage);
}

static void test_the_penalty_of_memory_high(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t builder = stage__process(&stage, "builder", 100, 1000, 10, 0);
	free(stage.recording->process[builder - 1].cgroup);
	stage.recording->process[builder - 1].cgroup = base__copy(PATH);
	int64_t stack = stage__stack(&stage, "schedule_timeout_killable+0x1\n__mem_cgroup_handle_over_high+0x90\nexit_to_user_mode_loop+0x2");
	*recording__add_sleep(stage.recording) = (struct sleep_row){
		.process = builder, .operation = base__copy("page fault"), .reason = base__copy("memory"), .waker_kind = base__copy("softirq"),
		.kernel_stack = stack, .ns = 8000 * STAGE_MS, .times = 40, .max_ns = 2000 * STAGE_MS, .memory_some_ns = 8000 * STAGE_MS };
	add_counter(&stage, "memcg.v2", PATH, "high_bytes", 32 * MIB, 32 * MIB);
	add_counter(&stage, "memcg.v2", PATH, "events_high", 0, 40);
	add_pressure(&stage, builder, 8000, 0);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.limit", "confirmed");
	assert_non_null(quota(&stage));
	assert_says(quota(&stage)->note, "32 MiB (memory.high)");
	assert_says(stage__verdict(&stage, "memory.limit")->summary, "to sleep for 89 %");
	assert_verdict(&stage, "memory.thrash", "ruled_out");
	stage__free(&stage);
}

// ---- memory.reclaim ----

static void test_who_grew_is_accused_and_not_who_waited(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t server = stage__process(&stage, "server", 100, 3000, 10, 0), hog = stage__process(&stage, "hog", 200, 2000, 10, 0);
	int64_t backup = stage__process(&stage, "backup", 300, 2000, 10, 0), small = stage__process(&stage, "small", 400, 2000, 10, 0);
	add_counter(&stage, "meminfo", "", "MemTotal", 4 << 20, 4 << 20);
	add_counter(&stage, "sysctl.vm", "", "watermark_scale_factor", 10, 10);
	add_section(&stage, "direct_reclaim", "", server, 900, 2500, 1000, 0, 30000);
	add_pressure(&stage, server, 2500, 1000);
	add_activity(&stage, "anonymous_growth", "", hog, 0, 0, 900 * MIB);
	add_activity(&stage, "page_cache_fill", "", backup, 5000, 0, 700 * MIB);
	add_activity(&stage, "anonymous_growth", "", small, 0, 0, 50 * MIB);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.reclaim", "confirmed");
	assert_victim(&stage, "memory.reclaim", server);
	assert_accused(&stage, "memory.reclaim", hog);
	assert_accused(&stage, "memory.reclaim", backup);
	assert_not_accused(&stage, "memory.reclaim", server);
	assert_not_accused(&stage, "memory.reclaim", small);
	assert_says(stage__verdict(&stage, "memory.reclaim")->culprits[0].note, "grew by 900 MiB of memory of its own");
	assert_says(stage__verdict(&stage, "memory.reclaim")->culprits[1].note, "700 MiB of files");
	assert_verdict(&stage, "memory.limit", "ruled_out");
	// hog has no cgroup of its own.
	assert_false(stage__offer(&stage, "memory.reclaim", "cap-memory")->applicable);
	assert_true(stage__offer(&stage, "memory.reclaim", "memory-reserve")->applicable);
	assert_string_equal(stage__offer(&stage, "memory.reclaim", "memory-reserve")->command, "sysctl -w vm.watermark_scale_factor=100");
	stage__free(&stage);
}

// Rule 1: where nobody grew measurably, nobody is accused, and it is said.
static void test_nobody_grew(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t server = stage__process(&stage, "server", 100, 3000, 10, 0), hog = stage__process(&stage, "hog", 200, 2000, 10, 0);
	add_counter(&stage, "meminfo", "", "MemTotal", 4 << 20, 4 << 20);
	add_section(&stage, "direct_reclaim", "", server, 900, 2500, 1000, 0, 30000);
	add_pressure(&stage, server, 2500, 1000);
	// It holds most of the memory, but took hardly any in this window.
	add_activity(&stage, "anonymous", "", hog, 0, 0, 3000 * MIB);
	add_activity(&stage, "anonymous_growth", "", hog, 0, 0, 2 * MIB);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.reclaim", "confirmed");
	assert_int_equal(stage__verdict(&stage, "memory.reclaim")->culprit_count, 0);
	assert_says(stage__verdict(&stage, "memory.reclaim")->summary, "nobody was seen to take much");
	stage__free(&stage);
}

static void test_the_kernels_own_growth(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t server = stage__process(&stage, "server", 100, 3000, 10, 0);
	add_counter(&stage, "meminfo", "", "MemTotal", 4 << 20, 4 << 20);
	add_counter(&stage, "arcstats", "", "size", 100 * MIB, 1200 * MIB);
	add_section(&stage, "direct_reclaim", "", server, 900, 2500, 1000, 0, 30000);
	add_pressure(&stage, server, 2500, 1000);
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "memory.reclaim")->culprits[0].kind, PARTY_KERNEL);
	assert_says(stage__verdict(&stage, "memory.reclaim")->culprits[0].name, "ARC");
	stage__free(&stage);
}

// kswapd's own work is memory pressure to PSI, and nobody's wait.
static void test_background_work_is_no_victim(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t kswapd = stage__process(&stage, "kswapd0", 60, 2000, 10, 0), hog = stage__process(&stage, "hog", 200, 2000, 10, 0);
	stage.recording->process[kswapd - 1].kernel_thread = 1;
	add_section(&stage, "direct_reclaim", "", kswapd, 10, 1000, 1000, 0, 100);
	add_pressure(&stage, kswapd, 2000, 2000);
	add_activity(&stage, "anonymous_growth", "", hog, 0, 0, 900 * MIB);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.reclaim", "ruled_out");
	stage__free(&stage);
}

// ---- memory.thrash ----

// Under a limit: the limit is the cause, the thrashing its effect.
static void test_thrash_follows_from_its_limit(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t cache = stage__process(&stage, "cache", 100, 6000, 10, 0);
	add_section(&stage, "limit_reclaim", PATH, cache, 900, 4000, 3500, 0, 100000);
	add_limit(&stage, PATH, 64 * MIB, 5000);
	add_counter(&stage, "memcg.v2", PATH, "refault_anon", 0, 90000);
	add_counter(&stage, "vmstat", "", "workingset_refault_anon", 0, 90000);
	add_activity(&stage, "major_faults", "", cache, 90000, 0, 0);
	add_activity(&stage, "anonymous", "", cache, 0, 0, 256 * MIB);
	// 600 ms beyond reclaim: swapping in.
	add_pressure(&stage, cache, 4600, 4100);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.limit", "confirmed");
	const struct verdict *thrash = stage__verdict(&stage, "memory.thrash");
	assert_int_equal(thrash->kind, VERDICT_CONTRIBUTING);
	assert_string_equal(thrash->under, "memory.limit");
	assert_accused(&stage, "memory.thrash", cache);
	assert_victim(&stage, "memory.thrash", cache);
	// Nine tenths of the room that was made, and the swapping in.
	assert_float_equal(thrash->stall_seconds, 0.9 * 4 + 0.6, 1e-6);
	assert_says(thrash->culprits[0].note, "90000 pages back");
	assert_says(thrash->culprits[0].note, "256 MiB");
	assert_null(stage__offer(&stage, "memory.thrash", "zram"));
	stage__free(&stage);
}

// Swap on a slow disk: to free pages takes little time, to get them back takes most of it. The limit is the cause all the same, as far as
// it was the limit that they had to go for.
static void test_a_limit_with_slow_swap(void **state)
{
	(void)state;
	static const struct { int64_t freed_for_machine, pages_for_limit; const char *verdict; } cases[] = {
		{ 0, 40000, "confirmed" }, { 40000, 40000, "confirmed" }, { 4000000, 40000, "ruled_out" }, { 0, 0, "ruled_out" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stage = stage_of_memory();
		int64_t cache = stage__process(&stage, "cache", 100, 1000, 10, 0);
		int64_t stack = stage__stack(&stage, "io_schedule+0x1\nfolio_wait_bit_common+0x2\ndo_swap_page+0x3");
		*recording__add_sleep(stage.recording) = (struct sleep_row){
			.process = cache, .operation = base__copy("page fault"), .reason = base__copy("io"), .waker_kind = base__copy("block"),
			.device = base__copy("254:0"), .kernel_stack = stack, .ns = 6000 * STAGE_MS, .times = 3000, .max_ns = 20 * STAGE_MS,
			.io_some_ns = 6000 * STAGE_MS, .memory_some_ns = 2000 * STAGE_MS };
		add_section(&stage, "limit_reclaim", PATH, cache, 900, 200, 190, 0, cases[i].pages_for_limit);
		add_limit(&stage, PATH, 64 * MIB, 5000);
		add_counter(&stage, "vmstat", "", "pgsteal_kswapd", 0, cases[i].freed_for_machine / 2);
		add_section(&stage, "direct_reclaim", "", cache, 1, 1, 1, 0, cases[i].freed_for_machine / 2);
		// Linux 7.2 counts what goes for limits here.
		add_counter(&stage, "vmstat", "", "pgsteal_direct", 0, 4000000);
		add_counter(&stage, "vmstat", "", "workingset_refault_anon", 0, 39000);
		add_activity(&stage, "major_faults", "", cache, 39000, 0, 0);
		add_pressure(&stage, cache, 2200, 190);
		stage__judge(&stage);
		assert_verdict(&stage, "memory.limit", cases[i].verdict);
		bool limited = !strcmp(cases[i].verdict, "confirmed");
		if (limited) {
			assert_non_null(quota(&stage));
			assert_victim(&stage, "memory.limit", cache);
			assert_says(stage__verdict(&stage, "memory.limit")->summary, "free pages that it wants back");
		}
		// With half of the pages, the half of the waiting is too little to be all of it.
		if (i == 0)
			assert_string_equal(stage__verdict(&stage, "memory.thrash")->under, "memory.limit");
		else if (!limited)
			assert_null(stage__verdict(&stage, "memory.thrash")->under);
		assert_true(stage__verdict(&stage, "memory.thrash")->kind >= VERDICT_CONTRIBUTING);
		stage__free(&stage);
	}
}

// Whoever waits for swap waits for a disk: that is no pressure of I/O without a cause.
static void test_swapping_explains_pressure_of_io(void **state)
{
	(void)state;
	for (int swapping = 0; swapping < 2; swapping++) {
		struct stage stage = stage_of_memory();
		int64_t cache = stage__process(&stage, "cache", 100, 1000, 10, 0);
		int64_t swap = stage__stack(&stage, "io_schedule+0x1\nfolio_wait_bit_common+0x2\ndo_swap_page+0x3");
		int64_t read = stage__stack(&stage, "io_schedule+0x1\nfolio_wait_bit_common+0x2\nfilemap_read+0x3");
		*recording__add_sleep(stage.recording) = (struct sleep_row){
			.process = cache, .operation = base__copy("page fault"), .reason = base__copy("io"), .waker_kind = base__copy("block"),
			.device = base__copy("254:0"), .kernel_stack = swap, .ns = 6000 * STAGE_MS, .times = 3000, .max_ns = 20 * STAGE_MS,
			.io_some_ns = swapping ? 6000 * STAGE_MS : 0, .memory_some_ns = 2000 * STAGE_MS };
		*recording__add_sleep(stage.recording) = (struct sleep_row){
			.process = cache, .operation = base__copy("read"), .reason = base__copy("io"), .waker_kind = base__copy("block"),
			.device = base__copy("254:0"), .kernel_stack = read, .ns = 6000 * STAGE_MS, .times = 30000, .max_ns = STAGE_MS,
			.io_some_ns = swapping ? 0 : 6000 * STAGE_MS };
		add_counter(&stage, "vmstat", "", "workingset_refault_anon", 0, 39000);
		add_activity(&stage, "major_faults", "", cache, 39000, 0, 0);
		add_pressure(&stage, cache, 2200, 190);
		*recording__add_pressure_share(stage.recording) = (struct pressure_share_row){
			.process = cache, .resource = base__copy("io"), .some_ns = 6000 * STAGE_MS };
		for (int cpu = 0; cpu < 2; cpu++) {
			stage.recording->fold[cpu].io_some_ns += 3000 * STAGE_MS;
			*recording__add_resource_book(stage.recording) = (struct resource_book_row){
				.resource = base__copy("io"), .kind = base__copy("some"), .cpu = cpu, .meter_ns = 3000 * STAGE_MS, .victims_ns = 3000 * STAGE_MS };
		}
		*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 3000 * STAGE_MS };
		stage__judge(&stage);
		assert_verdict(&stage, "memory.thrash", "confirmed");
		// Either way the I/O pressure has a cause; only swapped pages are memory's.
		assert_float_equal(stage.diagnosis->unattributed_seconds[2], 0, 1e-9);
		assert_true((attributions__system(stage.diagnosis->attributions, "io")->parts[CAUSE_MEMORY_THRASH].seconds > 0) == swapping);
		stage__free(&stage);
	}
}

static void test_a_machine_that_thrashes(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t cache = stage__process(&stage, "cache", 100, 3000, 10, 0), bystander = stage__process(&stage, "bystander", 200, 3000, 10, 0);
	int64_t stack = stage__stack(&stage, "io_schedule+0x1\nfolio_wait_bit_common+0x2\nfilemap_fault+0x3");
	*recording__add_sleep(stage.recording) = (struct sleep_row){
		.process = cache, .operation = base__copy("page fault"), .reason = base__copy("memory"), .waker_kind = base__copy("block"),
		.device = base__copy("254:0"), .kernel_stack = stack, .ns = 5000 * STAGE_MS, .times = 5000, .max_ns = 20 * STAGE_MS,
		.memory_some_ns = 5000 * STAGE_MS };
	add_counter(&stage, "vmstat", "", "workingset_refault_file", 0, 50000);
	add_counter(&stage, "vmstat", "", "pgsteal_kswapd", 0, 60000);
	add_activity(&stage, "major_faults", "", cache, 49000, 0, 0);
	add_activity(&stage, "major_faults", "", bystander, 1000, 0, 0);
	add_pressure(&stage, cache, 5000, 0);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.thrash", "confirmed");
	assert_accused(&stage, "memory.thrash", cache);
	assert_not_accused(&stage, "memory.thrash", bystander);
	assert_verdict(&stage, "memory.limit", "ruled_out");
	assert_verdict(&stage, "memory.reclaim", "ruled_out");
	stage__free(&stage);
}

// A cold start reads many pages, and none of them a second time.
static void test_cold_reads_are_no_thrash(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t cold = stage__process(&stage, "cold", 100, 3000, 10, 0);
	add_counter(&stage, "vmstat", "", "workingset_refault_file", 0, 300);
	add_activity(&stage, "major_faults", "", cold, 20000, 0, 0);
	add_pressure(&stage, cold, 1000, 1000);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.thrash", "ruled_out");
	stage__free(&stage);
}

// ---- memory.compaction ----

static void test_huge_pages(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t database = stage__process(&stage, "database", 100, 8000, 10, 0);
	add_section(&stage, "compaction", "order 9", database, 900, 4000, 4000, 0, 0);
	add_section(&stage, "compaction", "order 3", database, 90, 100, 100, 0, 0);
	add_activity(&stage, "compaction_work", "", 0, 50, 900, 0);
	add_counter(&stage, "vmstat", "", "compact_stall", 0, 990);
	add_pressure(&stage, database, 4100, 4100);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.compaction", "confirmed");
	const struct verdict *verdict = stage__verdict(&stage, "memory.compaction");
	assert_victim(&stage, "memory.compaction", database);
	assert_int_equal(verdict->culprit_count, 1);
	assert_string_equal(verdict->culprits[0].name, "transparent huge pages");
	assert_says(verdict->culprits[0].note, "defrag = always");
	assert_string_equal(stage__offer(&stage, "memory.compaction", "thp-defrag")->command,
			    "echo defer+madvise > /sys/kernel/mm/transparent_hugepage/defrag");
	assert_verdict(&stage, "memory.reclaim", "ruled_out");
	stage__free(&stage);
}

static void test_compaction_is_not_testable_without_its_tracepoints(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	recording__set_meta(stage.recording, "probe.memory.compaction", "this kernel has no tracepoints of compaction");
	stage__judge(&stage);
	assert_verdict(&stage, "memory.compaction", "not_testable");
	assert_verdict(&stage, "memory.reclaim", "ruled_out");
	stage__free(&stage);
}

// ---- memory.kswapd ----

static void test_kswapd(void **state)
{
	(void)state;
	static const struct { int64_t run_ms, wait_ms; const char *verdict; } cases[] = {
		{ 500, 0, "ruled_out" }, { 4000, 0, "contributing" }, { 4000, 2500, "confirmed" }, { 1500, 1500, "contributing" }, { 900, 2500, "ruled_out" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage_of_memory();
		int64_t kswapd = stage__process(&stage, "kswapd0", 60, cases[i].run_ms, 10, 0), hog = stage__process(&stage, "hog", 200, 2000, 10, 0);
		int64_t server = stage__process(&stage, "server", 300, 4000, cases[i].wait_ms, 0);
		stage.recording->process[kswapd - 1].kernel_thread = 1;
		if (cases[i].wait_ms)
			stage__pair(&stage, server, OCCUPANT_TASK, kswapd, cases[i].wait_ms);
		add_counter(&stage, "meminfo", "", "MemTotal", 1 << 20, 1 << 20);
		add_activity(&stage, "page_cache_fill", "", hog, 5000, 0, 700 * MIB);
		add_activity(&stage, "kswapd_wakeup", "", hog, 77, 0, 0);
		stage__judge(&stage);
		assert_verdict(&stage, "memory.kswapd", cases[i].verdict);
		if (strcmp(cases[i].verdict, "ruled_out"))
			assert_accused(&stage, "memory.kswapd", hog);
		assert_not_accused(&stage, "memory.kswapd", kswapd);
		stage__free(&stage);
	}
}

// ---- all of them ----

static void test_nothing_happened(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t big = stage__process(&stage, "big", 100, 8000, 10, 0);
	add_activity(&stage, "anonymous", "", big, 0, 0, 3000 * MIB);
	add_activity(&stage, "anonymous_growth", "", big, 0, 0, 2000 * MIB);
	add_activity(&stage, "page_cache_fill", "", big, 0, 0, 2000 * MIB);
	add_limit(&stage, PATH, 64 * MIB, 0);
	stage__judge(&stage);
	stage__assert_no_accusation(&stage);
	static const char *const causes[] = { "memory.reclaim", "memory.kswapd", "memory.limit", "memory.thrash", "memory.compaction" };
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		assert_verdict(&stage, causes[i], "ruled_out");
	stage__free(&stage);
}

static void test_without_probes_nothing_is_ruled_out(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	recording__set_meta(stage.recording, "probe.memory", "this kernel has no tracepoints of memory reclaim");
	stage__judge(&stage);
	assert_verdict(&stage, "memory.reclaim", "not_testable");
	assert_says(stage__verdict(&stage, "memory.limit")->summary, "no tracepoints of memory reclaim");
	stage__free(&stage);
}

// Without PSI the probes alone decide, by what so many CPUs need at least.
static void test_without_pressure_figures(void **state)
{
	(void)state;
	struct stage stage = stage_of_memory();
	int64_t server = stage__process(&stage, "server", 100, 5000, 10, 0);
	add_section(&stage, "direct_reclaim", "", server, 900, 4000, 3000, 0, 30000);
	stage__judge(&stage);
	assert_verdict(&stage, "memory.reclaim", "confirmed");
	assert_float_equal(stage__verdict(&stage, "memory.reclaim")->wall_seconds, 2, 1e-6);
	stage__free(&stage);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_string_equal(memory__bytes(64.0 * MIB).text, "64 MiB");
	assert_string_equal(memory__bytes(1.5 * 1024 * MIB).text, "1.5 GiB");
	assert_string_equal(memory__bytes(0).text, "0 KiB");
	assert_string_equal(memory__bytes(1024.0 * MIB).text, "1 GiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_limit_is_the_culprit), cmocka_unit_test(test_a_higher_limit_where_there_is_memory),
		cmocka_unit_test(test_reclaim_on_purpose_is_no_limit),
		cmocka_unit_test(test_a_full_limit_that_holds_nobody_up), cmocka_unit_test(test_the_penalty_of_memory_high),
		cmocka_unit_test(test_who_grew_is_accused_and_not_who_waited), cmocka_unit_test(test_nobody_grew),
		cmocka_unit_test(test_the_kernels_own_growth), cmocka_unit_test(test_background_work_is_no_victim),
		cmocka_unit_test(test_thrash_follows_from_its_limit), cmocka_unit_test(test_a_limit_with_slow_swap),
		cmocka_unit_test(test_swapping_explains_pressure_of_io), cmocka_unit_test(test_a_machine_that_thrashes),
		cmocka_unit_test(test_cold_reads_are_no_thrash), cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_compaction_is_not_testable_without_its_tracepoints), cmocka_unit_test(test_kswapd),
		cmocka_unit_test(test_nothing_happened), cmocka_unit_test(test_without_probes_nothing_is_ruled_out),
		cmocka_unit_test(test_without_pressure_figures), cmocka_unit_test(test_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
