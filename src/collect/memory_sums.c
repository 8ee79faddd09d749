#include "collect/memory_sums.h"

#include <inttypes.h>
#include <search.h>
#include <unistd.h>

#include "base/base.h"

#define FILLED_BYTES (1LL << 20) // less that was added to the page cache is no row

struct sum_row { int64_t process; enum memory_kind kind; uint64_t detail; struct memory_sum sum; };
struct memory_sums { void *tree; };

static int compare(const void *a, const void *b)
{
	const struct sum_row *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	return left->detail < right->detail ? -1 : left->detail > right->detail;
}

struct memory_sums *memory_sums__new(void)
{
	return base__alloc(1, sizeof(struct memory_sums));
}

void memory_sums__free(struct memory_sums *sums)
{
	if (sums)
		tdestroy(sums->tree, free);
	free(sums);
}

void memory_sums__add(struct memory_sums *sums, int64_t process, enum memory_kind kind, uint64_t detail, const struct memory_sum *sum)
{
	struct sum_row key = { process, kind, detail, { 0 } }, **found = tfind(&key, &sums->tree, compare), *row;

	if (found) {
		row = *found;
	} else {
		row = base__alloc(1, sizeof(*row));
		*row = key;
		base__tsearch(row, &sums->tree, compare);
	}
	row->sum.count += sum->count;
	row->sum.ns += sum->ns;
	row->sum.run_ns += sum->run_ns;
	row->sum.queue_ns += sum->queue_ns;
	row->sum.amount += sum->amount;
	if (sum->max_ns > row->sum.max_ns)
		row->sum.max_ns = sum->max_ns;
}

struct storing { const struct memory_cgroups *start, *end; struct recording *recording; };

// enum vmscan_throttle_state, include/linux/mmzone.h.
static const char *throttle_reason(uint64_t reason)
{
	static const char *const reasons[] = { "writeback", "isolated", "no progress", "congested" };

	// The tracepoint gives the reason as a bit (VMSCAN_THROTTLE… in include/trace/events/vmscan.h) or as the number, by version.
	return reason < ARRAY_SIZE(reasons) ? reasons[reason] : "";
}

static char *key_of(const struct storing *storing, const struct sum_row *row)
{
	const struct memory_cgroup *cgroup;

	switch (row->kind) {
	case MEMORY_LIMIT_RECLAIM:
		cgroup = memory_cgroups__by_id(storing->end, (int64_t)row->detail);
		cgroup = cgroup ? cgroup : memory_cgroups__by_id(storing->start, (int64_t)row->detail);
		return base__copy(cgroup ? cgroup->path : "");
	case MEMORY_COMPACTION:
		return base__format("order %" PRIu64, row->detail);
	case MEMORY_NODE_RECLAIM:
	case MEMORY_KSWAPD:
		return base__format("node %" PRIu64, row->detail);
	case MEMORY_THROTTLED:
		return base__copy(throttle_reason(row->detail));
	default:
		return base__copy("");
	}
}

static struct activity_row *add_row(const struct storing *storing, const struct sum_row *sum, const char *kind)
{
	struct activity_row *row = recording__add_activity(storing->recording);

	*row = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy(kind), .key = key_of(storing, sum),
				      .process = sum->process, .cpu = -1, .count = (int64_t)sum->sum.count };
	return row;
}

// Each kind of section is three rows: all of it, the part on a CPU, and the part that waited for one. What is left was asleep.
static const struct { const char *name, *running, *queued; } kinds[MEMORY_KINDS] = {
	[MEMORY_DIRECT_RECLAIM] = { "direct_reclaim", "direct_reclaim_running", "direct_reclaim_queued" },
	[MEMORY_LIMIT_RECLAIM] = { "limit_reclaim", "limit_reclaim_running", "limit_reclaim_queued" },
	[MEMORY_NODE_RECLAIM] = { "node_reclaim", "node_reclaim_running", "node_reclaim_queued" },
	[MEMORY_COMPACTION] = { "compaction", "compaction_running", "compaction_queued" },
	[MEMORY_COMPACTION_WORK] = { "compaction_work", NULL, NULL },
	[MEMORY_THROTTLED] = { "reclaim_throttled", NULL, NULL },
	[MEMORY_KSWAPD_WAKEUP] = { "kswapd_wakeup", NULL, NULL },
	[MEMORY_KSWAPD] = { "kswapd", NULL, NULL },
	[MEMORY_PAGE_CACHE] = { "page_cache_fill", NULL, NULL },
};

static void store(const void *node, VISIT visit, void *closure)
{
	const struct sum_row *sum = *(const struct sum_row *const *)node;
	const struct storing *storing = closure;
	struct activity_row *row;

	if (visit != postorder && visit != leaf)
		return;
	// Every process reads a file now and then.
	if (sum->kind == MEMORY_PAGE_CACHE && (int64_t)sum->sum.amount * sysconf(_SC_PAGESIZE) < FILLED_BYTES)
		return;
	row = add_row(storing, sum, kinds[sum->kind].name);
	row->ns = (int64_t)sum->sum.ns;
	row->max_ns = (int64_t)sum->sum.max_ns;
	row->amount = (int64_t)sum->sum.amount * (sum->kind == MEMORY_PAGE_CACHE ? sysconf(_SC_PAGESIZE) : 1);
	if (kinds[sum->kind].running) {
		add_row(storing, sum, kinds[sum->kind].running)->ns = (int64_t)(sum->sum.run_ns < sum->sum.ns ? sum->sum.run_ns : sum->sum.ns);
		add_row(storing, sum, kinds[sum->kind].queued)->ns = (int64_t)(sum->sum.queue_ns < sum->sum.ns ? sum->sum.queue_ns : sum->sum.ns);
	}
}

void memory_sums__store(const struct memory_sums *sums, const struct memory_cgroups *start, const struct memory_cgroups *end,
	struct recording *recording)
{
	struct storing storing = { start, end, recording };

	twalk_r(sums->tree, store, &storing);
}
