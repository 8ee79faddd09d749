#include "collect/memory_processes.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/base.h"

#define KERNEL_THREAD 0x200000  // PF_KTHREAD, in field 9

bool memory_processes__parse_stat(const char *line, struct memory_reading *ret)
{
	const char *end = strrchr(line, ')');
	unsigned flags;

	// Fields 3 (state) to 12 (majflt), then on to 22 (starttime).
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %u %" SCNd64 " %*u %" SCNd64 " %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNd64,
			   &flags, &ret->minor_faults, &ret->major_faults, &ret->start_ticks) != 4)
		return false;
	return !(flags & KERNEL_THREAD);
}

static int64_t kib_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoll(line + strlen(name), NULL, 10) * 1024 : 0;
}

bool memory_processes__parse_status(const char *text, struct memory_reading *ret)
{
	if (!strstr(text, "\nVmRSS:"))
		return false;
	ret->most_bytes = kib_of(text, "\nVmHWM:");
	ret->resident_bytes = kib_of(text, "\nVmRSS:");
	ret->anonymous_bytes = kib_of(text, "\nRssAnon:");
	ret->swap_bytes = kib_of(text, "\nVmSwap:");
	return true;
}

static bool read_one(int64_t pid, struct memory_reading *ret)
{
	char path[64], text[8192];

	*ret = (struct memory_reading){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	if (base__read_at(AT_FDCWD, path, text, sizeof(text)) <= 0 || !memory_processes__parse_stat(text, ret))
		return false;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/status", pid);
	return base__read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && memory_processes__parse_status(text, ret);
}

static int compare(const void *a, const void *b)
{
	const struct memory_reading *left = a, *right = b;

	return left->pid < right->pid ? -1 : left->pid > right->pid;
}

struct memory_processes *memory_processes__read(size_t most)
{
	struct memory_processes *processes = base__alloc(1, sizeof(*processes));
	DIR *directory = opendir("/proc");
	size_t capacity = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		struct memory_reading process;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (processes->count >= most) {
			processes->left_out++;          // kernel threads among them, which are not told apart without a look
			continue;
		}
		if (!read_one(strtoll(entry->d_name, NULL, 10), &process))
			continue;
		processes->all = base__grow(processes->all, &capacity, processes->count + 1, sizeof(process));
		processes->all[processes->count++] = process;
	}
	if (directory)
		closedir(directory);
	if (processes->count)
		qsort(processes->all, processes->count, sizeof(*processes->all), compare);
	return processes;
}

void memory_processes__free(struct memory_processes *processes)
{
	if (processes)
		free(processes->all);
	free(processes);
}

const struct memory_reading *memory_processes__find(const struct memory_processes *processes, const struct memory_reading *process)
{
	const struct memory_reading *found = processes && processes->count
		? bsearch(process, processes->all, processes->count, sizeof(*process), compare) : NULL;

	return found && found->start_ticks == process->start_ticks ? found : NULL;
}

int64_t memory_reading__faults(const struct memory_reading *before, const struct memory_reading *after)
{
	return after->minor_faults > before->minor_faults ? after->minor_faults - before->minor_faults : 0;
}

int64_t memory_reading__kept_bytes(const struct memory_reading *before, const struct memory_reading *after)
{
	int64_t most = after->most_bytes > before->most_bytes ? after->most_bytes : after->resident_bytes;

	return most > before->resident_bytes ? most - before->resident_bytes : 0;
}
