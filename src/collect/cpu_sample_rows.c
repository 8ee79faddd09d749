// Rows of on-CPU samples: the heaviest places of each process one by one, the rest merged by kernel functions, which is what the ledger tells
// the class of a sample by; so the sums of the classes stay exact.
#include "collect/cpu_samples.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/syscalls.h"
#include "sample.skel.h"
#include "symbolize/kernel_symbols.h"
#include "symbolize/stack_table.h"
#include "symbolize/user.h"

#define MERGED_MOST 1000        // of a process: what is beyond is kept by operation only

// A row that stands for several places.
struct merged { int64_t process; uint32_t operation; int64_t kernel_stack; size_t row; };

struct store {
	const struct cpu_samples *samples;
	struct recording *recording;
	struct stack_table *stacks;
	const struct kernel_symbols *symbols;
	struct user_stacks *user_stacks;
	void *merged;                   // binary tree (tsearch) of struct merged
	int64_t process;                // of the sample at hand …
	size_t merged_count;            // … rows that stand for several places
	uint64_t coarse;                // samples that are kept by operation only
};

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare(const void *a, const void *b)
{
	const struct merged *left = a, *right = b;

	COMPARE(process);
	COMPARE(operation);
	COMPARE(kernel_stack);
	return 0;
}

// `functions_only`: without the places in them, so that many stacks become one.
static int64_t kernel_stack(const struct store *store, const struct cpu_sample *sample, bool functions_only)
{
	cleanup_string struct string text = { 0 };

	for (uint32_t i = 0; i < sample->kernel_frames; i++) {
		const char *name = kernel_symbols__name(store->symbols, sample->addresses[i]);
		const char *module = name && functions_only ? strchr(name, ' ') : NULL;

		if (name)
			string__add(&text, "%s%.*s%s", text.length ? "\n" : "", (int)strcspn(name, functions_only ? "+" : ""), name, module ? module : "");
	}
	return stack_table__id(store->stacks, text.text);
}

static struct cpu_sample_row *add_row(struct store *store, const struct cpu_sample *sample, int64_t kernel)
{
	struct cpu_sample_row *row = recording__add_cpu_sample(store->recording);

	row->process = sample->process;
	row->operation = syscalls__operation_name(sample->operation);
	row->kernel_stack = kernel;
	return row;
}

static struct cpu_sample_row *merged_row(struct store *store, const struct cpu_sample *sample, int64_t kernel)
{
	struct merged wanted = { sample->process, sample->operation, kernel, 0 }, **found = tfind(&wanted, &store->merged, compare), *merged;

	if (!found && kernel && store->merged_count >= MERGED_MOST) {
		store->coarse += sample->sum.samples;
		return merged_row(store, sample, 0);
	}
	if (found)
		return &store->recording->cpu_sample[(*found)->row];
	merged = base__alloc(1, sizeof(*merged));
	*merged = wanted;
	merged->row = store->recording->cpu_sample_count;
	base__tsearch(merged, &store->merged, compare);
	store->merged_count++;
	return add_row(store, sample, kernel);
}

static void store_sample(struct store *store, const struct cpu_sample *sample)
{
	int64_t period_ns = (int64_t)store->samples->period_ns;
	struct cpu_sample_row *row;

	if (sample->process != store->process)
		store->merged_count = 0;
	store->process = sample->process;
	if (!store->stacks) {
		row = merged_row(store, sample, 0);
	} else if (sample->merged) {
		row = merged_row(store, sample, kernel_stack(store, sample, true));
	} else {
		row = add_row(store, sample, kernel_stack(store, sample, false));
		row->user_stack = sample->user_stack >= 0 ? stack_table__id(store->stacks, user_stacks__text(store->user_stacks, sample->user_stack)) : 0;
	}
	row->samples += (int64_t)sample->sum.samples;
	row->waited += (int64_t)sample->sum.waited;
	row->ns += (int64_t)sample->sum.samples * period_ns;
	row->pressure_ns += (int64_t)sample->sum.waited * period_ns;
	row->waiters_ns += (int64_t)sample->sum.waiters * period_ns;
}

static void store_places(const struct cpu_samples *samples, struct recording *recording)
{
	cleanup_free struct sample_place **list = NULL;
	size_t count = cpu_samples__places(samples, &list);

	for (size_t i = 0; i < count; i++) {
		struct process_cpu_row *row = recording__add_process_cpu(recording);

		row->process = list[i]->process;
		row->cpu = list[i]->cpu;
		row->samples = (int64_t)list[i]->samples;
		row->waited = (int64_t)list[i]->waited;
	}
	recording__set_counter(recording, "cpu_sample_places_lost", (int64_t)samples->places_lost,
		"samples of what ran that are missing in process_cpu: too many processes on too many CPUs");
}

void cpu_samples__store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct cpu_samples *samples = state;
	struct store store = { .samples = samples, .recording = recording, .stacks = stacks, .symbols = collector->symbols,
		.user_stacks = lock_account__user_stacks(collector->locks) };
	struct cpu_sample **list;
	size_t count = cpu_samples__sorted(samples, &list);

	for (size_t i = 0; i < count; i++)
		store_sample(&store, list[i]);
	free(list);
	tdestroy(store.merged, free);
	store_places(samples, recording);
	recording__set_counter(recording, "cpu_samples", (int64_t)samples->taken, "samples of what ran on the CPUs");
	recording__set_counter(recording, "cpu_samples_lost", (int64_t)samples->skeleton->bss->samples_lost,
		"samples of what ran that were not kept: their tables were full");
	recording__set_counter(recording, "cpu_sample_stacks_lost", (int64_t)samples->skeleton->bss->stacks_lost,
		"samples of what ran that were kept without stacks: the ring buffer was full");
	recording__set_counter(recording, "cpu_samples_folded", (int64_t)(samples->folded + store.coarse),
		"samples of what ran that were kept without a part of their stacks, because there were too many different ones");
}
