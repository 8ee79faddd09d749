#include "causes/headline.h"
#include "causes/thresholds.h"
#include "causes/wording.h"

#include <string.h>

static bool is_heavier(const struct verdict *one, const struct verdict *other)
{
	if (!one->under != !other->under)
		return !one->under;
	if (one->kind != other->kind)
		return one->kind > other->kind;
	return one->wall_seconds > other->wall_seconds;
}

size_t headline__order(const struct diagnosis *diagnosis, size_t *ret_order, size_t size)
{
	size_t count = 0;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		if (diagnosis->verdicts[i].kind < VERDICT_CONTRIBUTING || count == size)
			continue;
		size_t place = count++;
		for (; place > 0 && is_heavier(&diagnosis->verdicts[i], &diagnosis->verdicts[ret_order[place - 1]]); place--)
			ret_order[place] = ret_order[place - 1];
		ret_order[place] = i;
	}
	return count;
}

const char *headline__imbalance(const struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	const struct ledger_pressure *cpu = ledger->cpu_some;
	double little = threshold__value(THRESHOLD_WALL_CONTRIBUTING) * ledger->window_seconds;
	double booked = cpu->victims_seconds > cpu->culprits_seconds ? cpu->victims_seconds : cpu->culprits_seconds;
	if (ledger->balanced)
		return NULL;
	if (cpu->booked && diagnosis->unexplained_seconds < little && booked < cpu->kernel_seconds + little)
		return NULL;
	return ledger->imbalance ? ledger->imbalance : "the reason is unknown";
}

static void add_caution(struct diagnosis *diagnosis, char *sentence)
{
	size_t capacity = diagnosis->caution_count;
	diagnosis->cautions = base__grow(diagnosis->cautions, &capacity, diagnosis->caution_count + 1, sizeof(char *));
	diagnosis->cautions[diagnosis->caution_count++] = sentence;
}

// Whoever looks at pressure graphs would take the lock for what they show.
static void add_lock_caution(struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	double seconds = 0;
	const struct verdict *cpu = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[order[i]];
		if (verdict->under)
			continue;
		if (verdict->cause->account == ACCOUNT_LOCKS)
			seconds += verdict->stall_seconds;
		else if (!cpu)
			cpu = verdict;
	}
	if (seconds <= 0)
		return;
	double share = diagnosis->ledger->window_seconds > 0 ? diagnosis->ledger->cpu_some->kernel_seconds / diagnosis->ledger->window_seconds : 0;
	cleanup_string struct string other = { 0 };
	if (cpu)
		string__add(&other, " The CPU pressure of %s has another cause: %s.", wording__percent(share).text, cpu->cause->id);
	else if (share >= threshold__value(THRESHOLD_WALL_CONTRIBUTING))
		string__add(&other, " The CPU pressure of %s is other waiting: of tasks that are awake and want a CPU.", wording__percent(share).text);
	add_caution(diagnosis, base__format("Asleep on a lock: counted by no pressure figure (%s in all).%s", wording__seconds(seconds).text,
					    other.text ? other.text : ""));
}

// A cause that was found need not be what most of the pressure comes from. The causes' times may overlap, so their sum is the most that they
// can explain.
static void add_remainder_caution(struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	const struct ledger *ledger = diagnosis->ledger;
	double some = ledger->cpu_some->kernel_seconds, found = 0;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (diagnosis->verdicts[order[i]].cause->account != ACCOUNT_CPU)
			continue;
		found += diagnosis->verdicts[order[i]].wall_seconds;
		any = true;
	}
	if (!any || found >= some / 2 || some - found < threshold__value(THRESHOLD_WALL_CONFIRMED) * ledger->window_seconds)
		return;
	add_caution(diagnosis, base__format("Of the CPU pressure of %s at most %s falls under the causes found: the rest is waiting for CPUs that no cause "
					    "here accounts for (see \"Who waited for whom\").", wording__percent(some / ledger->window_seconds).text,
					    wording__percent(found / ledger->window_seconds).text));
}

// CPU causes that this recording cannot tell anything about; by name where others of them could be judged.
static void add_unjudged_caution(struct diagnosis *diagnosis)
{
	const struct verdict *first = NULL;
	cleanup_string struct string names = { 0 };
	bool all = true;

	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (!verdict->cause->judge || verdict->cause->account != ACCOUNT_CPU)
			continue;
		if (verdict->kind != VERDICT_NOT_TESTABLE) {
			all = false;
			continue;
		}
		first = first ? first : verdict;
		string__add(&names, "%s%s", names.length ? ", " : "", verdict->cause->id);
	}
	if (first)
		add_caution(diagnosis, base__format("%s could not be judged: %s.", all ? "CPU causes" : names.text, first->summary));
}

static void write_cautions(struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	bool found = count > 0;
	const struct ledger *ledger = diagnosis->ledger;
	const struct recording *recording = ledger->recording;
	if (!recording__meta_number(recording, "complete", 0))
		add_caution(diagnosis, base__format("The recording was cut short: it holds %s of the %s asked for, and its last moments may be missing.",
						    wording__seconds(ledger->window_seconds).text,
						    wording__seconds((double)recording__meta_number(recording, "requested_ns", 0) / NS_PER_SEC).text));
	add_lock_caution(diagnosis, order, count);
	add_remainder_caution(diagnosis, order, count);
	if (headline__imbalance(diagnosis))
		add_caution(diagnosis, base__format("The books do not balance: %s.%s", headline__imbalance(diagnosis),
						    found ? " Verdicts are lowered by a step." : ""));
	add_unjudged_caution(diagnosis);
	for (size_t i = 0; i < diagnosis->verdict_count && ledger->locks.recorded && recording->cpu_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (verdict->cause->account == ACCOUNT_LOCKS && verdict->kind == VERDICT_NOT_TESTABLE) {
			add_caution(diagnosis, base__format("Kernel locks could not be judged: %s.", verdict->summary));
			break;
		}
	}
	static const char *const unjudged[] = { "memory", "io" };
	for (size_t i = 0; i < ARRAY_SIZE(unjudged); i++)
		if (diagnosis->unattributed_seconds[i] > 0)
			add_caution(diagnosis, base__format("The kernel also counted %s of %s pressure (%s of the window), which this version cannot attribute.",
							    wording__seconds(diagnosis->unattributed_seconds[i]).text, unjudged[i],
							    wording__percent(diagnosis->unattributed_seconds[i] / ledger->window_seconds).text));
	if (ledger->window_seconds > 0 && ledger->window_seconds < 2)
		add_caution(diagnosis, base__format("The window is only %s long: what happens less often than that is not in it.",
						    wording__seconds(ledger->window_seconds).text));
	int64_t pid = recording__meta_number(recording, "scope_pid", 0);
	const char *cgroup = recording__meta(recording, "scope_cgroup");
	if (pid > 0)
		add_caution(diagnosis, base__format("Only process %lld was asked for: what others suffer is not judged.", (long long)pid));
	if (cgroup && *cgroup)
		add_caution(diagnosis, base__format("Only cgroup %s was asked for: what others suffer is not judged.", cgroup));
}

static char *pressure_clause(const struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	if (!ledger->cpu_some->kernel_seconds)
		return base__copy("");
	return base__format("CPU pressure (some) %s", wording__percent(ledger->cpu_some->kernel_seconds / ledger->window_seconds).text);
}

static char *clause_of(const struct diagnosis *diagnosis, const struct verdict *verdict)
{
	const char *lead = verdict->kind == VERDICT_CONFIRMED ? "STALLED" : "PARTLY STALLED";
	if (verdict->cause->account == ACCOUNT_LOCKS)
		return base__format("%s on a kernel lock, which no pressure figure shows: %s", lead, verdict->summary);
	cleanup_free char *pressure = pressure_clause(diagnosis);
	return base__format("%s for want of CPU time%s%s: %s", lead, *pressure ? ", " : "", pressure, verdict->summary);
}

// The heaviest of another account than the first one's: a separate stall, which must not be taken for the first one's
// effect or cause. NULL if there is none.
static const struct verdict *find_separate(const struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[order[i]];
		if (verdict->cause->account != diagnosis->verdicts[order[0]].cause->account && !verdict->under)
			return verdict;
	}
	return NULL;
}

static char *found_sentence(const struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	const struct verdict *separate = find_separate(diagnosis, order, count);
	cleanup_free char *first = clause_of(diagnosis, &diagnosis->verdicts[order[0]]);
	cleanup_free char *second = separate ? clause_of(diagnosis, separate) : NULL;
	size_t rest = count - 1 - (separate != NULL);
	cleanup_free char *more = rest ? base__format(" (and %zu more cause%s below)", rest, rest > 1 ? "s" : "") : base__copy("");
	if (!second)
		return base__format("%s%s.", first, more);
	return base__format("%s. SEPARATELY %s%s.", first, second, more);
}

void headline__write(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	size_t order[64], count = headline__order(diagnosis, order, ARRAY_SIZE(order));
	write_cautions(diagnosis, order, count);
	bool locks = ledger->locks.recorded;
	cleanup_free char *pressure = pressure_clause(diagnosis);
	double share = ledger->window_seconds > 0 ? ledger->cpu_some->kernel_seconds / ledger->window_seconds : 0;
	if (count)
		diagnosis->headline = found_sentence(diagnosis, order, count);
	else if (diagnosis->unattributed_seconds[0] > 0 || diagnosis->unattributed_seconds[1] > 0)
		diagnosis->headline = base__format("NOT FOR WANT OF CPU TIME%s: no cause was found there (%s), but memory or I/O pressure was counted.",
						   locks ? " NOR ON A KERNEL LOCK" : "", *pressure ? pressure : "no CPU pressure");
	else if (!diagnosis->healthy)
		diagnosis->headline = base__format("UNEXPLAINED: no cause could be established%s%s.", *pressure ? "; " : "", pressure);
	else if (share >= threshold__value(THRESHOLD_WALL_CONTRIBUTING))
		diagnosis->headline = base__format("CPU%s HEALTHY: nobody was held up for long. %s, made of short or accepted waits.",
						   locks ? " AND LOCKS" : "", pressure);
	else
		diagnosis->headline = base__format("CPU%s HEALTHY: nothing stalls for want of CPU time%s. %s%s", locks ? " AND LOCKS" : "",
						   locks ? " or on a kernel lock" : "", pressure, *pressure ? "." : "");
}
