// A child takes a batch of items: it stops being root, prepares all, gives up its other privileges, works on one after the other and says so
// through a pipe. What it needs to open meanwhile is opened by a process beside it (opener.c). When it dies, the item that it was at is given up and another child takes the rest.
#include "isolate/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "isolate/opener.h"
#include "isolate/sandbox.h"

#define RECEIVED_LIMIT ((size_t)256 << 20) // bytes, of all children of a run: nobody honest needs so many
#define LOST_LIMIT 16                   // so many dead children, and the rest is given up
// So long we wait for a child that has closed its pipe, and for one that was killed: most of these go at once, some never.
#define FAREWELL_NS ((int64_t)NS_PER_SEC)
#define KILLED_NS ((int64_t)(50 * NS_PER_MSEC))

#define FORK_ATTEMPTS 3                 // where the number of processes is limited, some have ended soon after
#define FORK_PAUSE_US 10000

static struct { int64_t items; int error; } unmade;     // of this process, for the one sentence at its end

enum message_kind { MESSAGE_PREPARE = 1, MESSAGE_WORK, MESSAGE_BYTES, MESSAGE_DONE, MESSAGE_END, MESSAGE_OPENER };
struct message { uint32_t kind, length; uint64_t item; };

struct isolate_channel {
	size_t item;
	size_t used;
	unsigned char buffer[2 * (sizeof(struct message) + ISOLATE_MESSAGE_LIMIT)];
};

enum state { STATE_PENDING, STATE_DONE, STATE_LOST };

struct run {
	const struct isolate_job *job;
	struct isolate_budget *budget;
	unsigned char *states;
	size_t *batch, batch_count;
	int64_t began_ns;
	int fd;
	bool at_item, at_work, ended, late, broken;
	size_t item;                    // where the child is, if at_item
	pid_t opener;                   // the child's, as it said before it worked on anything; 0: none
	size_t used, received;
	unsigned char buffer[sizeof(struct message) + ISOLATE_MESSAGE_LIMIT];
};

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec;
}

static void flush(struct isolate_channel *channel)
{
	size_t written = 0;

	while (written < channel->used) {
		ssize_t got = write(SANDBOX_FD, channel->buffer + written, channel->used - written);

		if (got < 0 && errno != EINTR)
			_exit(1);
		written += got > 0 ? (size_t)got : 0;
	}
	channel->used = 0;
}

static void put(struct isolate_channel *channel, enum message_kind kind, const void *bytes, size_t length)
{
	struct message message = { kind, (uint32_t)length, channel->item };

	if (channel->used + sizeof(message) + length > sizeof(channel->buffer))
		flush(channel);
	memcpy(channel->buffer + channel->used, &message, sizeof(message));
	if (length)
		memcpy(channel->buffer + channel->used + sizeof(message), bytes, length);
	channel->used += sizeof(message) + length;
}

void isolate__send(struct isolate_channel *channel, const void *bytes, size_t length)
{
	if (length <= ISOLATE_MESSAGE_LIMIT)
		put(channel, MESSAGE_BYTES, bytes, length);
}

int isolate__open(struct isolate_channel *channel, const void *request, size_t length, struct isolate_answer *ret)
{
	struct isolate_answer unread = { .fd = -1 };

	return opener__ask(channel->item, request, length, ret ? ret : &unread);
}

// Forked last, so that it has what was prepared.
static void start_opener(const struct isolate_job *job, struct isolate_channel *channel)
{
	pid_t opener = opener__start(job);

	if (opener < 0)
		_exit(1);
	channel->item = (size_t)opener;
	put(channel, MESSAGE_OPENER, NULL, 0);
}

static void __attribute__((noreturn)) run_child(const struct run *run, int fd)
{
	const struct isolate_job *job = run->job;
	struct isolate_channel *channel;
	int64_t cpu_ns = run->budget->cpu_ns < run->budget->child_cpu_ns ? run->budget->cpu_ns : run->budget->child_cpu_ns;

	if (sandbox__limit(fd, run->budget->memory_bytes, cpu_ns) || sandbox__open_only())
		_exit(1);
	channel = base__alloc(1, sizeof(*channel));
	for (size_t i = 0; job->prepare && i < run->batch_count; i++) {
		channel->item = run->batch[i];
		put(channel, MESSAGE_PREPARE, NULL, 0);
		flush(channel);                 // from here on a file system may let us wait
		job->prepare(job->context, channel->item, channel);
	}
	if (job->open)
		start_opener(job, channel);
	flush(channel);
	if (job->work && sandbox__enter())
		_exit(1);
	for (size_t i = 0; i < run->batch_count; i++) {
		channel->item = run->batch[i];
		put(channel, MESSAGE_WORK, NULL, 0);
		flush(channel);
		if (job->work)
			job->work(job->context, channel->item, channel);
		put(channel, MESSAGE_DONE, NULL, 0);
	}
	put(channel, MESSAGE_END, NULL, 0);
	flush(channel);
	_exit(0);
}

// One whole message. The child may be in a stranger's hands: nothing is believed that does not fit.
static bool take(struct run *run, const struct message *message, const unsigned char *bytes)
{
	size_t item = (size_t)message->item;

	if (message->kind == MESSAGE_END) {
		run->ended = true;
		return true;
	}
	if (message->kind == MESSAGE_OPENER) {
		run->opener = run->at_work ? run->opener : (pid_t)message->item;
		return !run->at_work;
	}
	if (item >= run->job->items || run->states[item] != STATE_PENDING)
		return false;
	switch (message->kind) {
	case MESSAGE_PREPARE:
	case MESSAGE_WORK:
		run->item = item;
		run->at_item = true;
		run->at_work |= message->kind == MESSAGE_WORK;
		return true;
	case MESSAGE_BYTES:
		if (!run->at_item || item != run->item)
			return false;
		run->job->receive(run->job->context, item, bytes, message->length);
		return true;
	case MESSAGE_DONE:
		run->states[item] = STATE_DONE;
		run->at_item = false;
		return true;
	default:
		return false;
	}
}

static bool take_all(struct run *run)
{
	size_t taken = 0;

	while (run->used - taken >= sizeof(struct message)) {
		struct message message;

		memcpy(&message, run->buffer + taken, sizeof(message));
		if (message.length > ISOLATE_MESSAGE_LIMIT)
			return false;
		if (run->used - taken < sizeof(message) + message.length)
			break;
		if (!take(run, &message, run->buffer + taken + sizeof(message)))
			return false;
		taken += sizeof(message) + message.length;
	}
	memmove(run->buffer, run->buffer + taken, run->used - taken);
	run->used -= taken;
	return true;
}

// A child that wants to go on but gets no CPU is not stuck: the machines that we look at are crowded.
static bool waits_for_cpu(pid_t child)
{
	cleanup_free char *line = NULL;
	char path[32];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	if (base__read_file(path, 4096, &line) < 0)
		return false;
	end = strrchr(line, ')');
	return end && !strncmp(end, ") R", 3);
}

// Reads until the child has closed its end. Returns why to kill it, or -1: it went by itself.
static int listen(struct run *run, pid_t child)
{
	int64_t heard_ns = now_ns();

	for (;;) {
		int64_t now = now_ns(), left = run->began_ns + run->budget->wall_ns - now, patience = heard_ns + run->budget->item_wall_ns - now;
		struct pollfd poll_fd = { .fd = run->fd, .events = POLLIN };
		ssize_t got;

		if (left <= 0)
			return ISOLATE_LATE;
		if (patience <= 0) {
			if (!waits_for_cpu(child) && !(run->opener > 0 && waits_for_cpu(run->opener)))
				return ISOLATE_STUCK;
			heard_ns = now;
			continue;
		}
		if (poll(&poll_fd, 1, (int)((left < patience ? left : patience) / (int64_t)NS_PER_MSEC) + 1) <= 0)
			continue;
		got = read(run->fd, run->buffer + run->used, sizeof(run->buffer) - run->used);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return -1;
		run->used += (size_t)got;
		run->received += (size_t)got;
		if (run->received > RECEIVED_LIMIT || !take_all(run))
			return ISOLATE_DIED;
		heard_ns = now_ns();
	}
}

static void give_up(struct run *run, size_t item, enum isolate_loss loss)
{
	if (run->states[item] != STATE_PENDING)
		return;
	run->states[item] = STATE_LOST;
	run->budget->items_lost++;
	if (run->job->lose)
		run->job->lose(run->job->context, item, loss);
}

// Waits for a child that ends, but not for ever: one that hangs in the kernel is left to it. `last_of_time`: it had all the
// CPU time that was left; the kernel's timer and its sums differ by a few ticks.
static void collect(struct run *run, pid_t child, int64_t longest_ns, bool last_of_time)
{
	struct rusage usage;
	int64_t began = now_ns();
	pid_t ended;
	int status;

	while ((ended = wait4(child, &status, WNOHANG, &usage)) == 0 && now_ns() - began < longest_ns)
		usleep(1000);
	if (ended != child)
		return;
	run->budget->cpu_ns -= (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)NS_PER_SEC +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
	if (last_of_time && WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		run->budget->cpu_ns = 0;
}

// It has nothing to do without the child, and may hang over a file of a server that does not answer.
static void end_opener(pid_t opener)
{
	int64_t began = now_ns();

	if (opener <= 0 || waitpid(opener, NULL, WNOHANG))
		return;                         // none, or no child of ours any more
	kill(opener, SIGKILL);
	while (!waitpid(opener, NULL, WNOHANG) && now_ns() - began < KILLED_NS)
		usleep(1000);
}

static int run_batch(struct run *run)
{
	bool last_of_time = run->budget->cpu_ns <= run->budget->child_cpu_ns;
	int ends[2], reason, error;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	run->fd = ends[0];
	run->at_item = run->at_work = run->ended = false;
	run->opener = 0;
	run->used = 0;
	child = fork();
	for (int attempt = 1; child < 0 && errno == EAGAIN && attempt < FORK_ATTEMPTS; attempt++) {
		usleep(FORK_PAUSE_US);
		child = fork();
	}
	if (!child)
		run_child(run, ends[1]);
	error = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -error;
	}
	reason = listen(run, child);
	close(ends[0]);
	if (reason >= 0)
		kill(child, SIGKILL);
	collect(run, child, reason >= 0 ? KILLED_NS : FAREWELL_NS, last_of_time);
	end_opener(run->opener);
	if (run->ended)
		return 0;
	run->late = reason == ISOLATE_LATE || run->budget->cpu_ns < (int64_t)(10 * NS_PER_MSEC);
	if (run->late)
		return 0;
	run->budget->children_lost++;
	if (run->at_item)
		give_up(run, run->item, reason == ISOLATE_STUCK ? ISOLATE_STUCK : ISOLATE_DIED);
	else
		run->broken = true;             // it did not even begin
	return 0;
}

static bool choose_batch(struct run *run)
{
	run->batch_count = 0;
	for (size_t i = 0; i < run->job->items && run->batch_count < run->job->batch; i++)
		if (run->states[i] == STATE_PENDING)
			run->batch[run->batch_count++] = i;
	return run->batch_count > 0;
}

int isolate__run(const struct isolate_job *job, struct isolate_budget *budget)
{
	struct run *run = base__alloc(1, sizeof(*run));
	int64_t lost_before = budget->children_lost, lost_limit = job->lost_limit ? (int64_t)job->lost_limit : LOST_LIMIT;
	int64_t lost;
	int error = 0;

	run->job = job;
	run->budget = budget;
	run->states = base__alloc(job->items, 1);
	run->batch = base__alloc(job->batch, sizeof(*run->batch));
	run->began_ns = now_ns();
	while (!error && !run->late && !run->broken && budget->children_lost - lost_before < lost_limit && choose_batch(run))
		error = run_batch(run);
	error = error ? error : run->broken ? -ECHILD : 0;
	lost = budget->items_lost;
	for (size_t i = 0; i < job->items; i++)
		give_up(run, i, run->late ? ISOLATE_LATE : ISOLATE_DIED);
	budget->wall_ns -= now_ns() - run->began_ns;
	if (error) {
		unmade.items += budget->items_lost - lost;
		unmade.error = error;
	}
	free(run->states);
	free(run->batch);
	free(run);
	return error;
}

int64_t isolate__unmade(int *ret_error)
{
	if (ret_error)
		*ret_error = unmade.error;
	return unmade.items;
}
