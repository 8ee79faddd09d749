// Stacks as they come in: each different one is kept once. The processes are few; the stacks may be many.
#include "symbolize/user.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "symbolize/user_private.h"

#define STACKS_LIMIT 65536
#define ADDRESSES_LIMIT (1U << 20)      // of all stacks: 8 MiB

struct user_stacks *user_stacks__new(void)
{
	return base__alloc(1, sizeof(struct user_stacks));
}

static void free_object(struct object *object)
{
	for (size_t i = 0; object->functions && i < object->count; i++)
		free(object->functions[i]);
	free(object->functions);
	free(object->no_call);
	free(object->offsets);
	free(object->addresses);
	free(object->label);
	free(object->mapping.path);
}

void user_stacks__free(struct user_stacks *stacks)
{
	if (!stacks)
		return;
	for (size_t i = 0; i < stacks->process_count; i++) {
		for (size_t j = 0; j < stacks->processes[i].count; j++)
			free(stacks->processes[i].lookups[j].memory);
		free(stacks->processes[i].lookups);
	}
	for (size_t i = 0; i < stacks->stack_count; i++)
		free(stacks->stacks[i].text);
	for (size_t i = 0; i < stacks->object_count; i++)
		free_object(&stacks->objects[i]);
	free(stacks->processes);
	hash_index__free(&stacks->process_index);
	free(stacks->stacks);
	free(stacks->addresses);
	hash_index__free(&stacks->stack_index);
	free(stacks->objects);
	free(stacks);
}

static uint64_t hash_of_process(uint32_t tgid, uint64_t start_ns)
{
	return (start_ns * 0x9e3779b97f4a7c15 ^ tgid) * 0x9fb21c651e98df25;
}

// SIZE_MAX: there is none.
static size_t find_process(const struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns)
{
	uint64_t hash = hash_of_process(tgid, start_ns);
	size_t step = 0, number;

	while ((number = hash_index__next(&stacks->process_index, hash, &step)) != SIZE_MAX)
		if (stacks->processes[number].tgid == tgid && stacks->processes[number].start_ns == start_ns)
			return number;
	return SIZE_MAX;
}

static uint32_t get_process(struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns)
{
	size_t number = find_process(stacks, tgid, start_ns);

	if (number != SIZE_MAX)
		return (uint32_t)number;
	hash_index__add(&stacks->process_index, hash_of_process(tgid, start_ns), stacks->process_count);
	stacks->processes = base__grow(stacks->processes, &stacks->process_capacity, stacks->process_count + 1, sizeof(*stacks->processes));
	stacks->processes[stacks->process_count] = (struct user_process){ .tgid = tgid, .start_ns = start_ns };
	return (uint32_t)stacks->process_count++;
}

static uint64_t hash_of(uint32_t process, const uint64_t *addresses, size_t count, bool cut)
{
	uint64_t hash = 0x9e3779b97f4a7c15 * (process * 2ULL + cut + 1);

	for (size_t i = 0; i < count; i++) {
		hash = (hash ^ addresses[i]) * 0x9fb21c651e98df25;
		hash ^= hash >> 29;
	}
	return hash;
}

static bool is_full(const struct user_stacks *stacks, size_t count)
{
	return stacks->stack_count == STACKS_LIMIT || stacks->address_count + count > ADDRESSES_LIMIT;
}

static int lose(struct user_stacks *stacks)
{
	stacks->statistics.stacks_lost++;
	return -ENOSPC;
}

int user_stacks__add(struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns, const uint64_t *addresses, size_t count, bool cut)
{
	uint32_t process;
	struct user_stack *stack;
	uint64_t hash;
	size_t step = 0, number;

	if (!count)
		return -EINVAL;
	if (count > USER_STACK_FRAMES) {
		count = USER_STACK_FRAMES;
		cut = true;
	}
	// Where there is no room for another stack, none is made for another process either.
	if (is_full(stacks, count) && find_process(stacks, tgid, start_ns) == SIZE_MAX)
		return lose(stacks);
	process = get_process(stacks, tgid, start_ns);
	hash = hash_of(process, addresses, count, cut);
	while ((number = hash_index__next(&stacks->stack_index, hash, &step)) != SIZE_MAX) {
		stack = &stacks->stacks[number];
		if (stack->process == process && stack->count == count && stack->cut == cut &&
		    !memcmp(stacks->addresses + stack->first, addresses, count * sizeof(*addresses)))
			return (int)number;
	}
	if (is_full(stacks, count))
		return lose(stacks);
	stacks->stacks = base__grow(stacks->stacks, &stacks->stack_capacity, stacks->stack_count + 1, sizeof(*stacks->stacks));
	stacks->addresses = base__grow(stacks->addresses, &stacks->address_capacity, stacks->address_count + count, sizeof(*stacks->addresses));
	stack = &stacks->stacks[stacks->stack_count];
	*stack = (struct user_stack){ .process = process, .count = (uint32_t)count, .first = stacks->address_count, .cut = cut };
	memcpy(stacks->addresses + stacks->address_count, addresses, count * sizeof(*addresses));
	stacks->address_count += count;
	hash_index__add(&stacks->stack_index, hash, stacks->stack_count++);
	stacks->statistics.stacks++;
	return (int)stacks->stack_count - 1;
}

void user_stacks__mark_gone(struct user_stacks *stacks, uint32_t tgid, uint64_t start_ns)
{
	uint32_t process = get_process(stacks, tgid, start_ns);         // may move the array

	stacks->processes[process].gone = true;
}

const char *user_stacks__text(struct user_stacks *stacks, int number)
{
	struct user_stack *stack;

	if (number < 0 || (size_t)number >= stacks->stack_count)
		return "";
	stack = &stacks->stacks[number];
	if (!stack->text)
		stack->text = user_stacks__format(stacks, stack);
	return stack->text;
}

void user_stacks__statistics(const struct user_stacks *stacks, struct user_stacks_statistics *ret)
{
	*ret = stacks->statistics;
}
