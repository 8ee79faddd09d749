#include "causes/verdict.h"
#include "causes/wording.h"
#include "base/base.h"

#include <math.h>
#include <string.h>

// A victim that is no culprit stands first if it lost at least this part of the window, or of what the one who lost most did.
#define VICTIM_FIRST 0.1

const char *verdict__name(enum verdict_kind kind)
{
	static const char *const names[] = {
		[VERDICT_NOT_TESTABLE] = "not_testable", [VERDICT_RULED_OUT] = "ruled_out",
		[VERDICT_CONTRIBUTING] = "contributing", [VERDICT_CONFIRMED] = "confirmed",
	};
	return names[kind];
}

void verdict__set_summary(struct verdict *verdict, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *text = base__format_list(format, list);
	va_end(list);
	free(verdict->summary);
	verdict->summary = text;
}

void verdict__add_evidence(struct verdict *verdict, const char *what, double value, struct unit unit, double threshold,
			   const char *source)
{
	size_t capacity = verdict->evidence_count;
	verdict->evidence = base__grow(verdict->evidence, &capacity, verdict->evidence_count + 1, sizeof(*verdict->evidence));
	verdict->evidence[verdict->evidence_count++] = (struct evidence){ base__copy(what), value, unit, threshold,
									  base__copy(source) };
}

void verdict__add_command(struct verdict *verdict, const char *expect, struct shell *command)
{
	size_t capacity = verdict->check_count;
	char *text = shell__steal(command);
	verdict->checks = base__grow(verdict->checks, &capacity, verdict->check_count + 1, sizeof(*verdict->checks));
	verdict->checks[verdict->check_count++] = (struct hand_check){ text, base__format("%s%s", expect, text ? "" : "; " SHELL_UNFIT) };
}

void verdict__add_check(struct verdict *verdict, const char *expect, const char *command, ...)
{
	struct shell shell = { 0 };
	va_list list;
	va_start(list, command);
	shell__add_list(&shell, command, list);
	va_end(list);
	verdict__add_command(verdict, expect, &shell);
}

static struct party *add_party(struct party **parties, size_t *count, enum party_kind kind, double ns)
{
	size_t capacity = *count;
	*parties = base__grow(*parties, &capacity, *count + 1, sizeof(**parties));
	struct party *party = &(*parties)[(*count)++];
	*party = (struct party){ .kind = kind, .seconds = ns / (double)NS_PER_SEC, .loss = NAN, .cpu = -1 };
	return party;
}

static struct party *add_crowd(struct party **parties, size_t *count, const struct crowd *crowd, double ns)
{
	struct party *party = add_party(parties, count, PARTY_PROCESS, ns);
	party->class = (struct class_fact){ crowd->policy, crowd->rt_priority, crowd->nice };
	party->process = crowd->members[0]->row->id;
	party->member_count = crowd->member_count;
	party->processes = crowd->processes;
	party->members = base__alloc(crowd->member_count, sizeof(int64_t));
	for (size_t i = 0; i < crowd->member_count; i++)
		party->members[i] = crowd->members[i]->row->id;
	return party;
}

struct party *verdict__add_culprit(struct verdict *verdict, const struct crowd *crowd, double ns)
{
	return add_crowd(&verdict->culprits, &verdict->culprit_count, crowd, ns);
}

struct party *verdict__add_victim(struct verdict *verdict, const struct crowd *crowd, double ns)
{
	return add_crowd(&verdict->victims, &verdict->victim_count, crowd, ns);
}

struct party *verdict__add_other_culprit(struct verdict *verdict, enum party_kind kind, const char *name, const char *cgroup,
					 double ns)
{
	struct party *party = add_party(&verdict->culprits, &verdict->culprit_count, kind, ns);
	party->name = base__copy(name);
	party->cgroup = base__copy(cgroup);
	return party;
}

void verdict__add_resource(struct verdict *verdict, enum resource_kind kind, const char *key, double ns)
{
	size_t capacity = verdict->resource_count;
	for (size_t i = 0; i < verdict->resource_count; i++)
		if (verdict->resources[i].kind == kind && !strcmp(verdict->resources[i].key, key)) {
			verdict->resources[i].seconds += ns / (double)NS_PER_SEC;
			return;
		}
	verdict->resources = base__grow(verdict->resources, &capacity, verdict->resource_count + 1, sizeof(*verdict->resources));
	verdict->resources[verdict->resource_count++] = (struct verdict_resource){ kind, base__copy(key), ns / (double)NS_PER_SEC };
}

void party__set_note(struct party *party, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *text = base__format_list(format, list);
	va_end(list);
	free(party->note);
	party->note = text;
}

static int compare_seconds(const void *a, const void *b)
{
	const struct party *one = a, *other = b;
	if (one->seconds != other->seconds)
		return one->seconds > other->seconds ? -1 : 1;
	return (one->process > other->process) - (one->process < other->process);
}

static bool is_culprit(const struct verdict *verdict, const struct party *party)
{
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (party->process && verdict->culprits[i].process == party->process)
			return true;
	return false;
}

void verdict__settle_parties(struct verdict *verdict, double window_seconds)
{
	if (verdict->culprit_count)
		qsort(verdict->culprits, verdict->culprit_count, sizeof(struct party), compare_seconds);
	if (verdict->victim_count)
		qsort(verdict->victims, verdict->victim_count, sizeof(struct party), compare_seconds);
	// The victims proper before those who hold each other up (a stable partition), unless they are small beside them.
	size_t front = 0;
	double least = verdict->victim_count ? VICTIM_FIRST * fmin(verdict->victims[0].seconds, window_seconds) : 0;
	for (size_t i = 0; i < verdict->victim_count; i++) {
		struct party party = verdict->victims[i];
		if (is_culprit(verdict, &party) || party.seconds < least)
			continue;
		memmove(&verdict->victims[front + 1], &verdict->victims[front], (i - front) * sizeof(struct party));
		verdict->victims[front++] = party;
	}
	for (int side = 0; side < 2; side++) {
		struct party *parties = side ? verdict->victims : verdict->culprits;
		for (size_t i = 0; i < (side ? verdict->victim_count : verdict->culprit_count); i++) {
			double share = verdict->stall_seconds > 0 ? parties[i].seconds / verdict->stall_seconds : 0;
			parties[i].share = share > 1 ? 1 : share;
		}
	}
}

char *verdict__name_parties(const struct ledger *ledger, const struct party *parties, size_t count, size_t most)
{
	struct string out = { 0 };
	size_t shown = count <= most ? count : most;
	for (size_t i = 0; i < shown; i++) {
		cleanup_free char *name = wording__party_brief(ledger->recording, &parties[i]);
		string__add(&out, "%s%s", !i ? "" : i + 1 == count ? " and " : ", ", name);
	}
	if (shown < count)
		string__add(&out, " and %zu more", count - shown);
	return string__steal(&out);
}

long long verdict__pid(const struct ledger *ledger, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(ledger->recording, party->process) : NULL;
	return row && !row->gone && row->folded <= 1 ? (long long)row->pid : 0;
}

static void free_parties(struct party *parties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(parties[i].name);
		free(parties[i].cgroup);
		free(parties[i].note);
		free(parties[i].members);
		free(parties[i].operations);
		free(parties[i].stacks);
	}
	free(parties);
}

void verdict__drop_parties(struct verdict *verdict)
{
	free_parties(verdict->culprits, verdict->culprit_count);
	free_parties(verdict->victims, verdict->victim_count);
	for (size_t i = 0; i < verdict->check_count; i++) {
		free(verdict->checks[i].command);
		free(verdict->checks[i].expect);
	}
	free(verdict->checks);
	verdict->culprits = verdict->victims = NULL;
	verdict->checks = NULL;
	verdict->culprit_count = verdict->victim_count = verdict->check_count = 0;
}

void verdict__free(struct verdict *verdict)
{
	verdict__drop_parties(verdict);
	for (size_t i = 0; i < verdict->evidence_count; i++) {
		free(verdict->evidence[i].what);
		free(verdict->evidence[i].source);
	}
	for (size_t i = 0; i < verdict->remedy_count; i++) {
		free(verdict->remedies[i].why);
		free(verdict->remedies[i].command);
		free(verdict->remedies[i].cost);
		free(verdict->remedies[i].verify);
	}
	for (size_t i = 0; i < verdict->resource_count; i++)
		free(verdict->resources[i].key);
	free(verdict->resources);
	free(verdict->evidence);
	free(verdict->remedies);
	free(verdict->summary);
	free(verdict->doubt);
}
