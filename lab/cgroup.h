// A group with a limit. Of CPU time: cgroup v2 `cpu.max` where v2 has the cpu controller, else v1 `cpu.cfs_quota_us`. Of memory:
// `memory.max`, or v1 `memory.limit_in_bytes`.
#ifndef WHYSTALL_LAB_CGROUP_H
#define WHYSTALL_LAB_CGROUP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAB_GROUP_PREFIX "whystall-lab-"
#define LAB_GROUP_PERIOD_US 100000

// A group made by lab_group__make. All zero: none.
struct lab_group {
	char mount[256];        // of the hierarchy
	char path[128];         // within the hierarchy, from its root: "/whystall-lab-quota-123"
	bool v2;
	bool switched_on;       // we enabled the controller at the root and must disable it again
	const char *controller; // "cpu" or "memory"
};

// Writes text to DIRECTORY/FILE. 0 or negative errno.
static inline int lab_group__write(const char *directory, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int status = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return status;
}

static inline bool lab_group__has_word(const char *text, const char *word, const char *separators)
{
	char copy[512], *rest = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *one = strtok_r(copy, separators, &rest); one; one = strtok_r(NULL, separators, &rest))
		if (!strcmp(one, word))
			return true;
	return false;
}

static inline bool lab_group__file_has_word(const char *directory, const char *file, const char *word)
{
	char path[512], line[512] = "";
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	FILE *in = fopen(path, "re");
	if (!in)
		return false;
	bool found = fgets(line, sizeof(line), in) && lab_group__has_word(line, word, " \n");
	fclose(in);
	return found;
}

// Finds the hierarchy that has the controller. 0 or -ENOENT.
static inline int lab_group__find(struct lab_group *group)
{
	char line[1024], mount[256], type[64], options[256];
	FILE *mounts = fopen("/proc/self/mounts", "re");
	int status = -ENOENT;
	if (!mounts)
		return -ENOENT;
	while (status && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %255s %63s %255s", mount, type, options) != 3)
			continue;
		bool v1 = !strcmp(type, "cgroup") && lab_group__has_word(options, group->controller, ",");
		bool v2 = !strcmp(type, "cgroup2") && lab_group__file_has_word(mount, "cgroup.controllers", group->controller);
		if (v1 || v2) {
			snprintf(group->mount, sizeof(group->mount), "%s", mount);
			group->v2 = v2;
			status = 0;
		}
	}
	fclose(mounts);
	return status;
}

static inline void lab_group__directory(const struct lab_group *group, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s%s", group->mount, group->path);
}

// Removes groups of scenarios that were killed with SIGKILL: their names end in a pid that is gone.
static inline void lab_group__remove_stale(const char *mount)
{
	DIR *directory = opendir(mount);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		const char *dash = strrchr(entry->d_name, '-');
		if (strncmp(entry->d_name, LAB_GROUP_PREFIX, strlen(LAB_GROUP_PREFIX)) != 0 || !dash)
			continue;
		int pid = atoi(dash + 1);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	if (directory)
		closedir(directory);
}

// '+' gives the controller to the groups below the root, '-' takes it from them. 0 or negative errno.
static inline int lab_group__switch(const struct lab_group *group, char sign)
{
	char text[32];
	snprintf(text, sizeof(text), "%c%s", sign, group->controller);
	return lab_group__write(group->mount, "cgroup.subtree_control", text);
}

// Removes the group, which must have no process left. Harmless on a group that was never made.
static inline void lab_group__remove(struct lab_group *group)
{
	char directory[400];
	if (!group->path[0])
		return;
	lab_group__directory(group, directory, sizeof(directory));
	// A reaped process leaves its group a moment later than its parent sees its end.
	for (int attempt = 0; rmdir(directory) < 0 && errno == EBUSY && attempt < 100; attempt++)
		usleep(10000);
	if (group->switched_on)
		lab_group__switch(group, '-');
	group->path[0] = '\0';
}

// Makes an empty group under the root of its controller's hierarchy. 0, or negative errno with nothing left behind.
static inline int lab_group__new(struct lab_group *group, const char *controller, const char *name)
{
	char directory[400];
	group->controller = controller;
	int status = lab_group__find(group);
	if (status < 0)
		return status;
	lab_group__remove_stale(group->mount);
	if (group->v2 && !lab_group__file_has_word(group->mount, "cgroup.subtree_control", controller)) {
		status = lab_group__switch(group, '+');
		if (status < 0)
			return status;
		group->switched_on = true;
	}
	snprintf(group->path, sizeof(group->path), "/" LAB_GROUP_PREFIX "%s-%d", name, getpid());
	lab_group__directory(group, directory, sizeof(directory));
	if (mkdir(directory, 0755) < 0) {
		status = -errno;
		lab_group__remove(group);
	}
	return status;
}

// Writes a setting of the group; on failure the group is removed. 0 or negative errno.
static inline int lab_group__set(struct lab_group *group, const char *file, const char *text)
{
	char directory[400];
	lab_group__directory(group, directory, sizeof(directory));
	int status = lab_group__write(directory, file, text);
	if (status < 0)
		lab_group__remove(group);
	return status;
}

// Makes a group that may use `percent` % of one CPU. 0, or negative errno with nothing left behind.
static inline int lab_group__make(struct lab_group *group, const char *name, int percent)
{
	char text[64];
	int quota_us = percent * (LAB_GROUP_PERIOD_US / 100);
	int status = lab_group__new(group, "cpu", name);
	if (status < 0)
		return status;
	snprintf(text, sizeof(text), group->v2 ? "%d %d" : "%d", quota_us, LAB_GROUP_PERIOD_US);
	return lab_group__set(group, group->v2 ? "cpu.max" : "cpu.cfs_quota_us", text);
}

// Makes a group whose memory is limited to `bytes`. 0, or negative errno with nothing left behind.
static inline int lab_group__make_memory(struct lab_group *group, const char *name, long bytes)
{
	char text[64];
	int status = lab_group__new(group, "memory", name);
	if (status < 0)
		return status;
	snprintf(text, sizeof(text), "%ld", bytes);
	return lab_group__set(group, group->v2 ? "memory.max" : "memory.limit_in_bytes", text);
}

// Moves the calling process into the group. 0 or negative errno.
static inline int lab_group__join(const struct lab_group *group)
{
	char directory[400];
	lab_group__directory(group, directory, sizeof(directory));
	return lab_group__write(directory, "cgroup.procs", "0");
}

#endif
