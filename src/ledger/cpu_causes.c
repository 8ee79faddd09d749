// The decision list of CPU pressure. A second of it has an occupant: what occupied the CPU while somebody waited for it.
//
//  1. no task: a quota, the hypervisor, an interrupt, an idle CPU that had not picked the waiter up (a task of SCHED_DEADLINE: its runtime was used up)
//  2. whystall itself
//  3. a thread of the kernel that does one cause's work: ksoftirqd, kswapd, kcompactd
//     a stopper (migration/N) that has the CPU for moments: it runs before all classes, which is priority; one that seems to have it for long is a CPU
//     that stood still, and has no cause here
//  4. the waits that the occupant filled, as division.c has parted them: realtime or heavier, short-lived, one quota for both, CPU masks, placement
//  5. of what is left (more runnable tasks than CPUs) what the occupant was doing, as sampled (cpu_profile.h)
//
// Waits that were too short to be cut by their occupants (they make most of some loads) are taken to be like the occupant's longer ones but for the
// masks, which were looked at in waits of 1 ms and more; where it has none, its own facts decide.
#include "ledger/cpu_causes.h"

#include "base/base.h"
#include "ledger/cpu_profile.h"
#include "ledger/cpu_weights.h"
#include "ledger/memory_churn.h"
#include "ledger/path_order.h"
#include "ledger/process_names.h"
#include "ledger/scene.h"

#include <math.h>
#include <sched.h>
#include <string.h>

// Parts of one occupant's credit, which add up to 1.
struct split { double part[PORTIONS]; };

static const enum cause_key cause_of_portion[PORTIONS] = {
	[PORTION_STOPPER] = CAUSE_NONE, [PORTION_PRIORITY] = CAUSE_CPU_PRIORITY, [PORTION_POLITE] = CAUSE_CPU_OVERSUBSCRIPTION,
	[PORTION_CHURN] = CAUSE_CPU_CHURN, [PORTION_QUOTA] = CAUSE_CPU_QUOTA, [PORTION_BOUND] = CAUSE_CPU_AFFINITY,
	[PORTION_AFFINITY] = CAUSE_CPU_AFFINITY, [PORTION_PLACEMENT] = CAUSE_CPU_WAKEUP, [PORTION_COMPETITION] = CAUSE_CPU_OVERSUBSCRIPTION,
};

static const enum cause_key cause_of_kind[OCCUPANT_KINDS] = {
	[OCCUPANT_TASK] = CAUSE_NONE, [OCCUPANT_IDLE] = CAUSE_CPU_WAKEUP, [OCCUPANT_STEAL] = CAUSE_CPU_STEAL, [OCCUPANT_HARDIRQ] = CAUSE_IRQ_HARD,
	[OCCUPANT_SOFTIRQ] = CAUSE_IRQ_SOFTIRQ, [OCCUPANT_QUOTA] = CAUSE_CPU_QUOTA, [OCCUPANT_UNKNOWN] = CAUSE_NONE, [OCCUPANT_NOT_CUT] = CAUSE_NONE,
};

// Threads of the kernel that do the work of one cause, whoever waits for them.
static const struct { const char *name; enum cause_key cause; } workers[] = {
	{ "ksoftirqd/", CAUSE_IRQ_SOFTIRQ }, { "kswapd", CAUSE_MEMORY_KSWAPD }, { "kcompactd", CAUSE_MEMORY_COMPACTION },
	{ "khugepaged", CAUSE_MEMORY_COMPACTION },
};

static enum cause_key cause_of_worker(const struct crowd *crowd)
{
	const struct process_row *row = crowd->members[0]->row;
	for (size_t i = 0; row->kernel_thread && i < ARRAY_SIZE(workers); i++)
		if (!strncmp(process_row__name(row), workers[i].name, strlen(workers[i].name)))
			return workers[i].cause;
	return CAUSE_NONE;
}

#define STOPPER_STINT_MOST_NS 1e6       // its work is microseconds: moving a task, patching code

// Whether a stopper did its work, as told from one that was on a CPU that did not run.
static bool is_at_work(const struct crowd *stopper)
{
	double switches = 0;
	for (size_t i = 0; i < stopper->member_count; i++)
		switches += (double)stopper->members[i]->switches;
	return switches > 0 && (double)stopper->run_ns / switches <= STOPPER_STINT_MOST_NS;
}

static enum portion portion_of_facts(const struct crowd *occupant)
{
	return occupant->stopper ? PORTION_STOPPER : ledger__is_realtime(occupant->policy) ? PORTION_PRIORITY : occupant->churn ? PORTION_CHURN : PORTION_COMPETITION;
}

// What masks and placement took of a wait that was looked at says nothing about shorter ones.
static bool is_measured_in_long_waits(enum portion portion)
{
	return portion == PORTION_BOUND || portion == PORTION_AFFINITY || portion == PORTION_PLACEMENT;
}

// ns: the waiting that the occupant filled and that was cut, by portion.
static struct split make_split(const struct crowd *occupant, const double *ns, double waited_ns)
{
	struct split split = { { 0 } };
	double cut = 0, like = 0;
	for (int portion = 0; portion < PORTIONS; portion++) {
		cut += ns[portion];
		like += is_measured_in_long_waits((enum portion)portion) ? 0 : ns[portion];
	}
	double whole = fmax(cut, waited_ns), rest = whole - cut;
	if (whole <= 0) {
		split.part[portion_of_facts(occupant)] = 1;
		return split;
	}
	for (int portion = 0; portion < PORTIONS; portion++) {
		bool grows = like > 0 && !is_measured_in_long_waits((enum portion)portion);
		split.part[portion] = (ns[portion] + (grows ? rest * ns[portion] / like : 0)) / whole;
	}
	if (like <= 0)
		split.part[portion_of_facts(occupant)] += rest / whole;
	return split;
}

// What each crowd as an occupant filled of others' waits, by portion: of all crowds' waits, or of those below a cgroup.
struct filled { double (*ns)[PORTIONS]; size_t *touched; size_t touched_count; }; // ns by crowd; touched: those that may have some

static struct filled filled_new(const struct scene *scene)
{
	return (struct filled){ base__alloc(scene->crowd_count + 1, sizeof(double[PORTIONS])), base__alloc(scene->meeting_count + 1, sizeof(size_t)), 0 };
}

static void filled_free(struct filled *filled)
{
	free(filled->ns);
	free(filled->touched);
}

static void filled_clear(struct filled *filled)
{
	for (size_t i = 0; i < filled->touched_count; i++)
		memset(filled->ns[filled->touched[i]], 0, sizeof(*filled->ns));
	filled->touched_count = 0;
}

static void filled_add(struct filled *filled, const struct meeting *meeting)
{
	if (meeting->kind != OCCUPANT_TASK || meeting->culprit == SIZE_MAX)
		return;
	for (int portion = 0; portion < PORTIONS; portion++)
		filled->ns[meeting->culprit][portion] += meeting->portion_ns[portion];
	filled->touched[filled->touched_count++] = meeting->culprit;
}

// What an occupant did with the CPU that is a cause of its own, whoever waited.
static const enum cause_key cause_of_work[WORKS] = {
	[WORK_RECLAIM] = CAUSE_MEMORY_RECLAIM, [WORK_RECLAIM_LIMIT] = CAUSE_MEMORY_LIMIT, [WORK_COMPACTION] = CAUSE_MEMORY_COMPACTION,
	[WORK_SPIN_MMAP] = CAUSE_LOCK_MMAP, [WORK_SPIN_LOCK] = CAUSE_LOCK_KERNEL,
};

// Waits behind an occupant that had nothing over its waiters but the CPU: parted by its samples. Of its page faults and unmapping the part that was
// for memory given back before is churn (ledger/memory_churn.h); what is left is more tasks than CPUs.
static void add_by_work(const struct ledger *ledger, struct attributed item, struct attributed_list *list)
{
	const struct cpu_profile *profile = cpu_profile__of(ledger, item.culprit);
	double all = profile ? (double)profile->sums.pressure_ns : 0, ns = item.some_ns, left = ns;
	for (enum cpu_work work = 0; all > 0 && work < WORKS; work++) {
		item.cause = cause_of_work[work];
		if (item.cause == CAUSE_CPU_OVERSUBSCRIPTION || work == WORK_INTERRUPT)
			continue;
		item.some_ns = ns * (double)cpu_profile__work(profile, work).pressure_ns / all;
		left -= item.some_ns;
		attributed__add(list, item);
	}
	if (all > 0) {
		item.cause = CAUSE_MEMORY_CHURN;
		item.some_ns = ns * (double)cpu_profile__memory_churn(profile).pressure_ns / all * memory_churn__returned_part(ledger, item.culprit);
		left -= item.some_ns;
		attributed__add(list, item);
	}
	item.cause = CAUSE_CPU_OVERSUBSCRIPTION;
	item.some_ns = fmax(0, left);
	attributed__add(list, item);
}

// whole: the pressure is the whole system's, so that waits of the crowd's that were not cut are in it, too.
static void add_task(const struct scene *scene, const struct filled *filled, bool whole, const struct ledger_process *process, double ns,
		     struct attributed_list *list)
{
	size_t index = scene->crowd_of[process - scene->ledger->processes];
	const struct crowd *crowd = &scene->crowds[index];
	enum cause_key worker = crowd->tool ? CAUSE_TOOL : cause_of_worker(crowd);
	struct attributed item = { .cause = worker, .kind = OCCUPANT_TASK, .culprit = process->row->id, .some_ns = ns };
	if (worker != CAUSE_NONE) {
		attributed__add(list, item);
		return;
	}
	struct split split = make_split(crowd, filled->ns[index], whole ? (double)crowd->credit_task_ns : 0);
	for (int portion = 0; portion < PORTIONS; portion++) {
		item.cause = portion == PORTION_STOPPER && is_at_work(crowd) ? CAUSE_CPU_PRIORITY : cause_of_portion[portion];
		item.some_ns = ns * split.part[portion];
		if (portion == PORTION_COMPETITION)
			add_by_work(scene->ledger, item, list);
		else
			attributed__add(list, item);
	}
}

static void add_kind(int64_t kind, double ns, struct attributed_list *list)
{
	if (kind > OCCUPANT_TASK && kind < OCCUPANT_KINDS && kind != OCCUPANT_UNKNOWN)
		attributed__add(list, (struct attributed){ .cause = cause_of_kind[kind], .kind = kind, .some_ns = ns });
}

// The part of the waits with an idle CPU that tasks of SCHED_DEADLINE had, which no CPU was slow to pick up; whystall's own are no finding.
static double deadline_part(const struct scene *scene)
{
	double all = 0, deadline = 0;
	for (size_t i = 0; i < scene->ledger->process_count; i++) {
		const struct ledger_process *process = &scene->ledger->processes[i];
		bool tool = scene->crowds[scene->crowd_of[i]].tool;
		for (size_t j = 0; j < process->task_count; j++) {
			all += (double)process->tasks[j].wait_idle_ns;
			deadline += !tool && ledger__is_deadline(process->tasks[j].policy) ? (double)process->tasks[j].wait_idle_ns : 0;
		}
	}
	return all > 0 ? deadline / all : 0;
}

void cpu_causes__add(const struct ledger *ledger, const struct scene *scene, struct attributed_list *list)
{
	const struct recording *recording = ledger->recording;
	struct cpu_weights weights = cpu_weights__make(ledger);
	struct filled filled = filled_new(scene);
	bool folded = weights.mean_known;
	double deadline = deadline_part(scene);
	for (size_t i = 0; i < scene->meeting_count; i++)
		filled_add(&filled, &scene->meetings[i]);
	for (size_t i = 0; i < ledger->process_count; i++)
		add_task(scene, &filled, true, &ledger->processes[i], (double)ledger->processes[i].credit_pressure_ns * weights.process[i], list);
	filled_free(&filled);
	cpu_weights__free(&weights);
	for (size_t i = 0; i < recording->cpu_count; i++) {
		const struct cpu_row *cpu = &recording->cpu[i];
		double factor = folded ? folds__factor(&ledger->folds, 0, cpu->cpu, FOLD_CPU_SOME) : 1;
		add_kind(OCCUPANT_IDLE, (double)cpu->credit_idle_ns * factor * (1 - deadline), list);
		attributed__add(list, (struct attributed){ .cause = CAUSE_CPU_QUOTA, .kind = OCCUPANT_IDLE, .some_ns = (double)cpu->credit_idle_ns * factor * deadline });
		add_kind(OCCUPANT_STEAL, (double)cpu->credit_steal_ns * factor, list);
		add_kind(OCCUPANT_HARDIRQ, (double)cpu->credit_hardirq_ns * factor, list);
		add_kind(OCCUPANT_SOFTIRQ, (double)cpu->credit_softirq_ns * factor, list);
		add_kind(OCCUPANT_QUOTA, (double)cpu->credit_quota_ns * factor, list);
	}
}

// ---- cgroups ----

struct cpu_group_causes {
	const struct scene *scene;
	struct path_order crowds;
	const struct cgroup_credit_row **credits; // by cgroup, those of one in the order of the table
	struct filled filled;
};

static const char *path_of_crowd(const void *context, size_t index)
{
	const struct scene *scene = context;
	return scene->crowds[index].members[0]->row->cgroup;
}

static int compare_credits(const void *left, const void *right)
{
	const struct cgroup_credit_row *a = *(const struct cgroup_credit_row *const *)left, *b = *(const struct cgroup_credit_row *const *)right;
	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	return a < b ? -1 : a > b;
}

struct cpu_group_causes *cpu_group_causes__new(const struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	struct cpu_group_causes *groups = base__alloc(1, sizeof(*groups));
	groups->scene = scene;
	groups->crowds = path_order__make(scene->crowd_count, path_of_crowd, scene);
	groups->credits = base__alloc(recording->cgroup_credit_count + 1, sizeof(*groups->credits));
	for (size_t i = 0; i < recording->cgroup_credit_count; i++)
		groups->credits[i] = &recording->cgroup_credit[i];
	qsort(groups->credits, recording->cgroup_credit_count, sizeof(*groups->credits), compare_credits);
	groups->filled = filled_new(scene);
	return groups;
}

void cpu_group_causes__free(struct cpu_group_causes *groups)
{
	path_order__free(&groups->crowds);
	filled_free(&groups->filled);
	free(groups->credits);
	free(groups);
}

static void fill_below(struct cpu_group_causes *groups, const char *path)
{
	size_t first, end = path_order__below(&groups->crowds, path, &first);
	filled_clear(&groups->filled);
	for (size_t place = first; place < end; place++) {
		size_t crowd = groups->crowds.places[place].index;
		for (size_t i = groups->scene->meeting_starts[crowd]; i < groups->scene->meeting_starts[crowd + 1]; i++)
			filled_add(&groups->filled, &groups->scene->meetings[i]);
	}
}

static size_t first_credit(const struct cpu_group_causes *groups, size_t count, int64_t cgroup)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (groups->credits[middle]->cgroup < cgroup)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void cpu_group_causes__add(struct cpu_group_causes *groups, int64_t cgroup, const char *path, struct attributed_list *list)
{
	const struct ledger *ledger = groups->scene->ledger;
	size_t count = ledger->recording->cgroup_credit_count;
	fill_below(groups, path);
	for (size_t i = first_credit(groups, count, cgroup); i < count && groups->credits[i]->cgroup == cgroup; i++) {
		const struct cgroup_credit_row *row = groups->credits[i];
		const struct ledger_process *process = row->kind == OCCUPANT_TASK ? ledger__process(ledger, row->process) : NULL;
		if (process)
			add_task(groups->scene, &groups->filled, false, process, (double)row->pressure_ns, list);
		else
			add_kind(row->kind, (double)row->pressure_ns, list);
	}
}

double cpu_causes__lost_ns(const struct crowd *crowd, enum cause_key cause, bool to_others)
{
	const double *lost = to_others ? crowd->lost_to_others_ns : crowd->lost_ns;
	double ns = 0;
	bool parted = false;
	for (int portion = 0; portion < PORTIONS; portion++)
		if (cause_of_portion[portion] == cause && cause != CAUSE_NONE) {
			ns += lost[portion];
			parted = true;
		}
	const struct { enum cause_key cause; int64_t ns; } kinds[] = {
		{ CAUSE_CPU_WAKEUP, crowd->wait_idle_ns }, { CAUSE_CPU_STEAL, crowd->wait_steal_ns }, { CAUSE_IRQ_HARD, crowd->wait_hardirq_ns },
		{ CAUSE_IRQ_SOFTIRQ, crowd->wait_softirq_ns }, { CAUSE_CPU_QUOTA, crowd->throttled_ns },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].cause == cause) {
			ns += (double)kinds[i].ns;
			parted = true;
		}
	return parted ? ns : -1;
}
