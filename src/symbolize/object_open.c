// The right file, or none: names from a file that was put in its place would be lies.
#include "symbolize/object_file.h"

#include <errno.h>
#include <fcntl.h>
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

// In two steps: opening a device or a FIFO may already do something.
static int open_same(const char *path, const struct mapping *mapping, bool sure)
{
	cleanup_fd int place = open(path, O_PATH | O_CLOEXEC);
	struct stat facts;
	char again[64];
	int fd;

	if (place < 0 || fstat(place, &facts))
		return -errno;
	if (!S_ISREG(facts.st_mode))
		return -EINVAL;
	if (!sure && !is_same(place, &facts, mapping))
		return -ESTALE;
	if (facts.st_size > FILE_SIZE_LIMIT)
		return -EFBIG;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	fd = open(again, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
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
