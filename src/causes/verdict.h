// Building verdicts: what every cause needs for its evidence, parties and hand checks.
#ifndef WHYSTALL_VERDICT_H
#define WHYSTALL_VERDICT_H

#include "base/base.h"
#include "base/shell.h"
#include "causes/cause.h"
#include "ledger/scene.h"
#include "ledger/thresholds.h"

void verdict__set_summary(struct verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);
// Where it is from: a table of the recording or a file of the kernel. threshold NAN: none.
void verdict__add_evidence(struct verdict *verdict, const char *what, double value, struct unit unit, double threshold,
			   const char *source);
// A check by hand: what to expect of a command, which is a template as in base/shell.h.
void verdict__add_check(struct verdict *verdict, const char *expect, const char *command, ...) PRINTF_LIKE(3, 4);
// The same with a command in pieces, which is emptied. Without a command where a name in it can't be pasted; the words say so.
void verdict__add_command(struct verdict *verdict, const char *expect, struct shell *command);
// Appends a party for a crowd; figures are in nanoseconds. The result is valid until the next one is added.
struct party *verdict__add_culprit(struct verdict *verdict, const struct crowd *crowd, double ns);
struct party *verdict__add_victim(struct verdict *verdict, const struct crowd *crowd, double ns);
// Appends one that is no process. name and cgroup are copied; cgroup may be NULL.
struct party *verdict__add_other_culprit(struct verdict *verdict, enum party_kind kind, const char *name, const char *cgroup,
					 double ns);
// Says that so much of the verdict's waiting went through a resource; the same one again adds to it. By kind and key (facts.h) two verdicts
// find each other. Only what was measured: resources of a guess would make an effect of a guess.
void verdict__add_resource(struct verdict *verdict, enum resource_kind kind, const char *key, double ns);
void party__set_note(struct party *party, const char *format, ...) PRINTF_LIKE(2, 3);
// Sorts both sides and computes the shares of stall_seconds. Call once, when all are in.
void verdict__settle_parties(struct verdict *verdict, double window_seconds);
// "a (pid 1) and b (pid 2)", "a (pid 1), b (pid 2) and 3 more": at most `most` by name. Owned by the caller.
char *verdict__name_parties(const struct ledger *ledger, const struct party *parties, size_t count, size_t most);
// Forgets culprits, victims, checks: of a verdict that accuses nobody.
void verdict__drop_parties(struct verdict *verdict);
void verdict__free(struct verdict *verdict);

// Judges one portion of the waits for tasks by the rules that all those causes share (accusation.c): who was really held
// up, who held them up, and whether that is much. Fills kind, figures, parties and the evidence common to them.
// The summary stays to be written.
void accusation__judge(const struct scene *scene, enum portion portion, struct verdict *verdict);
// First pid of a party for a hand check; 0 where none is known or left.
long long verdict__pid(const struct ledger *ledger, const struct party *party);

#endif
