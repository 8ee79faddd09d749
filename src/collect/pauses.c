#include "collect/pauses_private.h"
#include "collect/rtc_follow.h"

#include <math.h>

#define STEP_LEAST_NS (20 * (int64_t)NS_PER_MSEC)      // clocks are read to within microseconds; drift is far below
#define REAL_STEP_NS (10 * (int64_t)NS_PER_MSEC)       // the kernel slews smaller offsets
#define INTERVAL_LEAST_NS (20 * (int64_t)NS_PER_MSEC)  // shorter ones say little about rates
#define DRIFT 1e-4              // of two clocks that nobody disciplines
#define SETTLE 2                // samples over which a step must last
#define LIMIT 4096              // of anything kept; a machine that is stopped more often than that has been told of enough

const char *pause_detector__words(enum pause_detector detector)
{
	static const char *const words[PAUSE_DETECTORS] = {
		[PAUSE_SCHEDULER] = "the scheduler's clock stood still",
		[PAUSE_COUNTER] = "the CPU's counter went on while the kernel's clocks stood still",
		[PAUSE_RTC] = "the real-time clock went on while the kernel's clocks stood still",
		[PAUSE_SILENCE] = "all CPUs were silent and nothing was counted as stolen",
		[PAUSE_MARK] = "the hypervisor's own mark",
	};
	return words[detector];
}

struct pauses *pauses__new(int cpus, int64_t beat_ns)
{
	struct pauses *pauses = base__alloc(1, sizeof(*pauses));

	pauses->cpus = cpus;
	pauses->beat_ns = beat_ns;
	pauses->last_beats = base__alloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*pauses->last_beats));
	return pauses;
}

void pauses__free(struct pauses *pauses)
{
	if (!pauses)
		return;
	free(pauses->sightings);
	free(pauses->others);
	free(pauses->gaps);
	free(pauses->last_beats);
	free(pauses->witness);
	free(pauses->alive);
	free(pauses->marks);
	free(pauses);
}

static size_t add_sighting(struct pauses *pauses, const struct sighting *sighting)
{
	if (pauses->sighting_count >= LIMIT) {
		pauses->left_out++;
		return LIMIT - 1;
	}
	pauses->sightings = base__grow(pauses->sightings, &pauses->sighting_capacity, pauses->sighting_count + 1, sizeof(*sighting));
	pauses->sightings[pauses->sighting_count] = *sighting;
	return pauses->sighting_count++;
}

static void add_other(struct pauses *pauses, const char *kind, const struct clock_sample *sample, int64_t ns, int64_t bound_ns)
{
	if (pauses->other_count >= LIMIT) {
		pauses->left_out++;
		return;
	}
	pauses->others = base__grow(pauses->others, &pauses->other_capacity, pauses->other_count + 1, sizeof(*pauses->others));
	pauses->others[pauses->other_count++] = (struct pause_found){ .kind = kind, .start_ns = sample->monotonic_ns, .end_ns = sample->monotonic_ns,
		.at_ns = sample->monotonic_ns - pauses->last.monotonic_ns, .ns = ns, .bound_ns = bound_ns, .cpu = -1 };
}

// ---- clocks against clocks ----

// The lowest: a pause makes an interval's rate higher, and nothing makes it lower.
static double lowest_rate(const struct pauses *pauses)
{
	double lowest = INFINITY;

	for (size_t i = 0; i < pauses->rate_count && i < RATES; i++)
		lowest = fmin(lowest, pauses->rates[i]);
	return lowest;
}

static void settle(struct pauses *pauses, struct comparison *comparison)
{
	if (comparison->open)
		add_sighting(pauses, &comparison->step);
	comparison->open = false;
}

// `more_ns`: how much longer than the other the clock that should go on ran in this interval.
static void compare(struct pauses *pauses, struct comparison *comparison, double more_ns, const struct sighting *step)
{
	if (comparison->open) {
		if (comparison->offset_ns + more_ns - comparison->before_ns < (double)comparison->step.ns / 2)
			comparison->open = false;       // it went back: a reading was off
		else if (++comparison->seen >= SETTLE)
			settle(pauses, comparison);
	}
	if (more_ns > (double)(STEP_LEAST_NS + step->bound_ns)) {
		settle(pauses, comparison);
		comparison->open = true;
		comparison->seen = 0;
		comparison->before_ns = comparison->offset_ns;
		comparison->step = *step;
		comparison->step.ns = llround(more_ns);
	}
	comparison->offset_ns += more_ns;
}

static struct sighting between(enum pause_detector detector, const struct clock_sample *from, const struct clock_sample *to)
{
	int64_t bound = from->spread_ns + to->spread_ns + llround(DRIFT * (double)(to->raw_ns - from->raw_ns));

	return (struct sighting){ .detector = detector, .start_ns = from->monotonic_ns, .end_ns = to->monotonic_ns, .bound_ns = bound };
}

// Both comparisons of one interval. Call when the next interval's rate is known, too.
static void judge_interval(struct pauses *pauses, const struct clock_sample *from, const struct clock_sample *to)
{
	double raw_ns = (double)(to->raw_ns - from->raw_ns), rate = lowest_rate(pauses);
	struct sighting step;

	if (from->scheduler_ns && to->scheduler_ns) {
		step = between(PAUSE_SCHEDULER, from, to);
		pauses->scheduler_works = true;
		compare(pauses, &pauses->scheduler, raw_ns - (double)(to->scheduler_ns - from->scheduler_ns), &step);
	}
	if (from->counter && to->counter && rate < INFINITY) {
		step = between(PAUSE_COUNTER, from, to);
		pauses->counter_works = true;
		compare(pauses, &pauses->counter, (double)(int64_t)(to->counter - from->counter) / rate - raw_ns, &step);
	}
}

void pauses__settle(struct pauses *pauses)
{
	if (pauses->samples == 2)
		judge_interval(pauses, &pauses->before_last, &pauses->last);
	settle(pauses, &pauses->scheduler);
	settle(pauses, &pauses->counter);
}

void pauses__sample(struct pauses *pauses, const struct clock_sample *sample)
{
	const struct clock_sample *last = &pauses->last;

	if (pauses->samples) {
		int64_t raw = sample->raw_ns - last->raw_ns;
		int64_t slept = (sample->boottime_ns - last->boottime_ns) - (sample->monotonic_ns - last->monotonic_ns);
		int64_t set = (sample->realtime_ns - last->realtime_ns) - (sample->monotonic_ns - last->monotonic_ns) - slept;
		int64_t bound = last->spread_ns + sample->spread_ns;

		if (raw < INTERVAL_LEAST_NS)
			return;
		if (llabs(set) > REAL_STEP_NS + bound)
			add_other(pauses, "clock_step", sample, set, bound);
		if (slept > REAL_STEP_NS + bound) {
			// The counter and the real-time clock went on while the guest itself slept: begin anew.
			add_other(pauses, "suspend", sample, slept, bound);
			settle(pauses, &pauses->scheduler);
			settle(pauses, &pauses->counter);
			pauses->samples = 0;
		} else if (sample->counter > last->counter && last->counter) {
			pauses->rates[pauses->rate_count++ % RATES] = (double)(sample->counter - last->counter) / (double)raw;
		}
	}
	if (pauses->samples == 2)
		judge_interval(pauses, &pauses->before_last, last);
	pauses->before_last = pauses->last;
	pauses->last = *sample;
	pauses->samples = pauses->samples < 2 ? pauses->samples + 1 : 2;
}

void pauses__rtc(struct pauses *pauses, const struct rtc_step *step)
{
	pauses->rtc_works = true;
	if (step && step->ns > RTC_LEAST_NS + step->bound_ns)
		add_sighting(pauses, &(struct sighting){ PAUSE_RTC, step->start_ns, step->end_ns, step->ns, step->bound_ns });
}

// ---- silence ----

void pauses__gap(struct pauses *pauses, int cpu, int64_t start_ns, int64_t end_ns, int64_t steal_ns)
{
	if (cpu < 0 || cpu >= pauses->cpus)
		return;
	if (pauses->gap_count >= LIMIT) {
		pauses->left_out++;
		return;
	}
	pauses->gaps = base__grow(pauses->gaps, &pauses->gap_capacity, pauses->gap_count + 1, sizeof(*pauses->gaps));
	pauses->gaps[pauses->gap_count++] = (struct gap){ cpu, start_ns, end_ns, steal_ns, false };
}

void pauses__beat(struct pauses *pauses, int cpu, int64_t last_ns)
{
	if (cpu >= 0 && cpu < pauses->cpus && last_ns > 0) {
		pauses->last_beats[cpu] = last_ns;
		pauses->beats_work = true;
	}
}

void pauses__witnessed(struct pauses *pauses)
{
	pauses->witnessed = true;
}

void pauses__witness_gap(struct pauses *pauses, int64_t start_ns, int64_t end_ns)
{
	if (pauses->witness_count >= LIMIT) {
		pauses->left_out++;
		return;
	}
	pauses->witness = base__grow(pauses->witness, &pauses->witness_capacity, pauses->witness_count + 1, sizeof(*pauses->witness));
	pauses->witness[pauses->witness_count++] = (struct gap){ -1, start_ns, end_ns, 0, false };
}

static void add_time(int64_t **times, size_t *count, size_t *capacity, int64_t time_ns)
{
	if (*count >= LIMIT)
		return;
	*times = base__grow(*times, capacity, *count + 1, sizeof(**times));
	(*times)[(*count)++] = time_ns;
}

void pauses__mark(struct pauses *pauses, int64_t monotonic_ns)
{
	pauses->mark_seen = true;
	add_time(&pauses->marks, &pauses->mark_count, &pauses->mark_capacity, monotonic_ns);
}

void pauses__alive(struct pauses *pauses, int64_t monotonic_ns)
{
	add_time(&pauses->alive, &pauses->alive_count, &pauses->alive_capacity, monotonic_ns);
}

int64_t pauses__left_out(const struct pauses *pauses)
{
	return pauses->left_out;
}

bool pauses__works(const struct pauses *pauses, enum pause_detector detector)
{
	switch (detector) {
	case PAUSE_SCHEDULER: return pauses->scheduler_works;
	case PAUSE_COUNTER: return pauses->counter_works;
	case PAUSE_RTC: return pauses->rtc_works;
	case PAUSE_SILENCE: return pauses->beats_work;
	default: return pauses->mark_seen;
	}
}
