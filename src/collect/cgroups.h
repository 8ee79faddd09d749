// The cgroups of the machine: the v2 hierarchy, and the v1 cpu hierarchy where the cpu controller is still there.
#ifndef WHYSTALL_COLLECT_CGROUPS_H
#define WHYSTALL_COLLECT_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/pressure.h"
#include "recording/recording.h"

// kernfs ids are unique within a hierarchy only (each root is 1), so the ids of v1 rows are moved up by this.
#define CGROUP_V1_ID_BASE (1LL << 48)
#define CGROUPS_LIMIT 4096              // cgroups read in one snapshot, upper levels first; the rest are counted

// Mount points, each NULL where there is none. v1_cpu and v1_memory are set only if v2 does not have
// that controller.
struct cgroup_mounts { char *v2, *v1_cpu, *v1_cpuset, *v1_blkio, *v1_memory; };
int cgroups__find_mounts(struct cgroup_mounts *ret);     // 0 or negative errno; free with cgroups__free_mounts
// Picks the mounts out of the text of /proc/self/mountinfo; v1_cpu is set wherever v1 has it mounted.
void cgroups__parse_mounts(const char *mountinfo, struct cgroup_mounts *ret);
// Whether the v2 hierarchy mounted there has the controller.
bool cgroups__has_controller(const char *v2_mount, const char *controller);
void cgroups__free_mounts(struct cgroup_mounts *mounts);

struct cgroup_facts {
	int64_t id;                     // inode of the directory, + CGROUP_V1_ID_BASE in v1
	int hierarchy;                  // 2 or 1
	char *path;                     // "/" for the root
	int level;                      // 0 for the root
	bool has_pressure;              // has a cpu.pressure of its own; false for the root, whose file is the system's
	int64_t quota_us, period_us;    // quota -1: no limit, or no cpu controller here; period -1: no controller here
	int64_t weight;                 // cpu.weight or cpu.shares, -1: no controller here
	int64_t periods, throttled_periods, throttled_us; // cpu.stat since the cgroup was made, -1 unknown
	char *cpus;                     // effective CPUs ("0-3"), NULL unknown
	struct pressure_totals pressure[PRESSURE_RESOURCES]; // -1 where unknown or not asked for
};

// A snapshot; `all` is sorted by id, v2 first.
struct cgroups {
	struct cgroup_mounts mounts;
	struct cgroup_facts *all;
	size_t count;
	int64_t left_out;               // cgroups beyond CGROUPS_LIMIT
};

// Walks the hierarchies. Directories that vanish meanwhile are left out. `with_pressure`: reads the pressure files of each
// v2 cgroup below the root too, which folds their totals. Returns 0, -ENOENT where no cgroup hierarchy is mounted, or
// another negative errno. Free with cgroups__free (NULL is fine).
int cgroups__snapshot(bool with_pressure, struct cgroups **ret);
// The same for given mount points, which are copied.
int cgroups__snapshot_of(const struct cgroup_mounts *mounts, bool with_pressure, struct cgroups **ret);
void cgroups__free(struct cgroups *cgroups);

// By id (as in cgroup_facts) or by hierarchy and path; NULL if there is none.
const struct cgroup_facts *cgroups__by_id(const struct cgroups *cgroups, int64_t id);
const struct cgroup_facts *cgroups__by_path(const struct cgroups *cgroups, int hierarchy, const char *path);

// True if a cgroup with a CPU quota exists.
bool cgroups__any_quota(const struct cgroups *cgroups);

// Adds a cgroup row for each cgroup of `start` and `end` with the growth of its counters in between (settings as in `end`;
// a cgroup that is in one of them only: settings from there, growth since it was made, or -1 if it is gone), a pressure row
// for each pressure total that grew, and the counter "cgroups_left_out".
void cgroups__growth(const struct cgroups *start, const struct cgroups *end, struct recording *recording);

// Reads cpu.pressure of every cgroup of the snapshot below the root. Call it at least every 4 s: from 6.1 on, a cgroup in
// which one task stalls alone loses multiples of 2^32 ns of its totals when nobody reads them (psi_avgs_work re-arms only
// while something else runs, kernel/sched/psi.c); one read keeps the totals of all resources. Returns how many were read.
size_t cgroups__touch(const struct cgroups *cgroups);

#endif
