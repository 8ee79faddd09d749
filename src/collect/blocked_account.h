// Blocked time of processes by what they waited for, kept until it becomes rows. Private to collect.
#ifndef WHYSTALL_COLLECT_BLOCKED_ACCOUNT_H
#define WHYSTALL_COLLECT_BLOCKED_ACCOUNT_H

#include <stdint.h>

#include "bpf/records.h"

struct recording;
struct blocked_account;

struct blocked_account *blocked_account__new(void);
void blocked_account__free(struct blocked_account *blocked);

// Adds the sums of one task of a process (row id). `end_ns`: the end of the window on the run queues' clock, up to which a sleep that has
// not ended counts; 0: it does not count (yet).
void blocked_account__add(struct blocked_account *blocked, int64_t process, const struct task_slot *slot, uint64_t end_ns);

// Adds the rows.
void blocked_account__store(const struct blocked_account *blocked, struct recording *recording);

// Copies the account, so that live tasks can be added to the copy. Owned by the caller.
struct blocked_account *blocked_account__copy(const struct blocked_account *blocked);

#endif
