// How recordings call what bpf/vocabulary.h numbers.
#ifndef WHYSTALL_RECORDING_VOCABULARY_H
#define WHYSTALL_RECORDING_VOCABULARY_H

#include "base/string_table.h"
#include "bpf/vocabulary.h"

const char *occupant__name(enum occupant kind); // "task", "idle", "steal", …; "unknown" for numbers of later versions
STRING_TABLE_DECLARE(blocked_reason);                  // "lock", "io", …
STRING_TABLE_DECLARE(waker_kind);                      // "task", "hardirq", "softirq", "block"; "" unknown
STRING_TABLE_DECLARE(lock_kind);                       // "mmap_lock", "rwsem", …
STRING_TABLE_DECLARE(lock_mode);                       // "read", "write", "handed over"
STRING_TABLE_DECLARE(lock_role);                       // "waiter", "owner"
STRING_TABLE_DECLARE(futex_role);                      // "waiter", "waker"

#endif
