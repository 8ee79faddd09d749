// Whose requests a process' own ones stood behind at a device. Part of the ledger (ledger.h).
//
// A request that meets others' requests in the device's queue takes longer than one that has the device to itself. How long it would have taken is
// measured on the process' own requests that began while nothing was under way (device_user_row.alone). Where there were too few of these, the
// smaller of two bounds stands for it: what a request takes at most on a device of its kind, and what the fastest requests of its operation
// took in this window, as many as can have met no request of others. What is beyond is given to the others, as far as the queue was theirs while
// the process' own requests were in it (device_user_row.crowding_ns). Processes of one crowd are not others to each other.
#ifndef WHYSTALL_LEDGER_QUEUES_H
#define WHYSTALL_LEDGER_QUEUES_H

#include "ledger/scene.h"

struct queues;

// Both must outlive the result. Free with queues__free.
struct queues *queues__make(const struct ledger *ledger, const struct scene *scene);
void queues__free(struct queues *queues);
// The part (0..1) of what the requests of a process (index of ledger->processes) to a device ("254:0") took that others' requests made.
double queues__others_part(const struct queues *queues, const char *device, size_t process);
// Who filled the device's queue beside a process: its culprits' parts of that, largest first; they add up to 1. Owned by the caller.
struct filler { int64_t process; double part; };        // process_row.id; 0: many small ones
struct filler *queues__fillers(const struct queues *queues, const char *device, size_t process, size_t *ret_count);

#endif
