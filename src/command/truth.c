#include "command/truth.h"
#include "base/base.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static bool holds_word(const json_t *words, const char *word)
{
	size_t index;
	json_t *entry;
	json_array_foreach(words, index, entry)
		if (json_string_value(entry) && !strcmp(json_string_value(entry), word))
			return true;
	return false;
}

// Whether a party is the one that the truth means, or a crowd that it belongs to.
static bool is_meant(const struct recording *recording, const struct party *party, const json_t *member)
{
	int64_t pid = json_integer_value(json_object_get(member, "pid"));
	if (!strcmp(text_of(member, "kind"), "quota"))
		return party->kind == PARTY_QUOTA && party->cgroup && !strcmp(party->cgroup, text_of(member, "cgroup"));
	for (size_t i = 0; i <= party->member_count; i++) {
		const struct process_row *row = recording__process(recording, i ? party->members[i - 1] : party->process);
		if (row && (pid ? row->pid == pid : row->name && !strcmp(row->name, text_of(member, "process"))))
			return true;
	}
	return false;
}

static const char *operation_of(const struct party *party)
{
	return party->operation_count && party->operations[0].operation ? party->operations[0].operation : "nothing known";
}

// Whether the party's foremost operation is among those of the truth, which are parted by "|".
static bool does_as_stated(const struct party *party, const json_t *member)
{
	const char *stated = text_of(member, "operation"), *operation = operation_of(party);
	size_t length = strlen(operation);
	if (!*stated)
		return true;
	for (const char *one = stated; one; one = strchr(one, '|') ? strchr(one, '|') + 1 : NULL)
		if (!strncmp(one, operation, length) && (one[length] == '|' || !one[length]))
			return true;
	return false;
}

static void add_clause(struct string *out, char *clause)
{
	string__add(out, "%s%s", out->text ? "; " : "", clause);
	free(clause);
}

// A true cause that was found has at least one of its true culprits, with its operation.
static void compare_culprits(const json_t *truth, const struct recording *recording, const struct verdict *verdict, struct string *out)
{
	const struct party *found = NULL;
	const json_t *wanted = NULL;
	size_t index;
	json_t *member;
	json_array_foreach(json_object_get(truth, "culprits"), index, member) {
		const char *cause = text_of(member, "cause");
		if (*cause && strcmp(cause, verdict->cause->id) != 0)
			continue;
		wanted = member;
		for (size_t i = 0; i < verdict->culprit_count; i++) {
			if (!is_meant(recording, &verdict->culprits[i], member))
				continue;
			found = &verdict->culprits[i];
			if (does_as_stated(found, member))
				return;
		}
	}
	const char *name = text_of(wanted, "process");
	if (found)
		add_clause(out, base__format("%s says of %s %s and not %s", verdict->cause->id, name, operation_of(found),
					     text_of(wanted, "operation")));
	else if (wanted)
		add_clause(out, base__format("%s does not name %s", verdict->cause->id, *name ? name : text_of(wanted, "cgroup")));
}

static void find_accused(const json_t *truth, const struct recording *recording, const struct verdict *verdict, struct string *out)
{
	size_t index;
	json_t *member;
	json_array_foreach(json_object_get(truth, "innocent"), index, member)
		for (size_t i = 0; i < verdict->culprit_count; i++)
			if (is_meant(recording, &verdict->culprits[i], member))
				add_clause(out, base__format("%s accuses %s, which is innocent", verdict->cause->id, text_of(member, "process")));
}

char *truth__differences(const json_t *truth, const struct diagnosis *diagnosis)
{
	const struct recording *recording = diagnosis->ledger->recording;
	cleanup_string struct string out = { 0 };
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		const char *cause = verdict->cause->id;
		bool wanted = holds_word(json_object_get(truth, "causes"), cause);
		if (verdict->kind < VERDICT_CONTRIBUTING) {
			if (wanted)
				add_clause(&out, base__format("%s is true and was not found", cause));
			continue;
		}
		if (wanted)
			compare_culprits(truth, recording, verdict, &out);
		else if (verdict->severity == SEVERITY_NONE)
			continue;       // nobody loses by it: it accuses nobody
		else if (!holds_word(json_object_get(truth, "allowed"), cause))
			add_clause(&out, base__format("%s was found and is not part of the truth", cause));
		find_accused(truth, recording, verdict, &out);
	}
	return out.text ? string__steal(&out) : NULL;
}
