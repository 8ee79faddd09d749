#include "collect/stack_counters.h"

#include "base/base.h"

void stack_counters__store(const struct user_stacks *stacks, struct recording *recording)
{
	struct user_stacks_statistics statistics;

	user_stacks__statistics(stacks, &statistics);
	const struct { const char *name, *meaning; int64_t value; } counters[] = {
		{ "user_stacks", "different stacks of processes", statistics.stacks },
		{ "user_stacks_lost", "stacks of processes beyond the limit of what is kept", statistics.stacks_lost },
		{ "user_frames", "different addresses in them", statistics.frames },
		{ "user_frames_unnamed", "of these: no function is known", statistics.frames_unnamed },
		{ "user_frames_late", "of these: because the time for finding names was up", statistics.frames_late },
		{ "user_frames_dropped", "frames that were no code or had no call before them, and those outside of such", statistics.frames_dropped },
		{ "user_processes_gone", "processes that could not be asked any more what their addresses mean", statistics.processes_gone },
		{ "symbol_files", "mapped files that names were looked for in", statistics.files },
		{ "symbol_files_unread", "of these: not readable, damaged or replaced", statistics.files_unread },
		{ "symbol_files_not_searched", "of these: debug information was not read to its end", statistics.files_not_searched },
		{ "symbol_readers_lost", "child processes that died or hung while they read such files", statistics.helpers_lost },
		{ "symbol_cpu_ns", "CPU time for finding names, after the window", statistics.cpu_ns },
		{ "symbol_wall_ns", "time for finding names, after the window", statistics.wall_ns },
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		recording__set_counter(recording, counters[i].name, counters[i].value, counters[i].meaning);
}
