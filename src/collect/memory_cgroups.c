#include "collect/memory_cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

#define CGROUPS_MOST 1024       // read in one go, upper levels first: memory.stat is not cheap to read
#define V1_NO_LIMIT (1LL << 60) // v1 says "no limit" as the largest number of whole pages
#define MUCH_BYTES (16LL << 20)
#define MUCH_EVENTS 100

struct level { char **paths; size_t count, capacity; };

static int64_t read_number(int directory, const char *name)
{
	char text[64], *end;

	if (base__read_at(directory, name, text, sizeof(text)) < 0)
		return -1;
	int64_t value = strtoll(text, &end, 10);
	return end == text || value >= V1_NO_LIMIT ? -1 : value;
}

static int64_t value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!strncmp(line, key, length) && line[length] == ' ')
			return strtoll(line + length, NULL, 10);
	return -1;
}

// Of the cgroup alone where the kernel tells (5.2 and later), so that a limit answers for itself and not for those below it.
static void read_events(int fd, struct memory_cgroup *cgroup)
{
	char text[1024];

	if (base__read_at(fd, "memory.events.local", text, sizeof(text)) < 0 && base__read_at(fd, "memory.events", text, sizeof(text)) < 0)
		return;
	cgroup->events_high = value_of(text, "high");
	cgroup->events_max = value_of(text, "max");
	cgroup->events_oom = value_of(text, "oom");
}

static void read_v2(int fd, struct memory_cgroup *cgroup)
{
	char text[8192];

	cgroup->current_bytes = read_number(fd, "memory.current");
	cgroup->limit_bytes = read_number(fd, "memory.max");
	cgroup->high_bytes = read_number(fd, "memory.high");
	cgroup->swap_bytes = read_number(fd, "memory.swap.current");
	read_events(fd, cgroup);
	if (base__read_at(fd, "memory.stat", text, sizeof(text)) < 0)
		return;
	cgroup->anon_bytes = value_of(text, "anon");
	cgroup->file_bytes = value_of(text, "file");
	cgroup->slab_bytes = value_of(text, "slab");
	cgroup->refault_anon = value_of(text, "workingset_refault_anon");
	cgroup->refault_file = value_of(text, "workingset_refault_file");
	cgroup->pgmajfault = value_of(text, "pgmajfault");
}

static void read_v1(int fd, struct memory_cgroup *cgroup)
{
	char text[8192];
	int64_t swap_failcnt = read_number(fd, "memory.memsw.failcnt");

	cgroup->current_bytes = read_number(fd, "memory.usage_in_bytes");
	cgroup->limit_bytes = read_number(fd, "memory.limit_in_bytes");
	cgroup->failcnt = read_number(fd, "memory.failcnt");
	if (cgroup->failcnt >= 0 && swap_failcnt > 0)
		cgroup->failcnt += swap_failcnt;
	cgroup->slab_bytes = read_number(fd, "memory.kmem.usage_in_bytes");
	if (base__read_at(fd, "memory.stat", text, sizeof(text)) < 0)
		return;
	cgroup->anon_bytes = value_of(text, "total_rss");
	cgroup->file_bytes = value_of(text, "total_cache");
	cgroup->swap_bytes = value_of(text, "total_swap");
	cgroup->refault_anon = value_of(text, "total_workingset_refault_anon");
	cgroup->refault_file = value_of(text, "total_workingset_refault_file");
	cgroup->pgmajfault = value_of(text, "total_pgmajfault");
}

static void list_children(int fd, const char *path, struct level *next)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);

	if (!directory && copy >= 0)
		close(copy);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		next->paths = base__grow(next->paths, &next->capacity, next->count + 1, sizeof(*next->paths));
		next->paths[next->count++] = base__format("%s/%s", path[1] ? path : "", entry->d_name);
	}
	if (directory)
		closedir(directory);
}

static void add(struct memory_cgroups *cgroups, size_t *capacity, int root, const char *path, struct level *next)
{
	cleanup_fd int fd = openat(root, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return;
	list_children(fd, path, next);
	if (cgroups->count >= CGROUPS_MOST) {
		cgroups->left_out++;
		return;
	}
	cgroups->all = base__grow(cgroups->all, capacity, cgroups->count + 1, sizeof(*cgroups->all));
	struct memory_cgroup *cgroup = &cgroups->all[cgroups->count++];
#define UNKNOWN(name) cgroup->name = -1;
	MEMORY_CGROUP_VALUES(UNKNOWN)
	cgroup->id = (int64_t)status.st_ino;
	cgroup->path = base__copy(path);
	if (cgroups->hierarchy == 2)
		read_v2(fd, cgroup);
	else
		read_v1(fd, cgroup);
}

static int compare(const void *a, const void *b)
{
	const struct memory_cgroup *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

struct memory_cgroups *memory_cgroups__read(const char *mount, int hierarchy)
{
	struct memory_cgroups *cgroups = base__alloc(1, sizeof(*cgroups));
	cleanup_fd int root = mount ? open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct level level = { 0 };
	size_t capacity = 0;

	cgroups->hierarchy = root < 0 ? 0 : hierarchy;
	if (root >= 0) {
		level.paths = base__grow(NULL, &level.capacity, 1, sizeof(*level.paths));
		level.paths[level.count++] = base__copy("/");
	}
	while (level.count) {
		struct level next = { 0 };

		for (size_t i = 0; i < level.count; i++) {
			add(cgroups, &capacity, root, level.paths[i], &next);
			free(level.paths[i]);
		}
		free(level.paths);
		level = next;
	}
	free(level.paths);
	if (cgroups->count)
		qsort(cgroups->all, cgroups->count, sizeof(*cgroups->all), compare);
	return cgroups;
}

void memory_cgroups__free(struct memory_cgroups *cgroups)
{
	for (size_t i = 0; cgroups && i < cgroups->count; i++)
		free(cgroups->all[i].path);
	if (cgroups)
		free(cgroups->all);
	free(cgroups);
}

const struct memory_cgroup *memory_cgroups__by_id(const struct memory_cgroups *cgroups, int64_t id)
{
	struct memory_cgroup key = { .id = id };

	return cgroups && cgroups->count ? bsearch(&key, cgroups->all, cgroups->count, sizeof(key), compare) : NULL;
}

// A cgroup that was made within the window began with nothing.
static int64_t growth(int64_t before, int64_t after)
{
	return after < 0 ? 0 : after - (before < 0 ? 0 : before);
}

static bool is_worth_a_row(const struct memory_cgroup *before, const struct memory_cgroup *after)
{
	if (after->limit_bytes >= 0 || after->high_bytes >= 0 || growth(before->events_high, after->events_high) > 0 ||
	    growth(before->events_max, after->events_max) > 0 || growth(before->failcnt, after->failcnt) > 0)
		return true;
	return growth(before->anon_bytes, after->anon_bytes) >= MUCH_BYTES || growth(before->file_bytes, after->file_bytes) >= MUCH_BYTES ||
	       growth(before->slab_bytes, after->slab_bytes) >= MUCH_BYTES || growth(before->refault_anon, after->refault_anon) >= MUCH_EVENTS ||
	       growth(before->refault_file, after->refault_file) >= MUCH_EVENTS;
}

static void add_row(struct recording *recording, int hierarchy, const char *path, const char *name, int64_t before, int64_t after)
{
	struct kernel_counter_row *row;

	if (after < 0)
		return;
	row = recording__add_kernel_counter(recording);
	row->source = base__format("memcg.v%d", hierarchy);
	row->key = base__copy(path);
	row->name = base__copy(name);
	row->before = before < 0 ? 0 : before;
	row->after = after;
}

void memory_cgroups__store(const struct memory_cgroups *start, const struct memory_cgroups *end, struct recording *recording)
{
	static const struct memory_cgroup nothing;

	for (size_t i = 0; end && i < end->count; i++) {
		const struct memory_cgroup *after = &end->all[i], *before = memory_cgroups__by_id(start, after->id);

		// An inode is used again at times.
		if (!before || strcmp(before->path, after->path))
			before = &nothing;
		if (!is_worth_a_row(before, after))
			continue;
#define STORE(name) add_row(recording, end->hierarchy, after->path, #name, before->name, after->name);
		MEMORY_CGROUP_VALUES(STORE)
	}
}
