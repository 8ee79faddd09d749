#include "collect/task_rows.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define ENDED_LIMIT 20000       // kinds of ended tasks told apart by name; some 6 MiB

struct ended_tasks {
	void *tree;                     // binary tree (tsearch) of struct ended
	size_t count;
	int64_t merged;
};

struct ended {
	int64_t process;                // key: this, and the next two
	char name[COMM_LENGTH];
	uint32_t policy;
	struct task_row sums;
};

void task_rows__fill(const struct task_slot *slot, int64_t process, struct task_row *row)
{
	row->process = process;
	row->tid = slot->pid;
	row->folded = 1;
	row->name = base__copy_part(slot->comm, COMM_LENGTH);
	row->policy = slot->policy & 0xff;
	row->nice = (int64_t)slot->nice20 - 20;
	row->rt_priority = slot->rt_priority;
	row->allowed_cpus = slot->allowed_cpus;
	row->run_ns = (int64_t)slot->run_ns;
	row->switches = (int64_t)slot->switches;
	row->wait_ns = (int64_t)slot->wait_ns;
	row->waits = (int64_t)slot->waits;
	row->wait_max_ns = (int64_t)slot->wait_max_ns;
	row->wait_pressure_ns = (int64_t)slot->wait_pressure_ns;
	row->throttled_ns = (int64_t)slot->throttled_ns;
	row->wait_idle_ns = (int64_t)slot->wait_special[SPECIAL_IDLE];
	row->wait_steal_ns = (int64_t)slot->wait_special[SPECIAL_STEAL];
	row->wait_hardirq_ns = (int64_t)slot->wait_special[SPECIAL_HARDIRQ];
	row->wait_softirq_ns = (int64_t)slot->wait_special[SPECIAL_SOFTIRQ];
	row->idle_allowed_ns = (int64_t)slot->idle_allowed_ns;
	row->idle_outside_ns = (int64_t)slot->idle_outside_ns;
	row->open_wait_ns = (int64_t)slot->open_wait_ns;
	row->credit_pressure_ns = (int64_t)slot->credit_pressure_ns;
	row->credit_task_ns = (int64_t)slot->credit_task_ns;
	row->run_delay_ns = slot->run_delay_last ? (int64_t)(slot->run_delay_last - slot->run_delay_first) : -1;
	row->preempted_at_wakeup = (int64_t)slot->preempted_at_wakeup;
	row->run_hardirq_ns = (int64_t)slot->run_hardirq_ns;
	row->run_softirq_ns = (int64_t)slot->run_softirq_ns;
}

struct ended_tasks *ended_tasks__new(void)
{
	return base__alloc(1, sizeof(struct ended_tasks));
}

void ended_tasks__free(struct ended_tasks *tasks)
{
	if (!tasks)
		return;
	tdestroy(tasks->tree, free);
	free(tasks);
}

static int compare(const void *a, const void *b)
{
	const struct ended *left = a, *right = b;
	int order = strncmp(left->name, right->name, COMM_LENGTH);

	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	if (left->policy != right->policy)
		return left->policy < right->policy ? -1 : 1;
	return order;
}

static void add_sums(struct task_row *all, const struct task_row *one)
{
	int64_t *to[] = { &all->run_ns, &all->switches, &all->wait_ns, &all->waits, &all->wait_pressure_ns, &all->throttled_ns,
		&all->wait_idle_ns, &all->wait_steal_ns, &all->wait_hardirq_ns, &all->wait_softirq_ns, &all->idle_allowed_ns,
		&all->idle_outside_ns, &all->credit_pressure_ns, &all->credit_task_ns, &all->preempted_at_wakeup,
		&all->run_hardirq_ns, &all->run_softirq_ns };
	int64_t from[] = { one->run_ns, one->switches, one->wait_ns, one->waits, one->wait_pressure_ns, one->throttled_ns,
		one->wait_idle_ns, one->wait_steal_ns, one->wait_hardirq_ns, one->wait_softirq_ns, one->idle_allowed_ns,
		one->idle_outside_ns, one->credit_pressure_ns, one->credit_task_ns, one->preempted_at_wakeup,
		one->run_hardirq_ns, one->run_softirq_ns };

	for (size_t i = 0; i < ARRAY_SIZE(to); i++)
		*to[i] += from[i];
	// Unknown of one, unknown of all.
	all->run_delay_ns = all->run_delay_ns < 0 || one->run_delay_ns < 0 ? -1 : all->run_delay_ns + one->run_delay_ns;
	all->folded++;
	if (one->wait_max_ns > all->wait_max_ns)
		all->wait_max_ns = one->wait_max_ns;
}

void ended_tasks__add(struct ended_tasks *tasks, const struct task_slot *slot, int64_t process)
{
	struct ended key = { .process = process, .policy = slot->policy }, **found;
	struct task_row one = {};

	memcpy(key.name, slot->comm, sizeof(key.name));
	task_rows__fill(slot, process, &one);
	free(one.name);                 // the name of the sums is the key's
	one.name = NULL;
	found = tfind(&key, &tasks->tree, compare);
	if (!found && tasks->count >= ENDED_LIMIT) {
		// Programs that name each thread by a number: further names of a process are one.
		tasks->merged++;
		memset(key.name, 0, sizeof(key.name));
		memcpy(key.name, "(others)", sizeof("(others)"));
		found = tfind(&key, &tasks->tree, compare);
	}
	if (found) {
		add_sums(&(*found)->sums, &one);
		return;
	}
	struct ended *sums = base__alloc(1, sizeof(*sums));

	*sums = key;
	sums->sums = one;
	sums->sums.tid = 0;
	base__tsearch(sums, &tasks->tree, compare);
	tasks->count++;
}

int64_t ended_tasks__merged(const struct ended_tasks *tasks)
{
	return tasks->merged;
}

static void store_sums(const void *node, VISIT visit, void *closure)
{
	const struct ended *ended = *(const struct ended *const *)node;
	struct recording *recording = closure;

	if (visit != postorder && visit != leaf)
		return;
	struct task_row *row = recording__add_task(recording);
	*row = ended->sums;
	row->name = base__copy_part(ended->name, COMM_LENGTH);
}

void ended_tasks__store(const struct ended_tasks *tasks, struct recording *recording)
{
	twalk_r(tasks->tree, store_sums, recording);
}
