// Realtime or heavier tasks crowd the victims out.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	double realtime_ns = 0;
	for (size_t i = 0; i < scene->meeting_count; i++)
		realtime_ns += scene->meetings[i].portion_ns[PORTION_PRIORITY] > 0 ? (double)scene->meetings[i].realtime_ns : 0;
	accusation__judge(scene, PORTION_PRIORITY, verdict);
	verdict__add_evidence(verdict, "waiting behind realtime and deadline tasks", realtime_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN,
			      "pair.realtime_ns");
	verdict__add_evidence(verdict, "waiting behind tasks of over 4 times the weight, nice < 0",
			      fmax(0, scene->portion_ns[PORTION_PRIORITY] - realtime_ns) / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "pair.heavier_ns");
	if (scene->portion_ns[PORTION_STOPPER] >= threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns)
		verdict__add_evidence(verdict, "waiting behind the kernel's stopper threads, which work for others and are not accused",
				      scene->portion_ns[PORTION_STOPPER] / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "pair table");
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "hardly any waiting behind realtime or much heavier tasks");
		return;
	}
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	const char *note = verdict->culprit_count == 1 ? verdict->culprits[0].note : NULL;
	verdict__set_summary(verdict, "%s%s%s%s crowd%s out %s, which lose%s %s of the time wanted", culprits, note ? " (" : "", note ? note : "",
			     note ? ")" : "", verdict->culprit_count > 1 || verdict->culprits[0].processes > 1 ? "" : "s", victims,
			     verdict->victim_count > 1 || verdict->victims[0].processes > 1 ? "" : "s",
			     wording__percent(verdict->victims[0].loss).text);
	long long pid = verdict__pid(ledger, &verdict->culprits[0]);
	if (pid > 0) {
		verdict__add_check(verdict, "the scheduling policy and priority", "chrt -a -p %lld", pid);
		verdict__add_check(verdict, "class, priority, nice value, last CPU and CPU use of its threads",
				   "ps -L -o tid,cls,rtprio,ni,psr,pcpu,comm -p %lld", pid);
	}
}

const struct cause cpu_priority = {
	.id = "cpu.priority", .title = "crowded out by priority", .counted_by_pressure = PRESSURE_CPU,
	.claim = "realtime or much heavier tasks take the CPU before the victims",
	.decisive = "waits filled by realtime or deadline tasks, or by tasks of over 4 times the victim's weight",
	.by_hand = "ps -eLo tid,cls,rtprio,ni,psr,pcpu,comm --sort=-pcpu",
	.helps = "an ordinary class or a higher nice value for the culprit (it may miss its deadlines); CPUs of its own for it",
	.judge = judge,
};
