// One recording made for a subcommand: signals, progress, the command to run, the file to keep it in.
#ifndef WHYSTALL_SESSION_H
#define WHYSTALL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

struct session_options {
	int64_t duration_ns;            // limit of the window; INT64_MAX with a command: until it ends
	const char *output;             // NULL: keep no file
	int64_t scope_pid;              // 0: none
	const char *scope_cgroup;       // NULL: none
	char **command;                 // NULL, or CMD ARG… NULL: started when the window begins, with our caller's privileges
	bool without_meter;             // the event model stands in (environment variable WHYSTALL_METER=events)
	bool without_command_lines;     // no command line is recorded, that of `command` neither
	bool without_samples;           // what runs is not sampled (WHYSTALL_SAMPLING=off)
};

// Records. Ctrl-C or SIGTERM ends the window early and still gives a recording (a second one kills); before the window has begun it ends the
// program, and what stood at `output` stands there again. With `output`, the file is there from the
// start and each few seconds brought up to date. On failure says one sentence on stderr and returns the exit status for it
// (EXIT_NOT_RECORDED, EXIT_USAGE). On success returns 0 and, unless NULL, the recording, repaired as a reader would. A recording that was made but
// could not be saved is handed out as well, beside EXIT_NOT_RECORDED; else *ret_recording stays as it was.
// A command that still runs when the recording is saved gets SIGTERM and, two seconds later, SIGKILL; so does its process group, unless
// there is a terminal (the group is ours as well then). Signals that our caller had ignored stay ignored.
int session__record(const struct session_options *options, struct recording **ret_recording);

#endif
