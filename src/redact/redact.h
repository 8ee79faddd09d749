// A recording for others' eyes: who, where and what for become aliases; causes and figures stay. docs/privacy.md has the table.
#ifndef WHYSTALL_REDACT_H
#define WHYSTALL_REDACT_H

#include "recording/recording.h"

// A key makes the aliases of one thing the same in all recordings (HMAC-SHA256); without one they are numbered by first appearance.
struct redact_key { const void *bytes; size_t length; };

// Replaces in place, in every text column, what tells hosts, people, places and programs of their own. Before the ledger, so that no format
// and no sentence can hold more. Says so in meta "redacted" ("numbered" or "keyed") and "redacted.KIND" (how many different ones).
// A recording that says so already is left as it is. `key` may be NULL.
void redact__recording(struct recording *recording, const struct redact_key *key);

// The sentence for the top of a report; NULL if the recording is not redacted. Owned by the caller.
char *redact__sentence(const struct recording *recording);

#endif
