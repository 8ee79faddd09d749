// Where the cgroup hierarchies are mounted.
#include "collect/cgroups.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

// Undoes mountinfo's escaping of space, tab, newline and backslash (show_mountinfo(), fs/proc_namespace.c): \040 and so on.
static char *unescape(const char *text)
{
	char *path = base__copy(text), *out = path;

	for (const char *at = path; *at;) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' && at[3] <= '7') {
			*out++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 4;
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
	return path;
}

static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ','), list = list ? list + 1 : NULL)
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

struct mount { char *root, *point, *type, *options; };

// "31 23 0:28 ROOT POINT OPTIONS [TAGS…] - TYPE SOURCE SUPER_OPTIONS" (proc_pid_mountinfo(5)). Cuts the line up.
static bool parse_line(char *line, struct mount *ret)
{
	char *fields[6], *save = NULL, *rest = strstr(line, " - ");

	if (!rest)
		return false;
	*rest = '\0';
	fields[0] = strtok_r(line, " ", &save);
	for (size_t i = 1; i < ARRAY_SIZE(fields); i++)
		if (!fields[i - 1] || !(fields[i] = strtok_r(NULL, " ", &save)))
			return false;
	ret->root = fields[3];
	ret->point = fields[4];
	ret->type = strtok_r(rest + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	ret->options = strtok_r(NULL, " ", &save);
	return ret->type && ret->options;
}

// The first mount of a whole hierarchy counts; one of a part of it (a container's bind mount) only where there is no other.
static void take(char **point, bool *partial, const struct mount *mount)
{
	bool is_partial = strcmp(mount->root, "/") != 0;

	if (*point && (!*partial || is_partial))
		return;
	free(*point);
	*point = unescape(mount->point);
	*partial = is_partial;
}

void cgroups__parse_mounts(const char *mountinfo, struct cgroup_mounts *ret)
{
	cleanup_free char *text = base__copy(mountinfo);
	bool v2_partial = false, cpu_partial = false, cpuset_partial = false, blkio_partial = false,
		memory_partial = false;

	*ret = (struct cgroup_mounts){ 0 };
	for (char *line = text, *next; line && *line; line = next) {
		struct mount mount;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!parse_line(line, &mount))
			continue;
		if (!strcmp(mount.type, "cgroup2"))
			take(&ret->v2, &v2_partial, &mount);
		if (!strcmp(mount.type, "cgroup") && lists(mount.options, "cpu"))
			take(&ret->v1_cpu, &cpu_partial, &mount);
		if (!strcmp(mount.type, "cgroup") && lists(mount.options, "cpuset"))
			take(&ret->v1_cpuset, &cpuset_partial, &mount);
		if (!strcmp(mount.type, "cgroup") && lists(mount.options, "blkio"))
			take(&ret->v1_blkio, &blkio_partial, &mount);
		if (!strcmp(mount.type, "cgroup") && lists(mount.options, "memory"))
			take(&ret->v1_memory, &memory_partial, &mount);
	}
}

bool cgroups__has_controller(const char *v2_mount, const char *controller)
{
	cleanup_free char *path = base__format("%s/cgroup.controllers", v2_mount), *controllers = NULL;

	if (base__read_file(path, 4096, &controllers) <= 0)
		return false;
	for (char *c = controllers; *c; c++)
		if (*c == ' ' || *c == '\n')
			*c = ',';
	return lists(controllers, controller);
}

int cgroups__find_mounts(struct cgroup_mounts *ret)
{
	cleanup_free char *text = NULL;
	ssize_t length = base__read_file("/proc/self/mountinfo", 16u << 20, &text);

	if (length < 0)
		return (int)length;
	cgroups__parse_mounts(text, ret);
	// A controller belongs to one hierarchy at a time (cgroup-v2.rst); a v1 mount may stay behind without it.
	if (ret->v2 && ret->v1_cpu && cgroups__has_controller(ret->v2, "cpu")) {
		free(ret->v1_cpu);
		ret->v1_cpu = NULL;
	}
	if (ret->v2 && ret->v1_memory && cgroups__has_controller(ret->v2, "memory")) {
		free(ret->v1_memory);
		ret->v1_memory = NULL;
	}
	return 0;
}

void cgroups__free_mounts(struct cgroup_mounts *mounts)
{
	free(mounts->v2);
	free(mounts->v1_cpu);
	free(mounts->v1_cpuset);
	free(mounts->v1_blkio);
	free(mounts->v1_memory);
	*mounts = (struct cgroup_mounts){ 0 };
}
