// More runnable tasks than CPUs. What the other causes claim of the waits for tasks (division.c) is not counted here.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

static void add_checks(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	cleanup_shell struct shell files = { 0 };
	for (size_t i = 0; i < verdict->victim_count && i < 2; i++)
		if (verdict__pid(ledger, &verdict->victims[i]) > 0) {
			if (!files.text.length)
				shell__add(&files, "cat");
			shell__add(&files, "/proc/%lld/schedstat", verdict__pid(ledger, &verdict->victims[i]));
		}
	if (files.text.length)
		verdict__add_command(verdict, "the second number (ns waited) grows fast between two reads", &files);
	cleanup_free char *column = base__format("column r stays above the number of CPUs (%d)", ledger->cpus);
	verdict__add_check(verdict, column, "vmstat 1 5");
	if (verdict->culprit_count && verdict__pid(ledger, &verdict->culprits[0]) > 0) {
		cleanup_string struct string pids = { 0 };
		wording__pids(&pids, ledger->recording, &verdict->culprits[0], ",", 8);
		verdict__add_check(verdict, "these use the CPUs", "ps -o pid,ni,psr,pcpu,comm -p %s", pids.text);
	}
}

// Waits of tasks that asked for little: they explain pressure, but nobody is to blame for them.
static void note_polite(const struct scene *scene, struct verdict *verdict)
{
	double wall = scene__wall_of(scene, scene->portion_ns[PORTION_POLITE]), window = scene->ledger->window_seconds;
	if (wall < threshold__value(THRESHOLD_WALL_CONTRIBUTING) * window)
		return;
	verdict__add_evidence(verdict, "CPU some of tasks that run at low priority by their own setting", wall / window,
			      PART_OF("the window"), NAN, "pair and task table");
}

static void summarize(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	double window = ledger->window_seconds;
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "waits for other tasks that hold somebody up make CPU some of %s of the window",
				     wording__percent(window > 0 ? verdict->wall_seconds / window : 0).text);
		return;
	}
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	const struct party *victim = &verdict->victims[0];
	cleanup_free char *victim_name = wording__party_brief(ledger->recording, victim);
	bool own = verdict->culprit_count == 1 && verdict->culprits[0].process == victim->process;
	if (own)
		verdict__set_summary(verdict, "%s: its own tasks want more than the %d CPUs and wait for each other, %s of the time they want to run",
				     culprits, ledger->cpus, wording__percent(victim->loss).text);
	else
		verdict__set_summary(verdict, "%s occup%s the CPUs; %s wait%s %s of the time %s to run", culprits,
				     verdict->culprit_count > 1 || verdict->culprits[0].processes > 1 ? "y" : "ies", victim_name,
				     victim->processes > 1 ? "" : "s", wording__percent(victim->loss).text,
				     victim->processes > 1 ? "they want" : "it wants");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	accusation__judge(scene, PORTION_COMPETITION, verdict);
	double capacity_ns = scene->window_ns * ledger->cpus;
	verdict__add_evidence(verdict, "CPU time in use", capacity_ns > 0 ? (double)ledger->run_ns / capacity_ns : 0,
			      PART_OF("all CPU time"), NAN, "cpu table");
	if (scene->portion_ns[PORTION_PLACEMENT] > 0)
		verdict__add_evidence(verdict, "waiting while an allowed CPU was idle (not counted here)",
				      scene->portion_ns[PORTION_PLACEMENT] / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "task.idle_allowed_ns");
	note_polite(scene, verdict);
	summarize(scene, verdict);
	if (verdict->kind > VERDICT_RULED_OUT)
		add_checks(scene, verdict);
}

const struct cause cpu_oversubscription = {
	.id = "cpu.oversubscription", .title = "more runnable tasks than CPUs", .counted_by_pressure = PRESSURE_CPU,
	.claim = "more tasks want to run than there are CPUs, and these processes occupy them",
	.decisive = "runqueue waits that were filled by other tasks' run time while hardly a CPU idled",
	.by_hand = "field 2 of /proc/PID/schedstat grows; vmstat's column r stays above the number of CPUs",
	.helps = "fewer workers or vCPUs; a lower cpu.weight or a higher nice value for the batch work (it gets slower); moving it "
		 "to another machine or hour",
	.judge = judge,
};
