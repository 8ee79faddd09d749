// The scene: a ledger arranged for judging. Processes of one kind stand together (a crowd: same name, executable and
// cgroup), and each nanosecond that a victim waited for a task is given to exactly one cause, so that no wait is
// accused twice.
#ifndef WHYSTALL_SCENE_H
#define WHYSTALL_SCENE_H

#include "ledger/ledger.h"

// To which cause the waits for other tasks belong. The order is the order of precedence.
enum portion {
	PORTION_STOPPER,        // the occupant was a stopper thread (migration/N): it works on others' behalf, nobody is accused
	PORTION_PRIORITY,       // the occupant was realtime, or heavier than normal
	PORTION_POLITE,         // the victim itself asked for little (nice > 0, SCHED_BATCH's idle kin): nobody is accused
	PORTION_CHURN,          // the occupant is short-lived, or makes the short-lived ones
	PORTION_QUOTA,          // victim and occupant share a cgroup that its quota throttles: an effect of the quota
	PORTION_BOUND,          // a CPU outside the mask was idle, but the victim is a kernel thread that belongs to one CPU: nobody is accused
	PORTION_AFFINITY,       // a CPU outside the victim's mask was idle
	PORTION_PLACEMENT,      // a CPU that the victim may use was idle: the scheduler had not moved it yet
	PORTION_COMPETITION,    // none of these: more runnable tasks than CPUs
	PORTIONS
};

struct crowd {
	const struct ledger_process **members;  // largest demand first
	size_t member_count;
	int64_t processes;              // rows that stand for several counted in full
	int64_t run_ns, wait_ns, waits, wait_max_ns, throttled_ns, wait_idle_ns, wait_steal_ns;
	int64_t wait_hardirq_ns, wait_softirq_ns, run_hardirq_ns, run_softirq_ns; // taken by interrupts while it waited, while it ran
	int64_t task_wait_ns;           // wait_ns less what idle CPUs, quota, steal and interrupts took
	int64_t pieces;                 // of work: what a task does from one sleep to the next; at least one for each task
	int64_t idle_allowed_ns, idle_outside_ns, credit_task_ns;
	int64_t lock_sleep_ns, lock_spin_ns; // waiting for kernel locks; the spinning is part of run_ns
	int64_t blocked_ns;             // asleep, and no idle waiting (ledger_blocked.waiting_ns)
	double long_wait_ns;            // waits over the pair threshold that tasks filled, scaled
	// Under many waiters the probe cuts only some of the waits by their occupants: what they stand for, 1 or more.
	double scale;
	int64_t folded_task_run_ns;     // CPU time of the threads that have ended, of processes that are no storm themselves
	int64_t folded_tasks;           // how many these were; 0: the recording does not tell
	int64_t allowed_cpus;           // the narrowest mask of its tasks
	int64_t nice, rt_priority, policy; // of the task with the strongest claim on a CPU
	int64_t deadline_wait_ns;       // part of wait_ns that tasks of SCHED_DEADLINE had
	int64_t nice_highest;           // of the politest task that waited
	const struct cgroup_row *throttled; // the cgroup whose quota throttled its members, or NULL
	bool in_scope;                  // as a victim: the recording was made for it (or for the whole machine)
	bool stopper;                   // the kernel's migration/N
	bool tool;                      // whystall itself: shown where it matters, never accused
	bool churn;                     // short-lived processes, or those that start them
	size_t parent;                  // of a short-lived crowd: the crowd that starts it; SIZE_MAX unknown
	double lost_ns[PORTIONS];       // as a victim
	double lost_to_others_ns[PORTIONS]; // the same less what its own kind occupied
};

// Whether (nearly) all its waits are those of tasks of SCHED_DEADLINE: see ledger__is_deadline.
bool crowd__waits_in_deadline(const struct crowd *crowd);
// Whether these are kworkers: they do what anybody has put off, and who waits for that is not known.
bool crowd__is_put_off_work(const struct crowd *crowd);

// Waits of one crowd that another one filled (kind OCCUPANT_TASK), or something else did (culprit SIZE_MAX).
struct meeting {
	size_t victim, culprit;
	int64_t kind, wait_ns, waits, realtime_ns, heavier_ns;
	double portion_ns[PORTIONS];    // scaled by the victim's scale
};

// Rows of a table by crowd: rows[starts[crowd]] … rows[starts[crowd + 1] - 1] are positions in the table, in its order.
struct crowd_rows { size_t *starts, *rows; };

struct scene {
	const struct ledger *ledger;
	double window_ns;
	struct crowd *crowds; size_t crowd_count;
	struct meeting *meetings; size_t meeting_count; // sorted by victim, kind, culprit
	size_t *meeting_starts;         // by crowd: its first meeting as a victim; the next crowd's is the end
	double portion_ns[PORTIONS];    // sums over all meetings
	double cut_ns, not_cut_ns;      // waits over the pair threshold that were cut by their occupants, and that were not
	double task_wait_ns;            // all waits for tasks, short ones too (book B)
	double wall_seconds[OCCUPANT_KINDS]; // CPU some by what occupied the CPU, in seconds of total= (book A)
	double forks_per_second, short_lived_per_second;
	double pair_threshold_ns;
	size_t *crowd_of;               // by index of ledger->processes
	struct crowd_rows sleeps;       // of ledger->sleeps
	struct crowd_rows activity;     // of the recording's table activity, by its processes
};

struct scene *scene__new(const struct ledger *ledger);
void scene__free(struct scene *scene);
// The meeting of a victim and an occupant, NULL if they never met.
const struct meeting *scene__meeting(const struct scene *scene, size_t victim, int64_t kind, size_t culprit);
const char *crowd__name(const struct crowd *crowd);
// The time the crowd wanted a CPU: running and waiting, without what a quota kept it off.
double crowd__demand_ns(const struct crowd *crowd);
// System CPU-some seconds (folded) that so much of the waiting for tasks stands for.
double scene__wall_of(const struct scene *scene, double task_wait_ns);

// ---- stages of scene__new, each in its own file ----
void scene__gather_crowds(struct scene *scene);         // crowds.c
void scene__list_rows(struct scene *scene);             // crowd_rows.c
void crowd_rows__free(struct crowd_rows *rows);
void scene__mark_churn(struct scene *scene);            // churn.c
void scene__divide(struct scene *scene);                // division.c

#endif
