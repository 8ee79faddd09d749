// System management interrupts stop all CPUs: firmware runs, and the kernel knows nothing of it.
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/kernel_counters.h"

#include <math.h>
#include <string.h>

// The largest growth that one CPU saw, -1: none was read.
static double growth(const struct recording *recording)
{
	double most = -1;
	// 32 bits, and it can turn over.
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, "smi", row));)
		most = fmax(most, (double)((uint64_t)(row->after - row->before) & 0xffffffff));
	return most;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const char *probe = recording__meta(recording, "probe.smi");
	double count = growth(recording), rate = scene->ledger->window_seconds > 0 ? count / scene->ledger->window_seconds : 0;
	if (count < 0) {
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
		verdict__set_summary(verdict, "%s", probe && strcmp(probe, "on") ? probe : "this recording has no counter of SMIs: record again with this version");
		return;
	}
	verdict__add_evidence(verdict, "system management interrupts", rate, UNIT("a second"), NAN, "MSR 0x34");
	if (rate < threshold__value(THRESHOLD_SMI_RATE)) {
		verdict->kind = VERDICT_RULED_OUT;
		verdict__set_summary(verdict, "%s system management interrupts in the window", wording__count(count).text);
		return;
	}
	// The counter says how often, not how long: that alone confirms nothing.
	verdict->kind = VERDICT_CONTRIBUTING;
	verdict__add_other_culprit(verdict, PARTY_DEVICE, "firmware (SMM)", NULL, 0);
	verdict__set_summary(verdict, "firmware took all CPUs %s times a second (system management interrupts); for how long each time is not counted",
			     wording__count(rate).text);
	verdict__add_check(verdict, "SMI% is the share of all time; it sets /sys/devices/cpu/freeze_on_smi while it runs", "perf stat --smi-cost -a sleep 10");
	verdict__add_check(verdict, "gaps that no kernel event explains, in microseconds",
			   "echo hwlat > /sys/kernel/tracing/current_tracer; sleep 30; cat /sys/kernel/tracing/trace; echo nop > /sys/kernel/tracing/current_tracer");
}

const struct cause host_smi = {
	.id = "host.smi", .title = "firmware takes all CPUs", .counted_by_pressure = PRESSURE_NONE,
	.claim = "system management interrupts stop all CPUs",
	.decisive = "the SMI counter of Intel CPUs (how often; how long is for other tools to tell)",
	.by_hand = "perf stat --smi-cost -a sleep 10; the hwlat tracer",
	.helps = "BIOS settings, firmware",
	.account = ACCOUNT_HOST,
	.judge = judge,
};
