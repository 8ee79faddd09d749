// Time series of the window: the kernel's pressure totals and each CPU's meter, once a second. All are absolute values that only grow, so a series
// that has every second sample only is as true as one with all: where there are too many, every second one goes, and from then on every second
// one comes.
#ifndef WHYSTALL_COLLECT_SERIES_H
#define WHYSTALL_COLLECT_SERIES_H

#include "collect/pressure.h"
#include "collect/probes.h"
#include "recording/recording.h"

#define SERIES_VALUES_MOST 120000       // rows of a recording; 8 bytes each here

struct series;
struct series *series__new(const struct probes *probes);
void series__free(struct series *series);
// What the totals and the meters say at `time_ns` (since the start of the window). Totals below 0 are unknown.
void series__add(struct series *series, uint64_t time_ns, const struct pressure_totals totals[PRESSURE_RESOURCES]);
// Adds the sample rows, and the counter samples_step: of how many calls of series__add one is kept.
void series__store(const struct series *series, struct recording *recording);

#endif
