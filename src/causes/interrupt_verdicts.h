// What the verdicts on soft and on hard interrupts share.
#ifndef WHYSTALL_INTERRUPT_VERDICTS_H
#define WHYSTALL_INTERRUPT_VERDICTS_H

#include "causes/verdict.h"
#include "ledger/interrupts.h"

// Whether the recording tells interrupts by source; if not, the verdict is settled as not testable.
bool interrupts__not_testable(const struct scene *scene, struct verdict *verdict);
// Fills kind, figures, parties, the evidence and the summary.
void interrupts__judge(const struct interrupts *interrupts, struct verdict *verdict);

#endif
