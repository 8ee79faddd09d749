#include "collect/memory_processes.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define KERNEL_THREAD 0x200000  // PF_KTHREAD, in field 9
#define PROCESSES_LIMIT 8192    // more would take longer than the window's ends may

bool memory_processes__parse_stat(const char *line, struct memory_process *ret)
{
	const char *end = strrchr(line, ')');
	unsigned flags;

	// Fields 3 (state) to 12 (majflt), then on to 22 (starttime).
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %u %*u %*u %" SCNd64 " %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNd64,
			   &flags, &ret->major_faults, &ret->start_ticks) != 3)
		return false;
	return !(flags & KERNEL_THREAD);
}

static int64_t swap_bytes(int64_t pid)
{
	cleanup_free char *path = base__format("/proc/%" PRId64 "/status", pid), *text = NULL;
	const char *line = base__read_file(path, 8192, &text) > 0 ? strstr(text, "\nVmSwap:") : NULL;

	return line ? strtoll(line + strlen("\nVmSwap:"), NULL, 10) * 1024 : 0;
}

static bool read_one(int64_t pid, bool swap, struct memory_process *ret)
{
	cleanup_free char *stat_path = base__format("/proc/%" PRId64 "/stat", pid), *stat = NULL;
	cleanup_free char *statm_path = base__format("/proc/%" PRId64 "/statm", pid), *statm = NULL;
	int64_t resident, shared;

	*ret = (struct memory_process){ .pid = pid };
	if (base__read_file(stat_path, 4096, &stat) <= 0 || !memory_processes__parse_stat(stat, ret))
		return false;
	if (base__read_file(statm_path, 256, &statm) <= 0 || sscanf(statm, "%*d %" SCNd64 " %" SCNd64, &resident, &shared) != 2)
		return false;
	ret->anonymous_bytes = resident > shared ? (resident - shared) * sysconf(_SC_PAGESIZE) : 0;
	ret->swap_bytes = swap ? swap_bytes(pid) : 0;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct memory_process *left = a, *right = b;

	return left->pid < right->pid ? -1 : left->pid > right->pid;
}

struct memory_processes *memory_processes__read(bool swap)
{
	struct memory_processes *processes = base__alloc(1, sizeof(*processes));
	DIR *directory = opendir("/proc");
	size_t capacity = 0;

	processes->swap = swap;
	for (struct dirent *entry; directory && (entry = readdir(directory)) && processes->count < PROCESSES_LIMIT;) {
		struct memory_process process;

		if (!isdigit((unsigned char)entry->d_name[0]) || !read_one(strtoll(entry->d_name, NULL, 10), swap, &process))
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

const struct memory_process *memory_processes__find(const struct memory_processes *processes, const struct memory_process *process)
{
	const struct memory_process *found = processes && processes->count
		? bsearch(process, processes->all, processes->count, sizeof(*process), compare) : NULL;

	return found && found->start_ticks == process->start_ticks ? found : NULL;
}
