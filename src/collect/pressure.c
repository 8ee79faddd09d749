#include "collect/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

// The total= of the line that begins with `kind`; -1 where there is none.
static int64_t find_total(const char *text, const char *kind)
{
	size_t length = strlen(kind);

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *total = strstr(line, "total="), *end = strchr(line, '\n');
		char *digits_end;

		if (strncmp(line, kind, length) || line[length] != ' ' || !total || (end && total > end))
			continue;
		total += strlen("total=");
		int64_t value = strtoll(total, &digits_end, 10);
		return digits_end == total || value < 0 ? -1 : value;
	}
	return -1;
}

int pressure__parse(const char *text, struct pressure_totals *ret)
{
	struct pressure_totals totals = { find_total(text, "some"), find_total(text, "full") };

	if (totals.some_us < 0 && totals.full_us < 0)
		return -EINVAL;
	*ret = totals;
	return 0;
}

static int read_open_file(int fd, struct pressure_totals *ret)
{
	char text[512];
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	return pressure__parse(text, ret);
}

int pressure__read_system(enum pressure_resource resource, struct pressure_totals *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/pressure/%s", pressure_resource__name(resource));
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	return read_open_file(fd, ret);
}

int pressure__read_cgroup(int directory_fd, enum pressure_resource resource, struct pressure_totals *ret)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.pressure", pressure_resource__name(resource));
	cleanup_fd int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
	return read_open_file(fd, ret);
}
