// What processes are called, and which of them are told apart by what they run. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_PROCESS_NAMES_H
#define WHYSTALL_LEDGER_PROCESS_NAMES_H

#include "recording/recording.h"

// The process' name (comm of its leader); "(unnamed)" where it has none. Never NULL; lives as long as the recording.
const char *process_row__name(const struct process_row *row);
// Whether its name says little about what it runs: python, java and the like; shells run too many things to be told apart.
bool process_row__is_interpreter(const struct process_row *row);

#endif
