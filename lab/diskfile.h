// Files on a disk of this machine, for scenarios whose I/O must be real: in /var/tmp, where that is no file system in memory. They have no
// name, so that nothing of them stays.
#ifndef WHYSTALL_LAB_DISKFILE_H
#define WHYSTALL_LAB_DISKFILE_H

#include <linux/magic.h>
#include <sys/statfs.h>

#include "lab.h"

#define DISKFILE_DIRECTORY "/var/tmp"
#define DISKFILE_PIECE (1L << 20)

static inline bool diskfile__on_disk(void)
{
	struct statfs info;
	if (statfs(DISKFILE_DIRECTORY, &info) < 0)
		return false;
	return info.f_type != TMPFS_MAGIC && info.f_type != RAMFS_MAGIC && info.f_type != OVERLAYFS_SUPER_MAGIC;
}

// Bytes that are free there; 0 where it is no disk.
static inline long diskfile__free(void)
{
	struct statfs info;
	return diskfile__on_disk() && statfs(DISKFILE_DIRECTORY, &info) == 0 ? (long)info.f_bavail * (long)info.f_bsize : 0;
}

// A file of so many bytes with contents on the disk and nothing in the page cache. Its descriptor, or -1 with lab->needs set.
static inline int diskfile__make(struct lab *lab, long bytes)
{
	static char piece[DISKFILE_PIECE];
	int fd = diskfile__on_disk() ? open(DISKFILE_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	lab->needs = "a file system on a disk at " DISKFILE_DIRECTORY;
	if (fd < 0)
		return -1;
	for (long at = 0; at < bytes; at += DISKFILE_PIECE) {
		memset(piece, 1 + (int)(at / DISKFILE_PIECE) % 255, sizeof(piece));
		if (pwrite(fd, piece, sizeof(piece), at) != sizeof(piece)) {
			close(fd);
			return -1;
		}
	}
	if (fsync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
		close(fd);
		return -1;
	}
	lab->needs = NULL;
	return fd;
}

#endif
