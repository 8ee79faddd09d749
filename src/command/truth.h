// The truth that a labelled workload states about itself (lab/README.md), held against a diagnosis.
#ifndef WHYSTALL_TRUTH_H
#define WHYSTALL_TRUTH_H

#include <jansson.h>

#include "causes/cause.h"

// One clause for each disagreement, parted by "; ": a cause that is true and was not found, or found and neither true nor
// allowed, an innocent process among the culprits, a true cause without any of its true culprits or with another operation than
// theirs. NULL when truth and diagnosis agree; owned by the caller.
char *truth__differences(const json_t *truth, const struct diagnosis *diagnosis);

#endif
