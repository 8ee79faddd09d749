#include "ledger/process_names.h"

#include "base/base.h"

#include <string.h>

const char *process_row__name(const struct process_row *row)
{
	return row && row->name && *row->name ? row->name : "(unnamed)";
}

// The last part of the path of its executable; NULL where that is not known.
static const char *file_name(const struct process_row *row)
{
	const char *slash = row && row->exe ? strrchr(row->exe, '/') : NULL;
	return slash && slash[1] ? slash + 1 : NULL;
}

// Whether one of the words is `text`, or (`beginning`) text begins with it.
static bool has_word(const char *words, const char *text, bool beginning)
{
	for (size_t length; *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		if (length && !strncmp(text, words, length) && (beginning || !text[length]))
			return true;
	}
	return false;
}

static bool is_in_system(const char *path)
{
	static const char *const directories[] = { "/usr/", "/bin/", "/sbin/", "/opt/", "/nix/store/", "/snap/" };
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (!strncmp(path, directories[i], strlen(directories[i])))
			return true;
	return false;
}

bool process_row__is_program(const struct process_row *row, const char *files, const char *packages)
{
	const char *file = file_name(row);
	if (!file || !has_word(files, file, false))
		return false;
	return row->package ? has_word(packages, row->package, true) : !row->exe_uid && is_in_system(row->exe);
}

bool process_row__is_interpreter(const struct process_row *row)
{
	const char *file = file_name(row);
	return has_word("python perl ruby node java php lua beam.smp", file ? file : process_row__name(row), true);
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
		return process_row__is_program(row, "whystall", "whystall");
	if (row->pid == pid)
		return true;
	if (row->parent_pid != pid || strncmp(process_row__name(row), "whystall", 8))
		return false;
	// The workload (-- COMMAND) is a child too, and may be a whystall.
	const struct process_row *recorder = find_recorder(recording, pid);
	return !recorder || (may_be_same(row->exe, recorder->exe) && may_be_same(row->command_line, recorder->command_line));
}
