#include "collect/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

#define COUNT_LIMIT (1 << 20)   // beyond this not even the names are read

// A snapshot being made: directories found and not yet read, in the order of their level.
struct walk {
	int root_fd;
	int hierarchy;
	const char *cpuset;             // mount point where the effective CPUs stand: this one's, or v1's cpuset
	bool with_pressure;
	struct cgroups *cgroups;
	size_t capacity;
};

static int64_t read_number(int directory_fd, const char *name)
{
	char text[64], *end;

	if (base__read_at(directory_fd, name, text, sizeof(text)) < 0)
		return -1;
	int64_t value = strtoll(text, &end, 10);
	return end == text ? -1 : value;
}

// The value behind `key` in a file of "key value" lines, -1 where there is none.
static int64_t find_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!strncmp(line, key, length) && line[length] == ' ')
			return strtoll(line + length, NULL, 10);
	return -1;
}

static void read_limits_v2(int fd, struct cgroup_facts *facts)
{
	char text[128];

	facts->weight = read_number(fd, "cpu.weight");
	if (base__read_at(fd, "cpu.max", text, sizeof(text)) < 0)
		return;
	if (sscanf(text, "%" SCNd64 " %" SCNd64, &facts->quota_us, &facts->period_us) != 2) {
		facts->quota_us = -1;
		if (sscanf(text, "max %" SCNd64, &facts->period_us) != 1)
			facts->period_us = -1;
	}
}

static void read_limits_v1(int fd, struct cgroup_facts *facts)
{
	facts->weight = read_number(fd, "cpu.shares");
	facts->quota_us = read_number(fd, "cpu.cfs_quota_us");
	facts->period_us = read_number(fd, "cpu.cfs_period_us");
}

static void read_counters(int fd, struct cgroup_facts *facts)
{
	char text[2048];

	if (base__read_at(fd, "cpu.stat", text, sizeof(text)) < 0)
		return;
	facts->periods = find_value(text, "nr_periods");
	facts->throttled_periods = find_value(text, "nr_throttled");
	facts->throttled_us = find_value(text, "throttled_usec");
	int64_t throttled_ns = find_value(text, "throttled_time");
	if (facts->throttled_us < 0 && throttled_ns >= 0)
		facts->throttled_us = throttled_ns / (int64_t)NS_PER_USEC;
}

static void read_cpus(const struct walk *walk, int fd, struct cgroup_facts *facts)
{
	char text[4096] = "";

	if (base__read_at(fd, "cpuset.cpus.effective", text, sizeof(text)) < 0 && walk->cpuset) {
		cleanup_free char *path = base__format("%s%s/cpuset.effective_cpus", walk->cpuset, facts->path);

		base__read_at(AT_FDCWD, path, text, sizeof(text));
	}
	text[strcspn(text, "\n")] = '\0';
	facts->cpus = text[0] ? base__copy(text) : NULL;
}

static void read_pressure(const struct walk *walk, int fd, struct cgroup_facts *facts)
{
	facts->has_pressure = walk->hierarchy == 2 && facts->level > 0 && !faccessat(fd, "cpu.pressure", R_OK, 0);
	for (int resource = 0; resource < PRESSURE_RESOURCES; resource++) {
		struct pressure_totals *totals = &facts->pressure[resource];

		*totals = (struct pressure_totals){ -1, -1 };
		if (facts->has_pressure && walk->with_pressure)
			pressure__read_cgroup(fd, (enum pressure_resource)resource, totals);
	}
}

// Adds the cgroup at `path` ("/", "/a/b"). Takes the path over. False: it has vanished.
static bool add(struct walk *walk, char *path, int level)
{
	struct cgroups *cgroups = walk->cgroups;
	struct stat status;
	cleanup_fd int fd = openat(walk->root_fd, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status)) {
		free(path);
		return false;
	}
	cgroups->all = base__grow(cgroups->all, &walk->capacity, cgroups->count + 1, sizeof(*cgroups->all));
	struct cgroup_facts *facts = &cgroups->all[cgroups->count++];
	*facts = (struct cgroup_facts){ .hierarchy = walk->hierarchy, .path = path, .level = level, .quota_us = -1, .period_us = -1,
					.weight = -1, .periods = -1, .throttled_periods = -1, .throttled_us = -1 };
	facts->id = (int64_t)status.st_ino + (walk->hierarchy == 1 ? CGROUP_V1_ID_BASE : 0);
	if (walk->hierarchy == 2)
		read_limits_v2(fd, facts);
	else
		read_limits_v1(fd, facts);
	read_counters(fd, facts);
	read_cpus(walk, fd, facts);
	read_pressure(walk, fd, facts);
	return true;
}

static bool is_directory(int parent_fd, const struct dirent *entry)
{
	struct stat status;

	if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
		return false;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return !fstatat(parent_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) && S_ISDIR(status.st_mode);
}

struct paths { char **all; size_t count, capacity; };

static void list_children(int root_fd, const char *path, struct paths *paths)
{
	int fd = openat(root_fd, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (!is_directory(fd, entry) || paths->count >= COUNT_LIMIT)
			continue;
		paths->all = base__grow(paths->all, &paths->capacity, paths->count + 1, sizeof(*paths->all));
		paths->all[paths->count++] = base__format("%s/%s", path[1] ? path : "", entry->d_name);
	}
	closedir(directory);
}

// Level by level, so that where the limit cuts, it cuts the deepest.
static int walk_hierarchy(struct walk *walk, const char *mount)
{
	struct paths level = { 0 };
	int depth = 0;

	cleanup_fd int root_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	walk->root_fd = root_fd;
	level.all = base__grow(NULL, &level.capacity, 1, sizeof(*level.all));
	level.all[level.count++] = base__copy("/");
	while (level.count) {
		struct paths next = { 0 };

		for (size_t i = 0; i < level.count; i++) {
			list_children(walk->root_fd, level.all[i], &next);
			if (walk->cgroups->count < CGROUPS_LIMIT) {
				add(walk, level.all[i], depth);
			} else {
				walk->cgroups->left_out++;
				free(level.all[i]);
			}
		}
		free(level.all);
		level = next;
		depth++;
	}
	free(level.all);
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct cgroup_facts *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

int cgroups__snapshot_of(const struct cgroup_mounts *mounts, bool with_pressure, struct cgroups **ret)
{
	struct walk walk = { .with_pressure = with_pressure, .cpuset = mounts->v1_cpuset };
	int error = -ENOENT;

	walk.cgroups = base__alloc(1, sizeof(*walk.cgroups));
	walk.cgroups->mounts.v2 = base__copy(mounts->v2);
	walk.cgroups->mounts.v1_cpu = base__copy(mounts->v1_cpu);
	walk.cgroups->mounts.v1_cpuset = base__copy(mounts->v1_cpuset);
	if (mounts->v2) {
		walk.hierarchy = 2;
		error = walk_hierarchy(&walk, mounts->v2);
	}
	if (mounts->v1_cpu && (!error || error == -ENOENT)) {
		walk.hierarchy = 1;
		error = walk_hierarchy(&walk, mounts->v1_cpu);
	}
	if (error) {
		cgroups__free(walk.cgroups);
		return error;
	}
	qsort(walk.cgroups->all, walk.cgroups->count, sizeof(*walk.cgroups->all), compare);
	*ret = walk.cgroups;
	return 0;
}

int cgroups__snapshot(bool with_pressure, struct cgroups **ret)
{
	struct cgroup_mounts mounts;
	int error = cgroups__find_mounts(&mounts);

	if (error)
		return error;
	error = cgroups__snapshot_of(&mounts, with_pressure, ret);
	cgroups__free_mounts(&mounts);
	return error;
}

void cgroups__free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	for (size_t i = 0; i < cgroups->count; i++) {
		free(cgroups->all[i].path);
		free(cgroups->all[i].cpus);
	}
	free(cgroups->all);
	cgroups__free_mounts(&cgroups->mounts);
	free(cgroups);
}

const struct cgroup_facts *cgroups__by_id(const struct cgroups *cgroups, int64_t id)
{
	struct cgroup_facts key = { .id = id };

	return cgroups->count ? bsearch(&key, cgroups->all, cgroups->count, sizeof(key), compare) : NULL;
}

const struct cgroup_facts *cgroups__by_path(const struct cgroups *cgroups, int hierarchy, const char *path)
{
	for (size_t i = 0; i < cgroups->count; i++)
		if (cgroups->all[i].hierarchy == hierarchy && !strcmp(cgroups->all[i].path, path))
			return &cgroups->all[i];
	return NULL;
}

bool cgroups__any_quota(const struct cgroups *cgroups)
{
	for (size_t i = 0; i < cgroups->count; i++)
		if (cgroups->all[i].quota_us > 0)
			return true;
	return false;
}

size_t cgroups__touch(const struct cgroups *cgroups)
{
	cleanup_fd int root_fd = cgroups->mounts.v2 ? open(cgroups->mounts.v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	size_t read_count = 0;

	for (size_t i = 0; root_fd >= 0 && i < cgroups->count; i++) {
		if (!cgroups->all[i].has_pressure)
			continue;
		cleanup_free char *name = base__format("%s/cpu.pressure", cgroups->all[i].path + 1);
		char text[512];

		read_count += base__read_at(root_fd, name, text, sizeof(text)) >= 0;
	}
	return read_count;
}
