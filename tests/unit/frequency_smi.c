// Frequencies, throttling and SMIs: samplers over a laid-out machine, and the verdicts from hand-made recordings.
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/frequency.h"
#include "collect/smi.h"

static char root[64];

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/whystall-machine.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	cleanup_free char *command = base__format("rm -rf '%s'", root);
	(void)state;
	return system(command);
}

// A file below the root, with the directories above it.
static void put(const char *path, const char *text)
{
	cleanup_free char *whole = base__format("%s%s", root, path);
	for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	cleanup_file FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void put_cpu(int cpu, const char *name, const char *text)
{
	cleanup_free char *path = base__format("/sys/devices/system/cpu/cpu%d/%s", cpu, name);
	put(path, text);
}

static const struct activity_row *row_of(const struct recording *recording, const char *kind, int64_t cpu)
{
	for (size_t i = 0; i < recording->activity_count; i++)
		if (!strcmp(recording->activity[i].kind, kind) && recording->activity[i].cpu == cpu)
			return &recording->activity[i];
	return NULL;
}

static void test_nothing_to_see(void **state)
{
	char *why = NULL;
	(void)state;
	assert_null(frequency__new(root, 2, &why));
	assert_non_null(strstr(why, "cpufreq"));
	free(why);
}

// Two CPUs: one busy and slowed by heat, one idle. The energy counter turns over.
static void test_machine(void **state)
{
	struct counters *counters = counters__new();
	struct recording *recording = recording__new();
	uint64_t busy[2] = { 900000000, 100000000 };
	char *why = NULL;
	(void)state;
	for (int cpu = 0; cpu < 2; cpu++) {
		put_cpu(cpu, "cpufreq/scaling_cur_freq", cpu ? "800000\n" : "1500000\n");
		put_cpu(cpu, "cpufreq/base_frequency", "2500000\n");
		put_cpu(cpu, "cpufreq/scaling_max_freq", "4500000\n");
		put_cpu(cpu, "thermal_throttle/core_throttle_count", "10\n");
		put_cpu(cpu, "thermal_throttle/core_throttle_total_time_ms", "100\n");
	}
	put_cpu(0, "cpufreq/scaling_governor", "performance\n");
	put("/sys/class/thermal/cooling_device0/type", "Fan\n");
	put("/sys/class/thermal/cooling_device0/cur_state", "5\n");
	put("/sys/class/thermal/cooling_device1/type", "Processor\n");
	put("/sys/class/thermal/cooling_device1/cur_state", "0\n");
	put("/sys/class/powercap/intel-rapl:0/energy_uj", "900\n");
	put("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000\n");
	put("/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "65000000\n");
	put("/sys/class/powercap/intel-rapl:0:0/energy_uj", "1\n");     // a part of the package: left out
	struct frequency *frequency = frequency__new(root, 2, &why);
	assert_non_null(frequency);
	frequency__note(frequency, counters);
	frequency__sample(frequency, busy, 1000000000);
	put_cpu(0, "cpufreq/scaling_cur_freq", "1700000\n");
	put_cpu(0, "thermal_throttle/core_throttle_total_time_ms", "600\n");
	put("/sys/class/thermal/cooling_device1/cur_state", "3\n");
	put("/sys/class/powercap/intel-rapl:0/energy_uj", "50\n");
	frequency__sample(frequency, busy, 1000000000);
	frequency__note(frequency, counters);
	frequency__store(frequency, recording);
	counters__store(counters, recording);
	assert_string_equal(recording__meta(recording, "frequency.governor"), "performance");
	assert_int_equal(row_of(recording, "busy", 0)->count, 2);
	assert_int_equal(row_of(recording, "busy", 0)->amount, 1600000);
	assert_null(row_of(recording, "busy", 1));
	assert_int_equal(row_of(recording, "cooling", -1)->count, 1);
	assert_int_equal(row_of(recording, "cooling", -1)->amount, 3);
	assert_string_equal(row_of(recording, "cooling", -1)->key, "Processor");
	assert_int_equal(counters__last(counters, "thermal_throttle", "0", "core_throttle_total_time_ms"), 600);
	assert_int_equal(counters__last(counters, "cpufreq", "1", "base_khz"), 2500000);
	assert_int_equal(counters__last(counters, "powercap", "intel-rapl:0", "energy_uj"), 150);
	assert_int_equal(counters__last(counters, "powercap", "intel-rapl:0:0", "energy_uj"), -1);
	frequency__free(frequency);
	counters__free(counters);
	recording__free(recording);
}

static void test_smi_counter(void **state)
{
	struct counters *counters = counters__new();
	char *why = NULL;
	(void)state;
	assert_null(smi__new(root, "kvm", &why));
	assert_non_null(strstr(why, "host"));
	free(why);
	put("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\n");
	assert_null(smi__new(root, "none", &why));
	assert_non_null(strstr(why, "ls_smi_rx"));
	free(why);
	put("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\n");
	assert_null(smi__new(root, "none", &why));
	assert_non_null(strstr(why, "modprobe msr"));
	free(why);
	// The register file of CPU 0: eight bytes at offset 0x34.
	cleanup_free char *path = base__format("%s/dev/cpu/0/msr", root);
	put("/dev/cpu/0/msr", "");
	cleanup_file FILE *file = fopen(path, "w");
	uint64_t value = 7;
	fseek(file, 0x34, SEEK_SET);
	assert_int_equal(fwrite(&value, sizeof(value), 1, file), 1);
	fflush(file);
	struct smi *smi = smi__new(root, "none", &why);
	assert_non_null(smi);
	smi__note(smi, counters);
	value = 19;
	fseek(file, 0x34, SEEK_SET);
	assert_int_equal(fwrite(&value, sizeof(value), 1, file), 1);
	fflush(file);
	smi__note(smi, counters);
	struct recording *recording = recording__new();
	counters__store(counters, recording);
	assert_int_equal(recording->kernel_counter_count, 1);
	assert_int_equal(recording->kernel_counter[0].after - recording->kernel_counter[0].before, 12);
	recording__free(recording);
	smi__free(smi);
	counters__free(counters);
}

// ---- verdicts ----

static void counter(struct stage *stage, const char *source, const char *key, const char *name, int64_t before, int64_t after)
{
	struct kernel_counter_row *row = recording__add_kernel_counter(stage->recording);
	*row = (struct kernel_counter_row){ .source = base__copy(source), .key = base__copy(key), .name = base__copy(name), .before = before, .after = after };
}

static struct stage slow(int64_t khz)
{
	struct stage stage = stage__new(0);
	recording__set_meta(stage.recording, "probe.frequency", "on");
	for (int cpu = 0; cpu < 2; cpu++) {
		struct activity_row *row = recording__add_activity(stage.recording);
		*row = (struct activity_row){ .subject = base__copy("frequency"), .kind = base__copy("busy"), .key = base__copy(""), .cpu = cpu, .count = 9,
					      .ns = 9000 * STAGE_MS, .amount = khz };
		counter(&stage, "cpufreq", cpu ? "1" : "0", "base_khz", 2500000, 2500000);
	}
	return stage;
}

static void test_heat(void **state)
{
	struct stage stage = slow(1500000);
	int64_t worker = stage__process(&stage, "worker", 100, 9000, 0, 0);
	(void)state;
	counter(&stage, "thermal_throttle", "0", "core_throttle_total_time_ms", 100, 6100);
	counter(&stage, "thermal_throttle", "0", "core_throttle_count", 1, 40);
	stage__judge(&stage);
	const struct verdict *verdict = stage__verdict(&stage, "cpu.frequency");
	assert_int_equal(verdict->kind, VERDICT_CONFIRMED);
	assert_non_null(strstr(verdict->culprits[0].name, "heat"));
	assert_true(stage__names(verdict->victims, verdict->victim_count, worker));
	assert_float_equal(verdict->stall_seconds, 18 * 0.4, 0.01);
	stage__free(&stage);
}

// Slow, and nothing says why: no confirmation. With a limit below the base frequency: the limit is it.
static void test_unknown_and_limit(void **state)
{
	struct stage stage = slow(1500000);
	(void)state;
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->kind, VERDICT_CONTRIBUTING);
	stage__free(&stage);
	stage = slow(1500000);
	counter(&stage, "cpufreq", "1", "scaling_max_khz", 1500000, 1500000);
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->kind, VERDICT_CONFIRMED);
	assert_non_null(strstr(stage__verdict(&stage, "cpu.frequency")->culprits[0].name, "1500 MHz"));
	stage__free(&stage);
	stage = slow(1500000);
	counter(&stage, "powercap", "intel-rapl:0", "energy_uj", 0, 650000000);
	counter(&stage, "powercap", "intel-rapl:0", "limit_uw", 65000000, 65000000);
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->kind, VERDICT_CONFIRMED);
	assert_non_null(strstr(stage__verdict(&stage, "cpu.frequency")->culprits[0].name, "power limit"));
	stage__free(&stage);
}

static void test_fast_enough(void **state)
{
	struct stage stage = slow(2400000);
	(void)state;
	counter(&stage, "thermal_throttle", "0", "core_throttle_total_time_ms", 100, 110);
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->kind, VERDICT_RULED_OUT);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->culprit_count, 0);
	stage__free(&stage);
	stage = stage__new(0);
	recording__set_meta(stage.recording, "probe.frequency", "this machine shows neither");
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "cpu.frequency")->kind, VERDICT_NOT_TESTABLE);
	assert_non_null(strstr(stage__verdict(&stage, "cpu.frequency")->summary, "host"));
	stage__free(&stage);
}

static void test_smi(void **state)
{
	(void)state;
	for (int many = 0; many < 2; many++) {
		struct stage stage = stage__new(0);
		recording__set_meta(stage.recording, "probe.smi", "on");
		counter(&stage, "smi", "0", "count", 0xfffffffe, many ? 900 : 1);  // it turns over
		stage__judge(&stage);
		assert_int_equal(stage__verdict(&stage, "host.smi")->kind, many ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT);
		stage__free(&stage);
	}
	struct stage stage = stage__new(0);
	recording__set_meta(stage.recording, "probe.smi", "modprobe msr provides it");
	stage__judge(&stage);
	assert_int_equal(stage__verdict(&stage, "host.smi")->kind, VERDICT_NOT_TESTABLE);
	assert_non_null(strstr(stage__verdict(&stage, "host.smi")->summary, "modprobe"));
	stage__free(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_see), cmocka_unit_test(test_machine), cmocka_unit_test(test_smi_counter),
		cmocka_unit_test(test_heat), cmocka_unit_test(test_unknown_and_limit), cmocka_unit_test(test_fast_enough), cmocka_unit_test(test_smi),
	};
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
