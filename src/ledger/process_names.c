#include "ledger/process_names.h"

#include "base/base.h"

#include <string.h>

const char *process_row__name(const struct process_row *row)
{
	return row && row->name && *row->name ? row->name : "(unnamed)";
}

bool process_row__is_interpreter(const struct process_row *row)
{
	static const char *const names[] = { "python", "perl", "ruby", "node", "java", "php", "lua", "beam.smp" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(process_row__name(row), names[i], strlen(names[i])))
			return true;
	return false;
}

// Of two texts, either of which may not have been read.
static bool may_be_same(const char *a, const char *b)
{
	return !a || !b || !strcmp(a, b);
}

static const struct process_row *find_recorder(const struct recording *recording, int64_t pid)
{
	for (size_t i = 0; i < recording->process_count; i++)
		if (recording->process[i].pid == pid)
			return &recording->process[i];
	return NULL;
}

bool process_row__is_tool(const struct recording *recording, const struct process_row *row)
{
	int64_t pid = recording__meta_number(recording, "tool_pid", 0);
	if (pid <= 0)
		return !strcmp(process_row__name(row), "whystall");
	if (row->pid == pid)
		return true;
	if (row->parent_pid != pid || strncmp(process_row__name(row), "whystall", 8))
		return false;
	// The workload (-- COMMAND) is a child too, and may be a whystall.
	const struct process_row *recorder = find_recorder(recording, pid);
	return !recorder || (may_be_same(row->exe, recorder->exe) && may_be_same(row->command_line, recorder->command_line));
}
