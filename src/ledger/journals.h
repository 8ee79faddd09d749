// Journals of file systems: who had them commit, and whose metadata they carry. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_JOURNALS_H
#define WHYSTALL_LEDGER_JOURNALS_H

#include "ledger/scene.h"

struct journals;

// Both must outlive the result. Free with journals__free.
struct journals *journals__make(const struct ledger *ledger, const struct scene *scene);
void journals__free(struct journals *journals);
// The journal that a process (index of ledger->processes) waits for: a journal's thread for its own, others for the one that `waker` (process_row.id)
// is the thread of, or else the one whose metadata they changed most. The device number of its file system; NULL unknown.
const char *journals__of(const struct journals *journals, size_t process, int64_t waker);
// The device number of the file system whose journal this thread (NULL: nobody) writes, by its name; NULL unknown.
const char *journals__of_thread(const struct recording *recording, const struct process_row *thread);
// Whether the process is a journal's thread.
bool journals__is_thread(const struct process_row *process);
// The part (0..1) of a journal's commits that syncs asked for; 0 where nothing was counted.
double journals__forced(const struct journals *journals, const char *journal);
// The part of the time of a journal's commits that metadata of other crowds than the process' made: a commit takes as long as the device needs
// for a write and a flush, and longer by the blocks that it carries.
double journals__others_part(const struct journals *journals, const char *journal, size_t process);

// Who made the commits, by syncs or by blocks of metadata: parts that add up to 1; kernel threads are left out. `except`: index of a process whose crowd is
// left out, SIZE_MAX none. Owned by the caller; none: not known.
struct committer { int64_t process; double part; };
struct committer *journals__committers(const struct journals *journals, const char *journal, bool by_syncs, size_t except, size_t *ret_count);

#endif
