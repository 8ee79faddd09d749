// Threads wait for a lock of their own program. The kernel knows futexes only, not what they stand for: ledger/futexes.h says which are locks
// and by which sign. What no sign decides is named as evidence and accuses nobody.
#include "causes/contention.h"
#include "causes/judged.h"
#include "causes/lock_words.h"
#include "causes/runtimes.h"
#include "causes/verdict.h"
#include "causes/wording.h"
#include "ledger/process_names.h"

#include <math.h>
#include <string.h>

#define DOUBTFUL_RATE 10        // hand-overs a second; a few long ones are rather work that came

static size_t crowd_of(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

// What only behaviour tells could be a queue whose threads make work for each other: no proof.
static void bound_by_sign(struct contention *contention)
{
	double all_ns = 0, sure_ns = 0;
	for (size_t i = 0; i < contention->lock_count; i++) {
		const struct ledger_futex *futex = futexes__of_lock(contention->locks[i]);
		all_ns += (double)futex->sum.wait_ns;
		sure_ns += futex->sign == FUTEX_SIGN_BEHAVIOUR ? 0 : (double)futex->sum.wait_ns;
	}
	if (contention->kind != VERDICT_CONFIRMED || sure_ns >= 0.5 * all_ns)
		return;
	contention->kind = VERDICT_CONTRIBUTING;
	free(contention->doubt);
	contention->doubt = base__copy("that it is a lock is told by who waits and who wakes, and by no name or value");
}

// All locks of one program's processes as one contention, the one with the most waiting first: a thread that waits for one of them does not
// care which.
static struct contention *judge_crowd(const struct scene *scene, size_t crowd)
{
	const struct ledger_futexes *futexes = &scene->ledger->futexes;
	const struct ledger_lock **chosen = base__alloc(futexes->count + 1, sizeof(*chosen));
	size_t count = 0;
	for (size_t i = 0; i < futexes->count; i++)
		if (futexes->futexes[i].class == FUTEX_LOCK && crowd_of(scene, futexes->futexes[i].row->process) == crowd)
			chosen[count++] = &futexes->futexes[i].lock;
	struct contention *contention = contention__judge(scene, chosen, count);
	bound_by_sign(contention);
	return contention;
}

static struct contention **judge_all(const struct scene *scene, size_t *ret_count)
{
	const struct ledger_futexes *futexes = &scene->ledger->futexes;
	struct contention **contentions = base__alloc(scene->crowd_count + 1, sizeof(*contentions));
	cleanup_free bool *judged = base__alloc(scene->crowd_count + 1, sizeof(*judged));
	size_t count = 0;
	for (size_t i = 0; i < futexes->count; i++) {
		size_t crowd = futexes->futexes[i].class == FUTEX_LOCK ? crowd_of(scene, futexes->futexes[i].row->process) : SIZE_MAX;
		if (crowd == SIZE_MAX || judged[crowd])
			continue;
		judged[crowd] = true;
		contentions[count++] = judge_crowd(scene, crowd);
	}
	*ret_count = count;
	return contentions;
}

static void summarize(const struct scene *scene, const struct contention *heaviest, struct verdict *verdict)
{
	const struct party *main = contention__main_culprit(heaviest, verdict);
	cleanup_free char *lock = lock_words__futex(futexes__of_lock(heaviest->locks[0]));
	cleanup_free char *victims = contention__name_victims(heaviest, verdict);
	cleanup_free char *culprits = contention__name_culprits(heaviest, verdict);
	struct text_figure wall = wording__percent(heaviest->wall_ns / scene->window_ns);
	if (!main && heaviest->convoy)
		verdict__set_summary(verdict, "threads of %s wait for %s during %s of the window; it is mostly free, but who is to take it has no CPU", victims,
				     lock, wall.text);
	else if (!main)
		verdict__set_summary(verdict, "threads of %s wait for %s during %s of the window; who held it was not seen", victims, lock, wall.text);
	else if (!strcmp(victims, culprits))
		verdict__set_summary(verdict, "threads of %s wait for each other at %s during %s of the window", victims, lock, wall.text);
	else
		verdict__set_summary(verdict, "threads of %s wait for %s during %s of the window; held by %s", victims, lock, wall.text, culprits);
}

// What stands for operations here are the names of the threads that held it.
static void note_holders(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		cleanup_free char *threads = lock_words__operations(&verdict->culprits[i], 3);
		if (threads)
			party__set_note(&verdict->culprits[i], "held by its threads: %s", threads);
	}
}

// How sure it is, and where it lies: for whoever wants to look for it in the program.
static void add_locks(const struct contention *heaviest, struct verdict *verdict)
{
	for (size_t i = 0; i < heaviest->lock_count && i < 3; i++) {
		const struct ledger_futex *futex = futexes__of_lock(heaviest->locks[i]);
		if (i && (double)futex->sum.wait_ns < 0.05 * heaviest->wait_ns)
			break;
		cleanup_free char *lock = lock_words__futex(futex);
		cleanup_free char *what = base__format("asleep on %s%s%s: %s", lock, futex->place && futex->row->address ? " at " : "",
						       futex->place && futex->row->address ? futex->row->address : "",
						       futex_sign__words(futex->sign, futex->class));
		verdict__add_evidence(verdict, what, (double)futex->sum.wait_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "futex.wait_ns");
	}
	const struct ledger_futex *first = futexes__of_lock(heaviest->locks[0]);
	if (first->sum.wakes)
		verdict__add_evidence(verdict, "wake-ups that came from a thread that had itself waited there", (double)first->sum.mutual /
				      (double)first->sum.wakes, PART_OF("the hand-overs"), NAN, "futex.mutual");
}

// ---- what could be locks and was not told from queues ----

// Of one program: its waits there that its own threads ended, as locks and queues both do.
struct doubtful { size_t crowd; double ns; int64_t waits; };

// The program with most of them, if that is enough to hold somebody up; crowd SIZE_MAX: none.
static struct doubtful most_doubtful(const struct scene *scene)
{
	const struct ledger_futexes *futexes = &scene->ledger->futexes;
	cleanup_free struct doubtful *sums = base__alloc(scene->crowd_count + 1, sizeof(*sums));
	struct doubtful most = { .crowd = SIZE_MAX };
	for (size_t i = 0; i < futexes->count; i++) {
		const struct futex_row *sum = &futexes->futexes[i].sum;
		size_t crowd = crowd_of(scene, futexes->futexes[i].row->process);
		if (futexes->futexes[i].class != FUTEX_UNDECIDED || crowd == SIZE_MAX || scene->crowds[crowd].tool || !scene->crowds[crowd].in_scope ||
		    sum->waits <= 0)
			continue;
		sums[crowd].ns += (double)(sum->wait_ns - sum->open_wait_ns) * fmin(1, (double)sum->wakes / (double)sum->waits);
		sums[crowd].waits += sum->wakes;
	}
	for (size_t i = 0; i < scene->crowd_count; i++)
		if (sums[i].ns > most.ns)
			most = (struct doubtful){ i, sums[i].ns, sums[i].waits };
	bool enough = most.ns >= threshold__value(THRESHOLD_LOCK_WALL_CONFIRMED) * scene->window_ns &&
		      (double)most.waits >= DOUBTFUL_RATE * scene->window_ns / NS_PER_SEC;
	return enough ? most : (struct doubtful){ .crowd = SIZE_MAX };
}

// What tells its locks from its queues.
static char *better_tool(const struct process_row *process)
{
	if (process_row__is_program(process, "postgres postmaster", "postgresql"))
		return base__copy("wait_event in pg_stat_activity");
	return base__format("gdb -p %lld -batch -ex 'thread apply all bt' (with its symbols)", (long long)process->pid);
}

static const struct lock_hider *hider_of(const struct lock_hider *hiders, size_t count, size_t crowd)
{
	for (size_t i = 0; i < count; i++)
		if (hiders[i].crowd == crowd)
			return &hiders[i];
	return NULL;
}

// Nothing was found, and something may be there: it can't be ruled out. hinted: a process whose stacks name functions like a lock's.
static void doubt(const struct scene *scene, const struct process_row *hinted, const char *hint, struct verdict *verdict)
{
	if (verdict->kind >= VERDICT_CONTRIBUTING)
		return;
	size_t count;
	struct doubtful doubtful = most_doubtful(scene);
	cleanup_free struct lock_hider *hiders = runtimes__find(scene, &count);
	const struct lock_hider *hider = hinted ? hider_of(hiders, count, crowd_of(scene, hinted->id)) : NULL;
	hider = hider ? hider : count ? &hiders[0] : NULL;
	bool other = doubtful.crowd != SIZE_MAX && !hider_of(hiders, count, doubtful.crowd);
	if (!hider && !hinted && !other)
		return;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;         // makes nothing else doubtful
	struct string out = { 0 };
	if (hider) {
		cleanup_free char *words = runtimes__say(scene, hider);
		string__add(&out, "%s", words);
	} else if (hinted) {
		string__add(&out, "goroutines or tasks of %s wait for each other without their threads, and for how long the kernel does not see",
			    process_row__name(hinted));
	}
	if (hinted)
		string__add(&out, "; %s", hint);
	if (other) {
		cleanup_free char *tool = better_tool(scene->crowds[doubtful.crowd].members[0]->row);
		string__add(&out, "%sthreads of %s slept %s in all on futexes until another of them came, and nothing here tells whether these are locks or "
			    "queues: see %s", out.length ? ". And " : "", crowd__name(&scene->crowds[doubtful.crowd]),
			    wording__seconds(doubtful.ns / NS_PER_SEC).text, tool);
	}
	verdict__set_summary(verdict, "%s", out.text);
	string__free(&out);
}

// What was not told apart, with the programs that have most of it.
static void add_undecided(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger_futexes *futexes = &scene->ledger->futexes;
	struct string who = { 0 };
	size_t named = 0;
	double ns = 0;
	cleanup_free double *by_crowd = base__alloc(scene->crowd_count + 1, sizeof(*by_crowd));
	for (size_t i = 0; i < futexes->count; i++) {
		size_t crowd = crowd_of(scene, futexes->futexes[i].row->process);
		if (futexes->futexes[i].class == FUTEX_UNDECIDED && crowd != SIZE_MAX && !scene->crowds[crowd].tool)
			by_crowd[crowd] += (double)futexes->futexes[i].sum.wait_ns;
	}
	for (size_t i = 0; i < scene->crowd_count; i++)
		ns += by_crowd[i];
	if (ns <= 0)
		return;
	for (; named < 3; named++) {
		size_t most = 0;
		for (size_t i = 1; i < scene->crowd_count; i++)
			most = by_crowd[i] > by_crowd[most] ? i : most;
		if (!scene->crowd_count || by_crowd[most] <= 0)
			break;
		string__add(&who, "%s%s %s", named ? ", " : " (", crowd__name(&scene->crowds[most]), wording__seconds(by_crowd[most] / NS_PER_SEC).text);
		by_crowd[most] = 0;
	}
	cleanup_free char *what = base__format("asleep on futexes of which nothing tells whether they are locks or queues; nobody is accused of it%s%s",
					       who.text ? who.text : "", named ? ")" : "");
	string__free(&who);
	verdict__add_evidence(verdict, what, ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "futex");
}

static void add_checks(long long pid, const struct ledger_futex *futex, struct verdict *verdict)
{
	if (pid <= 0)
		return;
	bool python = futex->kind == FUTEX_KIND_GIL;
	if (python)
		verdict__add_check(verdict, "which Python thread holds the GIL (marked active+gil)", "py-spy dump --pid %lld", pid);
	verdict__add_check(verdict, "the same address in many lines: first argument of the system call 202 (x86-64: futex) in which its threads sleep",
			   "cat /proc/%lld/task/*/syscall | sort | uniq -c | sort -rn | head", pid);
	verdict__add_check(verdict, "stacks of all its threads: those in a lock function wait, the one that is not holds it (gdb stops it meanwhile)",
			   "gdb -p %lld -batch -ex 'thread apply all bt'", pid);
}

static bool not_testable(const struct scene *scene, struct verdict *verdict)
{
	const char *probe = recording__meta(scene->ledger->recording, "probe.futex");
	if (scene->ledger->futexes.recorded)
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	verdict__set_summary(verdict, "%s", probe ? probe : "the recording holds no futex waits: it was made by a version of whystall that had no probe for "
			     "them");
	return true;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (not_testable(scene, verdict))
		return;
	size_t count = 0;
	struct contention **contentions = judge_all(scene, &count);
	const struct contention *heaviest = contention__heaviest(contentions, count);
	contention__conclude(contentions, count, verdict);
	if (heaviest) {
		summarize(scene, heaviest, verdict);
		note_holders(verdict);
		add_locks(heaviest, verdict);
		add_checks(verdict__pid(scene->ledger, verdict->victim_count ? &verdict->victims[0] : &verdict->culprits[0]),
			   futexes__of_lock(heaviest->locks[0]), verdict);
	} else if (count) {
		verdict__set_summary(verdict, "threads waited %s in all for locks of their programs%s", wording__seconds(verdict->stall_seconds).text,
				     contention__excuse(contentions, count));
	} else {
		verdict__set_summary(verdict, "nobody waited for a lock of his own program");
	}
	cleanup_free char *hint = NULL;
	const struct process_row *hinted = runtimes__add_hand_overs(scene, verdict, &hint);
	add_undecided(scene, verdict);
	doubt(scene, hinted, hint, verdict);
	for (size_t i = 0; i < count; i++)
		contention__free(contentions[i]);
	free(contentions);
}

const struct cause lock_futex = {
	.id = "lock.futex", .title = "threads wait for a lock of their program", .counted_by_pressure = PRESSURE_NONE, .account = ACCOUNT_SLEEPS,
	.claim = "threads wait for a lock in user space (a mutex, a rwlock, Python's GIL), and are in no pressure figure while they sleep",
	.decisive = "futex waits that are told from idle waiting by their function, value or wakers, and who held the lock: whoever handed it over",
	.by_hand = "cat /proc/PID/task/*/syscall | sort | uniq -c (many threads in futex at one address); gdb -p PID -batch -ex 'thread apply all bt'",
	.helps = "shorter critical sections, several locks in place of one, fewer threads; processes in place of threads for Python's GIL; another "
		 "allocator where the lock is malloc's",
	.judge = judge,
};
