// Heat, a power limit or a setting slows the CPUs.
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/cpu_speed.h"

#include <math.h>
#include <string.h>

// What slows them, as far as it left a trace.
static enum slowdown find_slowdown(const struct recording *recording, const struct cpu_speed *speed, double window_ms)
{
	const char *governor = recording__meta(recording, "frequency.governor"), *driver = recording__meta(recording, "frequency.driver");
	if (speed->throttled_ms >= threshold__value(THRESHOLD_FREQUENCY_THROTTLED) * window_ms || (speed->throttled_ms <= 0 && speed->throttles > 0))
		return SLOWDOWN_HEAT;
	if (speed->over_limit >= threshold__value(THRESHOLD_FREQUENCY_POWER))
		return SLOWDOWN_POWER_LIMIT;
	if (speed->cooled > 0)
		return SLOWDOWN_COOLING;
	if (speed->limited_cpu >= 0)
		return SLOWDOWN_FREQUENCY_LIMIT;
	// intel_pstate's governor of this name varies the frequency all the same.
	if (governor && !strcmp(governor, "powersave") && strcmp(driver ? driver : "", "intel_pstate"))
		return SLOWDOWN_GOVERNOR;
	return SLOWDOWN_NONE;
}

// The same in words. Owned by the caller.
static char *slowdown_words(enum slowdown slowdown, const struct cpu_speed *speed)
{
	switch (slowdown) {
	case SLOWDOWN_HEAT: return base__copy("heat (thermal throttling)");
	case SLOWDOWN_POWER_LIMIT: return base__copy("the package's power limit");
	case SLOWDOWN_COOLING: return base__format("cooling by the kernel (%s)", speed->cooler ? speed->cooler : "unknown");
	case SLOWDOWN_FREQUENCY_LIMIT: return base__format("a limit of %.0f MHz in cpufreq (CPU %lld)", speed->limit_mhz, (long long)speed->limited_cpu);
	case SLOWDOWN_GOVERNOR: return base__copy("the governor powersave, which keeps the lowest frequency");
	case SLOWDOWN_NONE: break;
	}
	return NULL;
}

static bool is_hardware(enum slowdown slowdown)
{
	return slowdown == SLOWDOWN_HEAT || slowdown == SLOWDOWN_POWER_LIMIT || slowdown == SLOWDOWN_COOLING;
}

static void add_victims(const struct scene *scene, const struct cpu_speed *speed, struct verdict *verdict)
{
	double loss = speed->busy_ns > 0 ? speed->lost_ns / speed->busy_ns : 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool || !crowd->in_scope || (double)crowd->run_ns < threshold__value(THRESHOLD_LOST_SEVERE) * scene->window_ns)
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, (double)crowd->run_ns * loss);
		party->loss = loss;
		party__set_note(party, "ran while the CPUs were slow; which CPUs it ran on is not told apart");
	}
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const char *probe = recording__meta(recording, "probe.frequency"), *virtualization = recording__meta(recording, "virtualization");
	if (!probe || strcmp(probe, "on")) {
		bool guest = virtualization && *virtualization && strcmp(virtualization, "none");
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
		verdict__set_summary(verdict, "%s%s", probe ? probe : "this recording has no frequencies: record again with this version",
				     guest ? "; a virtual machine's CPUs are as fast as its host's: look there (turbostat, thermal_throttle)" : "");
		return;
	}
	struct cpu_speed speed = cpu_speed__of(scene->ledger);
	double window_ms = scene->window_ns / 1e6, loss = speed.busy_ns > 0 ? speed.lost_ns / speed.busy_ns : 0;
	bool slow = speed.slowest_cpu >= 0 && 1 - speed.slowest >= threshold__value(THRESHOLD_FREQUENCY_SLOW);
	enum slowdown slowdown = find_slowdown(recording, &speed, window_ms);
	cleanup_free char *what = slowdown_words(slowdown, &speed);
	bool heat = speed.throttled_ms >= threshold__value(THRESHOLD_FREQUENCY_THROTTLED) * window_ms;
	verdict->kind = slow && slowdown != SLOWDOWN_NONE && loss >= threshold__value(THRESHOLD_FREQUENCY_LOSS) ? VERDICT_CONFIRMED : slow || heat ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
	verdict->stall_seconds = speed.lost_ns / NS_PER_SEC;
	verdict->wall_seconds = fmin(scene->ledger->window_seconds, speed.lost_ns / NS_PER_SEC / (scene->ledger->cpus > 0 ? scene->ledger->cpus : 1));
	if (speed.slowest_cpu >= 0)
		verdict__add_evidence(verdict, "how far the slowest CPU stayed below its base frequency while busy", fmax(0, 1 - speed.slowest),
				      PART_OF("the base frequency"),
				      threshold__value(THRESHOLD_FREQUENCY_SLOW), "cpufreq/scaling_cur_freq, base_frequency");
	if (speed.looks > 0)
		verdict__add_evidence(verdict, "mean frequency of busy CPUs", speed.sum_mhz / speed.looks, UNIT("MHz"), NAN,
				      "cpufreq/scaling_cur_freq, once a second");
	verdict__add_evidence(verdict, "longest thermal throttling of a CPU", speed.throttled_ms / window_ms, PART_OF("the window"),
			      threshold__value(THRESHOLD_FREQUENCY_THROTTLED), "thermal_throttle/*_throttle_total_time_ms");
	if (speed.over_limit > 0)
		verdict__add_evidence(verdict, "power used by the package nearest to its limit", speed.over_limit, PART_OF("the limit"),
				      threshold__value(THRESHOLD_FREQUENCY_POWER), "powercap/intel-rapl");
	if (verdict->kind == VERDICT_RULED_OUT) {
		if (speed.slowest_cpu >= 0)
			verdict__set_summary(verdict, "the slowest busy CPU ran at %s of its base frequency", wording__percent(speed.slowest).text);
		else
			verdict__set_summary(verdict, "no throttling was counted; %s", speed.looks > 0 ? "base frequencies are not known here"
					     : "no CPU was busy for long enough to tell its frequency");
		return;
	}
	verdict__add_other_culprit(verdict, is_hardware(slowdown) ? PARTY_DEVICE : PARTY_KERNEL, what ? what : "unknown: nothing says what slows them", NULL,
				   speed.lost_ns)->slowdown = slowdown;
	add_victims(scene, &speed, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	if (slow)
		verdict__set_summary(verdict, "CPU %lld ran at %s of its base frequency while busy: %s", (long long)speed.slowest_cpu,
				     wording__percent(speed.slowest).text, what ? what : "nothing says what slows it");
	else
		verdict__set_summary(verdict, "CPUs were throttled for %s of the window by heat, but ran at their base frequency or above",
				     wording__percent(speed.throttled_ms / window_ms).text);
	verdict__add_check(verdict, "counters that grow", "grep . /sys/devices/system/cpu/cpu*/thermal_throttle/*_count");
	verdict__add_check(verdict, "Bzy_MHz below the base frequency while Busy% is high; PkgWatt at the limit", "turbostat --interval 5 --num_iterations 2");
}

const struct cause cpu_frequency = {
	.id = "cpu.frequency", .title = "CPUs are slowed down", .counted_by_pressure = PRESSURE_NONE,
	.claim = "heat, a power limit or a setting slows the CPUs",
	.decisive = "a mean frequency under the base while busy, and a limit that was reached",
	.by_hand = "grep . /sys/devices/system/cpu/cpu*/thermal_throttle/*_count; turbostat",
	.helps = "cooling, governor, power limits",
	.account = ACCOUNT_HOST,
	.judge = judge,
};
