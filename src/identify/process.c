// What a process is, from three small files below /proc/PID that wait for nobody.
#include "identify/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"

#define COMM_SIZE 16            // TASK_COMM_LEN, include/linux/sched.h
#define CGROUP_TEXT_SIZE 16384  // a dozen hierarchies with long paths

static void replace(char **field, const char *text)
{
	free(*field);
	*field = text && text[0] ? base__copy(text) : NULL;
}

static void set_printable(char **field, const char *text)
{
	char buffer[4096];

	identify__printable(text, strlen(text), buffer, sizeof(buffer));
	replace(field, buffer);
}

static void set_meaning(const struct cgroup_meaning *meaning, struct process_row *row)
{
	// What stands below a user's manager is its unit: "user@1000.service/app.slice/x.service".
	bool users = !strncmp(meaning->unit, "user@", 5) && strchr(meaning->unit, '/');

	replace(&row->unit, meaning->unit);
	replace(&row->unit_manager, !meaning->unit[0] ? NULL : meaning->unit_in_container ? "container" : users ? "user" : "system");
	replace(&row->container, meaning->container);
	replace(&row->vm_id, meaning->vm_id);
	replace(&row->vm_name, meaning->vm_name);
}

static void set_unknown(struct process_row *row)
{
	replace(&row->runtime, "unknown");
	replace(&row->linkage, "unknown");
	replace(&row->allocator, "unknown");
}

// Whether a comma-separated list holds this word.
static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ','), list = list ? list + 1 : NULL)
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

struct membership { const char *v2, *cpu; struct cgroup_meaning meaning; };

// Lines "number:controllers:path". Each path may say something that the others do not: on a hybrid system the unit stands
// in v2 or name=systemd, the container in the controllers' hierarchies. The v2 line, the last one, is the first to count.
static void read_membership(char *text, struct membership *membership)
{
	const char *paths[32];
	size_t count = 0;

	for (char *line = text, *next; line && *line; line = next) {
		char *controllers, *path;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!(controllers = strchr(line, ':')) || !(path = strchr(controllers + 1, ':')))
			continue;
		*path++ = '\0';
		controllers++;
		// A cgroup that was removed while its last task had not been reaped.
		char *deleted = strstr(path, " (deleted)");
		if (deleted && !deleted[strlen(" (deleted)")])
			*deleted = '\0';
		if (!controllers[0])
			membership->v2 = path;
		else if (lists(controllers, "cpu"))
			membership->cpu = path;
		if (controllers[0] && count < ARRAY_SIZE(paths))
			paths[count++] = path;
	}
	if (!membership->cpu)
		membership->cpu = membership->v2;
	if (membership->v2)
		identify__cgroup(membership->v2, &membership->meaning);
	for (size_t i = 0; i < count; i++)
		identify__cgroup(paths[i], &membership->meaning);
}

static void set_exe(int directory, struct process_row *row)
{
	char path[4096];
	ssize_t length = readlinkat(directory, "exe", path, sizeof(path) - 1);
	static const char deleted[] = " (deleted)";
	const size_t deleted_length = sizeof(deleted) - 1;

	if (length <= 0) {
		replace(&row->exe, NULL);
		return;
	}
	if ((size_t)length > deleted_length && !memcmp(path + length - deleted_length, deleted, deleted_length))
		length -= (ssize_t)deleted_length;
	path[length] = '\0';
	set_printable(&row->exe, path);
}

int identify__process_at(int proc_fd, int64_t pid, struct process_row *row)
{
	char name[24], text[CGROUP_TEXT_SIZE];

	snprintf(name, sizeof(name), "%lld", (long long)pid);
	cleanup_fd int directory = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t length = base__read_at(directory, "comm", text, sizeof(text));
	if (length < 0)
		return length == -ENOENT ? -ESRCH : (int)length;
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';

	row->pid = pid;
	set_printable(&row->name, text);
	set_exe(directory, row);
	set_unknown(row);
	if (base__read_at(directory, "cgroup", text, sizeof(text)) > 0) {
		struct membership membership = { 0 };

		read_membership(text, &membership);
		replace(&row->cgroup, membership.v2);
		replace(&row->cpu_cgroup, membership.cpu);
		set_meaning(&membership.meaning, row);
	}
	return 0;
}

int identify__process(int64_t pid, struct process_row *row)
{
	cleanup_fd int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return proc_fd < 0 ? -errno : identify__process_at(proc_fd, pid, row);
}

int64_t identify__parent(int64_t pid)
{
	cleanup_free char *path = base__format("/proc/%lld/status", (long long)pid), *text = NULL;
	const char *line = base__read_file(path, 8192, &text) > 0 ? strstr(text, "\nPPid:") : NULL;

	return line ? strtoll(line + strlen("\nPPid:"), NULL, 10) : -1;
}

void identify__from_exec(const char *filename, struct process_row *row)
{
	const char *slash = strrchr(filename, '/'), *base = slash ? slash + 1 : filename;
	char name[COMM_SIZE];

	identify__printable(base, strlen(base), name, sizeof(name));
	replace(&row->name, name);
	set_printable(&row->exe, filename);
	set_unknown(row);
}

void identify__set_cgroups(const char *v2_path, const char *cpu_path, struct process_row *row)
{
	struct cgroup_meaning meaning = { 0 };

	if (v2_path)
		identify__cgroup(v2_path, &meaning);
	if (cpu_path)
		identify__cgroup(cpu_path, &meaning);
	// The paths may be those of the row itself.
	char *v2 = base__copy(v2_path), *cpu = base__copy(cpu_path);
	free(row->cgroup);
	free(row->cpu_cgroup);
	row->cgroup = v2;
	row->cpu_cgroup = cpu;
	set_meaning(&meaning, row);
}
