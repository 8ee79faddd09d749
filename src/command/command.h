// The subcommands. Each gets argv with its own name at argv[0] and returns the exit status of the program.
#ifndef WHYSTALL_COMMAND_H
#define WHYSTALL_COMMAND_H

#include "command/options.h"
#include "recording/recording.h"

// Exit statuses, for scripts.
#define EXIT_REPORTED 0         // a report was made, healthy or not
#define EXIT_USAGE 1            // the command line is wrong
#define EXIT_NOT_RECORDED 2     // the recording could not be made
#define EXIT_UNREADABLE 3       // the recording is unreadable
#define EXIT_CAUSE_CONFIRMED 10 // with --exit-code: at least one cause is confirmed

// SIGPIPE is ignored in this program: whoever starts a command sets it back to SIG_DFL between fork and exec.

int command__run_default(int argc, char **argv);    // record and report; argv[0] is the program's name
int command__record(int argc, char **argv);
int command__report(int argc, char **argv);
int command__causes(int argc, char **argv);
int command__check(int argc, char **argv);
int command__demo(int argc, char **argv);

extern const struct command_spec command_table[];   // the first is the main job; an entry without name ends it
// The table's entry; NULL if there is none. "" is the main job.
const struct command_spec *command__find(const char *name);

// Prints the help of the program (spec NULL) or of one subcommand.
void help__print(const struct command_spec *spec, FILE *out);

// Whether reports can be made in this format: 0, or -EINVAL after one sentence on stderr. NULL means "text".
int report__check_format(const char *format);
// Books, judges and renders a recording: the one way from a recording to a report, used by every subcommand.
// Call recording__repair first where the rows were not read from a file. It goes to stdout, with colours where that is a terminal.
// Returns 0 or a negative errno after one sentence on stderr. ret_confirmed may be NULL.
int report__print(const struct recording *recording, const char *format, bool *ret_confirmed);
struct ledger;
struct diagnosis;
// The same without rendering. Both results are owned by the caller. 0 or a negative errno after one sentence on stderr.
int report__diagnose(const struct recording *recording, struct ledger **ret_ledger, struct diagnosis **ret_diagnosis);
// Call before anything is written to stdout, or made for it.
void output__begin(void);
// What a subcommand returns after it has written its result to stdout: `status`, or 2 after one sentence when the
// writing failed for another reason than a closed pipe (a reader such as `head` that has seen enough is no error).
int output__finish(int status);
// Writes a text to stdout; why it could not is kept for output__finish.
void output__write(const char *text);
// Colours help a person at a terminal and spoil a file; NO_COLOR and a dumb terminal are respected.
bool output__wants_colours(FILE *out);

#endif
