#include "ledger/sleeps.h"

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

static void add(struct sleep_class_sum *sum, const struct sleep_row *row)
{
	sum->ns += row->ns;
	sum->times += row->times;
	sum->io_some_ns += row->io_some_ns;
	sum->memory_some_ns += row->memory_some_ns;
	if (row->max_ns > sum->max_ns)
		sum->max_ns = row->max_ns;
}

// The threads of journals wake those who wait for a commit: that tells where no stack was taken.
static bool is_journal_thread(const struct recording *recording, int64_t process)
{
	const struct process_row *row = process > 0 ? recording__process(recording, process) : NULL;
	return row && row->kernel_thread && row->name && (!strncmp(row->name, "jbd2/", 5) || !strncmp(row->name, "btrfs-transacti", 15));
}

void sleeps__make(const struct recording *recording, struct ledger_sleeps *ret_sleeps)
{
	struct ledger_sleeps sleeps = { .recorded = recording->sleep_count || recording->resource_book_count };
	// Many rows share a stack: each is read once.
	cleanup_free struct sleep_stack *stacks = base__alloc(recording->stack_count + 1, sizeof(*stacks));
	cleanup_free bool *known = base__alloc(recording->stack_count + 1, sizeof(*known));
	sleeps.sleeps = base__alloc(recording->sleep_count + 1, sizeof(*sleeps.sleeps));
	for (size_t i = 0; i < recording->sleep_count; i++) {
		const struct sleep_row *row = &recording->sleep[i];
		struct ledger_sleep *sleep = &sleeps.sleeps[sleeps.count++];
		sleep->row = row;
		sleep->kernel_frames = recording__frames(recording, row->kernel_stack);
		sleep->user_frames = recording__frames(recording, row->user_stack);
		size_t place = row->kernel_stack > 0 && (size_t)row->kernel_stack <= recording->stack_count ? (size_t)row->kernel_stack : 0;
		if (!place || !known[place])
			stacks[place] = sleep_class__read(sleep->kernel_frames);
		known[place] = true;
		sleep->class = sleep_class__of_row(row, &stacks[place]);
		sleep->named = sleep->class != SLEEP_UNKNOWN && sleep->class != SLEEP_OTHER;
		if (sleep->class == SLEEP_UNKNOWN && is_journal_thread(recording, row->waker))
			sleep->class = SLEEP_JOURNAL;
		sleep->sync = stacks[place].sync || sleep_class__is_sync(row->operation);
		sleep->file_system = stacks[place].file_system;
		add(&sleeps.by_class[sleep->class], row);
	}
	*ret_sleeps = sleeps;
}

void sleeps__free(struct ledger_sleeps *sleeps)
{
	free(sleeps->sleeps);
	*sleeps = (struct ledger_sleeps){ 0 };
}
