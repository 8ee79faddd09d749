// The cgroups of the memory controller, v2 or v1: what they hold, their limits, and how often these held somebody up.
#ifndef WHYSTALL_COLLECT_MEMORY_CGROUPS_H
#define WHYSTALL_COLLECT_MEMORY_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/recording.h"

// Each value -1 where the kernel does not tell. MEMORY_CGROUP_VALUES: name in kernel_counter, whether it is a counter (of events since the
// cgroup was made) or a level.
#define MEMORY_CGROUP_VALUES(VALUE) \
	VALUE(current_bytes) VALUE(limit_bytes) VALUE(high_bytes) \
	VALUE(events_high) VALUE(events_max) VALUE(events_oom) VALUE(failcnt) \
	VALUE(anon_bytes) VALUE(file_bytes) VALUE(slab_bytes) VALUE(swap_bytes) VALUE(refault_anon) VALUE(refault_file) VALUE(pgmajfault)
#define MEMORY_CGROUP_MEMBER(name) int64_t name;
struct memory_cgroup {
	int64_t id;                     // inode of its directory
	char *path;                     // "/" for the root
	MEMORY_CGROUP_VALUES(MEMORY_CGROUP_MEMBER)
};
struct memory_cgroups { struct memory_cgroup *all; size_t count; int hierarchy; int64_t left_out; }; // sorted by id; hierarchy 2, 1 or 0: none

// `mount`: of the hierarchy with the memory controller. Free with memory_cgroups__free (NULL is fine).
struct memory_cgroups *memory_cgroups__read(const char *mount, int hierarchy);
void memory_cgroups__free(struct memory_cgroups *cgroups);
const struct memory_cgroup *memory_cgroups__by_id(const struct memory_cgroups *cgroups, int64_t id);
// Adds rows `kernel_counter` (source "memcg.v2" or "memcg.v1", key the path) of those that have a limit or changed much.
void memory_cgroups__store(const struct memory_cgroups *start, const struct memory_cgroups *end, struct recording *recording);

#endif
