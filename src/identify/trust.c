#include "identify/trust.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/base.h"

static bool is_roots(const struct stat *status)
{
	return !S_ISLNK(status->st_mode) && !status->st_uid && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

bool trust__is_roots(const char *path, int fd)
{
	struct stat named, opened;
	struct statvfs mount;

	if (!path || path[0] != '/' || fstatvfs(fd, &mount) || mount.f_flag & ST_NOSUID)
		return false;
	cleanup_free char *place = base__copy(path);
	if (lstat("/", &named) || !is_roots(&named))
		return false;
	for (char *slash = strchr(place + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (lstat(place, &named) || !S_ISDIR(named.st_mode) || !is_roots(&named))
			return false;
		*slash = '/';
	}
	return !lstat(path, &named) && S_ISREG(named.st_mode) && is_roots(&named) && !fstat(fd, &opened) && opened.st_dev == named.st_dev &&
	       opened.st_ino == named.st_ino;
}

int64_t trust__user(int proc_fd, bool *ret_root)
{
	char text[4096];
	unsigned int ids[4];    // real, effective, saved, of the file system

	*ret_root = false;
	if (base__read_at(proc_fd, "status", text, sizeof(text)) <= 0)
		return -1;
	const char *line = strstr(text, "\nUid:");
	if (!line || sscanf(line + strlen("\nUid:"), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
		return -1;
	*ret_root = !ids[0] && !ids[1] && !ids[2] && !ids[3];
	return ids[1];
}
