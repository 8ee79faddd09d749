// The engine: judges every cause, holds the verdicts against what was lost, and sets effects under their causes.
#include "causes/judged.h"
#include "causes/accounts.h"
#include "causes/effects.h"
#include "causes/headline.h"
#include "causes/loss_bounds.h"
#include "causes/wording.h"
#include "remedies/remedy.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void judge_all(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
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
		struct account_loss loss = loss__of(diagnosis, account);
		loss__bound(ledger, &loss, verdict);
		// What is merely missing bounds the shares. And the pressure files know nothing of locks: their balance says nothing about them.
		if (account == ACCOUNT_CPU && !ledger->incomplete)
			loss__distrust(verdict, headline__imbalance(diagnosis));
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
