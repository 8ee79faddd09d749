#include "causes/wording.h"

#include <math.h>
#include <string.h>

struct text_figure wording__seconds(double seconds)
{
	struct text_figure figure;
	double size = fabs(seconds);
	if (size >= 99.95)
		snprintf(figure.text, sizeof(figure.text), "%.0f s", seconds);
	else if (size >= 9.995)
		snprintf(figure.text, sizeof(figure.text), "%.1f s", seconds);
	else if (size >= 0.9995)
		snprintf(figure.text, sizeof(figure.text), "%.2f s", seconds);
	else if (size >= 0.0009995)
		snprintf(figure.text, sizeof(figure.text), size >= 0.09995 ? "%.0f ms" : "%.1f ms", seconds * 1e3);
	else
		snprintf(figure.text, sizeof(figure.text), size > 0 ? "%.0f µs" : "%.0f s", seconds * 1e6);
	return figure;
}

struct text_figure wording__percent(double share)
{
	struct text_figure figure;
	double percent = share * 100;
	snprintf(figure.text, sizeof(figure.text), percent >= 9.95 ? "%.0f %%" : percent >= 0.095 ? "%.1f %%" : percent > 0 ? "%.2f %%" : "0 %%",
		 percent);
	return figure;
}

struct text_figure wording__count(double number)
{
	struct text_figure figure;
	if (number < 1e6)
		snprintf(figure.text, sizeof(figure.text), number < 10 && number != floor(number) ? "%.1f" : "%.0f", number);
	else
		snprintf(figure.text, sizeof(figure.text), "%.1f million", number / 1e6);
	return figure;
}

void wording__pids(struct string *out, const struct recording *recording, const struct party *party, const char *separator,
		   size_t most)
{
	size_t shown = 0;
	for (size_t i = 0; i < party->member_count; i++) {
		const struct process_row *row = recording__process(recording, party->members[i]);
		if (!row || row->pid <= 0)
			continue;
		if (shown == most) {
			// In a command the mark would be an argument.
			string__add(out, "%s", separator[0] == ',' && separator[1] == ' ' ? ", …" : "");
			return;
		}
		string__add(out, "%s%lld", shown++ ? separator : "", (long long)row->pid);
	}
}

void wording__pid_words(struct shell *shell, const struct recording *recording, const struct party *party, size_t most)
{
	size_t shown = 0;
	for (size_t i = 0; i < party->member_count && shown < most; i++) {
		const struct process_row *row = recording__process(recording, party->members[i]);
		// The number of one that has ended may be another's by now.
		if (row && row->pid > 0 && !row->gone) {
			shell__add(shell, "%lld", (long long)row->pid);
			shown++;
		}
	}
	if (!shown)
		shell__add(shell, "PID");
}

static const char *noun(const struct process_row *row, int64_t count)
{
	return row->kernel_thread ? (count == 1 ? "kernel thread" : "kernel threads") : count == 1 ? "process" : "processes";
}

// Per-CPU kernel threads differ behind the slash; together they go by what is before it.
static int name_length(const struct process_row *row, int64_t count)
{
	const char *name = process_row__name(row);
	return (int)(row->kernel_thread && count > 1 ? strcspn(name, "/") : strlen(name));
}

static bool is_known(const char *text)
{
	return text && *text && strcmp(text, "unknown");
}

static void add_allocator(struct string *out, const struct process_row *row)
{
	const char *comma = out->text ? ", " : "", *name = row->allocator;
	// That a Go program's heap is Go's own goes without saying.
	if (!is_known(name) || !strcmp(name, "go"))
		return;
	if (!strcmp(name, "own"))
		string__add(out, "%san allocator of its own", comma);
	else if (!strcmp(name, "glibc") || !strcmp(name, "musl"))
		string__add(out, "%s%s malloc", comma, name);
	else if (row->allocator_how && (!strcmp(row->allocator_how, "linked in") || !strcmp(row->allocator_how, "preloaded")))
		string__add(out, "%s%s %s", comma, name, row->allocator_how);
	else
		string__add(out, "%s%s", comma, name);
}

char *wording__making(const struct process_row *row)
{
	static const struct { const char *runtime, *name; } names[] = {
		{ "go", "Go" }, { "rust", "Rust" }, { "c", "C" }, { "c++", "C++" }, { "jvm", "Java" }, { "node", "Node.js" },
		{ "python", "Python" }, { "perl", "Perl" }, { "ruby", "Ruby" },
	};
	struct string out = { 0 };
	if (!row || row->kernel_thread)
		return NULL;
	if (is_known(row->runtime)) {
		const char *name = row->runtime, *version = row->runtime_version;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i].runtime))
				name = names[i].name;
		// Go's own way to write its version: go1.22.1.
		if (version && !strncmp(version, "go", 2))
			version += 2;
		string__add(&out, "%s%s%s", name, is_known(version) ? " " : "", is_known(version) ? version : "");
	}
	if (is_known(row->linkage))
		string__add(&out, "%s%s", out.text ? ", " : "", row->linkage);
	add_allocator(&out, row);
	return out.text;
}

static char *name_party(const struct recording *recording, const struct party *party, size_t pids_most, bool made)
{
	const struct process_row *row = party->process ? recording__process(recording, party->process) : NULL;
	if (!row)
		return base__copy(party->name ? party->name : party_kind__name(party->kind));
	const char *name = process_row__name(row);
	bool ended = row->gone || row->folded > 1;
	cleanup_string struct string pids = { 0 };
	if (pids_most && !ended)
		wording__pids(&pids, recording, party, ", ", pids_most);
	cleanup_free char *making = made ? wording__making(row) : NULL;
	const char *comma = making ? ", " : "";
	if (party->processes == 1)
		return base__format("%s (%spid %lld%s%s%s)", name, row->kernel_thread ? "kernel thread, " : "", (long long)row->pid,
				    ended ? ", has ended" : "", comma, making ? making : "");
	return base__format("%.*s (%lld %s%s%s%s%s%s)", name_length(row, party->processes), name, (long long)party->processes,
			    noun(row, party->processes), ended ? ", ended meanwhile" : "", pids.text ? ", pids " : "", pids.text ? pids.text : "",
			    comma, making ? making : "");
}

char *wording__party(const struct recording *recording, const struct party *party)
{
	return name_party(recording, party, 3, false);
}

char *wording__party_made(const struct recording *recording, const struct party *party)
{
	return name_party(recording, party, 3, true);
}

char *wording__party_brief(const struct recording *recording, const struct party *party)
{
	return name_party(recording, party, 0, false);
}

char *wording__identity(const struct process_row *row)
{
	struct string out = { 0 };
	const char *comma = "";
	if (!row)
		return NULL;
	// A script says more than the path of its interpreter.
	if (row->command_line && *row->command_line && process_row__is_interpreter(row))
		string__add(&out, "%s", row->command_line), comma = ", ";
	else if (row->exe && *row->exe)
		string__add(&out, "%s", row->exe), comma = ", ";
	if (row->vm_id)
		string__add(&out, "%sVM %s%s%s%s", comma, row->vm_id, row->vm_name ? " (" : "", row->vm_name ? row->vm_name : "",
			    row->vm_name ? ")" : ""), comma = ", ";
	if (row->container)
		string__add(&out, "%scontainer %s", comma, row->container), comma = ", ";
	if (row->unit)
		string__add(&out, "%sunit %s%s", comma, row->unit, row->unit_manager && !strcmp(row->unit_manager, "container") ? " of its own systemd" : ""), comma = ", ";
	else if (!row->container && !row->vm_id && row->cgroup && strcmp(row->cgroup, "/"))
		string__add(&out, "%scgroup %s", comma, row->cgroup);
	return out.text;
}
