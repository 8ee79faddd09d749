#include "collect/series.h"

#include <string.h>

#include "base/base.h"

#define UNKNOWN (-1.0)

enum cpu_series { CPU_IDLE, CPU_METER, CPU_SWITCHES, CPU_SERIES };
static const char *const cpu_names[CPU_SERIES] = { "cpu.idle_ns", "cpu.meter_ns", "cpu.switches" };

struct series {
	const struct probes *probes;
	double *values;                 // [moment * width]: the time, a value of each resource, CPU_SERIES of each CPU; UNKNOWN: none
	size_t width, moments, moments_most;
	uint64_t seen, step;            // moments offered; of so many one is kept
};

struct series *series__new(const struct probes *probes)
{
	struct series *series = base__alloc(1, sizeof(*series));

	series->probes = probes;
	series->width = 1 + PRESSURE_RESOURCES + (size_t)CPU_SERIES * probes->cpus;
	series->moments_most = SERIES_VALUES_MOST / series->width;
	series->moments_most += series->moments_most < 2 ? 2 : 0;
	series->values = base__alloc(series->moments_most, series->width * sizeof(*series->values));
	series->step = 1;
	return series;
}

void series__free(struct series *series)
{
	if (!series)
		return;
	free(series->values);
	free(series);
}

static void thin(struct series *series)
{
	size_t kept = 0;

	for (size_t i = 0; i < series->moments; i += 2)
		memmove(series->values + kept++ * series->width, series->values + i * series->width, series->width * sizeof(*series->values));
	series->moments = kept;
	series->step *= 2;
}

void series__add(struct series *series, uint64_t time_ns, const struct pressure_totals totals[PRESSURE_RESOURCES])
{
	if (series->moments == series->moments_most)
		thin(series);
	if (series->seen++ % series->step)
		return;
	double *value = series->values + series->moments++ * series->width;

	*value++ = (double)time_ns;
	for (int resource = 0; resource < PRESSURE_RESOURCES; resource++)
		*value++ = totals[resource].some_us >= 0 ? (double)totals[resource].some_us : UNKNOWN;
	for (uint32_t cpu = 0; cpu < series->probes->cpus; cpu++) {
		const struct cpu_account *account = &series->probes->accounts[cpu];

		value[CPU_IDLE] = account->on ? (double)account->idle_total : UNKNOWN;
		value[CPU_METER] = account->on ? (double)account->meter_ns : UNKNOWN;
		value[CPU_SWITCHES] = account->on ? (double)account->switches : UNKNOWN;
		value += CPU_SERIES;
	}
}

static void store_value(struct recording *recording, double time_ns, double value, char *name, char *key)
{
	struct sample_row *row = recording__add_sample(recording);

	*row = (struct sample_row){ .time_ns = (int64_t)time_ns, .series = name, .key = key, .value = value };
}

void series__store(const struct series *series, struct recording *recording)
{
	for (size_t i = 0; i < series->moments; i++) {
		const double *values = series->values + i * series->width, *cpus = values + 1 + PRESSURE_RESOURCES;

		for (int resource = 0; resource < PRESSURE_RESOURCES; resource++)
			if (values[1 + resource] >= 0)
				store_value(recording, values[0], values[1 + resource],
					base__format("%s.some_total_us", pressure_resource__name((enum pressure_resource)resource)), base__copy("system"));
		for (size_t j = 0; j < (size_t)CPU_SERIES * series->probes->cpus; j++)
			if (cpus[j] >= 0)
				store_value(recording, values[0], cpus[j], base__copy(cpu_names[j % CPU_SERIES]), base__format("%zu", j / CPU_SERIES));
	}
	recording__set_counter(recording, "samples_step", (int64_t)series->step,
		"of so many samples of the time series, one a second, one is kept: more would not fit");
}
