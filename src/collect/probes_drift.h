// What this kernel has, by its own type information (BTF): whether it can be recorded, which way its counters are read, which programs fit.
// The same on the kernel side: bpf/drift.h. Private to probes.c.
#ifndef WHYSTALL_COLLECT_PROBES_DRIFT_H
#define WHYSTALL_COLLECT_PROBES_DRIFT_H

struct btf;
struct probes;
struct probes_options;

// Why this kernel, or this user, can't record at all: one sentence for people, owned by the caller; NULL: it can.
char *probes_drift__refusal(void);
// Settles by the size and layout of kernel structs which way counters are read: the read-only data of the skeleton, which must be open and
// not loaded yet, and `meter`, `groups_on`, `steal` and `locks` of the probes.
void probes_drift__settle(const struct btf *btf, const struct probes_options *options, struct probes *probes);
// Leaves out the programs that this kernel has no tracepoint for; some are run or attached by hand. After probes_drift__settle, before the
// programs are loaded.
void probes_drift__choose_programs(const struct btf *btf, const struct probes *probes);

#endif
