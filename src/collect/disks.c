// Subject "disks": what the kernel's own files say of block devices and of limits on their use. Needs no probe.
#include "collect/disks.h"

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/cgroup_io.h"
#include "collect/disk_facts.h"

struct disks { struct cgroup_io *limits; };

static void *open_disks(struct collector *collector, char **ret_why_off)
{
	struct disks *disks = base__alloc(1, sizeof(*disks));

	(void)collector;
	(void)ret_why_off;
	disks->limits = cgroup_io__new();
	return disks;
}

static void look(void *state, struct collector *collector, bool first)
{
	struct disks *disks = state;

	disk_facts__note(collector->counters, first);
	if (disks->limits)
		cgroup_io__look(disks->limits, collector);
}

static void begin(void *state, struct collector *collector)
{
	look(state, collector, true);
}

static void drain(void *state, struct collector *collector)
{
	// Once the window has ended, its last values are in.
	if (!collector->ended_ns)
		look(state, collector, false);
}

static void end(void *state, struct collector *collector)
{
	look(state, collector, false);
}

static void store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct disks *disks = state;

	(void)stacks;
	disk_facts__store(collector->counters, recording);
	if (disks->limits)
		cgroup_io__store(disks->limits, collector, recording);
}

static void close_disks(void *state)
{
	struct disks *disks = state;

	cgroup_io__free(disks->limits);
	free(disks);
}

const struct subject disks_subject = {
	.name = "disks", .open = open_disks, .begin = begin, .drain = drain, .end = end, .store = store, .close = close_disks,
};
