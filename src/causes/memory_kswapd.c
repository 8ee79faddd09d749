// The kernel's background reclaim uses much CPU time.
#include "causes/judged.h"
#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

static bool is_kswapd(const struct process_row *row)
{
	return row->kernel_thread && row->name && !strncmp(row->name, "kswapd", 6);
}

static double run_ns(const struct ledger *ledger)
{
	double ns = 0;
	for (size_t i = 0; i < ledger->process_count; i++)
		ns += is_kswapd(ledger->processes[i].row) ? (double)ledger->processes[i].run_ns : 0;
	return ns;
}

// Who waited for a CPU that kswapd had. Returns the largest part of a victim's demand.
static double add_victims(const struct scene *scene, struct verdict *verdict)
{
	double worst = 0;
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		if (meeting->kind != OCCUPANT_TASK || meeting->culprit == SIZE_MAX || !is_kswapd(scene->crowds[meeting->culprit].members[0]->row))
			continue;
		const struct crowd *victim = &scene->crowds[meeting->victim];
		double ns = (double)meeting->wait_ns * victim->scale, demand = crowd__demand_ns(victim), loss = demand > 0 ? fmin(1, ns / demand) : 0;
		if (victim->tool || !victim->in_scope || ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns ||
		    loss < threshold__value(THRESHOLD_HARM))
			continue;
		struct party *party = verdict__add_victim(verdict, victim, ns);
		party->loss = loss;
		party__set_note(party, "waited for a CPU that kswapd had for %s of the time it wanted to run", wording__percent(loss).text);
		verdict->stall_seconds += ns / NS_PER_SEC;
		worst = fmax(worst, loss);
	}
	return worst;
}

static void weigh(const struct scene *scene, double share, double worst_loss, struct verdict *verdict)
{
	bool large = share >= threshold__value(THRESHOLD_KSWAPD_CPU_CONFIRMED), held_up = worst_loss >= threshold__value(THRESHOLD_LOSS_CONTRIBUTING);
	verdict->wall_seconds = scene__wall_of(scene, verdict->stall_seconds * NS_PER_SEC);
	if (large && held_up)
		verdict->kind = VERDICT_CONFIRMED;
	else if (large || (held_up && share >= threshold__value(THRESHOLD_KSWAPD_CPU_CONTRIBUTING)))
		verdict->kind = VERDICT_CONTRIBUTING;
	else
		verdict->kind = VERDICT_RULED_OUT;
}

static void add_kernel_evidence(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	double scanned = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pgscan_kswapd"));
	double freed = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pgsteal_kswapd"));
	verdict__add_evidence(verdict, "pages that kswapd looked at", scanned, UNIT("pages"), NAN, "/proc/vmstat pgscan_kswapd");
	verdict__add_evidence(verdict, "pages that it freed", freed, UNIT("pages"), NAN, "/proc/vmstat pgsteal_kswapd");
}

// By process: who woke it, as far as allocations that may sleep did.
static void add_wakers(const struct scene *scene, const struct ledger_memory *memory, struct verdict *verdict)
{
	const struct memory_process *most = NULL;
	for (size_t i = 0; i < memory->count; i++)
		if (!most || memory->processes[i].kswapd_wakeups > most->kswapd_wakeups)
			most = &memory->processes[i];
	if (!most || most->kswapd_wakeups <= 0)
		return;
	cleanup_free char *what = base__format("times that %s woke it, the most of all", crowd__name(memory_case__crowd_of(scene, most)));
	verdict__add_evidence(verdict, what, (double)most->kswapd_wakeups, UNIT("times"), NAN, "activity table");
}

static double nothing(const struct memory_process *process, enum memory_reason reason, void *context)
{
	(void)process, (void)reason, (void)context;
	return 0;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	struct ledger_memory *memory = ledger_memory__make(scene->ledger);
	if (memory_case__not_testable(scene, memory, verdict)) {
		ledger_memory__free(memory);
		return;
	}
	double share = run_ns(scene->ledger) / scene->window_ns, worst = add_victims(scene, verdict);
	weigh(scene, share, worst, verdict);
	verdict__add_evidence(verdict, "CPU time of kswapd", share, PART_OF("one CPU"), threshold__value(THRESHOLD_KSWAPD_CPU_CONFIRMED),
			      "task.run_ns");
	add_kernel_evidence(scene, verdict);
	add_wakers(scene, memory, verdict);
	if (verdict->kind > VERDICT_RULED_OUT) {
		struct memory_case *one = memory_case__make(scene, memory, nothing, NULL);
		bool accused = memory_takers__accuse(one, fmax(verdict->stall_seconds * NS_PER_SEC, run_ns(scene->ledger)), verdict);
		verdict__settle_parties(verdict, scene->ledger->window_seconds);
		cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
		if (accused)
			verdict__set_summary(verdict, "the kernel's kswapd used %s of a CPU to free memory that %s took", wording__percent(share).text, culprits);
		else
			verdict__set_summary(verdict, "the kernel's kswapd used %s of a CPU to free memory; nobody was seen to take much of it in this window",
					     wording__percent(share).text);
		verdict__add_resource(verdict, RESOURCE_MEMORY, "machine", fmax(verdict->stall_seconds * NS_PER_SEC, 1));
		verdict__add_check(verdict, "its CPU time", "top -b -n 1 -d 5 | grep kswapd");
		verdict__add_check(verdict, "it grows", "grep pgscan_kswapd /proc/vmstat; sleep 5; grep pgscan_kswapd /proc/vmstat");
		memory_case__free(one);
	} else {
		verdict__set_summary(verdict, "the kernel's kswapd used %s of one CPU", wording__percent(share).text);
	}
	ledger_memory__free(memory);
}

const struct cause memory_kswapd = {
	.id = "memory.kswapd", .title = "background reclaim burns CPU", .counted_by_pressure = PRESSURE_CPU,
	.claim = "kswapd uses much CPU time", .decisive = "kswapd's run time, who waited for its CPU, and who took the memory",
	.by_hand = "top; pgscan_kswapd in /proc/vmstat", .helps = "as for memory.reclaim; the growth behind it",
	.judge = judge,
	.account = ACCOUNT_MEMORY,
};
