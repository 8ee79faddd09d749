// Memory that is mapped, faulted in and given back: what counts as churn, and who is accused of it.
#include "unit/stage_locks.h"

#include <math.h>

#include "ledger/memory_churn.h"

// 4 KiB pages.
static void add_faults(struct stage *stage, int64_t process, int64_t faults, int64_t kept_bytes)
{
	*recording__add_activity(stage->recording) = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy("minor_faults"),
		.key = base__copy(""), .process = process, .cpu = -1, .count = faults, .amount = kept_bytes };
	recording__set_meta(stage->recording, "page_size", "4096");
	recording__set_meta(stage->recording, "probe.memory", "on");
}

static void test_the_part_that_was_given_back(void **state)
{
	static const struct { int64_t faults, kept; double part; } cases[] = {
		{ 100000, 0, 1 }, { 100000, 102400000, 0.75 }, { 100000, 409600000, 0 }, { 100000, 900000000, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(100);
		int64_t one = stage__process(&stage, "one", 100, 5000, 0, 0), other = stage__process(&stage, "other", 200, 5000, 0, 0);
		add_faults(&stage, one, cases[i].faults, cases[i].kept);
		stage__judge(&stage);
		assert_true(fabs(memory_churn__returned_part(stage.ledger, one) - cases[i].part) < 1e-9);
		assert_true(memory_churn__returned_part(stage.ledger, other) == 0);
		assert_true(memory_churn__returned_part(stage.ledger, 0) == 0);
		stage__free(&stage);
	}
}

// ---- the cause ----

#define FAULT "clear_page_erms+0x7\nget_page_from_freelist+0x10\ndo_anonymous_page+0x10\nhandle_mm_fault+0x10\ndo_user_addr_fault+0x10\nexc_page_fault+0x10"
#define UNMAP "zap_pte_range+0x7\nunmap_page_range+0x10\nunmap_vmas+0x10\nunmap_region+0x10\n__vm_munmap+0x10\n__x64_sys_munmap+0x10"

// Samples of 10 ms each.
static void add_samples(struct stage *stage, int64_t process, const char *operation, const char *kernel, const char *user, int64_t samples, int64_t waited)
{
	int64_t kernel_stack = kernel ? stage__stack(stage, kernel) : 0, user_stack = user ? stage__stack(stage, user) : 0;
	recording__set_meta(stage->recording, "probe.sample", "on");
	recording__set_meta(stage->recording, "sample.period_ns", "10000000");
	*recording__add_cpu_sample(stage->recording) = (struct cpu_sample_row){ .process = process, .operation = base__copy(operation),
		.kernel_stack = kernel_stack, .user_stack = user_stack, .samples = samples, .waited = waited, .ns = samples * 10 * STAGE_MS,
		.pressure_ns = waited * 10 * STAGE_MS, .waiters_ns = waited * 20 * STAGE_MS };
}

// Runs 9 of 10 s, half of it in page faults and munmap; 4 s of that while somebody waits: a server, 3 of 5 s of what it wants.
static int64_t add_churner(struct stage *stage, int64_t *ret_server)
{
	int64_t churner = stage__process(stage, "thumbnailer", 100, 9000, 0, 4000);
	stage__task(stage, churner)->credit_task_ns = 4000 * STAGE_MS;
	*ret_server = stage__process(stage, "server", 200, 2000, 4000, 0);
	stage__pair(stage, *ret_server, OCCUPANT_TASK, churner, 4000);
	add_faults(stage, churner, 2500000, 50 << 20);
	add_samples(stage, churner, "page fault", FAULT, "fill (thumbnailer)\nmain (thumbnailer)", 400, 200);
	add_samples(stage, churner, "munmap", UNMAP, "munmap (libc.so.6)\nfree (libc.so.6)\nmain (thumbnailer)", 50, 25);
	add_samples(stage, churner, "", NULL, "shrink (thumbnailer)\nmain (thumbnailer)", 450, 225);
	return churner;
}

static void test_a_program_that_churns(void **state)
{
	(void)state;
	struct stage stage = stage__new(4000);
	int64_t server, churner = add_churner(&stage, &server), innocent = stage__process(&stage, "agent", 300, 100, 0, 0);
	stage__make(&stage, churner, "c", "dynamic", "glibc", "libc")->exe_trusted = 1;
	recording__set_meta(stage.recording, "thp_enabled", "madvise");
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "memory.churn");
	assert_verdict(&stage, "memory.churn", "confirmed");
	assert_accused(&stage, "memory.churn", churner);
	assert_victim(&stage, "memory.churn", churner);         // it loses half of its own time
	assert_victim(&stage, "memory.churn", server);          // 2 of 6 s
	assert_not_accused(&stage, "memory.churn", innocent);
	assert_not_accused(&stage, "memory.churn", server);
	assert_says(verdict->summary, "thumbnailer (pid 100) faults in 1.0 GB a second and gives 99 % of it back: that takes 50 % of its CPU time; server");
	assert_says(verdict->culprits[0].note, "250000 page faults a second");
	// 49.7 % of 9 s, and half of the server's 4 s, by the 99.5 % that came back.
	assert_true(fabs(verdict->stall_seconds - (4.5 + 2) * (1 - 50.0 * (1 << 20) / 2500000 / 4096)) < 0.01);
	assert_string_equal(verdict->culprits[0].operations[0].operation, "page fault");
	assert_true(fabs(verdict->culprits[0].operations[1].share - 50.0 / 450) < 1e-9);
	assert_int_equal(verdict->culprits[0].stack_count, 2);
	assert_says(verdict->culprits[0].stacks[0].user, "fill (thumbnailer)");
	assert_says(verdict->culprits[0].stacks[1].user, "munmap");
	assert_true(stage__offer(&stage, "memory.churn", "malloc-thresholds")->applicable);
	assert_true(stage__offer(&stage, "memory.churn", "preload-allocator")->applicable);
	assert_true(stage__offer(&stage, "memory.churn", "keep-buffers")->applicable);
	assert_says(stage__offer(&stage, "memory.churn", "huge-pages")->command, "glibc.malloc.hugetlb=1");
	stage__free(&stage);
}

// The same work, where one thing is as it is in a program at ease.
enum harmless { STARTS_UP, NO_COUNT, LITTLE_OF_ITS_TIME, LITTLE_TIME, FILES, FEW_SAMPLES, PROCESSES_END, HARMLESS };

static void test_what_is_no_churn(void **state)
{
	(void)state;
	for (int harmless = 0; harmless < HARMLESS; harmless++) {
		struct stage stage = stage__new(4000);
		int64_t server, churner = add_churner(&stage, &server);
		struct recording *recording = stage.recording;
		struct cpu_sample_row *fault = &recording->cpu_sample[0], *unmap = &recording->cpu_sample[1], *user = &recording->cpu_sample[2];
		if (harmless == STARTS_UP)
			recording->activity[0].amount = recording->activity[0].count * 4096;
		if (harmless == NO_COUNT)
			recording->activity[0].process = server;
		if (harmless == LITTLE_OF_ITS_TIME)
			user->samples = 9000;
		if (harmless == LITTLE_TIME)
			stage__task(&stage, churner)->run_ns = 200 * STAGE_MS;
		if (harmless == FILES || harmless == PROCESSES_END) {
			stage__set(&recording->stack[fault->kernel_stack - 1].frames, harmless == FILES
				   ? "filemap_map_pages+0x7\ndo_read_fault+0x10\nhandle_mm_fault+0x10\nexc_page_fault+0x10"
				   : "zap_pte_range+0x7\nexit_mmap+0x10\n__mmput+0x10\ndo_exit+0x10");
			stage__set(&fault->operation, harmless == FILES ? "page fault" : "exit_group");
			unmap->samples = 0;
		}
		if (harmless == FEW_SAMPLES)
			fault->samples = unmap->samples = user->samples = 6;
		stage__judge(&stage);
		// A share of the pressure may be left, of which nobody is accused.
		if (strcmp(stage__accusation(stage__verdict(&stage, "memory.churn")), "ruled_out"))
			fail_msg("case %d is %s: %s", harmless, stage__accusation(stage__verdict(&stage, "memory.churn")),
				 stage__verdict(&stage, "memory.churn")->summary);
		stage__free(&stage);
	}
}

// Between the thresholds, and where the samples' lower bound does not reach the upper one.
static void test_contributing(void **state)
{
	static const struct { int64_t faults, user; } cases[] = { { 60, 340 }, { 30, 75 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(4000);
		int64_t server;
		add_churner(&stage, &server);
		stage.recording->cpu_sample[0].samples = cases[i].faults;
		stage.recording->cpu_sample[1].samples = 0;
		stage.recording->cpu_sample[2].samples = cases[i].user;
		stage__judge(&stage);
		assert_verdict(&stage, "memory.churn", "contributing");
		stage__free(&stage);
	}
}

static void test_not_testable(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct stage stage = stage__new(4000);
		int64_t server;
		add_churner(&stage, &server);
		while (stage.recording->cpu_sample_count)
			free(stage.recording->cpu_sample[--stage.recording->cpu_sample_count].operation);
		if (i)
			recording__set_meta(stage.recording, "probe.sample", "the kernel refuses perf events here");
		else
			recording__set_meta(stage.recording, "page_size", "%s", ""), recording__set_meta(stage.recording, "probe.sample", "off");
		stage__judge(&stage);
		assert_verdict(&stage, "memory.churn", "not_testable");
		if (i)
			assert_says(stage__verdict(&stage, "memory.churn")->summary, "refuses perf events");
		stage__free(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_part_that_was_given_back),
		cmocka_unit_test(test_a_program_that_churns),
		cmocka_unit_test(test_what_is_no_churn),
		cmocka_unit_test(test_contributing),
		cmocka_unit_test(test_not_testable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
