// One run of `record`: from the probes to a recording. The only part that needs privileges, and it drops most of them
// once the probes are attached.
#ifndef WHYSTALL_COLLECT_COLLECTOR_H
#define WHYSTALL_COLLECT_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

struct lifter;

struct collector_options {
	int64_t duration_ns;            // of the window
	int64_t scope_pid;              // 0: the whole machine; stored, the account covers everything anyway
	const char *scope_cgroup;       // NULL: none
	const char *command;            // for the record, NULL: none
	bool without_meter;             // let the event model stand in for the kernel's counters (tests, comparison)
	bool without_command_lines;     // record none: no process', and not `command`
	bool without_samples;           // do not sample what runs (comparison)
	// Asked every 100 ms: stop now? NULL: never.
	bool (*stop)(void *context);
	// Called about every 3 s with the rows so far (meta complete=0), e.g. to save them; and for progress. NULL: not.
	void (*interim)(void *context, const struct recording *recording);
	void (*progress)(void *context, int64_t elapsed_ns);
	void *context;
	const struct lifter *lifter;    // helps us where we starve; NULL: nobody does
};

// Privileges are dropped for the calling process. Returns 0, or a negative errno with a sentence for people in *ret_error.
// `ready` is called when the window has begun (to start a command), NULL: not needed.
struct collector;
int collector__open(const struct collector_options *options, struct collector **ret_collector, char **ret_error);
int collector__run(struct collector *collector, void (*ready)(void *context), struct recording **ret_recording, char **ret_error);
void collector__close(struct collector *collector);

#endif
