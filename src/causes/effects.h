// Rule 4 of the catalogue: what follows from another confirmed cause is listed under it, not beside it.
#ifndef WHYSTALL_EFFECTS_H
#define WHYSTALL_EFFECTS_H

#include "causes/cause.h"

// How much of the effect's waiting (task-seconds, at most its stall_seconds) this recording shows to be there because of the
// cause: by what both waits went through, or by who made others wait. Never because both were seen at once. 0 where nothing shows it.
typedef double effect_shared_fn(const struct diagnosis *diagnosis, const struct verdict *effect, const struct verdict *cause);

// A verdict of `effect` may follow from a confirmed one of `cause`.
struct effect_edge { const char *effect, *cause; effect_shared_fn *shared; };
extern const struct effect_edge effect_table[];
extern const size_t effect_table_count;

// Sets `under` of every verdict of which at least THRESHOLD_FOLLOWS is shared with a confirmed cause, and makes it contributing: it accuses
// nobody of its own. Of several causes the one with the largest share, of equal ones the heavier (wall_seconds). No circle: whoever would
// come under its own effect stays.
void effects__place(struct diagnosis *diagnosis, const struct effect_edge *edges, size_t edge_count);

// ---- conditions, effect_conditions.c ----

// Both waited for the same resources (verdict__add_resource): each counts with the smaller of the two sides.
effect_shared_fn effects__through_resources;
// Wake-ups on CPUs that the hypervisor took.
effect_shared_fn effects__on_stolen_cpus;
// A lock that is free while whoever was woken to take it waits for a CPU.
effect_shared_fn effects__convoy;
// CPUs that are occupied by tasks which spin for the lock.
effect_shared_fn effects__spinning;
// Threads that queue for their own lock are woken in turn and meet at the CPUs.
effect_shared_fn effects__own_crowding;
// CPUs that are occupied by the kernel's threads which do the cause's work.
effect_shared_fn effects__by_ksoftirqd, effects__by_kswapd;
// CPUs that are occupied by tasks which free memory instead of getting on.
effect_shared_fn effects__by_reclaimers;
// Queues at a lock whose holder waited for the cause's device: the chains of wake-ups of the victims' longest waits end there.
effect_shared_fn effects__through_chains;
// Queues at a lock of a program whose holder was itself a victim of the cause's kernel lock, by the same chains.
effect_shared_fn effects__held_at_kernel_locks;
// Waits that lasted over a pause of the machine.
effect_shared_fn effects__during_pauses;
// Warnings of stalled CPUs about a time in which the machine was stopped, or about CPUs that were mostly stolen.
effect_shared_fn effects__warnings_of_pauses, effects__warnings_on_stolen_cpus;
// Waits for a CPU that the kernel complained of, behind the task that it found there.
effect_shared_fn effects__behind_stalled_cpus;

#endif
