// What the recording says of the machine and of its kernel's complaints (table host_event).
#ifndef WHYSTALL_HOST_EVENTS_H
#define WHYSTALL_HOST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

bool host_event__is(const struct host_event_row *row, const char *kind);
// The host did not run the machine: the clock went on, or stood still, too.
bool host_event__is_pause(const struct host_event_row *row);
// A warning of a CPU that does not get on: RCU stall, soft, hard or workqueue lockup.
bool host_event__is_lockup(const struct host_event_row *row);
// For how long it had lasted when the kernel complained, in nanoseconds; its own threshold where the text does not say.
double host_event__lockup_ns(const struct host_event_row *row);
// The part of that which lies within the window and of which no earlier warning about the same CPU told: warnings repeat themselves. Rows are in
// order of time.
double host_events__new_lockup_ns(const struct recording *recording, size_t row);
// How much of [end - length, end] lies within pauses of the machine in which its clock went on.
double host_events__paused_ns(const struct recording *recording, double end_ns, double length_ns);
// In a virtual machine, how much of it this CPU took no timer interrupt in: nobody can tell whether it ran. Else 0.
double host_events__silent_ns(const struct recording *recording, int64_t cpu, double end_ns, double length_ns);

#endif
