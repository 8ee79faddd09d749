// What naming the stacks of processes came to, for the recording.
#ifndef WHYSTALL_COLLECT_STACK_COUNTERS_H
#define WHYSTALL_COLLECT_STACK_COUNTERS_H

#include "recording/recording.h"
#include "symbolize/user.h"

// Call it when all texts have been asked for: what is dropped is counted as they are made.
void stack_counters__store(const struct user_stacks *stacks, struct recording *recording);

#endif
