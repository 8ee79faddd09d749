// /etc/ld.so.cache, glibc's list of libraries: format "glibc-ld.so.cache1.1" of sysdeps/generic/dl-cache.h, which all of
// glibc since 2.2 write, since 2.32 alone.
#ifndef WHYSTALL_IDENTIFY_LOADER_CACHE_H
#define WHYSTALL_IDENTIFY_LOADER_CACHE_H

#include <stddef.h>

struct loader_cache;
// The cache below a root directory; never NULL, empty where there is none. Free it.
struct root_dir;
struct loader_cache *loader_cache__read(const struct root_dir *root);
void loader_cache__free(struct loader_cache *cache);
// The path of a library for programs of this kind; NULL: not listed. Valid as long as the cache.
const char *loader_cache__lookup(const struct loader_cache *cache, const char *name, int machine, int elf_class);

// The same in the bytes of such a file, which may be damaged in any way. `flags`: the entries' kind, see loader_cache.c.
const char *loader_cache__find(const char *image, size_t size, const char *name, unsigned flags);

#endif
