// The subject "memory": who frees memory before it gets any, who grew, and what the limits of cgroups did.
#ifndef WHYSTALL_COLLECT_MEMORY_H
#define WHYSTALL_COLLECT_MEMORY_H

#include "collect/subject.h"

extern const struct subject memory_subject;

#endif
