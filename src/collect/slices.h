// Pressure by slices of the window: what each occupant was credited with, and who waited for memory and I/O, from one look to the next.
#ifndef WHYSTALL_COLLECT_SLICES_H
#define WHYSTALL_COLLECT_SLICES_H

#include <stdint.h>

#include "bpf/records.h"
#include "recording/recording.h"

struct collector;
struct slices;
struct slices *slices__new(void);
void slices__free(struct slices *slices);

// A task of the process has ended: what it was credited with stays the process'.
void slices__ended(struct slices *slices, int64_t process, const struct task_slot *slot);
// The first call begins the first slice; each later one ends a slice and begins the next. Call after the ended tasks were taken from the ring.
// time_ns: since the start of the window.
void slices__take(struct slices *slices, const struct collector *collector, uint64_t time_ns);
void slices__store(const struct slices *slices, struct recording *recording);

#endif
