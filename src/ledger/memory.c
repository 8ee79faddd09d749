#include "ledger/memory.h"
#include "base/base.h"
#include "ledger/resources.h"

#include <math.h>
#include <string.h>

// ---- cgroups ----

static struct memory_group *group_of(struct ledger_memory *memory, size_t *capacity, const struct kernel_counter_row *row)
{
	// The rows of a cgroup stand together, as a rule.
	for (size_t i = memory->group_count; i-- > 0;)
		if (!strcmp(memory->groups[i].path, row->key))
			return &memory->groups[i];
	memory->groups = base__grow(memory->groups, capacity, memory->group_count + 1, sizeof(*memory->groups));
	memory->groups[memory->group_count] = (struct memory_group){ .path = row->key, .hierarchy = !strcmp(row->source, "memcg.v1") ? 1 : 2,
								     .limit_bytes = -1, .high_bytes = -1 };
	return &memory->groups[memory->group_count++];
}

static void add_value(struct memory_group *group, const struct kernel_counter_row *row)
{
	int64_t growth = row->after - row->before;
	if (!strcmp(row->name, "limit_bytes"))
		group->limit_bytes = row->after;
	else if (!strcmp(row->name, "high_bytes"))
		group->high_bytes = row->after;
	else if (!strcmp(row->name, "current_bytes"))
		group->current_bytes = row->after;
	else if (!strcmp(row->name, "events_high"))
		group->strikes_high += growth;
	else if (!strcmp(row->name, "events_max") || !strcmp(row->name, "failcnt"))
		group->strikes_max += growth;
	else if (!strcmp(row->name, "events_oom"))
		group->oom += growth;
	else if (!strcmp(row->name, "anon_bytes"))
		group->anon_grown = growth;
	else if (!strcmp(row->name, "file_bytes"))
		group->file_grown = growth;
	else if (!strcmp(row->name, "refault_anon") || !strcmp(row->name, "refault_file"))
		group->refaults += growth;
	if (!strcmp(row->name, "refault_file"))
		group->file_refaults = growth;
}

static void gather_groups(struct ledger_memory *memory, const struct recording *recording)
{
	size_t capacity = 0;
	for (size_t i = 0; i < recording->kernel_counter_count; i++)
		if (!strcmp(recording->kernel_counter[i].source, "memcg.v2") || !strcmp(recording->kernel_counter[i].source, "memcg.v1"))
			add_value(group_of(memory, &capacity, &recording->kernel_counter[i]), &recording->kernel_counter[i]);
}

static int compare_groups(const void *left, const void *right)
{
	const struct memory_group *a = *(const struct memory_group *const *)left, *b = *(const struct memory_group *const *)right;
	int order = strcmp(a->path, b->path);
	return order ? order : (a > b) - (a < b);
}

// Those whose limit was hit, by path.
static void list_struck(struct ledger_memory *memory)
{
	memory->struck = base__alloc(memory->group_count + 1, sizeof(*memory->struck));
	for (size_t i = 0; i < memory->group_count; i++)
		if (memory->groups[i].strikes_high + memory->groups[i].strikes_max > 0)
			memory->struck[memory->struck_count++] = &memory->groups[i];
	qsort(memory->struck, memory->struck_count, sizeof(*memory->struck), compare_groups);
}

static struct memory_group *find_struck(const struct ledger_memory *memory, const char *path, size_t length)
{
	size_t low = 0, high = memory->struck_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = memory->struck[middle]->path;
		int order = strncmp(other, path, length);
		if (!order && !other[length])
			return memory->struck[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

// Of the path itself, then of each directory above it, the root last. Not `except` itself.
static struct memory_group *nearest_limit(const struct ledger_memory *memory, const char *path, const struct memory_group *except)
{
	for (size_t length = path ? strlen(path) : 0; length > 0; length--) {
		struct memory_group *group = find_struck(memory, path, length);
		if (group && group != except)
			return group;
		while (length > 1 && path[length - 1] != '/')
			length--;
	}
	struct memory_group *root = path ? find_struck(memory, "/", 1) : NULL;
	return root != except ? root : NULL;
}

struct memory_group *ledger_memory__limit_of(const struct ledger_memory *memory, const char *path)
{
	return nearest_limit(memory, path, NULL);
}

struct memory_group *ledger_memory__limit_above(const struct ledger_memory *memory, const struct memory_group *group)
{
	return nearest_limit(memory, group->path, group);
}

// ---- processes ----

struct making { struct ledger_memory *memory; const struct ledger *ledger; size_t capacity; };

static struct memory_process *process_of(struct making *making, int64_t id)
{
	const struct ledger_process *process = id ? ledger__process(making->ledger, id) : NULL;
	struct ledger_memory *memory = making->memory;
	if (!process)
		return NULL;
	size_t index = (size_t)(process - making->ledger->processes);
	if (!memory->places[index]) {
		memory->processes = base__grow(memory->processes, &making->capacity, memory->count + 1, sizeof(*memory->processes));
		memory->processes[memory->count++] = (struct memory_process){ .index = index };
		memory->places[index] = memory->count;
	}
	return &memory->processes[memory->places[index] - 1];
}

// Sections come as three rows: "compaction", "compaction_running", "compaction_queued".
static const struct { const char *kind; enum memory_reason reason; } sections[] = {
	{ "direct_reclaim", MEMORY_FOR_MACHINE }, { "node_reclaim", MEMORY_FOR_MACHINE }, { "limit_reclaim", MEMORY_FOR_LIMIT },
	{ "compaction", MEMORY_COMPACTING },
};

static bool add_section(struct memory_wait *waits, const struct activity_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		size_t length = strlen(sections[i].kind);
		struct memory_wait *wait = &waits[sections[i].reason];
		if (strncmp(row->kind, sections[i].kind, length))
			continue;
		if (!row->kind[length]) {
			wait->ns += (double)row->ns;
			wait->count += row->count;
			wait->pages += row->amount;
			wait->max_ns = row->max_ns > wait->max_ns ? row->max_ns : wait->max_ns;
			return true;
		}
		if (!strcmp(row->kind + length, "_running"))
			wait->running_ns += (double)row->ns;
		else if (!strcmp(row->kind + length, "_queued"))
			wait->queued_ns += (double)row->ns;
	}
	return false;
}

static void charge_limit(struct ledger_memory *memory, const char *path, double ns, int64_t pages)
{
	struct memory_group *group = ledger_memory__limit_of(memory, path);
	if (!group) {
		memory->unowned_limit_ns += ns;
		return;
	}
	group->limit_ns += ns;
	group->limit_pages += pages;
}

static void gather_activity(struct making *making)
{
	const struct recording *recording = making->ledger->recording;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		struct memory_process *process = !strcmp(row->subject, "memory") ? process_of(making, row->process) : NULL;
		if (!process)
			continue;
		// Reclaim that somebody asked for is no wait for memory.
		bool asked_for = !strncmp(row->kind, "limit_reclaim", 13) && !ledger_memory__limit_of(making->memory, row->key);
		if (!strcmp(row->kind, "limit_reclaim"))
			charge_limit(making->memory, row->key, (double)row->ns, row->amount);
		if (asked_for || add_section(process->by_reason, row))
			continue;
		if (!strcmp(row->kind, "anonymous"))
			process->held_bytes = row->amount;
		else if (!strcmp(row->kind, "anonymous_growth"))
			process->grown_bytes = row->amount;
		else if (!strcmp(row->kind, "page_cache_fill"))
			process->filled_bytes += row->amount;
		else if (!strcmp(row->kind, "major_faults"))
			process->major_faults = row->count;
		else if (!strcmp(row->kind, "kswapd_wakeup"))
			process->kswapd_wakeups += row->count;
	}
}

static bool is_penalty(const struct ledger_sleep *sleep)
{
	return sleep->class == SLEEP_MEMORY_LIMIT && sleep->kernel_frames && strstr(sleep->kernel_frames, "mem_cgroup_handle_over_high") &&
	       !strstr(sleep->kernel_frames, "try_to_free");
}

// Sleeps within brackets are in these already; the penalty of memory.high and waits for pages have none.
static void gather_sleeps(struct making *making)
{
	const struct ledger_sleeps *sleeps = &making->ledger->sleeps;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		bool penalty = is_penalty(sleep), refault = sleep->class == SLEEP_REFAULT || sleep->class == SLEEP_SWAP_IN;
		struct memory_process *process = penalty || refault ? process_of(making, sleep->row->process) : NULL;
		if (!process)
			continue;
		struct memory_wait *wait = &process->by_reason[penalty ? MEMORY_OVER_HIGH : MEMORY_REFAULT];
		wait->ns += (double)sleep->row->ns;
		wait->count += sleep->row->times;
		wait->max_ns = sleep->row->max_ns > wait->max_ns ? sleep->row->max_ns : wait->max_ns;
		if (penalty)
			charge_limit(making->memory, making->ledger->processes[process->index].row->cgroup, (double)sleep->row->ns, 0);
	}
}

static bool is_background(const struct process_row *row)
{
	return row->kernel_thread && row->name && (!strncmp(row->name, "kswapd", 6) || !strncmp(row->name, "kcompactd", 9) ||
						   !strcmp(row->name, "khugepaged"));
}

static void gather_pressure(struct making *making)
{
	const struct recording *recording = making->ledger->recording;
	struct ledger_memory *memory = making->memory;
	for (size_t i = 0; i < recording->pressure_share_count; i++) {
		const struct pressure_share_row *row = &recording->pressure_share[i];
		struct memory_process *process = !strcmp(row->resource, "memory") ? process_of(making, row->process) : NULL;
		if (!process)
			continue;
		memory->metered = true;
		if (is_background(making->ledger->processes[process->index].row)) {
			memory->background_ns += (double)row->some_ns;
			continue;
		}
		process->pressure_ns += (double)row->some_ns;
		memory->pressure_ns += (double)row->some_ns;
	}
}

// A process' pressure by reason. Each moment of pressure is shared among those who wait on a CPU, so its share may be less than the time it
// took; what is left beyond the brackets goes to refaults where the process had any.
static void divide_pressure(struct memory_process *process)
{
	double known = 0;
	for (int i = 0; i < MEMORY_REASONS; i++)
		known += process->by_reason[i].ns;
	double part = known > process->pressure_ns ? process->pressure_ns / known : 1;
	for (int i = 0; i < MEMORY_REASONS; i++)
		process->by_reason[i].pressure_ns = part * process->by_reason[i].ns;
	if (process->major_faults > 0 && known < process->pressure_ns) {
		double rest = process->pressure_ns - known;
		process->by_reason[MEMORY_REFAULT].pressure_ns += rest;
		process->by_reason[MEMORY_REFAULT].ns += rest;
		process->by_reason[MEMORY_REFAULT].running_ns += rest;
	}
}

struct ledger_memory *ledger_memory__make(const struct ledger *ledger)
{
	struct ledger_memory *memory = base__alloc(1, sizeof(*memory));
	struct making making = { memory, ledger, 0 };
	const char *probe = recording__meta(ledger->recording, "probe.memory");

	memory->places = base__alloc(ledger->process_count + 1, sizeof(*memory->places));
	memory->recorded = probe && !strcmp(probe, "on");
	gather_groups(memory, ledger->recording);
	list_struck(memory);
	gather_activity(&making);
	gather_sleeps(&making);
	gather_pressure(&making);
	for (size_t i = 0; i < memory->count && memory->metered; i++)
		divide_pressure(&memory->processes[i]);
	memory->scale = resources__scale(ledger, "memory", "some");
	return memory;
}

void ledger_memory__free(struct ledger_memory *memory)
{
	if (!memory)
		return;
	free(memory->processes);
	free(memory->places);
	free(memory->groups);
	free(memory->struck);
	free(memory);
}
