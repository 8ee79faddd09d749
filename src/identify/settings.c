#include "identify/settings.h"

#include <stdbool.h>
#include <string.h>

#include "base/base.h"
#include "identify/meaning.h"

#define VALUE_LIMIT 512
#define LINES_LIMIT 4096

// A name that ends in '_' stands for all that begin with it.
static const char *const names[] = {
	"GLIBC_TUNABLES", "MALLOC_", "_RJEM_MALLOC_CONF", "JE_MALLOC_CONF", "MIMALLOC_", "mimalloc_", "TCMALLOC_", "LD_PRELOAD",
	"GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS",
};

static bool is_listed(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t wanted = strlen(names[i]);

		if (names[i][wanted - 1] == '_' ? length > wanted && !memcmp(name, names[i], wanted)
			: length == wanted && !memcmp(name, names[i], wanted))
			return true;
	}
	return false;
}

static void take(const char *entry, size_t length, struct string *lines, struct settings *settings)
{
	const char *equals = memchr(entry, '=', length);
	size_t name = equals ? (size_t)(equals - entry) : 0;
	char line[VALUE_LIMIT];

	if (!name)
		return;
	// The loader takes the last one of the same name (process_envvars, elf/rtld.c).
	char **kept = name == 10 && !memcmp(entry, "LD_PRELOAD", name) ? &settings->preload
		: name == 15 && !memcmp(entry, "LD_LIBRARY_PATH", name) ? &settings->library_path : NULL;
	if (kept) {
		free(*kept);
		*kept = base__copy_part(equals + 1, length - name - 1);
	}
	if (!is_listed(entry, name) || lines->length + sizeof(line) > LINES_LIMIT)
		return;
	identify__printable(entry, length, line, sizeof(line));
	string__add(lines, "%s%s", lines->length ? "\n" : "", line);
}

void settings__read(const char *environment, size_t length, struct settings *ret)
{
	struct string lines = { 0 };

	*ret = (struct settings){ 0 };
	for (const char *end = environment + length; environment < end;) {
		const char *nul = memchr(environment, 0, (size_t)(end - environment));
		size_t entry = nul ? (size_t)(nul - environment) : (size_t)(end - environment);

		take(environment, entry, &lines, ret);
		environment += entry + 1;
	}
	ret->lines = string__steal(&lines);
}

void settings__free(struct settings *settings)
{
	free(settings->lines);
	free(settings->preload);
	free(settings->library_path);
	*settings = (struct settings){ 0 };
}
