// The kernel's pressure files. Reading one is not passive: each read folds the per-CPU times into total= (psi_show,
// kernel/sched/psi.c), and reads more often than every 100 ms distort what everybody sees.
#ifndef WHYSTALL_COLLECT_PRESSURE_H
#define WHYSTALL_COLLECT_PRESSURE_H

#include <stdint.h>

#include "recording/vocabulary.h"

// total= in microseconds; -1 where the file has no such line (cpu full before 5.13, irq some).
struct pressure_totals { int64_t some_us, full_us; };

// The system's file, /proc/pressure/RESOURCE. Returns 0; -ENOENT: no such file (kernel without PSI, or without this
// resource); -EOPNOTSUPP: PSI is switched off (boot with psi=1; for irq: no interrupt time accounting); -EINVAL: odd text.
// *ret is untouched on failure.
int pressure__read_system(enum pressure_resource resource, struct pressure_totals *ret);

// RESOURCE.pressure in a cgroup's directory. The same errors; -ENODEV or -ENOENT when the cgroup has been removed.
int pressure__read_cgroup(int directory_fd, enum pressure_resource resource, struct pressure_totals *ret);

// Parses the text of such a file. Returns 0 or -EINVAL.
int pressure__parse(const char *text, struct pressure_totals *ret);

#endif
