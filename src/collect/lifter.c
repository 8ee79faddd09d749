#include "collect/lifter.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/privileges.h"

#define CALM_MS 100             // from one look to the next
#define BUSY_MS 20              // while one may be starving, or is lifted to SCHED_FIFO: a period of own_budget_lift
#define HURRY_MS 5              // … from the start and from each lifter__hurry() on
#define HURRY_NS NS_PER_SEC     // for so long
#define LATELY_NS NS_PER_SEC
#define STARVING_PART 3          // beside many others a fair share of a CPU is less: starting and ending would take seconds
#define HELD_ASLEEP_NS (50 * NS_PER_MSEC)
#define FORGOTTEN_LOOKS 5        // one pause of the whole machine is one look
#define FORGOTTEN_NS (200 * NS_PER_MSEC)        // four periods of the longest budget
#define THREADS 64

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

struct shared {                 // with the lifter; written by it alone
	uint32_t own, lifts, rescues;
	uint64_t lifted_cpu_ns, cpu_ns;
	pid_t stranger;                 // the recorder's: a child that is not ours
};

struct lifter {
	struct shared *shared;
	int hurry;                      // an eventfd: look often for a while; -1: none
};

// A helper of ours that somebody waits for has the process' own name; one that nobody waits for, or not for long, is "whystall-SOMETHING".
enum role { ROLE_STRANGER, ROLE_ERRAND, ROLE_HELPER, ROLE_MAIN };
#define ERRAND "whystall-"

struct watched {
	pid_t id;                       // of the thread; 0: free
	bool seen;
	enum role role;
	struct lift_look last;
	enum own_class lifted;          // ORDINARY: it is not
	size_t budget;                  // of budgets[], where that is SCHED_DEADLINE
	uint64_t lifted_cpu_ns;         // what it had used when it was
	uint64_t awake_ns;              // when it was last seen to need a CPU, since it was lifted
	struct lift_stall stall;
	bool no_deadline;               // it was forgotten there once
};

struct watch {
	struct shared *shared;
	pid_t process;
	int tasks;                      // /proc/PID/task
	char name[32];                  // of the process: forked children that have it are ours as well
	uint64_t starved_ns;            // when one was found starving last
	uint64_t scarce_ns;             // when one was granted less than the best budget last
	struct watched threads[THREADS];
};

// ---- what to do with one thread ----

enum lift_step lifter__judge(struct lift_look *last, const struct lift_look *look, bool lately)
{
	struct lift_look before = *last;

	*last = *look;
	if (!look->runnable || (before.time_ns && look->cpu_ns - before.cpu_ns >= (look->time_ns - before.time_ns) / STARVING_PART))
		return LIFT_NONE;
	return lately || before.runnable ? LIFT_UP : LIFT_SUSPECT;
}

bool lifter__is_forgotten(struct lift_stall *stall, const struct lift_look *look)
{
	if (!look->runnable || !stall->looks || look->cpu_ns != stall->cpu_ns) {
		*stall = (struct lift_stall){ look->time_ns, look->cpu_ns, look->runnable };
		return false;
	}
	stall->looks++;
	return stall->looks >= FORGOTTEN_LOOKS && look->time_ns - stall->since_ns >= FORGOTTEN_NS;
}

// ---- looking ----

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static enum role role_of(const char *name, size_t length, const char *own)
{
	if (length == strlen(own) && !memcmp(name, own, length))
		return ROLE_HELPER;
	return length > strlen(ERRAND) && !memcmp(name, ERRAND, strlen(ERRAND)) ? ROLE_ERRAND : ROLE_STRANGER;
}

// "PID (NAME) STATE …": the name may hold anything.
static char read_state(int tasks, const char *thread, const char *own, enum role *ret_role)
{
	char path[64], text[256];
	const char *begin, *end;

	snprintf(path, sizeof(path), "%s/stat", thread);
	if (base__read_at(tasks, path, text, sizeof(text)) <= 0 || !(begin = strchr(text, '(')) || !(end = strrchr(text, ')')) || end[1] != ' ')
		return 0;
	*ret_role = role_of(begin + 1, (size_t)(end - begin - 1), own);
	return end[2];
}

// `thread`: a name below `tasks`, or an absolute path.
static bool look_at(int tasks, const char *thread, const char *own, struct lift_look *ret, enum role *ret_role)
{
	char path[64], text[96], state;

	snprintf(path, sizeof(path), "%s/schedstat", thread);
	if (base__read_at(tasks, path, text, sizeof(text)) <= 0)
		return false;
	ret->time_ns = now_ns(CLOCK_MONOTONIC);
	ret->cpu_ns = strtoull(text, NULL, 10);
	state = read_state(tasks, thread, own, ret_role);
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

static const struct own_budget *const budgets[] = { &own_budget_lift, &own_budget_half, &own_budget_help, &own_budget_errand };
#define BUDGET_ERRAND (ARRAY_SIZE(budgets) - 1)

// The best that is granted: the kernel takes into account what others of ours hold, so nobody holds more than he needs (see adjust).
static bool take_deadline(struct watched *one, size_t best, size_t last)
{
	for (size_t i = best; i <= last; i++) {
		if (own_class__take_deadline(one->id, budgets[i]) == OWN_CLASS_ORDINARY)
			continue;
		one->budget = i;
		return true;
	}
	return false;
}

static void lift(struct watch *watch, struct watched *one)
{
	if (one->no_deadline)
		one->lifted = own_class__take_fifo(one->id, 1);
	// Never SCHED_FIFO where the other was granted once: it is then refused because enough of ours are lifted.
	else if (watch->shared->own != OWN_CLASS_DEADLINE)
		one->lifted = own_class__take(one->id, &own_budget_lift, 1);
	else if (take_deadline(one, one->role == ROLE_ERRAND ? BUDGET_ERRAND : 0, BUDGET_ERRAND))
		one->lifted = OWN_CLASS_DEADLINE;
	if (one->role != ROLE_ERRAND && (one->lifted == OWN_CLASS_ORDINARY || one->budget > 0))
		watch->scarce_ns = one->last.time_ns;
	if (one->lifted == OWN_CLASS_ORDINARY)
		return;
	one->lifted_cpu_ns = one->last.cpu_ns;
	one->awake_ns = one->last.time_ns;
	watch->shared->lifts++;
}

// Whether one that sleeps gives way: where budgets are scarce at once, to those that it waits for; elsewhere after a while, because two that wait for
// each other in turn would be raised a look too late each time. What it holds is lost to others: no CPU can be taken offline for it.
static bool gives_way(const struct watch *watch, const struct watched *one)
{
	return one->role == ROLE_ERRAND || one->last.time_ns - watch->scarce_ns < LATELY_NS || one->last.time_ns - one->awake_ns >= HELD_ASLEEP_NS;
}

// One that is lifted. Returns whether to look again soon.
static bool adjust(struct watch *watch, struct watched *one)
{
	if (one->last.runnable)
		one->awake_ns = one->last.time_ns;
	if (one->role == ROLE_ERRAND || !one->last.runnable) {
		if (one->budget != BUDGET_ERRAND && gives_way(watch, one))
			take_deadline(one, BUDGET_ERRAND, BUDGET_ERRAND);
		return one->role != ROLE_ERRAND && one->budget != BUDGET_ERRAND;
	}
	if (one->budget > 0 && (!take_deadline(one, 0, one->budget - 1) || one->budget > 0))
		watch->scarce_ns = one->last.time_ns;
	return true;
}

// One that is lifted. The kernel keeps the budget of SCHED_DEADLINE; that of SCHED_FIFO is kept here: it is taken away at the next look. Returns
// false if it is an ordinary one again, or has taken a class by itself as the recorder's loop does.
static bool watch_lifted(struct watch *watch, struct watched *one, const struct own_setting *setting, bool *ret_soon)
{
	watch->shared->lifted_cpu_ns += one->last.cpu_ns - one->lifted_cpu_ns;
	one->lifted_cpu_ns = one->last.cpu_ns;
	*ret_soon = watch->shared->own == OWN_CLASS_FIFO || one->no_deadline;
	if (one->lifted == OWN_CLASS_FIFO && setting->policy == SCHED_FIFO) {
		own_class__leave(one->id);
		one->lifted = OWN_CLASS_ORDINARY;
		return true;
	}
	if (setting->policy == SCHED_DEADLINE && setting->budget.period_ns == budgets[one->budget]->period_ns) {
		*ret_soon |= adjust(watch, one);
		return true;
	}
	one->lifted = OWN_CLASS_ORDINARY;
	return false;
}

// It gets on as an ordinary thread at once, and is lifted otherwise if it starves then.
static void rescue(struct watch *watch, struct watched *one)
{
	own_class__leave(one->id);
	one->lifted = OWN_CLASS_ORDINARY;
	one->no_deadline = true;
	one->stall = (struct lift_stall){ 0 };
	watch->shared->rescues++;
}

// Returns whether to look again soon.
static bool watch_one(struct watch *watch, int tasks, const char *path, pid_t id, bool child)
{
	struct watched *one = find(watch, id);
	struct own_setting setting;
	struct lift_look look;
	uint64_t used_ns;
	bool soon;

	if (!one)
		return false;
	one->seen = true;
	if (own_class__read(id, &setting) || !look_at(tasks, path, watch->name, &look, &one->role) || (child && one->role == ROLE_STRANGER))
		return false;
	if (setting.policy == SCHED_DEADLINE && lifter__is_forgotten(&one->stall, &look)) {
		rescue(watch, one);
		return true;
	}
	// The recorder's loop, in its window. What it got before tells nothing of how it fares afterwards.
	if (setting.policy == SCHED_DEADLINE && !one->lifted) {
		one->last = (struct lift_look){ 0 };
		return one->stall.looks > 1;
	}
	if (id == watch->process)
		one->role = ROLE_MAIN;
	used_ns = look.cpu_ns - one->last.cpu_ns;
	if (one->lifted) {
		one->last = look;
		if (watch_lifted(watch, one, &setting, &soon))
			return soon || one->stall.looks > 1;
		if (setting.policy == SCHED_DEADLINE)
			return false;
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
		if (child == getpid() || child == watch->shared->stranger)
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
static void stand_apart(int keep, int keep_too)
{
	unsigned low = (unsigned)(keep < keep_too ? keep : keep_too), high = (unsigned)(keep < keep_too ? keep_too : keep);

	setsid();
	for (int number = 1; number < 32; number++)
		signal(number, SIG_IGN);
	if (low > 0)
		syscall(SYS_close_range, 0U, low - 1, 0U);
	if (low + 1 < high)
		syscall(SYS_close_range, low + 1, high - 1, 0U);
	syscall(SYS_close_range, high + 1, ~0U, 0U);
	prctl(PR_SET_NAME, "whystall-lift");
}

static void run(struct shared *shared, pid_t process, int pidfd, int hurry)
{
	struct watch watch = { .shared = shared, .process = process };
	struct pollfd wait[] = { { .fd = pidfd, .events = POLLIN }, { .fd = hurry, .events = POLLIN } };
	uint64_t hurry_ns = now_ns(CLOCK_MONOTONIC), asked;
	char path[64];
	DIR *directory;
	int timeout = HURRY_MS;

	prctl(PR_GET_NAME, watch.name);
	stand_apart(pidfd, hurry);
	shared->own = own_class__take(0, &own_budget_lifter, 0);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	directory = opendir(path);
	if (shared->own == OWN_CLASS_ORDINARY || !directory || privileges__keep_priority())
		return;
	watch.tasks = dirfd(directory);
	while (poll(wait, ARRAY_SIZE(wait), timeout) >= 0 && !wait[0].revents) {
		bool soon = watch_all(&watch, directory);
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		if (wait[1].revents && read(hurry, &asked, sizeof(asked)) == sizeof(asked))
			hurry_ns = now;
		soon |= now - watch.starved_ns < LATELY_NS;
		timeout = now - hurry_ns < HURRY_NS ? HURRY_MS : soon ? BUSY_MS : CALM_MS;
		shared->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	}
}

// The caller comes before everybody else for the moment that this takes: as an ordinary one it might starve before it has a lifter, and the lifter
// at its very birth. The limit that goes with SCHED_FIFO must not be handed on to the command that is recorded.
static pid_t fork_before_all(struct shared *shared, int pidfd, int hurry)
{
	struct rlimit limit;
	bool limited = !getrlimit(RLIMIT_RTTIME, &limit);
	enum own_class own = own_class__take(0, &own_budget_help, 1);
	pid_t self = getpid(), child = fork();

	if (child == 0) {
		run(shared, self, pidfd, hurry);
		_exit(0);
	}
	if (child > 0)
		own_class__take(child, &own_budget_lifter, 0);
	if (own != OWN_CLASS_ORDINARY)
		own_class__leave(0);
	if (own == OWN_CLASS_FIFO && limited)
		setrlimit(RLIMIT_RTTIME, &limit);
	return child;
}

struct lifter *lifter__start(void)
{
	struct lifter *lifter = base__alloc(1, sizeof(*lifter));
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t child = -1;

	lifter->hurry = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lifter->shared = mmap(NULL, sizeof(*lifter->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pidfd >= 0 && lifter->hurry >= 0 && lifter->shared != MAP_FAILED)
		child = fork_before_all(lifter->shared, pidfd, lifter->hurry);
	if (pidfd >= 0)
		close(pidfd);
	if (child > 0)
		return lifter;
	if (lifter->hurry >= 0)
		close(lifter->hurry);
	if (lifter->shared != MAP_FAILED)
		munmap(lifter->shared, sizeof(*lifter->shared));
	free(lifter);
	return NULL;
}

void lifter__hurry(const struct lifter *lifter)
{
	const uint64_t one = 1;

	if (lifter && write(lifter->hurry, &one, sizeof(one)) < 0)
		return;         // it is asked already
}

void lifter__leave_alone(struct lifter *lifter, pid_t child)
{
	if (lifter)
		lifter->shared->stranger = child;
}

struct lifter_account lifter__account(const struct lifter *lifter)
{
	const volatile struct shared *shared = lifter ? lifter->shared : NULL;

	return shared ? (struct lifter_account){ shared->own, shared->lifts, shared->rescues, shared->lifted_cpu_ns, shared->cpu_ns }
		: (struct lifter_account){ OWN_CLASS_ORDINARY, 0, 0, 0, 0 };
}

void lifter__leave(struct lifter *lifter)
{
	if (!lifter)
		return;
	close(lifter->hurry);
	munmap(lifter->shared, sizeof(*lifter->shared));
	free(lifter);
}
