#include "causes/loss_bounds.h"

#include "causes/verdict.h"
#include "causes/wording.h"

#include <math.h>

// What was booked stays evidence even where as much again is unknown; beyond twice the claim it decides nothing by itself.
#define BOUND_WIDE 2

// How wrong a figure may be, in task-seconds (book B). With the meter, the kernel itself says how much pressure fell into
// the time of missed events: only what it counted and the books do not name is in doubt, however long the gap was.
// Without it, everything within a gap is.
static struct account_loss cpu_loss(const struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	double ns = (double)ledger->unknown_ns + (ledger->by_events ? (double)ledger->gap_ns : 0), pressure_ns = 0;
	for (size_t i = 0; i < ledger->process_count; i++)
		pressure_ns += (double)ledger->processes[i].wait_pressure_ns;
	// A second of pressure stands for as many task-seconds as there were waiters at a time.
	double waiters = pressure_ns > 0 ? fmax(1, (double)ledger->wait_ns / pressure_ns) : 1;
	double unexplained = diagnosis->unexplained_seconds / (ledger->fold_scale > 0 ? ledger->fold_scale : 1);
	double booked = fmax(0, (double)ledger->wait_ns - (double)ledger->unknown_ns) / NS_PER_SEC;
	return (struct account_loss){ ns / NS_PER_SEC + unexplained * waiters, booked };
}

// Lock waits that found no place in the kernel's tables, as if each had been as long as those that did.
static struct account_loss lock_loss(const struct ledger *ledger)
{
	static const char *const losses[] = { "lock_states_lost", "lock_rows_lost" };
	const struct ledger_locks *locks = &ledger->locks;
	double lost = 0, waits = (double)locks->address_space.waits_seen + (double)locks->other.waits_seen;
	double seconds = locks->address_space.wait_seconds + locks->other.wait_seconds;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		lost += (double)recording__counter(ledger->recording, losses[i]);
	if (lost <= 0 || lost < threshold__value(THRESHOLD_LOCK_LOST) * (waits + lost))
		return (struct account_loss){ 0, seconds };
	return (struct account_loss){ waits > 0 ? lost * seconds / waits : ledger->window_seconds, seconds };
}

struct account_loss loss__of(const struct diagnosis *diagnosis, enum account account)
{
	if (account == ACCOUNT_CPU)
		return cpu_loss(diagnosis);
	return account == ACCOUNT_LOCKS ? lock_loss(diagnosis->ledger) : (struct account_loss){ 0, 0 };
}

static void lower(struct verdict *verdict, enum verdict_kind kind, char *doubt)
{
	verdict->kind = kind;
	free(verdict->doubt);
	verdict->doubt = doubt;
	if (kind == VERDICT_NOT_TESTABLE)
		verdict__set_summary(verdict, "%s", doubt);
}

static void set_bounds(struct verdict *verdict, double doubtful)
{
	double claim = verdict->stall_seconds, wall_of = claim > 0 ? verdict->wall_seconds / claim : 0;
	verdict->stall_low = fmax(0, claim - doubtful);
	verdict->stall_high = claim + doubtful;
	verdict->wall_low = verdict->stall_low * wall_of;
	verdict->wall_high = claim > 0 ? verdict->stall_high * wall_of : verdict->wall_seconds + doubtful;
}

static bool stays_confirmed(const struct ledger *ledger, const struct verdict *verdict)
{
	enum threshold threshold = verdict->cause->account == ACCOUNT_LOCKS ? THRESHOLD_LOCK_WALL_CONFIRMED : THRESHOLD_WALL_CONFIRMED;
	return verdict->stall_low >= verdict->stall_seconds / 2 ||
	       verdict->wall_low >= threshold__value(threshold) * ledger->window_seconds;
}

static void bound_found(const struct ledger *ledger, const struct account_loss *loss, struct verdict *verdict)
{
	double doubtful = loss->doubtful_seconds;
	struct text_figure lost = wording__seconds(doubtful), claim = wording__seconds(verdict->stall_seconds);
	struct text_figure low = wording__seconds(verdict->stall_low), high = wording__seconds(verdict->stall_high);
	if (doubtful > BOUND_WIDE * verdict->stall_seconds && doubtful > loss->booked_seconds)
		lower(verdict, VERDICT_NOT_TESTABLE,
		      base__format("%s could not be attributed (events were missed), more than the %s at stake; record again under less load",
				   lost.text, claim.text));
	else if (verdict->kind == VERDICT_CONFIRMED && !stays_confirmed(ledger, verdict))
		lower(verdict, VERDICT_CONTRIBUTING,
		      base__format("%s could not be attributed (events were missed): between %s and %s are at stake, %s by what was seen", lost.text,
				   low.text, high.text, claim.text));
	else if (!verdict->doubt && doubtful > threshold__value(THRESHOLD_GAPS) * verdict->stall_seconds)
		lower(verdict, verdict->kind, base__format("%s could not be attributed (events were missed): between %s and %s are at stake", lost.text,
							   low.text, high.text));
}

static void bound_ruled_out(const struct ledger *ledger, const struct account_loss *loss, struct verdict *verdict)
{
	struct text_figure lost = wording__seconds(loss->doubtful_seconds);
	if (loss->doubtful_seconds <= threshold__value(THRESHOLD_GAPS) * ledger->window_seconds)
		return;
	if (loss->doubtful_seconds > loss->booked_seconds)
		lower(verdict, VERDICT_NOT_TESTABLE,
		      base__format("%s could not be attributed (events were missed); record again under less load", lost.text));
	else
		lower(verdict, VERDICT_RULED_OUT,
		      base__format("ruled out for %s of waiting; of the %s that could not be attributed (events were missed) it may be a part",
				   wording__seconds(loss->booked_seconds).text, lost.text));
}

void loss__bound(const struct ledger *ledger, const struct account_loss *loss, struct verdict *verdict)
{
	set_bounds(verdict, loss->doubtful_seconds);
	if (loss->doubtful_seconds <= 0)
		return;
	if (verdict->kind >= VERDICT_CONTRIBUTING)
		bound_found(ledger, loss, verdict);
	else if (verdict->kind == VERDICT_RULED_OUT)
		bound_ruled_out(ledger, loss, verdict);
}

void loss__distrust(struct verdict *verdict, const char *imbalance)
{
	if (verdict->kind == VERDICT_CONFIRMED && imbalance)
		lower(verdict, VERDICT_CONTRIBUTING, base__format("the books do not balance: %s", imbalance));
}
