#include "ledger/rereads.h"

#include <math.h>
#include <string.h>

#include "base/base.h"

#define PAGE_BYTES 4096

// One cgroup whose limit was hit, or (the last one) the rest of the machine.
struct home { double read_bytes, refaults, reread, limit_reason; };

struct rereads {
	const struct ledger_memory *memory;
	size_t *home_of;                // by index of ledger->processes; memory->group_count: the machine
	struct home *homes;             // by index of memory->groups, and the machine's
};

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

// The cgroup for whose limit a process freed pages; of the others it is known by the path where the hierarchy is that of v2.
static size_t home_of(const struct ledger *ledger, const struct ledger_memory *memory, const char *const *keys, size_t index)
{
	const struct memory_group *group = ledger_memory__limit_of(memory, keys[index]);
	if (!group) {
		group = ledger_memory__limit_of(memory, ledger->processes[index].row->cgroup);
		group = group && group->hierarchy == 2 ? group : NULL;
	}
	return group ? (size_t)(group - memory->groups) : memory->group_count;
}

static void find_homes(struct rereads *rereads, const struct ledger *ledger)
{
	const struct activity_rows *rows = &ledger->activity.of[ACTIVITY_LIMIT_RECLAIM];
	cleanup_free const char **keys = base__alloc(ledger->process_count + 1, sizeof(*keys));
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		const struct ledger_process *process = row->process ? ledger__process(ledger, row->process) : NULL;
		if (process)
			keys[process - ledger->processes] = row->key;
	}
	rereads->home_of = base__alloc(ledger->process_count + 1, sizeof(*rereads->home_of));
	for (size_t i = 0; i < ledger->process_count; i++)
		rereads->home_of[i] = home_of(ledger, rereads->memory, keys, i);
}

static void sum_reads(struct rereads *rereads, const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	for (size_t i = 0; i < recording->device_user_count; i++) {
		const struct device_user_row *user = &recording->device_user[i];
		const struct ledger_process *process = same(user->operation, "read") && user->process ? ledger__process(ledger, user->process) : NULL;
		if (process)
			rereads->homes[rereads->home_of[process - ledger->processes]].read_bytes += (double)user->bytes;
	}
}

// Of pages that came back, by what was read from devices; where that is not known (a network file system), by what had to go for them.
static double part_of(double refaults, double read_bytes, double freed_pages)
{
	double all = read_bytes > 0 ? read_bytes / PAGE_BYTES : freed_pages;
	return refaults > 0 && all > 0 ? fmin(1, refaults / all) : 0;
}

static void weigh_homes(struct rereads *rereads, const struct recording *recording)
{
	const struct ledger_memory *memory = rereads->memory;
	double machine = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "pgsteal_kswapd"));
	double refaults = fmax(0, (double)kernel_counter__growth(recording, "vmstat", "", "workingset_refault_file"));
	for (size_t i = 0; i < memory->count; i++)
		machine += (double)memory->processes[i].by_reason[MEMORY_FOR_MACHINE].pages;
	// Counters of cgroups hold those below them: what a limited one inside another has is in both.
	for (size_t i = 0; i < memory->group_count; i++) {
		const struct memory_group *group = &memory->groups[i], *above = ledger_memory__limit_above(memory, group);
		if (group->strikes_high + group->strikes_max <= 0)
			continue;
		rereads->homes[i].refaults += (double)group->file_refaults;
		if (above)
			rereads->homes[above - memory->groups].refaults -= (double)group->file_refaults;
		else
			refaults -= (double)group->file_refaults;
	}
	for (size_t i = 0; i < memory->group_count; i++) {
		struct home *home = &rereads->homes[i];
		double freed = (double)memory->groups[i].limit_pages;
		home->reread = part_of(home->refaults, home->read_bytes, freed);
		home->limit_reason = freed > 0 ? freed / (freed + machine) : machine > 0 ? 0 : 1;
	}
	struct home *rest = &rereads->homes[memory->group_count];
	// Where the machine has never freed pages for itself, some cgroup's limit did, and it is not known here which.
	bool ever = machine > 0 || kernel_counter__after(recording, "vmstat", "", "pgsteal_kswapd") > 0;
	rest->reread = ever ? part_of(refaults, rest->read_bytes, machine) : 0;
}

struct rereads *rereads__make(const struct ledger *ledger, const struct ledger_memory *memory)
{
	struct rereads *rereads = base__alloc(1, sizeof(*rereads));
	rereads->memory = memory;
	rereads->homes = base__alloc(memory->group_count + 1, sizeof(*rereads->homes));
	find_homes(rereads, ledger);
	sum_reads(rereads, ledger);
	weigh_homes(rereads, ledger->recording);
	return rereads;
}

void rereads__free(struct rereads *rereads)
{
	if (!rereads)
		return;
	free(rereads->home_of);
	free(rereads->homes);
	free(rereads);
}

struct reread_part rereads__reason(const struct rereads *rereads, size_t process)
{
	size_t home = rereads->home_of[process];
	double limit = rereads->homes[home].limit_reason;
	return (struct reread_part){ limit, 1 - limit, home < rereads->memory->group_count ? &rereads->memory->groups[home] : NULL };
}

struct reread_part rereads__of(const struct rereads *rereads, size_t process)
{
	struct reread_part part = rereads__reason(rereads, process);
	double reread = rereads->homes[rereads->home_of[process]].reread;
	part.limit *= reread;
	part.scarce *= reread;
	return part;
}
