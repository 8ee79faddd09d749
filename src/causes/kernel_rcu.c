// A CPU that does not pass through the scheduler holds up RCU.
#include "ledger/host_events.h"
#include "causes/judged.h"
#include "ledger/kernel_holds.h"
#include "ledger/rcu_stall.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define PAUSED_MOST 0.5         // of a warning's time: then it tells of the pause
#define STARVED_LEAST 0.5       // of a warning's time: so long a thread that the kernel waited for must have waited for a CPU

struct warnings {
	size_t count, before;           // in the window; in the minutes before
	size_t hung;                    // tasks blocked for minutes
	double seconds, longest_seconds, paused_seconds;
	double starved_seconds;         // of warnings about work that only lacked a CPU
	const struct host_event *longest, *stall; // stall: the longest that RCU wrote
};

// How much of a warning's time nobody in this machine answers for.
static double absent_ns(const struct ledger_host *host, const struct host_event *row, double ns)
{
	return host_event__found_idle(host, row) ? ns : host_events__not_run_ns(host, (double)row->time_ns, ns);
}

// Whether a warning tells of threads of the kernel that did not get a CPU, and of no CPU that stood still. A work item's pool is stuck without its
// workers (kernel/workqueue.c, wq_watchdog_timer_fn(), v6.18: it looks at the time since the last item only), a grace period without RCU's
// own thread, when all CPUs have answered.
static bool is_starvation(const struct ledger *ledger, const struct host_event *row, double ns)
{
	struct rcu_stall stall;
	bool items = row->kind == HOST_EVENT_WORKQUEUE_LOCKUP;
	if (!items && !(rcu_stall__parse(row->text, &stall) && rcu_stall__shape(&stall) == RCU_STALL_STARVED))
		return false;
	for (size_t i = 0; i < ledger->starved.count; i++) {
		const struct starved_thread *thread = &ledger->starved.threads[i];
		if (thread->work == (items ? STARVED_WORK_ITEMS : STARVED_RCU) && thread->longest_seconds * NS_PER_SEC >= STARVED_LEAST * ns)
			return true;
	}
	return false;
}

static struct warnings sum_up(const struct ledger *ledger)
{
	const struct ledger_host *host = &ledger->host;
	struct warnings warnings = { 0 };
	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		warnings.hung += row->kind == HOST_EVENT_HUNG_TASK && row->time_ns >= 0;
		if (!host_event__is_lockup(row))
			continue;
		if (row->time_ns < 0) {
			warnings.before++;
			continue;
		}
		double ns = host_event__lockup_ns(row), new_ns = host_events__new_lockup_ns(host, row);
		warnings.count++;
		warnings.seconds += new_ns / NS_PER_SEC;
		warnings.paused_seconds += absent_ns(host, row, new_ns) / NS_PER_SEC;
		warnings.starved_seconds += is_starvation(ledger, row, new_ns) ? new_ns / NS_PER_SEC : 0;
		if (row->kind == HOST_EVENT_RCU_STALL && (!warnings.stall || row->ns > warnings.stall->ns))
			warnings.stall = row;
		if (!warnings.longest || ns / NS_PER_SEC > warnings.longest_seconds) {
			warnings.longest = row;
			warnings.longest_seconds = ns / NS_PER_SEC;
		}
	}
	return warnings;
}

static bool is_untestable(const struct recording *recording, const struct warnings *warnings, struct verdict *verdict)
{
	const char *probe = recording__meta(recording, "probe.host"), *log = recording__meta(recording, "kernel_log");
	verdict->absent = true;
	if (!probe)
		verdict__set_summary(verdict, "the recording was made by a version of whystall that did not read the kernel's log");
	else if (strcmp(probe, "on"))
		verdict__set_summary(verdict, "%s", probe);
	else if (!warnings->count && (!log || strcmp(log, "on")))
		verdict__set_summary(verdict, "the kernel's log (/dev/kmsg) can't be read: %s", log ? log : "not known why");
	else
		verdict->absent = false;
	if (!verdict->absent && !warnings->count && recording__counter(recording, "kernel_log_lost")) {
		verdict__set_summary(verdict, "parts of the kernel's log were overwritten before they could be read");
		return true;
	}
	return verdict->absent;
}

// The figures of an RCU stall warning, each with what it counts.
static void add_figures(const struct rcu_stall *stall, struct verdict *verdict)
{
	for (size_t i = 0; i < stall->cpu_count; i++) {
		const struct rcu_stall_cpu *cpu = &stall->cpus[i];
		cleanup_free char *ticks = base__format("CPU %d: timer interrupts in this grace period", cpu->cpu);
		cleanup_free char *behind = base__format("CPU %d: grace periods since it last took part", cpu->cpu);
		cleanup_free char *handlers = base__format("CPU %d: runs of RCU's own handler meanwhile (the difference in softirq=; no count of all soft interrupts)",
							   cpu->cpu);
		cleanup_free char *looks = base__format("CPU %d: times that RCU's thread looked at it (fqs=; 0: that thread did not run either)", cpu->cpu);
		if (cpu->ticks >= 0)
			verdict__add_evidence(verdict, ticks, (double)cpu->ticks, UNIT("interrupts"), NAN, "kernel log");
		if (cpu->behind > 0)
			verdict__add_evidence(verdict, behind, (double)cpu->behind, UNIT("grace periods"), NAN, "kernel log");
		if (cpu->handlers >= 0)
			verdict__add_evidence(verdict, handlers, (double)cpu->handlers, UNIT("runs"), NAN, "kernel log");
		if (cpu->looks >= 0)
			verdict__add_evidence(verdict, looks, (double)cpu->looks, UNIT("times"), NAN, "kernel log");
	}
	if (stall->callbacks >= 0)
		verdict__add_evidence(verdict, "callbacks that wait for it (q=), mostly memory to be freed", (double)stall->callbacks,
				      UNIT("callbacks"), NAN, "kernel log");
}

static const char *kind_words(const struct host_event *row)
{
	return row->kind == HOST_EVENT_RCU_STALL ? "RCU stall" : row->kind == HOST_EVENT_SOFT_LOCKUP ? "soft lockup"
		: row->kind == HOST_EVENT_HARD_LOCKUP ? "hard lockup" : "workqueue lockup";
}

static void add_evidence(const struct ledger_host *host, const struct warnings *warnings, struct verdict *verdict)
{
	static const enum host_event_kind kinds[] = { HOST_EVENT_RCU_STALL, HOST_EVENT_SOFT_LOCKUP, HOST_EVENT_HARD_LOCKUP, HOST_EVENT_WORKQUEUE_LOCKUP };
	struct rcu_stall stall;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		size_t count = 0;
		double longest = 0;
		const struct host_event *one = NULL;
		for (size_t i = 0; i < host->count; i++) {
			const struct host_event *row = &host->events[i];
			if (row->kind != kinds[k] || row->time_ns < 0)
				continue;
			count++;
			longest = fmax(longest, host_event__lockup_ns(row) / NS_PER_SEC);
			one = row;
		}
		if (!count)
			continue;
		cleanup_free char *what = base__format("%s warnings: %zu, the longest", kind_words(one), count);
		verdict__add_evidence(verdict, what, longest, UNIT_SECONDS, NAN, "kernel log");
	}
	verdict__add_evidence(verdict, "of this time, the machine as a whole did not run for", warnings->paused_seconds, UNIT_SECONDS, NAN,
			      "host_event");
	if (warnings->starved_seconds > 0)
		verdict__add_evidence(verdict, "of this time, in warnings about kernel threads that waited for a CPU meanwhile",
				      warnings->starved_seconds, UNIT_SECONDS, NAN,
				      "task table");
	if (warnings->stall && rcu_stall__parse(warnings->stall->text, &stall))
		add_figures(&stall, verdict);
}

// The party for whoever the kernel found on the CPU, once for each program; where it names none, the CPU itself. NULL: there is none yet.
static struct party *find_party(struct verdict *verdict, const struct crowd *crowd, int64_t cpu)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		struct party *party = &verdict->culprits[i];
		if (crowd ? party->process == crowd->members[0]->row->id : party->kind == PARTY_KERNEL && party->cpu == cpu)
			return party;
	}
	return NULL;
}

static void accuse_one(const struct scene *scene, const struct host_event *row, double ns, struct verdict *verdict)
{
	const struct ledger_process *process = row->process ? ledger__process(scene->ledger, row->process) : NULL;
	const struct crowd *crowd = process ? &scene->crowds[scene->crowd_of[process - scene->ledger->processes]] : NULL;
	cleanup_free char *name = row->cpu >= 0 ? base__format("CPU %lld", (long long)row->cpu) : base__copy("a CPU that the warning does not name");
	int64_t cpu = row->cpu >= 0 ? row->cpu : -1;
	char function[64];

	crowd = crowd && !crowd->tool ? crowd : NULL;
	struct party *party = find_party(verdict, crowd, cpu);
	if (party) {
		party->seconds += ns / NS_PER_SEC;
	} else {
		party = crowd ? verdict__add_culprit(verdict, crowd, ns) : verdict__add_other_culprit(verdict, PARTY_KERNEL, name, NULL, ns);
		party->cpu = cpu;
	}
	if (!party->note && rcu_stall__function(row->text, function, sizeof(function)))
		party__set_note(party, "found in %s", function);
}

static void accuse(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger_host *host = &scene->ledger->host;
	for (size_t i = 0; i < host->count; i++) {
		double ns = host_events__new_lockup_ns(host, &host->events[i]);
		if (ns > 0 && absent_ns(host, &host->events[i], ns) < PAUSED_MOST * ns &&
		    !is_starvation(scene->ledger, &host->events[i], ns))
			accuse_one(scene, &host->events[i], ns, verdict);
	}
}

static void say_what(const struct scene *scene, const struct warnings *warnings, struct verdict *verdict)
{
	const struct host_event *row = warnings->longest;
	struct rcu_stall stall;
	const char *shape = warnings->stall && rcu_stall__parse(warnings->stall->text, &stall) ? rcu_stall__shape_words(rcu_stall__shape(&stall)) : NULL;
	struct text_figure seconds = wording__seconds(warnings->longest_seconds);
	cleanup_free char *cpu = row->cpu >= 0 ? base__format("CPU %lld", (long long)row->cpu) : base__copy("a CPU");
	cleanup_free char *more = warnings->count > 1 ? base__format(" (%zu warnings in all)", warnings->count) : base__copy("");
	cleanup_free char *who = verdict->culprit_count && verdict->culprits[0].process ?
		wording__party_brief(scene->ledger->recording, &verdict->culprits[0]) : NULL;
	if (warnings->paused_seconds >= PAUSED_MOST * warnings->seconds)
		verdict__set_summary(verdict, "the kernel complained of %s (%s, %s)%s, but the machine as a whole did not run for most of that time", cpu,
				     kind_words(row), seconds.text, more);
	else if (warnings->starved_seconds >= PAUSED_MOST * warnings->seconds)
		verdict__set_summary(verdict, "the kernel complained of %s (%s, %s)%s, but the threads it waited for only lacked a CPU: no CPU stood still", cpu,
				     kind_words(row), seconds.text, more);
	else
		verdict__set_summary(verdict, "%s did not get on for %s (%s)%s%s%s%s%s", cpu, seconds.text, kind_words(row), more, who ? "; it ran " : "",
				     who ? who : "", shape ? "; " : "", shape ? shape : "");
}

// ---- sections that the kernel did not complain of: its timeouts are long ----

static void add_hold(const struct scene *scene, const struct kernel_hold *hold, struct verdict *verdict)
{
	const struct ledger_process *process = ledger__process(scene->ledger, hold->process);
	const struct crowd *crowd = &scene->crowds[scene->crowd_of[process - scene->ledger->processes]];
	struct party *party = find_party(verdict, crowd, -1);
	if (party)
		party->seconds += hold->ns / NS_PER_SEC;
	else
		party = verdict__add_culprit(verdict, crowd, hold->ns);
	if (!party->note)
		party__set_note(party, "had CPU %lld for %s within the kernel, where nothing could take it away", (long long)hold->cpu,
				wording__seconds(hold->ns / NS_PER_SEC).text);
}

// Who waited for the culprits in these sections: by the single waits (10 ms and more) on their CPUs.
static void add_held_up(const struct scene *scene, const struct kernel_holds *holds, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	cleanup_free double *ns = base__alloc(scene->crowd_count + 1, sizeof(*ns));
	for (size_t i = 0; i < recording->event_count; i++) {
		const struct event_row *wait = &recording->event[i];
		const struct ledger_process *process = ledger__process(scene->ledger, wait->process);
		double most = 0, end = (double)wait->time_ns, start = end - (double)wait->wait_ns;
		for (size_t j = 0; process && j < holds->count; j++) {
			const struct kernel_hold *hold = &holds->holds[j];
			if (hold->cpu == wait->cpu)
				most += fmax(0, fmin(end, hold->end_ns) - fmax(start, hold->end_ns - hold->ns));
		}
		if (most > 0)
			ns[scene->crowd_of[process - scene->ledger->processes]] += most;
	}
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool || crowd->stopper || !crowd->in_scope || ns[i] < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns)
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, ns[i]);
		party->loss = fmin(1, ns[i] / fmax(1, crowd__demand_ns(crowd)));
	}
}

static void judge_holds(const struct scene *scene, const struct kernel_holds *holds, struct verdict *verdict)
{
	double confirmed = threshold__value(THRESHOLD_HOLD_CONFIRMED), longest = holds->longest_ns / NS_PER_SEC;
	verdict->kind = longest >= confirmed ? VERDICT_CONFIRMED : VERDICT_CONTRIBUTING;
	verdict->stall_seconds = holds->ns / NS_PER_SEC;
	verdict->wall_seconds = fmin(verdict->stall_seconds, scene->ledger->window_seconds);
	for (size_t i = 0; i < holds->count; i++)
		add_hold(scene, &holds->holds[i], verdict);
	add_held_up(scene, holds, verdict);
	verdict__add_evidence(verdict, "longest time that a stopper thread (migration/N, above all classes) had to wait behind a task", longest,
			      UNIT_SECONDS, confirmed,
			      "event table");
	verdict__add_evidence(verdict, "times that one had to wait so long", (double)holds->count, UNIT("times"), NAN, "event table");
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	verdict__set_summary(verdict, "%s kept CPU %lld within the kernel for %s at a time: not even the kernel's own stopper thread got it", culprits,
			     (long long)holds->holds[0].cpu, wording__seconds(longest).text);
	verdict__add_check(verdict, "where it is in the kernel, while it lasts: the same function each time",
			   "for i in 1 2 3; do cat /proc/%lld/stack; sleep 0.2; done", verdict__pid(scene->ledger, &verdict->culprits[0]));
	verdict__add_check(verdict, "stacks of all CPUs, written to the kernel's log, while it lasts", "echo l > /proc/sysrq-trigger; dmesg | tail -80");
}

static void judge_warnings(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	struct warnings warnings = sum_up(scene->ledger);
	if (is_untestable(recording, &warnings, verdict))
		return;
	verdict->kind = warnings.count ? VERDICT_CONFIRMED : VERDICT_RULED_OUT;
	if (warnings.hung)
		verdict__add_evidence(verdict, "tasks blocked for minutes (hung task warnings): no CPU is held up by that, see what they wait for",
				      (double)warnings.hung, UNIT("warnings"), NAN, "kernel log");
	if (warnings.before)
		verdict__add_evidence(verdict, "stall or lockup warnings in the five minutes before the recording", (double)warnings.before,
				      UNIT("warnings"), NAN,
				      "kernel log");
	if (!warnings.count) {
		verdict__add_evidence(verdict, "stall or lockup warnings", 0, UNIT("warnings"), 1, "kernel log");
		if (warnings.before)
			verdict__set_summary(verdict, "the kernel complained of no stalled CPU in this time; in the five minutes before it did, %zu times",
					     warnings.before);
		else
			verdict__set_summary(verdict, "the kernel complained of no stalled CPU");
		return;
	}
	verdict->stall_seconds = warnings.seconds;
	verdict->wall_seconds = fmin(warnings.longest_seconds, scene->ledger->window_seconds);
	if (fmax(warnings.paused_seconds, warnings.starved_seconds) >= PAUSED_MOST * warnings.seconds)
		verdict->kind = VERDICT_CONTRIBUTING;
	add_evidence(&scene->ledger->host, &warnings, verdict);
	accuse(scene, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	say_what(scene, &warnings, verdict);
	verdict__add_check(verdict, "the warning itself, with the CPU's stack", "journalctl -k -g 'rcu.*stall|lockup' --since '10 minutes ago'");
	verdict__add_check(verdict, "softirq=a/b: two near numbers mean that the CPU hardly ran, not that it drowned in interrupts",
			   "dmesg | grep -A3 'INFO: rcu'");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	struct kernel_holds holds;
	judge_warnings(scene, verdict);
	kernel_holds__find(scene, &holds);
	if (holds.count && verdict->kind < VERDICT_CONFIRMED && !verdict->culprit_count) {
		verdict->absent = false;
		judge_holds(scene, &holds, verdict);
	} else if (holds.count) {
		verdict__add_evidence(verdict, "longest time that a stopper thread (migration/N, above all classes) had to wait behind a task",
				      holds.longest_ns / NS_PER_SEC, UNIT_SECONDS, threshold__value(THRESHOLD_HOLD_CONFIRMED), "event table");
	}
	kernel_holds__free(&holds);
}

const struct cause kernel_rcu = {
	.id = "kernel.rcu", .title = "a CPU blocks RCU", .counted_by_pressure = PRESSURE_NONE,
	.claim = "a CPU that does not pass through the scheduler holds up RCU",
	.decisive = "a stall or lockup warning in the window and that CPU's stack; or a task behind which even the stopper thread waits for seconds",
	.by_hand = "dmesg | grep -iE 'rcu.*stall|lockup'",
	.helps = "the code that loops; in a guest the pause or the steal behind it",
	.account = ACCOUNT_HOST, .judge = judge,
};
