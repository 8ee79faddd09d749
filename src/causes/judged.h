// The causes that are judged for real, one file each; table.c lists them.
#ifndef WHYSTALL_JUDGED_H
#define WHYSTALL_JUDGED_H

#include "causes/verdict.h"

extern const struct cause cpu_oversubscription, cpu_quota, cpu_affinity, cpu_priority, cpu_churn, cpu_steal, cpu_wakeup;
extern const struct cause lock_mmap, lock_kernel;

#endif
