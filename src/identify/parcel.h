// Texts as one row of bytes, between a child and its parent or its opener.
#ifndef WHYSTALL_IDENTIFY_PARCEL_H
#define WHYSTALL_IDENTIFY_PARCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

void parcel__add(struct string *parcel, const char *text);      // NULL is a text of its own kind

// The bytes may be anybody's.
struct parcel { const char *at, *end; };
// The next text, NULL for a NULL or where there is none. Within the bytes.
const char *parcel__next(struct parcel *parcel);
// The same, owned by the caller and fit for a report (identify__printable), cut to 4095 bytes.
char *parcel__next_printable(struct parcel *parcel);
char *parcel__next_lines(struct parcel *parcel);                // a line at a time; each cut to 1023 bytes

#endif
