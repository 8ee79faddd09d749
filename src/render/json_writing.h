// JSON written piece by piece, as jansson lays it out: the objects of a large report would take several times the memory of its text.
#ifndef WHYSTALL_JSON_WRITING_H
#define WHYSTALL_JSON_WRITING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/base.h"

#define JSON_DEPTH 8
// Zero-initialise; `text` is what was written so far, the caller's to free or to steal.
struct json_writing {
	struct string text;
	int depth;                      // open objects and lists
	struct { bool list, used; } open[JSON_DEPTH];
};

// An object, or a list, of which the members follow; `key` where it is a member of an object, else NULL.
void json_writing__begin(struct json_writing *writing, const char *key, bool list);
void json_writing__end(struct json_writing *writing);
// A value, which is given back.
void json_writing__put(struct json_writing *writing, const char *key, json_t *value);

#endif
