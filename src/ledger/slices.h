// How steady the causes' shares are: the spread over the slices of the window. Part of the account of causes (attribution.h).
#ifndef WHYSTALL_LEDGER_SLICES_H
#define WHYSTALL_LEDGER_SLICES_H

#include "ledger/attribution.h"

// Sets low and high of each part of the system's row (some) of a resource: the 90 % confidence interval of its share, by the ratio estimator over the
// slices (share = sum of the cause's time / sum of the resource's; Student's t). What an occupant or a waiter has in a slice is divided among its
// causes as in the whole window. Without at least three slices that have pressure both stay at the share.
void slices__bound(const struct ledger *ledger, const struct attributed_list *items, struct attribution *row);

#endif
