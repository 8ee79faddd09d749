// --redact and --redact-key: what a command line asks for, and the key that it names.
#ifndef WHYSTALL_REDACTION_H
#define WHYSTALL_REDACTION_H

#include <stddef.h>

#include "command/options.h"
#include "recording/recording.h"

struct redaction_request {
	bool wanted;
	char *key;              // NULL: without
	size_t length;
};

// Reads the key, so do it before privileges and files are given up. Returns 0, or -EINVAL after one sentence on stderr.
int redaction__read(const struct arguments *arguments, struct redaction_request *ret);
// Redacts if that is wanted.
void redaction__apply(const struct redaction_request *request, struct recording *recording);
// Wipes the key.
void redaction__forget(struct redaction_request *request);

#endif
