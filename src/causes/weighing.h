// Shares and severities: what the account of causes says of each verdict, and causes that make pressure without anybody losing much.
#ifndef WHYSTALL_WEIGHING_H
#define WHYSTALL_WEIGHING_H

#include "causes/cause.h"

// After every cause was judged and effects were placed: sets severity, own, share and gain of each verdict, and finds the causes whose share of a
// resource's pressure is large although their victims lose little.
void weighing__apply(struct diagnosis *diagnosis);
// Whether somebody who does not make it himself is held up by it.
bool verdict__is_stall(const struct verdict *verdict);
// Whether it makes pressure, but holds up nobody, or only those who make it.
bool verdict__is_busy(const struct verdict *verdict);

// Parties and a plain sentence for a cause that was found by its share (busy.c). `attribution`: the row of verdict->share.
void busy__describe(const struct diagnosis *diagnosis, const struct attribution *attribution, struct verdict *verdict);

#endif
