// Small files read whole, as those of /proc and /sys are.
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t base__read_open(int fd, size_t limit, char **ret_text)
{
	cleanup_free char *text = NULL;
	size_t capacity = 0, length = 0;
	while (length < limit) {
		// Large steps: seq_file hands out at most a page or so for each read, but does so consistently only within one.
		size_t step = limit - length < 65536 ? limit - length : 65536;
		text = base__grow(text, &capacity, length + step + 1, 1);
		ssize_t got = read(fd, text + length, step);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	text = base__grow(text, &capacity, length + 1, 1);
	text[length] = '\0';
	*ret_text = text;
	text = NULL;
	return (ssize_t)length;
}

ssize_t base__read_file(const char *path, size_t limit, char **ret_text)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : base__read_open(fd, limit, ret_text);
}

ssize_t base__read_at(int directory, const char *name, char *buffer, size_t size)
{
	cleanup_fd int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);
	if (length < 0)
		return -errno;
	buffer[length] = '\0';
	return length;
}

int base__read_number(const char *path, int64_t *ret_number)
{
	cleanup_free char *text = NULL;
	ssize_t length = base__read_file(path, 256, &text);
	if (length < 0)
		return (int)length;
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	if (errno)
		return -errno;
	*ret_number = number;
	return 0;
}

int base__open_regular(const char *path, struct stat *ret_facts)
{
	cleanup_fd int place = open(path, O_PATH | O_CLOEXEC);
	struct stat facts;
	char again[64];
	if (place < 0 || fstat(place, &facts))
		return -errno;
	if (!S_ISREG(facts.st_mode))
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	int fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret_facts = facts;
	return fd;
}
