#include "ledger/kernel_total.h"

#include "base/base.h"
#include "ledger/ledger.h"

#include <math.h>

#define NEAR_SHARE 0.01         // of the total: the fold at either end of the window falls on another moment than our reading
#define NEAR_SECONDS 0.001
// Folds of others a second. The kernel's own worker makes one in two seconds; from twice that on somebody else reads the files.
#define READER_RATE 1.0

static bool near(double one, double other)
{
	return fabs(one - other) <= fmax(NEAR_SHARE * fmax(one, other), NEAR_SECONDS);
}

static double reader_rate(const struct ledger *ledger, const struct fold_total *total)
{
	return ledger->window_seconds > 0 ? (double)total->foreign_folds / ledger->window_seconds : 0;
}

static enum total_loss why_short(const struct ledger *ledger, const struct fold_total *total, enum fold_counter counter)
{
	// Only a growth of 2^32 ns or more is cut, and that takes at least as long.
	if (total->wrapped_ns[counter] < total->predicted_ns[counter])
		return TOTAL_WRAPPED;
	return reader_rate(ledger, total) >= READER_RATE ? TOTAL_READ : TOTAL_UNKNOWN;
}

void kernel_total__judge(const struct ledger *ledger, const struct fold_total *total, struct ledger_pressure *row)
{
	enum fold_counter counter = fold_counter__find(row->resource, row->kind);
	double kernel = row->kernel_seconds, metered = row->predicted_seconds;
	row->counted_seconds = kernel;
	row->loss = TOTAL_WHOLE;
	if (!row->booked || !total || counter == FOLD_COUNTERS || ledger->by_events || metered <= kernel || near(kernel, metered))
		return;
	row->loss = why_short(ledger, total, counter);
	row->counted_seconds = metered;
}

static char *say_wrapped(const struct ledger_pressure *row, const struct fold_total *total, enum fold_counter counter)
{
	double longest = (double)total->longest_ns / NS_PER_SEC, wrapped = total->wrapped_ns[counter] / NS_PER_SEC;
	struct string text = { 0 };
	if (longest > 0)
		string__add(&text, "its counters were not folded for %.1f s", longest);
	else
		string__add(&text, "its counters were folded too late");
	string__add(&text, ", and a fold keeps 32 bits of the difference (4.29 s)");
	if (near(row->kernel_seconds, wrapped))
		string__add(&text, ": this makes exactly the %.3f s", row->kernel_seconds);
	return string__steal(&text);
}

char *kernel_total__say(const struct ledger *ledger, const struct ledger_pressure *row)
{
	const struct fold_total *total = folds__total(&ledger->folds, row->cgroup);
	enum fold_counter counter = fold_counter__find(row->resource, row->kind);
	cleanup_free char *why = NULL;
	if (row->loss == TOTAL_WHOLE || !total)
		return NULL;
	if (row->loss == TOTAL_WRAPPED)
		why = say_wrapped(row, total, counter);
	else if (row->loss == TOTAL_READ)
		why = base__format("other programs read the pressure files (%.1f foreign folds a second were seen, the kernel makes 0.5), and each read "
				   "within a jiffy of the last loses what it finds", reader_rate(ledger, total));
	else
		why = base__copy("no late fold and no other reader of the pressure files was seen");
	return base__format("the kernel's total grew by %.3f s while its own CPU counters make %.3f s: %s", row->kernel_seconds, row->predicted_seconds, why);
}
