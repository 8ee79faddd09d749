// Verdicts about block devices and limits on their use: who is accused, who is not.
#include "unit/stage_locks.h"

#include <math.h>

static void add_device(struct stage *stage, const char *number, const char *name, const char *kind, int64_t rotational, int64_t requests)
{
	recording__set_meta(stage->recording, "probe.block", "on");
	recording__set_meta(stage->recording, "probe.disks", "on");
	*recording__add_device(stage->recording) = (struct device_row){
		.number = base__copy(number), .name = base__copy(name), .kind = base__copy(kind), .rotational = rotational, .requests = requests,
		.scheduler = base__copy("mq-deadline"), .queue_requests = 128 };
}

static void add_io(struct stage *stage, const char *device, const char *operation, int64_t count, int64_t kib_each, int64_t ms)
{
	*recording__add_device_io(stage->recording) = (struct device_io_row){
		.device = base__copy(device), .operation = base__copy(operation), .count = count, .bytes = count * kib_each * 1024, .ns = ms * STAGE_MS,
		.device_count = count, .device_ns = ms * STAGE_MS };
}

static void add_user(struct stage *stage, const char *device, int64_t process, const char *operation, int64_t count, int64_t ms, int64_t crowding_ms)
{
	*recording__add_device_user(stage->recording) = (struct device_user_row){
		.device = base__copy(device), .process = process, .operation = base__copy(operation), .count = count, .bytes = count * 4096,
		.ns = ms * STAGE_MS, .samples = count, .crowding_ns = crowding_ms * STAGE_MS };
}

static struct sleep_row *add_sleep(struct stage *stage, int64_t process, const char *waker_kind, int64_t waker, const char *device, int64_t times,
				   int64_t ms)
{
	struct sleep_row *row = recording__add_sleep(stage->recording);
	*row = (struct sleep_row){ .process = process, .operation = base__copy("pread64"), .reason = base__copy("io"), .waker_kind = base__copy(waker_kind),
				   .waker = waker, .device = base__copy(device), .ns = ms * STAGE_MS, .times = times,
				   .max_ns = ms * STAGE_MS / (times ? times : 1), .io_some_ns = ms * STAGE_MS };
	*recording__add_blocked(stage->recording) = (struct blocked_row){ .process = process, .reason = base__copy("io"), .blocked_ns = ms * STAGE_MS,
									  .times = times };
	return row;
}

static void add_counter(struct stage *stage, const char *name, const char *counter, int64_t growth)
{
	*recording__add_kernel_counter(stage->recording) = (struct kernel_counter_row){ base__copy("diskstats"), base__copy(name), base__copy(counter),
											 1000, 1000 + growth };
}

static const struct party *culprit(const struct stage *stage, const char *cause, enum party_kind kind)
{
	const struct verdict *verdict = stage__verdict(stage, cause);
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (verdict->culprits[i].kind == kind)
			return &verdict->culprits[i];
	return NULL;
}

// One reader that waits 9 of 10 s for a device that takes 30 ms for each request.
static int64_t add_slow_reader(struct stage *stage)
{
	int64_t reader = stage__process(stage, "database", 100, 500, 10, 0);
	add_device(stage, "8:0", "sda", "scsi", 0, 1);
	add_io(stage, "8:0", "read", 300, 4, 9000);
	add_user(stage, "8:0", reader, "read", 300, 9000, 0);
	add_sleep(stage, reader, "block", 0, "8:0", 300, 9000);
	add_counter(stage, "sda", "busy_ms", 9000);
	return reader;
}

static void test_a_slow_device(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t innocent = stage__process(&stage, "agent", 99, 100, 0, 0), reader = add_slow_reader(&stage);
	stage__judge(&stage);
	assert_verdict(&stage, "io.device", "confirmed");
	assert_verdict(&stage, "io.limit", "ruled_out");
	assert_victim(&stage, "io.device", reader);
	assert_not_accused(&stage, "io.device", reader);
	assert_not_accused(&stage, "io.device", innocent);
	const struct verdict *verdict = stage__verdict(&stage, "io.device");
	assert_float_equal(verdict->stall_seconds, 9, 1e-6);
	assert_int_equal(verdict->culprit_count, 1);
	assert_int_equal(verdict->culprits[0].kind, PARTY_DEVICE);
	assert_string_equal(verdict->culprits[0].name, "sda");
	assert_says(verdict->culprits[0].note, "8:0, scsi; 30.0 ms a request, 1.0 under way on average, busy for 90 %");
	assert_says(verdict->summary, "database (pid 100) wait for sda, which takes 30.0 ms for a request");
	assert_int_equal(verdict->resource_count, 1);
	assert_string_equal(verdict->resources[0].key, "8:0");
	assert_false(stage__offer(&stage, "io.device", "io-scheduler")->applicable);
	assert_true(stage__offer(&stage, "io.device", "io-spread")->applicable);
	assert_null(stage__offer(&stage, "io.device", "io-priority"));
	stage__free(&stage);
}

// The same waits, where one thing is as it is on a healthy machine.
enum healthy { NOBODY_WAITS, FAST_REQUESTS, ROTATES, LARGE_REQUESTS, LITTLE, ONLY_A_KERNEL_THREAD, HELD_BACK_BEFORE, HEALTHY };

static void test_what_is_no_stall(void **state)
{
	(void)state;
	for (int healthy = 0; healthy < HEALTHY; healthy++) {
		struct stage stage = stage__new(50);
		int64_t reader = add_slow_reader(&stage);
		struct recording *recording = stage.recording;
		if (healthy == NOBODY_WAITS) {
			recording->sleep[0].ns = recording->sleep[0].times = 0;
			recording->blocked[0].blocked_ns = 0;
		}
		if (healthy == FAST_REQUESTS) { // 9 s all the same, by as many requests as that takes
			recording->device_io[0].count = recording->device_io[0].device_count = recording->device_user[0].count = 30000;
			recording->device_io[0].bytes = 30000 * 4096LL;
			recording->sleep[0].times = 30000;
		}
		if (healthy == ROTATES) {       // 15 ms is what a disk needs
			recording->device[0].rotational = 1;
			recording->device_io[0].count = recording->device_user[0].count = recording->sleep[0].times = 600;
		}
		if (healthy == LARGE_REQUESTS)  // 4 MiB each
			recording->device_io[0].bytes = 300 * (4LL << 20);
		if (healthy == LITTLE)
			recording->blocked[0].blocked_ns = 1000000 * STAGE_MS;
		if (healthy == ONLY_A_KERNEL_THREAD)
			recording->process[reader - 1].kernel_thread = 1;
		if (healthy == HELD_BACK_BEFORE) { // requests of 30 µs: what was waited for lies before the device
			recording->device_io[0].ns = recording->device_io[0].device_ns = recording->device_user[0].ns = 9 * STAGE_MS;
		}
		stage__judge(&stage);
		if (strcmp(verdict__name(stage__verdict(&stage, "io.device")->kind), "ruled_out"))
			fail_msg("case %d is %s: %s", healthy, verdict__name(stage__verdict(&stage, "io.device")->kind),
				 stage__verdict(&stage, "io.device")->summary);
		assert_int_equal(stage__verdict(&stage, "io.device")->culprit_count, 0);
		stage__free(&stage);
	}
}

// Virtual disks say that they rotate. 15 ms is what a platter needs, and slow for a device that answers most reads at once.
static void test_a_device_is_known_by_what_it_does(void **state)
{
	static const struct { const char *operation, *latency; bool rotates; } cases[] = {
		{ "read", "128:400 1024:50 16384:450", false },         // 450 of 900 within 1.05 ms
		{ "read", "128:400 2048:50 16384:450", true },          // 400 of 900
		{ "read", "128:40", true },                             // too few
		{ "flush", "512:60", false },
		{ "write", "128:4000", true },                          // a platter's cache takes them
		{ "read", "0:4000", true },                             // no time known
		{ "read", "", true }, { "read", NULL, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stage stage = stage__new(50);
		add_slow_reader(&stage);
		stage.recording->device[0].rotational = 1;
		stage.recording->device_io[0].count = stage.recording->device_user[0].count = stage.recording->sleep[0].times = 600;
		add_io(&stage, "8:0", cases[i].operation, 0, 4, 0);
		stage.recording->device_io[1].latency = base__copy(cases[i].latency);
		stage__judge(&stage);
		assert_verdict(&stage, "io.device", cases[i].rotates ? "ruled_out" : "confirmed");
		if (!cases[i].rotates)
			assert_says(stage__verdict(&stage, "io.device")->evidence[0].what, "says that it rotates, but answers most reads or flushes");
		stage__free(&stage);
	}
}

// A batch job's deep queue: the server's few reads wait in it. 3 ms would be no slow request if the device had it alone.
static void test_a_full_queue(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t server = stage__process(&stage, "server", 100, 500, 10, 0), batch = stage__process(&stage, "batch", 200, 2000, 10, 0);
	int64_t bystander = stage__process(&stage, "logger", 300, 100, 0, 0);
	add_device(&stage, "259:0", "nvme0n1", "nvme", 0, 1);
	add_io(&stage, "259:0", "read", 102100, 4, 306300);
	add_user(&stage, "259:0", server, "read", 2000, 6000, 5800);
	add_user(&stage, "259:0", batch, "read", 100000, 300000, 6200);
	add_user(&stage, "259:0", bystander, "read", 100, 300, 290);
	add_sleep(&stage, server, "block", 0, "259:0", 2000, 6000);
	add_counter(&stage, "nvme0n1", "busy_ms", 10000);
	stage__judge(&stage);
	assert_verdict(&stage, "io.device", "confirmed");
	assert_victim(&stage, "io.device", server);
	assert_accused(&stage, "io.device", batch);
	assert_not_accused(&stage, "io.device", server);
	assert_not_accused(&stage, "io.device", bystander);
	assert_non_null(culprit(&stage, "io.device", PARTY_DEVICE));
	assert_says(stage__verdict(&stage, "io.device")->summary, "has a queue of 30.6 requests that take 3.0 ms each; batch (pid 200) fill it");
	assert_true(stage__offer(&stage, "io.device", "io-priority")->applicable);
	assert_says(stage__offer(&stage, "io.device", "io-priority")->command, "ionice -c 3 -p 200");
	assert_says(stage__offer(&stage, "io.device", "io-scheduler")->command, "echo bfq > /sys/block/nvme0n1/queue/scheduler");
	assert_true(stage__offer(&stage, "io.device", "io-depth")->applicable);
	stage__free(&stage);
}

// Who was at it while nobody else was is in nobody's way: no share of the crowding, no accusation.
static void test_a_load_at_another_time(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t reader = add_slow_reader(&stage), earlier = stage__process(&stage, "earlier", 200, 2000, 10, 0);
	stage.recording->device_io[0].ns = 60000 * STAGE_MS;
	stage.recording->device_io[0].count = 2000;
	add_user(&stage, "8:0", earlier, "read", 1700, 51000, 0);
	stage.recording->device_user[0].crowding_ns = 1;
	stage__judge(&stage);
	assert_verdict(&stage, "io.device", "confirmed");
	assert_victim(&stage, "io.device", reader);
	assert_not_accused(&stage, "io.device", earlier);
	stage__free(&stage);
}

// A wait for the journal's thread, which sleeps for the device, is a wait for the device.
static void test_through_a_thread_of_the_kernel(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t journal = stage__process(&stage, "jbd2/sda-8", 50, 10, 0, 0), writer = stage__process(&stage, "mailer", 100, 200, 10, 0);
	stage.recording->process[journal - 1].kernel_thread = 1;
	add_device(&stage, "8:0", "sda", "scsi", 1, 1);
	add_io(&stage, "8:0", "write", 200, 4, 8000);
	add_sleep(&stage, journal, "block", 0, "8:0", 200, 8000);
	add_sleep(&stage, writer, "task", journal, NULL, 200, 8200);
	stage__judge(&stage);
	assert_verdict(&stage, "io.device", "confirmed");
	assert_victim(&stage, "io.device", writer);
	assert_not_accused(&stage, "io.device", journal);
	assert_float_equal(stage__verdict(&stage, "io.device")->stall_seconds, 8.2, 0.05);
	stage__free(&stage);
}

// A partition leads to its disk, a stack of devices to the one whose latency it is.
static void test_stacks_of_devices(void **state)
{
	(void)state;
	for (int held_back_above = 0; held_back_above < 2; held_back_above++) {
		struct stage stage = stage__new(50);
		int64_t reader = stage__process(&stage, "database", 100, 500, 10, 0);
		add_device(&stage, "252:0", "dm-0", "device mapper", 0, 0);
		add_device(&stage, "8:1", "sda1", "partition", 0, 0);
		add_device(&stage, "8:0", "sda", "scsi", 0, 1);
		stage__set(&stage.recording->device[0].below, "8:1");
		stage__set(&stage.recording->device[1].disk, "8:0");
		add_io(&stage, "8:0", "read", 300, 4, held_back_above ? 30 : 9000);
		add_counter(&stage, "dm-0", "reads", 300);
		add_counter(&stage, "dm-0", "read_ms", 9000);
		add_counter(&stage, "dm-0", "writes", 0);
		add_counter(&stage, "dm-0", "write_ms", 0);
		add_counter(&stage, "sda", "reads", 300);
		add_counter(&stage, "sda", "read_ms", held_back_above ? 30 : 9000);
		add_counter(&stage, "sda", "writes", 0);
		add_counter(&stage, "sda", "write_ms", 0);
		add_sleep(&stage, reader, "block", 0, "252:0", 300, 9000);
		stage__judge(&stage);
		assert_verdict(&stage, "io.device", "confirmed");
		assert_string_equal(culprit(&stage, "io.device", PARTY_DEVICE)->name, held_back_above ? "dm-0" : "sda");
		stage__free(&stage);
	}
}

static struct cgroup_io_row *add_limit(struct stage *stage, const char *cgroup, int64_t member)
{
	struct cgroup_io_row *row = recording__add_cgroup_io(stage->recording);
	*row = (struct cgroup_io_row){ .cgroup = base__copy(cgroup), .hierarchy = 2, .device = base__copy("8:0"), .read_bps = -1, .write_bps = -1,
				       .read_iops = 50, .write_iops = -1, .latency_us = -1, .read_bytes = 2000000, .write_bytes = 0, .reads = 490,
				       .writes = 0, .cost_wait_us = -1, .cost_delay_us = -1, .watched_ns = 10000 * STAGE_MS,
				       .at_limit_ns = 9000 * STAGE_MS, .requests = 490, .request_ns = 49 * STAGE_MS };
	*recording__add_activity(stage->recording) = (struct activity_row){ .subject = base__copy("disks"), .kind = base__copy("limited"),
									    .key = base__copy(cgroup), .process = member, .cpu = -1, .count = 10 };
	return row;
}

// 490 reads of 0.1 ms each, and 9.5 s waited for them.
static int64_t add_limited_reader(struct stage *stage)
{
	int64_t reader = stage__process(stage, "tenant", 100, 100, 10, 0);
	add_device(stage, "8:0", "sda", "scsi", 0, 1);
	add_io(stage, "8:0", "read", 490, 4, 49);
	add_sleep(stage, reader, "block", 0, "8:0", 490, 9500);
	return reader;
}

static void test_a_limit(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t other = stage__process(&stage, "agent", 99, 100, 0, 0), reader = add_limited_reader(&stage);
	add_limit(&stage, "/tenants/one", reader);
	stage__judge(&stage);
	assert_verdict(&stage, "io.limit", "confirmed");
	assert_verdict(&stage, "io.device", "ruled_out");
	assert_victim(&stage, "io.limit", reader);
	assert_not_accused(&stage, "io.limit", other);
	const struct party *party = culprit(&stage, "io.limit", PARTY_QUOTA);
	assert_non_null(party);
	assert_string_equal(party->cgroup, "/tenants/one");
	assert_says(party->note, "limit on sda (8:0): 50 reads a second");
	assert_float_equal(stage__verdict(&stage, "io.limit")->stall_seconds, 9.451, 1e-3);
	assert_says(stage__offer(&stage, "io.limit", "raise-io-limit")->command, "echo '8:0 riops=100' > /sys/fs/cgroup/tenants/one/io.max");
	assert_false(stage__offer(&stage, "io.limit", "io-weight")->applicable);
	assert_says(stage.diagnosis->headline, "/tenants/one");
	stage__free(&stage);
}

enum harmless { NOT_REACHED, SOMEBODY_ELSE, NOBODY_WAITED, THE_DEVICE, HARMLESS };

static void test_limits_that_hold_nobody_back(void **state)
{
	(void)state;
	for (int harmless = 0; harmless < HARMLESS; harmless++) {
		struct stage stage = stage__new(50);
		int64_t other = stage__process(&stage, "agent", 99, 100, 0, 0), reader = add_limited_reader(&stage);
		struct cgroup_io_row *row = add_limit(&stage, "/tenants/one", harmless == SOMEBODY_ELSE ? other : reader);
		if (harmless == NOT_REACHED)
			row->at_limit_ns = 0;
		if (harmless == NOBODY_WAITED) {
			stage.recording->sleep[0].ns = stage.recording->sleep[0].times = 0;
			stage.recording->blocked[0].blocked_ns = 0;
		}
		if (harmless == THE_DEVICE)     // its requests took as long as it waited
			row->request_ns = 9400 * STAGE_MS;
		stage__judge(&stage);
		if (strcmp(verdict__name(stage__verdict(&stage, "io.limit")->kind), "ruled_out"))
			fail_msg("case %d: %s", harmless, stage__verdict(&stage, "io.limit")->summary);
		stage__free(&stage);
	}
}

// Where the kernel's throttle itself is on the stack, the place is the proof.
static void test_a_throttle_on_the_stack(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t writer = stage__process(&stage, "tenant", 100, 100, 10, 0);
	add_device(&stage, "8:0", "sda", "scsi", 0, 1);
	add_io(&stage, "8:0", "write", 490, 4, 49);
	struct cgroup_io_row *row = add_limit(&stage, "/tenants/one", writer);
	row->read_iops = -1;
	row->cost = 1;
	row->at_limit_ns = 0;
	struct sleep_row *sleep = add_sleep(&stage, writer, "softirq", 0, NULL, 100, 5000);
	sleep->kernel_stack = stage__stack(&stage, "io_schedule+0x1\nioc_rqos_throttle+0x2\n__rq_qos_throttle+0x3");
	stage__judge(&stage);
	assert_verdict(&stage, "io.limit", "confirmed");
	assert_victim(&stage, "io.limit", writer);
	stage__free(&stage);
}

// Pressure whose other side is not known, in waits that hold nobody up for long: the verdict names who waits, and nobody without a name.
static void test_pressure_without_a_known_occupant(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	int64_t reader = stage__process(&stage, "reader", 100, 9000, 10, 0);
	add_device(&stage, "8:0", "sda", "scsi", 0, 1);
	struct sleep_row *sleep = add_sleep(&stage, reader, "task", 0, NULL, 60000, 2000);
	sleep->kernel_stack = stage__stack(&stage, "nvme_submit_sync_cmd+0x10\n__x64_sys_pread64+0xa3");
	*recording__add_pressure_share(stage.recording) = (struct pressure_share_row){
		.process = reader, .resource = base__copy("io"), .some_ns = 2000 * STAGE_MS };
	for (int cpu = 0; cpu < 2; cpu++) {
		stage.recording->fold[cpu].io_some_ns += 1000 * STAGE_MS;
		*recording__add_resource_book(stage.recording) = (struct resource_book_row){
			.resource = base__copy("io"), .kind = base__copy("some"), .cpu = cpu, .meter_ns = 1000 * STAGE_MS, .victims_ns = 1000 * STAGE_MS };
	}
	*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 1000 * STAGE_MS };
	stage__judge(&stage);
	assert_string_equal(verdict__name(stage__verdict(&stage, "io.device")->kind), "confirmed");
	assert_int_equal(stage__verdict(&stage, "io.device")->culprit_count, 0);
	assert_victim(&stage, "io.device", reader);
	stage__free(&stage);
}

static void test_recordings_that_cannot_tell(void **state)
{
	(void)state;
	struct stage stage = stage__new(50);
	stage__process(&stage, "a", 1, 100, 0, 0);
	stage__judge(&stage);
	assert_verdict(&stage, "io.device", "not_testable");
	assert_verdict(&stage, "io.limit", "not_testable");
	assert_true(stage__verdict(&stage, "io.device")->absent);
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_device),
		cmocka_unit_test(test_what_is_no_stall), cmocka_unit_test(test_a_device_is_known_by_what_it_does),
		cmocka_unit_test(test_a_full_queue),
		cmocka_unit_test(test_a_load_at_another_time),
		cmocka_unit_test(test_through_a_thread_of_the_kernel),
		cmocka_unit_test(test_stacks_of_devices),
		cmocka_unit_test(test_a_limit),
		cmocka_unit_test(test_limits_that_hold_nobody_back),
		cmocka_unit_test(test_a_throttle_on_the_stack),
		cmocka_unit_test(test_pressure_without_a_known_occupant),
		cmocka_unit_test(test_recordings_that_cannot_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
