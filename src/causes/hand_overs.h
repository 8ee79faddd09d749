// Where a runtime's own waiting shows after all: user stacks of its threads that let another goroutine or task go on, or that had just parked one.
#ifndef WHYSTALL_HAND_OVERS_H
#define WHYSTALL_HAND_OVERS_H

#include "recording/recording.h"

// What a user stack tells of a lock that its runtime implements.
struct runtime_wait {
	const char *primitive;          // "a channel", "a sync.Mutex", …
	bool parked;                    // it waited there; else it let another one go on
	bool lock;                      // the primitive is a lock, or a function that asked for it is named like one
	const char *caller;             // the stack's text from the program's function that asked for it, outward
};
// frames: innermost first, one a line (stack_row.frames). False where the stack shows nothing of the kind.
bool runtime_wait__read(const char *frames, struct runtime_wait *ret);
// "main.(*rwMutex).processLocked ← main.(*rwMutex).Unlock ← main.(*MemTbl).Insert": at most `most` functions. Owned.
char *runtime_wait__callers(const char *frames, size_t most);

// All such stacks of one kind and one caller.
struct hand_over {
	struct runtime_wait wait;
	int64_t process;                // process_row.id of one that does it
	char *callers;                  // owned
	double samples;
};
struct hand_overs { struct hand_over *all; size_t count; double samples; };     // most samples first; samples: of all stacks of futexes
// The sampled stacks of those who woke and of those who slept, of the processes that `is_one` is true for.
void hand_overs__gather(const struct recording *recording, bool (*is_one)(const void *context, int64_t process), const void *context,
			struct hand_overs *ret);
void hand_overs__free(struct hand_overs *hand_overs);

#endif
