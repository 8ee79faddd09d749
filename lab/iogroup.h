// A cgroup with an I/O limit on one device: v2 `io.max` where v2 has the io controller, else v1 `blkio.throttle.read_iops_device`.
#ifndef WHYSTALL_LAB_IOGROUP_H
#define WHYSTALL_LAB_IOGROUP_H

#include "cgroup.h"

// All zero: none.
struct io_group {
	struct lab_group group;         // join with lab_group__join
	bool switched_on;               // we enabled the controller at the root and must disable it again
};

static inline int io_group__find(struct lab_group *group)
{
	char line[1024], mount[256], type[64], options[256];
	FILE *mounts = fopen("/proc/self/mounts", "re");
	int status = -ENOENT;
	while (status && mounts && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %255s %63s %255s", mount, type, options) != 3)
			continue;
		bool v1 = !strcmp(type, "cgroup") && lab_group__has_word(options, "blkio", ",");
		bool v2 = !strcmp(type, "cgroup2") && lab_group__file_has_word(mount, "cgroup.controllers", "io");
		if (v1 || v2) {
			snprintf(group->mount, sizeof(group->mount), "%s", mount);
			group->v2 = v2;
			status = 0;
		}
	}
	if (mounts)
		fclose(mounts);
	return status;
}

static inline void io_group__remove(struct io_group *group)
{
	bool made = group->group.path[0];
	lab_group__remove(&group->group);
	if (made && group->switched_on)
		lab_group__write(group->group.mount, "cgroup.subtree_control", "-io");
	group->switched_on = false;
}

// Makes a group that may read `reads` times a second from the device ("7:0"). 0, or negative errno with nothing left behind.
static inline int io_group__make(struct io_group *group, const char *name, const char *device, int reads)
{
	char directory[400], text[64];
	int status = io_group__find(&group->group);
	if (status < 0)
		return status;
	lab_group__remove_stale(group->group.mount);
	if (group->group.v2 && !lab_group__file_has_word(group->group.mount, "cgroup.subtree_control", "io")) {
		status = lab_group__write(group->group.mount, "cgroup.subtree_control", "+io");
		if (status < 0)
			return status;
		group->switched_on = true;
	}
	snprintf(group->group.path, sizeof(group->group.path), "/" LAB_GROUP_PREFIX "%s-%d", name, getpid());
	lab_group__directory(&group->group, directory, sizeof(directory));
	snprintf(text, sizeof(text), group->group.v2 ? "%s riops=%d" : "%s %d", device, reads);
	if (mkdir(directory, 0755) < 0)
		status = -errno;
	else
		status = lab_group__write(directory, group->group.v2 ? "io.max" : "blkio.throttle.read_iops_device", text);
	if (status < 0)
		io_group__remove(group);
	return status;
}

#endif
