// The kernel's own counters at both ends of the window (table kernel_counter; docs/recording.md lists the sources).
#ifndef WHYSTALL_LEDGER_KERNEL_COUNTERS_H
#define WHYSTALL_LEDGER_KERNEL_COUNTERS_H

#include "recording/recording.h"

// The first counter of a source; key and name NULL: whatever they are. NULL: it was not recorded.
const struct kernel_counter_row *kernel_counter__find(const struct recording *recording, const char *source, const char *key, const char *name);
// The counters of a source, one after the other: the one behind `previous`, NULL for the first. NULL: no more.
const struct kernel_counter_row *kernel_counter__next(const struct recording *recording, const char *source, const struct kernel_counter_row *previous);

// Growth in the window, and the value at the end; -1 where it was not recorded.
int64_t kernel_counter__growth(const struct recording *recording, const char *source, const char *key, const char *name);
int64_t kernel_counter__after(const struct recording *recording, const char *source, const char *key, const char *name);
// The growth of all counters of a source, with this key and name (NULL: whatever they are).
double kernel_counter__sum(const struct recording *recording, const char *source, const char *key, const char *name);
// The growth of all counters of a source whose names begin so ("allocstall_").
int64_t kernel_counter__growth_of(const struct recording *recording, const char *source, const char *prefix);

#endif
