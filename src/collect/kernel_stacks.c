#include "collect/kernel_stacks.h"

#include <fnmatch.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "symbolize/kernel_symbols.h"

#define STACKS_LIMIT 65536
#define FRAMES_LIMIT 48

struct kernel_stack { int number; size_t count; char *frames; unsigned long long addresses[]; };
struct kernel_stacks { void *tree; struct kernel_stack **all; size_t count, capacity; };

static int compare(const void *a, const void *b)
{
	const struct kernel_stack *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? -1 : 1;
	return memcmp(left->addresses, right->addresses, left->count * sizeof(*left->addresses));
}

struct kernel_stacks *kernel_stacks__new(void)
{
	return base__alloc(1, sizeof(struct kernel_stacks));
}

static void keep(void *node)
{
	(void)node;
}

void kernel_stacks__free(struct kernel_stacks *stacks)
{
	if (!stacks)
		return;
	tdestroy(stacks->tree, keep);
	for (size_t i = 0; i < stacks->count; i++) {
		free(stacks->all[i]->frames);
		free(stacks->all[i]);
	}
	free(stacks->all);
	free(stacks);
}

int kernel_stacks__add(struct kernel_stacks *stacks, const unsigned long long *addresses, size_t count)
{
	struct kernel_stack *stack, **found;

	if (!count)
		return -1;
	count = count < FRAMES_LIMIT ? count : FRAMES_LIMIT;
	stack = base__alloc(1, sizeof(*stack) + count * sizeof(*addresses));
	stack->count = count;
	memcpy(stack->addresses, addresses, count * sizeof(*addresses));
	found = tfind(stack, &stacks->tree, compare);
	if (found || stacks->count >= STACKS_LIMIT) {
		free(stack);
		return found ? (*found)->number : -1;
	}
	stack->number = (int)stacks->count;
	stacks->all = base__grow(stacks->all, &stacks->capacity, stacks->count + 1, sizeof(*stacks->all));
	stacks->all[stacks->count++] = stack;
	base__tsearch(stack, &stacks->tree, compare);
	return stack->number;
}

// Our own probes, what called them, and the way from the scheduler into a sleep.
static bool is_machinery(const char *frame)
{
	static const char *const patterns[] = { "bpf_prog_*", "bpf_trace_run*", "__bpf_trace_*", "__traceiter_*", "bpf_trampoline_*",
		"bpf_get_stackid*", "perf_trace_*", "__schedule", "schedule", "schedule_preempt_disabled", "preempt_schedule*", "__cond_resched*" };
	char symbol[128];

	snprintf(symbol, sizeof(symbol), "%.*s", (int)strcspn(frame, "+ "), frame);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], symbol, 0))
			return true;
	return false;
}

static char *join(const char *const *names, size_t count)
{
	struct string text = { 0 };
	size_t first = 0;

	while (first < count && is_machinery(names[first]))
		first++;
	for (size_t i = first; i < count; i++)
		string__add(&text, "%s%s", i > first ? "\n" : "", names[i]);
	return text.length ? string__steal(&text) : NULL;
}

void kernel_stacks__want_symbols(const struct kernel_stacks *stacks, struct kernel_symbols *symbols)
{
	for (size_t i = 0; i < stacks->count; i++)
		for (size_t j = 0; j < stacks->all[i]->count; j++)
			kernel_symbols__want(symbols, stacks->all[i]->addresses[j]);
}

void kernel_stacks__resolve(struct kernel_stacks *stacks, const struct kernel_symbols *symbols)
{
	for (size_t i = 0; i < stacks->count; i++) {
		struct kernel_stack *stack = stacks->all[i];
		const char *names[FRAMES_LIMIT];

		for (size_t j = 0; j < stack->count; j++)
			names[j] = kernel_symbols__name(symbols, stack->addresses[j]);
		free(stack->frames);
		stack->frames = join(names, stack->count);
	}
}

const char *kernel_stacks__frames(const struct kernel_stacks *stacks, int number)
{
	return number >= 0 && (size_t)number < stacks->count ? stacks->all[number]->frames : NULL;
}
