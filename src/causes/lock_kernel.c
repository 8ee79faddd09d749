// Contention on a kernel lock other than an address space's: which, in plain words where it is well known, by whom.
#include "causes/contention.h"
#include "causes/judged.h"
#include "causes/lock_words.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

// A lock on its way to its contention.
struct candidate { const struct ledger_lock *lock; const struct lock_subject *subject; bool judged; };

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

// Places of one subject take the same locks (a directory's in create and in unlink), so they stand together; locks whose
// place nobody has described stand alone.
static bool stand_together(const struct candidate *a, const struct candidate *b)
{
	if (a->subject || b->subject)
		return a->subject == b->subject && locks__has_owner(a->lock) == locks__has_owner(b->lock);
	return a->lock->kind == b->lock->kind && same_text(a->lock->row->place, b->lock->row->place);
}

// The first of the candidates with all that stand together with it.
static struct contention *judge_first(const struct scene *scene, struct candidate *candidates, size_t count)
{
	const struct ledger_lock **chosen = base__alloc(count, sizeof(*chosen));
	size_t chosen_count = 0;
	for (size_t i = 0; i < count; i++)
		if (!candidates[i].judged && stand_together(&candidates[0], &candidates[i])) {
			candidates[i].judged = true;
			chosen[chosen_count++] = candidates[i].lock;
		}
	struct contention *contention = contention__judge(scene, chosen, chosen_count);
	contention->subject = candidates[0].subject ? candidates[0].subject->name : NULL;
	return contention;
}

static struct contention **judge_all(const struct scene *scene, size_t *ret_count, double *ret_follows_ns)
{
	const struct ledger_locks *locks = &scene->ledger->locks;
	struct contention **contentions = base__alloc(locks->count + 1, sizeof(*contentions));
	cleanup_free struct candidate *candidates = base__alloc(locks->count + 1, sizeof(*candidates));
	size_t candidate_count = 0, count = 0;
	for (size_t i = 0; i < locks->count; i++) {
		const struct lock_subject *subject = lock_words__subject(locks->locks[i].row);
		if (subject && subject->follows)
			*ret_follows_ns += (double)locks->locks[i].sleep_ns + (double)locks->locks[i].spin_ns;
		else if (!locks__is_address_space(&locks->locks[i]) && !locks__is_several(&locks->locks[i]))
			candidates[candidate_count++] = (struct candidate){ &locks->locks[i], subject, false };
	}
	for (size_t i = 0; i < candidate_count; i++)
		if (!candidates[i].judged)
			contentions[count++] = judge_first(scene, &candidates[i], candidate_count - i);
	*ret_count = count;
	return contentions;
}

static char *name_lock(const struct contention *contention)
{
	const char *place = contention->locks[0]->row->place;
	cleanup_free char *kind_and_place = lock_words__place(contention->locks[0]->row);
	if (contention->subject)
		return base__format("%s in %s", contention->subject, place);
	return base__format("a kernel lock (%s)", kind_and_place);
}

static void summarize(const struct scene *scene, const struct contention *heaviest, struct verdict *verdict)
{
	cleanup_free char *lock = name_lock(heaviest);
	const struct party *main = contention__main_culprit(heaviest, verdict);
	cleanup_free char *victims = contention__name_victims(heaviest, verdict);
	cleanup_free char *culprits = contention__name_culprits(heaviest, verdict);
	cleanup_free char *operations = main ? lock_words__operations(main, 2) : NULL;
	struct text_figure wall = wording__percent(heaviest->wall_ns / scene->window_ns);
	bool mutual = main && !strcmp(victims, culprits);
	if (!heaviest->owned)
		verdict__set_summary(verdict, "tasks of %s wait for %s during %s of the window; holders of spinning locks are not known", victims, lock,
				     wall.text);
	else if (!main && heaviest->convoy)
		verdict__set_summary(verdict, "tasks of %s wait for %s during %s of the window; it is mostly free, but who is to take it has no CPU", victims,
				     lock, wall.text);
	else if (!main)
		verdict__set_summary(verdict, "tasks of %s wait for %s during %s of the window; no owner stands out", victims, lock, wall.text);
	else if (mutual)
		verdict__set_summary(verdict, "tasks of %s wait for each other at %s during %s of the window; held by their %s", victims, lock, wall.text,
				     operations ? operations : "own work");
	else
		verdict__set_summary(verdict, "tasks of %s wait for %s during %s of the window; held by %s%s%s%s", victims, lock, wall.text, culprits,
				     operations ? " (" : "", operations ? operations : "", operations ? ")" : "");
}

static void add_subject(const struct contention *heaviest, struct verdict *verdict)
{
	const struct lock_subject *subject = lock_words__subject(heaviest->locks[0]->row);
	cleanup_free char *lock = name_lock(heaviest);
	cleanup_free char *what = subject ? base__format("part of the kernel: %s; %s", subject->subsystem, lock)
					  : base__format("%s: look the function up in the kernel's source, and at the stacks above it", lock);
	verdict__add_evidence(verdict, what, (double)heaviest->waits, UNIT_WAITS, NAN, "lock.place");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (contention__not_testable(scene, verdict))
		return;
	size_t count = 0;
	double follows_ns = 0;
	struct contention **contentions = judge_all(scene, &count, &follows_ns);
	const struct contention *heaviest = contention__heaviest(contentions, count);
	contention__conclude(contentions, count, verdict);
	if (heaviest) {
		summarize(scene, heaviest, verdict);
		add_subject(heaviest, verdict);
		contention__add_checks(verdict, verdict__pid(scene->ledger, verdict->culprit_count ? &verdict->culprits[0] : &verdict->victims[0]));
	} else if (count) {
		verdict__set_summary(verdict, "tasks waited %s in all for other kernel locks%s", wording__seconds(verdict->stall_seconds).text,
				     contention__excuse(contentions, count));
	} else {
		verdict__set_summary(verdict, "nobody waited for another kernel lock");
	}
	if (follows_ns > 0)
		verdict__add_evidence(verdict, "waits at the queues of futexes and of the scheduler (they follow from the programs' own locks and wake-ups "
				      "and are not judged here)", follows_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "lock.place");
	for (size_t i = 0; i < count; i++)
		contention__free(contentions[i]);
	free(contentions);
}

const struct cause lock_kernel = {
	.id = "lock.kernel", .title = "contention on a kernel lock", .counted_by_pressure = PRESSURE_NONE, .account = ACCOUNT_LOCKS,
	.claim = "tasks wait for a lock inside the kernel, and are in no pressure figure while they sleep on it",
	.decisive = "waits by lock and calling function, with the owner where the lock keeps one (spinning locks do not)",
	.by_hand = "perf lock record -a -- sleep 5 && perf lock contention; grep -h . /proc/PID/task/*/wchan | sort | uniq -c",
	.helps = "depends on the subsystem, which the report names",
	.judge = judge,
};
