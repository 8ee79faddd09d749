#include "collect/attacher.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/privileges.h"

// With the process. Each field has one writer.
struct shared {
	struct shared_group {
		uint32_t ordered;               // ours: 2 * the order's number + whether on
		uint32_t done;                  // the process': the order that is carried out
		int32_t refusal;
		uint32_t failures;
		uint64_t on_ns, since_ns;       // of ended times; since when (CLOCK_MONOTONIC), 0: it is off
	} groups[ATTACHER_GROUPS];
	uint64_t cpu_ns;
};

struct attacher {
	struct bpf_program *programs[ATTACHER_GROUPS][ATTACHER_PROGRAMS];
	struct bpf_link *links[ATTACHER_GROUPS][ATTACHER_PROGRAMS];     // of the process
	int group_count;
	struct shared *shared;
	int wake;                       // a pipe: a byte says that there are orders, its end that it is over; -1: not started
	int error;                      // why it was not started
};

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define STORE(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

// ---- the process ----

static void detach(struct attacher *attacher, int number)
{
	struct shared_group *group = &attacher->shared->groups[number];

	if (group->since_ns) {
		group->on_ns += now_ns(CLOCK_MONOTONIC) - group->since_ns;
		STORE(group->since_ns, 0);
	}
	for (size_t i = 0; i < ATTACHER_PROGRAMS; i++) {
		bpf_link__destroy(attacher->links[number][i]);
		attacher->links[number][i] = NULL;
	}
}

static void attach(struct attacher *attacher, int number)
{
	struct shared_group *group = &attacher->shared->groups[number];

	group->refusal = 0;
	for (size_t i = 0; i < ATTACHER_PROGRAMS && attacher->programs[number][i] && !group->refusal; i++) {
		attacher->links[number][i] = bpf_program__attach(attacher->programs[number][i]);
		if (!attacher->links[number][i])
			group->refusal = errno ? -errno : -EOPNOTSUPP;
	}
	if (!group->refusal) {
		STORE(group->since_ns, now_ns(CLOCK_MONOTONIC));
		return;
	}
	group->failures++;
	detach(attacher, number);
}

static void carry_out(struct attacher *attacher)
{
	for (int i = 0; i < attacher->group_count; i++) {
		struct shared_group *group = &attacher->shared->groups[i];
		uint32_t order = LOAD(group->ordered);

		if (order == group->done)
			continue;
		if ((order & 1) && !group->since_ns)
			attach(attacher, i);
		else if (!(order & 1))
			detach(attacher, i);
		STORE(group->done, order);
	}
}

// Nobody who waits for the recorder's output or its file must wait for this one.
static void keep_links_only(int orders)
{
	DIR *directory = opendir("/proc/self/fd");

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char target[32] = "";
		int fd = atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) || fd == orders || fd == dirfd(directory))
			continue;
		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) < 0 || strncmp(target, "anon_inode:", 11))
			close(fd);
	}
	if (directory)
		closedir(directory);
}

static void run(struct attacher *attacher, int orders)
{
	char bytes[64];

	setsid();
	prctl(PR_SET_NAME, "whystall-probes");
	for (int number = 1; number < 32; number++)
		signal(number, SIG_IGN);
	keep_links_only(orders);
	if (privileges__drop())
		return;
	while (read(orders, bytes, sizeof(bytes)) > 0) {
		carry_out(attacher);
		STORE(attacher->shared->cpu_ns, now_ns(CLOCK_PROCESS_CPUTIME_ID));
	}
}

// ---- the recorder ----

struct attacher *attacher__new(void)
{
	struct attacher *attacher = base__alloc(1, sizeof(*attacher));

	attacher->wake = -1;
	attacher->error = -ENODEV;
	return attacher;
}

int attacher__add(struct attacher *attacher, struct bpf_program *const programs[ATTACHER_PROGRAMS])
{
	if (attacher->group_count == ATTACHER_GROUPS)
		return ATTACHER_NONE;
	memcpy(attacher->programs[attacher->group_count], programs, sizeof(attacher->programs[0]));
	return attacher->group_count++;
}

void attacher__start(struct attacher *attacher)
{
	void *shared = mmap(NULL, sizeof(*attacher->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pid_t child;

	attacher->error = shared == MAP_FAILED || pipe2(ends, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;
	if (attacher->error)
		return;
	attacher->shared = shared;
	child = fork();
	attacher->error = child < 0 ? -errno : 0;
	if (child == 0) {
		close(ends[1]);
		fcntl(ends[0], F_SETFL, 0);
		run(attacher, ends[0]);
		_exit(0);
	}
	close(ends[0]);
	if (child > 0)
		attacher->wake = ends[1];
	else
		close(ends[1]);
}

void attacher__order(struct attacher *attacher, int group, bool on)
{
	uint32_t last;

	if (attacher->wake < 0 || group < 0)
		return;
	last = attacher->shared->groups[group].ordered;
	if ((last & 1) == on)
		return;
	STORE(attacher->shared->groups[group].ordered, ((last >> 1) + 1) << 1 | on);
	if (write(attacher->wake, "", 1) < 0 && errno != EAGAIN)        // a full pipe wakes as well
		attacher->error = -errno;
}

static bool all_done(const struct attacher *attacher)
{
	for (int i = 0; i < attacher->group_count; i++)
		if (LOAD(attacher->shared->groups[i].done) != attacher->shared->groups[i].ordered)
			return false;
	return true;
}

bool attacher__wait(const struct attacher *attacher, uint64_t longest_ns)
{
	const struct timespec moment = { 0, NS_PER_MSEC };
	uint64_t until = now_ns(CLOCK_MONOTONIC) + longest_ns;

	if (attacher->wake < 0)
		return true;
	while (!all_done(attacher)) {
		if (now_ns(CLOCK_MONOTONIC) >= until)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

struct attach_state attacher__state(const struct attacher *attacher, int number)
{
	const struct shared_group *group;
	struct attach_state state = { .refusal = attacher->error };
	uint64_t since;

	if (!attacher->shared || number < 0)
		return state;
	group = &attacher->shared->groups[number];
	state.pending = LOAD(group->done) != group->ordered;
	state.refusal = attacher->error ? attacher->error : group->refusal;
	state.failures = group->failures;
	since = LOAD(group->since_ns);
	state.on = since != 0;
	state.on_ns = group->on_ns + (since ? now_ns(CLOCK_MONOTONIC) - since : 0);
	return state;
}

uint64_t attacher__cpu_ns(const struct attacher *attacher)
{
	return attacher && attacher->shared ? LOAD(attacher->shared->cpu_ns) : 0;
}

void attacher__leave(struct attacher *attacher)
{
	if (attacher->wake >= 0)
		close(attacher->wake);
	attacher->wake = -1;
}

void attacher__free(struct attacher *attacher)
{
	if (!attacher)
		return;
	attacher__leave(attacher);
	if (attacher->shared)
		munmap(attacher->shared, sizeof(*attacher->shared));
	free(attacher);
}
