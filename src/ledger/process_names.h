// What processes are called, and which of them are told apart by what they run. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_PROCESS_NAMES_H
#define WHYSTALL_LEDGER_PROCESS_NAMES_H

#include "recording/recording.h"

// The process' name (comm of its leader); "(unnamed)" where it has none. Never NULL; lives as long as the recording.
const char *process_row__name(const struct process_row *row);
// Whether it is a program of this kind: by the file that it runs, never by its name, which a process chooses itself. The file is called so (one of
// `files`, words parted by spaces) and came with a package whose name begins so (one of `packages`); or no package is known (a container's, another
// distribution's), and it is root's file in a directory for programs.
bool process_row__is_program(const struct process_row *row, const char *files, const char *packages);
// Whether the file that it runs says little about what it does: python, java and the like; shells run too many things to be told apart. By its
// name only where the file is not known.
bool process_row__is_interpreter(const struct process_row *row);
// Whether it is the recorder itself or one of the helpers that the recorder forked, by tool_pid, parent, executable and command line: a
// stranger who takes the name is none. Recordings without tool_pid (hand-made): by the file.
bool process_row__is_tool(const struct recording *recording, const struct process_row *row);

#endif
