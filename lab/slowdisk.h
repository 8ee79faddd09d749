// A file system on a slow disk: a loop device over a file that a server behind /dev/fuse keeps in memory and answers late. Everything is in a
// mount namespace of the scenario's own, and the loop device goes with its last user: nothing is left behind, whatever ends the scenario.
#ifndef WHYSTALL_LAB_SLOWDISK_H
#define WHYSTALL_LAB_SLOWDISK_H

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "fuse.h"
#include "lab.h"

#define SLOWDISK_SERVED "/tmp/.whystall-lab-served"
#define SLOWDISK_MOUNT "/tmp/.whystall-lab-disk"

struct slowdisk {
	pid_t server;
	struct fuse_delays *delays;
	char device[32];                // "/dev/loop3"
	char number[24];                // "7:3"
	bool served, mounted;
};

static inline int slowdisk__fail(struct lab *lab, const char *needs)
{
	lab->needs = needs;
	return -1;
}

static inline int slowdisk__run(const char *const *arguments)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	// Its end must not be taken for that of a member.
	sigset_t ended;
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	while (sigtimedwait(&ended, NULL, &(struct timespec){ 0, 0 }) == SIGCHLD)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static inline void slowdisk__serve(int fd, uint64_t size, struct fuse_delays *delays)
{
	int file = memfd_create("whystall-lab-disk", MFD_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "disk-server");
	if (file < 0 || ftruncate(file, (off_t)size) < 0)
		_exit(1);
	fuse__serve(fd, file, size, delays);
	_exit(0);
}

// A free loop device over the file. It lives as long as the descriptor that is returned, or a mount; negative errno.
static inline int slowdisk__loop(struct slowdisk *disk, const char *path)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file = open(path, O_RDWR | O_CLOEXEC);
	for (int attempt = 0; control >= 0 && file >= 0 && attempt < 16; attempt++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(disk->device, sizeof(disk->device), "/dev/loop%d", number);
		int loop = number < 0 ? -1 : open(disk->device, O_RDWR | O_CLOEXEC);
		if (loop < 0)
			break;
		if (ioctl(loop, LOOP_SET_FD, file) == 0) {
			ioctl(loop, LOOP_SET_STATUS64, &info);
			snprintf(disk->number, sizeof(disk->number), "7:%d", number);
			close(control);
			close(file);
			return loop;
		}
		close(loop);            // somebody else was faster
	}
	int error = errno ? errno : ENODEV;
	close(control);
	close(file);
	return -error;
}

// The file system in user space alone, at SLOWDISK_SERVED, without a server yet. Its descriptor, or -1 with lab->needs set.
static inline int slowdisk__mount_served(struct lab *lab, struct slowdisk *disk)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return slowdisk__fail(lab, "root, for mounts of its own");
	mkdir(SLOWDISK_SERVED, 0700);
	int fd = fuse__mount(SLOWDISK_SERVED);
	disk->served = fd >= 0;
	return fd >= 0 ? fd : slowdisk__fail(lab, "file systems in user space (/dev/fuse)");
}

// Makes and mounts the disk at SLOWDISK_MOUNT, fast at first: slow it down through disk->delays. 0, or -1 with lab->needs set.
static inline int slowdisk__make(struct lab *lab, struct slowdisk *disk, uint64_t size)
{
	int fd = slowdisk__mount_served(lab, disk);
	if (fd < 0)
		return -1;
	mkdir(SLOWDISK_MOUNT, 0700);
	disk->delays = fuse__delays();
	disk->server = fork();
	if (disk->server == 0)
		slowdisk__serve(fd, size, disk->delays);
	close(fd);
	int loop = slowdisk__loop(disk, SLOWDISK_SERVED "/" FUSE_FILE);
	if (loop < 0)
		return slowdisk__fail(lab, "a free loop device (/dev/loop-control)");
	if (slowdisk__run((const char *const[]){ "mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", "size=16",
		disk->device, NULL }) < 0)
		return slowdisk__fail(lab, "mkfs.ext4");
	disk->mounted = mount(disk->device, SLOWDISK_MOUNT, "ext4", 0, "") == 0;
	close(loop);
	return disk->mounted ? 0 : slowdisk__fail(lab, "ext4 in the kernel");
}

// When all users are gone.
static inline void slowdisk__remove(struct slowdisk *disk)
{
	if (disk->delays)
		memset((void *)disk->delays, 0, sizeof(*disk->delays));
	if (disk->mounted && umount(SLOWDISK_MOUNT) < 0)
		umount2(SLOWDISK_MOUNT, MNT_DETACH);
	if (disk->served)
		umount2(SLOWDISK_SERVED, MNT_DETACH);
	if (disk->server > 0) {
		kill(disk->server, SIGKILL);
		while (waitpid(disk->server, NULL, 0) < 0 && errno == EINTR)
			;
	}
	rmdir(SLOWDISK_MOUNT);
	rmdir(SLOWDISK_SERVED);
}

#endif
