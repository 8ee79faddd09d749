#include "remedies/offer.h"
#include "base/base.h"

#include <string.h>

void offer__decide(struct remedy_offer *offer, bool applicable, const char *why, ...)
{
	va_list list;
	va_start(list, why);
	char *text = base__format_list(why, list);
	va_end(list);
	free(offer->why);
	offer->applicable = applicable;
	offer->why = text;
}

void offer__take_command(struct remedy_offer *offer, struct shell *command)
{
	free(offer->command);
	offer->command = shell__steal(command);
	if (offer->command)
		return;
	cleanup_free char *why = offer->why;
	offer->why = base__format("%s%s" SHELL_UNFIT, why ? why : "", why ? "; " : "");
}

void offer__set_command(struct remedy_offer *offer, const char *command, ...)
{
	struct shell shell = { 0 };
	va_list list;
	va_start(list, command);
	shell__add_list(&shell, command, list);
	va_end(list);
	offer__take_command(offer, &shell);
}

const struct party *offer__living_party(const struct ledger *ledger, const struct party *parties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct process_row *row = parties[i].process ? recording__process(ledger->recording, parties[i].process) : NULL;
		if (row && !row->gone && row->folded <= 1 && row->pid > 0)
			return &parties[i];
	}
	return NULL;
}

const struct process_row *offer__living(const struct ledger *ledger, const struct party *parties, size_t count)
{
	const struct party *party = offer__living_party(ledger, parties, count);
	return party ? recording__process(ledger->recording, party->process) : NULL;
}

bool offer__is_within(const char *path, const char *group)
{
	size_t length = group ? strlen(group) : 0;
	return path && length && !strncmp(path, group, length) && (!path[length] || path[length] == '/' || group[length - 1] == '/');
}

char *offer__cgroup_file(const struct cgroup_row *group, const char *file)
{
	return base__format("/sys/fs/cgroup%s%s/%s", group->hierarchy == 2 ? "" : "/cpu", group->path, file);
}
