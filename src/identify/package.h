// Which package a file came with, from dpkg's database as it stands in files: no program is started for it. On systems without
// dpkg nothing is found.
#ifndef WHYSTALL_IDENTIFY_PACKAGE_H
#define WHYSTALL_IDENTIFY_PACKAGE_H

#include <stddef.h>
#include <stdint.h>

// `path` is asked; name and version are answers, owned, NULL: no package has this file (or time ran out).
struct package_query { const char *path; char *name, *version; };

// Answers all queries in one pass over the database below `directory` (/var/lib/dpkg): some 10 MB in 1000 small files on a
// usual system, 30 ms when they are in memory. Where the disk is slow it gives up at `deadline_ns` (CLOCK_MONOTONIC) with what
// it has. A file that was moved from /bin to /usr/bin by usr-merge is known to the database by either name.
void packages__find(const char *directory, struct package_query *queries, size_t count, int64_t deadline_ns);
void packages__free(struct package_query *queries, size_t count);

#endif
