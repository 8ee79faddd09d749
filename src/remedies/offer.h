// What the families of remedies share.
#ifndef WHYSTALL_OFFER_H
#define WHYSTALL_OFFER_H

#include "base/base.h"
#include "base/shell.h"
#include "causes/wording.h"
#include "ledger/look_ups.h"
#include "remedies/remedy.h"

// Says whether it can work and why; replaces what was said before.
void offer__decide(struct remedy_offer *offer, bool applicable, const char *why, ...) PRINTF_LIKE(3, 4);
// Sets the command, a template as in base/shell.h. Say why before: where a name in the command can't be pasted, there is none, and the words say so.
void offer__set_command(struct remedy_offer *offer, const char *command, ...) PRINTF_LIKE(2, 3);
// The same with a command in pieces, which is emptied.
void offer__take_command(struct remedy_offer *offer, struct shell *command);
// The process that stands for the heaviest culprit (or victim) that is a living process; NULL if there is none.
const struct process_row *offer__living(const struct ledger *ledger, const struct party *parties, size_t count);
const struct party *offer__living_party(const struct ledger *ledger, const struct party *parties, size_t count);
// Whether a cgroup's path is `group` or below it; NULL is nowhere.
bool offer__is_within(const char *path, const char *group);
// A file of the cgroup's directory: below "/sys/fs/cgroup" (v2) or "/sys/fs/cgroup/cpu" (v1). Owned.
char *offer__cgroup_file(const struct cgroup_row *group, const char *file);

#endif
