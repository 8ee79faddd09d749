// The kernel's own counters at both ends of the window, whatever file they are from. They become rows of `kernel_counter`.
#ifndef WHYSTALL_COLLECT_COUNTERS_H
#define WHYSTALL_COLLECT_COUNTERS_H

#include <stdint.h>

#include "recording/recording.h"

struct counters;
struct counters *counters__new(void);
void counters__free(struct counters *counters);
// The first value that is noted of a counter is the one at the beginning, the last one that at the end. Strings are copied; negative
// values count as 0.
void counters__note(struct counters *counters, const char *source, const char *key, const char *name, int64_t value);
// The last value noted, -1: none.
int64_t counters__last(const struct counters *counters, const char *source, const char *key, const char *name);
// The last value less the first, -1: none noted.
int64_t counters__growth(const struct counters *counters, const char *source, const char *key, const char *name);
// Notes every line "name value" of a text (/proc/vmstat, memory.stat; "Name:   12 kB" of /proc/meminfo, the colon and the unit left out). `names`: only those,
// separated by spaces; NULL: all. Returns how many were noted.
int counters__note_lines(struct counters *counters, const char *source, const char *key, const char *text, const char *names);
// Rows in the order of source, key, name.
void counters__store(const struct counters *counters, struct recording *recording);

#endif
