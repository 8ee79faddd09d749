#include "causes/interrupt_verdicts.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define EVIDENCE_SOURCES 4      // listed one by one
#define LEAST_SHARE 0.05        // of the blame: sources below it are no culprits

bool interrupts__not_testable(const struct scene *scene, struct verdict *verdict)
{
	const char *probe = recording__meta(scene->ledger->recording, "probe.irq");
	if (probe && !strcmp(probe, "on"))
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	if (probe)
		verdict__set_summary(verdict, "interrupts were not recorded by source: %s", probe);
	else
		verdict__set_summary(verdict, "this recording does not tell interrupts by source: record again with this version");
	return true;
}

// ---- who lost by it ----

// The kernel's own thread for soft interrupts, which is no victim of them.
static bool is_ksoftirqd(const struct crowd *crowd)
{
	const struct process_row *row = crowd->members[0]->row;
	return row->kernel_thread && row->name && !strncmp(row->name, "ksoftirqd", 9);
}

// Waits for ksoftirqd itself, as a task: what it does beside the soft interrupts.
static double behind_ksoftirqd(const struct scene *scene, size_t victim)
{
	double ns = 0;
	for (size_t i = scene->meeting_starts[victim]; i < scene->meeting_starts[victim + 1]; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		if (meeting->kind == OCCUPANT_TASK && meeting->culprit != SIZE_MAX &&
		    is_ksoftirqd(&scene->crowds[meeting->culprit]))
			ns += (double)meeting->wait_ns * scene->crowds[victim].scale;
	}
	return ns;
}

// Time that these interrupts took from a crowd, waiting or running, without what they did for it itself.
static double lost_by(const struct interrupts *interrupts, size_t index)
{
	const struct crowd *crowd = &interrupts->scene->crowds[index];
	double lost = interrupts->side == INTERRUPTS_SOFT
		? (double)crowd->wait_softirq_ns + (double)crowd->run_softirq_ns + behind_ksoftirqd(interrupts->scene, index)
		: (double)crowd->wait_hardirq_ns + (double)crowd->run_hardirq_ns;
	for (size_t i = 0; i < interrupts->count; i++)
		if (interrupts->sources[i].crowd == index)
			lost -= interrupts->sources[i].ns;
	return lost;
}

// What they add up to: the largest loss of one that lost a good part of the window, else of anybody.
struct harm { double worst, most_ns; bool much; };

static void add_victims(const struct interrupts *interrupts, struct verdict *verdict, struct harm *ret_harm)
{
	const struct scene *scene = interrupts->scene;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (crowd->tool || crowd->stopper || !crowd->in_scope || is_ksoftirqd(crowd))
			continue;
		double lost = lost_by(interrupts, i), loss = lost / fmax(1, crowd__demand_ns(crowd));
		if (lost < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns || loss < threshold__value(THRESHOLD_IRQ_LOSS_CONTRIBUTING))
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, lost);
		party->loss = fmin(1, loss);
		double ran = (double)(interrupts->side == INTERRUPTS_SOFT ? crowd->run_softirq_ns : crowd->run_hardirq_ns);
		party__set_note(party, "lost %s of the time it wanted to run; %s of it while it had the CPU, which counts as its own CPU time",
				wording__percent(party->loss).text, wording__percent(fmin(1, ran / lost)).text);
		verdict->stall_seconds += lost / NS_PER_SEC;
		// A thread that runs for a moment now and then can lose most of it and hold nobody up.
		bool much = lost >= threshold__value(THRESHOLD_IRQ_LOST_CONFIRMED) * scene->window_ns;
		ret_harm->worst = much == ret_harm->much ? fmax(ret_harm->worst, party->loss) : much ? party->loss : ret_harm->worst;
		ret_harm->much = ret_harm->much || much;
		ret_harm->most_ns = fmax(ret_harm->most_ns, lost);
	}
}

// A process' part in a source, as a clause; NULL: nothing to say.
static const char *role_words(const struct interrupt_source *source)
{
	static const char *const timers[] = {
		[TIMER_OTHER] = "its timers", [TIMER_SAMPLING] = "its sampling (perf events by a timer)", [TIMER_SLEEPS] = "its sleeps and timeouts",
		[TIMER_INTERVALS] = "its interval timers",
	};
	switch (source->role) {
	case INTERRUPT_ROLE_SENT: return "it sent these packets over devices of this machine";
	case INTERRUPT_ROLE_RECEIVED: return "it received these packets";
	case INTERRUPT_ROLE_UNKNOWN: return "whose packets these are is not known";
	case INTERRUPT_ROLE_TIMERS: return timers[source->fact.timer];
	case INTERRUPT_ROLE_KERNEL_TIMERS: return "the kernel's own timers, and those of unknown owners";
	case INTERRUPT_ROLE_CALLER: return "it asked other CPUs to run something";
	case INTERRUPT_ROLE_NONE: break;
	}
	return NULL;
}

static void add_culprits(const struct interrupts *interrupts, struct verdict *verdict)
{
	const struct scene *scene = interrupts->scene;
	for (size_t i = 0; i < interrupts->count; i++) {
		const struct interrupt_source *source = &interrupts->sources[i];
		double share = source->blame_ns / interrupts->blame_ns;
		if (share < LEAST_SHARE)
			break;
		double ns = share * verdict->stall_seconds * NS_PER_SEC;
		bool known = source->crowd != SIZE_MAX && !scene->crowds[source->crowd].tool;
		struct party *party = known ? verdict__add_culprit(verdict, &scene->crowds[source->crowd], ns)
					    : verdict__add_other_culprit(verdict, PARTY_IRQ, source->name, NULL, ns);
		party->interrupt = source->fact;
		const char *words = role_words(source);
		if (known)
			party__set_note(party, "%s: %s", source->name, words);
		else if (words)
			party__set_note(party, "%s", words);
	}
}

// How many of the busiest CPU's largest kind the probes saw, of those that the kernel itself counted. (It counts hard interrupts by CPU too, but
// the recording holds their sums.)
static void add_seen(const struct interrupts *interrupts, struct verdict *verdict)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	bool soft = interrupts->side == INTERRUPTS_SOFT;
	int64_t cpu = interrupts->busiest_cpu;
	const char *key = cpu >= 0 ? interrupts__largest_key(interrupts->scene->ledger, interrupts->side, cpu) : NULL;
	if (!key)
		return;
	cleanup_free char *number = base__format("%lld", (long long)cpu);
	double counted = soft ? kernel_counter__sum(recording, "softirqs", number, key) : kernel_counter__sum(recording, "interrupts", key, NULL);
	cleanup_free char *what = soft ? base__format("%s on CPU %s, as counted by the kernel", key, number)
				       : base__format("interrupt %s on all CPUs, as counted by the kernel", key);
	if (counted <= 0)
		return;
	verdict__add_evidence(verdict, what, counted, UNIT("times"), NAN, soft ? "/proc/softirqs" : "/proc/interrupts");
	verdict__add_evidence(verdict, "part of them that the probes saw (none are seen while the CPU runs a task that the kernel traces nothing of)",
			      interrupts__seen(interrupts->scene->ledger, interrupts->side, key, soft ? cpu : -1) / counted, PART_OF("them"), NAN,
			      "activity table, subject irq");
}

static void add_evidence(const struct interrupts *interrupts, struct verdict *verdict, double worst)
{
	const char *kind = interrupts->side == INTERRUPTS_SOFT ? "soft" : "hard";
	cleanup_free char *busiest = base__format("CPU %lld in %s interrupts", (long long)interrupts->busiest_cpu, kind);
	double cpus = interrupts->scene->ledger->cpus > 0 ? interrupts->scene->ledger->cpus : 1;
	if (interrupts->busiest_cpu >= 0)
		verdict__add_evidence(verdict, busiest, interrupts->busiest_share, PART_OF("its time"), threshold__value(THRESHOLD_IRQ_CPU_CONFIRMED),
				      "activity table, subject irq");
	verdict__add_evidence(verdict, "all CPUs", interrupts->ns / interrupts->scene->window_ns / cpus, PART_OF("all CPU time"), NAN,
			      "activity table, subject irq");
	verdict__add_evidence(verdict, "largest part of its demand that somebody lost to them", worst, PART_OF("its demand"),
			      threshold__value(THRESHOLD_IRQ_LOSS_CONFIRMED), "task table");
	for (size_t i = 0; i < interrupts->count && i < EVIDENCE_SOURCES; i++) {
		const struct interrupt_source *source = &interrupts->sources[i];
		if (source->ns < 0.01 * interrupts->scene->window_ns)
			continue;
		bool known = source->crowd != SIZE_MAX;
		cleanup_free char *what = base__format("%s%s%s", source->name, known ? ", for " : "",
						       known ? crowd__name(&interrupts->scene->crowds[source->crowd]) : "");
		verdict__add_evidence(verdict, what, source->ns / NS_PER_SEC, UNIT("CPU seconds"), NAN, "activity table, subject irq");
	}
}

static enum verdict_kind weigh(const struct interrupts *interrupts, const struct harm *harm)
{
	if (interrupts->busiest_share >= threshold__value(THRESHOLD_IRQ_CPU_CONFIRMED) && harm->much &&
	    harm->worst >= threshold__value(THRESHOLD_IRQ_LOSS_CONFIRMED))
		return VERDICT_CONFIRMED;
	if (interrupts->busiest_share >= threshold__value(THRESHOLD_IRQ_CPU_CONTRIBUTING) &&
	    harm->worst >= threshold__value(THRESHOLD_IRQ_LOSS_CONTRIBUTING))
		return VERDICT_CONTRIBUTING;
	return VERDICT_RULED_OUT;
}

static void summarize(const struct interrupts *interrupts, struct verdict *verdict, double worst)
{
	const struct ledger *ledger = interrupts->scene->ledger;
	const char *kind = interrupts->side == INTERRUPTS_SOFT ? "soft" : "hard";
	struct text_figure share = wording__percent(interrupts->busiest_share);
	if (verdict->kind == VERDICT_RULED_OUT) {
		verdict__set_summary(verdict, interrupts->busiest_share >= threshold__value(THRESHOLD_IRQ_CPU_CONTRIBUTING)
				     ? "%s interrupts took %s of CPU %lld, but nobody lost much by it"
				     : "%s interrupts took at most %s of a CPU (CPU %lld)", kind, share.text, (long long)interrupts->busiest_cpu);
		return;
	}
	cleanup_free char *victims = verdict__name_parties(ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	const char *source = interrupts->sources[0].name;
	bool named = verdict->culprit_count && verdict->culprits[0].process;
	verdict__set_summary(verdict, "%s interrupts took %s of CPU %lld, most of it %s%s%s; %s lost up to %s of the time wanted", kind, share.text,
			     (long long)interrupts->busiest_cpu, source, named ? " for " : "", named ? culprits : "", victims,
			     wording__percent(worst).text);
}

// Where the kernel accounts interrupts' time by itself, it counts as pressure of its own (full, Linux 6.1 and later).
static bool has_irq_pressure(const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->pressure_count; i++)
		if (!strcmp(ledger->pressures[i].resource, "irq"))
			return true;
	return false;
}

void interrupts__judge(const struct interrupts *interrupts, struct verdict *verdict)
{
	const struct scene *scene = interrupts->scene;
	struct harm harm = { 0 };
	add_victims(interrupts, verdict, &harm);
	verdict->kind = interrupts->blame_ns > 0 ? weigh(interrupts, &harm) : VERDICT_RULED_OUT;
	// Several victims of one CPU lose at the same time.
	verdict->wall_seconds = fmin(scene->ledger->window_seconds, fmax(harm.most_ns / NS_PER_SEC,
		scene->wall_seconds[interrupts->side == INTERRUPTS_SOFT ? OCCUPANT_SOFTIRQ : OCCUPANT_HARDIRQ]));
	if (has_irq_pressure(scene->ledger))
		verdict->counted_by_pressure = PRESSURE_IRQ;
	add_evidence(interrupts, verdict, harm.worst);
	add_seen(interrupts, verdict);
	if (verdict->kind > VERDICT_RULED_OUT)
		add_culprits(interrupts, verdict);
	else
		verdict__drop_parties(verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	summarize(interrupts, verdict, harm.worst);
}
