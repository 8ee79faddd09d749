#include "identify/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

int root__open(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	char again[64];
	struct stat status;

	// First as a mere place: opening a device or a pipe for reading may do something.
	if (root_fd != AT_FDCWD)
		how.resolve |= RESOLVE_IN_ROOT;
	cleanup_fd int place = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (place < 0)
		return -errno;
	if (fstat(place, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	int fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

ssize_t root__read(int root_fd, const char *path, size_t limit, char **ret_text)
{
	cleanup_fd int fd = root__open(root_fd, path);

	return fd < 0 ? fd : base__read_open(fd, limit, ret_text);
}
