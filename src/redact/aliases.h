// The book of aliases: one secret of a kind has one alias, wherever it appears.
#ifndef WHYSTALL_ALIASES_H
#define WHYSTALL_ALIASES_H

#include "redact/redact.h"

enum alias_kind {
	ALIAS_HOST, ALIAS_USER, ALIAS_SESSION, ALIAS_PATH, ALIAS_PROGRAM, ALIAS_THREAD, ALIAS_ARGUMENTS, ALIAS_CONTAINER, ALIAS_POD, ALIAS_VM,
	ALIAS_UNIT, ALIAS_CGROUP, ALIAS_VOLUME, ALIAS_MACHINE, ALIAS_BUILD, ALIAS_MODULE, ALIAS_PACKAGE, ALIAS_FUNCTION, ALIAS_ADDRESS, ALIAS_MAIL,
	ALIAS_TOKEN, ALIAS_KINDS
};
const char *alias_kind__name(enum alias_kind kind);     // "host": its aliases are host-1, host-2 …
const char *alias_kind__plural(enum alias_kind kind);   // for sentences: "host names"

struct aliases;
struct aliases *aliases__new(const struct redact_key *key);
void aliases__free(struct aliases *aliases);
// The alias of the first `length` bytes; made if there is none. Valid as long as the book.
const char *aliases__of(struct aliases *aliases, enum alias_kind kind, const char *secret, size_t length);
// The same, and from now on these bytes are replaced as a word, wherever they stand: aliases__word finds them. Too short ones are no words.
const char *aliases__of_word(struct aliases *aliases, enum alias_kind kind, const char *secret, size_t length);
// Makes another word for the same alias.
void aliases__add_word(struct aliases *aliases, const char *word, size_t length, const char *alias);
const char *aliases__word(struct aliases *aliases, const char *text, size_t length);     // NULL: none
// Names that stay: of programs of the system.
void aliases__keep(struct aliases *aliases, const char *name, size_t length);
bool aliases__is_kept(struct aliases *aliases, const char *name, size_t length);
bool aliases__is_start_of_kept(struct aliases *aliases, const char *name, size_t length);
// From now on it is counted which aliases are asked for.
void aliases__start_counting(struct aliases *aliases);
size_t aliases__used(const struct aliases *aliases, enum alias_kind kind);

#endif
