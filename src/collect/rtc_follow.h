// Follows a clock that shows whole seconds only, by reading it near the moments at which it goes to the next one: how far it is ahead of
// CLOCK_MONOTONIC_RAW is known to within milliseconds, and steps are found. Pure. A read that comes late tells less, never anything wrong.
#ifndef WHYSTALL_COLLECT_RTC_FOLLOW_H
#define WHYSTALL_COLLECT_RTC_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct rtc_read { int64_t raw_before_ns, raw_after_ns, monotonic_ns, seconds; }; // CLOCK_MONOTONIC_RAW around the read, and what it showed
struct rtc_step { int64_t start_ns, end_ns, ns, bound_ns; }; // somewhere between these (CLOCK_MONOTONIC) it went ahead by so much

struct rtc_follow {                     // zero-initialise
	bool known, stepped;
	int64_t low_ns, high_ns;        // bounds of how far it is ahead
	int64_t raw_ns;                 // of the last read
#define RTC_READS 8
	// The last reads with the bounds known after each, newest first; `old`: those before the step that is being measured.
	struct rtc_known { struct rtc_read read; int64_t low_ns, high_ns; } reads[RTC_READS], old[RTC_READS];
	int64_t step_end_ns;            // its first read that did not fit
};

// Returns true, with the step, once one has been measured (or, negative, went backwards).
bool rtc_follow__read(struct rtc_follow *follow, const struct rtc_read *read, struct rtc_step *ret);
// The step that is still being measured, as far as it is known; false: there is none.
bool rtc_follow__unfinished(const struct rtc_follow *follow, struct rtc_step *ret);
// When (CLOCK_MONOTONIC_RAW) to read next.
int64_t rtc_follow__next(const struct rtc_follow *follow, int64_t raw_now_ns);
// What was known holds no longer: somebody set it.
void rtc_follow__forget(struct rtc_follow *follow);

#endif
