// The account of block requests, for others that need a part of it.
#ifndef WHYSTALL_COLLECT_BLOCK_ACCOUNT_H
#define WHYSTALL_COLLECT_BLOCK_ACCOUNT_H

#include <stdint.h>

#include "collect/subject.h"

extern const struct subject block_subject;

// Requests completed so far of one cgroup (kernfs id) on one device (major << 20 | minor), and their time.
struct block_cgroup_sum { uint64_t requests, ns; };
struct block_cgroup_sum block_account__cgroup(const struct subjects *subjects, uint64_t cgroup, uint32_t device);

#endif
