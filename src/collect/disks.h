// Block devices and limits on their use, by the kernel's own files.
#ifndef WHYSTALL_COLLECT_DISKS_H
#define WHYSTALL_COLLECT_DISKS_H

#include "collect/subject.h"

extern const struct subject disks_subject;

#endif
