// The report for people. The first screen is the answer; whoever reads five lines only must not go away misled.
#include "render/render.h"
#include "render/answer.h"
#include "render/chains.h"
#include "render/on_cpu.h"
#include "render/page.h"
#include "causes/weighing.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define LABEL 2         // where labels stand …
#define BODY 13         // … and what they label
#define PARTIES_SHOWN 4
#define NAME_COLUMNS 68
#define WHAT_COLUMNS 12 // of the accounts: "memory some" …
#define SCOPE_COLUMNS 14        // … of what …
#define BALANCE_COLUMNS 72      // … and the figures
#define THREADS_LOOKED_AT 8     // a name that most threads bear is among a few of them
#define KERNEL_FRAMES 6
#define USER_FRAMES 6
#define SLEEPS_SHOWN 6          // classes of sleeps that are worth a word

static void write_head(struct page *page, const struct answer *answer)
{
	const struct diagnosis *diagnosis = answer->diagnosis;
	enum style style = diagnosis->state == STATE_STALLED ? STYLE_ALARM : diagnosis->healthy ? STYLE_GOOD : STYLE_WARNING;
	page__paragraph(page, 0, 2, style, diagnosis->headline);
	for (size_t i = 0; i < diagnosis->caution_count; i++)
		page__labelled(page, 0, 2, STYLE_WARNING, "!", diagnosis->cautions[i]);
	cleanup_free char *coverage = answer__coverage(answer);
	page__paragraph(page, 0, 2, STYLE_PLAIN, coverage);
	page__paragraph(page, 0, 2, STYLE_DIM, answer->origin);
}

// A name that most of its threads bear, and that is not the process': what other tools show instead of the process. NULL if
// there is none.
static const char *thread_name(const struct answer *answer, const struct party *party)
{
	const struct ledger_process *process = party->process ? ledger__process(answer->ledger, party->process) : NULL;
	if (!process || process->row->kernel_thread || process->task_count < 2)
		return NULL;
	for (size_t i = 0; i < process->task_count && i < THREADS_LOOKED_AT; i++) {
		const char *name = process->tasks[i].name;
		size_t same = 0;
		for (size_t j = 0; name && j < process->task_count; j++)
			same += process->tasks[j].name && !strcmp(process->tasks[j].name, name);
		if (2 * same > process->task_count)
			return strcmp(name, process_row__name(process->row)) ? name : NULL;
	}
	return NULL;
}

static void write_party(struct page *page, const struct answer *answer, const char *label, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(answer->recording, party->process) : NULL;
	cleanup_free char *plain = wording__party(answer->recording, party), *made = wording__party_made(answer->recording, party);
	cleanup_free char *making = wording__making(row);
	bool fits = page__columns(made) <= NAME_COLUMNS;        // else how it is made goes to the line below
	const char *name = fits ? made : plain;
	struct text_figure figure = wording__seconds(party->seconds), share = wording__percent(party->share);
	struct page_cell cells[] = {
		{ label, BODY - LABEL, STYLE_DIM }, { name, NAME_COLUMNS, STYLE_BOLD }, { figure.text, -8, STYLE_PLAIN }, { share.text, -7, STYLE_PLAIN },
	};
	page__cells(page, LABEL, cells, ARRAY_SIZE(cells));
	cleanup_free char *identity = wording__identity(row);
	cleanup_string struct string detail = { 0 };
	if (party->note)
		string__add(&detail, "%s", party->note);
	const char *threads = thread_name(answer, party);
	if (threads)
		string__add(&detail, "%sits threads are called %s", detail.text ? "; " : "", threads);
	if (!fits && making)
		string__add(&detail, "%s%s", detail.text ? "; " : "", making);
	// Two lines at most: a path of 4096 characters must not push the next culprit off the screen.
	cleanup_free char *shown = identity ? page__shorten(identity, 2 * (PAGE_COLUMNS - BODY - 2) - 20) : NULL;
	if (shown)
		string__add(&detail, "%s%s", detail.text ? "; " : "", shown);
	if (detail.text)
		page__paragraph(page, BODY + 2, BODY + 2, STYLE_DIM, detail.text);
}

// The heaviest stack of a party: where in the kernel it was, and where in its own code.
static void write_stack(struct page *page, const struct party *party)
{
	if (!party->stack_count)
		return;
	const struct party_stack *stack = &party->stacks[0];
	cleanup_free char *kernel = answer__frames(stack->kernel, KERNEL_FRAMES), *user = answer__frames(stack->user, USER_FRAMES);
	cleanup_free char *line = base__format("%s in %s%s%s", wording__seconds(stack->seconds).text, kernel ? kernel : user ? user : "(not known)",
					       kernel && user ? ", called by " : "", kernel && user ? user : "");
	page__labelled(page, LABEL, BODY + 2, STYLE_DIM, "  its stack", line);
}

static void write_parties(struct page *page, const struct answer *answer, const struct verdict *verdict, bool culprits)
{
	const struct party *parties = culprits ? verdict->culprits : verdict->victims;
	size_t count = culprits ? verdict->culprit_count : verdict->victim_count;
	const char *label = culprits ? count > 1 ? "culprits" : "culprit" : count > 1 ? "victims" : "victim";
	for (size_t i = 0; i < count && i < PARTIES_SHOWN; i++) {
		write_party(page, answer, i ? "" : label, &parties[i]);
		struct cpu_profile *profile = on_cpu__profile(answer, verdict, &parties[i], culprits);
		on_cpu__write(page, answer, profile);
		cpu_profile__free(profile);
		if (!i)
			write_stack(page, &parties[i]);
	}
	if (count > PARTIES_SHOWN) {
		cleanup_free char *more = base__format("and %zu more (all of them: --format json)", count - PARTIES_SHOWN);
		page__paragraph(page, BODY, BODY, STYLE_DIM, more);
	}
}

static char *evidence_figure(const struct evidence *evidence, double value)
{
	switch (evidence->unit.form) {
	case UNIT_FORM_PART: return base__copy(wording__percent(value).text);
	case UNIT_FORM_WAITS: return base__format("%s waits", wording__count(value).text);
	case UNIT_FORM_SECONDS: return base__copy(wording__seconds(value).text);
	case UNIT_FORM_NUMBER: break;
	}
	// Counts in full, not as a power of ten.
	return base__format(value >= 10000 ? "%.0f %s" : "%.4g %s", value, evidence->unit.name);
}

static void write_evidence(struct page *page, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->evidence_count; i++) {
		const struct evidence *evidence = &verdict->evidence[i];
		cleanup_free char *value = evidence_figure(evidence, evidence->value);
		cleanup_free char *limit = isnan(evidence->threshold) ? NULL : evidence_figure(evidence, evidence->threshold);
		cleanup_free char *line = base__format("%s: %s%s%s%s", evidence->what, value, limit ? " (confirmed from " : "", limit ? limit : "",
						       limit ? ")" : "");
		page__labelled(page, LABEL, BODY, STYLE_DIM, i ? "" : "evidence", line);
	}
}

static void write_advice(struct page *page, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->check_count; i++) {
		page__labelled(page, LABEL, BODY, STYLE_DIM, i ? "" : "by hand", verdict->checks[i].expect);
		if (verdict->checks[i].command)
			page__command(page, BODY + 2, verdict->checks[i].command);
	}
	for (int applicable = 1; applicable >= 0; applicable--) {
		bool first = true;
		for (size_t i = 0; i < verdict->remedy_count; i++) {
			const struct remedy_offer *offer = &verdict->remedies[i];
			if (offer->applicable != (bool)applicable)
				continue;
			cleanup_free char *line = base__format(applicable ? "%s: %s; price: %s" : "%s: %s", offer->id, offer->why, offer->cost);
			page__labelled(page, LABEL, BODY, STYLE_DIM, !first ? "" : applicable ? "may help" : "won't help", line);
			if (applicable && offer->command)
				page__command(page, BODY + 2, offer->command);
			first = false;
		}
	}
}

// What a victim would get back at most: its waits less this cause's part.
static void write_gain(struct page *page, const struct answer *answer, const struct verdict *verdict)
{
	if (!verdict->victim_count || isnan(verdict->gain.loss_now) || isnan(verdict->gain.loss_without))
		return;
	cleanup_free char *victim = wording__party_brief(answer->recording, &verdict->victims[verdict->gain.victim]);
	cleanup_free char *line = base__format("at most: %s would lose %s of the time it wants to run instead of %s", victim,
					       wording__percent(verdict->gain.loss_without).text, wording__percent(verdict->gain.loss_now).text);
	page__labelled(page, LABEL, BODY, STYLE_DIM, "gain", line);
}

static void write_verdict(struct page *page, const struct answer *answer, const struct verdict *verdict)
{
	page__blank(page);
	cleanup_free char *title = base__format("%s %s", verdict->kind == VERDICT_CONFIRMED ? "CONFIRMED" : "contributing", verdict->cause->id);
	double window = answer->ledger->window_seconds;
	const char *hurt = !verdict__is_busy(verdict) ? "" : verdict->own && verdict->severity ? "; holds up only itself" : "; nobody loses much by it";
	cleanup_free char *size = base__format("%s of the window, %s waited in all%s%s%s", wording__percent(window > 0 ? verdict->wall_seconds / window : 0).text,
					       wording__seconds(verdict->stall_seconds).text, hurt, verdict->under ? "; follows from " : "",
					       verdict->under ? verdict->under : "");
	page__labelled(page, 0, 34, verdict->kind == VERDICT_CONFIRMED && !verdict__is_busy(verdict) ? STYLE_ALARM : STYLE_WARNING,
		       title, size);
	// The headline is the first verdict's summary: twice would cost the first screen two lines.
	page__paragraph(page, LABEL, LABEL, STYLE_PLAIN, verdict == answer->found[0] ? verdict->cause->claim : verdict->summary);
	if (verdict->doubt)
		page__labelled(page, LABEL, BODY, STYLE_WARNING, "doubt", verdict->doubt);
	write_parties(page, answer, verdict, true);
	write_parties(page, answer, verdict, false);
	write_gain(page, answer, verdict);
	write_evidence(page, verdict);
	write_advice(page, verdict);
}

static void write_pressures(struct page *page, const struct answer *answer)
{
	page__blank(page);
	page__paragraph(page, 0, 2, STYLE_BOLD, "Pressure: the kernel's figure, and how much of it the books name on both sides");
	for (size_t i = 0; i < answer->pressure_count; i++) {
		const struct ledger_pressure *row = answer->pressures[i];
		cleanup_free char *balance = answer__balance(row);
		cleanup_free char *what = base__format("%s %s", row->resource, row->kind);
		bool below = page__columns(row->scope) >= SCOPE_COLUMNS;    // a path gets a line of its own
		if (below)
			page__paragraph(page, LABEL, LABEL + 2, STYLE_DIM, row->scope);
		struct page_cell cells[] = {
			{ what, WHAT_COLUMNS, STYLE_PLAIN }, { below ? "" : row->scope, SCOPE_COLUMNS, STYLE_DIM }, { balance, BALANCE_COLUMNS, STYLE_PLAIN },
		};
		page__cells(page, LABEL, cells, ARRAY_SIZE(cells));
		cleanup_free char *causes = answer__causes(answer, row);
		if (causes)
			page__labelled(page, LABEL, LABEL + WHAT_COLUMNS + SCOPE_COLUMNS, STYLE_PLAIN, "  by cause", causes);
	}
	if (!answer->pressure_count)
		page__paragraph(page, LABEL, LABEL, STYLE_PLAIN, answer->ledger->pressure_count ?
				"less than 0.1 % of the window, for each resource" : "the kernel gave no figure: it has no pressure files, or none could be read");
}

static void write_account(struct page *page, const char *what, const char *scope, const char *figures)
{
	struct page_cell cells[] = { { what, WHAT_COLUMNS, STYLE_PLAIN }, { scope, SCOPE_COLUMNS, STYLE_DIM }, { figures, BALANCE_COLUMNS, STYLE_PLAIN } };
	page__cells(page, LABEL, cells, ARRAY_SIZE(cells));
}

static void write_lock_account(struct page *page, const char *scope, const struct lock_balance *account, double least_seconds)
{
	if (account->wait_seconds < least_seconds)
		return;
	cleanup_free char *balance = answer__lock_balance(account);
	write_account(page, "lock waits", scope, balance);
}

// What the pressure files do not count at all, or only in part.
static void write_other_waits(struct page *page, const struct answer *answer)
{
	const struct ledger_locks *locks = &answer->ledger->locks;
	double least_seconds = 0.001 * answer->ledger->window_seconds;
	cleanup_free char *blocked = answer__blocked(&answer->ledger->blocking);
	bool any = locks->address_space.wait_seconds >= least_seconds || locks->other.wait_seconds >= least_seconds;
	if (!locks->recorded || (!blocked && !any))
		return;
	page__paragraph(page, 0, 2, STYLE_BOLD, "In no pressure figure (but for the I/O and memory parts): task-seconds");
	write_lock_account(page, "address space", &locks->address_space, least_seconds);
	write_lock_account(page, "other locks", &locks->other, least_seconds);
	if (blocked)
		page__labelled(page, LABEL, LABEL + WHAT_COLUMNS + SCOPE_COLUMNS, STYLE_PLAIN, "asleep", blocked);
	cleanup_free char *sleeps = answer__sleeps(&answer->ledger->sleeps, SLEEPS_SHOWN);
	if (sleeps)
		page__labelled(page, LABEL, LABEL + WHAT_COLUMNS + SCOPE_COLUMNS, STYLE_PLAIN, "slept for", sleeps);
}

static void write_matrix(struct page *page, const struct answer *answer)
{
	const struct answer_matrix *matrix = &answer->matrix;
	if (!matrix->rows || !matrix->columns)
		return;
	page__blank(page);
	double threshold_ns = answer->diagnosis->scene->pair_threshold_ns;
	cleanup_free char *title = base__format("Who waited for whom: seconds; the row waited while the column occupied the CPU%s%s",
						threshold_ns > 0 ? " (waits over " : "",
						threshold_ns > 0 ? wording__seconds(threshold_ns / NS_PER_SEC).text : "");
	cleanup_free char *closed = base__format("%s%s", title, threshold_ns > 0 ? ")" : "");
	page__paragraph(page, 0, 2, STYLE_BOLD, closed);
	struct page_cell cells[ANSWER_COLUMNS + 3] = { { "", 22, STYLE_PLAIN } };
	char figures[ANSWER_COLUMNS + 1][16];
	size_t count = 1;
	for (size_t i = 0; i <= ANSWER_COLUMNS; i++)
		if (i < matrix->columns || i == ANSWER_COLUMNS)
			cells[count++] = (struct page_cell){ matrix->column_names[i], i == ANSWER_COLUMNS ? -8 : -12, STYLE_DIM };
	page__cells(page, LABEL, cells, count);
	for (size_t row = 0; row < matrix->rows; row++) {
		cells[0] = (struct page_cell){ matrix->row_names[row], 22, STYLE_PLAIN };
		for (size_t i = 0, place = 1; i <= ANSWER_COLUMNS; i++) {
			if (i >= matrix->columns && i < ANSWER_COLUMNS)
				continue;
			double seconds = matrix->seconds[row][i];
			snprintf(figures[i], sizeof(figures[i]), seconds >= 0.0005 ? "%.3f" : "-", seconds);
			cells[place++] = (struct page_cell){ figures[i], i == ANSWER_COLUMNS ? -8 : -12, STYLE_PLAIN };
		}
		page__cells(page, LABEL, cells, count);
	}
}

static void write_rest(struct page *page, const struct answer *answer)
{
	page__blank(page);
	if (answer->ruled_out)
		page__labelled(page, 0, 14, STYLE_BOLD, "Ruled out:", answer->ruled_out);
	if (answer->not_testable)
		page__labelled(page, 0, 14, STYLE_BOLD, "Not testable:", answer->not_testable);
	// Where it is for what was measured, and not for want of a probe or a file, the reason is an answer. (What makes others doubtful stands above.)
	for (size_t i = 0; i < answer->diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &answer->diagnosis->verdicts[i];
		if (verdict->kind != VERDICT_NOT_TESTABLE || !verdict->absent || !verdict->evidence_count)
			continue;
		cleanup_free char *reason = base__format("%s: %s.", verdict->cause->id, verdict->summary);
		page__labelled(page, 0, 14, STYLE_PLAIN, "", reason);
	}
	page__labelled(page, 0, 14, STYLE_BOLD, "Limits:", answer->limits);
	page__paragraph(page, 0, 2, STYLE_DIM, "'whystall causes ID' says how a cause is judged; '--format json' has every figure and the reason "
			"for each verdict.");
}

char *render__text(const struct diagnosis *diagnosis, bool colours)
{
	struct page page = { .colours = colours };
	struct answer *answer = answer__new(diagnosis);
	write_head(&page, answer);
	for (size_t i = 0; i < answer->found_count; i++)
		write_verdict(&page, answer, answer->found[i]);
	write_pressures(&page, answer);
	write_other_waits(&page, answer);
	write_matrix(&page, answer);
	chains__write(&page, answer);
	write_rest(&page, answer);
	answer__free(answer);
	return string__steal(&page.out);
}
