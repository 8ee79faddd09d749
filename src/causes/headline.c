#include "causes/headline.h"
#include "causes/accounts.h"
#include "ledger/attribution.h"
#include "ledger/thresholds.h"
#include "causes/runtimes.h"
#include "causes/weighing.h"
#include "causes/wording.h"

#include <string.h>

#define ORDER_MOST 64           // more than there are causes
#define SEPARATE_MOST 3         // stalls that the headline names; the first screen must stay one

static bool is_heavier(const struct verdict *one, const struct verdict *other)
{
	if (verdict__is_stall(one) != verdict__is_stall(other))
		return verdict__is_stall(one);
	if (one->kind != other->kind)
		return one->kind > other->kind;
	return one->wall_seconds > other->wall_seconds;
}

// Writes what stands directly under `under` (NULL: under nothing), each followed by what stands under it.
static size_t order_below(const struct diagnosis *diagnosis, const char *under, size_t *ret_order, size_t size)
{
	size_t own[ORDER_MOST], own_count = 0, count = 0;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (verdict->kind < VERDICT_CONTRIBUTING || own_count == ORDER_MOST ||
		    (under ? !verdict->under || strcmp(verdict->under, under) : verdict->under != NULL))
			continue;
		size_t place = own_count++;
		for (; place > 0 && is_heavier(verdict, &diagnosis->verdicts[own[place - 1]]); place--)
			own[place] = own[place - 1];
		own[place] = i;
	}
	for (size_t i = 0; i < own_count && count < size; i++) {
		ret_order[count++] = own[i];
		count += order_below(diagnosis, diagnosis->verdicts[own[i]].cause->id, ret_order + count, size - count);
	}
	return count;
}

size_t headline__order(const struct diagnosis *diagnosis, size_t *ret_order, size_t size)
{
	return order_below(diagnosis, NULL, ret_order, size);
}

// "CPU pressure (some) 12 %"; NULL where the kernel counted none.
static char *pressure_of(const struct diagnosis *diagnosis, enum pressure_resource resource)
{
	double share = pressure__share(diagnosis->ledger, resource);
	return share > 0 ? base__format("%s pressure (some) %s", pressure__name(resource), wording__percent(share).text) : NULL;
}

// CPU pressure, and what else the kernel counted that is worth a word; empty where it counted nothing.
static char *pressure_clause(const struct diagnosis *diagnosis)
{
	struct string out = { 0 };
	string__add(&out, "%s", "");
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		cleanup_free char *one = pressure_of(diagnosis, pressures_judged[i]);
		if (one && (!i || pressure__share(diagnosis->ledger, pressures_judged[i]) >= threshold__value(THRESHOLD_WALL_CONTRIBUTING)))
			string__add(&out, "%s%s", out.length ? ", " : "", one);
	}
	return string__steal(&out);
}

static char *clause_of(const struct diagnosis *diagnosis, const struct verdict *verdict)
{
	const char *lead = verdict->severity == SEVERITY_SEVERE ? "STALLED" : "PARTLY STALLED";
	enum pressure_resource counted = verdict->counted_by_pressure;
	cleanup_free char *pressure = counted != PRESSURE_NONE ? pressure_of(diagnosis, counted) : base__copy("which no pressure figure shows");
	return base__format("%s %s%s%s: %s", lead, account__place_of(verdict->cause), pressure ? ", " : "", pressure ? pressure : "", verdict->summary);
}

static bool shares_victims(const struct verdict *one, const struct verdict *other)
{
	for (size_t i = 0; i < one->victim_count; i++)
		for (size_t j = 0; j < other->victim_count; j++)
			if (one->victims[i].process && one->victims[i].process == other->victims[j].process)
				return true;
	return false;
}

// Whether a verdict is a stall of its own beside those named already, which must not be taken for their effect or cause: of another account, or
// (`related`) confirmed with other victims.
static bool is_separate(const struct verdict *verdict, const struct verdict *const *named, size_t count, bool related)
{
	for (size_t i = 0; i < count; i++) {
		bool same = named[i]->cause->account == verdict->cause->account;
		if (same && (!related || verdict->kind != VERDICT_CONFIRMED || !verdict->victim_count || shares_victims(verdict, named[i])))
			return false;
	}
	return !verdict->under;
}

// The stalls that the headline names: the heaviest, then those of other accounts; where there is none, one of the same account with other victims.
static size_t choose_named(const struct diagnosis *diagnosis, const size_t *order, size_t count, const struct verdict *ret_named[SEPARATE_MOST])
{
	size_t named = 0;
	ret_named[named++] = &diagnosis->verdicts[order[0]];    // -fanalyzer: called only with one at least
	while (count > 1 && !verdict__is_stall(&diagnosis->verdicts[order[count - 1]]) && !diagnosis->verdicts[order[count - 1]].under)
		count--;        // what holds up nobody is not named beside what does
	for (size_t i = 1; i < count && named < SEPARATE_MOST; i++)
		if (is_separate(&diagnosis->verdicts[order[i]], ret_named, named, false))
			ret_named[named++] = &diagnosis->verdicts[order[i]];
	for (size_t i = 1; i < count && named < 2; i++)
		if (is_separate(&diagnosis->verdicts[order[i]], ret_named, named, true))
			ret_named[named++] = &diagnosis->verdicts[order[i]];
	return named;
}

static char *found_sentence(const struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	const struct verdict *named[SEPARATE_MOST];
	size_t named_count = choose_named(diagnosis, order, count, named), rest = count - named_count;
	struct string out = { 0 };
	for (size_t i = 0; i < named_count; i++) {
		cleanup_free char *clause = clause_of(diagnosis, named[i]);
		string__add(&out, "%s%s", i ? ". SEPARATELY " : "", clause);
	}
	if (rest)
		string__add(&out, " (and %zu more cause%s below)", rest, rest > 1 ? "s" : "");
	string__add(&out, ".");
	return string__steal(&out);
}

// What was judged: "CPU AND LOCKS", and where nothing stalls then: "for want of CPU time or on a kernel lock".
static void name_judged(const struct diagnosis *diagnosis, const char *(*word)(enum account account), const char *last, struct string *out, bool *ret_all)
{
	enum account judged[ACCOUNTS];
	size_t count = 0;
	const char *reason;
	*ret_all = true;
	for (enum account account = 0; account < ACCOUNTS; account++) {
		if (account == ACCOUNT_CPU || account__is_judged(diagnosis, account, &reason))
			judged[count++] = account;
		else
			*ret_all = false;
	}
	for (size_t i = 0; i < count; i++)
		string__add(out, "%s%s", !i ? "" : i + 1 == count ? last : ", ", word(judged[i]));
}

static char *healthy_sentence(const struct diagnosis *diagnosis)
{
	cleanup_string struct string names = { 0 }, places = { 0 };
	cleanup_free char *pressure = pressure_clause(diagnosis);
	bool all;
	name_judged(diagnosis, account__name, " AND ", &names, &all);
	name_judged(diagnosis, account__place, " or ", &places, &all);
	const char *subject = all ? "" : names.text, *space = all ? "" : " ";
	// What waits inside a runtime without a thread is in no account.
	cleanup_free char *hidden = runtimes__hide_locks(diagnosis);
	return base__format("%s%sHEALTHY%s: nothing stalls%s%s. %s%s", subject, space, hidden ? ", as far as the kernel sees" : "", all ? "" : " ",
			    all ? "" : places.text, pressure, *pressure ? "." : "");
}

// Adds a cause that holds up nobody, or only those who make it, to the sentence about a busy machine.
static void add_busy(const struct diagnosis *diagnosis, const struct verdict *verdict, struct string *out)
{
	cleanup_free char *pressure = pressure_of(diagnosis, verdict->counted_by_pressure);
	// What no pressure counts, as long system calls, and what waits inside a runtime may hold up others where the kernel does not see it.
	cleanup_free char *hidden = runtimes__hide_locks(diagnosis);
	const char *lead = hidden || verdict->counted_by_pressure == PRESSURE_NONE ? "BUSY, as far as the kernel sees: " : "BUSY, not stalled: ";
	string__add(out, "%s%s%s%s", out->text ? ". " : lead, pressure ? pressure : "", pressure ? ": " : "", verdict->summary);
}

// The heaviest cause, and the heaviest of each other resource that has pressure.
static char *busy_sentence(const struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	const struct verdict *heaviest = &diagnosis->verdicts[order[0]];
	struct string out = { 0 };
	size_t named = 1;
	add_busy(diagnosis, heaviest, &out);
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		const struct verdict *first = NULL;
		for (size_t j = 1; j < count && !first; j++)
			if (diagnosis->verdicts[order[j]].counted_by_pressure == pressures_judged[i])
				first = &diagnosis->verdicts[order[j]];
		if (!first || heaviest->counted_by_pressure == pressures_judged[i])
			continue;
		add_busy(diagnosis, first, &out);
		named++;
	}
	if (count > named)
		string__add(&out, " (and %zu more cause%s below)", count - named, count - named > 1 ? "s" : "");
	string__add(&out, ".");
	return string__steal(&out);
}

// Pressure that the kernel counts and that is nobody's waiting, or our own work.
static char *harmless_sentence(const struct diagnosis *diagnosis)
{
	struct string out = { 0 };
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		const struct attribution *row = attributions__system(diagnosis->attributions, pressure_resource__name(pressures_judged[i]));
		cleanup_free char *pressure = pressure_of(diagnosis, pressures_judged[i]);
		if (!row || pressure__share(diagnosis->ledger, pressures_judged[i]) < threshold__value(THRESHOLD_OTHER_PRESSURE))
			continue;
		string__add(&out, "%s%s: ", out.text ? ". " : "BUSY, not stalled: ", pressure);
		if (row->parts[CAUSE_IDLE].share >= row->parts[CAUSE_TOOL].share)
			string__add(&out, "%s of it is that of io_uring waiters that wait for no request", wording__percent(row->parts[CAUSE_IDLE].share).text);
		else
			string__add(&out, "%s of it is whystall's own work", wording__percent(row->parts[CAUSE_TOOL].share).text);
	}
	string__add(&out, ".");
	return string__steal(&out);
}

// Pressure without a cause: what is known of it.
static char *unexplained_sentence(const struct diagnosis *diagnosis)
{
	size_t worst = 0;
	for (size_t i = 1; i < PRESSURES_JUDGED; i++)
		if (diagnosis->unattributed_seconds[i] > diagnosis->unattributed_seconds[worst])
			worst = i;
	enum pressure_resource resource = pressures_judged[worst];
	cleanup_free char *pressure = pressure_of(diagnosis, resource), *all = pressure_clause(diagnosis);
	const struct ledger_pressure *row = pressure__system(diagnosis->ledger, resource);
	double share;
	cleanup_free char *waiter = pressure__main_waiter(diagnosis->ledger, resource, &share);
	if (diagnosis->unattributed_seconds[worst] <= 0)
		return base__format("UNEXPLAINED: no cause could be established%s%s.", *all ? "; " : "", all);
	if (!row || !row->booked) {
		cleanup_string struct string places = { 0 };
		bool judged;
		name_judged(diagnosis, account__place, " nor ", &places, &judged);
		return base__format("UNEXPLAINED: %s was counted, which this recording cannot attribute; no cause was found %s.",
				    pressure ? pressure : "pressure", places.text);
	}
	if (!waiter)
		return base__format("UNEXPLAINED: %s, and no cause was found for %s of it.", pressure,
				    wording__percent(diagnosis->unattributed_seconds[worst] / row->counted_seconds).text);
	return base__format("UNEXPLAINED: no cause was found for %s; %s of that waiting was that of %s.", pressure, wording__percent(share).text, waiter);
}

void headline__write(struct diagnosis *diagnosis)
{
	size_t order[ORDER_MOST], count = headline__order(diagnosis, order, ARRAY_SIZE(order));
	headline__write_cautions(diagnosis, order, count);
	switch (diagnosis->state) {
	case STATE_STALLED:
	case STATE_PARTLY_STALLED:
		diagnosis->headline = found_sentence(diagnosis, order, count);
		break;
	case STATE_BUSY:
		diagnosis->headline = count ? busy_sentence(diagnosis, order, count) : harmless_sentence(diagnosis);
		break;
	case STATE_HEALTHY:
		diagnosis->headline = healthy_sentence(diagnosis);
		break;
	case STATE_UNEXPLAINED:
		diagnosis->headline = unexplained_sentence(diagnosis);
		break;
	}
}
