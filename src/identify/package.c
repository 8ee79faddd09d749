#include "identify/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

#define LIST_LIMIT (16U << 20)
#define STATUS_LIMIT (64U << 20)
#define FILES_LIMIT 20000

// A path as it may stand in the database, and the query that it answers.
struct wanted { char *path; struct package_query *query; };

static int compare_wanted(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->path, ((const struct wanted *)b)->path);
}

static void want(struct wanted **wanted, size_t *count, size_t *capacity, const char *path, struct package_query *query)
{
	*wanted = base__grow(*wanted, capacity, *count + 1, sizeof(**wanted));
	(*wanted)[(*count)++] = (struct wanted){ base__copy(path), query };
}

// Whether the first directory of the path is a symbolic link, as /bin to usr/bin.
static bool is_merged(const char *path)
{
	cleanup_free char *directory = base__copy_part(path, 1 + strcspn(path + 1, "/"));
	struct stat status;

	return !lstat(directory, &status) && S_ISLNK(status.st_mode);
}

// "/usr/bin/x" and "/bin/x" are one file since usr-merge; lists keep the name that the package used.
static void want_names(struct wanted **wanted, size_t *count, size_t *capacity, struct package_query *query)
{
	static const char *const merged[] = { "/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/" };

	want(wanted, count, capacity, query->path, query);
	for (size_t i = 0; i < ARRAY_SIZE(merged); i++) {
		size_t length = strlen(merged[i]);

		if (!strncmp(query->path, "/usr", 4) && !strncmp(query->path + 4, merged[i], length) && is_merged(merged[i]))
			want(wanted, count, capacity, query->path + 4, query);
		if (!strncmp(query->path, merged[i], length) && is_merged(merged[i])) {
			cleanup_free char *path = base__format("/usr%s", query->path);

			want(wanted, count, capacity, path, query);
		}
	}
}

static bool is_late(int64_t deadline_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec > deadline_ns;
}

// "libc6:amd64.list" is the list of libc6 for amd64; kept whole for telling architectures apart.
static void search_list(char *text, const char *file_name, const struct wanted *wanted, size_t count)
{
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		bool last = !*end;

		*end = '\0';
		struct wanted key = { .path = line }, *found = bsearch(&key, wanted, count, sizeof(*wanted), compare_wanted);
		if (found && !found->query->name)
			found->query->name = base__copy_part(file_name, strlen(file_name) - strlen(".list"));
		if (last)
			break;
	}
}

// Returns false where there is no list that could be read: no dpkg here.
static bool search_lists(int directory, const struct wanted *wanted, size_t count, int64_t deadline_ns)
{
	int info = openat(directory, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = info < 0 ? NULL : fdopendir(info);
	struct dirent *entry;
	bool any = false;

	if (!entries) {
		if (info >= 0)
			close(info);
		return false;
	}
	for (int files = 0; files < FILES_LIMIT && (entry = readdir(entries)) && !is_late(deadline_ns); files++) {
		cleanup_free char *path = NULL, *text = NULL;
		size_t length = strlen(entry->d_name);

		if (length < 6 || strcmp(entry->d_name + length - 5, ".list"))
			continue;
		path = base__format("/proc/self/fd/%d/%s", info, entry->d_name);
		if (base__read_file(path, LIST_LIMIT, &text) <= 0)
			continue;
		any = true;
		search_list(text, entry->d_name, wanted, count);
	}
	closedir(entries);
	return any;
}

// The value of a field of a paragraph of `status`; not terminated. NULL: no such field.
static const char *field(const char *paragraph, const char *end, const char *name, size_t *ret_length)
{
	size_t wanted = strlen(name);

	for (const char *line = paragraph, *next; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		if ((size_t)(next - line) > wanted + 1 && !memcmp(line, name, wanted) && line[wanted] == ':') {
			line += wanted + 1;
			while (line < next && *line == ' ')
				line++;
			*ret_length = (size_t)(next - line);
			return line;
		}
	}
	*ret_length = 0;
	return NULL;
}

static bool is(const char *text, size_t length, const char *wanted, size_t wanted_length)
{
	return text && length == wanted_length && !memcmp(text, wanted, length);
}

// Package names carry the architecture only where several are installed side by side.
static void take_version(const char *paragraph, const char *end, struct package_query *query)
{
	size_t colon = strcspn(query->name, ":"), package_length, architecture_length, version_length, status_length;
	const char *package = field(paragraph, end, "Package", &package_length);

	if (query->version || !is(package, package_length, query->name, colon))
		return;
	const char *architecture = field(paragraph, end, "Architecture", &architecture_length);
	if (query->name[colon] && !is(architecture, architecture_length, query->name + colon + 1, strlen(query->name + colon + 1)))
		return;
	const char *status = field(paragraph, end, "Status", &status_length);
	const char *version = field(paragraph, end, "Version", &version_length);
	if (version && status && memmem(status, status_length, " installed", 10))
		query->version = base__copy_part(version, version_length);
}

static void find_versions(int directory, struct package_query *queries, size_t count)
{
	cleanup_free char *path = base__format("/proc/self/fd/%d/status", directory), *text = NULL;
	ssize_t length = base__read_file(path, STATUS_LIMIT, &text);

	for (const char *paragraph = text, *end; length > 0 && *paragraph; paragraph = end) {
		size_t name_length;

		end = strstr(paragraph, "\n\n");
		end = end ? end + 1 : paragraph + strlen(paragraph);
		if (field(paragraph, end, "Package", &name_length))
			for (size_t i = 0; i < count; i++)
				if (queries[i].name)
					take_version(paragraph, end, &queries[i]);
		end += strspn(end, "\n");
	}
}

void packages__find(const char *directory, struct package_query *queries, size_t count, int64_t deadline_ns)
{
	cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct wanted *wanted = NULL;
	size_t wanted_count = 0, capacity = 0;

	if (fd < 0 || !count)
		return;
	for (size_t i = 0; i < count; i++)
		want_names(&wanted, &wanted_count, &capacity, &queries[i]);
	if (wanted_count)               // qsort(3) of NULL is undefined, even of nothing
		qsort(wanted, wanted_count, sizeof(*wanted), compare_wanted);
	if (search_lists(fd, wanted, wanted_count, deadline_ns))
		find_versions(fd, queries, count);
	for (size_t i = 0; i < count; i++)
		if (queries[i].name)
			queries[i].name[strcspn(queries[i].name, ":")] = '\0';
	for (size_t i = 0; i < wanted_count; i++)
		free(wanted[i].path);
	free(wanted);
}

void packages__free(struct package_query *queries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(queries[i].name);
		free(queries[i].version);
		queries[i].name = queries[i].version = NULL;
	}
}
