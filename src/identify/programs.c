#include "identify/programs.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/executable.h"
#include "identify/package.h"
#include "identify/patience.h"
#include "identify/stat.h"
#include "identify/trust.h"

#define ENVIRONMENT_LIMIT (256U << 10)
#define ARGUMENTS_LIMIT (64U << 10)
#define LOCK_PATIENCE_NS ((int64_t)(100 * NS_PER_MSEC))
#define FILE_PATIENCE_NS ((int64_t)NS_PER_SEC)
#define DPKG "/var/lib/dpkg"

// What a process was started with, as far as its row and /proc tell.
struct start {
	int64_t pid, start_ns;
	bool gone;
	char *exe;
	bool settings_known;
	struct settings settings;
	char *program;                  // what a loader was asked to run
};

struct entry {
	struct start start;
	bool tried, found, runs_as_root;
	int64_t user;
	struct executable_facts facts;
};

static void clean_start(void *element)
{
	struct start *start = element;

	free(start->exe);
	free(start->program);
	settings__free(&start->settings);
}

static void clean_entry(void *element)
{
	struct entry *entry = element;

	clean_start(&entry->start);
	executable_facts__free(&entry->facts);
}

static void read_environment(void *tools, void *element)
{
	struct start *start = element;
	cleanup_free char *path = base__format("/proc/%lld/environ", (long long)start->pid), *text = NULL;
	cleanup_free char *arguments_path = NULL, *arguments = NULL;

	(void)tools;
	if (start->gone || !stat__is_process(start->pid, start->start_ns))
		return;
	ssize_t length = base__read_file(path, ENVIRONMENT_LIMIT, &text);
	if (length >= 0) {
		settings__read(text, (size_t)length, &start->settings);
		start->settings_known = true;
		explicit_bzero(text, (size_t)length);
	}
	if (!executable__is_loader(start->exe))
		return;
	arguments_path = base__format("/proc/%lld/cmdline", (long long)start->pid);
	length = base__read_file(arguments_path, ARGUMENTS_LIMIT, &arguments);
	start->program = base__copy(length > 0 ? executable__loaded_program(arguments, (size_t)length) : NULL);
}

static void read_executable(void *tools, void *element)
{
	struct entry *entry = element;
	const struct start *start = &entry->start;
	struct executable_subject subject = { .proc_fd = -1, .path = start->exe, .program = start->program,
		.settings = start->settings_known ? &start->settings : NULL };
	cleanup_free char *path = base__format("/proc/%lld", (long long)start->pid);
	cleanup_fd int directory = start->gone ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	entry->tried = true;
	entry->user = -1;
	subject.proc_fd = directory;
	if (!start->gone && (directory < 0 || !stat__is_process(start->pid, start->start_ns)))
		return;         // it has ended meanwhile, the number may be another's
	if (directory >= 0)
		entry->user = trust__user(directory, &entry->runs_as_root);
	entry->found = executables__identify(tools, &subject, &entry->facts) == 0;
}

// The package database is one entry for all: it is read in one pass.
struct packages { struct package_query *queries; size_t count; int64_t deadline_ns; };

static void read_packages(void *tools, void *element)
{
	struct packages *packages = element;

	(void)tools;
	if (packages->count)
		packages__find(DPKG, packages->queries, packages->count, packages->deadline_ns);
}

static void clean_packages(void *element)
{
	struct packages *packages = element;

	for (size_t i = 0; i < packages->count; i++)
		free((char *)packages->queries[i].path);
	packages__free(packages->queries, packages->count);
	free(packages->queries);
}

static const struct patience environments = { .entry_size = sizeof(struct start), .step = read_environment, .clean = clean_start,
	.step_ns = LOCK_PATIENCE_NS };
static void *make_tools(void) { return executables__new(); }
static void free_tools(void *tools) { executables__free(tools); }
static const struct patience files = { .entry_size = sizeof(struct entry), .step = read_executable, .clean = clean_entry,
	.make_tools = make_tools, .free_tools = free_tools, .step_ns = FILE_PATIENCE_NS };
static const struct patience databases = { .entry_size = sizeof(struct packages), .step = read_packages, .clean = clean_packages,
	.step_ns = 2 * FILE_PATIENCE_NS };

static struct package_query *find_query(struct packages *packages, const char *path)
{
	for (size_t i = 0; i < packages->count; i++)
		if (!strcmp(packages->queries[i].path, path))
			return &packages->queries[i];
	return NULL;
}

static struct packages ask_packages(const struct entry *entries, size_t count, int64_t deadline_ns)
{
	struct packages packages = { .deadline_ns = deadline_ns };
	size_t capacity = 0;

	for (size_t i = 0; i < count; i++) {
		const char *path = entries[i].facts.package_path;

		if (!path || find_query(&packages, path))
			continue;
		packages.queries = base__grow(packages.queries, &capacity, packages.count + 1, sizeof(*packages.queries));
		packages.queries[packages.count++] = (struct package_query){ .path = base__copy(path) };
	}
	patience__each(&databases, &packages, 1, deadline_ns);
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

static void fill(struct entry *entry, struct packages *packages, struct process_row *row)
{
	struct executable_facts *facts = &entry->facts;
	struct { char **to, **from; } fields[] = {
		{ &row->runtime, &facts->runtime }, { &row->runtime_version, &facts->runtime_version }, { &row->module, &facts->module },
		{ &row->module_version, &facts->module_version }, { &row->linkage, &facts->linkage }, { &row->loader, &facts->loader },
		{ &row->libc, &facts->libc }, { &row->allocator, &facts->allocator }, { &row->allocator_how, &facts->allocator_how },
		{ &row->build_id, &facts->build_id }, { &row->settings, &entry->start.settings.lines },
	};
	struct package_query *query = facts->package_path ? find_query(packages, facts->package_path) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		move(fields[i].to, fields[i].from);
	row->calls_mallopt = facts->calls_mallopt;
	row->exe_deleted = facts->exe_deleted;
	row->exe_uid = facts->owner;
	// The path is what would be advised, the file what was looked at.
	row->exe_trusted = entry->runs_as_root && facts->roots && row->exe && !strcmp(row->exe, facts->package_path);
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

static struct start start_of(const struct process_row *row)
{
	return (struct start){ .pid = row->pid, .start_ns = row->start_ns, .gone = row->gone, .exe = base__copy(row->exe) };
}

// An environment that can't be read, because its process' lock is held, must not cost what the file tells: that process is
// likely to be the one that the report will be about. So this is a pass of its own.
static void read_environments(struct process_row *const *rows, struct entry *entries, size_t count, int64_t deadline_ns)
{
	struct start *starts = base__alloc(count, sizeof(*starts));

	for (size_t i = 0; i < count; i++)
		starts[i] = start_of(rows[i]);
	patience__each(&environments, starts, count, deadline_ns);
	for (size_t i = 0; i < count; i++)
		entries[i].start = starts[i].exe || starts[i].pid ? starts[i] : start_of(rows[i]);
	free(starts);
}

int identify__programs(struct process_row *rows, size_t count, int64_t limit_ns)
{
	int64_t now_ns = patience__now_ns(), deadline_ns = now_ns + limit_ns;
	struct process_row **asked = base__alloc(count, sizeof(*asked));
	size_t used = 0, missed = 0;

	for (size_t i = 0; i < count; i++)
		if (has_program(&rows[i]))
			asked[used++] = &rows[i];
	struct entry *entries = base__alloc(used, sizeof(*entries));
	read_environments(asked, entries, used, now_ns + limit_ns / 4);
	patience__each(&files, entries, used, deadline_ns);
	struct packages packages = ask_packages(entries, used, deadline_ns);
	for (size_t i = 0; i < used; i++) {
		missed += !entries[i].tried;
		asked[i]->uid = entries[i].tried ? entries[i].user : -1;
		if (entries[i].found)
			fill(&entries[i], &packages, asked[i]);
		clean_entry(&entries[i]);
	}
	clean_packages(&packages);
	free(entries);
	free(asked);
	return (int)missed;
}
