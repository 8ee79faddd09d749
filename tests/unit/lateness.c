// What a loop did while it was late, and what the report says about that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "causes/headline.h"
#include "collect/silence.h"
#include "recording/recording.h"

#define MS NS_PER_MSEC

static void note(struct silence *silence, uint64_t worked_ms, uint64_t slept_ms, uint64_t ran_ms, uint64_t waited_ms, uint64_t waited_asleep_ms)
{
	struct silence_look asleep = silence->woken, woken;

	asleep.now_ns += worked_ms * MS;
	asleep.ran_ns += ran_ms * MS;
	asleep.waited_ns += waited_ms * MS;
	woken = asleep;
	woken.now_ns += slept_ms * MS;
	woken.waited_ns += waited_asleep_ms * MS;
	silence__note(silence, &asleep, &woken, 100 * MS);
}

static void test_parts(void **state)
{
	struct silence silence = { .fd = -1, .woken = { .now_ns = 5000 * MS } };

	(void)state;
	note(&silence, 3, 100, 2, 1, 0);
	assert_int_equal(silence.longest_ns, 103 * MS);
	assert_int_equal(silence.began_ns, 5000 * MS);
	// Waited for a CPU, when it was woken.
	note(&silence, 0, 2100, 0, 0, 2000);
	assert_int_equal(silence.began_ns, 5103 * MS);
	assert_int_equal(silence.waited_ns, 2000 * MS);
	assert_int_equal(silence.overslept_ns + silence.blocked_ns + silence.ran_ns, 0);
	// A shorter one changes nothing.
	note(&silence, 1000, 100, 0, 0, 0);
	assert_int_equal(silence.waited_ns, 2000 * MS);
	// Asleep in its work, and on a CPU.
	note(&silence, 3000, 100, 300, 200, 0);
	assert_int_equal(silence.blocked_ns, 2500 * MS);
	assert_int_equal(silence.ran_ns, 300 * MS);
	assert_int_equal(silence.overslept_ns, 0);
	// Its timer was late.
	note(&silence, 10, 4100, 10, 0, 0);
	assert_int_equal(silence.overslept_ns, 4000 * MS);
	assert_int_equal(silence.waited_ns, 0);
}

static char *lateness(int64_t window_ms, int64_t silence_ms, const char *ended_by, const char *reason)
{
	struct recording *recording = recording__new();
	char *sentence;

	recording__set_meta(recording, "requested_ns", "%lld", 3000LL * (long long)MS);
	recording__set_meta(recording, "ended_by", "%s", ended_by);
	recording__set_meta(recording, "silence_began_ns", "%lld", 1500LL * (long long)MS);
	if (reason)
		recording__set_meta(recording, reason, "%lld", (long long)(silence_ms * (int64_t)MS) - 1000);
	recording__set_counter(recording, "longest_silence_ns", silence_ms * (int64_t)MS, "");
	sentence = headline__lateness(recording, (double)window_ms / 1000);
	recording__free(recording);
	return sentence;
}

static void expect(int64_t window_ms, int64_t silence_ms, const char *ended_by, const char *reason, const char *sentence)
{
	cleanup_free char *found = lateness(window_ms, silence_ms, ended_by, reason);

	if (!sentence)
		assert_null(found);
	else
		assert_string_equal(found, sentence);
}

static void test_sentence(void **state)
{
	(void)state;
	expect(3000, 110, "time", NULL, NULL);
	expect(3499, 1999, "time", NULL, NULL);
	expect(3600, 700, "time", "silence_waited_ns", "whystall itself was late: it recorded 3.60 s instead of 3.00 s.");
	// Ended early on purpose.
	expect(800, 110, "signal", NULL, NULL);
	expect(3100, 2000, "time", "silence_waited_ns", "whystall itself was late: for 2.00 s, from 1.50 s on, it did not run (it waited for a CPU). "
	       "What happened in that time is counted, but not known second by second.");
	expect(4700, 2700, "time", "silence_blocked_ns", "whystall itself was late: it recorded 4.70 s instead of 3.00 s, and for 2.70 s, from 1.50 s on, it "
	       "did not run (it was blocked in the kernel by what it read). What happened in that time is counted, but not known second by second.");
	expect(3000, 2000, "time", NULL, "whystall itself was late: for 2.00 s, from 1.50 s on, it did not run (the reason is not known). "
	       "What happened in that time is counted, but not known second by second.");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts), cmocka_unit_test(test_sentence) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
