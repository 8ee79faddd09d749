// Do the books close? What is explained, and one sentence where they do not.
#ifndef WHYSTALL_BALANCE_H
#define WHYSTALL_BALANCE_H

#include "ledger/ledger.h"

// Sets `explained` and `exact_folds` of a booked row from its four figures.
//
// With V, C (victims' and culprits' seconds), P (predicted) and K (kernel), all folded alike: both sides are parts of the
// metered time P, so the time that has a name on both sides is at least V + C - P, and at most the smaller side:
//     explained = max(0, min(V + C - P, V, C)) / max(K, P)
// What the kernel counted and the meter did not see (K > P) is in the denominator only, so it stays unexplained; where the kernel's total
// lost time (P > K, kernel_total.h) the meter stands in. Where K and P are 0, nothing is left to explain: 1.
void balance__explain(struct ledger_pressure *pressure);

// Sets `balanced`, `imbalance` and `kernel_loss` from cpu_some and the recording.
void balance__judge(struct ledger *ledger);

#endif
