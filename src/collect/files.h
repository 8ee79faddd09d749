// Subject "files": commits of journals, syncs and dirty throttling, from its own probes to rows.
#ifndef WHYSTALL_COLLECT_FILES_H
#define WHYSTALL_COLLECT_FILES_H

#include "collect/counters.h"
#include "collect/subject.h"

extern const struct subject files_subject;

// The first line of /proc/fs/jbd2/NAME/info, "12 transactions (10 requested), each up to 4096 blocks". False: it is another text.
bool files__parse_journal(const char *text, long long *ret_transactions, long long *ret_requested);

#endif
