// The engine: judges every cause, holds the verdicts against what was lost, and sets effects under their causes.
#include "causes/judged.h"
#include "causes/accounts.h"
#include "causes/effects.h"
#include "causes/headline.h"
#include "causes/wording.h"
#include "remedies/remedy.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// What was booked stays evidence even where as much again is unknown; beyond twice the claim it decides nothing.
#define BOUND_WIDE 2

// How wrong a figure may be, in task-seconds (book B). With the meter, the kernel itself says how much pressure fell into
// the time of missed events: only what it counted and the books do not name is in doubt, however long the gap was.
// Without it, everything within a gap is.
static double doubtful_seconds(const struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	double ns = (double)ledger->unknown_ns, pressure_ns = 0;
	for (size_t i = 0; i < ledger->recording->cpu_count && ledger->by_events; i++)
		ns += (double)ledger->recording->cpu[i].gap_ns;
	for (size_t i = 0; i < ledger->process_count; i++)
		pressure_ns += (double)ledger->processes[i].wait_pressure_ns;
	// A second of pressure stands for as many task-seconds as there were waiters at a time.
	double waiters = pressure_ns > 0 ? fmax(1, (double)ledger->wait_ns / pressure_ns) : 1;
	double unexplained = diagnosis->unexplained_seconds / (ledger->fold_scale > 0 ? ledger->fold_scale : 1);
	return ns / NS_PER_SEC + unexplained * waiters;
}

static void lower(struct verdict *verdict, enum verdict_kind kind, char *doubt)
{
	verdict->kind = kind;
	free(verdict->doubt);
	verdict->doubt = doubt;
	if (kind == VERDICT_NOT_TESTABLE)
		verdict__set_summary(verdict, "%s", doubt);
}

static void bound_by_loss(const struct ledger *ledger, double doubtful, const char *imbalance, struct verdict *verdict)
{
	bool found = verdict->kind >= VERDICT_CONTRIBUTING;
	struct text_figure lost = wording__seconds(doubtful), claim = wording__seconds(verdict->stall_seconds);
	if (found && doubtful > BOUND_WIDE * verdict->stall_seconds)
		lower(verdict, VERDICT_NOT_TESTABLE,
		      base__format("%s could not be attributed (events were missed), more than the %s at stake; record again under less load",
				   lost.text, claim.text));
	else if (verdict->kind == VERDICT_CONFIRMED && doubtful > verdict->stall_seconds / 2)
		lower(verdict, VERDICT_CONTRIBUTING,
		      base__format("%s could not be attributed (events were missed), too much beside the %s at stake", lost.text, claim.text));
	else if (verdict->kind == VERDICT_RULED_OUT && doubtful > threshold__value(THRESHOLD_GAPS) * ledger->window_seconds)
		lower(verdict, VERDICT_NOT_TESTABLE,
		      base__format("%s could not be attributed (events were missed); record again under less load", lost.text));
	else if (verdict->kind == VERDICT_CONFIRMED && imbalance)
		lower(verdict, VERDICT_CONTRIBUTING, base__format("the books do not balance: %s", imbalance));
}

// Lock waits that found no place in the kernel's tables, as if each had been as long as those that did.
static double doubtful_lock_seconds(const struct ledger *ledger)
{
	static const char *const losses[] = { "lock_states_lost", "lock_rows_lost" };
	const struct ledger_locks *locks = &ledger->locks;
	double lost = 0, waits = (double)locks->address_space.waits_seen + (double)locks->other.waits_seen;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		lost += (double)recording__counter(ledger->recording, losses[i]);
	if (lost <= 0 || lost < threshold__value(THRESHOLD_LOCK_LOST) * (waits + lost))
		return 0;
	double seconds = locks->address_space.wait_seconds + locks->other.wait_seconds;
	return waits > 0 ? lost * seconds / waits : ledger->window_seconds;
}

static void judge_all(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	double doubtful[ACCOUNTS] = { [ACCOUNT_CPU] = doubtful_seconds(diagnosis), [ACCOUNT_LOCKS] = doubtful_lock_seconds(ledger) };
	for (size_t i = 0; i < cause_table_count; i++) {
		struct verdict *verdict = &diagnosis->verdicts[i];
		verdict->cause = cause_table[i];
		verdict->counted_by_pressure = cause_table[i]->counted_by_pressure;
		if (!cause_table[i]->judge) {
			verdict__set_summary(verdict, "%s", cause_table[i]->needs);
			continue;
		}
		if (!(ledger->window_seconds > 0) || !ledger->recording->cpu_count) {
			verdict__set_summary(verdict, "the recording holds no scheduler account of any length");
			continue;
		}
		cause_table[i]->judge(diagnosis->scene, verdict);
		enum account account = cause_table[i]->account;
		// The pressure files know nothing of locks: their balance says nothing about them.
		bound_by_loss(ledger, doubtful[account], account == ACCOUNT_CPU ? headline__imbalance(diagnosis) : NULL, verdict);
		if (verdict->kind <= VERDICT_RULED_OUT)
			verdict__drop_parties(verdict);
	}
}

// Whether this version judges the cause, and the recording has what it needs: what it lacks as a whole is said, but makes
// nothing else doubtful.
static bool is_judgeable(const struct verdict *verdict)
{
	return verdict->cause->judge && !verdict->absent;
}

static void sum_up(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	bool found = false;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		found = found || diagnosis->verdicts[i].kind >= VERDICT_CONTRIBUTING;
		diagnosis->confirmed = diagnosis->confirmed || diagnosis->verdicts[i].kind == VERDICT_CONFIRMED;
	}
	static const char *const resources[] = { "memory", "io" };
	bool other = false;
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct ledger_pressure *row = pressure__system(ledger, resources[i]);
		bool any;
		pressure__found_seconds(diagnosis, resources[i], &any);
		double seconds = row ? row->counted_seconds - pressure__idle_seconds(ledger, resources[i]) : 0;
		if (!any && seconds >= threshold__value(THRESHOLD_OTHER_PRESSURE) * ledger->window_seconds) {
			diagnosis->unattributed_seconds[i] = seconds;
			other = true;
		}
	}
	bool unexplained = diagnosis->unexplained_seconds >= threshold__value(THRESHOLD_WALL_CONFIRMED) * ledger->window_seconds;
	bool judged = ledger->window_seconds > 0 && ledger->recording->cpu_count;
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		if (is_judgeable(&diagnosis->verdicts[i]) && diagnosis->verdicts[i].kind == VERDICT_NOT_TESTABLE)
			judged = false;
	diagnosis->healthy = judged && !found && !other && !unexplained;
}

int diagnosis__make(const struct ledger *ledger, struct diagnosis **ret_diagnosis)
{
	struct diagnosis *diagnosis = base__alloc(1, sizeof(*diagnosis));
	diagnosis->ledger = ledger;
	diagnosis->scene = scene__new(ledger);
	if (ledger->cpu_some->booked && ledger->cpu_some->counted_seconds > 0)
		diagnosis->unexplained_seconds = fmax(0, 1 - ledger->cpu_some->explained) * ledger->cpu_some->counted_seconds;
	diagnosis->verdict_count = cause_table_count;
	diagnosis->verdicts = base__alloc(cause_table_count, sizeof(struct verdict));
	judge_all(diagnosis);
	effects__place(diagnosis, effect_table, effect_table_count);
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		if (diagnosis->verdicts[i].kind >= VERDICT_CONTRIBUTING)
			remedies__offer(ledger, &diagnosis->verdicts[i]);
	sum_up(diagnosis);
	headline__write(diagnosis);
	*ret_diagnosis = diagnosis;
	return 0;
}

void diagnosis__free(struct diagnosis *diagnosis)
{
	if (!diagnosis)
		return;
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		verdict__free(&diagnosis->verdicts[i]);
	for (size_t i = 0; i < diagnosis->caution_count; i++)
		free(diagnosis->cautions[i]);
	free(diagnosis->cautions);
	free(diagnosis->verdicts);
	free(diagnosis->headline);
	scene__free(diagnosis->scene);
	free(diagnosis);
}
