#include "causes/contention.h"
#include "ledger/thresholds.h"
#include "causes/verdict.h"
#include "causes/wording.h"
#include "base/base.h"

#include <math.h>
#include <string.h>

static size_t crowd_of(const struct contention *contention, int64_t process)
{
	const struct ledger *ledger = contention->scene->ledger;
	const struct ledger_process *row = process ? ledger__process(ledger, process) : NULL;
	return row ? contention->scene->crowd_of[row - ledger->processes] : SIZE_MAX;
}

static int compare_contenders(const void *left, const void *right)
{
	const struct contender *a = left, *b = right;
	return a->crowd < b->crowd ? -1 : a->crowd > b->crowd;
}

static struct contender *find_contender(const struct contention *contention, size_t crowd)
{
	struct contender wanted = { .crowd = crowd };
	return contention->contender_count
		? bsearch(&wanted, contention->contenders, contention->contender_count, sizeof(wanted), compare_contenders) : NULL;
}

static struct contender *contender_of(const struct contention *contention, int64_t process)
{
	return find_contender(contention, crowd_of(contention, process));
}

const struct contender *contention__contender(const struct contention *contention, size_t crowd)
{
	static const struct contender none;
	const struct contender *found = find_contender(contention, crowd);
	return found ? found : &none;
}

static void list_contender(struct contention *contention, int64_t process)
{
	size_t crowd = crowd_of(contention, process);
	if (crowd != SIZE_MAX)
		contention->contenders[contention->contender_count++].crowd = crowd;
}

// Whoever has part in one of the locks, each crowd once.
static void list_contenders(struct contention *contention)
{
	size_t count = 0, kept = 0;
	for (size_t i = 0; i < contention->lock_count; i++)
		count += contention->locks[i]->wait_count + contention->locks[i]->hold_count;
	contention->contenders = base__alloc(count + 1, sizeof(*contention->contenders));
	for (size_t i = 0; i < contention->lock_count; i++) {
		const struct ledger_lock *lock = contention->locks[i];
		for (size_t j = 0; j < lock->wait_count; j++)
			list_contender(contention, lock->waits[j]->process);
		for (size_t j = 0; j < lock->hold_count; j++)
			list_contender(contention, lock->holds[j]->process);
	}
	qsort(contention->contenders, contention->contender_count, sizeof(*contention->contenders), compare_contenders);
	for (size_t i = 0; i < contention->contender_count; i++)
		if (!kept || contention->contenders[kept - 1].crowd != contention->contenders[i].crowd)
			contention->contenders[kept++].crowd = contention->contenders[i].crowd;
	contention->contender_count = kept;
}

// The time a process would have used: what a quota kept it off is no want of a lock.
static double wanted_ns(const struct ledger_process *process)
{
	return (double)process->run_ns + (double)process->wait_ns - (double)process->throttled_ns + (double)process->lock_sleep_ns +
	       (double)process->futex_lock_ns;
}

static void add_waits(struct contention *contention, const struct ledger_lock *lock)
{
	for (size_t i = 0; i < lock->wait_count; i++) {
		const struct lock_wait_row *wait = lock->waits[i];
		struct contender *contender = contender_of(contention, wait->process);
		if (!contender)
			continue;
		double stall_ns = (double)locks__stall_ns(wait);
		contender->stall_ns += stall_ns;
		contender->spin_ns += (double)wait->spin_ns;
		contender->waits += wait->waits;
		if (wait->wait_max_ns > contender->wait_max_ns)
			contender->wait_max_ns = wait->wait_max_ns;
		if (locks__mode(wait->mode) == LOCK_MODE_READ)
			contender->read_ns += stall_ns;
	}
}

static void add_holds(struct contention *contention, const struct ledger_lock *lock)
{
	for (size_t i = 0; i < lock->hold_count; i++) {
		const struct lock_hold_row *hold = lock->holds[i];
		struct contender *contender = contender_of(contention, hold->process);
		contention->hold_ns += (double)hold->task_ns;
		// The next owner, who has no CPU yet, has not held anybody up.
		if (!contender || locks__is_handed(hold))
			continue;
		contender->held_ns += (double)hold->task_ns;
		if (lock->row->process && lock->row->process != hold->process)
			contender->foreign_held_ns += (double)hold->task_ns;
	}
}

static void add_lock(struct contention *contention, const struct ledger_lock *lock)
{
	add_waits(contention, lock);
	add_holds(contention, lock);
	contention->wait_ns += (double)lock->wait_ns;
	contention->stall_ns += (double)lock->sleep_ns + (double)lock->spin_ns;
	contention->sleep_ns += (double)lock->sleep_ns;
	contention->spin_ns += (double)lock->spin_ns;
	contention->runqueue_ns += (double)lock->runqueue_ns;
	contention->open_ns += (double)lock->open_wait_ns;
	contention->read_ns += (double)lock->read_ns;
	contention->owners_ns += (double)lock->owners_ns;
	contention->read_held_ns += (double)lock->read_held_ns;
	contention->handing_over_ns += (double)lock->handing_over_ns;
	contention->handed_ns += (double)lock->handed_ns;
	contention->explained_ns += locks__explained(lock) * (double)lock->wait_ns;
	contention->waits += lock->waits_seen;
	// Spinning is summed up without its moments; no more tasks than CPUs can spin at once.
	double spinning_ns = (double)lock->spin_ns / fmax(1, contention->scene->ledger->cpus);
	contention->wall_ns = fmax(contention->wall_ns, fmax((double)lock->row->wall_ns, spinning_ns));
	if (lock->wait_max_ns > contention->wait_max_ns)
		contention->wait_max_ns = lock->wait_max_ns;
	contention->owned = contention->owned && locks__has_owner(lock);
}

// Each process that waited for one of the locks counts once.
static void add_wants(struct contention *contention)
{
	const struct ledger *ledger = contention->scene->ledger;
	cleanup_free bool *counted = base__alloc(ledger->process_count + 1, sizeof(bool));
	for (size_t i = 0; i < contention->lock_count; i++)
		for (size_t j = 0; j < contention->locks[i]->wait_count; j++) {
			const struct ledger_process *process = ledger__process(ledger, contention->locks[i]->waits[j]->process);
			if (!process || counted[process - ledger->processes])
				continue;
			counted[process - ledger->processes] = true;
			contender_of(contention, process->row->id)->wanted_ns += wanted_ns(process);
		}
}

// Rule 4: the part of the waiting in which somebody held the lock. While it is free and whoever was woken to take it has no
// CPU, others wait for the want of CPUs.
static double held_share(const struct contention *contention)
{
	double free_ns = contention->handed_ns + contention->handing_over_ns;
	return contention->hold_ns > 0 ? fmax(0, 1 - free_ns / contention->hold_ns) : 1;
}

// Kernel threads that go through memory at leisure, to merge, move, or watch pages: nobody waits for them, and what they wait is nobody's loss.
// kswapd is none of them: others wait for the pages that it frees.
static bool is_leisurely(const struct crowd *crowd)
{
	static const char *const names[] = { "khugepaged", "ksmd", "kcompactd", "kdamond" };
	const struct process_row *row = crowd->members[0]->row;
	for (size_t i = 0; row->kernel_thread && i < ARRAY_SIZE(names); i++)
		if (!strncmp(process_row__name(row), names[i], strlen(names[i])))
			return true;
	return false;
}

static void find_hurts(struct contention *contention)
{
	const struct scene *scene = contention->scene;
	double held = held_share(contention);
	for (size_t i = 0; i < contention->contender_count; i++) {
		struct contender *contender = &contention->contenders[i];
		const struct crowd *crowd = &scene->crowds[contender->crowd];
		contender->loss = contender->wanted_ns > 0 ? fmin(1, contender->stall_ns / contender->wanted_ns) : 0;
		if (crowd->tool || is_leisurely(crowd) || !crowd->in_scope || contender->stall_ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns ||
		    contender->loss < threshold__value(THRESHOLD_LOCK_LOSS_CONTRIBUTING) ||
		    held * contender->loss < threshold__value(THRESHOLD_LOCK_LOSS_HELD))
			continue;
		contender->hurt = true;
		contender->severe = held * contender->loss >= threshold__value(THRESHOLD_LOCK_LOSS_SEVERE) &&
				    held * contender->stall_ns >= threshold__value(THRESHOLD_LOST_SEVERE) * scene->window_ns;
		contention->hurt_ns += contender->stall_ns;
		contention->worst_loss = fmax(contention->worst_loss, contender->loss);
	}
}

// Who held it for a good part of the time in which it was held while others waited. Of spinning locks the holder is not known: there those stand who contend most.
static void accuse(struct contention *contention)
{
	double all_ns = contention->owned ? held_share(contention) * contention->hold_ns : contention->stall_ns;
	for (size_t i = 0; i < contention->contender_count; i++) {
		struct contender *contender = &contention->contenders[i];
		double ns = contention->owned ? contender->held_ns : contender->stall_ns;
		contender->accused = !contention->scene->crowds[contender->crowd].tool && ns > 0 && ns >= threshold__value(THRESHOLD_LOCK_SHARE) * all_ns;
	}
}

static double largest_waiter_share(const struct contention *contention)
{
	double most = 0;
	for (size_t i = 0; i < contention->contender_count; i++)
		most = fmax(most, contention->contenders[i].stall_ns);
	return contention->stall_ns > 0 ? most / contention->stall_ns : 0;
}

static enum verdict_kind weigh(const struct contention *contention)
{
	double held = held_share(contention), wall = held * contention->wall_ns / contention->scene->window_ns;
	bool severe = false;
	for (size_t i = 0; i < contention->contender_count; i++)
		severe = severe || contention->contenders[i].severe;
	if (contention->hurt_ns <= 0 || wall < threshold__value(THRESHOLD_LOCK_WALL_CONTRIBUTING))
		return VERDICT_RULED_OUT;
	if (severe || (wall >= threshold__value(THRESHOLD_LOCK_WALL_CONFIRMED) &&
		       held * contention->worst_loss >= threshold__value(THRESHOLD_LOCK_LOSS_CONFIRMED)))
		return VERDICT_CONFIRMED;
	return VERDICT_CONTRIBUTING;
}

static void mark_convoy(struct contention *contention)
{
	double held = held_share(contention);
	contention->convoy = 1 - held >= threshold__value(THRESHOLD_LOCK_CONVOY);
	if (contention->convoy && contention->kind == VERDICT_CONTRIBUTING)
		contention->doubt = base__format("for %s of the waiting the lock was free: the task that was woken to take it had no CPU yet",
						 wording__percent(1 - held).text);
	// The evidence shows what was measured: why figures above what confirms do not confirm must be said.
	else if (contention->kind == VERDICT_CONTRIBUTING && contention->wall_ns >= threshold__value(THRESHOLD_LOCK_WALL_CONFIRMED) * contention->scene->window_ns &&
		 contention->worst_loss >= threshold__value(THRESHOLD_LOCK_LOSS_CONFIRMED))
		contention->doubt = base__format("the part of the waiting in which the lock was free (%s) does not count: it leaves %s of the window and %s of the wanted time",
						 wording__percent(1 - held).text, wording__percent(held * contention->wall_ns / contention->scene->window_ns).text,
						 wording__percent(held * contention->worst_loss).text);
}

// A spinning lock whose holder's CPU the hypervisor has taken is waited for until the CPU is given back: such waits follow from that, and
// nobody in here is accused of them.
static void excuse_by_steal(struct contention *contention)
{
	const struct ledger *ledger = contention->scene->ledger;
	double capacity_ns = contention->scene->window_ns * fmax(1, ledger->cpus);

	if (!contention->owned && (double)ledger->steal_ns >= threshold__value(THRESHOLD_STEAL_CONTRIBUTING) * capacity_ns)
		contention->kind = VERDICT_RULED_OUT;
}

// Rule 1: without a measured owner there is no confirmed accusation.
static void bound_by_owners(struct contention *contention)
{
	if (contention->kind != VERDICT_CONFIRMED)
		return;
	double known = contention->wait_ns > 0 ? contention->owners_ns / contention->wait_ns : 0;
	if (contention->owned && known < threshold__value(THRESHOLD_LOCK_OWNERS)) {
		contention->kind = VERDICT_CONTRIBUTING;
		contention->doubt = base__format("the owner is known for %s of the waiting only", wording__percent(known).text);
	} else if (!contention->owned && largest_waiter_share(contention) < threshold__value(THRESHOLD_LOCK_ONE_PARTY)) {
		contention->kind = VERDICT_CONTRIBUTING;
		contention->doubt = base__copy("the holders of spinning locks are not known; named are those who wait for it most");
	}
}

// What kworkers lose to each other is a stall of the machine only where somebody waits for what they do, which their own waits do not show. (Of kswapd
// and jbd2 it is known who waits for them.)
static void bound_by_victims(struct contention *contention)
{
	bool others = false;
	for (size_t i = 0; i < contention->contender_count; i++)
		others = others || (contention->contenders[i].hurt && !crowd__is_put_off_work(&contention->scene->crowds[contention->contenders[i].crowd]));
	if (contention->kind < VERDICT_CONTRIBUTING || others)
		return;
	contention->kind = VERDICT_CONTRIBUTING;
	contention->unfelt = true;
	free(contention->doubt);
	contention->doubt = base__copy("only kworkers lose time to it; whether a program waits for what they do, these waits do not show");
}

struct contention *contention__judge(const struct scene *scene, const struct ledger_lock **locks, size_t count)
{
	struct contention *contention = base__alloc(1, sizeof(*contention));
	contention->scene = scene;
	contention->locks = locks;
	contention->lock_count = count;
	contention->owned = true;
	list_contenders(contention);
	for (size_t i = 0; i < count; i++)
		add_lock(contention, locks[i]);
	add_wants(contention);
	find_hurts(contention);
	accuse(contention);
	contention->kind = weigh(contention);
	mark_convoy(contention);
	excuse_by_steal(contention);
	bound_by_owners(contention);
	bound_by_victims(contention);
	return contention;
}

void contention__free(struct contention *contention)
{
	if (!contention)
		return;
	free(contention->locks);
	free(contention->contenders);
	free(contention->doubt);
	free(contention);
}

const struct contention *contention__heaviest(struct contention *const *contentions, size_t count)
{
	const struct contention *heaviest = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct contention *one = contentions[i];
		if (one->kind < VERDICT_CONTRIBUTING)
			continue;
		if (!heaviest || one->kind > heaviest->kind || (one->kind == heaviest->kind && one->hurt_ns > heaviest->hurt_ns))
			heaviest = one;
	}
	return heaviest;
}

const char *contention__excuse(struct contention *const *contentions, size_t count)
{
	double stall_ns = 0, convoy_ns = 0;
	for (size_t i = 0; i < count; i++) {
		stall_ns += contentions[i]->stall_ns;
		convoy_ns += contentions[i]->convoy ? contentions[i]->stall_ns : 0;
	}
	return convoy_ns > 0.5 * stall_ns ? ", mostly while the lock was free: whoever was woken to take it had no CPU yet"
					  : ", too little of anybody's time to hold it up";
}

bool contention__not_testable(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	if (scene->ledger->locks.recorded)
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	free(verdict->summary);
	verdict->summary = base__copy(recording__meta(recording, "locks")
				      ? "this kernel has no tracepoints lock:contention_begin/end (they came with 5.19)"
				      : "the recording holds no lock waits: it was made by a version of whystall that had no probe for them");
	return true;
}

void contention__add_checks(struct verdict *verdict, long long pid)
{
	if (pid <= 0) {
		verdict__add_check(verdict, "the kernel functions that wait longest for locks, of the whole machine",
				   "perf lock record -a -- sleep 5 && perf lock contention");
		return;
	}
	verdict__add_check(verdict, "where its threads sleep at this moment: in the functions that asked for the lock (repeat it)",
			   "grep -h . /proc/%lld/task/*/wchan | sort | uniq -c", pid);
	verdict__add_check(verdict, "its waits for kernel locks by kernel stack (Ctrl-C ends it)",
			   "bpftrace -e 't:lock:contention_begin /pid==%lld/ { @[kstack(6)] = count(); }'", pid);
}
