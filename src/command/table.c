// Every subcommand and its options.
#include "command/command.h"

#include <string.h>

#define NO_COMMAND_LINES { 0, "no-command-lines", NULL, "record no process' command line" }
#define RECORD_OPTIONS \
	{ 'd', "duration", "SECONDS", "how long to record: 10, 2.5, 500ms, 5m (default 10)" }, \
	{ 'o', "output", "FILE", "keep the recording in FILE (mode 0600)" }, \
	{ 'p', "pid", "PID", "judge only what this process suffers; pressure stays that of the whole system" }, \
	{ 0, "cgroup", "PATH", "judge only what this cgroup and those below it suffer" }, \
	NO_COMMAND_LINES
#define REPORT_OPTIONS \
	{ 'f', "format", "FORMAT", "text (default) or json" }, \
	{ 0, "exit-code", NULL, "exit 10 when a cause is confirmed" }, \
	{ 0, "redact", NULL, "replace names, paths, addresses and arguments by aliases such as user-1" }, \
	{ 0, "redact-key", "FILE", "the same, with aliases that one key (FILE, or - for stdin) makes alike in all recordings" }
#define QUIET { 'q', "quiet", NULL, "no progress and no warnings on stderr" }
#define HOLD_COMMAND " [-- CMD ARG...]"

static const struct option_spec default_options[] = { RECORD_OPTIONS, REPORT_OPTIONS, QUIET, { 0 } };
static const struct option_spec record_options[] = { RECORD_OPTIONS, QUIET, { 0 } };
static const struct option_spec report_options[] = { REPORT_OPTIONS, { 0 } };
static const struct option_spec causes_options[] = {
	{ 'f', "format", "FORMAT", "text (default) or json" }, { 0 }
};
static const struct option_spec check_options[] = {
	{ 'f', "format", "FORMAT", "text (default) or json" }, { 0 }
};
static const struct option_spec demo_options[] = {
	{ 'l', "list", NULL, "list the scenarios and stop" },
	{ 'd', "duration", "SECONDS", "how long to record (default 6)" },
	{ 'o', "output", "FILE", "keep the recording in FILE (mode 0600)" },
	NO_COMMAND_LINES, QUIET, { 0 }
};

const struct command_spec command_table[] = {
	{ .name = "", .summary = "record 10 s and print the report", .usage = "[OPTION...]" HOLD_COMMAND,
	  .description = "Records the whole machine, then prints what stalls, who causes it and who suffers, and how that compares "
			 "with the kernel's own pressure figures. Needs root. Ctrl-C ends the recording early and still reports it.",
	  .options = default_options, .takes_command = true, .run = command__run_default },
	{ .name = "record", .summary = "make a recording to report later or elsewhere", .usage = "record [OPTION...]" HOLD_COMMAND,
	  .description = "Records the whole machine into one SQLite file (default: whystall-DATE-TIME.db in this directory). With a "
			 "command after '--', records from its start to its end. Needs root.",
	  .options = record_options, .takes_command = true, .run = command__record },
	{ .name = "report", .summary = "print the report of a recording", .usage = "report FILE [OPTION...]",
	  .description = "Prints the report of a recording. Needs no privileges and nothing of the machine that was recorded: the same "
			 "recording gives the same report anywhere, byte for byte.",
	  .options = report_options, .operands_min = 1, .operands_max = 1, .run = command__report },
	{ .name = "causes", .summary = "the catalogue of causes: how each is judged, checked by hand and helped",
	  .usage = "causes [ID] [OPTION...]",
	  .description = "Without an ID, lists all causes. With one, says what it is, how it is judged and with which thresholds, how to "
			 "check it by hand, and what can help.",
	  .options = causes_options, .operands_max = 1, .run = command__causes },
	{ .name = "check", .summary = "what can be judged on this machine, and what would enable the rest", .usage = "check [OPTION...]",
	  .description = "Tries what a recording would need and says for each probe and each cause whether it can be had here.",
	  .options = check_options, .run = command__check },
	{ .name = "demo", .summary = "run a labelled workload and diagnose it", .usage = "demo [SCENARIO] [OPTION...]",
	  .description = "Starts a workload whose truth is known (default: mmapcase), records beside it, prints the truth and the "
			 "diagnosis, and whether the two agree. Needs root. The workload is stopped in every case.",
	  .options = demo_options, .operands_max = 1, .run = command__demo },
	{ .name = "diff", .summary = "compare two recordings (not there yet)",
	  .absent = "'diff' is not there yet: make a report of each recording and compare the two by eye" },
	{ .name = "trial", .summary = "measure a remedy with and without it (not there yet)",
	  .absent = "'trial' is not there yet: record before and after the change with 'whystall record' and compare the reports" },
	{ .name = "top", .summary = "live view (not there yet)",
	  .absent = "'top' is not there yet: 'whystall -d 5' gives one report of the next five seconds" },
	{ .name = "watch", .summary = "flight recorder (not there yet)",
	  .absent = "'watch' is not there yet: 'whystall record -d 5m -o FILE' records a longer time at once" },
	{ .name = "export", .summary = "other formats of a recording (not there yet)",
	  .absent = "'export' is not there yet: a recording is a SQLite file, so 'sqlite3 FILE' gives its tables" },
	{ 0 }
};

const struct command_spec *command__find(const char *name)
{
	for (const struct command_spec *spec = command_table; spec->name; spec++)
		if (!strcmp(spec->name, name))
			return spec;
	return NULL;
}
