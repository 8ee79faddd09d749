// Names of an enumeration: one table gives both directions.
#ifndef WHYSTALL_NAMES_H
#define WHYSTALL_NAMES_H

#include "base/base.h"

// The name of a value; NULL where the table has none.
const char *names__of(const char *const *names, size_t count, size_t value);
// The value of a name; SIZE_MAX where no value has it (or it is NULL).
size_t names__find(const char *const *names, size_t count, const char *name);

// Defines KIND__name and KIND__from_name for `enum kind` from a table of names, `table[VALUE] = "name"`. KIND__from_name leaves *ret_value alone
// and returns false for a name that is not in the table.
#define NAMES_DEFINE(kind, table) \
	const char *kind##__name(enum kind value) { return names__of(table, ARRAY_SIZE(table), (size_t)value); } \
	bool kind##__from_name(const char *name, enum kind *ret_value) \
	{ \
		size_t value = names__find(table, ARRAY_SIZE(table), name); \
		if (value == SIZE_MAX) \
			return false; \
		*ret_value = (enum kind)value; \
		return true; \
	}
// Declares them.
#define NAMES_DECLARE(kind) \
	const char *kind##__name(enum kind value); \
	bool kind##__from_name(const char *name, enum kind *ret_value)

#endif
