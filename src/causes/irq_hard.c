// Handlers of hard interrupts take the CPU.
#include "causes/interrupt_verdicts.h"
#include "causes/judged.h"

static void judge(const struct scene *scene, struct verdict *verdict)
{
	struct interrupts interrupts;
	if (interrupts__not_testable(scene, verdict))
		return;
	interrupts__gather(scene, INTERRUPTS_HARD, &interrupts);
	interrupts__judge(&interrupts, verdict);
	if (verdict->kind > VERDICT_RULED_OUT) {
		verdict__add_check(verdict, "the row of this interrupt grows fastest in the column of that CPU",
				   "cat /proc/interrupts; sleep 5; cat /proc/interrupts");
		verdict__add_check(verdict, "the total and the longest time of each handler (numbered interrupts only; perf of Linux 5.19 and later)",
				   "perf kwork -k irq record -- sleep 5 && perf kwork report");
		if (interrupts.count && interrupts.sources[0].crowd != SIZE_MAX)
			verdict__add_check(verdict, "the function that expires most, and on whose behalf",
					   "perf record -a -e timer:hrtimer_expire_entry -- sleep 2 && perf script | head");
	}
	interrupts__free(&interrupts);
}

const struct cause irq_hard = {
	.id = "irq.hard", .title = "hard interrupts take the CPU", .counted_by_pressure = PRESSURE_CPU,
	.claim = "handlers of hard interrupts (devices, timers, calls from other CPUs) take the CPU from tasks that want it",
	.decisive = "the time of a handler on a CPU, and what tasks lost there by it, waiting or running",
	.by_hand = "/proc/interrupts twice", .helps = "driver, coalescing, affinity; fewer timers",
	.account = ACCOUNT_INTERRUPTS,
	.judge = judge,
};
