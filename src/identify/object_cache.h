// Files that were read once in this run: many processes run the same program, nearly all share the same libraries.
#ifndef WHYSTALL_IDENTIFY_OBJECT_CACHE_H
#define WHYSTALL_IDENTIFY_OBJECT_CACHE_H

#include <stdbool.h>

#include "identify/object.h"

struct object_cache;
struct object_cache *object_cache__new(void);
void object_cache__free(struct object_cache *cache);

// What object__read says of the file behind `fd`; told apart by device, inode, size and time of change. Valid as long as the
// cache. NULL: no ELF file, or none that can be read (remembered as well).
const struct object *object_cache__get(struct object_cache *cache, int fd, bool deep);

#endif
