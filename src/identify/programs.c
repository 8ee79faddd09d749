#include "identify/programs.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "identify/package.h"
#include "identify/parcel.h"
#include "identify/program_files.h"
#include "identify/started.h"
#include "isolate/isolate.h"

#define DATABASE_PATIENCE_NS ((int64_t)(2 * NS_PER_SEC))
#define DATABASE_MEMORY ((size_t)256 << 20)
#define DPKG "/var/lib/dpkg"

struct packages { struct package_query *queries; size_t count; int64_t deadline_ns; };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

// In the child: the database is one item for all, it is read in one pass. It is root's own and everybody's to read.
static void read_packages(void *context, size_t item, struct isolate_channel *channel)
{
	struct packages *packages = context;

	(void)item;
	packages__find(DPKG, packages->queries, packages->count, packages->deadline_ns);
	for (size_t i = 0; i < packages->count; i++) {
		struct string parcel = { 0 };

		string__add_bytes(&parcel, (const char *)&i, sizeof(i));
		parcel__add(&parcel, packages->queries[i].name);
		parcel__add(&parcel, packages->queries[i].version);
		isolate__send(channel, parcel.text, parcel.length);
		string__free(&parcel);
	}
}

static void take_package(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct packages *packages = context;
	size_t number;
	struct parcel parcel = { (const char *)bytes + sizeof(number), (const char *)bytes + length };

	(void)item;
	if (length < sizeof(number))
		return;
	memcpy(&number, bytes, sizeof(number));
	if (number >= packages->count || packages->queries[number].name)
		return;
	packages->queries[number].name = parcel__next_printable(&parcel);
	packages->queries[number].version = parcel__next_printable(&parcel);
}

static void free_packages(struct packages *packages)
{
	for (size_t i = 0; i < packages->count; i++)
		free((char *)packages->queries[i].path);
	packages__free(packages->queries, packages->count);
	free(packages->queries);
}

static struct package_query *find_query(struct packages *packages, const char *path)
{
	for (size_t i = 0; i < packages->count; i++)
		if (!strcmp(packages->queries[i].path, path))
			return &packages->queries[i];
	return NULL;
}

static struct packages ask_packages(const struct program_facts *programs, size_t count, int64_t deadline_ns)
{
	struct packages packages = { .deadline_ns = deadline_ns };
	struct isolate_job job = { .items = 1, .batch = 1, .prepare = read_packages, .receive = take_package, .context = &packages };
	struct isolate_budget budget = { .cpu_ns = DATABASE_PATIENCE_NS, .child_cpu_ns = DATABASE_PATIENCE_NS, .wall_ns = deadline_ns - now_ns(),
		.item_wall_ns = DATABASE_PATIENCE_NS, .memory_bytes = DATABASE_MEMORY };
	size_t capacity = 0;

	for (size_t i = 0; i < count; i++) {
		const char *path = programs[i].facts.package_path;

		if (!path || find_query(&packages, path))
			continue;
		packages.queries = base__grow(packages.queries, &capacity, packages.count + 1, sizeof(*packages.queries));
		packages.queries[packages.count++] = (struct package_query){ .path = base__copy(path) };
	}
	if (packages.count)
		isolate__run(&job, &budget);
	return packages;
}

static void move(char **to, char **from)
{
	if (!*from)
		return;
	free(*to);
	*to = *from;
	*from = NULL;
}

static void fill(struct started *started, struct program_facts *program, struct packages *packages, struct process_row *row)
{
	struct executable_facts *facts = &program->facts;
	struct { char **to, **from; } fields[] = {
		{ &row->runtime, &facts->runtime }, { &row->runtime_version, &facts->runtime_version }, { &row->module, &facts->module },
		{ &row->module_version, &facts->module_version }, { &row->linkage, &facts->linkage }, { &row->loader, &facts->loader },
		{ &row->libc, &facts->libc }, { &row->allocator, &facts->allocator }, { &row->allocator_how, &facts->allocator_how },
		{ &row->build_id, &facts->build_id }, { &row->settings, &started->settings.lines },
	};
	struct package_query *query = facts->package_path ? find_query(packages, facts->package_path) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		move(fields[i].to, fields[i].from);
	row->calls_mallopt = facts->calls_mallopt;
	row->exe_deleted = facts->exe_deleted;
	row->exe_uid = program->ownership.owner;
	row->exe_trusted = program->ownership.trusted;
	if (!query || !query->name)
		return;
	row->package = base__copy(query->name);
	// A file that was removed or replaced came with an earlier version than the one in the database.
	row->package_version = facts->exe_deleted ? NULL : base__copy(query->version);
}

static bool has_program(const struct process_row *row)
{
	return !row->kernel_thread && (row->gone ? row->exe && !row->container : row->pid > 0);
}

// An environment that can't be read, because its process' lock is held, must not cost what the file tells: that process is
// likely to be the one that the report will be about. So this is a pass of its own.
int identify__programs(struct process_row *rows, size_t count, int64_t limit_ns)
{
	int64_t deadline_ns = now_ns() + limit_ns, missed;
	struct process_row **asked = base__alloc(count, sizeof(*asked));
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (has_program(&rows[i]))
			asked[used++] = &rows[i];
	struct started *started = base__alloc(used, sizeof(*started));
	struct program_facts *programs = base__alloc(used, sizeof(*programs));
	for (size_t i = 0; i < used; i++)
		started[i] = (struct started){ .pid = asked[i]->pid, .start_ns = asked[i]->start_ns, .gone = asked[i]->gone,
			.exe = base__copy(asked[i]->exe) };
	started__read_settings(started, used, limit_ns / 4);
	missed = program_files__read(started, programs, used, deadline_ns - now_ns());
	struct packages packages = ask_packages(programs, used, deadline_ns);
	for (size_t i = 0; i < used; i++) {
		asked[i]->uid = programs[i].ownership.user;
		if (programs[i].found)
			fill(&started[i], &programs[i], &packages, asked[i]);
		executable_facts__free(&programs[i].facts);
		started__free(&started[i]);
	}
	free_packages(&packages);
	free(programs);
	free(started);
	free(asked);
	return (int)missed;
}
