// Names of an enumeration: one table gives both directions.
#ifndef WHYSTALL_STRING_TABLE_H
#define WHYSTALL_STRING_TABLE_H

#include "base/base.h"

// The name of a value; NULL where the table has none.
const char *string_table__name(const char *const *names, size_t count, size_t value);
// The value of a name; SIZE_MAX where no value has it (or it is NULL).
size_t string_table__find(const char *const *names, size_t count, const char *name);

// KIND__name gives the name of a value of `enum KIND`, NULL if it has none; KIND__from_name the value of a name, `otherwise` if no value has it.
#define STRING_TABLE_DECLARE(kind) \
	const char *kind##__name(enum kind value); \
	enum kind kind##__from_name(const char *name, enum kind otherwise)
// Defines them by a table `names[VALUE] = "name"`.
#define STRING_TABLE_DEFINE(kind, names) \
	const char *kind##__name(enum kind value) { return string_table__name(names, ARRAY_SIZE(names), (size_t)value); } \
	enum kind kind##__from_name(const char *name, enum kind otherwise) \
	{ \
		size_t value = string_table__find(names, ARRAY_SIZE(names), name); \
		return value == SIZE_MAX ? otherwise : (enum kind)value; \
	}

#endif
