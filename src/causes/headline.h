// The answer in one sentence, and the cautions without which it would mislead.
#ifndef WHYSTALL_HEADLINE_H
#define WHYSTALL_HEADLINE_H

#include "causes/cause.h"

// Fills headline and cautions of a diagnosis whose verdicts are final.
void headline__write(struct diagnosis *diagnosis);
// The cautions alone; `order` as of headline__order.
void headline__write_cautions(struct diagnosis *diagnosis, const size_t *order, size_t count);
// Why the books do not balance, where that matters for the verdicts; NULL when they do or when too little is at stake.
const char *headline__imbalance(const struct diagnosis *diagnosis);
// Where the recorder itself did not run for 2 s or more, or the window is half a second off what was asked for: a sentence that says so, and why, as
// far as that is known. Else NULL. Owned by the caller.
char *headline__lateness(const struct recording *recording, double window_seconds);
// The verdicts that found something, heaviest first: confirmed before contributing, effects right after their cause. Returns how many
// were written to ret_order (indices into diagnosis->verdicts; at most `size`).
size_t headline__order(const struct diagnosis *diagnosis, size_t *ret_order, size_t size);

#endif
