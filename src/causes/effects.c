#include "causes/effects.h"
#include "base/base.h"
#include "ledger/thresholds.h"

#include <math.h>
#include <string.h>

#define UNDER_WANT_OF_CPUS(lock) \
	{ lock, "cpu.oversubscription", effects__convoy }, { lock, "cpu.quota", effects__convoy }, { lock, "cpu.priority", effects__convoy }, \
	{ lock, "cpu.steal", effects__convoy }

const struct effect_edge effect_table[] = {
	// A host that is overcommitted, or has stopped this machine, wakes halted vCPUs late.
	{ "cpu.wakeup", "cpu.steal", effects__on_stolen_cpus },
	{ "cpu.wakeup", "host.pause", effects__during_pauses },
	// Whoever had the CPU when the machine was stopped had it for as long, by the clocks that went on: it occupied nothing.
	{ "cpu.oversubscription", "host.pause", effects__during_pauses }, { "cpu.priority", "host.pause", effects__during_pauses },
	{ "kernel.rcu", "host.pause", effects__warnings_of_pauses }, { "kernel.rcu", "cpu.steal", effects__warnings_on_stolen_cpus },

	UNDER_WANT_OF_CPUS("lock.mmap"), UNDER_WANT_OF_CPUS("lock.kernel"), UNDER_WANT_OF_CPUS("lock.futex"),
	{ "cpu.oversubscription", "lock.mmap", effects__spinning }, { "cpu.oversubscription", "lock.kernel", effects__spinning },
	{ "cpu.oversubscription", "lock.mmap", effects__own_crowding }, { "cpu.oversubscription", "lock.kernel", effects__own_crowding },
	{ "cpu.oversubscription", "lock.futex", effects__own_crowding },

	{ "cpu.oversubscription", "kernel.rcu", effects__behind_stalled_cpus },
	{ "cpu.oversubscription", "irq.softirq", effects__by_ksoftirqd }, { "cpu.priority", "irq.softirq", effects__by_ksoftirqd },
	{ "cpu.oversubscription", "memory.kswapd", effects__by_kswapd }, { "cpu.oversubscription", "memory.reclaim", effects__by_reclaimers },
	{ "cpu.oversubscription", "memory.limit", effects__by_reclaimers }, { "cpu.oversubscription", "memory.compaction", effects__by_reclaimers },

	// Whoever holds the lock reads or writes meanwhile.
	{ "lock.futex", "io.device", effects__through_chains }, { "lock.mmap", "io.device", effects__through_chains },
	{ "lock.kernel", "io.device", effects__through_chains },

	// Whoever holds the lock of the program waits for one of the kernel meanwhile: malloc's in munmap, say.
	{ "lock.futex", "lock.mmap", effects__held_at_kernel_locks }, { "lock.futex", "lock.kernel", effects__held_at_kernel_locks },

	// Too little memory: for a cgroup, or for the machine. What is dropped or swapped out is read again.
	{ "memory.reclaim", "memory.limit", effects__through_resources }, { "memory.thrash", "memory.limit", effects__through_resources },
	{ "memory.kswapd", "memory.reclaim", effects__through_resources }, { "memory.kswapd", "memory.thrash", effects__through_resources },
	{ "io.device", "memory.limit", effects__through_resources }, { "io.device", "memory.thrash", effects__through_resources },
	{ "io.device", "memory.reclaim", effects__through_resources }, { "io.device", "host.pause", effects__during_pauses },

	// What is written waits for the device, the limit or the server behind it.
	{ "io.dirty", "io.device", effects__through_resources }, { "io.dirty", "io.limit", effects__through_resources },
	{ "io.dirty", "io.remote", effects__through_resources }, { "io.dirty", "memory.limit", effects__through_resources },
	{ "io.journal", "io.device", effects__through_resources }, { "io.journal", "io.limit", effects__through_resources },
	{ "io.fsync", "io.device", effects__through_resources }, { "io.fsync", "io.limit", effects__through_resources },
	{ "io.fsync", "io.journal", effects__through_resources }, { "io.fsync", "io.dirty", effects__through_resources },
	{ "io.fsync", "io.remote", effects__through_resources },
};
const size_t effect_table_count = ARRAY_SIZE(effect_table);

// An edge that this recording shows.
struct link { struct verdict *effect, *cause; double share; };

static struct verdict *find(const struct diagnosis *diagnosis, const char *id)
{
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		if (!strcmp(diagnosis->verdicts[i].cause->id, id))
			return &diagnosis->verdicts[i];
	return NULL;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *one = a, *other = b;
	if (one->share != other->share)
		return one->share > other->share ? -1 : 1;
	if (one->cause->wall_seconds != other->cause->wall_seconds)
		return one->cause->wall_seconds > other->cause->wall_seconds ? -1 : 1;
	// The catalogue's order, so that the same recording gives the same report.
	return one->cause != other->cause ? (one->cause > other->cause) - (one->cause < other->cause)
					  : (one->effect > other->effect) - (one->effect < other->effect);
}

// Whether `verdict` is, or has above it, the other one.
static bool is_below(const struct diagnosis *diagnosis, const struct verdict *verdict, const struct verdict *other)
{
	while (verdict && verdict != other && verdict->under)
		verdict = find(diagnosis, verdict->under);
	return verdict == other;
}

static size_t find_links(const struct diagnosis *diagnosis, const struct effect_edge *edges, size_t edge_count, struct link *ret_links)
{
	size_t count = 0;
	for (size_t i = 0; i < edge_count; i++) {
		struct verdict *effect = find(diagnosis, edges[i].effect), *cause = find(diagnosis, edges[i].cause);
		if (!effect || !cause || effect->kind < VERDICT_CONTRIBUTING || cause->kind != VERDICT_CONFIRMED || effect->stall_seconds <= 0)
			continue;
		double share = fmin(1, edges[i].shared(diagnosis, effect, cause) / effect->stall_seconds);
		if (share >= threshold__value(THRESHOLD_FOLLOWS))
			ret_links[count++] = (struct link){ effect, cause, share };
	}
	return count;
}

void effects__place(struct diagnosis *diagnosis, const struct effect_edge *edges, size_t edge_count)
{
	cleanup_free struct link *links = base__alloc(edge_count, sizeof(*links));
	// All are found before any is placed: a cause that turns out to be an effect itself keeps those below it.
	size_t count = find_links(diagnosis, edges, edge_count, links);
	qsort(links, count, sizeof(*links), compare_links);
	for (size_t i = 0; i < count; i++) {
		struct verdict *effect = links[i].effect;
		if (effect->under || is_below(diagnosis, links[i].cause, effect))
			continue;
		effect->under = links[i].cause->cause->id;
		effect->kind = VERDICT_CONTRIBUTING;
	}
}
