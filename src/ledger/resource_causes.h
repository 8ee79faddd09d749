// The causes of memory and I/O pressure: each share of PSI's counters that a process' sleep, or its own work inside a memstall section, made gets
// exactly one cause. Part of the account of causes (attribution.h).
#ifndef WHYSTALL_LEDGER_RESOURCE_CAUSES_H
#define WHYSTALL_LEDGER_RESOURCE_CAUSES_H

#include "ledger/attribution.h"

// Adds an item for each part of the resource's ("memory", "io") pressure of which a process is known to have waited: victim, cause and, where one
// was measured, culprit. The sum of the items is the sum of the table pressure_share; what has no cause goes to CAUSE_NONE.
void resource_causes__add(const struct ledger *ledger, const struct scene *scene, const char *resource, struct attributed_list *list);

#endif
