// A thread of ours that wakes every 20 ms and notes when it could not: what wakes in time was not stopped.
#ifndef WHYSTALL_COLLECT_PULSE_H
#define WHYSTALL_COLLECT_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse;
struct pulse *pulse__start(void);       // NULL: there could be no thread
void pulse__stop(struct pulse *pulse);
// Takes the next time without a wake-up (CLOCK_MONOTONIC), in order; false: none is left.
bool pulse__take(struct pulse *pulse, int64_t *ret_start_ns, int64_t *ret_end_ns);

#endif
