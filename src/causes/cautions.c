// The sentences without which the headline would mislead, weightiest first.
#include "causes/accounts.h"
#include "causes/headline.h"
#include "ledger/thresholds.h"
#include "causes/wording.h"
#include "redact/redact.h"

#include <string.h>

const char *headline__imbalance(const struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	const struct ledger_pressure *cpu = ledger->cpu_some;
	double little = threshold__value(THRESHOLD_WALL_CONTRIBUTING) * ledger->window_seconds;
	double booked = cpu->victims_seconds > cpu->culprits_seconds ? cpu->victims_seconds : cpu->culprits_seconds;
	if (ledger->balanced)
		return NULL;
	if (cpu->booked && diagnosis->unexplained_seconds < little && booked < cpu->counted_seconds + little)
		return NULL;
	return ledger->imbalance ? ledger->imbalance : "the reason is unknown";
}

static void add_caution(struct diagnosis *diagnosis, char *sentence)
{
	size_t capacity = diagnosis->caution_count;
	diagnosis->cautions = base__grow(diagnosis->cautions, &capacity, diagnosis->caution_count + 1, sizeof(char *));
	diagnosis->cautions[diagnosis->caution_count++] = sentence;
}

// Whoever looks at pressure graphs would take the lock, or the commit, for what they show.
static void add_uncounted_caution(struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	double asleep = 0;
	bool locks = false;
	for (size_t i = 0; i < count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[order[i]];
		enum account account = verdict->cause->account;
		if (verdict->under || verdict->counted_by_pressure != PRESSURE_NONE ||
		    (account != ACCOUNT_LOCKS && account != ACCOUNT_SLEEPS && account != ACCOUNT_IO))
			continue;
		asleep += verdict->stall_seconds;
		locks = locks || account != ACCOUNT_IO;
	}
	if (asleep <= 0)
		return;
	cleanup_string struct string other = { 0 };
	for (size_t j = 0; j < PRESSURES_JUDGED; j++) {
		const struct verdict *counted = NULL;
		double share = pressure__share(diagnosis->ledger, pressures_judged[j]);
		for (size_t i = 0; i < count && !counted; i++)
			if (!diagnosis->verdicts[order[i]].under && diagnosis->verdicts[order[i]].counted_by_pressure == pressures_judged[j])
				counted = &diagnosis->verdicts[order[i]];
		if (counted)
			string__add(&other, " The %s pressure of %s has another cause: %s.", pressure__name(pressures_judged[j]), wording__percent(share).text,
				    counted->cause->id);
		else if (!j && share >= threshold__value(THRESHOLD_WALL_CONTRIBUTING))
			string__add(&other, " The CPU pressure of %s is other waiting: of tasks that are awake and want a CPU.",
				    wording__percent(share).text);
	}
	add_caution(diagnosis, base__format("%s: counted by no pressure figure (%s in all).%s", locks ? "Asleep on a lock" : "Asleep in a commit",
					    wording__seconds(asleep).text, other.text ? other.text : ""));
}

// Pressure that is none: an idle waiter is counted.
static void add_idle_caution(struct diagnosis *diagnosis)
{
	const struct ledger *ledger = diagnosis->ledger;
	double seconds = pressure__idle_seconds(ledger, PRESSURE_IO);

	if (seconds >= threshold__value(THRESHOLD_WALL_CONTRIBUTING) * ledger->window_seconds)
		add_caution(diagnosis, base__format("Of the I/O pressure of %s, %s is that of io_uring waiters to whom nothing is owed: the kernel counts "
						    "them, nobody stalls there.", wording__percent(pressure__share(ledger, PRESSURE_IO)).text,
						    wording__percent(seconds / ledger->window_seconds).text));
}

// Causes of an account that should have been judged and were not; by name where others of them could be. What this machine or recording
// lacks as a whole is said below the headline.
static void add_unjudged_caution(struct diagnosis *diagnosis, enum account account)
{
	static const char *const names[ACCOUNTS] = {
		[ACCOUNT_CPU] = "CPU causes", [ACCOUNT_LOCKS] = "Kernel locks", [ACCOUNT_SLEEPS] = "Locks of the programs themselves",
		[ACCOUNT_MEMORY] = "Memory causes", [ACCOUNT_IO] = "I/O causes", [ACCOUNT_INTERRUPTS] = "Interrupts",
		[ACCOUNT_HOST] = "The machine underneath",
	};
	const struct verdict *first = NULL;
	cleanup_string struct string ids = { 0 };
	bool all = true;

	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (!verdict->cause->judge || verdict->cause->account != account)
			continue;
		if (verdict->kind == VERDICT_NOT_TESTABLE && verdict->absent)
			continue;
		if (verdict->kind != VERDICT_NOT_TESTABLE) {
			all = false;
			continue;
		}
		first = first ? first : verdict;
		string__add(&ids, "%s%s", ids.length ? ", " : "", verdict->cause->id);
	}
	if (first)
		add_caution(diagnosis, base__format("%s could not be judged: %s.", all ? names[account] : ids.text, first->summary));
}

// Pressure of memory or I/O of which no cause was found: what the books know of it.
static void add_unattributed_caution(struct diagnosis *diagnosis, size_t number)
{
	const enum pressure_resource *resources = pressures_judged;
	const struct ledger *ledger = diagnosis->ledger;
	const struct ledger_pressure *row = pressure__system(ledger, resources[number]);
	double seconds = diagnosis->unattributed_seconds[number], share;
	cleanup_free char *waiter = pressure__main_waiter(ledger, resources[number], &share);
	struct text_figure all = wording__seconds(seconds), part = wording__percent(seconds / ledger->window_seconds);

	if (seconds <= 0)
		return;
	if (!row || !row->booked)
		add_caution(diagnosis, base__format("The kernel counted %s of %s pressure (%s of the window), which this recording cannot attribute.",
						    all.text, pressure__name(resources[number]), part.text));
	else if (waiter)
		add_caution(diagnosis, base__format("No cause was found for %s of the %s pressure (%s of the window); %s of all its waiting was that of %s.",
						    all.text, pressure__name(resources[number]), part.text, wording__percent(share).text, waiter));
	else
		add_caution(diagnosis, base__format("No cause was found for %s of the %s pressure (%s of the window).", all.text,
						    pressure__name(resources[number]), part.text));
}

// Figures that are too small, because more was counted than a recording holds.
static void add_cut_caution(struct diagnosis *diagnosis, const struct recording *recording)
{
	const char *columns = recording__meta(recording, "sums_cut");
	int64_t rows = recording__counter(recording, "rows_cut");
	if (recording__counter(recording, "sums_cut") > 0)
		add_caution(diagnosis, base__format("More was counted than a recording holds, so the figures of these columns are too small: %s.",
						    columns && *columns ? columns : "unknown"));
	if (rows > 0)
		add_caution(diagnosis, base__format("%lld rows were left out of the recording, which was too large: what they say is in no figure.",
						    (long long)rows));
}

static void name_threads(const struct starved_threads *starved, struct string *out)
{
	size_t shown = starved->count > 3 ? 3 : starved->count;
	for (size_t i = 0; i < shown; i++)
		string__add(out, "%s%s %s%s", !i ? "" : i + 1 == starved->count ? " and " : ", ", starved->threads[i].process->name,
			    wording__seconds(starved->threads[i].longest_seconds).text, !i ? " at a time" : "");
	if (starved->count > shown)
		string__add(out, " (and %zu more)", starved->count - shown);
}

// A finding of its own: what these threads do for everybody is late by as much.
static void add_starved_caution(struct diagnosis *diagnosis)
{
	static const char *const works[STARVED_WORKS] = {
		[STARVED_RCU] = "RCU's grace periods (freeing memory, closing and attaching things)",
		[STARVED_WORK_ITEMS] = "work items (the kernel's pressure figures, writeback, timers of drivers)",
		[STARVED_SOFTIRQS] = "softirqs that were put off (packets, timers)", [STARVED_RECLAIM] = "background reclaim",
	};
	const struct starved_threads *starved = &diagnosis->ledger->starved;
	struct starved_behind most = starved__most(starved);
	cleanup_string struct string names = { 0 }, follows = { 0 };
	if (!starved->count)
		return;
	name_threads(starved, &names);
	for (enum starved_work work = 0; work < STARVED_WORKS; work++)
		for (size_t i = 0; works[work] && i < starved->count; i++)
			if (starved->threads[i].work == work) {
				string__add(&follows, "%s%s", follows.length ? ", " : " Late by as much: ", works[work]);
				break;
			}
	add_caution(diagnosis, base__format("Kernel threads starve: %s wait for a CPU%s%s%s.%s%s", names.text, most.name ? ", mostly behind " : "",
					    most.name ? most.name : "", most.name && most.realtime ? " (realtime)" : "",
					    follows.text ? follows.text : "", follows.text ? "." : ""));
}

void headline__write_cautions(struct diagnosis *diagnosis, const size_t *order, size_t count)
{
	bool found = count > 0;
	const struct ledger *ledger = diagnosis->ledger;
	const struct recording *recording = ledger->recording;
	char *redacted = redact__sentence(recording);
	if (redacted)
		add_caution(diagnosis, redacted);
	char *late = headline__lateness(recording, ledger->window_seconds);
	if (late)
		add_caution(diagnosis, late);
	if (!recording__meta_number(recording, "complete", 0))
		add_caution(diagnosis, base__format("The recording was cut short: it holds %s of the %s asked for, and its last moments may be missing.",
						    wording__seconds(ledger->window_seconds).text,
						    wording__seconds((double)recording__meta_number(recording, "requested_ns", 0) / NS_PER_SEC).text));
	const char *lines = recording__meta(recording, "command_lines");
	if (lines && !strcmp(lines, "left out"))
		add_caution(diagnosis, base__copy("Command lines were left out of the recording (--no-command-lines): scripts are known by their interpreter only."));
	add_cut_caution(diagnosis, recording);
	add_starved_caution(diagnosis);
	add_uncounted_caution(diagnosis, order, count);
	add_idle_caution(diagnosis);
	if (ledger->kernel_loss)
		add_caution(diagnosis, base__format("The kernel's figure of CPU pressure lost time, so its CPUs' counters stand in: %s.", ledger->kernel_loss));
	if (headline__imbalance(diagnosis))
		add_caution(diagnosis, base__format("The books do not balance: %s.%s", headline__imbalance(diagnosis),
						    !found ? "" : ledger->incomplete ? " What is missing bounds the shares." : " Verdicts are lowered by a step."));
	add_unjudged_caution(diagnosis, ACCOUNT_CPU);
	for (enum account account = ACCOUNT_CPU + 1; account < ACCOUNTS && recording->cpu_count; account++)
		add_unjudged_caution(diagnosis, account);
	for (size_t i = 0; i < ARRAY_SIZE(diagnosis->unattributed_seconds); i++)
		add_unattributed_caution(diagnosis, i);
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

