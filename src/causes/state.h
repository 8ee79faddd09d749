// What a diagnosis comes to as a whole: stalled, busy, healthy or unexplained.
#ifndef WHYSTALL_STATE_H
#define WHYSTALL_STATE_H

#include "causes/cause.h"

// Sets state, healthy, confirmed and unattributed_seconds from verdicts that are final.
void diagnosis__sum_up(struct diagnosis *diagnosis);

#endif
