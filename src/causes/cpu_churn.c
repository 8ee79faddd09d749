// Tasks are created and ended at a high rate, and somebody waits for the CPU time that takes.
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>

// The children's share belongs to who starts them: he is accused, and the children are named in the note.
static void move_to_parents(const struct scene *scene, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		struct party *child = &verdict->culprits[i];
		const struct ledger_process *process = ledger__process(scene->ledger, child->process);
		const struct crowd *crowd = &scene->crowds[scene->crowd_of[process - scene->ledger->processes]];
		if (crowd->parent == SIZE_MAX || &scene->crowds[crowd->parent] == crowd)
			continue;
		int64_t parent = scene->crowds[crowd->parent].members[0]->row->id;
		for (size_t j = 0; j < verdict->culprit_count; j++) {
			struct party *party = &verdict->culprits[j];
			if (party->process != parent)
				continue;
			cleanup_free char *before = party->note;
			party->note = NULL;
			party__set_note(party, "%s%sstarts %s (%s a second)", before ? before : "", before ? "; " : "", crowd__name(crowd),
					wording__count((double)crowd->processes * NS_PER_SEC / scene->window_ns).text);
		}
		party__set_note(child, "short-lived, started by %s", crowd__name(&scene->crowds[crowd->parent]));
	}
}

// A parent that itself ran too little to pass the rules is still the one who starts the storm: it joins its children.
static void add_missing_parents(const struct scene *scene, struct verdict *verdict)
{
	size_t children = verdict->culprit_count;
	for (size_t i = 0; i < children; i++) {
		const struct ledger_process *process = ledger__process(scene->ledger, verdict->culprits[i].process);
		const struct crowd *crowd = &scene->crowds[scene->crowd_of[process - scene->ledger->processes]];
		if (crowd->parent == SIZE_MAX || &scene->crowds[crowd->parent] == crowd)
			continue;
		const struct crowd *parent = &scene->crowds[crowd->parent];
		bool present = false;
		for (size_t j = 0; j < verdict->culprit_count; j++)
			present = present || verdict->culprits[j].process == parent->members[0]->row->id;
		if (!present)
			verdict__add_culprit(verdict, parent, 0);
	}
}

static void lower_by_rate(const struct scene *scene, struct verdict *verdict)
{
	if (scene->forks_per_second < threshold__value(THRESHOLD_FORK_RATE_LOW))
		verdict->kind = VERDICT_RULED_OUT;
	else if (scene->forks_per_second < threshold__value(THRESHOLD_FORK_RATE) && verdict->kind == VERDICT_CONFIRMED)
		verdict->kind = VERDICT_CONTRIBUTING;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	accusation__judge(scene, PORTION_CHURN, verdict);
	lower_by_rate(scene, verdict);
	verdict__add_evidence(verdict, "tasks created", scene->forks_per_second, UNIT("a second"), threshold__value(THRESHOLD_FORK_RATE),
			      "/proc/stat processes");
	double execs = (double)recording__meta_number(ledger->recording, "execs", -1);
	if (execs >= 0)
		verdict__add_evidence(verdict, "programs started", execs * NS_PER_SEC / scene->window_ns, UNIT("a second"), NAN, "sched_process_exec");
	verdict__add_evidence(verdict, "short-lived processes", scene->short_lived_per_second, UNIT("a second"),
			      threshold__value(THRESHOLD_KIND_RATE), "process table");
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "%s tasks created a second, and %s", wording__count(scene->forks_per_second).text,
				     scene->forks_per_second < threshold__value(THRESHOLD_FORK_RATE_LOW) ? "that is few" : "hardly anybody waits for them");
		return;
	}
	add_missing_parents(scene, verdict);
	move_to_parents(scene, verdict);
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 1);
	verdict__set_summary(verdict, "%s tasks are created and ended a second; %s occupy the CPUs that %s wait%s for",
			     wording__count(scene->forks_per_second).text, culprits, victims,
			     verdict->victim_count == 1 && verdict->victims[0].processes == 1 ? "s" : "");
	verdict__add_check(verdict, "grows by hundreds a second", "vmstat -f; sleep 1; vmstat -f");
	verdict__add_check(verdict, "who starts the processes", "perf trace -s -a -e clone,clone3,vfork,execve -- sleep 5");
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct process_row *row = recording__process(ledger->recording, verdict->culprits[i].process);
		if (row && !row->gone && row->folded <= 1 && row->pid > 0) {
			verdict__add_check(verdict, "its children change all the time", "pgrep -l -P %lld", (long long)row->pid);
			break;
		}
	}
}

const struct cause cpu_churn = {
	.id = "cpu.churn", .title = "tasks come and go", .counted_by_pressure = PRESSURE_CPU,
	.claim = "tasks are created and ended at a high rate, and the time that takes is missing elsewhere",
	.decisive = "tasks created a second, and waits that short-lived tasks and their parents filled",
	.by_hand = "vmstat -f twice; perf stat -a -e sched:sched_process_fork sleep 5",
	.helps = "pools and long-lived workers instead of a process for each piece of work (a change of the program)",
	.judge = judge,
};
