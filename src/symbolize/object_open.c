// The right file, or none: names from a file that was put in its place would be lies.
#include "symbolize/object_file.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/base.h"

#define FILE_SIZE_LIMIT ((off_t)8 << 30)

// On these the device of a mapping is not that of stat(2): overlayfs maps the layer's own file, btrfs has a device for each
// subvolume. The inode's number alone has to do there.
static bool has_devices_of_its_own(int fd)
{
	struct statfs facts;

	return !fstatfs(fd, &facts) && (facts.f_type == OVERLAYFS_SUPER_MAGIC || facts.f_type == BTRFS_SUPER_MAGIC);
}

static bool is_same(int fd, const struct stat *facts, const struct mapping *mapping)
{
	if (facts->st_ino != mapping->inode)
		return false;
	return facts->st_dev == makedev(mapping->device_major, mapping->device_minor) || has_devices_of_its_own(fd);
}

static int open_same(const char *path, const struct mapping *mapping, bool sure)
{
	struct stat facts;
	int fd = base__open_regular(path, &facts);
	int error = fd < 0 ? fd : facts.st_size > FILE_SIZE_LIMIT ? -EFBIG : !sure && !is_same(fd, &facts, mapping) ? -ESTALE : 0;

	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return error;
}

int object_file__open(pid_t pid, const struct mapping *mapping)
{
	char path[64 + MAPPING_LINE_SIZE];
	int fd, error;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)mapping->start, (unsigned long long)mapping->end);
	fd = open_same(path, mapping, true);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, mapping->path);
	error = mapping->path[0] == '/' ? open_same(path, mapping, false) : -ENOENT;
	if (error >= 0)
		return error;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open_same(path, mapping, false);
	return fd >= 0 ? fd : error;
}
