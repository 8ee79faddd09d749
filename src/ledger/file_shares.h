// What was counted of file systems (commits, syncs, changes of metadata, dirty throttling), by kind and file system, and waits that are parted by it:
// each row is read twice, however many waits there are.
#ifndef WHYSTALL_LEDGER_FILE_SHARES_H
#define WHYSTALL_LEDGER_FILE_SHARES_H

#include "ledger/scene.h"

struct file_share;
struct file_shares { const struct scene *scene; struct file_share *all; size_t count, capacity; };

void file_shares__make(const struct scene *scene, struct file_shares *ret_shares);
void file_shares__free(struct file_shares *shares);
// Sum of `count`, or of `amount`, of such rows on a file system; key NULL: on all of them.
double file_shares__sum(const struct file_shares *shares, enum activity_kind kind, const char *key, bool amount);

// Notes that `ns` are to be given to the crowds by their shares of the rows of such a kind and key (of `amount`, else of `count`); processes are what
// counts, no kernel threads, which work for others. False: there are none, nothing was noted. file_shares__settle gives what was noted, once.
bool file_shares__split(const struct file_shares *shares, enum activity_kind kind, const char *key, bool amount, double ns);
void file_shares__settle(const struct file_shares *shares, double *by_crowd);

// The ext4 file system whose metadata a process changed most, as a device number; NULL: none was seen.
const char *file_shares__journal_of(const struct scene *scene, int64_t process);
// What one crowd's processes have in rows of a kind.
struct activity_sum file_shares__of_crowd(const struct scene *scene, size_t crowd, enum activity_kind kind);

#endif
