// The engine: judges every cause, holds the verdicts against what was lost, and sets effects under their causes.
#include "causes/judged.h"
#include "causes/accounts.h"
#include "causes/effects.h"
#include "causes/headline.h"
#include "causes/loss_bounds.h"
#include "causes/state.h"
#include "causes/weighing.h"
#include "causes/wording.h"
#include "ledger/attribution.h"

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
	diagnosis->attributions = attributions__make(ledger, diagnosis->scene);
	weighing__apply(diagnosis);
	diagnosis__sum_up(diagnosis);
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
	attributions__free(diagnosis->attributions);
	scene__free(diagnosis->scene);
	free(diagnosis);
}
