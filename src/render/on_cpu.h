// What those who occupied the CPU did with it, from samples: in words, and in JSON.
#ifndef WHYSTALL_ON_CPU_H
#define WHYSTALL_ON_CPU_H

#include "render/answer.h"
#include "render/page.h"

#include <jansson.h>

// Shown at those who occupied CPUs, and at those whom a quota kept off (what they need the CPU for): culprits and victims of such verdicts.
// The profile, owned by the caller; NULL: not shown, or no sample met them.
struct cpu_profile *on_cpu__profile(const struct answer *answer, const struct verdict *verdict, const struct party *party, bool culprit);
// "61 % page faults (zeroing new pages), 22 % unmapping and freeing pages (munmap), 9 % user code in memcpy (libc.so.6); 447 samples, ± 5 points".
// Shares of the pressure that it made or, where none waited for it, of its CPU time. Owned by the caller.
char *on_cpu__words(const struct answer *answer, const struct cpu_profile *profile);
// Two lines: the words, and the heaviest stack.
void on_cpu__write(struct page *page, const struct answer *answer, const struct cpu_profile *profile);
// null for NULL.
json_t *on_cpu__json(const struct answer *answer, const struct cpu_profile *profile);

#endif
