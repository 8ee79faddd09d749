// Which crowds are a storm of short-lived tasks, and which crowds start them.
#include "ledger/scene.h"
#include "ledger/thresholds.h"
#include "base/base.h"

static double per_second(const struct scene *scene, double number)
{
	return number * (double)NS_PER_SEC / scene->window_ns;
}

static bool is_short_lived(const struct crowd *crowd, int64_t *ret_ended, int64_t *ret_parent_pid)
{
	int64_t ended = 0, run_ns = 0;
	for (size_t i = 0; i < crowd->member_count; i++) {
		const struct process_row *row = crowd->members[i]->row;
		if (!row->gone && row->folded <= 1)
			continue;
		ended += row->folded > 1 ? row->folded : 1;
		run_ns += crowd->members[i]->run_ns;
		*ret_parent_pid = row->parent_pid;
	}
	*ret_ended = ended;
	return ended && (double)run_ns / (double)ended <= threshold__value(THRESHOLD_SHORT_LIFE) * NS_PER_MSEC;
}

static size_t crowd_of_pid(const struct scene *scene, int64_t pid)
{
	// Nobody is accused for being init: orphans end there.
	if (pid <= 1)
		return SIZE_MAX;
	for (size_t i = 0; i < scene->ledger->process_count; i++)
		if (scene->ledger->processes[i].row->pid == pid)
			return scene->crowd_of[i];
	return SIZE_MAX;
}

// Whether the threads of this crowd that have ended were short-lived and many.
static bool has_short_threads(const struct scene *scene, const struct crowd *crowd)
{
	if (!crowd->folded_tasks)       // an older recording: the machine's rate has to do
		return true;
	return per_second(scene, (double)crowd->folded_tasks) >= threshold__value(THRESHOLD_KIND_RATE) &&
	       (double)crowd->folded_task_run_ns / (double)crowd->folded_tasks <= threshold__value(THRESHOLD_SHORT_LIFE) * NS_PER_MSEC;
}

// Threads that come and go are folded into their process; the crowd is marked when such threads make up most of what it ran.
static void mark_thread_churn(struct scene *scene, double processes_per_second)
{
	double threads_per_second = scene->forks_per_second - processes_per_second;
	if (threads_per_second < threshold__value(THRESHOLD_FORK_RATE_LOW))
		return;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		struct crowd *crowd = &scene->crowds[i];
		if (crowd->folded_task_run_ns > 0 && has_short_threads(scene, crowd) && 2 * crowd->folded_task_run_ns > crowd->run_ns &&
		    (double)crowd->folded_task_run_ns / scene->window_ns >= threshold__value(THRESHOLD_LOST_LEAST))
			crowd->churn = true;
	}
}

void scene__mark_churn(struct scene *scene)
{
	double processes_per_second = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		struct crowd *crowd = &scene->crowds[i];
		int64_t ended = 0, parent_pid = 0;
		bool short_lived = is_short_lived(crowd, &ended, &parent_pid);
		double rate = per_second(scene, (double)ended);
		processes_per_second += rate;
		if (!short_lived || rate < threshold__value(THRESHOLD_KIND_RATE))
			continue;
		scene->short_lived_per_second += rate;
		crowd->churn = true;
		crowd->parent = crowd_of_pid(scene, parent_pid);
		if (crowd->parent != SIZE_MAX)
			scene->crowds[crowd->parent].churn = true;
	}
	int64_t forks = recording__meta_number(scene->ledger->recording, "forks", -1);
	scene->forks_per_second = forks >= 0 ? per_second(scene, (double)forks) : processes_per_second;
	mark_thread_churn(scene, processes_per_second);
}
