// A thread of ours that follows the real-time clock (rtc_follow): it must read within milliseconds of the moment at which the clock goes to its next
// second, which the collector's loop, that has other work, cannot promise.
#ifndef WHYSTALL_COLLECT_RTC_WATCH_H
#define WHYSTALL_COLLECT_RTC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/rtc_follow.h"

struct rtc_watch;
// With privileges. `times_set` counts how often somebody set the clock; it must outlive the watch. NULL: there is no such clock, *ret_error (a positive
// errno) says why.
struct rtc_watch *rtc_watch__open(const volatile uint32_t *times_set, int *ret_error);
// Runs the thread: in the lowest realtime class where RLIMIT_RTPRIO allows it, as an ordinary one otherwise. Returns 0 or a negative errno.
int rtc_watch__start(struct rtc_watch *watch);
// Whether the clock could be read.
bool rtc_watch__works(struct rtc_watch *watch);
// Takes the next step that has been measured, in order; false: none is left.
bool rtc_watch__take(struct rtc_watch *watch, struct rtc_step *ret);
// Reads the clock once more, looks on for at most so long where a step is not measured yet, and ends the thread. Call rtc_watch__take afterwards: a step
// that is still not measured is told as far as it is known.
void rtc_watch__finish(struct rtc_watch *watch, int64_t longest_ns);
void rtc_watch__close(struct rtc_watch *watch);

#endif
