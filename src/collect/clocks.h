// Reads the clocks of the machine that may go on, or stand still, while its host stops it; rtc_watch follows the one that is left.
#ifndef WHYSTALL_COLLECT_CLOCKS_H
#define WHYSTALL_COLLECT_CLOCKS_H

#include "collect/pauses.h"

struct clocks;
// With privileges.
struct clocks *clocks__open(void);
void clocks__close(struct clocks *clocks);
void clocks__read(const struct clocks *clocks, struct clock_sample *ret);

#endif
