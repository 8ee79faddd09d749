#include "base/names.h"

#include <string.h>

const char *names__of(const char *const *names, size_t count, size_t value)
{
	return value < count ? names[value] : NULL;
}

size_t names__find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return SIZE_MAX;
}
