#include "ledger/balance.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

#define EXPLAINED_MIN 0.95      // below, a verdict could rest on what is not known
#define OVERBOOKED_MAX 1.05     // above, something is booked twice
#define LITTLE_SHARE 0.001      // of the window: an idle machine's wake-ups make about as much
#define LITTLE_SECONDS 0.001    // total= is read at slightly another moment than the meter

static double smaller(double left, double right)
{
	return left < right ? left : right;
}

static double larger(double left, double right)
{
	return left > right ? left : right;
}

void balance__explain(struct ledger_pressure *pressure)
{
	double kernel = pressure->kernel_seconds, predicted = pressure->predicted_seconds;
	double victims = pressure->victims_seconds, culprits = pressure->culprits_seconds;
	pressure->exact_folds = fabs(predicted - kernel) < larger(0.01 * kernel, 0.001);
	double whole = larger(kernel, predicted);
	pressure->explained = whole > 0 ? larger(0, smaller(victims + culprits - predicted, smaller(victims, culprits))) / whole : 1;
}

static int64_t gap_count(const struct recording *recording)
{
	int64_t gaps = 0;
	for (size_t i = 0; i < recording->cpu_count; i++)
		gaps += recording->cpu[i].gaps;
	return gaps;
}

// The largest of the three reasons for which less than the whole is explained.
static char *say_what_is_missing(const struct ledger *ledger)
{
	const struct ledger_pressure *row = ledger->cpu_some;
	double unseen = row->counted_seconds - row->predicted_seconds;
	double no_victim = row->predicted_seconds - row->victims_seconds;
	double no_culprit = row->predicted_seconds - row->culprits_seconds;
	struct string text = { 0 };
	string__add(&text, "only %.1f %% of the kernel's CPU pressure has both a named victim and a named occupant: ",
		    100 * row->explained);
	if (unseen >= no_victim && unseen >= no_culprit)
		string__add(&text, ledger->by_events ? "%.3f s of it were not seen by the event model that stands in for the kernel's counters (a "
						       "quota's throttling, very short waits)" : "%.3f s of it never passed through the meter", unseen);
	else if (no_victim >= no_culprit)
		string__add(&text, "%.3f s have no victim", no_victim);
	else
		string__add(&text, "%.3f s have no occupant", no_culprit);
	int64_t gaps = gap_count(ledger->recording);
	if (gaps)
		string__add(&text, " (events were missing in %lld places)", (long long)gaps);
	return string__steal(&text);
}

// Sets `incomplete` where a part is missing and nothing contradicts.
static char *say_imbalance(struct ledger *ledger, double little)
{
	const struct ledger_pressure *row = ledger->cpu_some;
	double kernel = row->kernel_seconds, counted = row->counted_seconds;
	double most = larger(row->victims_seconds, row->culprits_seconds);
	bool missing = row < ledger->pressures || row >= ledger->pressures + ledger->pressure_count;
	if (missing && recording__meta_number(ledger->recording, "complete", 1) == 0)
		return base__copy("the recording was cut short before the kernel's CPU pressure was read for the last time, "
				  "so the books cannot be compared with it");
	if (missing)
		return base__copy("the kernel gives no CPU pressure figure (PSI is missing or switched off), "
				  "so the books cannot be compared with it");
	if (!row->booked)
		return base__copy("the kernel's CPU pressure was read, but not the counters of its CPUs, "
				  "so the books cannot be compared with it");
	if (ledger->by_events && kernel * OVERBOOKED_MAX + little < row->predicted_seconds)
		return base__format("the event model that stands in for the kernel's counters makes %.3f s of what the kernel counts as %.3f s",
				    row->predicted_seconds, kernel);
	if (row->loss == TOTAL_UNKNOWN && kernel + little < row->predicted_seconds * EXPLAINED_MIN)
		return kernel_total__say(ledger, row);
	if (most > counted * OVERBOOKED_MAX + little)
		return base__format("%.3f s are booked to %s, more than the %.3f s of the kernel: something is booked twice", most,
				    row->victims_seconds >= row->culprits_seconds ? "victims" : "occupants", counted);
	if (counted < little || row->explained >= EXPLAINED_MIN)
		return NULL;
	ledger->incomplete = true;
	return say_what_is_missing(ledger);
}

void balance__judge(struct ledger *ledger)
{
	double little = larger(LITTLE_SHARE * ledger->window_seconds, LITTLE_SECONDS);
	ledger->imbalance = say_imbalance(ledger, little);
	ledger->balanced = !ledger->imbalance;
	bool much = ledger->cpu_some->counted_seconds > ledger->cpu_some->kernel_seconds + little;
	ledger->kernel_loss = much && ledger->cpu_some->loss != TOTAL_UNKNOWN ? kernel_total__say(ledger, ledger->cpu_some) : NULL;
}
