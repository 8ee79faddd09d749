// How fast the CPUs ran while they were busy, and what slowed them: sysfs, once a second. The root directory is given, so that tests can lay
// out a machine.
#ifndef WHYSTALL_COLLECT_FREQUENCY_H
#define WHYSTALL_COLLECT_FREQUENCY_H

#include <stdint.h>

#include "collect/counters.h"
#include "collect/subject.h"

struct frequency;
// `root`: "" for this machine. NULL: nothing of it is to be seen; *ret_why_off says what is missing (owned by the caller).
struct frequency *frequency__new(const char *root, unsigned cpus, char **ret_why_off);
void frequency__free(struct frequency *frequency);
// Notes the counters of throttling, the limits and the energy used so far: at both ends of the window and in between.
void frequency__note(struct frequency *frequency, struct counters *counters);
// Looks at frequencies and cooling. busy_ns[cpu]: how long each CPU ran tasks in the last elapsed_ns.
void frequency__sample(struct frequency *frequency, const uint64_t *busy_ns, uint64_t elapsed_ns);
void frequency__store(const struct frequency *frequency, struct recording *recording);

extern const struct subject subject_frequency;

#endif
