// What happened to the cgroups between two snapshots, as rows of the recording.
#include "collect/cgroups.h"

#include "base/base.h"

// Counters never shrink; one that did belongs to another cgroup that got the same id.
static int64_t growth(int64_t before, int64_t after)
{
	return after < 0 || before < 0 || after < before ? -1 : after - before;
}

// `start` NULL: made within the window, so its counters began at 0. `end` NULL: gone, so the growth is unknown.
static void add_row(const struct cgroup_facts *start, const struct cgroup_facts *end, struct recording *recording)
{
	const struct cgroup_facts *facts = end ? end : start;
	struct cgroup_row *row = recording__add_cgroup(recording);

	row->id = facts->id;
	row->hierarchy = facts->hierarchy;
	row->path = base__copy(facts->path);
	row->level = facts->level;
	row->has_pressure = facts->has_pressure;
	row->quota_us = facts->quota_us;
	row->period_us = facts->period_us;
	row->weight = facts->weight;
	row->cpus = base__copy(facts->cpus);
	row->periods = end ? growth(start ? start->periods : 0, end->periods) : -1;
	row->throttled_periods = end ? growth(start ? start->throttled_periods : 0, end->throttled_periods) : -1;
	row->throttled_us = end ? growth(start ? start->throttled_us : 0, end->throttled_us) : -1;
}

static void add_pressure_row(int64_t cgroup, int resource, const char *kind, int64_t before_us, int64_t after_us,
			     struct recording *recording)
{
	int64_t grown_us = growth(before_us, after_us);

	if (grown_us <= 0)
		return;
	struct pressure_row *row = recording__add_pressure(recording);
	row->cgroup = cgroup;
	row->resource = base__copy(pressure_resource__name((enum pressure_resource)resource));
	row->kind = base__copy(kind);
	row->kernel_ns = grown_us * (int64_t)NS_PER_USEC;
}

static void add_pressure(const struct cgroup_facts *start, const struct cgroup_facts *end, struct recording *recording)
{
	for (int resource = 0; end && resource < PRESSURE_RESOURCES; resource++) {
		const struct pressure_totals *after = &end->pressure[resource];
		struct pressure_totals before = { 0, 0 };

		if (start)
			before = start->pressure[resource];
		add_pressure_row(end->id, resource, "some", before.some_us, after->some_us, recording);
		add_pressure_row(end->id, resource, "full", before.full_us, after->full_us, recording);
	}
}

void cgroups__growth(const struct cgroups *start, const struct cgroups *end, struct recording *recording)
{
	size_t s = 0, e = 0;

	// Both are sorted by id.
	while (s < start->count || e < end->count) {
		const struct cgroup_facts *before = s < start->count ? &start->all[s] : NULL;
		const struct cgroup_facts *after = e < end->count ? &end->all[e] : NULL;

		if (before && after && before->id != after->id) {
			if (before->id < after->id)
				after = NULL;
			else
				before = NULL;
		}
		s += before != NULL;
		e += after != NULL;
		add_row(before, after, recording);
		add_pressure(before, after, recording);
	}
	recording__set_counter(recording, "cgroups_left_out", end->left_out,
			       "cgroups beyond the limit of one snapshot: their quotas and pressure were not read");
}
