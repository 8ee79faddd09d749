// Memory that a process faulted in and gave back: how much of what it faulted in it had had before. Part of the ledger (ledger.h).
//
// A page that is faulted in is new, or stands for memory that was given back before. New is at most what was resident beyond the beginning of the
// window at any time; all other faults are for memory that came back. So a start-up has no churn, however much it faults in.
#ifndef WHYSTALL_LEDGER_MEMORY_CHURN_H
#define WHYSTALL_LEDGER_MEMORY_CHURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

struct memory_churn {
	double faults;                  // without a read
	double faulted_bytes;           // in small pages: huge pages count as one, so it is a lower bound
	double kept_bytes;              // by which more was resident at any time than at the beginning
	bool counted;                   // the recording has a count
};
// Of each process, by index of the ledger's processes; not `counted` where the recording has none. Owned by the caller (the ledger keeps it).
struct memory_churn *memory_churns__make(const struct ledger *ledger);
// Sums of several processes, by process_row.id. False: the recording has no count of theirs (an older one, few faults, or they had ended).
bool memory_churn__of(const struct ledger *ledger, const int64_t *processes, size_t count, struct memory_churn *ret);
// The part of it that was for memory given back before, 0..1; a lower bound.
double memory_churn__part(const struct memory_churn *churn);
// The same of one process; 0 where it is not known.
double memory_churn__returned_part(const struct ledger *ledger, int64_t process);

#endif
