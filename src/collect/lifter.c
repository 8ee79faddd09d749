#include "collect/lifter.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/privileges.h"

#define CALM_MS 100             // from one look to the next
#define BUSY_MS 20              // while a thread is lifted, or may be starving: a period of own_budget_lift
#define LATELY_NS NS_PER_SEC
#define STARVING_PART 3          // beside many others a fair share of a CPU is less: starting and ending would take seconds
#define THREADS 64

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

struct shared {                 // with the lifter; each written by it alone
	uint32_t own, lifts;
	uint64_t lifted_cpu_ns, cpu_ns;
};

struct lifter { struct shared *shared; };

struct watched {
	pid_t id;                       // of the thread; 0: free
	bool seen, child;
	struct lift_look last;
	enum own_class lifted;          // ORDINARY: it is not
	uint64_t lifted_cpu_ns;         // what it had used when it was
};

struct watch {
	struct shared *shared;
	pid_t process;
	int tasks;                      // /proc/PID/task
	char name[32];                  // of the process: forked children that have it are ours as well
	uint64_t starved_ns;            // when one was found starving last
	struct watched threads[THREADS];
};

// ---- what to do with one thread ----

enum lift_step lifter__judge(struct lift_look *last, const struct lift_look *look, bool lately)
{
	struct lift_look before = *last;

	*last = *look;
	if (!look->runnable || (before.time_ns && look->cpu_ns - before.cpu_ns >= (look->time_ns - before.time_ns) / STARVING_PART))
		return LIFT_NONE;
	return before.time_ns && (before.runnable || lately) ? LIFT_UP : LIFT_SUSPECT;
}

// ---- looking ----

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

// "PID (NAME) STATE …": the name may hold anything.
static char read_state(int tasks, const char *thread, const char *name)
{
	char path[64], text[256], *end;

	snprintf(path, sizeof(path), "%s/stat", thread);
	if (base__read_at(tasks, path, text, sizeof(text)) <= 0 || !(end = strrchr(text, ')')) || end[1] != ' ')
		return 0;
	if (name) {
		const char *begin = strchr(text, '(');

		if (!begin || (size_t)(end - begin - 1) != strlen(name) || memcmp(begin + 1, name, strlen(name)))
			return 0;
	}
	return end[2];
}

// `thread`: a name below `tasks`, or an absolute path.
static bool look_at(int tasks, const char *thread, const char *name, struct lift_look *ret)
{
	char path[64], text[96], state;

	snprintf(path, sizeof(path), "%s/schedstat", thread);
	if (base__read_at(tasks, path, text, sizeof(text)) <= 0)
		return false;
	ret->time_ns = now_ns(CLOCK_MONOTONIC);
	ret->cpu_ns = strtoull(text, NULL, 10);
	state = read_state(tasks, thread, name);
	ret->runnable = state == 'R';
	return state != 0 && state != 'Z' && state != 'X';
}

static struct watched *find(struct watch *watch, pid_t id)
{
	struct watched *free_one = NULL;

	for (size_t i = 0; i < THREADS; i++) {
		if (watch->threads[i].id == id)
			return &watch->threads[i];
		if (!watch->threads[i].id && !free_one)
			free_one = &watch->threads[i];
	}
	if (free_one)
		*free_one = (struct watched){ .id = id };
	return free_one;
}

static void lift(struct watch *watch, struct watched *one)
{

	// Never SCHED_FIFO where the other was granted once: it is then refused because enough of ours are lifted.
	if (watch->shared->own == OWN_CLASS_DEADLINE) {
		one->lifted = own_class__take_deadline(one->id, &own_budget_lift);
		if (one->lifted == OWN_CLASS_ORDINARY)
			one->lifted = own_class__take_deadline(one->id, &own_budget_lift_small);
	} else {
		one->lifted = own_class__take(one->id, &own_budget_lift, 1);
	}
	if (one->lifted == OWN_CLASS_ORDINARY)
		return;
	one->lifted_cpu_ns = one->last.cpu_ns;
	watch->shared->lifts++;
}

static void account(struct watch *watch, struct watched *one)
{
	watch->shared->lifted_cpu_ns += one->last.cpu_ns - one->lifted_cpu_ns;
	one->lifted_cpu_ns = one->last.cpu_ns;
}

// One that is lifted. The kernel keeps the budget of SCHED_DEADLINE; that of SCHED_FIFO is kept here: it is taken away at the next look. Returns
// false if it is an ordinary one again.
static bool watch_lifted(struct watch *watch, struct watched *one, uint32_t policy)
{
	account(watch, one);
	if (one->lifted == OWN_CLASS_FIFO && policy == SCHED_FIFO) {
		own_class__leave(one->id);
		one->lifted = OWN_CLASS_ORDINARY;
		return true;
	}
	if (policy == SCHED_DEADLINE)
		return true;
	one->lifted = OWN_CLASS_ORDINARY;       // it left by itself
	return false;
}

// Returns whether to look again soon.
static bool watch_one(struct watch *watch, int tasks, const char *path, pid_t id, bool child)
{
	struct watched *one = find(watch, id);
	struct own_setting setting;
	struct lift_look look;
	uint64_t used_ns;

	if (!one)
		return false;
	one->seen = true;
	one->child = child;
	if (own_class__read(id, &setting) || (!one->lifted && setting.policy == SCHED_DEADLINE))
		return false;           // the recorder's loop, in its window
	if (!look_at(tasks, path, child ? watch->name : NULL, &look))
		return false;
	used_ns = look.cpu_ns - one->last.cpu_ns;
	if (one->lifted) {
		one->last = look;
		if (watch_lifted(watch, one, setting.policy))
			return watch->shared->own == OWN_CLASS_FIFO;
	}
	// The recorder's loop, where it is SCHED_FIFO: its budget is kept here as well.
	if (setting.policy == SCHED_FIFO && watch->shared->own == OWN_CLASS_FIFO && one->last.time_ns && used_ns > BUSY_MS * NS_PER_MSEC / 2)
		own_class__leave(id);
	switch (lifter__judge(&one->last, &look, look.time_ns - watch->starved_ns < LATELY_NS)) {
	case LIFT_UP:
		watch->starved_ns = look.time_ns;
		lift(watch, one);
		return true;
	case LIFT_SUSPECT:
		return true;
	case LIFT_NONE:
		break;
	}
	return watch->shared->own == OWN_CLASS_FIFO;
}

static bool watch_children(struct watch *watch)
{
	char path[64], text[512], *at = text;
	bool soon = false;

	snprintf(path, sizeof(path), "%d/children", (int)watch->process);
	if (base__read_at(watch->tasks, path, text, sizeof(text)) <= 0)
		return false;
	for (;;) {
		char *end;
		pid_t child = (pid_t)strtol(at, &end, 10);

		if (end == at)
			return soon;
		at = end;
		if (child == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)child, (int)child);
		soon |= watch_one(watch, AT_FDCWD, path, child, true);
	}
}

static bool watch_all(struct watch *watch, DIR *directory)
{
	bool soon = false;

	rewinddir(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (isdigit((unsigned char)entry->d_name[0]))
			soon |= watch_one(watch, watch->tasks, entry->d_name, (pid_t)atoi(entry->d_name), false);
	soon |= watch_children(watch);
	for (size_t i = 0; i < THREADS; i++) {
		if (!watch->threads[i].seen)
			watch->threads[i].id = 0;
		watch->threads[i].seen = false;
	}
	return soon;
}

// ---- the process ----

// Nobody who waits for the recorder's output or for its session's end must wait for this one.
static void stand_apart(int keep)
{
	setsid();
	for (int number = 1; number < 32; number++)
		signal(number, SIG_IGN);
	if (keep > 0)
		syscall(SYS_close_range, 0U, (unsigned)keep - 1, 0U);
	syscall(SYS_close_range, (unsigned)keep + 1, ~0U, 0U);
	prctl(PR_SET_NAME, "whystall-lift");
}

static void run(struct shared *shared, pid_t process, int pidfd)
{
	struct watch watch = { .shared = shared, .process = process };
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	char path[64];
	DIR *directory;
	int timeout = CALM_MS;

	prctl(PR_GET_NAME, watch.name);
	stand_apart(pidfd);
	shared->own = own_class__take(0, &own_budget_lifter, 0);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	directory = opendir(path);
	if (shared->own == OWN_CLASS_ORDINARY || !directory || privileges__keep_priority())
		return;
	watch.tasks = dirfd(directory);
	while (poll(&ended, 1, timeout) <= 0) {
		bool soon = watch_all(&watch, directory) || now_ns(CLOCK_MONOTONIC) - watch.starved_ns < LATELY_NS;

		timeout = soon ? BUSY_MS : CALM_MS;
		shared->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	}
}

struct lifter *lifter__start(void)
{
	struct lifter *lifter = base__alloc(1, sizeof(*lifter));
	pid_t self = getpid(), child;
	int pidfd = (int)syscall(SYS_pidfd_open, self, 0);

	lifter->shared = mmap(NULL, sizeof(*lifter->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = pidfd < 0 || lifter->shared == MAP_FAILED ? -1 : fork();
	if (child == 0) {
		run(lifter->shared, self, pidfd);
		_exit(0);
	}
	if (pidfd >= 0)
		close(pidfd);
	if (child > 0)
		return lifter;
	if (lifter->shared != MAP_FAILED)
		munmap(lifter->shared, sizeof(*lifter->shared));
	free(lifter);
	return NULL;
}

struct lifter_account lifter__account(const struct lifter *lifter)
{
	const volatile struct shared *shared = lifter ? lifter->shared : NULL;

	return shared ? (struct lifter_account){ shared->own, shared->lifts, shared->lifted_cpu_ns, shared->cpu_ns }
		: (struct lifter_account){ OWN_CLASS_ORDINARY, 0, 0, 0 };
}

void lifter__leave(struct lifter *lifter)
{
	if (!lifter)
		return;
	munmap(lifter->shared, sizeof(*lifter->shared));
	free(lifter);
}
