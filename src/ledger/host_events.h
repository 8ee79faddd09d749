// What the recording says of the machine and of its kernel's complaints (table host_event). Part of the ledger (ledger.h).
#ifndef WHYSTALL_HOST_EVENTS_H
#define WHYSTALL_HOST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

struct host_event {
	enum host_event_kind kind;      // HOST_EVENT_KINDS: of a later version
	int64_t time_ns, cpu, process, ns;      // as in host_event_row
	const char *text;               // the recording's
};
struct ledger_host {
	struct host_event *events; size_t count;        // in order of time
	bool is_virtual;                // or not known to be a machine of hardware
	int64_t cpus;
};

void host_events__make(const struct recording *recording, struct ledger_host *ret_host);
void host_events__free(struct ledger_host *host);
// The host did not run the machine: the clock went on, or stood still, too.
bool host_event__is_pause(const struct host_event *row);
// A warning of a CPU that does not get on: RCU stall, soft, hard or workqueue lockup.
bool host_event__is_lockup(const struct host_event *row);
// For how long it had lasted when the kernel complained, in nanoseconds; its own threshold where the text does not say.
double host_event__lockup_ns(const struct host_event *row);
// The part of that which lies within the window and of which no earlier warning about the same CPU told: warnings repeat themselves. `row`: one of
// host->events.
double host_events__new_lockup_ns(const struct ledger_host *host, const struct host_event *row);
// How much of [end - length, end] lies within pauses of the machine in which its clock went on.
double host_events__paused_ns(const struct ledger_host *host, double end_ns, double length_ns);
// In a virtual machine, how much of it this CPU took no timer interrupt in: nobody can tell whether it ran. Else 0.
double host_events__silent_ns(const struct ledger_host *host, int64_t cpu, double end_ns, double length_ns);
// In a virtual machine, how much of it all CPUs took no timer interrupt in, together (each silent for nine tenths of the others' time at least),
// while the kernel wrote no warning: a pause of which no other proof was found, as far as anybody can tell. Else 0.
double host_events__together_ns(const struct ledger_host *host, double end_ns, double length_ns);
// How much of it nobody in this machine answers for: pauses, and what all CPUs were silent in together.
double host_events__not_run_ns(const struct ledger_host *host, double end_ns, double length_ns);
// A soft lockup warning that found its CPU halted in the idle task: nothing in a virtual machine held it up. (An interrupt's handler that goes on
// and on in the idle task is no halted CPU.)
bool host_event__found_idle(const struct ledger_host *host, const struct host_event *row);

#endif
