// A disk without a file system, for those who ask the device itself: a loop device over a file in memory, or over one that a server behind
// /dev/fuse answers late (slowdisk.h). It goes with its last user, whatever ends the scenario.
#ifndef WHYSTALL_LAB_RAWDISK_H
#define WHYSTALL_LAB_RAWDISK_H

#include "slowdisk.h"
#include "work.h"

#define RAWDISK_BYTES (64u << 20)

// Keeps the loop device alive as long as the scenario runs.
static int rawdisk__keeper = -1;
static struct slowdisk rawdisk;

// Served by a process that waits as `rawdisk.delays` say. 0, or -1 with lab->needs set.
static inline int rawdisk__make_slow(struct lab *lab)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return slowdisk__fail(lab, "root, for mounts of its own");
	mkdir(SLOWDISK_SERVED, 0700);
	int fd = fuse__mount(SLOWDISK_SERVED);
	if (fd < 0)
		return slowdisk__fail(lab, "file systems in user space (/dev/fuse)");
	rawdisk.served = true;
	rawdisk.delays = fuse__delays();
	rawdisk.server = fork();
	if (rawdisk.server == 0)
		slowdisk__serve(fd, RAWDISK_BYTES, rawdisk.delays);
	close(fd);
	rawdisk__keeper = slowdisk__loop(&rawdisk, SLOWDISK_SERVED "/" FUSE_FILE);
	return rawdisk__keeper < 0 ? slowdisk__fail(lab, "a free loop device (/dev/loop-control)") : 0;
}

// In memory, as fast as that is.
static inline int rawdisk__make_fast(struct lab *lab)
{
	char path[64];
	int file = memfd_create("whystall-lab-disk", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, RAWDISK_BYTES) < 0)
		return slowdisk__fail(lab, "64 MiB of memory for a file (memfd_create)");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	rawdisk__keeper = slowdisk__loop(&rawdisk, path);
	close(file);
	return rawdisk__keeper < 0 ? slowdisk__fail(lab, "a free loop device (/dev/loop-control)") : 0;
}

static inline void rawdisk__remove(void)
{
	if (rawdisk__keeper >= 0)
		close(rawdisk__keeper);
	slowdisk__remove(&rawdisk);
}

// The device's name without its directory, as whystall and the kernel's tables have it.
static inline const char *rawdisk__name(void)
{
	return rawdisk.device + strlen("/dev/");
}

// A descriptor that processes of the scenario inherit (struct lab_process.fd).
static inline int rawdisk__open(int flags)
{
	return open(rawdisk.device, flags | O_CLOEXEC);
}

// Reads 4 KiB at places of its own, one after the other, past the page cache; busy_us of work with each.
static inline void rawdisk__read(int fd, long busy_us, long period_us)
{
	void *buffer = NULL;
	(void)period_us;
	if (posix_memalign(&buffer, 4096, 4096))
		return;
	srandom((unsigned)getpid());
	for (;;) {
		if (pread(fd, buffer, 4096, (off_t)(random() % (RAWDISK_BYTES / 4096)) * 4096) != 4096)
			return;
		work__use_cpu(busy_us);
	}
}

#endif
