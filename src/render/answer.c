#include "render/answer.h"
#include "base/base.h"
#include "causes/headline.h"
#include "causes/wording.h"
#include "ledger/attribution.h"

#include <math.h>
#include <string.h>

// How many cgroups of the pressure table are worth a line: the ones behind the pressure are among the largest.
#define CGROUPS_SHOWN 5

static void order_verdicts(struct answer *answer)
{
	size_t order[ANSWER_FOUND];
	answer->found_count = headline__order(answer->diagnosis, order, ARRAY_SIZE(order));
	for (size_t i = 0; i < answer->found_count; i++)
		answer->found[i] = &answer->diagnosis->verdicts[order[i]];
}

static size_t family_length(const char *id)
{
	return strcspn(id, ".");
}

// Whether all causes of this one's family (before the dot), of which there are several, have the same verdict.
static bool is_whole_family(const struct diagnosis *diagnosis, const struct verdict *verdict)
{
	size_t length = family_length(verdict->cause->id), count = 0;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *other = &diagnosis->verdicts[i];
		if (family_length(other->cause->id) != length || strncmp(other->cause->id, verdict->cause->id, length))
			continue;
		if (other->kind != verdict->kind)
			return false;
		count++;
	}
	return count > 1;
}

// One line: a family that is in it as a whole is named once, "io.*".
static char *list_verdicts(const struct diagnosis *diagnosis, enum verdict_kind kind)
{
	struct string out = { 0 };
	const char *before = NULL;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		size_t length = family_length(verdict->cause->id);
		if (verdict->kind != kind)
			continue;
		if (!is_whole_family(diagnosis, verdict)) {
			string__add(&out, "%s%s", out.text ? ", " : "", verdict->cause->id);
			before = NULL;
		} else if (!before || strncmp(before, verdict->cause->id, length + 1)) {
			string__add(&out, "%s%.*s.*", out.text ? ", " : "", (int)length, verdict->cause->id);
			before = verdict->cause->id;
		}
	}
	return out.text;
}

static int compare_pressures(const void *a, const void *b)
{
	const struct ledger_pressure *one = *(const struct ledger_pressure *const *)a, *other = *(const struct ledger_pressure *const *)b;
	if ((one->cgroup != 0) != (other->cgroup != 0))
		return one->cgroup ? 1 : -1;
	if (one->cgroup && one->counted_seconds != other->counted_seconds)
		return one->counted_seconds > other->counted_seconds ? -1 : 1;
	return one < other ? -1 : one > other;
}

static void choose_pressures(struct answer *answer)
{
	const struct ledger *ledger = answer->ledger;
	answer->pressures = base__alloc(ledger->pressure_count + 1, sizeof(*answer->pressures));
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		const struct ledger_pressure *row = &ledger->pressures[i];
		bool shown = row->cgroup ? row->booked && !strcmp(row->kind, "some") && row->counted_seconds >= 0.001 * ledger->window_seconds
					 : row == ledger->cpu_some || row->counted_seconds >= 0.001 * ledger->window_seconds;
		// The root cgroup's files are the system's.
		if (shown && !(row->cgroup && !strcmp(row->scope, "/")))
			answer->pressures[answer->pressure_count++] = row;
	}
	qsort(answer->pressures, answer->pressure_count, sizeof(*answer->pressures), compare_pressures);
	size_t cgroups = 0, kept = 0;
	for (size_t i = 0; i < answer->pressure_count; i++)
		if (!answer->pressures[i]->cgroup || cgroups++ < CGROUPS_SHOWN)
			answer->pressures[kept++] = answer->pressures[i];
	answer->pressure_count = kept;
}

int answer__digits(double seconds)
{
	return seconds >= 99.995 ? 1 : seconds >= 9.9995 ? 2 : 3;
}

char *answer__balance(const struct ledger_pressure *row)
{
	if (!row->booked)
		return base__format("kernel %.*f s · not attributed by this version", answer__digits(row->kernel_seconds), row->kernel_seconds);
	cleanup_free char *lost = row->loss == TOTAL_WHOLE ? NULL
		: base__format(" (lost time; its CPUs' counters make %.*f s)", answer__digits(row->counted_seconds), row->counted_seconds);
	return base__format("kernel %.*f s%s · victims %.*f s · culprits %.*f s · %.1f %% explained", answer__digits(row->kernel_seconds),
			    row->kernel_seconds, lost ? lost : "", answer__digits(row->victims_seconds), row->victims_seconds,
			    answer__digits(row->culprits_seconds), row->culprits_seconds, row->explained * 100);
}

#define CAUSE_LEAST 0.005       // of a row: less is noise

char *answer__causes(const struct answer *answer, const struct ledger_pressure *row)
{
	const struct attribution *account = attributions__of(answer->diagnosis->attributions, row);
	bool written[CAUSE_KEYS] = { false };
	struct string out = { 0 };
	for (int i = 0; account && i < CAUSE_KEYS; i++) {
		int largest = -1;
		for (int cause = 0; cause < CAUSE_KEYS; cause++)
			if (!written[cause] && account->parts[cause].share >= CAUSE_LEAST &&
			    (largest < 0 || account->parts[cause].share > account->parts[largest].share))
				largest = cause;
		if (largest < 0)
			break;
		written[largest] = true;
		string__add(&out, "%s%s %s", out.text ? ", " : "", cause_key__id((enum cause_key)largest), wording__percent(account->parts[largest].share).text);
	}
	return out.text;
}

static char *origin(const struct answer *answer)
{
	const struct recording *recording = answer->recording;
	const char *start = recording__meta(recording, "start_time"), *kernel = recording__meta(recording, "kernel");
	const char *virtualization = recording__meta(recording, "virtualization"), *command = recording__meta(recording, "command");
	// The nanoseconds of the start belong in the JSON report; a person reads the second.
	return base__format("Recorded %.*s, %s long, on Linux %s, %d CPU%s%s%s%s%s.", start ? (int)strcspn(start, ".") : 0, start ? start : "",
			    wording__seconds(answer->ledger->window_seconds).text, kernel ? kernel : "(unknown)", answer->ledger->cpus,
			    answer->ledger->cpus == 1 ? "" : "s", virtualization && strcmp(virtualization, "none") ? ", virtual machine " : "",
			    virtualization && strcmp(virtualization, "none") ? virtualization : "", command && *command ? ", during: " : "",
			    command ? command : "");
}

static double meta_seconds(const struct recording *recording, const char *key)
{
	int64_t ns = recording__meta_number(recording, key, -1);
	return ns < 0 ? NAN : (double)ns / NS_PER_SEC;
}

static void assess_quality(struct answer *answer)
{
	const struct recording *recording = answer->recording;
	struct answer_quality *quality = &answer->quality;
	static const char *const losses[] = { "switches_missed", "records_lost", "pairs_lost", "tasks_lost", "lock_states_lost", "lock_rows_lost" };
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		quality->events_lost += recording__counter(recording, losses[i]);
	quality->gaps_healed = answer->ledger->gaps;
	int64_t probe_ns = recording__meta_number(recording, "probe_ns", -1);
	int64_t runs = recording__meta_number(recording, "probe_runs", 0);
	quality->tool_cpu_seconds = meta_seconds(recording, "tool_cpu_ns");
	quality->tool_start_seconds = meta_seconds(recording, "tool_start_cpu_ns");
	quality->tool_end_seconds = meta_seconds(recording, "tool_end_cpu_ns");
	quality->requested_seconds = meta_seconds(recording, "requested_ns");
	quality->silence_seconds = (double)recording__counter(recording, "longest_silence_ns") / NS_PER_SEC;
	// All probes' time over the switches of the same part of the window: wake-up and fork probes are part of what a switch costs.
	int64_t switches = recording__meta_number(recording, "probe_switches", 0);
	quality->probe_ns_per_switch = probe_ns < 0 || runs <= 0 || switches <= 0 ? NAN : (double)probe_ns / (double)switches;
}

// What strangers' files and memory did not give.
static void add_unread(const struct recording *recording, struct string *out)
{
	static const struct { const char *counter, *one, *many; } kinds[] = {
		{ "programs_unread", "program", "programs" }, { "command_lines_unread", "command line", "command lines" },
		{ "symbol_readers_lost", "file with names of functions", "files with names of functions" },
	};
	bool not_made = recording__counter(recording, "readers_not_made") > 0;
	cleanup_free char *why = not_made ? base__format("; not read, because no process could be made for it (%s): ",
							 recording__meta(recording, "readers_not_made") ?: "unknown")
					  : base__copy("; not read, because they did not answer, time ran out, or their reader died: ");
	bool first = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t count = recording__counter(recording, kinds[i].counter);
		if (count <= 0)
			continue;
		string__add(out, "%s%s %s", first ? why : ", ", wording__count((double)count).text, count == 1 ? kinds[i].one : kinds[i].many);
		first = false;
	}
	if (not_made && first)
		string__add(out, "%snames of functions", why);
}

// What the kernel did not let us attach or read, beside whole subjects of probes.
static void add_refused(const struct recording *recording, struct string *out)
{
	static const struct { const char *counter, *one, *many; } kinds[] = {
		{ "failed_reads", "reading of its figures", "readings of its figures" }, { "memory_reads_failed", "reading of the sums of reclaim", "readings of the sums of reclaim" },
		{ "ticks_refused", "timer for stacks of locks' owners", "timers for stacks of locks' owners" },
		{ "heartbeats_refused", "timer of a CPU's heartbeat", "timers of CPUs' heartbeats" },
		{ "files_probes_refused", "tracepoint of file systems", "tracepoints of file systems" },
	};
	bool first = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t count = recording__counter(recording, kinds[i].counter);
		if (count <= 0)
			continue;
		string__add(out, "%s%s %s", first ? "; the kernel refused " : ", ", wording__count((double)count).text, count == 1 ? kinds[i].one : kinds[i].many);
		first = false;
	}
}

// What was summed up because there was too much of it.
static void add_merged(const struct recording *recording, struct string *out)
{
	static const struct { const char *counter, *what; } kinds[] = {
		{ "pairs_merged_ns", "waiting by what occupied the CPU" }, { "credits_merged_ns", "cgroups' pressure by what occupied the CPU" },
		{ "sleeps_merged_ns", "sleep by place and waker" }, { "locks_merged_ns", "waiting for kernel locks by lock" },
		{ "futexes_merged_ns", "waiting for futexes by futex" },
	};
	bool first = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t ns = recording__counter(recording, kinds[i].counter);
		if (ns <= 0)
			continue;
		string__add(out, "%s%s of %s", first ? "; summed up, because there were too many kinds to list: " : ", ",
			    wording__seconds((double)ns / NS_PER_SEC).text, kinds[i].what);
		first = false;
	}
}

static char *limits(const struct answer *answer)
{
	const struct answer_quality *quality = &answer->quality;
	const struct recording *recording = answer->recording;
	cleanup_string struct string also = { 0 };
	struct string out = { 0 };
	if (!isnan(quality->tool_start_seconds) && !isnan(quality->tool_end_seconds))
		string__add(&also, "; %s before the window and %s after it)", wording__seconds(quality->tool_start_seconds).text,
			    wording__seconds(quality->tool_end_seconds).text);
	string__add(&out, quality->events_lost ? "%s events lost" : "no event lost", wording__count((double)quality->events_lost).text);
	if (quality->gaps_healed)
		string__add(&out, ", %s gaps healed", wording__count((double)quality->gaps_healed).text);
	if (!isnan(quality->tool_cpu_seconds) && answer->ledger->window_seconds > 0)
		string__add(&out, "; whystall itself used %s of CPU time (%s of one CPU%s", wording__seconds(quality->tool_cpu_seconds).text,
			    wording__percent(quality->tool_cpu_seconds / answer->ledger->window_seconds).text, also.text ? also.text : ")");
	// Of a few switches the figure is that of the probes' fixed work.
	if (!isnan(quality->probe_ns_per_switch) && recording__meta_number(recording, "probe_switches", 0) >= 1000)
		string__add(&out, " and %.0f ns in the kernel for each context switch", quality->probe_ns_per_switch);
	const struct ledger_pressure *cpu = answer->ledger->cpu_some;
	if (answer->ledger->by_events)
		string__add(&out, "; the kernel's own counters of each CPU were not read, so events stood in for the meter");
	if (answer->ledger->by_events && cpu->booked)
		string__add(&out, ": they make %.3f s of its %.3f s", cpu->predicted_seconds, cpu->kernel_seconds);
	if (!answer->ledger->by_events && !cpu->exact_folds && cpu->booked && !answer->ledger->kernel_loss)
		string__add(&out, "; the kernel's figure and its own counters differ by %.3f s", fabs(cpu->kernel_seconds - cpu->predicted_seconds));
	if (!answer->ledger->balanced && !headline__imbalance(answer->diagnosis))
		string__add(&out, "; the books do not balance, but too little is at stake to matter (%s)", answer->ledger->imbalance);
	add_refused(recording, &out);
	add_unread(recording, &out);
	add_merged(recording, &out);
	string__add(&out, ".");
	return string__steal(&out);
}

struct answer *answer__new(const struct diagnosis *diagnosis)
{
	struct answer *answer = base__alloc(1, sizeof(*answer));
	answer->diagnosis = diagnosis;
	answer->ledger = diagnosis->ledger;
	answer->recording = diagnosis->ledger->recording;
	order_verdicts(answer);
	choose_pressures(answer);
	answer->ruled_out = list_verdicts(diagnosis, VERDICT_RULED_OUT);
	answer->not_testable = list_verdicts(diagnosis, VERDICT_NOT_TESTABLE);
	answer->origin = origin(answer);
	assess_quality(answer);
	answer->limits = limits(answer);
	answer__fill_matrix(answer);
	return answer;
}

void answer__free(struct answer *answer)
{
	if (!answer)
		return;
	for (size_t i = 0; i < ANSWER_ROWS; i++)
		free(answer->matrix.row_names[i]);
	for (size_t i = 0; i <= ANSWER_COLUMNS; i++)
		free(answer->matrix.column_names[i]);
	free(answer->pressures);
	free(answer->ruled_out);
	free(answer->not_testable);
	free(answer->origin);
	free(answer->limits);
	free(answer);
}
