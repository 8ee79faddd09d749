// In two steps: first what is mapped where in each process, then the names in each mapped file.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "isolate/isolate.h"
#include "symbolize/user_private.h"

#define CPU_LIMIT_NS ((int64_t)(2 * NS_PER_SEC))
#define CHILD_CPU_LIMIT_NS ((int64_t)NS_PER_SEC)
#define WALL_LIMIT_NS ((int64_t)(10 * NS_PER_SEC))
#define ITEM_WALL_LIMIT_NS ((int64_t)(3 * NS_PER_SEC))
#define MEMORY_LIMIT ((size_t)512 << 20)

static int compare_lookups(const void *left, const void *right)
{
	const struct lookup *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static uint64_t lookup_address(const struct user_stacks *stacks, const struct user_stack *stack, size_t frame)
{
	uint64_t address = stacks->addresses[stack->first + frame];

	return frame && address ? address - 1 : address;
}

struct lookup *user_stacks__lookup(const struct user_stacks *stacks, const struct user_stack *stack, size_t frame)
{
	const struct user_process *process = &stacks->processes[stack->process];
	struct lookup key = { .address = lookup_address(stacks, stack, frame) };

	return process->gone ? NULL : bsearch(&key, process->lookups, process->count, sizeof(key), compare_lookups);
}

static void gather_lookups(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->stack_count; i++) {
		const struct user_stack *stack = &stacks->stacks[i];
		struct user_process *process = &stacks->processes[stack->process];

		process->lookups = base__grow(process->lookups, &process->capacity, process->count + stack->count, sizeof(*process->lookups));
		for (size_t j = 0; j < stack->count; j++)
			process->lookups[process->count++] = (struct lookup){
				.address = lookup_address(stacks, stack, j), .object = NO_OBJECT };
	}
	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];
		size_t unique = 0;

		if (process->count)
			qsort(process->lookups, process->count, sizeof(*process->lookups), compare_lookups);
		for (size_t j = 0; j < process->count; j++)
			if (!j || process->lookups[j].address != process->lookups[j - 1].address)
				process->lookups[unique++] = process->lookups[j];
		process->count = unique;
		stacks->statistics.frames += (int64_t)unique;
	}
}

static int compare_offsets(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void gather_offsets(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->process_count; i++) {
		const struct user_process *process = &stacks->processes[i];

		for (size_t j = 0; j < process->count; j++) {
			struct object *object;

			if (process->lookups[j].object == NO_OBJECT)
				continue;
			object = &stacks->objects[process->lookups[j].object];
			object->offsets = base__grow(object->offsets, &object->capacity, object->count + 1, sizeof(*object->offsets));
			object->offsets[object->count++] = process->lookups[j].offset;
		}
	}
	for (size_t i = 0; i < stacks->object_count; i++) {
		struct object *object = &stacks->objects[i];
		size_t unique = 0;

		qsort(object->offsets, object->count, sizeof(*object->offsets), compare_offsets);
		for (size_t j = 0; j < object->count; j++)
			if (!j || object->offsets[j] != object->offsets[j - 1])
				object->offsets[unique++] = object->offsets[j];
		object->count = unique;
		object->addresses = base__alloc(unique, sizeof(*object->addresses));
		object->functions = base__alloc(unique, sizeof(*object->functions));
		object->no_call = base__alloc(unique, sizeof(*object->no_call));
	}
}

static void find_places(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];

		for (size_t j = 0; j < process->count; j++) {
			struct lookup *lookup = &process->lookups[j];
			const struct object *object;

			if (lookup->object == NO_OBJECT)
				continue;
			object = &stacks->objects[lookup->object];
			lookup->place = (size_t)((uint64_t *)bsearch(&lookup->offset, object->offsets, object->count,
				sizeof(*object->offsets), compare_offsets) - object->offsets);
		}
	}
}

static void count_results(struct user_stacks *stacks)
{
	struct user_stacks_statistics *statistics = &stacks->statistics;

	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];
		size_t mapped = 0;

		for (size_t j = 0; j < process->count; j++) {
			const struct lookup *lookup = &process->lookups[j];
			const struct object *object = lookup->object == NO_OBJECT ? NULL : &stacks->objects[lookup->object];

			mapped += lookup->mapped;
			if (object && object->functions[lookup->place])
				continue;
			statistics->frames_unnamed++;
			statistics->frames_late += object && object->late;
		}
		process->gone |= !mapped;
		statistics->processes += process->count > 0;
		statistics->processes_gone += process->count > 0 && process->gone;
	}
	for (size_t i = 0; i < stacks->object_count; i++)
		statistics->files_unread += !stacks->objects[i].read;
	statistics->files = (int64_t)stacks->object_count;
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec;
}

int user_stacks__resolve(struct user_stacks *stacks)
{
	struct isolate_budget budget = { .cpu_ns = CPU_LIMIT_NS, .child_cpu_ns = CHILD_CPU_LIMIT_NS, .wall_ns = WALL_LIMIT_NS,
		.item_wall_ns = ITEM_WALL_LIMIT_NS, .memory_bytes = MEMORY_LIMIT };
	int64_t began_ns = now_ns();
	int error;

	if (stacks->resolved)
		return -EALREADY;
	gather_lookups(stacks);
	error = user_stacks__read_mappings(stacks, &budget);
	gather_offsets(stacks);
	find_places(stacks);
	if (!error)
		error = user_stacks__read_names(stacks, &budget);
	count_results(stacks);
	for (size_t i = 0; i < stacks->stack_count; i++) {
		free(stacks->stacks[i].text);
		stacks->stacks[i].text = NULL;
	}
	stacks->resolved = true;
	stacks->statistics.helpers_lost = budget.children_lost;
	stacks->statistics.cpu_ns = CPU_LIMIT_NS - budget.cpu_ns;
	stacks->statistics.wall_ns = now_ns() - began_ns;
	return error;
}
