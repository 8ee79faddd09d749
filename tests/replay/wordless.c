// Sentences steer nothing: each recording is diagnosed twice, the second time with every sentence replaced as soon as it is made, and verdicts,
// parties, figures and offers must be the same. Usage: wordless RECORDING…
// The linker puts the functions below in front of those that make sentences (-Wl,--wrap, see wordless.test).
#include "base/base.h"
#include "base/shell.h"
#include "causes/lock_words.h"
#include "causes/verdict.h"
#include "causes/wording.h"
#include "ledger/ledger.h"
#include "recording/recording.h"
#include "remedies/offer.h"
#include "remedies/remedy.h"
#include "render/render.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define WORD "x"

static bool wordless;           // now
static size_t replaced;         // sentences, in all

static bool replaces(void)
{
	replaced += wordless;
	return wordless;
}

static char *instead(char *text)
{
	if (!text || !replaces())
		return text;
	free(text);
	return base__copy(WORD);
}

static char *format_instead(const char *format, va_list list)
{
	return instead(base__format_list(format, list));
}

#define WRAP_SETTER(function, subject) \
	void __real_##function(struct subject *one, const char *format, ...); \
	void __wrap_##function(struct subject *one, const char *format, ...); \
	void __wrap_##function(struct subject *one, const char *format, ...) \
	{ \
		va_list list; \
		va_start(list, format); \
		cleanup_free char *text = format_instead(format, list); \
		va_end(list); \
		__real_##function(one, "%s", text); \
	}
WRAP_SETTER(party__set_note, party)
WRAP_SETTER(verdict__set_summary, verdict)

#define WRAP_TEXT(function, parameters, arguments) \
	char *__real_##function parameters; \
	char *__wrap_##function parameters; \
	char *__wrap_##function parameters { return instead(__real_##function arguments); }
WRAP_TEXT(verdict__name_parties, (const struct ledger *ledger, const struct party *parties, size_t count, size_t most), (ledger, parties, count, most))
WRAP_TEXT(wording__party, (const struct recording *recording, const struct party *party), (recording, party))
WRAP_TEXT(wording__party_brief, (const struct recording *recording, const struct party *party), (recording, party))
WRAP_TEXT(class_fact__words, (const struct class_fact *class), (class))
WRAP_TEXT(lock_words__use, (const struct foreign_use *use, const struct process_row *whose), (use, whose))
WRAP_TEXT(lock_words__place, (const struct lock_row *lock), (lock))
WRAP_TEXT(lock_words__futex, (const struct ledger_futex *futex), (futex))
WRAP_TEXT(lock_words__operations, (const struct party *party, size_t most), (party, most))

void __real_verdict__add_evidence(struct verdict *, const char *, double, struct unit, double, const char *);
void __wrap_verdict__add_evidence(struct verdict *, const char *, double, struct unit, double, const char *);
void __wrap_verdict__add_evidence(struct verdict *verdict, const char *what, double value, struct unit unit, double threshold, const char *source)
{
	if (replaces())
		what = source = unit.name = WORD;
	__real_verdict__add_evidence(verdict, what, value, unit, threshold, source);
}

void __real_verdict__add_command(struct verdict *, const char *, struct shell *);
void __wrap_verdict__add_command(struct verdict *, const char *, struct shell *);
void __wrap_verdict__add_command(struct verdict *verdict, const char *expect, struct shell *command)
{
	__real_verdict__add_command(verdict, replaces() ? WORD : expect, command);
}

void __wrap_verdict__add_check(struct verdict *, const char *, const char *, ...);
void __wrap_verdict__add_check(struct verdict *verdict, const char *expect, const char *command, ...)
{
	struct shell shell = { 0 };
	va_list list;
	va_start(list, command);
	shell__add_list(&shell, command, list);
	va_end(list);
	__real_verdict__add_command(verdict, replaces() ? WORD : expect, &shell);
}

// The name of a cgroup or a device is a fact, but has a field of its own.
struct party *__real_verdict__add_other_culprit(struct verdict *, enum party_kind, const char *, const char *, double);
struct party *__wrap_verdict__add_other_culprit(struct verdict *, enum party_kind, const char *, const char *, double);
struct party *__wrap_verdict__add_other_culprit(struct verdict *verdict, enum party_kind kind, const char *name, const char *cgroup, double ns)
{
	return __real_verdict__add_other_culprit(verdict, kind, replaces() ? WORD : name, cgroup, ns);
}

void __real_offer__decide(struct remedy_offer *, bool, const char *, ...);
void __wrap_offer__decide(struct remedy_offer *, bool, const char *, ...);
void __wrap_offer__decide(struct remedy_offer *offer, bool applicable, const char *why, ...)
{
	va_list list;
	va_start(list, why);
	cleanup_free char *text = format_instead(why, list);
	va_end(list);
	__real_offer__decide(offer, applicable, "%s", text);
}

// ---- what must stay the same ----

static void add_parties(struct string *out, const char *side, const struct party *parties, size_t count)
{
	for (size_t i = 0; i < count; i++)
		string__add(out, "  %s %s %lld %s %.9g %.9g\n", side, party_kind__name(parties[i].kind), (long long)parties[i].process,
			    parties[i].cgroup ? parties[i].cgroup : "-", parties[i].seconds, parties[i].loss);
}

static void add_verdict(struct string *out, const struct verdict *verdict)
{
	string__add(out, "%s %s %s under %s, %s %.9g %.9g, %.9g of %s\n", verdict->cause->id, verdict__name(verdict->kind), severity__name(verdict->severity),
		    verdict->under ? verdict->under : "-", pressure_resource__name(verdict->counted_by_pressure), verdict->stall_seconds, verdict->wall_seconds, verdict->share.share,
		    verdict->share.resource ? verdict->share.resource : "-");
	add_parties(out, "culprit", verdict->culprits, verdict->culprit_count);
	add_parties(out, "victim", verdict->victims, verdict->victim_count);
	for (size_t i = 0; i < verdict->evidence_count; i++)
		string__add(out, "  evidence %.9g %.9g %d\n", verdict->evidence[i].value, verdict->evidence[i].threshold, (int)verdict->evidence[i].unit.form);
	for (size_t i = 0; i < verdict->check_count; i++)
		string__add(out, "  check %s\n", verdict->checks[i].command ? verdict->checks[i].command : "-");
	for (size_t i = 0; i < verdict->remedy_count; i++)
		string__add(out, "  remedy %s %s: %s\n", verdict->remedies[i].id, verdict->remedies[i].applicable ? "can help" : "cannot",
			    verdict->remedies[i].command ? verdict->remedies[i].command : "-");
}

// Every value of the JSON report but its texts.
static void add_shape(struct string *out, const json_t *value, int depth)
{
	const char *key;
	json_t *member;
	size_t index;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) {
			string__add(out, "%*s%s", depth, "", key);
			add_shape(out, member, depth + 1);
		}
	} else if (json_is_array(value)) {
		string__add(out, " [%zu]\n", json_array_size(value));
		json_array_foreach(value, index, member)
			add_shape(out, member, depth + 1);
	} else if (json_is_number(value)) {
		string__add(out, " %.9g\n", json_number_value(value));
	} else {
		string__add(out, " %s\n", json_is_true(value) ? "true" : json_is_false(value) ? "false" : json_is_null(value) ? "null" : "text");
	}
}

// The facts of a diagnosis, one a line. Owned by the caller.
static char *diagnose(const struct recording *recording, bool without_words, size_t *ret_offers)
{
	struct ledger *ledger = NULL;
	struct diagnosis *diagnosis = NULL;
	struct string out = { 0 };
	wordless = without_words;
	if (ledger__build(recording, &ledger) < 0 || diagnosis__make(ledger, &diagnosis) < 0)
		return NULL;
	remedies__offer(diagnosis);
	string__add(&out, "state %s%s%s\n", diagnosis_state__name(diagnosis->state), diagnosis->healthy ? " healthy" : "", diagnosis->confirmed ? " confirmed" : "");
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		add_verdict(&out, &diagnosis->verdicts[i]);
		*ret_offers += diagnosis->verdicts[i].remedy_count;
	}
	cleanup_free char *text = render__json(diagnosis);
	json_t *json = json_loads(text, 0, NULL);
	add_shape(&out, json, 0);
	json_decref(json);
	free(render__text(diagnosis, false));
	wordless = false;
	diagnosis__free(diagnosis);
	ledger__free(ledger);
	return string__steal(&out);
}

// Prints the first lines that differ. Lines are parted in place.
static void print_difference(char *one, char *other)
{
	int shown = 0;
	char *line, *twin;
	while (shown < 6 && ((line = strsep(&one, "\n")), (twin = strsep(&other, "\n")), line && twin))
		if (strcmp(line, twin)) {
			printf("#   %s\n#   %s (without words)\n", line, twin);
			shown++;
		}
}

int main(int argc, char **argv)
{
	size_t offers = 0;
	int different = 0;
	for (int i = 1; i < argc; i++) {
		struct recording *recording = NULL;
		cleanup_free char *error = NULL;
		if (recording__read(argv[i], &recording, &error) < 0) {
			printf("# %s: %s\n", argv[i], error ? error : "unreadable");
			continue;       // some tests keep recordings that are meant to be none
		}
		cleanup_free char *with = diagnose(recording, false, &offers), *without = diagnose(recording, true, &offers);
		if ((with || without) && (!with || !without || strcmp(with, without))) {
			printf("# %s: another diagnosis without words\n", argv[i]);
			if (with && without)
				print_difference(with, without);
			different++;
		}
		recording__free(recording);
	}
	bool compared = offers > 0 && replaced > 0;
	printf("%s 1 - %d recordings have the same verdicts and %zu offers when %zu sentences are replaced\n", different || !compared ? "not ok" : "ok", argc - 1,
	       offers / 2, replaced);
	return different || !compared;
}
