// Idle CPUs take long to pick up woken tasks.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

struct latency { double ns, waits, all_ns; };

// Throttled tasks leave their CPU idle too; where the quota ends and the wake-up begins cannot be seen to the microsecond,
// so that what a quota holds off is never a slow wake-up. Nor is what waits for its next period of SCHED_DEADLINE.
static bool is_counted(const struct scene *scene, size_t crowd)
{
	return scene->crowds[crowd].throttled_ns <= 0 && !crowd__waits_in_deadline(&scene->crowds[crowd]);
}

// Wake-up latency within waits over the pair threshold. Below it the latency is that of every machine, and however many
// of those add up, nobody is held up by them.
static struct latency long_latencies(const struct scene *scene, size_t crowd)
{
	struct latency latency = { 0 };
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		if (meeting->kind != OCCUPANT_IDLE || (crowd != SIZE_MAX && meeting->victim != crowd) || !is_counted(scene, meeting->victim))
			continue;
		latency.ns += (double)meeting->wait_ns;
		latency.waits += (double)meeting->waits;
	}
	for (size_t i = 0; i < scene->crowd_count; i++)
		latency.all_ns += crowd == SIZE_MAX || crowd == i ? (double)scene->crowds[i].wait_idle_ns : 0;
	return latency;
}

static double mean_ms(struct latency latency)
{
	return latency.waits > 0 ? latency.ns / latency.waits / NS_PER_MSEC : 0;
}

static void add_victims(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool || !crowd->in_scope || !is_counted(scene, i) || (double)crowd->wait_idle_ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns / 2)
			continue;
		struct latency latency = long_latencies(scene, i);
		if (mean_ms(latency) < threshold__value(THRESHOLD_LATENCY_CONTRIBUTING))
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, latency.ns);
		party->loss = fmin(1, latency.ns / fmax(1, crowd__demand_ns(crowd)));
		party__set_note(party, "%s waits of %.2f ms in the mean", wording__count(latency.waits).text, mean_ms(latency));
	}
}

static enum verdict_kind weigh(const struct scene *scene, const struct verdict *verdict, double mean)
{
	double window = scene->ledger->window_seconds;
	if (!verdict->victim_count)
		return VERDICT_RULED_OUT;
	if (verdict->wall_seconds >= threshold__value(THRESHOLD_WALL_CONFIRMED) * window &&
	    mean >= threshold__value(THRESHOLD_LATENCY_CONFIRMED))
		return VERDICT_CONFIRMED;
	if (verdict->wall_seconds >= threshold__value(THRESHOLD_WALL_CONTRIBUTING) * window &&
	    mean >= threshold__value(THRESHOLD_LATENCY_CONTRIBUTING))
		return VERDICT_CONTRIBUTING;
	return VERDICT_RULED_OUT;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	struct latency latency = long_latencies(scene, SIZE_MAX);
	double window = ledger->window_seconds;
	verdict->stall_seconds = latency.ns / NS_PER_SEC;
	verdict->wall_seconds = latency.all_ns > 0 ? scene->wall_seconds[OCCUPANT_IDLE] * fmin(1, latency.ns / latency.all_ns) : 0;
	add_victims(scene, verdict);
	verdict->kind = weigh(scene, verdict, mean_ms(latency));
	verdict__add_evidence(verdict, "CPU some while the CPU was idle (all wake-up latency)",
			      window > 0 ? scene->wall_seconds[OCCUPANT_IDLE] / window : 0, PART_OF("the window"), NAN, "cpu.credit_idle_ns");
	verdict__add_evidence(verdict, "part of it in long wake-ups", window > 0 ? verdict->wall_seconds / window : 0, PART_OF("the window"),
			      threshold__value(THRESHOLD_WALL_CONFIRMED), "pair table, kind idle");
	verdict__add_evidence(verdict, "mean of the long wake-up latencies", mean_ms(latency), UNIT("ms"),
			      threshold__value(THRESHOLD_LATENCY_CONFIRMED), "pair table, kind idle");
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "long wake-ups of idle CPUs make CPU some of %s of the window",
				     wording__percent(window > 0 ? verdict->wall_seconds / window : 0).text);
		return;
	}
	const char *virtualization = recording__meta(ledger->recording, "virtualization");
	struct party *party = verdict__add_other_culprit(verdict, PARTY_KERNEL, "idle CPUs", NULL, latency.ns);
	if (virtualization && *virtualization && *virtualization != 'n')
		party__set_note(party, "in a virtual machine (%s) the host must wake a halted vCPU first", virtualization);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
	verdict__set_summary(verdict, "idle CPUs take %.2f ms in the mean to pick up woken tasks; %s wait%s for them", mean_ms(latency), victims,
			     verdict->victim_count == 1 && verdict->victims[0].processes == 1 ? "s" : "");
	verdict__add_check(verdict, "Max latencies of a millisecond and more on a machine that is otherwise idle", "cyclictest -S -m -p 80 -D 10");
	verdict__add_check(verdict, "the exit latency (us) of each idle state", "grep . /sys/devices/system/cpu/cpu0/cpuidle/state*/latency");
}

const struct cause cpu_wakeup = {
	.id = "cpu.wakeup", .title = "idle CPUs wake slowly", .counted_by_pressure = PRESSURE_CPU,
	.claim = "idle CPUs take long to pick up woken tasks",
	.decisive = "waits while the CPU was idle, of a millisecond in the mean",
	.by_hand = "cyclictest; /sys/devices/system/cpu/cpu0/cpuidle/state*/latency",
	.helps = "shallower idle states, halt polling in guest or host (power)",
	.judge = judge,
};
