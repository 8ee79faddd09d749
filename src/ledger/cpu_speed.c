#include "ledger/cpu_speed.h"

#include "base/base.h"
#include "ledger/kernel_counters.h"

#include <math.h>
#include <string.h>

#define LEAST_LOOKS 3           // of one CPU while it was busy: fewer say nothing of the whole window

// The base frequency of a CPU in kHz; -1: not known.
static double base_khz(const struct recording *recording, int64_t cpu)
{
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, "cpufreq", row));)
		if (row->name && !strcmp(row->name, "base_khz") && row->key && atoll(row->key) == cpu)
			return (double)row->after;
	return -1;
}

static void add_busy(const struct recording *recording, const struct activity_row *row, struct cpu_speed *speed)
{
	double mean = (double)row->amount, base = base_khz(recording, row->cpu);
	speed->sum_mhz += mean / 1e3 * (double)row->count;
	speed->looks += (double)row->count;
	if (base <= 0 || row->count < LEAST_LOOKS)
		return;
	double ratio = mean / base;
	speed->busy_ns += (double)row->ns;
	speed->lost_ns += (double)row->ns * fmax(0, 1 - ratio);
	if (speed->slowest_cpu < 0 || ratio < speed->slowest) {
		speed->slowest = ratio;
		speed->slowest_cpu = row->cpu;
		speed->base_mhz = base / 1e3;
	}
}

static void add_throttling(const struct recording *recording, const struct kernel_counter_row *row, struct cpu_speed *speed)
{
	(void)recording;
	double growth = (double)(row->after - row->before);
	if (strstr(row->name, "_time_ms"))
		speed->throttled_ms = fmax(speed->throttled_ms, growth);
	else if (!strcmp(row->name, "core_throttle_count"))
		speed->throttles += growth;
}

static void add_setting(const struct recording *recording, const struct kernel_counter_row *row, struct cpu_speed *speed)
{
	if (strcmp(row->name, "scaling_max_khz") && strcmp(row->name, "bios_limit_khz"))
		return;
	double base = base_khz(recording, atoll(row->key));
	if (base > 0 && (double)row->after < base && speed->limited_cpu < 0) {
		speed->limited_cpu = atoll(row->key);
		speed->limit_mhz = (double)row->after / 1e3;
	}
}

static void add_power(const struct recording *recording, const struct kernel_counter_row *row, struct cpu_speed *speed)
{
	double window_ns = (double)recording__meta_number(recording, "window_ns", 0);
	if (strcmp(row->name, "energy_uj"))
		return;
	for (const struct kernel_counter_row *limit = NULL; (limit = kernel_counter__next(recording, "powercap", limit));)
		if (limit->key && limit->name && !strcmp(limit->key, row->key) && !strcmp(limit->name, "limit_uw") && limit->after > 0)
			speed->over_limit = fmax(speed->over_limit, (double)(row->after - row->before) / ((double)limit->after * window_ns / (double)NS_PER_SEC));
}

struct cpu_speed cpu_speed__of(const struct ledger *ledger)
{
	static const struct { const char *source; void (*add)(const struct recording *, const struct kernel_counter_row *, struct cpu_speed *); } limits[] = {
		{ "thermal_throttle", add_throttling }, { "cpufreq", add_setting }, { "powercap", add_power },
	};
	const struct recording *recording = ledger->recording;
	const struct activity_rows *busy = &ledger->activity.of[ACTIVITY_CPU_BUSY], *cooling = &ledger->activity.of[ACTIVITY_COOLING];
	struct cpu_speed speed = { .slowest = 1, .slowest_cpu = -1, .limited_cpu = -1 };
	for (size_t i = 0; i < busy->count; i++)
		if (busy->rows[i]->count > 0)
			add_busy(recording, busy->rows[i], &speed);
	for (size_t i = 0; i < cooling->count; i++)
		if ((double)cooling->rows[i]->count > speed.cooled) {
			speed.cooled = (double)cooling->rows[i]->count;
			speed.cooler = cooling->rows[i]->key;
		}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, limits[i].source, row));)
			if (row->name && row->key)
				limits[i].add(recording, row, &speed);
	return speed;
}
