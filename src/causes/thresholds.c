#include "causes/thresholds.h"

#define WAITS "cpu.oversubscription cpu.quota cpu.affinity cpu.priority cpu.churn"
#define LOCKS "lock.mmap lock.kernel"
#define TASK_WAITS "cpu.oversubscription cpu.affinity cpu.priority cpu.churn"

const struct threshold_row threshold_table[THRESHOLDS] = {
	[THRESHOLD_WALL_CONFIRMED] = { "pressure, confirmed", 0.05, "of the window", WAITS " cpu.wakeup",
		"an idle machine shows 0.1 %, a server at 40 % load a few percent from short collisions; above 5 % in long waits a "
		"person notices" },
	[THRESHOLD_WALL_CONTRIBUTING] = { "pressure, contributing", 0.015, "of the window", WAITS " cpu.wakeup",
		"ten times the idle baseline: real, but too little to explain a stall alone" },
	[THRESHOLD_LOSS_CONFIRMED] = { "victim's loss, confirmed", 0.25, "of the time it wanted to run", WAITS,
		"a queue at 40 % load costs 10-20 % of the demand in short waits and is no stall; a quarter lost is felt" },
	[THRESHOLD_LOSS_CONTRIBUTING] = { "victim's loss, contributing", 0.15, "of the time it wanted to run", WAITS,
		"below that, waits are the ordinary price of sharing" },
	[THRESHOLD_LOSS_SEVERE] = { "severe loss of one victim", 0.5, "of the time it wanted to run", WAITS,
		"on a large machine one victim's pressure is small in the system's figure, though it may stand still" },
	[THRESHOLD_LOST_SEVERE] = { "severe waiting of one victim", 0.10, "of the window", WAITS,
		"keeps a task that ran twice and waited once from counting as severe" },
	[THRESHOLD_LOST_LEAST] = { "least waiting of a victim", 0.01, "of the window", WAITS,
		"100 ms in 10 s: less is noise even where it is most of a tiny demand" },
	[THRESHOLD_MEAN_WAIT] = { "least mean wait of a victim", 0.5, "ms", TASK_WAITS,
		"collisions of short requests end within a fraction of a millisecond; waiting for a CPU-bound task takes whole slices" },
	[THRESHOLD_MEAN_WAIT_IDLE] = { "the same while CPUs are idle", 2.0, "ms", "cpu.oversubscription",
		"on a machine with idle CPUs, waits of a millisecond are collisions of requests that the next placement ends; bursts of "
		"CPU-bound tasks make waits of 3 ms and more" },
	[THRESHOLD_BUSY] = { "CPU time in use", 0.85, "of all CPU time", "cpu.oversubscription",
		"below it CPUs were free often enough that only long waits tell of too many runnable tasks" },
	[THRESHOLD_HARM] = { "harm by one culprit", 0.05, "of the victim's demand", TASK_WAITS,
		"who took less than a twentieth of what the victim wanted did not hold it up" },
	[THRESHOLD_HARM_SHARE] = { "share of one culprit", 0.10, "of all waiting of this kind", TASK_WAITS,
		"keeps bystanders out that ran now and then while the victims waited for others" },
	[THRESHOLD_HARM_MOST] = { "share of a culprit of one victim only", 0.50, "of the victim's waiting", TASK_WAITS,
		"who holds up one victim alone may be small in the sum over the machine" },
	[THRESHOLD_RECIPROCITY] = { "mutual harm", 2.0, "times", TASK_WAITS,
		"a process that suffers at least twice as much from another as it harms it (in parts of their demands) is its victim" },
	[THRESHOLD_THROTTLED_PERIODS] = { "throttled periods", 0.05, "of all periods", "cpu.quota",
		"a limit that strikes in one period of twenty shapes the latency of every request in it" },
	[THRESHOLD_FORK_RATE] = { "tasks created, confirmed", 150, "a second", "cpu.churn",
		"a kernel build with two compilers at once starts 50 to 100 a second and is no churn" },
	[THRESHOLD_FORK_RATE_LOW] = { "tasks created, contributing", 60, "a second", "cpu.churn",
		"interactive machines and their timers stay below 20 a second" },
	[THRESHOLD_KIND_RATE] = { "short-lived processes of one kind", 20, "a second", "cpu.churn",
		"a kind of process that starts more rarely is no storm of its own" },
	[THRESHOLD_SHORT_LIFE] = { "short life", 20, "ms of CPU time each", "cpu.churn",
		"creating and ending a process costs 0.5 to 2 ms: above 20 ms its own work dominates, and that is oversubscription" },
	[THRESHOLD_STEAL_CONFIRMED] = { "stolen time, confirmed", 0.05, "of all CPU time", "cpu.steal",
		"one twentieth of each CPU gone shows in every latency" },
	[THRESHOLD_STEAL_CONTRIBUTING] = { "stolen time, contributing", 0.03, "of all CPU time", "cpu.steal",
		"a shared host takes 1 to 2 % for its own work and its other guests without anybody noticing" },
	[THRESHOLD_LATENCY_CONFIRMED] = { "mean wake-up latency, confirmed", 1.0, "ms", "cpu.wakeup",
		"deep idle states take 0.1 to 0.3 ms to leave; a halted vCPU on a quiet host 0.05 to 0.2 ms" },
	[THRESHOLD_LATENCY_CONTRIBUTING] = { "mean wake-up latency, contributing", 0.4, "ms", "cpu.wakeup",
		"above what the deepest idle states cost" },
	[THRESHOLD_LOCK_WALL_CONFIRMED] = { "time in which somebody waited for the lock, confirmed", 0.10, "of the window", LOCKS,
		"ordinary programs with a few threads meet at their locks for less than 1 % of the time; a lock with a queue for a tenth of "
		"the time shapes what the program can do" },
	[THRESHOLD_LOCK_WALL_CONTRIBUTING] = { "the same, contributing", 0.03, "of the window", LOCKS,
		"well above the ordinary, but less than one in thirty moments has a queue" },
	[THRESHOLD_LOCK_LOSS_CONFIRMED] = { "victim's loss to locks, confirmed", 0.25, "of the time it wanted (running + waiting for a CPU + "
		"asleep on kernel locks)", LOCKS, "a quarter of the wanted time lost is felt, as for CPU time" },
	[THRESHOLD_LOCK_LOSS_CONTRIBUTING] = { "victim's loss to locks, contributing", 0.10, "of the time it wanted", LOCKS,
		"many short waits of a page-fault or system-call heavy program make a few percent and no stall" },
	[THRESHOLD_LOCK_LOSS_SEVERE] = { "severe loss of one victim to locks", 0.5, "of the time it wanted", LOCKS,
		"it stands more than it goes; counts where it also waited a tenth of the window, however short the queue lasted" },
	[THRESHOLD_LOCK_LOSS_HELD] = { "least loss while somebody held the lock", 0.04, "of the time it wanted", LOCKS,
		"on a machine short of CPUs queues form at locks that are hardly held; what is left of them with CPUs to spare would be no stall" },
	[THRESHOLD_LOCK_SHARE] = { "share of one owner", 0.20, "of the waiting while it was held", LOCKS,
		"who held it for less than a fifth of that did not make the queue: everybody in a queue holds the lock in turn" },
	[THRESHOLD_LOCK_OWNERS] = { "waiting with a known owner", 0.5, "of the waiting", LOCKS,
		"where most of the owners are not known, the largest of them may be missing" },
	[THRESHOLD_LOCK_ONE_PARTY] = { "waiting of one party at a spinning lock", 0.8, "of the waiting", LOCKS,
		"spinning locks keep no record of their holder; where nearly all waiting is one party's, it must hold it itself" },
	[THRESHOLD_LOCK_CONVOY] = { "waiting while the lock was free", 0.5, "of the waiting", LOCKS,
		"where the task that was to take it had no CPU for most of the time, and what it was held for confirms nothing, the queue follows from "
		"the want of CPUs" },
	[THRESHOLD_LOCK_LOST] = { "lock waits that were not recorded", 0.05, "of all lock waits", LOCKS,
		"what was lost could hide a lock that matters" },
	[THRESHOLD_OTHER_PRESSURE] = { "pressure that no cause judges yet", 0.05, "of the window", "all",
		"the machine must not be called healthy while the kernel counts that much memory or I/O pressure" },
	[THRESHOLD_GAPS] = { "time with missed events", 0.05, "of the window", "all",
		"what was missed could hide a confirmed cause" },
};

double threshold__value(enum threshold threshold)
{
	return threshold_table[threshold].value;
}
