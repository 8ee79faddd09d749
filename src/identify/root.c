#include "identify/root.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

int root__open(const struct root_dir *root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	char again[64];
	struct stat status;

	if (root->open)
		return root->open(root->context, path);
	// First as a mere place: opening a device or a pipe for reading may do something.
	if (root->fd != AT_FDCWD)
		how.resolve |= RESOLVE_IN_ROOT;
	cleanup_fd int place = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
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

ssize_t root__read(const struct root_dir *root, const char *path, size_t limit, char **ret_text)
{
	cleanup_fd int fd = root__open(root, path);

	if (fd < 0)
		return fd;
	lseek(fd, 0, SEEK_SET);         // one that was handed over may have been read before
	return base__read_open(fd, limit, ret_text);
}

bool root__may_share(int fd, const char *path)
{
	static const char *const texts[] = { "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld-musl-*.path" };
	const char *name = strrchr(path, '/');
	char magic[SELFMAG];
	struct stat status;

	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, ELFMAG, SELFMAG))
		return true;
	if (fstat(fd, &status) || !(status.st_mode & S_IROTH))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!fnmatch(texts[i], path, FNM_PATHNAME))
			return true;
	return name && !strcmp(name, "/release");
}
