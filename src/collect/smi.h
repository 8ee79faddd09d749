// The counter of system management interrupts, where this machine lets it be read. Nothing is loaded or switched on for it.
#ifndef WHYSTALL_COLLECT_SMI_H
#define WHYSTALL_COLLECT_SMI_H

#include "collect/counters.h"
#include "collect/subject.h"

struct smi;
// `root`: "" for this machine (then the kernel's perf counter stands in where the register can't be read). NULL: no counter; *ret_why_off says
// why and what would give one (owned by the caller). virtualization: as host.h.
struct smi *smi__new(const char *root, const char *virtualization, char **ret_why_off);
void smi__free(struct smi *smi);
// Source "smi", key the CPU, name "count".
void smi__note(const struct smi *smi, struct counters *counters);

extern const struct subject subject_smi;

#endif
