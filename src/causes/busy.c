// What is said of a cause that makes pressure although nobody loses much: who makes it, who waits, and how little others lose.
#include "causes/accounts.h"
#include "causes/verdict.h"
#include "causes/weighing.h"
#include "causes/wording.h"
#include "ledger/attribution.h"
#include "ledger/cpu_causes.h"

#include <math.h>
#include <string.h>

#define PARTIES_MOST 4
#define PARTY_LEAST 0.05        // of the cause's pressure
#define DEMAND_LEAST 0.01       // of the window: who wants less is no measure of what others lose

// What the culprits do, as a clause behind their names. Causes whose `judge_busy` writes its own sentence need none.
static const char *const clauses[CAUSE_KEYS] = {
	[CAUSE_CPU_OVERSUBSCRIPTION] = "more tasks are runnable than there are CPUs",
	[CAUSE_CPU_QUOTA] = "a CPU quota throttles tasks",
	[CAUSE_CPU_AFFINITY] = "tasks wait for the CPU that they are tied to while another one is idle",
	[CAUSE_CPU_PRIORITY] = "realtime or heavier tasks run before others",
	[CAUSE_CPU_CHURN] = "short-lived tasks come and go",
	[CAUSE_CPU_STEAL] = "the hypervisor runs something else on this machine's CPUs",
	[CAUSE_CPU_WAKEUP] = "tasks wait although a CPU that they may use is idle",
	[CAUSE_IRQ_SOFTIRQ] = "softirqs run on CPUs that tasks wait for",
	[CAUSE_IRQ_HARD] = "interrupt handlers run on CPUs that tasks wait for",
	[CAUSE_LOCK_MMAP] = "tasks spin for the lock of an address space on CPUs that others wait for",
	[CAUSE_LOCK_KERNEL] = "tasks spin for kernel locks on CPUs that others wait for",
	[CAUSE_MEMORY_RECLAIM] = "tasks free memory for the whole machine before they get any",
	[CAUSE_MEMORY_KSWAPD] = "kswapd frees memory on CPUs that tasks wait for",
	[CAUSE_MEMORY_LIMIT] = "the memory limit of a cgroup makes tasks free memory, or read back what was dropped",
	[CAUSE_MEMORY_THRASH] = "pages that were dropped are read back",
	[CAUSE_MEMORY_COMPACTION] = "memory is compacted for huge pages",
	[CAUSE_MEMORY_CHURN] = "memory is mapped, faulted in and given back over and over",
	[CAUSE_KERNEL_SYSCALL] = "tasks wait in long system calls",
	[CAUSE_IO_DEVICE] = "tasks wait for requests to a device",
	[CAUSE_IO_DIRTY] = "writers are throttled because too much is dirty",
	[CAUSE_IO_JOURNAL] = "tasks wait for commits of a file system",
	[CAUSE_IO_FSYNC] = "tasks wait for their own syncs",
	[CAUSE_IO_LIMIT] = "an I/O limit throttles tasks",
	[CAUSE_IO_REMOTE] = "tasks wait for a remote or user-space file system",
};

// Names of occupants that are no process, and what kind of party they are. Nobody is named where the occupant is not known.
static const struct { enum party_kind kind; const char *name; } specials[OCCUPANT_KINDS] = {
	[OCCUPANT_IDLE] = { PARTY_KERNEL, "idle CPUs" }, [OCCUPANT_STEAL] = { PARTY_HYPERVISOR, "hypervisor" }, [OCCUPANT_HARDIRQ] = { PARTY_IRQ, "hardirq" },
	[OCCUPANT_SOFTIRQ] = { PARTY_IRQ, "softirq" }, [OCCUPANT_QUOTA] = { PARTY_QUOTA, "CPU quota" },
};

static const char *name_of_special(int kind, enum cause_key key)
{
	if (kind != OCCUPANT_QUOTA)
		return specials[kind].name;
	return key == CAUSE_MEMORY_LIMIT ? "memory limit" : key == CAUSE_IO_LIMIT ? "I/O limit" : specials[kind].name;
}

static size_t crowd_index(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

// Sums of the account's items of one cause by crowd; by kind for those that are no process.
struct sides { double *culprits, *victims, kinds[OCCUPANT_KINDS], all; };

static struct sides sum_sides(const struct scene *scene, const struct attributed_list *list, enum cause_key key)
{
	struct sides sides = { base__alloc(scene->crowd_count + 1, sizeof(double)), base__alloc(scene->crowd_count + 1, sizeof(double)), { 0 }, 0 };
	for (size_t i = 0; i < list->count; i++) {
		const struct attributed *item = &list->items[i];
		size_t culprit = crowd_index(scene, item->culprit), victim = crowd_index(scene, item->victim);
		if (item->cause != key)
			continue;
		sides.all += item->some_ns;
		if (culprit != SIZE_MAX)
			sides.culprits[culprit] += item->some_ns;
		else if (item->kind > OCCUPANT_TASK && item->kind < OCCUPANT_KINDS)
			sides.kinds[item->kind] += item->some_ns;
		if (victim != SIZE_MAX)
			sides.victims[victim] += item->some_ns;
	}
	return sides;
}

static size_t take_largest(double *ns, size_t count, double least)
{
	size_t largest = SIZE_MAX;
	for (size_t i = 0; i < count; i++)
		if (ns[i] >= least && ns[i] > 0 && (largest == SIZE_MAX || ns[i] > ns[largest]))
			largest = i;
	return largest;
}

static void add_parties(const struct scene *scene, double *ns, double all, bool victims, struct verdict *verdict)
{
	for (size_t i = 0; i < PARTIES_MOST; i++) {
		size_t largest = take_largest(ns, scene->crowd_count, PARTY_LEAST * all);
		if (largest == SIZE_MAX)
			return;
		double part = verdict->stall_seconds * NS_PER_SEC * ns[largest] / all;
		(victims ? verdict__add_victim : verdict__add_culprit)(verdict, &scene->crowds[largest], part);
		ns[largest] = 0;
	}
}

// Who waits for CPUs is not in the items: by what each crowd lost to the cause; where its waits were too short to be told apart, by all of its waits.
static void sum_cpu_victims(const struct scene *scene, enum cause_key key, struct sides *sides)
{
	double lost = 0;
	for (size_t i = 0; i < scene->crowd_count; i++)
		lost += fmax(0, cpu_causes__lost_ns(&scene->crowds[i], key, false));
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		sides->victims[i] = crowd->tool ? 0 : lost > 0 ? cpu_causes__lost_ns(crowd, key, false) : (double)crowd->wait_ns;
	}
}

// How long each crowd slept for memory and I/O in task time, and what of that resource's pressure it had meanwhile.
struct slept { double ns, some_ns; };

static struct slept *sum_slept(const struct scene *scene, bool memory)
{
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	struct slept *slept = base__alloc(scene->crowd_count + 1, sizeof(*slept));
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct sleep_row *row = sleeps->sleeps[i].row;
		size_t crowd = crowd_index(scene, row->process);
		double some_ns = (double)(memory ? row->memory_some_ns : row->io_some_ns);
		if (crowd == SIZE_MAX || some_ns <= 0)
			continue;
		slept[crowd].ns += (double)row->ns;
		slept[crowd].some_ns += some_ns;
	}
	return slept;
}

// Task time instead of pressure: sleepers at the same time share a second of pressure, and each loses a second. With it, what each lost of the time it
// wanted to go on: running, waiting for a CPU, asleep for this resource.
static void lose_by_sleeping(const struct scene *scene, bool memory, struct sides *sides, double *ret_losses)
{
	cleanup_free struct slept *slept = sum_slept(scene, memory);
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		if (slept[i].some_ns > 0)
			sides->victims[i] *= fmax(1, slept[i].ns / slept[i].some_ns);
		double wanted = (double)crowd->run_ns + (double)crowd->wait_ns + slept[i].ns;
		ret_losses[i] = wanted > 0 ? fmin(1, sides->victims[i] / wanted) : 0;
	}
}

static void set_losses(const struct scene *scene, const double *losses, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->victim_count; i++) {
		size_t crowd = crowd_index(scene, verdict->victims[i].process);
		if (crowd != SIZE_MAX)
			verdict->victims[i].loss = losses[crowd];
	}
}

static double sum_of(const double *ns, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += ns[i];
	return sum;
}

static bool is_culprit(const struct scene *scene, const struct verdict *verdict, size_t crowd)
{
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (verdict->culprits[i].process && crowd_index(scene, verdict->culprits[i].process) == crowd)
			return true;
	return false;
}

// Who of those that do not make this pressure lost the largest part of the time it wanted to run to this cause, and how much that was.
static const struct crowd *worst_other(const struct scene *scene, enum cause_key key, const struct verdict *verdict, double *ret_loss)
{
	const struct crowd *worst = NULL;
	*ret_loss = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		double wanted = (double)crowd->run_ns + (double)crowd->wait_ns, lost = cpu_causes__lost_ns(crowd, key, true);
		if (crowd->tool || !crowd->in_scope || wanted < DEMAND_LEAST * scene->window_ns || is_culprit(scene, verdict, i))
			continue;
		if (lost / wanted > *ret_loss) {
			*ret_loss = fmin(1, lost / wanted);
			worst = crowd;
		}
	}
	return worst;
}

static void describe_cpu(const struct scene *scene, enum cause_key key, const char *culprits, const char *clause, struct verdict *verdict)
{
	double loss, waits = 0;
	const struct crowd *worst = worst_other(scene, key, verdict, &loss);
	for (size_t i = 0; i < scene->crowd_count; i++)
		waits += (double)scene->crowds[i].waits;
	double mean_ns = waits > 0 ? (double)scene->ledger->wait_ns / waits : 0;
	cleanup_free char *others = !worst ? NULL : base__format("; of the others %s loses most by it, %s of the time it wants to run", crowd__name(worst),
								 wording__percent(loss).text);
	verdict__set_summary(verdict, "%s: %s; %s of the CPU pressure, in waits of %s on average%s", culprits, clause,
			     wording__percent(verdict->share.share).text, wording__seconds(mean_ns / NS_PER_SEC).text, others ? others : "");
	verdict__add_evidence(verdict, "mean length of all waits for a CPU", mean_ns / NS_PER_MSEC, UNIT("ms"), NAN, "task table");
	verdict__add_evidence(verdict, "largest loss of a program that does not make it", loss, PART_OF("the time it wanted to run"), NAN,
			      "pair and task table");
}

static const char *clause_of(const struct scene *scene, enum cause_key key, bool cpu, const struct verdict *verdict)
{
	if (key == CAUSE_LOCK_KERNEL && !cpu)
		return "tasks wait within the file system for pages, buffers and the like that other tasks hold locked";
	size_t first = verdict->culprit_count ? crowd_index(scene, verdict->culprits[0].process) : SIZE_MAX;
	if (key == CAUSE_CPU_PRIORITY && first != SIZE_MAX && scene->crowds[first].stopper)
		return "the kernel's stopper threads run before all other tasks, mostly to move tasks to other CPUs";
	return clauses[key] ? clauses[key] : verdict->cause->title;
}

void busy__describe(const struct diagnosis *diagnosis, const struct attribution *attribution, struct verdict *verdict)
{
	const struct scene *scene = diagnosis->scene;
	const char *resource = attribution->pressure->resource;
	enum cause_key key = cause_key__of(verdict->cause->id);
	bool cpu = !strcmp(resource, "cpu");
	struct sides sides = sum_sides(scene, attributions__items(diagnosis->attributions, resource), key);
	// Task time: a second of pressure stands for as many seconds of waiting as there were waiters at a time.
	double pressure_ns = 0;
	for (size_t i = 0; i < diagnosis->ledger->process_count; i++)
		pressure_ns += (double)diagnosis->ledger->processes[i].wait_pressure_ns;
	double waiters = cpu && pressure_ns > 0 ? fmax(1, (double)diagnosis->ledger->wait_ns / pressure_ns) : 1;
	cleanup_free double *losses = base__alloc(scene->crowd_count + 1, sizeof(*losses));
	verdict__drop_parties(verdict);
	if (cpu)
		sum_cpu_victims(scene, key, &sides);
	else
		lose_by_sleeping(scene, !strcmp(resource, "memory"), &sides, losses);
	double waited = sum_of(sides.victims, scene->crowd_count);
	verdict->stall_seconds = (cpu ? sides.all * waiters : waited) / NS_PER_SEC;
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++)
		if (specials[kind].name && sides.kinds[kind] >= PARTY_LEAST * sides.all && sides.kinds[kind] > 0)
			verdict__add_other_culprit(verdict, specials[kind].kind, name_of_special(kind, key), NULL, sides.kinds[kind] * waiters);
	add_parties(scene, sides.culprits, sides.all, false, verdict);
	add_parties(scene, sides.victims, waited, true, verdict);
	verdict__settle_parties(verdict, diagnosis->ledger->window_seconds);
	if (!cpu)
		set_losses(scene, losses, verdict);
	cleanup_free char *culprits = verdict->culprit_count ? verdict__name_parties(diagnosis->ledger, verdict->culprits, verdict->culprit_count, 2)
		: verdict__name_parties(diagnosis->ledger, verdict->victims, verdict->victim_count, 2);
	const char *clause = clause_of(scene, key, cpu, verdict);
	if (cpu)
		describe_cpu(scene, key, culprits, clause, verdict);
	else
		verdict__set_summary(verdict, "%s: %s, %s of the %s pressure", culprits, clause,
				     wording__percent(verdict->share.share).text, pressure__name(pressure_resource__from_name(resource, PRESSURE_NONE)));
	verdict__add_evidence(verdict, "share of the pressure", verdict->share.share, PART_OF("the pressure"),
			      threshold__value(THRESHOLD_SHARE_CONFIRMED),
			      "account of causes");
	verdict__add_evidence(verdict, "lower bound of that share", verdict->share.low, PART_OF("the pressure"),
			      threshold__value(THRESHOLD_SHARE_CONFIRMED),
			      "account of causes, slices");
	free(sides.culprits);
	free(sides.victims);
}
