// Free text: what looks like a path, an address, an id or a name that is known for a secret is replaced, the rest stays.
#ifndef WHYSTALL_SHAPES_H
#define WHYSTALL_SHAPES_H

#include "base/base.h"
#include "redact/aliases.h"

// Adds `text` to `out` with all that replaced.
void shapes__redact(struct aliases *aliases, const char *text, size_t length, struct string *out);
// The same for columns that only whystall and the kernel fill: a user called "read" must not change what a system call is called.
void shapes__redact_vocabulary(struct aliases *aliases, const char *text, size_t length, struct string *out);
// Whether shapes__redact would change nothing.
bool shapes__is_harmless(struct aliases *aliases, const char *text, size_t length);
// Whether this is a path of the system (/usr without /usr/local, /bin, /sbin, /lib…, /sys, /proc, devices) with nothing else in it.
bool shapes__is_system_path(struct aliases *aliases, const char *path, size_t length);
// Learns the user's name of a path below a home directory.
void shapes__learn_home(struct aliases *aliases, const char *path, size_t length);

#endif
