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
