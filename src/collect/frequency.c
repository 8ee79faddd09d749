#include "collect/frequency.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"

#define CPUS_LOOKED_AT 64       // at most, spread evenly: each look is a read of a file
#define BUSY 0.5                // of the time between two looks: a CPU that idles may well be slow
#define COOLERS 32

struct cooler { char *directory, *type; int64_t looks, cooling, most; };
struct domain { char *name; int64_t last_uj, range_uj, used_uj; };     // of power
struct frequency {
	char *root;
	unsigned cpus, step;
	int64_t *looks, *sum_khz, *busy_ns; // of each CPU while it was busy
	struct cooler coolers[COOLERS]; size_t cooler_count;
	struct domain domains[COOLERS]; size_t domain_count;
	char *governor, *driver;
};

static int64_t read_number(const struct frequency *frequency, const char *format, ...)
{
	char path[512], whole[768];
	int64_t number;
	va_list list;

	va_start(list, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(path, sizeof(path), format, list);
#pragma GCC diagnostic pop
	va_end(list);
	snprintf(whole, sizeof(whole), "%s%s", frequency->root, path);
	return base__read_number(whole, &number) ? -1 : number;
}

static char *read_word(const struct frequency *frequency, const char *path)
{
	cleanup_free char *whole = base__format("%s%s", frequency->root, path);
	char *text = NULL;

	if (base__read_file(whole, 256, &text) <= 0) {
		free(text);
		return NULL;
	}
	text[strcspn(text, "\n")] = 0;
	return text;
}

// What slows CPUs down when it acts: fans are no such thing.
static bool slows_cpus(const char *type)
{
	return !strcmp(type, "Processor") || !strncmp(type, "cpufreq-", 8) || !strncmp(type, "thermal-cpufreq", 15) || !strcmp(type, "intel_powerclamp")
		|| !strncmp(type, "thermal-idle", 12);
}

static void each_entry(struct frequency *frequency, const char *path, void (*take)(struct frequency *frequency, const char *name))
{
	cleanup_free char *whole = base__format("%s%s", frequency->root, path);
	DIR *directory = opendir(whole);

	for (struct dirent *entry; directory && (entry = readdir(directory));)
		take(frequency, entry->d_name);
	if (directory)
		closedir(directory);
}

static void take_cooler(struct frequency *frequency, const char *name)
{
	cleanup_free char *path = base__format("/sys/class/thermal/%s/type", name);
	char *type;

	if (strncmp(name, "cooling_device", 14) || frequency->cooler_count == COOLERS || !(type = read_word(frequency, path)))
		return;
	if (slows_cpus(type))
		frequency->coolers[frequency->cooler_count++] = (struct cooler){ .directory = base__copy(name), .type = type };
	else
		free(type);
}

// Packages only ("intel-rapl:0"): the domains below them are parts of the same energy.
static void take_domain(struct frequency *frequency, const char *name)
{
	if (strncmp(name, "intel-rapl:", 11) || strchr(name + 11, ':') || frequency->domain_count == COOLERS)
		return;
	int64_t energy = read_number(frequency, "/sys/class/powercap/%s/energy_uj", name);
	if (energy >= 0)
		frequency->domains[frequency->domain_count++] = (struct domain){ base__copy(name), energy,
			read_number(frequency, "/sys/class/powercap/%s/max_energy_range_uj", name), 0 };
}

static bool sees(const struct frequency *frequency, const char *path)
{
	cleanup_free char *whole = base__format("%s%s", frequency->root, path);

	return access(whole, R_OK) == 0;
}

struct frequency *frequency__new(const char *root, unsigned cpus, char **ret_why_off)
{
	struct frequency *frequency = base__alloc(1, sizeof(*frequency));

	frequency->root = base__copy(root);
	frequency->cpus = cpus;
	frequency->step = (cpus + CPUS_LOOKED_AT - 1) / CPUS_LOOKED_AT;
	frequency->looks = base__alloc(cpus, sizeof(int64_t));
	frequency->sum_khz = base__alloc(cpus, sizeof(int64_t));
	frequency->busy_ns = base__alloc(cpus, sizeof(int64_t));
	frequency->governor = read_word(frequency, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	frequency->driver = read_word(frequency, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver");
	each_entry(frequency, "/sys/class/thermal", take_cooler);
	each_entry(frequency, "/sys/class/powercap", take_domain);
	if (frequency->cooler_count || frequency->domain_count || sees(frequency, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
		|| sees(frequency, "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"))
		return frequency;
	frequency__free(frequency);
	*ret_why_off = base__copy("this machine shows neither frequencies nor limits of heat and power (no cpufreq, thermal_throttle, powercap or cooling "
		"device in sysfs)");
	return NULL;
}

void frequency__free(struct frequency *frequency)
{
	if (!frequency)
		return;
	for (size_t i = 0; i < frequency->cooler_count; i++) {
		free(frequency->coolers[i].directory);
		free(frequency->coolers[i].type);
	}
	for (size_t i = 0; i < frequency->domain_count; i++)
		free(frequency->domains[i].name);
	free(frequency->looks);
	free(frequency->sum_khz);
	free(frequency->busy_ns);
	free(frequency->governor);
	free(frequency->driver);
	free(frequency->root);
	free(frequency);
}

static void note_cpu(struct frequency *frequency, struct counters *counters, unsigned cpu)
{
	static const struct { const char *file, *source, *name; } files[] = {
		{ "thermal_throttle/core_throttle_count", "thermal_throttle", "core_throttle_count" },
		{ "thermal_throttle/core_throttle_total_time_ms", "thermal_throttle", "core_throttle_total_time_ms" },
		{ "thermal_throttle/package_throttle_count", "thermal_throttle", "package_throttle_count" },
		{ "thermal_throttle/package_throttle_total_time_ms", "thermal_throttle", "package_throttle_total_time_ms" },
		{ "cpufreq/base_frequency", "cpufreq", "base_khz" }, { "cpufreq/cpuinfo_max_freq", "cpufreq", "cpuinfo_max_khz" },
		{ "cpufreq/scaling_max_freq", "cpufreq", "scaling_max_khz" }, { "cpufreq/bios_limit", "cpufreq", "bios_limit_khz" },
	};
	char key[16];

	snprintf(key, sizeof(key), "%u", cpu);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int64_t value = read_number(frequency, "/sys/devices/system/cpu/cpu%u/%s", cpu, files[i].file);

		if (value >= 0)
			counters__note(counters, files[i].source, key, files[i].name, value);
	}
}

void frequency__note(struct frequency *frequency, struct counters *counters)
{
	for (unsigned cpu = 0; cpu < frequency->cpus; cpu += frequency->step)
		note_cpu(frequency, counters, cpu);
	for (size_t i = 0; i < frequency->domain_count; i++) {
		struct domain *domain = &frequency->domains[i];
		int64_t energy = read_number(frequency, "/sys/class/powercap/%s/energy_uj", domain->name);
		int64_t limit = read_number(frequency, "/sys/class/powercap/%s/constraint_0_power_limit_uw", domain->name);

		if (energy < 0)
			continue;
		// The counter turns over at its range, within minutes on large machines.
		domain->used_uj += energy - domain->last_uj + (energy < domain->last_uj && domain->range_uj > 0 ? domain->range_uj : 0);
		domain->last_uj = energy;
		counters__note(counters, "powercap", domain->name, "energy_uj", domain->used_uj);
		if (limit >= 0)
			counters__note(counters, "powercap", domain->name, "limit_uw", limit);
	}
}

void frequency__sample(struct frequency *frequency, const uint64_t *busy_ns, uint64_t elapsed_ns)
{
	for (unsigned cpu = 0; cpu < frequency->cpus && elapsed_ns; cpu += frequency->step) {
		if ((double)busy_ns[cpu] < BUSY * (double)elapsed_ns)
			continue;
		int64_t khz = read_number(frequency, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu);
		if (khz <= 0)
			continue;
		frequency->looks[cpu]++;
		frequency->sum_khz[cpu] += khz;
		frequency->busy_ns[cpu] += (int64_t)busy_ns[cpu];
	}
	for (size_t i = 0; i < frequency->cooler_count; i++) {
		struct cooler *cooler = &frequency->coolers[i];
		int64_t state = read_number(frequency, "/sys/class/thermal/%s/cur_state", cooler->directory);

		cooler->looks++;
		cooler->cooling += state > 0;
		if (state > cooler->most)
			cooler->most = state;
	}
}

static struct activity_row *add_row(struct recording *recording, const char *kind, const char *key, int64_t cpu)
{
	struct activity_row *row = recording__add_activity(recording);

	row->subject = base__copy("frequency");
	row->kind = base__copy(kind);
	row->key = base__copy(key);
	row->cpu = cpu;
	return row;
}

void frequency__store(const struct frequency *frequency, struct recording *recording)
{
	recording__set_meta(recording, "frequency.governor", "%s", frequency->governor ? frequency->governor : "");
	recording__set_meta(recording, "frequency.driver", "%s", frequency->driver ? frequency->driver : "");
	for (unsigned cpu = 0; cpu < frequency->cpus; cpu++) {
		if (!frequency->looks[cpu])
			continue;
		struct activity_row *row = add_row(recording, "busy", "", cpu);
		row->count = frequency->looks[cpu];
		row->ns = frequency->busy_ns[cpu];
		row->amount = frequency->sum_khz[cpu] / frequency->looks[cpu];
	}
	for (size_t i = 0; i < frequency->cooler_count; i++) {
		if (!frequency->coolers[i].cooling)
			continue;
		struct activity_row *row = add_row(recording, "cooling", frequency->coolers[i].type, -1);
		row->count = frequency->coolers[i].cooling;
		row->amount = frequency->coolers[i].most;
	}
}

// ---- the subject ----

struct state { struct frequency *frequency; uint64_t *run_ns, *busy_ns, looked_ns; };

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS_PER_SEC + (uint64_t)time.tv_nsec;
}

static void *open_frequency(struct collector *collector, char **ret_why_off)
{
	struct frequency *frequency = frequency__new("", collector->probes->cpus, ret_why_off);
	struct state *state;

	if (!frequency)
		return NULL;
	state = base__alloc(1, sizeof(*state));
	state->frequency = frequency;
	state->run_ns = base__alloc(collector->probes->cpus, sizeof(*state->run_ns));
	state->busy_ns = base__alloc(collector->probes->cpus, sizeof(*state->busy_ns));
	return state;
}

static void begin(void *closure, struct collector *collector)
{
	struct state *state = closure;

	state->looked_ns = now_ns();
	frequency__note(state->frequency, collector->counters);
}

static void drain(void *closure, struct collector *collector)
{
	struct state *state = closure;
	uint64_t now = now_ns();

	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		uint64_t run = collector->probes->accounts[cpu].run_ns;

		state->busy_ns[cpu] = run - state->run_ns[cpu];
		state->run_ns[cpu] = run;
	}
	// The drain after the window comes when nothing of it runs any more.
	if (!collector->ended_ns)
		frequency__sample(state->frequency, state->busy_ns, now - state->looked_ns);
	state->looked_ns = now;
}

static void end(void *closure, struct collector *collector)
{
	frequency__note(((struct state *)closure)->frequency, collector->counters);
}

static void store(const void *closure, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	(void)collector, (void)stacks;
	frequency__store(((const struct state *)closure)->frequency, recording);
}

static void close_frequency(void *closure)
{
	struct state *state = closure;

	frequency__free(state->frequency);
	free(state->run_ns);
	free(state->busy_ns);
	free(state);
}

const struct subject subject_frequency = {
	.name = "frequency", .open = open_frequency, .begin = begin, .drain = drain, .end = end, .store = store, .close = close_frequency,
};
