// Changes of address spaces make other CPUs forget their translations: each change waits for all of them.
#include "causes/judged.h"
#include "causes/interrupt_verdicts.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define OPERATIONS 4            // of a culprit, shown

// What one crowd has to do with shootdowns.
struct share { double flushes, asked, waited_ns, interrupted_ns, interruptions; };
struct shootdowns {
	const struct scene *scene;
	struct share *shares;           // beside scene->crowds
	struct share all;
	const char *probe;              // "csd", "tlb_flush", "none"
};

static void add_flushes(struct share *share, const struct activity_row *row)
{
	share->flushes += (double)row->count;
	share->asked += (double)row->amount;
	share->waited_ns += (double)row->ns;
}

static void add_interruptions(struct share *share, const struct activity_row *row)
{
	share->interruptions += (double)row->count;
	share->interrupted_ns += (double)row->ns;
}

static void gather_rows(const struct activity_rows *rows, void (*add)(struct share *, const struct activity_row *), struct shootdowns *ret)
{
	for (size_t i = 0; i < rows->count; i++) {
		size_t crowd = interrupts__crowd(ret->scene, rows->rows[i]->process);
		add(&ret->all, rows->rows[i]);
		if (crowd != SIZE_MAX)
			add(&ret->shares[crowd], rows->rows[i]);
	}
}

static void gather(const struct scene *scene, struct shootdowns *ret)
{
	const struct ledger *ledger = scene->ledger;
	const char *probe = recording__meta(ledger->recording, "probe.irq.calls");
	*ret = (struct shootdowns){ .scene = scene, .shares = base__alloc(scene->crowd_count + 1, sizeof(struct share)), .probe = probe ? probe : "none" };
	gather_rows(&ledger->activity.of[ACTIVITY_SHOOTDOWN], add_flushes, ret);
	gather_rows(&ledger->activity.of[ACTIVITY_INTERRUPTED], add_interruptions, ret);
}

static double loss_of(const struct shootdowns *shootdowns, size_t crowd)
{
	const struct share *share = &shootdowns->shares[crowd];
	return (share->waited_ns + share->interrupted_ns) / fmax(1, (double)shootdowns->scene->crowds[crowd].run_ns);
}

static int compare_operations(const void *a, const void *b)
{
	const struct party_operation *one = a, *other = b;
	if (one->seconds != other->seconds)
		return one->seconds > other->seconds ? -1 : 1;
	return strcmp(one->operation, other->operation);
}

// In which system calls the crowd asked for flushes.
static void add_operations(const struct shootdowns *shootdowns, size_t crowd, struct party *party)
{
	const struct activity_rows *rows = &shootdowns->scene->ledger->activity.of[ACTIVITY_SHOOTDOWN];
	const struct share *share = &shootdowns->shares[crowd];
	size_t capacity = 0;
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		if (!row->key || interrupts__crowd(shootdowns->scene, row->process) != crowd)
			continue;
		struct party_operation *found = NULL;
		for (size_t j = 0; j < party->operation_count; j++)
			if (!strcmp(party->operations[j].operation, row->key))
				found = &party->operations[j];
		if (!found) {
			party->operations = base__grow(party->operations, &capacity, party->operation_count + 1, sizeof(*party->operations));
			found = &party->operations[party->operation_count++];
			*found = (struct party_operation){ .operation = row->key, .mode = "" };
		}
		found->seconds += (double)row->ns / NS_PER_SEC;
		found->both_seconds = found->seconds;
		found->share = share->waited_ns > 0 ? found->seconds * NS_PER_SEC / share->waited_ns : 0;
	}
	if (party->operation_count)
		qsort(party->operations, party->operation_count, sizeof(*party->operations), compare_operations);
	if (party->operation_count > OPERATIONS)
		party->operation_count = OPERATIONS;
}

static void add_parties(const struct shootdowns *shootdowns, struct verdict *verdict)
{
	const struct scene *scene = shootdowns->scene;
	const struct share *all = &shootdowns->all;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct share *share = &shootdowns->shares[i];
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool)
			continue;
		// Whoever asked is behind its own waiting and, by its requests, behind the interruptions of others.
		double caused = share->waited_ns + (all->asked > 0 ? all->interrupted_ns * share->asked / all->asked : 0);
		if (caused >= threshold__value(THRESHOLD_HARM_SHARE) * (all->waited_ns + all->interrupted_ns)) {
			struct party *party = verdict__add_culprit(verdict, crowd, caused);
			add_operations(shootdowns, i, party);
			party__set_note(party, "%s flushes a second, %s of them in %s", wording__count(share->flushes / scene->window_ns * NS_PER_SEC).text,
					wording__percent(party->operation_count ? party->operations[0].share : 0).text,
					party->operation_count ? party->operations[0].operation : "unknown calls");
		}
		double loss = loss_of(shootdowns, i), lost = share->waited_ns + share->interrupted_ns;
		if (!crowd->in_scope || loss < threshold__value(THRESHOLD_TLB_LOSS_CONTRIBUTING) || lost < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns)
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, lost);
		party->loss = fmin(1, loss);
		party__set_note(party, "%s of its CPU time: %s waiting for other CPUs to answer, %s interrupted", wording__percent(party->loss).text,
				wording__seconds(share->waited_ns / NS_PER_SEC).text, wording__seconds(share->interrupted_ns / NS_PER_SEC).text);
	}
}

static void add_evidence(const struct shootdowns *shootdowns, struct verdict *verdict, double worst)
{
	const struct scene *scene = shootdowns->scene;
	const struct recording *recording = scene->ledger->recording;
	double seconds = scene->window_ns / NS_PER_SEC;
	verdict__add_evidence(verdict, "TLB shootdowns that CPUs received", kernel_counter__sum(recording, "interrupts", "TLB", NULL) / seconds,
			      UNIT("a second"), NAN,
			      "/proc/interrupts, row TLB");
	verdict__add_evidence(verdict, "flushes of other CPUs' TLBs", shootdowns->all.flushes / seconds, UNIT("a second"), NAN,
			      "activity table, kind shootdown");
	if (strcmp(shootdowns->probe, "csd"))
		return;
	verdict__add_evidence(verdict, "callers waited for the last CPU to answer", shootdowns->all.waited_ns / scene->window_ns, PART_OF("the window"),
			      threshold__value(THRESHOLD_TLB_WALL_CONFIRMED), "activity table, kind shootdown");
	verdict__add_evidence(verdict, "CPUs interrupted by flushes, without the way into the interrupt and back", shootdowns->all.interrupted_ns / NS_PER_SEC,
			      UNIT("CPU seconds"), NAN, "activity table, kind interrupted");
	verdict__add_evidence(verdict, "largest part of its CPU time that a process lost to both", worst, PART_OF("its CPU time"),
			      threshold__value(THRESHOLD_TLB_LOSS_CONFIRMED), "activity and task table");
}

// Before 6.5 only the number of flushes is known, and the time that all calls from other CPUs took.
static void judge_by_calls(const struct shootdowns *shootdowns, struct verdict *verdict)
{
	const struct scene *scene = shootdowns->scene;
	double cpus = scene->ledger->cpus > 0 ? scene->ledger->cpus : 1;
	double calls_ns = activity__sum(&scene->ledger->activity, ACTIVITY_HARDIRQ, "CAL", -1).ns, part = calls_ns / scene->window_ns / cpus;
	add_evidence(shootdowns, verdict, 0);
	verdict__add_evidence(verdict, "time of all calls from other CPUs, flushes among them", part, PART_OF("all CPU time"),
			      threshold__value(THRESHOLD_TLB_CALLS), "activity table, kind hardirq, CAL");
	verdict->kind = VERDICT_RULED_OUT;
	if (part >= threshold__value(THRESHOLD_TLB_CALLS)) {
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
		verdict__set_summary(verdict, "calls from other CPUs take %s of all CPU time, flushes of the TLB among them; what part is theirs can be told "
				     "from Linux 6.5 on only", wording__percent(part).text);
		return;
	}
	verdict__set_summary(verdict, "%s flushes of other CPUs' TLBs a second; all calls between CPUs took %s of the CPU time",
			     wording__count(shootdowns->all.flushes / scene->window_ns * NS_PER_SEC).text, wording__percent(part).text);
}

static enum verdict_kind weigh(const struct shootdowns *shootdowns, double *ret_worst)
{
	const struct scene *scene = shootdowns->scene;
	enum verdict_kind kind = VERDICT_RULED_OUT;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct share *share = &shootdowns->shares[i];
		double loss = loss_of(shootdowns, i), wall = (share->waited_ns + share->interrupted_ns) / scene->window_ns;
		// Few flushes that took long: the CPU that answered late is at fault (it was stolen, or in an interrupt), not whoever asked.
		double rate = fmax(share->flushes, share->interruptions) / scene->window_ns * NS_PER_SEC;
		if (scene->crowds[i].tool || !scene->crowds[i].in_scope || rate < threshold__value(THRESHOLD_TLB_RATE))
			continue;
		if (wall >= threshold__value(THRESHOLD_TLB_WALL_CONTRIBUTING))
			*ret_worst = fmax(*ret_worst, fmin(1, loss));
		if (wall >= threshold__value(THRESHOLD_TLB_WALL_CONFIRMED) && loss >= threshold__value(THRESHOLD_TLB_LOSS_CONFIRMED))
			kind = VERDICT_CONFIRMED;
		else if (kind < VERDICT_CONTRIBUTING && wall >= threshold__value(THRESHOLD_TLB_WALL_CONTRIBUTING) &&
			 loss >= threshold__value(THRESHOLD_TLB_LOSS_CONTRIBUTING))
			kind = VERDICT_CONTRIBUTING;
	}
	return kind;
}

// The probes are attached only while there are many flushes (collect/irq_watch.h): those of the row TLB that nobody saw, a second.
static double unseen_rate(const struct shootdowns *shootdowns)
{
	double growth = kernel_counter__sum(shootdowns->scene->ledger->recording, "interrupts", "TLB", NULL);
	return fmax(0, growth - shootdowns->all.interruptions) / shootdowns->scene->window_ns * NS_PER_SEC;
}

static void judge_by_functions(const struct shootdowns *shootdowns, struct verdict *verdict)
{
	const struct scene *scene = shootdowns->scene;
	const struct share *all = &shootdowns->all;
	double worst = 0, rate = all->flushes / scene->window_ns * NS_PER_SEC;
	verdict->kind = weigh(shootdowns, &worst);
	add_evidence(shootdowns, verdict, worst);
	verdict->wall_seconds = fmin(scene->ledger->window_seconds, all->waited_ns / NS_PER_SEC);
	verdict->stall_seconds = (all->waited_ns + all->interrupted_ns) / NS_PER_SEC;
	if (verdict->kind == VERDICT_RULED_OUT && unseen_rate(shootdowns) >= threshold__value(THRESHOLD_TLB_RATE)) {
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict__set_summary(verdict, "%s shootdowns a second came in bursts too short to see who asked for them; a recording of their time tells",
				     wording__count(unseen_rate(shootdowns)).text);
		return;
	}
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, "%s flushes of other CPUs' TLBs a second; callers waited %s for them in all", wording__count(rate).text,
				     wording__seconds(all->waited_ns / NS_PER_SEC).text);
		return;
	}
	add_parties(shootdowns, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	const struct party *first = verdict->culprit_count ? &verdict->culprits[0] : NULL;
	verdict__set_summary(verdict, "%s flushes of other CPUs' TLBs a second, by %s%s%s; each waits until all CPUs have answered, %s of the window in all",
			     wording__count(rate).text, culprits, first && first->operation_count ? " in " : "",
			     first && first->operation_count ? first->operations[0].operation : "", wording__percent(all->waited_ns / scene->window_ns).text);
	verdict__add_check(verdict, "the row TLB grows by thousands a second", "grep TLB /proc/interrupts; sleep 1; grep TLB /proc/interrupts");
	if (first && verdict__pid(scene->ledger, first))
		verdict__add_check(verdict, "many calls of munmap, mprotect, madvise or mremap", "strace -f -c -e trace=munmap,mprotect,madvise,mremap -p %lld",
				   verdict__pid(scene->ledger, first));
	verdict__add_check(verdict, "kernel stacks of whoever flushes", "perf record -a -g -e tlb:tlb_flush --filter 'reason==4' -- sleep 2 && perf report");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	struct shootdowns shootdowns;
	if (interrupts__not_testable(scene, verdict))
		return;
	gather(scene, &shootdowns);
	if (!strcmp(shootdowns.probe, "csd")) {
		judge_by_functions(&shootdowns, verdict);
	} else if (!strcmp(shootdowns.probe, "tlb_flush")) {
		judge_by_calls(&shootdowns, verdict);
	} else {
		const char *why = recording__meta(scene->ledger->recording, "probe.irq.sources");
		verdict->kind = VERDICT_NOT_TESTABLE;
		verdict->absent = true;
		verdict__set_summary(verdict, "flushes of the TLB cannot be seen here: %s", why && strcmp(why, "on") ? why
				     : !strcmp(shootdowns.probe, "refused") ? "the kernel refused the probes of calls between its CPUs"
				     : "this kernel has neither csd nor tlb tracepoints (arm64 flushes without interrupting other CPUs)");
	}
	free(shootdowns.shares);
}

const struct cause memory_tlb = {
	.id = "memory.tlb", .title = "TLB shootdowns", .counted_by_pressure = PRESSURE_NONE,
	.claim = "changes of address spaces interrupt other CPUs and wait for their answers",
	.decisive = "flushes by process and system call, the time until all CPUs have answered, and whom they interrupted",
	.by_hand = "row TLB of /proc/interrupts", .helps = "fewer unmaps and protection changes, in batches",
	.account = ACCOUNT_INTERRUPTS,
	.judge = judge,
};
