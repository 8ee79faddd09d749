// Pauses of the machine, found in traces of clocks and heartbeats as the kinds of guests show them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/pauses.h"
#include "collect/rtc_follow.h"

#define MS ((int64_t)NS_PER_MSEC)
#define CPUS 4
#define BEAT (20 * MS)

// A guest of our own making. Who goes on while it is stopped is what makes the kinds of guests differ.
struct guest {
	struct pauses *pauses;
	struct clock_sample now;
	int64_t rtc_ns, next_read_ns;   // the real-time clock, which shows whole seconds; when to look at it
	struct rtc_follow follow;
	int64_t beats[CPUS];
	double rate;                    // of the counter, ticks a nanosecond
	int64_t jitter_ns;
	unsigned noise;
};

enum stop { TSC_GUEST, KVM_CLOCK_GUEST, EMULATED, FROZEN_BY_HOST };

static struct guest guest__new(void)
{
	struct guest guest = { .pauses = pauses__new(CPUS, BEAT), .rate = 2.445, .jitter_ns = 160000, .rtc_ns = 1800000000LL * 1000 * MS + 300 * MS,
		.now = { .raw_ns = 100000 * MS, .monotonic_ns = 100010 * MS, .boottime_ns = 100010 * MS, .realtime_ns = 1800000000LL * 1000 * MS,
			 .scheduler_ns = 99000 * MS, .counter = 500000000000ULL, .spread_ns = 3000 } };

	for (int cpu = 0; cpu < CPUS; cpu++)
		guest.beats[cpu] = guest.now.monotonic_ns - cpu * BEAT / CPUS;
	return guest;
}

static int64_t noise(struct guest *guest)
{
	guest->noise = guest->noise * 1103515245u + 12345u;
	return (int64_t)(guest->noise >> 8) % (guest->jitter_ns + 1);
}

// Time in which the guest runs.
static void go(struct guest *guest, int64_t ns)
{
	struct clock_sample *now = &guest->now;

	now->raw_ns += ns;
	now->monotonic_ns += ns;
	now->boottime_ns += ns;
	now->realtime_ns += ns;
	now->scheduler_ns += ns;
	now->counter += (uint64_t)((double)ns * guest->rate);
	guest->rtc_ns += ns;
}

static void read_rtc(struct guest *guest)
{
	struct rtc_read read = { guest->now.raw_ns, guest->now.raw_ns + 100000, guest->now.monotonic_ns, guest->rtc_ns / (1000 * MS) };
	struct rtc_step step;

	pauses__rtc(guest->pauses, rtc_follow__read(&guest->follow, &read, &step) ? &step : NULL);
	guest->next_read_ns = rtc_follow__next(&guest->follow, guest->now.raw_ns);
}

static void look(struct guest *guest)
{
	struct clock_sample sample = guest->now;

	// The scheduler's clock is read a little off.
	sample.scheduler_ns -= noise(guest);
	pauses__sample(guest->pauses, &sample);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		while (guest->beats[cpu] + BEAT <= guest->now.monotonic_ns)
			guest->beats[cpu] += BEAT;
		pauses__beat(guest->pauses, cpu, guest->beats[cpu]);
	}
}

static void run(struct guest *guest, int64_t ms)
{
	for (int64_t done = 0; done < ms; done++) {
		go(guest, MS);
		if (guest->now.raw_ns >= guest->next_read_ns)
			read_rtc(guest);
		if (done % 100 == 99)
			look(guest);
	}
}

static void beat_gaps(struct guest *guest, int64_t ns, int64_t steal_ns, int cpus)
{
	for (int cpu = 0; cpu < cpus; cpu++) {
		while (guest->beats[cpu] + BEAT <= guest->now.monotonic_ns - ns)
			guest->beats[cpu] += BEAT;
		pauses__gap(guest->pauses, cpu, guest->beats[cpu], guest->now.monotonic_ns + cpu * 1000, steal_ns);
		guest->beats[cpu] = guest->now.monotonic_ns + cpu * 1000;
	}
}

// The host stops it for so long, in the middle between two looks.
static void stop(struct guest *guest, enum stop kind, int64_t ns)
{
	struct clock_sample *now = &guest->now;

	go(guest, 40 * MS);
	guest->rtc_ns += ns;
	if (kind != EMULATED)
		now->counter += (uint64_t)((double)ns * guest->rate);
	if (kind == TSC_GUEST || kind == FROZEN_BY_HOST) {
		now->raw_ns += ns;
		now->monotonic_ns += ns;
		now->boottime_ns += ns;
		now->realtime_ns += ns;
		beat_gaps(guest, ns, 0, CPUS);
	}
	if (kind == FROZEN_BY_HOST)
		now->scheduler_ns += ns;
	go(guest, 60 * MS);
	look(guest);
}

static struct pause_found *find(const struct guest *guest, size_t *ret_count)
{
	return pauses__find(guest->pauses, ret_count);
}

static void assert_one(struct guest *guest, const char *kind, int64_t ns, int64_t within_ns, unsigned detectors)
{
	size_t count;
	struct pause_found *found = find(guest, &count);

	assert_int_equal(count, 1);
	assert_string_equal(found->kind, kind);
	assert_true(llabs(found->ns - ns) <= within_ns);
	assert_true(llabs(found->ns - ns) <= found->bound_ns + 2 * MS);
	assert_int_equal(found->detectors, detectors);
	free(found);
	pauses__free(guest->pauses);
}

static void assert_none(struct guest *guest)
{
	size_t count;
	struct pause_found *found = find(guest, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].kind, "clock_step") && strcmp(found[i].kind, "suspend"))
			fail_msg("%s of %lld ns", found[i].kind, (long long)found[i].ns);
	free(found);
	pauses__free(guest->pauses);
}

static const int64_t lengths[] = { 100 * MS, 350 * MS, 2000 * MS, 14000 * MS };

static void test_tsc_guest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct guest guest = guest__new();
		run(&guest, 3000);
		stop(&guest, TSC_GUEST, lengths[i]);
		run(&guest, 3000);
		assert_one(&guest, "pause", lengths[i], 2 * MS, 1U << PAUSE_SCHEDULER | 1U << PAUSE_SILENCE);
	}
}

static void test_kvm_clock_guest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct guest guest = guest__new();
		run(&guest, 3000);
		stop(&guest, KVM_CLOCK_GUEST, lengths[i]);
		run(&guest, 6000);
		assert_one(&guest, "freeze", lengths[i], 2 * MS, 1U << PAUSE_COUNTER | 1U << PAUSE_RTC);
	}
}

static void test_only_the_real_time_clock_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct guest guest = guest__new();
		run(&guest, 3000);
		stop(&guest, EMULATED, lengths[i]);
		run(&guest, 6000);
		assert_one(&guest, "freeze", lengths[i], 20 * MS, 1U << PAUSE_RTC);
	}
}

// How exact that is, for pauses of any length at any moment; and reads that come late tell less, never anything wrong.
static void test_following_the_seconds(void **state)
{
	(void)state;
	unsigned noise = 1, found = 0;
	for (int i = 0; i < 2000; i++) {
		struct rtc_follow follow = { 0 };
		struct rtc_step step = { 0 };
		int64_t raw = 5000 * MS + i * 7919000LL, offset = (i * 104729LL) % (3000 * MS), next = 0, paused = (100 + i % 3000) * MS, at = raw + 8000 * MS;
		int steps = 0;
		for (int64_t now = raw, shift = 0; now < raw + 14000 * MS; now += MS) {
			noise = noise * 1103515245u + 12345u;
			now += i % 4 == 3 && !(noise >> 16 & 255) ? 40 * MS : 0;
			shift = now >= at ? paused : 0;
			if (now < next)
				continue;
			struct rtc_read read = { now, now + 200000, now, (now + now / 20000 + offset + shift) / (1000 * MS) };
			steps += rtc_follow__read(&follow, &read, &step);
			next = rtc_follow__next(&follow, now);
			assert_true(next >= now);
		}
		assert_int_equal(steps, 1);
		if (llabs(step.ns - paused) > (i % 4 == 3 ? 40 : 20) * MS || llabs(step.ns - paused) > step.bound_ns + MS)
			fail_msg("pause %d: %lld, measured %lld, bound %lld", i, (long long)paused, (long long)step.ns, (long long)step.bound_ns);
		assert_true(step.start_ns <= at && step.end_ns >= at);
		found++;
	}
	assert_int_equal(found, 2000);
}

// Two to four looks a second, once it is known.
static void test_following_is_cheap(void **state)
{
	(void)state;
	struct rtc_follow follow = { 0 };
	struct rtc_step step;
	int64_t next = 0, reads = 0;
	for (int64_t now = 0; now < 60000 * MS; now += MS) {
		if (now < next)
			continue;
		struct rtc_read read = { now, now + 200000, now, (now + 123456789) / (1000 * MS) + 1800000000 };
		assert_false(rtc_follow__read(&follow, &read, &step));
		next = rtc_follow__next(&follow, now);
		reads++;
	}
	assert_true(reads >= 100 && reads < 60 * 4);
}

static void test_host_freezes_the_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct guest guest = guest__new();
		run(&guest, 3000);
		stop(&guest, FROZEN_BY_HOST, lengths[i]);
		run(&guest, 3000);
		assert_one(&guest, "pause", lengths[i], 11 * MS, 1U << PAUSE_SILENCE);
	}
}

// In the very first interval, before the counter's rate is known, and in the last one.
static void test_at_the_ends(void **state)
{
	(void)state;
	struct guest first = guest__new(), last = guest__new();
	look(&first);
	stop(&first, KVM_CLOCK_GUEST, 2000 * MS);
	run(&first, 600);
	assert_one(&first, "freeze", 2000 * MS, 2 * MS, 1U << PAUSE_COUNTER);
	run(&last, 600);
	stop(&last, KVM_CLOCK_GUEST, 500 * MS);
	assert_one(&last, "freeze", 500 * MS, 2 * MS, 1U << PAUSE_COUNTER);
}

static void test_several(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	run(&guest, 2000);
	stop(&guest, TSC_GUEST, 300 * MS);
	run(&guest, 1000);
	stop(&guest, TSC_GUEST, 120 * MS);
	run(&guest, 1000);
	stop(&guest, KVM_CLOCK_GUEST, 700 * MS);
	run(&guest, 6000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, 3);
	assert_true(llabs(found[0].ns - 300 * MS) < 2 * MS && llabs(found[1].ns - 120 * MS) < 2 * MS && llabs(found[2].ns - 700 * MS) < 2 * MS);
	assert_true(found[0].end_ns < found[1].start_ns && found[1].end_ns < found[2].start_ns);
	free(found);
	pauses__free(guest.pauses);
}

static void test_mark(void **state)
{
	(void)state;
	struct guest known = guest__new(), unknown = guest__new();
	size_t count;
	run(&known, 2000);
	stop(&known, TSC_GUEST, 300 * MS);
	for (int cpu = 0; cpu < CPUS; cpu++)
		pauses__mark(known.pauses, known.now.monotonic_ns - 50 * MS + cpu * 1000);
	run(&known, 1000);
	assert_one(&known, "pause", 300 * MS, 2 * MS, 1U << PAUSE_SCHEDULER | 1U << PAUSE_SILENCE | 1U << PAUSE_MARK);
	run(&unknown, 2000);
	for (int cpu = 0; cpu < CPUS; cpu++)
		pauses__mark(unknown.pauses, unknown.now.monotonic_ns + cpu * 1000);
	run(&unknown, 1000);
	struct pause_found *found = find(&unknown, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "freeze");
	assert_int_equal(found->ns, 0);
	free(found);
	pauses__free(unknown.pauses);
}

// ---- what is no pause ----

static void test_nothing(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 60000);
	assert_none(&guest);
}

static void test_clock_set(void **state)
{
	(void)state;
	static const int64_t steps[] = { 2000 * MS, -2000 * MS, 50 * MS };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct guest guest = guest__new();
		size_t count;
		run(&guest, 2000);
		guest.now.realtime_ns += steps[i];
		run(&guest, 2000);
		struct pause_found *found = find(&guest, &count);
		assert_int_equal(count, 1);
		assert_string_equal(found->kind, "clock_step");
		assert_int_equal(found->ns, steps[i]);
		free(found);
		assert_none(&guest);
	}
}

// NTP makes CLOCK_MONOTONIC and CLOCK_REALTIME faster or slower, by up to 10 % (chrony); the raw clock stays.
static void test_slew(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	for (int i = 0; i < 100; i++) {
		go(&guest, 100 * MS);
		guest.now.monotonic_ns += 8 * MS;
		guest.now.boottime_ns += 8 * MS;
		guest.now.realtime_ns += 8 * MS;
		look(&guest);
	}
	assert_none(&guest);
}

static void test_suspend(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	run(&guest, 3000);
	guest.now.boottime_ns += 5000 * MS;
	guest.now.realtime_ns += 5000 * MS;
	guest.now.counter += (uint64_t)(5000.0 * MS * guest.rate);
	guest.rtc_ns += 5000 * MS;
	rtc_follow__forget(&guest.follow);
	run(&guest, 6000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "suspend");
	assert_int_equal(found->ns, 5000 * MS);
	free(found);
	assert_none(&guest);
}

// Our own thread does not get to look for seconds: the CPUs beat on, and all clocks agree.
static void test_we_are_late(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 2000);
	go(&guest, 4000 * MS);
	guest.now.spread_ns = 30 * MS;
	look(&guest);
	guest.now.spread_ns = 3000;
	run(&guest, 2000);
	assert_none(&guest);
}

static void test_stolen(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 2000);
	go(&guest, 300 * MS);
	beat_gaps(&guest, 300 * MS, 280 * MS, CPUS);
	look(&guest);
	run(&guest, 1000);
	assert_none(&guest);
}

// One CPU has interrupts off, the others go on.
static void test_one_cpu(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	run(&guest, 2000);
	go(&guest, 90 * MS);
	look(&guest);
	go(&guest, 210 * MS);
	beat_gaps(&guest, 300 * MS, 0, 1);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "silence");
	assert_int_equal(found->cpu, 0);
	free(found);
	pauses__free(guest.pauses);
}

// All CPUs have interrupts off while one of them dumps stacks to a slow console: the kernel's log is written meanwhile.
static void test_kernel_writes_its_log(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	run(&guest, 2000);
	go(&guest, 90 * MS);
	pauses__alive(guest.pauses, guest.now.monotonic_ns);
	go(&guest, 90 * MS);
	beat_gaps(&guest, 180 * MS, 0, CPUS);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(found[i].kind, "silence");
	free(found);
	pauses__free(guest.pauses);
}

// The host froze it for 4 s. The first thing that the kernel does is to complain, on a slow console with interrupts off: the beats come after it.
static void test_kernel_complains_of_a_freeze(void **state)
{
	(void)state;
	static const int64_t first[] = { 0, 1, 15, 300 };       // ms after it went on
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct guest guest = guest__new();
		size_t count;
		run(&guest, 2000);
		go(&guest, 4000 * MS);
		pauses__alive(guest.pauses, guest.now.monotonic_ns + first[i] * MS);
		pauses__alive(guest.pauses, guest.now.monotonic_ns + (first[i] + 11) * MS);
		go(&guest, (first[i] + 24) * MS);
		beat_gaps(&guest, (first[i] + 4024) * MS, 0, CPUS);
		look(&guest);
		run(&guest, 1000);
		struct pause_found *found = find(&guest, &count);
		assert_int_equal(count, 1);
		assert_string_equal(found->kind, "pause");
		assert_true(llabs(found->ns - (4000 + first[i]) * MS) <= 21 * MS);
		free(found);
		pauses__free(guest.pauses);
	}
}

// What the kernel wrote in the middle of it says that it ran: it had interrupts off on all CPUs.
static void test_kernel_lives_in_the_middle(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	run(&guest, 2000);
	go(&guest, 2500 * MS);
	pauses__alive(guest.pauses, guest.now.monotonic_ns);
	go(&guest, 1500 * MS);
	beat_gaps(&guest, 4000 * MS, 0, CPUS);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, CPUS);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(found[i].kind, "silence");
	free(found);
	pauses__free(guest.pauses);
}

// A busy host: one CPU beat last 180 ms before the freeze, and our thread, on another one, lived until then.
static void test_late_beats_before_a_freeze(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	pauses__witnessed(guest.pauses);
	run(&guest, 2000);
	go(&guest, 4180 * MS);
	beat_gaps(&guest, 4180 * MS, 0, CPUS);
	pauses__witness_gap(guest.pauses, guest.now.monotonic_ns - 4000 * MS, guest.now.monotonic_ns + 9 * MS);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "pause");
	assert_true(llabs(found->ns - 4000 * MS) <= 11 * MS);
	free(found);
	pauses__free(guest.pauses);
}

// Realtime spinners on all CPUs: our thread does not get to run for seconds, but the timers do.
static void test_starved_witness(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	pauses__witnessed(guest.pauses);
	run(&guest, 2000);
	pauses__witness_gap(guest.pauses, guest.now.monotonic_ns, guest.now.monotonic_ns + 4000 * MS);
	run(&guest, 4500);
	assert_none(&guest);
}

// A loop in the kernel with interrupts off, for seconds; the other CPUs beat, and one of them complains.
static void test_loop_on_one_cpu(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	pauses__witnessed(guest.pauses);
	run(&guest, 2000);
	go(&guest, 4000 * MS);
	pauses__alive(guest.pauses, guest.now.monotonic_ns - 1000 * MS);
	beat_gaps(&guest, 4000 * MS, 0, 1);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "silence");
	assert_int_equal(found->cpu, 0);
	free(found);
	pauses__free(guest.pauses);
}

// The heartbeat of idle CPUs is throttled by the kernel: our own thread went on waking.
static void test_throttled_beats(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	size_t count;
	pauses__witnessed(guest.pauses);
	pauses__witness_gap(guest.pauses, guest.now.monotonic_ns, guest.now.monotonic_ns + 50 * MS);
	run(&guest, 2000);
	go(&guest, 300 * MS);
	beat_gaps(&guest, 300 * MS, 0, CPUS);
	look(&guest);
	run(&guest, 1000);
	struct pause_found *found = find(&guest, &count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(found[i].kind, "silence");
	free(found);
	pauses__witness_gap(guest.pauses, guest.beats[0] - 1330 * MS, guest.beats[0] - 980 * MS);
	found = find(&guest, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "pause");
	free(found);
	pauses__free(guest.pauses);
}

static void test_reading_that_was_off(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 2000);
	go(&guest, 100 * MS);
	guest.now.scheduler_ns -= 300 * MS;
	guest.now.counter += (uint64_t)(300.0 * MS * guest.rate);
	look(&guest);
	guest.now.scheduler_ns += 300 * MS;
	guest.now.counter -= (uint64_t)(300.0 * MS * guest.rate);
	run(&guest, 2000);
	assert_none(&guest);
}

// Live migration: the counter comes back with another value and another rate.
static void test_other_counter(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 2000);
	guest.now.counter = 7000000000ULL;
	guest.rate = 2.9;
	run(&guest, 3000);
	assert_none(&guest);
}

static void test_real_time_clock_set(void **state)
{
	(void)state;
	struct guest guest = guest__new();
	run(&guest, 3000);
	guest.rtc_ns += 1300 * MS;
	rtc_follow__forget(&guest.follow);
	run(&guest, 5000);
	assert_none(&guest);
}

// A CPU that is offline does not beat; it must not hide a pause of the others.
static void test_offline_cpu(void **state)
{
	(void)state;
	struct pauses *pauses = pauses__new(3, BEAT);
	size_t count;
	pauses__gap(pauses, 0, 1000 * MS, 1200 * MS, 0);
	pauses__gap(pauses, 1, 1010 * MS, 1200 * MS, 0);
	pauses__beat(pauses, 0, 1300 * MS);
	pauses__beat(pauses, 1, 1300 * MS);
	struct pause_found *found = pauses__find(pauses, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "pause");
	free(found);
	pauses__free(pauses);
}

// With one CPU, a kernel that has interrupts off looks the same.
static void test_single_cpu(void **state)
{
	(void)state;
	struct pauses *pauses = pauses__new(1, BEAT);
	size_t count;
	pauses__gap(pauses, 0, 1000 * MS, 1200 * MS, 0);
	pauses__beat(pauses, 0, 1300 * MS);
	struct pause_found *found = pauses__find(pauses, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "silence");
	free(found);
	pauses__mark(pauses, 1210 * MS);
	found = pauses__find(pauses, &count);
	assert_int_equal(count, 1);
	assert_string_equal(found->kind, "pause");
	free(found);
	pauses__free(pauses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tsc_guest), cmocka_unit_test(test_kvm_clock_guest), cmocka_unit_test(test_only_the_real_time_clock_goes_on),
		cmocka_unit_test(test_host_freezes_the_process), cmocka_unit_test(test_at_the_ends), cmocka_unit_test(test_several), cmocka_unit_test(test_throttled_beats), cmocka_unit_test(test_following_the_seconds), cmocka_unit_test(test_following_is_cheap),
		cmocka_unit_test(test_mark), cmocka_unit_test(test_nothing), cmocka_unit_test(test_clock_set), cmocka_unit_test(test_slew),
		cmocka_unit_test(test_suspend), cmocka_unit_test(test_we_are_late), cmocka_unit_test(test_stolen), cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_kernel_writes_its_log),
		cmocka_unit_test(test_kernel_complains_of_a_freeze), cmocka_unit_test(test_kernel_lives_in_the_middle),
		cmocka_unit_test(test_late_beats_before_a_freeze), cmocka_unit_test(test_starved_witness), cmocka_unit_test(test_loop_on_one_cpu),
		cmocka_unit_test(test_reading_that_was_off), cmocka_unit_test(test_other_counter),
		cmocka_unit_test(test_real_time_clock_set), cmocka_unit_test(test_offline_cpu), cmocka_unit_test(test_single_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
