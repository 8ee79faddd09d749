// Threads wait for the lock of an address space. It guards the list of a process' mappings: munmap, mmap, mprotect and brk
// take it for writing and let nobody else in; page faults (before 6.4), madvise (before 6.17) and the readers of
// /proc/PID/smaps take it for reading, and wait behind a writer that waits.
#include "causes/contention.h"
#include "causes/judged.h"
#include "causes/lock_words.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

// All address-space locks of one process, as one contention; the first is locks[0].
static struct contention *judge_process(const struct scene *scene, int64_t process, size_t from)
{
	const struct ledger_locks *locks = &scene->ledger->locks;
	const struct ledger_lock **chosen = base__alloc(locks->count - from + 1, sizeof(*chosen));
	size_t count = 0;
	for (size_t i = from; i < locks->count; i++)
		if (locks__is_address_space(&locks->locks[i]) && locks->locks[i].row->process == process)
			chosen[count++] = &locks->locks[i];
	return contention__judge(scene, chosen, count);
}

static bool was_judged(struct contention *const *contentions, size_t count, int64_t process)
{
	for (size_t i = 0; i < count; i++)
		if (contentions[i]->locks[0]->row->process == process)
			return true;
	return false;
}

// Locks come in the order of their waiting: once they are too short to matter to anybody, so is the rest. Some are judged
// in any case, for the figures of a verdict that finds nothing.
static struct contention **judge_all(const struct scene *scene, size_t *ret_count)
{
	const struct ledger_locks *locks = &scene->ledger->locks;
	struct contention **contentions = base__alloc(locks->count + 1, sizeof(*contentions));
	size_t count = 0;
	for (size_t i = 0; i < locks->count; i++) {
		const struct lock_row *row = locks->locks[i].row;
		if (!locks__is_address_space(&locks->locks[i]) || was_judged(contentions, count, row->process))
			continue;
		if (count && (double)locks->locks[i].wait_ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns / 4)
			break;
		contentions[count++] = judge_process(scene, row->process, i);
	}
	*ret_count = count;
	return contentions;
}

static bool is_foreign(const struct party *party)
{
	return party->foreign_seconds > 0.5 * party->seconds;
}

static void summarize(const struct scene *scene, const struct contention *heaviest, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const struct process_row *whose = recording__process(recording, heaviest->locks[0]->row->process);
	const char *name = whose ? process_row__name(whose) : "another process";
	struct text_figure wall = wording__percent(heaviest->wall_ns / scene->window_ns);
	const struct party *main = contention__main_culprit(heaviest, verdict);
	cleanup_free char *victims = contention__name_victims(heaviest, verdict);
	cleanup_free char *culprit = main ? wording__party_brief(recording, main) : NULL;
	cleanup_free char *operations = main ? lock_words__operations(main, 2) : NULL;
	if (!main && heaviest->convoy)
		verdict__set_summary(verdict, "threads of %s wait for the address-space lock (mmap_lock) of %s for %s of the window; it is mostly free, but "
				     "who is to take it has no CPU", victims, name, wall.text);
	else if (!main)
		verdict__set_summary(verdict, "%s wait for the address-space lock (mmap_lock) of %s for %s of the window; who held it was not seen",
				     victims, name, wall.text);
	else if (is_foreign(main)) {
		cleanup_free char *unknown = base__format("reaches into %s from outside", name);
		verdict__set_summary(verdict, "%s %s and holds its address-space lock (mmap_lock) meanwhile: threads of %s wait for it during %s of the "
				     "window", culprit, main->foreign_use ? main->note : unknown, victims, wall.text);
	} else
		verdict__set_summary(verdict, "threads of %s wait for their own address-space lock (mmap_lock)%s%s, during %s of the window", culprit,
				     operations ? ", held by " : "", operations ? operations : "", wall.text);
}

static long long living_pid(const struct scene *scene, const struct party *parties, size_t count, bool foreign)
{
	long long pid = 0;
	for (size_t i = 0; i < count && pid <= 0; i++)
		if (is_foreign(&parties[i]) == foreign)
			pid = verdict__pid(scene->ledger, &parties[i]);
	return pid;
}

static void add_checks(const struct scene *scene, struct verdict *verdict)
{
	long long victim = living_pid(scene, verdict->victims, verdict->victim_count, false);
	long long owner = living_pid(scene, verdict->culprits, verdict->culprit_count, false);
	long long foreign = living_pid(scene, verdict->culprits, verdict->culprit_count, true);
	contention__add_checks(verdict, victim);
	if (owner > 0)
		verdict__add_check(verdict, "how often it calls munmap, mmap, madvise (strace slows it down while it counts)",
				   "timeout 5 strace -c -f -e trace=%%memory -p %lld", owner);
	if (foreign > 0)
		verdict__add_check(verdict, "what the other process reads and how often", "timeout 5 strace -f -e trace=openat,process_vm_readv -p %lld",
				   foreign);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (contention__not_testable(scene, verdict))
		return;
	size_t count = 0;
	struct contention **contentions = judge_all(scene, &count);
	const struct contention *heaviest = contention__heaviest(contentions, count);
	contention__conclude(contentions, count, verdict);
	if (heaviest) {
		summarize(scene, heaviest, verdict);
		add_checks(scene, verdict);
	} else if (count) {
		verdict__set_summary(verdict, "threads waited %s in all for address-space locks%s", wording__seconds(verdict->stall_seconds).text,
				     contention__excuse(contentions, count));
	} else {
		verdict__set_summary(verdict, "nobody waited for an address-space lock");
	}
	for (size_t i = 0; i < count; i++)
		contention__free(contentions[i]);
	free(contentions);
}

const struct cause lock_mmap = {
	.id = "lock.mmap", .title = "threads fight over their address space", .counted_by_pressure = PRESSURE_NONE, .account = ACCOUNT_LOCKS,
	.claim = "threads wait for the lock of an address space (mmap_lock), and are in no pressure figure while they sleep on it",
	.decisive = "waits for that process' mmap_lock, and who held it meanwhile during which operation",
	.by_hand = "grep -h . /proc/PID/task/*/wchan | sort | uniq -c (__vm_munmap, vm_mmap_pgoff, …); strace -c -f -e trace=%memory -p PID (slows the process down)",
	.helps = "another allocator or other settings of it where the linkage allows, fewer threads, buffers that are kept and used again, "
		 "a newer kernel (page faults since 6.4, madvise since 6.17 mostly do without it), fewer readers of /proc/PID/smaps",
	.judge = judge,
};
