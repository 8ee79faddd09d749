#include "causes/weighing.h"

#include "causes/accounts.h"
#include "causes/verdict.h"
#include "ledger/attribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What one can do to oneself: waits for one's own threads, processes, syncs, pages and requests.
static const enum cause_key own_causes[] = { CAUSE_CPU_OVERSUBSCRIPTION, CAUSE_CPU_CHURN, CAUSE_MEMORY_CHURN, CAUSE_IO_DEVICE, CAUSE_IO_FSYNC,
					     CAUSE_IO_DIRTY, CAUSE_KERNEL_SYSCALL };
#define OWN_PART 0.8    // of a victim's waiting: the rest is noise of a machine that others use as well

// Waits that are short each, but that no program makes for itself: what was dropped because of a limit or of scarce memory is read back page by page,
// and the kernel counts that as I/O pressure (its memory pressure is judged by the causes themselves).
static const enum cause_key felt_in_sum[] = { CAUSE_MEMORY_LIMIT, CAUSE_MEMORY_THRASH };

const char *severity__name(enum severity severity)
{
	static const char *const names[] = { [SEVERITY_NONE] = "none", [SEVERITY_SOME] = "some", [SEVERITY_SEVERE] = "severe" };
	return names[severity];
}

bool verdict__is_stall(const struct verdict *verdict)
{
	return verdict->kind >= VERDICT_CONTRIBUTING && verdict->severity > SEVERITY_NONE && !verdict->own;
}

bool verdict__is_busy(const struct verdict *verdict)
{
	return verdict->kind >= VERDICT_CONTRIBUTING && !verdict__is_stall(verdict);
}

static bool is_own_victim(const struct verdict *verdict, const struct party *victim)
{
	if (victim->seconds > 0 && victim->own_seconds / victim->seconds >= OWN_PART)
		return true;
	return verdict->culprit_count == 1 && victim->process && verdict->culprits[0].process == victim->process;
}

static bool is_own(const struct verdict *verdict, enum cause_key key)
{
	bool possible = false;
	for (size_t i = 0; i < ARRAY_SIZE(own_causes); i++)
		possible = possible || own_causes[i] == key;
	for (size_t i = 0; possible && i < verdict->victim_count; i++)
		possible = is_own_victim(verdict, &verdict->victims[i]);
	return possible && verdict->victim_count && verdict->culprit_count;
}

static const struct attribution *largest_row(const struct diagnosis *diagnosis, enum cause_key key)
{
	const struct attribution *largest = NULL;
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		const struct attribution *row = attributions__system(diagnosis->attributions, pressure_resource__name(pressures_judged[i]));
		if (row && row->parts[key].seconds > (largest ? largest->parts[key].seconds : 0))
			largest = row;
	}
	return largest;
}

// Pressure of a resource that stands for somebody's waiting, and not for whystall's own work, as a part of the window.
static double real_pressure(const struct diagnosis *diagnosis, const struct attribution *row)
{
	double window = diagnosis->ledger->window_seconds;
	return window > 0 ? (row->pressure->counted_seconds - row->parts[CAUSE_IDLE].seconds - row->parts[CAUSE_TOOL].seconds) / window : 0;
}

static enum verdict_kind kind_by_share(const struct diagnosis *diagnosis, const struct attribution *row, const struct cause_part *part)
{
	double window = diagnosis->ledger->window_seconds, wall = row->pressure->counted_seconds / window;
	if (real_pressure(diagnosis, row) < threshold__value(THRESHOLD_OTHER_PRESSURE))
		return VERDICT_RULED_OUT;
	if (part->low * wall >= threshold__value(THRESHOLD_WALL_CONFIRMED) && part->low >= threshold__value(THRESHOLD_SHARE_CONFIRMED))
		return VERDICT_CONFIRMED;
	if (part->share * wall >= threshold__value(THRESHOLD_WALL_CONTRIBUTING) && part->share >= threshold__value(THRESHOLD_SHARE_CONTRIBUTING))
		return VERDICT_CONTRIBUTING;
	return VERDICT_RULED_OUT;
}

static enum severity severity_in_sum(const struct verdict *verdict, double window_seconds)
{
	enum severity worst = SEVERITY_NONE;
	bool felt = false, io = !strcmp(verdict->share.resource, "io");
	for (size_t i = 0; i < ARRAY_SIZE(felt_in_sum); i++)
		felt = felt || (io && felt_in_sum[i] == cause_key__of(verdict->cause->id));
	for (size_t i = 0; felt && i < verdict->victim_count; i++) {
		const struct party *victim = &verdict->victims[i];
		if (isnan(victim->loss) || victim->seconds < threshold__value(THRESHOLD_IO_LOST_LEAST) * window_seconds)
			continue;
		if (victim->loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED) && verdict->kind == VERDICT_CONFIRMED)
			worst = SEVERITY_SEVERE;
		else if (victim->loss >= threshold__value(THRESHOLD_IO_LOSS_CONTRIBUTING) && worst < SEVERITY_SOME)
			worst = SEVERITY_SOME;
	}
	return worst;
}

static void find_by_share(const struct diagnosis *diagnosis, const struct attribution *row, enum verdict_kind kind, struct verdict *verdict)
{
	// A doubt about its being ruled out is none about the share, which has its own bounds.
	free(verdict->doubt);
	verdict->doubt = NULL;
	verdict->kind = kind;
	verdict->wall_seconds = verdict->share.seconds;
	verdict->counted_by_pressure = pressure_resource__from_name(verdict->share.resource, PRESSURE_NONE);
	busy__describe(diagnosis, row, verdict);
	verdict->severity = severity_in_sum(verdict, diagnosis->ledger->window_seconds);
	if (verdict->cause->judge_busy)
		verdict->cause->judge_busy(diagnosis->scene, row, verdict);
	if (!verdict->check_count)
		verdict__add_check(verdict, "the total (us) of the line \"some\" grows by the pressure that this report tells", "cat /proc/pressure/%s; sleep 1; cat /proc/pressure/%s",
				   verdict->share.resource, verdict->share.resource);
}

static const struct crowd *crowd_of(const struct diagnosis *diagnosis, const struct party *party)
{
	const struct ledger_process *process = party->process ? ledger__process(diagnosis->ledger, party->process) : NULL;
	return process ? &diagnosis->scene->crowds[diagnosis->scene->crowd_of[process - diagnosis->ledger->processes]] : NULL;
}

// kworkers that lose a CPU for moments: no program is seen to lose by it. (Where one waits for seconds, that is told.)
static bool is_unfelt(const struct diagnosis *diagnosis, const struct verdict *verdict)
{
	if (verdict->cause->account != ACCOUNT_CPU && verdict->cause->account != ACCOUNT_INTERRUPTS)
		return verdict->unfelt;
	for (size_t i = 0; i < verdict->victim_count; i++) {
		const struct crowd *crowd = crowd_of(diagnosis, &verdict->victims[i]);
		if (!crowd || !crowd__is_put_off_work(crowd) || (double)crowd->wait_max_ns >= threshold__value(THRESHOLD_THREAD_STARVED) * NS_PER_SEC)
			return false;
	}
	return verdict->victim_count > 0;
}

static void weigh(const struct diagnosis *diagnosis, struct verdict *verdict)
{
	enum cause_key key = cause_key__of(verdict->cause->id);
	const struct attribution *row = key == CAUSE_NONE ? NULL : largest_row(diagnosis, key);
	verdict->unfelt = is_unfelt(diagnosis, verdict);
	verdict->severity = verdict->unfelt ? SEVERITY_NONE : verdict->kind == VERDICT_CONFIRMED ? SEVERITY_SEVERE : verdict->kind == VERDICT_CONTRIBUTING ? SEVERITY_SOME : SEVERITY_NONE;
	verdict->own = verdict->kind >= VERDICT_CONTRIBUTING && is_own(verdict, key);
	if (!row)
		return;
	const struct cause_part *part = &row->parts[key];
	verdict->share = (struct verdict_share){ row->pressure->resource, part->seconds, part->share, part->low, part->high };
	enum verdict_kind kind = kind_by_share(diagnosis, row, part);
	if (verdict->kind == VERDICT_RULED_OUT && kind > VERDICT_RULED_OUT)
		find_by_share(diagnosis, row, kind, verdict);
	else if (verdict->kind == VERDICT_CONTRIBUTING && kind > verdict->kind && !verdict->under && !verdict->doubt)
		verdict->kind = kind;
}

static struct verdict *verdict_of(const struct diagnosis *diagnosis, enum cause_key key)
{
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		if (!strcmp(diagnosis->verdicts[i].cause->id, cause_key__id(key)))
			return &diagnosis->verdicts[i];
	return NULL;
}

// Pressure that is made of many small shares has a name all the same: its largest cause.
static void name_largest(const struct diagnosis *diagnosis, const struct attribution *row)
{
	struct verdict *largest = NULL;
	double seconds = 0;
	if (real_pressure(diagnosis, row) < threshold__value(THRESHOLD_OTHER_PRESSURE))
		return;
	for (enum cause_key key = 0; key < CAUSE_TOOL; key++) {
		struct verdict *verdict = row->parts[key].seconds > 0 ? verdict_of(diagnosis, key) : NULL;
		if (verdict && verdict->kind >= VERDICT_CONTRIBUTING)
			return;
		if (verdict && verdict->kind == VERDICT_RULED_OUT && row->parts[key].seconds > seconds) {
			largest = verdict;
			seconds = row->parts[key].seconds;
		}
	}
	if (!largest || seconds < threshold__value(THRESHOLD_SHARE_CONTRIBUTING) * row->pressure->counted_seconds)
		return;
	const struct cause_part *part = &row->parts[cause_key__of(largest->cause->id)];
	largest->share = (struct verdict_share){ row->pressure->resource, part->seconds, part->share, part->low, part->high };
	find_by_share(diagnosis, row, VERDICT_CONTRIBUTING, largest);
}

// A program if there is one: what a kworker that wants little would still lose says nothing to anybody.
static size_t who_gains(const struct diagnosis *diagnosis, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->victim_count; i++) {
		const struct crowd *crowd = crowd_of(diagnosis, &verdict->victims[i]);
		if (!crowd || !crowd__is_put_off_work(crowd))
			return i;
	}
	return 0;
}

// By the victim's own waits; only of those the books know how much it waited in all.
static void set_gain(const struct diagnosis *diagnosis, struct verdict *verdict)
{
	size_t number = who_gains(diagnosis, verdict);
	const struct party *victim = verdict->victim_count ? &verdict->victims[number] : NULL;
	const struct crowd *crowd = victim ? crowd_of(diagnosis, victim) : NULL;
	verdict->gain = (struct verdict_gain){ NAN, NAN, number };
	if (verdict->kind < VERDICT_CONTRIBUTING || !crowd || verdict->cause->account != ACCOUNT_CPU || verdict->counted_by_pressure != PRESSURE_CPU)
		return;
	double run = (double)crowd->run_ns, wait = (double)crowd->wait_ns, part = fmin(wait, victim->seconds * NS_PER_SEC);
	if (run + wait <= 0 || run + wait - part <= 0)
		return;
	verdict->gain = (struct verdict_gain){ wait / (run + wait), (wait - part) / (run + wait - part), number };
}

void weighing__apply(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		weigh(diagnosis, &diagnosis->verdicts[i]);
	for (size_t i = 0; i < PRESSURES_JUDGED; i++) {
		const struct attribution *row = attributions__system(diagnosis->attributions, pressure_resource__name(pressures_judged[i]));
		if (row)
			name_largest(diagnosis, row);
	}
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		set_gain(diagnosis, &diagnosis->verdicts[i]);
}
