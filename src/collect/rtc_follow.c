#include "collect/rtc_follow.h"

#include <string.h>

#include "base/base.h"

#define SECOND_NS ((int64_t)NS_PER_SEC)
#define DRIFT 1e-3              // real ones are ten times smaller; emulated ones are not
#define PRECISE_NS (15 * (int64_t)NS_PER_MSEC) // what a step is measured to
#define BLURRED_NS (20 * (int64_t)NS_PER_MSEC) // from here on the moment is looked for anew
#define MARGIN_NS (15 * (int64_t)NS_PER_MSEC)  // how far from the uncertain time it is read otherwise
#define FINEST_NS (5 * (int64_t)NS_PER_MSEC)   // between two reads
#define PARTS 10                // the uncertain time is read so many times

// What one read says: bounds of how far it is ahead.
static void bounds_of(const struct rtc_read *read, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = read->seconds * SECOND_NS - read->raw_after_ns;
	*ret_high = (read->seconds + 1) * SECOND_NS - read->raw_before_ns;
}

// A read in the middle of a second fits before and after a small step, and may have narrowed the bounds wrongly: the last one that does not fit
// to what is known now was before the step.
static const struct rtc_known *last_before(const struct rtc_follow *follow)
{
	const struct rtc_known *before = &follow->old[0];
	int64_t low, high;

	for (unsigned i = 0; i < RTC_READS && follow->old[i].read.seconds; i++) {
		before = &follow->old[i];
		bounds_of(&before->read, &low, &high);
		if (low > follow->high_ns || high < follow->low_ns)
			break;
	}
	return before;
}

static void measure(const struct rtc_follow *follow, struct rtc_step *ret)
{
	const struct rtc_known *before = last_before(follow);

	ret->start_ns = before->read.monotonic_ns;
	ret->end_ns = follow->step_end_ns;
	ret->ns = (follow->low_ns + follow->high_ns) / 2 - (before->low_ns + before->high_ns) / 2;
	ret->bound_ns = (follow->high_ns - follow->low_ns + before->high_ns - before->low_ns) / 2;
}

bool rtc_follow__read(struct rtc_follow *follow, const struct rtc_read *read, struct rtc_step *ret)
{
	int64_t low, high;
	int64_t blur = (int64_t)(DRIFT * (double)(read->raw_after_ns - follow->raw_ns));
	int64_t known_low = follow->low_ns - blur, known_high = follow->high_ns + blur;

	bounds_of(read, &low, &high);
	if (!follow->known) {
		*follow = (struct rtc_follow){ .known = true, .low_ns = low, .high_ns = high };
	} else if (low > known_high || high < known_low) {
		if (!follow->stepped)
			memcpy(follow->old, follow->reads, sizeof(follow->reads));
		follow->stepped = true;
		follow->step_end_ns = read->monotonic_ns;
		follow->low_ns = low;
		follow->high_ns = high;
	} else {
		follow->low_ns = low > known_low ? low : known_low;
		follow->high_ns = high < known_high ? high : known_high;
	}
	follow->raw_ns = read->raw_after_ns;
	memmove(&follow->reads[1], &follow->reads[0], (RTC_READS - 1) * sizeof(follow->reads[0]));
	follow->reads[0] = (struct rtc_known){ *read, follow->low_ns, follow->high_ns };
	if (!follow->stepped || follow->high_ns - follow->low_ns > PRECISE_NS)
		return false;
	measure(follow, ret);
	follow->stepped = false;
	return true;
}

bool rtc_follow__unfinished(const struct rtc_follow *follow, struct rtc_step *ret)
{
	if (follow->stepped)
		measure(follow, ret);
	return follow->stepped;
}

// It goes to the next second while CLOCK_MONOTONIC_RAW is between a whole second less `high` and the same less `low`: the uncertain time.
int64_t rtc_follow__next(const struct rtc_follow *follow, int64_t now)
{
	int64_t width = follow->high_ns - follow->low_ns, start, pause;

	if (!follow->known)
		return now;
	start = now - ((now + follow->high_ns) % SECOND_NS + SECOND_NS) % SECOND_NS;  // of the uncertain time that began last
	if (follow->stepped ? width > PRECISE_NS : width > BLURRED_NS) {
		pause = width / PARTS > FINEST_NS ? width / PARTS : FINEST_NS;
		return now < start + width ? now + pause : start + SECOND_NS;
	}
	if (now < start + width + MARGIN_NS)
		return start + width + MARGIN_NS;
	return now < start + SECOND_NS - MARGIN_NS ? start + SECOND_NS - MARGIN_NS : start + SECOND_NS + width + MARGIN_NS;
}

void rtc_follow__forget(struct rtc_follow *follow)
{
	memset(follow, 0, sizeof(*follow));
}
