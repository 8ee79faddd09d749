#include "command/workload.h"
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRUTH_BYTES (256 * 1024)
#define TRUTH_WAIT_MS 15000

char *workload__directory(void)
{
	char program[4096];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length > 0) {
		program[length] = 0;
		char *slash = strrchr(program, '/');
		if (slash)
			*slash = 0;
		static const char *const places[] = { "lab", "../lab", "../lib/whystall/lab" };
		for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
			char *path = base__format("%s/%s", program, places[i]);
			cleanup_free char *probe = base__format("%s/oversubscription", path);
			if (access(probe, X_OK) == 0)
				return path;
			free(path);
		}
	}
	return access("/usr/lib/whystall/lab/oversubscription", X_OK) == 0 ? base__copy("/usr/lib/whystall/lab") : NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **workload__names(const char *directory)
{
	size_t count = 0, capacity = 0;
	char **names = base__grow(NULL, &capacity, 1, sizeof(char *));
	DIR *entries = opendir(directory);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		struct stat status;
		if (strchr(entry->d_name, '.') || fstatat(dirfd(entries), entry->d_name, &status, 0) < 0 || !S_ISREG(status.st_mode) ||
		    !(status.st_mode & 0111))
			continue;
		names = base__grow(names, &capacity, count + 2, sizeof(char *));
		names[count++] = base__copy(entry->d_name);
	}
	if (entries)
		closedir(entries);
	qsort(names, count, sizeof(char *), compare_names);
	names[count] = NULL;
	return names;
}

void workload__free_names(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

static void become_workload(const char *path, const char *name, int seconds, int output)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", seconds);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	// Ctrl-C is for us: we stop the workload when the recording has been closed.
	signal(SIGINT, SIG_IGN);
	if (dup2(output, STDOUT_FILENO) < 0)
		_exit(126);
	execl(path, name, "--seconds", number, (char *)NULL);
	_exit(127);
}

// The first line of its output; NULL when it ended or took too long.
static char *read_line(int output)
{
	cleanup_string struct string line = { 0 };
	for (;;) {
		struct pollfd readable = { .fd = output, .events = POLLIN };
		char byte;
		if (poll(&readable, 1, TRUTH_WAIT_MS) <= 0 || read(output, &byte, 1) != 1 || line.length > TRUTH_BYTES)
			return NULL;
		if (byte == '\n')
			return string__steal(&line);
		string__add_bytes(&line, &byte, 1);
	}
}

int workload__start(const char *directory, const char *name, int seconds, struct workload *ret_workload)
{
	struct workload workload = { .output = -1 };
	cleanup_free char *path = base__format("%s/%s", directory, name);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		say__error("the workload '%s' could not be started: %s", name, strerror(errno));
		return -errno;
	}
	workload.pid = fork();
	if (workload.pid == 0)
		become_workload(path, name, seconds, ends[1]);
	close(ends[1]);
	workload.output = ends[0];
	workload.truth = workload.pid > 0 ? read_line(ends[0]) : NULL;
	if (!workload.truth) {
		workload__stop(&workload);
		say__error("the workload '%s' ended before it stated its truth: run %s to see why", name, path);
		return -ECHILD;
	}
	*ret_workload = workload;
	return 0;
}

void workload__stop(struct workload *workload)
{
	if (workload->pid > 0) {
		bool reaped = false;
		kill(workload->pid, SIGTERM);
		// It cleans up its processes and cgroups itself; only one that hangs is killed.
		for (int tries = 0; tries < 100 && !reaped; tries++) {
			reaped = waitpid(workload->pid, NULL, WNOHANG) != 0;
			if (!reaped)
				nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
		}
		if (!reaped) {
			kill(workload->pid, SIGKILL);
			waitpid(workload->pid, NULL, 0);
		}
	}
	if (workload->output >= 0)
		close(workload->output);
	free(workload->truth);
	*workload = (struct workload){ .output = -1 };
}
