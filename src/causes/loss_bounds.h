// What was lost bounds a cause's share: it does not forbid a verdict on the rest.
#ifndef WHYSTALL_LOSS_BOUNDS_H
#define WHYSTALL_LOSS_BOUNDS_H

#include "causes/cause.h"

// What an account could not book on anybody (missed events, tables that were full), and the waiting that it booked. Task-seconds, book B.
struct account_loss { double doubtful_seconds, booked_seconds; };

struct account_loss loss__of(const struct diagnosis *diagnosis, enum account account);
// Sets the bounds of a judged verdict's figures, and its kind where the loss asks for it:
//  found         stays confirmed where the lower bound (the claim less all that is doubtful) still passes the threshold or is half of the claim;
//                contributing where only the estimate does
//  ruled out     stays so where most of the waiting was booked: the doubt says how much could be its at most
//  not testable  more is doubtful than was booked at all, and more than twice the claim: nothing can be said.
// `doubt` gets the sentence wherever it matters.
void loss__bound(const struct ledger *ledger, const struct account_loss *loss, struct verdict *verdict);
// Lowers by a step what was confirmed from books that contradict the kernel. imbalance NULL: they do not.
void loss__distrust(struct verdict *verdict, const char *imbalance);

#endif
