// The subject "irq": interrupts by source, and who is behind them. Private to collect.
#ifndef WHYSTALL_COLLECT_IRQ_H
#define WHYSTALL_COLLECT_IRQ_H

#include "collect/subject.h"

extern const struct subject subject_irq;

#endif
