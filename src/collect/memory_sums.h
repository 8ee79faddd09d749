// What the probes of memory summed up, by process: between the kernel's map and the rows.
#ifndef WHYSTALL_COLLECT_MEMORY_SUMS_H
#define WHYSTALL_COLLECT_MEMORY_SUMS_H

#include "bpf/memory_records.h"
#include "collect/memory_cgroups.h"
#include "recording/recording.h"

struct memory_sums;
struct memory_sums *memory_sums__new(void);
void memory_sums__free(struct memory_sums *sums);
void memory_sums__add(struct memory_sums *sums, int64_t process, enum memory_kind kind, uint64_t detail, const struct memory_sum *sum);
// Adds rows `activity` of subject "memory" (docs/recording.md lists the kinds). Limits are named by the cgroups' paths.
void memory_sums__store(const struct memory_sums *sums, const struct memory_cgroups *start, const struct memory_cgroups *end,
	struct recording *recording);

#endif
