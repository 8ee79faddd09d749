#include "causes/state.h"

#include "causes/accounts.h"
#include "causes/weighing.h"
#include "ledger/attribution.h"
#include "ledger/thresholds.h"

#include <math.h>

// Whether this version judges the cause, and the recording has what it needs: what it lacks as a whole is said, but makes
// nothing else doubtful.
static bool is_judgeable(const struct verdict *verdict)
{
	return verdict->cause->judge && !verdict->absent;
}

// What of a resource's pressure no cause was found for, in seconds of the kernel's total: what stands for nobody's waiting left out.
static double unattributed_seconds(const struct diagnosis *diagnosis, enum pressure_resource resource)
{
	const struct ledger_pressure *row = pressure__system(diagnosis->ledger, resource);
	const struct attribution *account = attributions__system(diagnosis->attributions, pressure_resource__name(resource));
	bool any;
	double seconds = row ? row->counted_seconds : 0;
	if (!account)           // without the books the verdicts' own figures have to do
		return seconds - pressure__found_seconds(diagnosis, resource, &any) - pressure__idle_seconds(diagnosis->ledger, resource);
	for (int cause = 0; cause < CAUSE_NONE; cause++)
		seconds -= account->parts[cause].seconds;
	return seconds;
}

static enum diagnosis_state state_of(const struct diagnosis *diagnosis, bool judged)
{
	double pressure = 0, window = diagnosis->ledger->window_seconds, least = threshold__value(THRESHOLD_OTHER_PRESSURE);
	bool some = false, busy = false;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (verdict__is_stall(verdict) && verdict->severity == SEVERITY_SEVERE)
			return STATE_STALLED;
		some = some || verdict__is_stall(verdict);
		busy = busy || verdict__is_busy(verdict);
	}
	if (some)
		return STATE_PARTLY_STALLED;
	for (size_t i = 0; i < PRESSURES_JUDGED; i++)
		pressure = fmax(pressure, pressure__share(diagnosis->ledger, pressures_judged[i]));
	for (size_t i = 0; i < PRESSURES_JUDGED; i++)
		if (diagnosis->unattributed_seconds[i] >= least * window && (!busy || 2 * diagnosis->unattributed_seconds[i] >= pressure * window))
			return STATE_UNEXPLAINED;
	if (busy || (judged && pressure >= least))
		return STATE_BUSY;
	return judged ? STATE_HEALTHY : STATE_UNEXPLAINED;
}

const char *diagnosis_state__name(enum diagnosis_state state)
{
	static const char *const names[] = { [STATE_UNEXPLAINED] = "unexplained", [STATE_HEALTHY] = "healthy", [STATE_BUSY] = "busy",
					     [STATE_PARTLY_STALLED] = "partly_stalled", [STATE_STALLED] = "stalled" };
	return names[state];
}

void diagnosis__sum_up(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	bool judged = ledger->window_seconds > 0 && ledger->recording->cpu_count;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		diagnosis->confirmed = diagnosis->confirmed || verdict->kind == VERDICT_CONFIRMED;
		judged = judged && !(is_judgeable(verdict) && verdict->kind == VERDICT_NOT_TESTABLE);
	}
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		double seconds = unattributed_seconds(diagnosis, pressures_judged[i]);
		if (seconds >= threshold__value(THRESHOLD_OTHER_PRESSURE) * ledger->window_seconds)
			diagnosis->unattributed_seconds[i] = seconds;
	}
	diagnosis->state = state_of(diagnosis, judged);
	diagnosis->healthy = diagnosis->state == STATE_HEALTHY;
}
