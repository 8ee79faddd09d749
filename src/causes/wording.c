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

const char *wording__process_name(const struct process_row *row)
{
	return row && row->name && *row->name ? row->name : "(unnamed)";
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
			string__add(out, "%s…", separator);
			return;
		}
		string__add(out, "%s%lld", shown++ ? separator : "", (long long)row->pid);
	}
}

char *wording__party(const struct recording *recording, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(recording, party->process) : NULL;
	if (!row)
		return base__copy(party->name ? party->name : party->kind);
	cleanup_string struct string pids = { 0 };
	wording__pids(&pids, recording, party, ", ", 3);
	const char *name = wording__process_name(row);
	if (row->kernel_thread && party->processes == 1)
		return base__format("%s (kernel thread, pid %lld)", name, (long long)row->pid);
	if (row->gone || row->folded > 1 || !pids.text)
		return party->processes == 1 ? base__format("%s (pid %lld, has ended)", name, (long long)row->pid)
					     : base__format("%s (%lld processes, ended meanwhile)", name, (long long)party->processes);
	if (party->processes == 1)
		return base__format("%s (pid %s)", name, pids.text);
	return base__format("%s (%lld processes, pids %s)", name, (long long)party->processes, pids.text);
}

char *wording__party_short(const struct recording *recording, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(recording, party->process) : NULL;
	if (!row)
		return base__copy(party->name ? party->name : party->kind);
	if (party->processes > 1)
		return base__format("%lld x %s", (long long)party->processes, wording__process_name(row));
	return base__format("%s (pid %lld)", wording__process_name(row), (long long)row->pid);
}

char *wording__identity(const struct process_row *row)
{
	struct string out = { 0 };
	const char *comma = "";
	if (!row)
		return NULL;
	if (row->exe && *row->exe)
		string__add(&out, "%s", row->exe), comma = ", ";
	if (row->vm_id)
		string__add(&out, "%sVM %s%s%s%s", comma, row->vm_id, row->vm_name ? " (" : "", row->vm_name ? row->vm_name : "",
			    row->vm_name ? ")" : ""), comma = ", ";
	if (row->container)
		string__add(&out, "%scontainer %s", comma, row->container), comma = ", ";
	if (row->unit)
		string__add(&out, "%sunit %s", comma, row->unit), comma = ", ";
	else if (!row->container && !row->vm_id && row->cgroup && strcmp(row->cgroup, "/"))
		string__add(&out, "%scgroup %s", comma, row->cgroup);
	return out.text;
}
