#include "ledger/look_ups.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

const struct device_row *look_up__device(const struct recording *recording, const char *number)
{
	for (size_t i = 0; number && i < recording->device_count; i++)
		if (same(recording->device[i].number, number))
			return &recording->device[i];
	return NULL;
}

const struct cgroup_row *look_up__cgroup(const struct recording *recording, const char *path)
{
	const struct cgroup_row *found = NULL;
	for (size_t i = 0; path && i < recording->cgroup_count; i++) {
		const struct cgroup_row *row = &recording->cgroup[i];
		if (same(row->path, path) && (!found || row->weight >= 0))
			found = row;
	}
	return found;
}

const struct cgroup_row *look_up__limited_cgroup(const struct recording *recording, const char *path)
{
	for (size_t i = 0; path && i < recording->cgroup_count; i++) {
		const struct cgroup_row *row = &recording->cgroup[i];
		if (same(row->path, path) && row->quota_us > 0 && row->period_us > 0)
			return row;
	}
	return NULL;
}

const struct cgroup_io_row *look_up__cgroup_io(const struct recording *recording, const char *cgroup, const char *device)
{
	for (size_t i = 0; cgroup && device && i < recording->cgroup_io_count; i++)
		if (same(recording->cgroup_io[i].cgroup, cgroup) && same(recording->cgroup_io[i].device, device))
			return &recording->cgroup_io[i];
	return NULL;
}
