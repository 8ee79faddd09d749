// Reads command lines without ever hanging on a process whose mmap_lock a writer holds.
#include "identify/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/stat.h"

#define ARGUMENTS_READ 8192     // a VM's -name and -id come first; what follows can be long
#define COMMAND_LINE_SIZE 513
#define PATIENCE_NS (100 * NS_PER_MSEC)

struct entry {
	size_t row;
	int64_t pid, start_ns;
	char *arguments;                // NULL: not read
	size_t length;
};

// What a worker thread has to do. Both sides hold it; the last one frees it. A worker that hangs is left behind with it:
// the kernel's wait for mmap_lock here is killable, so it does not outlive the program.
struct batch {
	pthread_mutex_t lock;
	pthread_cond_t progress;
	int holders;
	bool abandoned;
	size_t count, finished;
	struct entry entries[];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

static void release(struct batch *batch)
{
	pthread_mutex_lock(&batch->lock);
	bool last = --batch->holders == 0;
	pthread_mutex_unlock(&batch->lock);
	if (!last)
		return;
	for (size_t i = 0; i < batch->count; i++)
		free(batch->entries[i].arguments);
	pthread_cond_destroy(&batch->progress);
	pthread_mutex_destroy(&batch->lock);
	free(batch);
}

// Probes give the exact start, /proc one that is rounded down to a tick; two ticks are too short for a number to come round.
static bool is_same_process(const struct entry *entry)
{
	long ticks_per_second = sysconf(_SC_CLK_TCK);
	int64_t tolerance_ns = 2 * (int64_t)NS_PER_SEC / ticks_per_second;
	cleanup_free char *path = base__format("/proc/%lld/stat", (long long)entry->pid), *text = NULL;
	struct stat_facts facts;

	return base__read_file(path, 4096, &text) > 0 && !stat__parse(text, ticks_per_second, &facts) &&
	       (!entry->start_ns || llabs(facts.start_ns - entry->start_ns) < tolerance_ns);
}

static char *read_arguments(const struct entry *entry, size_t *ret_length)
{
	cleanup_free char *path = base__format("/proc/%lld/cmdline", (long long)entry->pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t length;

	if (fd < 0 || !is_same_process(entry))
		return NULL;
	text = base__alloc(ARGUMENTS_READ, 1);
	length = read(fd, text, ARGUMENTS_READ);
	if (length <= 0) {
		free(text);
		return NULL;
	}
	*ret_length = (size_t)length;
	return text;
}

static void *work(void *argument)
{
	struct batch *batch = argument;
	bool stop = false;

	for (size_t i = 0; i < batch->count && !stop; i++) {
		size_t length = 0;
		char *arguments = read_arguments(&batch->entries[i], &length);

		pthread_mutex_lock(&batch->lock);
		batch->entries[i].arguments = arguments;
		batch->entries[i].length = length;
		batch->finished = i + 1;
		stop = batch->abandoned;
		pthread_cond_signal(&batch->progress);
		pthread_mutex_unlock(&batch->lock);
	}
	release(batch);
	return NULL;
}

static int start_worker(struct batch *batch)
{
	pthread_condattr_t clock;
	pthread_t thread;
	sigset_t all, before;
	int error;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&batch->lock, NULL);
	pthread_cond_init(&batch->progress, &clock);
	pthread_condattr_destroy(&clock);
	batch->holders = 2;
	// Ctrl-C and the like belong to the main thread.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, work, batch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		batch->holders = 1;
	else
		pthread_detach(thread);
	return -error;
}

// Waits until the worker is through or makes no progress. Returns the number of entries it has finished.
static size_t await(struct batch *batch, int64_t deadline_ns)
{
	size_t finished = 0;

	pthread_mutex_lock(&batch->lock);
	while (batch->finished < batch->count) {
		int64_t until = now_ns() + (int64_t)PATIENCE_NS;

		if (until > deadline_ns)
			until = deadline_ns;
		struct timespec time = { until / (int64_t)NS_PER_SEC, until % (int64_t)NS_PER_SEC };
		int error = 0;
		while (batch->finished == finished && !error)
			error = pthread_cond_timedwait(&batch->progress, &batch->lock, &time);
		if (batch->finished == finished)
			break;
		finished = batch->finished;
	}
	finished = batch->finished;
	batch->abandoned = finished < batch->count;
	pthread_mutex_unlock(&batch->lock);
	return finished;
}

static void replace(char **field, const char *text)
{
	if (!text[0])
		return;
	free(*field);
	*field = base__copy(text);
}

// The command line's own name for a VM is the full one; the id that the cgroup gave (Proxmox, libvirt) is kept, because
// that is what those tools' commands take.
static void fill(const struct entry *entry, struct process_row *row)
{
	char printable[COMMAND_LINE_SIZE];
	struct command_meaning meaning;

	if (!entry->arguments)
		return;
	identify__printable(entry->arguments, entry->length, printable, sizeof(printable));
	replace(&row->command_line, printable);
	identify__command_line(entry->arguments, entry->length, &meaning);
	replace(&row->vm_name, meaning.vm_name);
	if (!row->vm_id)
		replace(&row->vm_id, meaning.vm_id);
}

static struct batch *collect(const struct process_row *rows, size_t count, size_t first)
{
	struct batch *batch = base__alloc(1, sizeof(*batch) + (count - first) * sizeof(struct entry));

	for (size_t i = first; i < count; i++)
		if (rows[i].pid > 0 && !rows[i].gone && !rows[i].kernel_thread && !rows[i].command_line)
			batch->entries[batch->count++] = (struct entry){ .row = i, .pid = rows[i].pid, .start_ns = rows[i].start_ns };
	return batch;
}

int identify__command_lines(struct process_row *rows, size_t count, int64_t limit_ns)
{
	int64_t deadline_ns = now_ns() + limit_ns;
	size_t first = 0;
	int held = 0;

	while (first < count) {
		struct batch *batch = collect(rows, count, first);

		first = count;
		if (!batch->count || start_worker(batch) < 0) {
			batch->holders = batch->holders ? batch->holders : 1;
			release(batch);
			break;
		}
		size_t finished = await(batch, deadline_ns);
		for (size_t i = 0; i < finished; i++)
			fill(&batch->entries[i], &rows[batch->entries[i].row]);
		if (finished < batch->count) {
			held++;
			if (now_ns() < deadline_ns)
				first = batch->entries[finished].row + 1;
		}
		release(batch);
	}
	return held;
}
