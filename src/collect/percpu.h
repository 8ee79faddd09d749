// Where the kernel keeps its per-CPU variables.
#ifndef WHYSTALL_COLLECT_PERCPU_H
#define WHYSTALL_COLLECT_PERCPU_H

#include <stdint.h>

struct btf;
// Offset of a per-CPU variable within its section, -1 if the kernel's BTF does not list it. Two of them are as far apart on every CPU, so
// that a probe which knows the address of one (the run queue, from the task that runs) knows the other; the kernel's symbols are not needed.
int64_t percpu__offset(const struct btf *btf, const char *name);

#endif
