#include "symbolize/demangle.h"

#include <stdbool.h>
#include <string.h>

#include <libiberty/demangle.h>
#undef ARRAY_SIZE       // libiberty.h has one of its own

#include "base/base.h"

#define SYMBOL_LIMIT 65536              // what is longer is not worth the time

// "_ZN…" and "_R…"; some tables have one more underscore in front, clones of the compiler's end in ".cold", ".part.0", ".llvm.123".
static bool is_mangled(const char *symbol)
{
	return !strncmp(symbol, "_Z", 2) || !strncmp(symbol, "_R", 2) || !strncmp(symbol, "__Z", 3) || !strncmp(symbol, "___Z", 4);
}

char *demangle(const char *symbol)
{
	size_t length = strnlen(symbol, SYMBOL_LIMIT);
	const char *version = memchr(symbol, '@', length);
	char *name, *demangled;

	if (version && version > symbol)
		length = (size_t)(version - symbol);
	name = base__alloc(length + 1, 1);
	memcpy(name, symbol, length);
	demangled = is_mangled(name) ? cplus_demangle(name, DMGL_ANSI | DMGL_AUTO) : NULL;
	if (demangled) {
		free(name);
		name = demangled;
	}
	if (strlen(name) > DEMANGLED_LIMIT)
		strcpy(name + DEMANGLED_LIMIT - 3, "...");
	return name;
}
