#include "collect/counters.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define COUNTERS_LIMIT 65536

struct counter { char *source, *key, *name; int64_t before, after; };
struct counters { void *tree; size_t count; };

static int compare(const void *a, const void *b)
{
	const struct counter *left = a, *right = b;
	int order = strcmp(left->source, right->source);

	order = order ? order : strcmp(left->key, right->key);
	return order ? order : strcmp(left->name, right->name);
}

struct counters *counters__new(void)
{
	return base__alloc(1, sizeof(struct counters));
}

static void free_counter(void *node)
{
	struct counter *counter = node;

	free(counter->source);
	free(counter->key);
	free(counter->name);
	free(counter);
}

void counters__free(struct counters *counters)
{
	if (!counters)
		return;
	tdestroy(counters->tree, free_counter);
	free(counters);
}

void counters__note(struct counters *counters, const char *source, const char *key, const char *name, int64_t value)
{
	struct counter wanted = { (char *)source, (char *)key, (char *)name, 0, 0 };
	struct counter **found = tfind(&wanted, &counters->tree, compare), *counter;

	value = value < 0 ? 0 : value;
	if (found) {
		(*found)->after = value;
		return;
	}
	if (counters->count >= COUNTERS_LIMIT)
		return;
	counter = base__alloc(1, sizeof(*counter));
	*counter = (struct counter){ base__copy(source), base__copy(key), base__copy(name), value, value };
	base__tsearch(counter, &counters->tree, compare);
	counters->count++;
}

int64_t counters__last(const struct counters *counters, const char *source, const char *key, const char *name)
{
	struct counter wanted = { (char *)source, (char *)key, (char *)name, 0, 0 };
	struct counter **found = tfind(&wanted, &counters->tree, compare);

	return found ? (*found)->after : -1;
}

int64_t counters__growth(const struct counters *counters, const char *source, const char *key, const char *name)
{
	struct counter wanted = { (char *)source, (char *)key, (char *)name, 0, 0 };
	struct counter **found = tfind(&wanted, &counters->tree, compare);

	return !found ? -1 : (*found)->after > (*found)->before ? (*found)->after - (*found)->before : 0;
}

static bool is_among(const char *name, const char *names)
{
	size_t length = strlen(name);

	for (const char *found = names; (found = strstr(found, name)); found++)
		if ((found == names || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
			return true;
	return false;
}

int counters__note_lines(struct counters *counters, const char *source, const char *key, const char *text, const char *names)
{
	cleanup_free char *copy = base__copy(text);
	char *rest = copy, *end;
	int noted = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		char *value = line + strcspn(line, " \t:");

		if (!*value)
			continue;
		*value++ = 0;
		value += strspn(value, " \t:");
		errno = 0;
		long long number = strtoll(value, &end, 10);
		if (end == value || errno || !*line || (names && !is_among(line, names)))
			continue;
		counters__note(counters, source, key, line, number);
		noted++;
	}
	return noted;
}

static void store(const void *node, VISIT visit, void *closure)
{
	const struct counter *counter = *(const struct counter *const *)node;
	struct kernel_counter_row *row;

	if (visit != postorder && visit != leaf)
		return;
	row = recording__add_kernel_counter(closure);
	row->source = base__copy(counter->source);
	row->key = base__copy(counter->key);
	row->name = base__copy(counter->name);
	row->before = counter->before;
	row->after = counter->after;
}

void counters__store(const struct counters *counters, struct recording *recording)
{
	twalk_r(counters->tree, store, recording);
}
