#include "base/string_table.h"

#include <string.h>

const char *string_table__name(const char *const *names, size_t count, size_t value)
{
	return value < count ? names[value] : NULL;
}

size_t string_table__find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return SIZE_MAX;
}
