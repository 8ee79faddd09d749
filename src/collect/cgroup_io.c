#include "collect/cgroup_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/block_account.h"

#define PATHS_LIMIT 8192
#define LIMITED_LIMIT 256               // cgroup × device
#define MEMBERS_LIMIT 4096
#define WALK_LOOKS 8                    // looks from one walk through the hierarchy to the next
#define SHORTEST_NS (200 * NS_PER_MSEC) // a rate over less says nothing: limits are applied in slices of 100 ms (throtl_slice)
#define TEXT_LIMIT (64u << 10)

struct path { char *text; uint64_t id; };
struct limited {
	char *path;
	struct io_line limits;
	bool cost;
	struct io_line first, last;     // sums
	uint64_t last_ns, watched_ns, at_limit_ns;
	bool read, found;               // `last` holds something; the walk at hand met it
};
struct member { size_t limited; int64_t process, looks; };
struct cgroup_io {
	char *mount;
	bool v2;
	struct path *paths; size_t path_count, path_capacity;
	struct limited *all; size_t count, capacity;
	struct member *members; size_t member_count, member_capacity;
	unsigned looks;
};

struct cgroup_io *cgroup_io__new(void)
{
	struct cgroup_mounts mounts;
	struct cgroup_io *watch = NULL;

	if (cgroups__find_mounts(&mounts))
		return NULL;
	if (mounts.v2 && cgroups__has_controller(mounts.v2, "io")) {
		watch = base__alloc(1, sizeof(*watch));
		watch->mount = base__copy(mounts.v2);
		watch->v2 = true;
	} else if (mounts.v1_blkio) {
		watch = base__alloc(1, sizeof(*watch));
		watch->mount = base__copy(mounts.v1_blkio);
	}
	cgroups__free_mounts(&mounts);
	return watch;
}

static void forget_paths(struct cgroup_io *watch)
{
	for (size_t i = 0; i < watch->path_count; i++)
		free(watch->paths[i].text);
	watch->path_count = 0;
}

void cgroup_io__free(struct cgroup_io *watch)
{
	if (!watch)
		return;
	forget_paths(watch);
	for (size_t i = 0; i < watch->count; i++)
		free(watch->all[i].path);
	free(watch->paths);
	free(watch->all);
	free(watch->members);
	free(watch->mount);
	free(watch);
}

static char *read_file(const struct cgroup_io *watch, const char *path, const char *file)
{
	cleanup_free char *name = base__format("%s%s/%s", watch->mount, path[1] ? path : "", file);
	char *text = NULL;

	return base__read_file(name, TEXT_LIMIT, &text) < 0 ? NULL : text;
}

// All cgroups, parents before their children.
static void list_paths(struct cgroup_io *watch)
{
	struct stat status;

	forget_paths(watch);
	watch->paths = base__grow(watch->paths, &watch->path_capacity, 1, sizeof(*watch->paths));
	watch->paths[watch->path_count++] = (struct path){ base__copy("/"), stat(watch->mount, &status) ? 0 : status.st_ino };
	for (size_t i = 0; i < watch->path_count && watch->path_count < PATHS_LIMIT; i++) {
		cleanup_free char *name = base__format("%s%s", watch->mount, watch->paths[i].text);
		DIR *directory = opendir(name);

		for (struct dirent *entry; directory && (entry = readdir(directory)) && watch->path_count < PATHS_LIMIT;) {
			if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
				continue;
			char *text = base__format("%s/%s", watch->paths[i].text[1] ? watch->paths[i].text : "", entry->d_name);

			watch->paths = base__grow(watch->paths, &watch->path_capacity, watch->path_count + 1, sizeof(*watch->paths));
			watch->paths[watch->path_count++] = (struct path){ text, entry->d_ino };
		}
		if (directory)
			closedir(directory);
	}
}

static struct limited *limited_of(struct cgroup_io *watch, const char *path, const struct io_line *line)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->all[i].limits.major == line->major && watch->all[i].limits.minor == line->minor && !strcmp(watch->all[i].path, path))
			return &watch->all[i];
	if (watch->count >= LIMITED_LIMIT)
		return NULL;
	watch->all = base__grow(watch->all, &watch->capacity, watch->count + 1, sizeof(*watch->all));
	struct limited *one = &watch->all[watch->count++];
	*one = (struct limited){ .path = base__copy(path), .limits = { line->major, line->minor, { -1, -1, -1, -1 }, -1, -1, -1 } };
	return one;
}

static bool is_limit(const struct io_line *line)
{
	for (int figure = 0; figure < IO_FIGURES; figure++)
		if (line->figures[figure] >= 0)
			return true;
	return line->latency_us > 0;
}

static void take_limit(struct cgroup_io *watch, const char *path, const struct io_line *line)
{
	struct limited *one = is_limit(line) ? limited_of(watch, path, line) : NULL;

	if (!one)
		return;
	if (!one->found) {
		struct io_line none = { line->major, line->minor, { -1, -1, -1, -1 }, -1, -1, -1 };

		one->limits = none;
		one->found = true;
	}
	for (int figure = 0; figure < IO_FIGURES; figure++)
		if (line->figures[figure] >= 0)
			one->limits.figures[figure] = line->figures[figure];
	if (line->latency_us > 0)
		one->limits.latency_us = line->latency_us;
}

static void take_cost(struct cgroup_io *watch, const char *path, char *text)
{
	struct io_line line;

	for (char *rest = text, *one; rest && (one = strsep(&rest, "\n"));) {
		if (!strstr(one, "enable=1") || !io_line__parse_v2(one, &line))
			continue;
		struct limited *limited = limited_of(watch, path, &line);
		if (limited)
			limited->cost = limited->found = true;
	}
}

static void read_limits_v2(struct cgroup_io *watch, const char *path)
{
	for (const char *const *file = (const char *const[]){ "io.max", "io.latency", NULL }; *file; file++) {
		cleanup_free char *text = read_file(watch, path, *file);
		struct io_line line;

		for (char *rest = text, *one; rest && (one = strsep(&rest, "\n"));)
			if (io_line__parse_v2(one, &line))
				take_limit(watch, path, &line);
	}
	cleanup_free char *cost = path[1] ? NULL : read_file(watch, path, "io.cost.qos");
	take_cost(watch, path, cost);
}

static void read_limits_v1(struct cgroup_io *watch, const char *path)
{
	static const char *const files[IO_FIGURES] = { "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
		"blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device" };

	for (int figure = 0; figure < IO_FIGURES; figure++) {
		cleanup_free char *text = read_file(watch, path, files[figure]);
		struct io_line line;

		for (char *rest = text, *one; rest && (one = strsep(&rest, "\n"));)
			if (io_line__parse_v1(one, (enum io_figure)figure, &line))
				take_limit(watch, path, &line);
	}
}

// A limit that is gone stays known for what it did, but is not looked at any more.
static void walk(struct cgroup_io *watch)
{
	list_paths(watch);
	for (size_t i = 0; i < watch->count; i++)
		watch->all[i].found = false;
	for (size_t i = 0; i < watch->path_count; i++) {
		if (watch->v2)
			read_limits_v2(watch, watch->paths[i].text);
		else
			read_limits_v1(watch, watch->paths[i].text);
	}
}

static bool read_sums(const struct cgroup_io *watch, const struct limited *one, struct io_line *ret)
{
	static const struct { const char *file; enum io_figure figure; } files[] = {
		{ "io.stat", IO_FIGURES }, { "blkio.throttle.io_service_bytes", IO_READ_BYTES }, { "blkio.throttle.io_serviced", IO_READS },
	};

	*ret = (struct io_line){ one->limits.major, one->limits.minor, { 0, 0, 0, 0 }, -1, -1, -1 };
	for (size_t i = watch->v2 ? 0 : 1; i < (watch->v2 ? 1 : ARRAY_SIZE(files)); i++) {
		cleanup_free char *text = read_file(watch, one->path, files[i].file);
		struct io_line line;

		if (!text)
			return false;
		for (char *rest = text, *at; rest && (at = strsep(&rest, "\n"));) {
			bool good = watch->v2 ? io_line__parse_v2(at, &line) : io_line__parse_v1(at, files[i].figure, &line);

			if (!good || line.major != ret->major || line.minor != ret->minor)
				continue;
			for (int figure = 0; figure < IO_FIGURES; figure++)
				if (line.figures[figure] >= 0)
					ret->figures[figure] = line.figures[figure];
			ret->cost_wait_us = line.cost_wait_us;
			ret->cost_delay_us = line.cost_delay_us;
		}
	}
	return true;
}

static void look_at(struct cgroup_io *watch, struct limited *one, uint64_t now)
{
	struct io_line sums;
	uint64_t passed_ns = now - one->last_ns;
	bool at_limit = false;

	if (!read_sums(watch, one, &sums))
		return;
	if (!one->read) {
		one->first = one->last = sums;
		one->last_ns = now;
		one->read = true;
		return;
	}
	if (passed_ns < SHORTEST_NS)
		return;
	for (int figure = 0; figure < IO_FIGURES; figure++) {
		double rate = (double)(sums.figures[figure] - one->last.figures[figure]) * (double)NS_PER_SEC / (double)passed_ns;

		// Far above it: what came before the limit was set, or v1's count of requests that are only queued (blk_throtl_bio).
		at_limit = at_limit || (one->limits.figures[figure] > 0 && rate >= 0.9 * (double)one->limits.figures[figure]
			&& rate <= 1.5 * (double)one->limits.figures[figure] + 1);
	}
	one->watched_ns += passed_ns;
	one->at_limit_ns += at_limit ? passed_ns : 0;
	one->last = sums;
	one->last_ns = now;
}

// Whether the limit of `group` holds for the cgroup at `path`: v1 throttles each cgroup for itself (blk-throttle.c, throtl_pd_init()).
static bool is_under(const struct cgroup_io *watch, const char *path, const char *group)
{
	size_t length = group[1] ? strlen(group) : 0;

	if (!watch->v2)
		return !strcmp(path, group);
	return !strncmp(path, group, length) && (!path[length] || path[length] == '/');
}

static void note_member(struct cgroup_io *watch, size_t limited, int64_t process)
{
	for (size_t i = 0; i < watch->member_count; i++)
		if (watch->members[i].limited == limited && watch->members[i].process == process) {
			watch->members[i].looks++;
			return;
		}
	if (watch->member_count >= MEMBERS_LIMIT)
		return;
	watch->members = base__grow(watch->members, &watch->member_capacity, watch->member_count + 1, sizeof(*watch->members));
	watch->members[watch->member_count++] = (struct member){ limited, process, 1 };
}

static void look_for_members(struct cgroup_io *watch, size_t limited, struct collector *collector)
{
	if (!watch->all[limited].path[1])       // all processes are in the root
		return;
	for (size_t i = 0; i < watch->path_count; i++) {
		if (!is_under(watch, watch->paths[i].text, watch->all[limited].path))
			continue;
		cleanup_free char *text = read_file(watch, watch->paths[i].text, "cgroup.procs");

		for (char *rest = text, *one; rest && (one = strsep(&rest, "\n"));) {
			long tgid = strtol(one, NULL, 10);

			if (tgid > 0)
				note_member(watch, limited, processes__by_tgid(collector->processes, (uint32_t)tgid));
		}
	}
}

void cgroup_io__look(struct cgroup_io *watch, struct collector *collector)
{
	struct timespec time;

	if (watch->looks++ % WALK_LOOKS == 0)
		walk(watch);
	clock_gettime(CLOCK_MONOTONIC, &time);
	for (size_t i = 0; i < watch->count; i++) {
		if (!watch->all[i].found)
			continue;
		look_at(watch, &watch->all[i], (uint64_t)time.tv_sec * NS_PER_SEC + (uint64_t)time.tv_nsec);
		look_for_members(watch, i, collector);
	}
}

static int64_t growth(int64_t before, int64_t after)
{
	return before < 0 || after < before ? -1 : after - before;
}

static void add_requests(const struct cgroup_io *watch, const struct limited *one, const struct collector *collector, struct cgroup_io_row *row)
{
	for (size_t i = 0; i < watch->path_count; i++) {
		if (!is_under(watch, watch->paths[i].text, one->path))
			continue;
		struct block_cgroup_sum sum = block_account__cgroup(collector->subjects, watch->paths[i].id, one->limits.major << 20 | one->limits.minor);

		row->requests += (int64_t)sum.requests;
		row->request_ns += (int64_t)sum.ns;
	}
}

static void store_limited(const struct cgroup_io *watch, const struct limited *one, const struct collector *collector, struct recording *recording)
{
	const int64_t *limits = one->limits.figures, *first = one->first.figures, *last = one->last.figures;
	struct cgroup_io_row *row = recording__add_cgroup_io(recording);

	*row = (struct cgroup_io_row){ .cgroup = base__copy(one->path), .hierarchy = watch->v2 ? 2 : 1,
		.device = base__format("%u:%u", one->limits.major, one->limits.minor),
		.read_bps = limits[IO_READ_BYTES], .write_bps = limits[IO_WRITE_BYTES], .read_iops = limits[IO_READS], .write_iops = limits[IO_WRITES],
		.latency_us = one->limits.latency_us, .cost = one->cost, .read_bytes = growth(first[IO_READ_BYTES], last[IO_READ_BYTES]),
		.write_bytes = growth(first[IO_WRITE_BYTES], last[IO_WRITE_BYTES]), .reads = growth(first[IO_READS], last[IO_READS]),
		.writes = growth(first[IO_WRITES], last[IO_WRITES]), .cost_wait_us = growth(one->first.cost_wait_us, one->last.cost_wait_us),
		.cost_delay_us = growth(one->first.cost_delay_us, one->last.cost_delay_us), .watched_ns = (int64_t)one->watched_ns,
		.at_limit_ns = (int64_t)one->at_limit_ns };
	if (!one->read)
		row->read_bytes = row->write_bytes = row->reads = row->writes = -1;
	add_requests(watch, one, collector, row);
}

void cgroup_io__store(const struct cgroup_io *watch, struct collector *collector, struct recording *recording)
{
	for (size_t i = 0; i < watch->count; i++)
		store_limited(watch, &watch->all[i], collector, recording);
	for (size_t i = 0; i < watch->member_count; i++) {
		struct activity_row *row = recording__add_activity(recording);

		*row = (struct activity_row){ .subject = base__copy("disks"), .kind = base__copy("limited"),
			.key = base__copy(watch->all[watch->members[i].limited].path), .process = watch->members[i].process, .cpu = -1,
			.count = watch->members[i].looks };
	}
}
