// Runtimes whose programs wait for locks that the kernel knows nothing of: goroutines, async tasks and virtual threads wait without a thread.
#ifndef WHYSTALL_RUNTIMES_H
#define WHYSTALL_RUNTIMES_H

#include "causes/cause.h"
#include "ledger/scene.h"

struct runtime_kind;
// A crowd of such a runtime that worked in the window, or waited for something that is no idleness.
struct lock_hider { const struct runtime_kind *kind; size_t crowd; double active_ns; };
// The most active first; an array of *ret_count, owned by the caller.
struct lock_hider *runtimes__find(const struct scene *scene, size_t *ret_count);

// "storagenode (pid 12) and 2 more": whose locks the recording shows nothing of, so that no statement about waiting covers them. NULL: there are no
// such programs. Owned.
char *runtimes__hide_locks(const struct diagnosis *diagnosis);
// A sentence on one of them: what waits there without a thread, and what shows it. Owned.
char *runtimes__say(const struct scene *scene, const struct lock_hider *hider);
// Evidence: how often goroutines and the like let each other go on or waited, by the functions that asked for it. Where those that are named like
// a lock's are no chance, returns whose the most are, and in *ret_hint "12 sampled stacks at a lock, in …" (owned by the caller); else NULL.
const struct process_row *runtimes__add_hand_overs(const struct scene *scene, struct verdict *verdict, char **ret_hint);

#endif
