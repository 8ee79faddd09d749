// The accounts that causes are judged from, in words, and which of them a recording could be judged in.
#ifndef WHYSTALL_ACCOUNTS_H
#define WHYSTALL_ACCOUNTS_H

#include "causes/cause.h"

// "waits for CPU time", for a list of what was judged.
const char *account__waits(enum account account);
// "CPU", for a list of what is healthy.
const char *account__name(enum account account);
// "for want of CPU time": how its causes stall somebody.
const char *account__place(enum account account);
// The same for one cause, where its account has causes of several kinds.
const char *account__place_of(const struct cause *cause);
// Whether any cause of the account could be judged. If not, *ret_reason says why in a few words; it lives as long as the recording.
bool account__is_judged(const struct diagnosis *diagnosis, enum account account, const char **ret_reason);

// The resources that stalls are about: CPU, memory, I/O.
#define PRESSURES_JUDGED 3
extern const enum pressure_resource pressures_judged[PRESSURES_JUDGED];
// "CPU", "memory", "I/O" for a sentence.
const char *pressure__name(enum pressure_resource resource);
// The system's row (some) of a resource; NULL where the kernel gave none.
const struct ledger_pressure *pressure__system(const struct ledger *ledger, enum pressure_resource resource);
// Part of the window, 0 where the kernel gave no figure.
double pressure__share(const struct ledger *ledger, enum pressure_resource resource);
// Seconds of the system's pressure that causes were found for, at most (their times may overlap); `ret_any`: there is such a cause.
double pressure__found_seconds(const struct diagnosis *diagnosis, enum pressure_resource resource, bool *ret_any);
// Seconds of the system's pressure that nobody suffers from: the kernel counts io_uring waiters as I/O pressure to whom nothing is owed.
double pressure__idle_seconds(const struct ledger *ledger, enum pressure_resource resource);
// The process that waited most of a resource's pressure, together with the others of its name and executable, and which part of what all waited that
// is: "server (pid 200)", "postgres (17 processes)". Owned; NULL where the recording does not tell.
char *pressure__main_waiter(const struct ledger *ledger, enum pressure_resource resource, double *ret_share);

#endif
