// The kernel's folds of total=: per-CPU growth between two of them, by whomever they were made (FACTS: psi_show, avgs_work).
#ifndef WHYSTALL_COLLECT_FOLDS_H
#define WHYSTALL_COLLECT_FOLDS_H

#include "collect/probes.h"
#include "recording/recording.h"

struct foldlog;
// `hz`: the kernel's ticks a second, which its weights are made of.
struct foldlog *foldlog__new(const struct probes *probes, int64_t hz);
void foldlog__free(struct foldlog *folds);       // the probes may have been freed before

// Which rows of the sample table: the system only, or all cgroups only.
enum fold_scope { FOLDS_SYSTEM, FOLDS_GROUPS };

// Call right after a read of the pressure files and a snapshot: what lies before is not counted.
void foldlog__begin(struct foldlog *folds, enum fold_scope scope);
// Call after a snapshot: a fold that somebody made since the last call is noted. `own`: it was our own read of the files.
void foldlog__note(struct foldlog *folds, enum fold_scope scope, bool own);
// Whether the last samples show a fold of the system's total that is not noted yet. A fold moves the counters of every CPU
// that was not idle since the one before, so the sample of the CPU that we run on is enough.
bool foldlog__pending(const struct foldlog *folds);
// Whether the last samples show a fold on some CPUs only: the others were idle, or were read before it. Then they must be read again, or one fold
// is taken for two, each of them with the share of a few CPUs.
bool foldlog__torn(const struct foldlog *folds);
// How many folds of the system's total were somebody else's.
int64_t foldlog__foreign(const struct foldlog *folds);
// Folds listed one by one, a row for each CPU: FOLDS_LISTED rows at most; where there are more, all so far are summed up by cgroup and CPU.
#define FOLDS_LISTED 20000
// Adds the fold and fold_sum rows to a recording; cgroups by their kernfs id.
void foldlog__store(const struct foldlog *folds, struct recording *recording);

#endif
