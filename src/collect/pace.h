// How often the loop does what may take it long.
#ifndef WHYSTALL_COLLECT_PACE_H
#define WHYSTALL_COLLECT_PACE_H

#include <stdint.h>

// How long to wait until the next time, where the last one took `cost_ns`: at least `least_ns`, and so long that all of them take one part in `part` of
// the time at most.
static inline uint64_t pace__pause_ns(uint64_t cost_ns, uint64_t least_ns, uint64_t part)
{
	return cost_ns > least_ns / part ? cost_ns * part : least_ns;
}

#endif
