// What a process was started with, as far as its row and /proc tell: what counts for finding its program and libraries.
#ifndef WHYSTALL_IDENTIFY_STARTED_H
#define WHYSTALL_IDENTIFY_STARTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identify/settings.h"

// Strings are owned.
struct started {
	int64_t pid, start_ns;
	bool gone;
	char *exe;
	bool settings_known;
	struct settings settings;
	char *program;                  // what a loader was asked to run
};

// Opens /proc/PID; -1: the process has ended, or its number is another's.
int started__open(const struct started *started);
// Reads the environments of those that live and, of loaders, the arguments: in a child, since a process' memory may be locked for ever, or stand in a
// file whose server does not answer. What is not known stays so. Gives up after `limit_ns`. Returns how many were left behind or not reached.
int64_t started__read_settings(struct started *all, size_t count, int64_t limit_ns);
void started__free(struct started *started);

#endif
