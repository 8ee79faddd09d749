// Soft interrupts (network, block, timers) take the CPU.
#include "causes/interrupt_verdicts.h"
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	struct interrupts interrupts;
	if (interrupts__not_testable(scene, verdict))
		return;
	interrupts__gather(scene, INTERRUPTS_SOFT, &interrupts);
	interrupts__judge(&interrupts, verdict);
	double thread = activity__sum(&scene->ledger->activity, ACTIVITY_SOFTIRQ, NULL, -1).amount;
	if (verdict->kind > VERDICT_RULED_OUT) {
		verdict__add_evidence(verdict, "time of soft interrupts in ksoftirqd, which waits for its turn as a task does", thread / NS_PER_SEC,
				      UNIT("CPU seconds"), NAN,
				      "activity table, subject irq");
		verdict__add_evidence(verdict, "times that NET_RX stopped with packets left (its budget was used up)",
				      kernel_counter__sum(recording, "softnet", NULL, "squeezed"), UNIT("times"), NAN,
				      "/proc/net/softnet_stat, column 3");
		verdict__add_evidence(verdict, "packets dropped because the backlog was full", kernel_counter__sum(recording, "softnet", NULL, "dropped"),
				      UNIT("packets"), NAN, "/proc/net/softnet_stat, column 2");
		verdict__add_check(verdict, "the row of the vector grows fastest in the column of that CPU", "cat /proc/softirqs; sleep 5; cat /proc/softirqs");
		verdict__add_check(verdict, "%soft of that CPU is high; without CONFIG_IRQ_TIME_ACCOUNTING it is sampled by ticks and reads low",
				   "mpstat -P ALL 1 5");
		verdict__add_check(verdict, "column 3 (squeezed) and column 2 (dropped), hexadecimal, grow", "cat /proc/net/softnet_stat; sleep 5; cat /proc/net/softnet_stat");
	}
	interrupts__free(&interrupts);
}

const struct cause irq_softirq = {
	.id = "irq.softirq", .title = "soft interrupts take the CPU", .counted_by_pressure = PRESSURE_CPU,
	.claim = "soft interrupts (network, block, timers) take the CPU from tasks that want it",
	.decisive = "the time of a vector on a CPU, and what tasks lost there by it, waiting or running",
	.by_hand = "mpstat -I SCPU 1; /proc/softirqs; third column of /proc/net/softnet_stat",
	.helps = "more queues, interrupt affinity, RPS, coalescing, netdev_budget; less traffic",
	.account = ACCOUNT_INTERRUPTS,
	.judge = judge,
};
