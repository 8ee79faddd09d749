#include "identify/loader_cache.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "identify/root.h"

#define CACHE_LIMIT (16U << 20)

struct loader_cache { char *image; size_t size; };

// struct cache_file_new and file_entry_new
static const char new_magic[] = "glibc-ld.so.cache1.1", old_magic[] = "ld.so-1.7.0";
enum { NEW_HEADER = 48, NEW_COUNT = 20, NEW_ENTRY = 24, OLD_HEADER = 16, OLD_COUNT = 12, OLD_ENTRY = 12 };

// FLAG_ELF_LIBC6 with the kind of machine, sysdeps/generic/ldconfig.h
static const struct { int machine, elf_class; unsigned flags; } kinds[] = {
	{ EM_X86_64, ELFCLASS64, 0x0303 }, { EM_X86_64, ELFCLASS32, 0x0803 }, { EM_386, ELFCLASS32, 0x0003 },
	{ EM_AARCH64, ELFCLASS64, 0x0a03 }, { EM_ARM, ELFCLASS32, 0x0903 },
};

struct loader_cache *loader_cache__read(const struct root_dir *root)
{
	struct loader_cache *cache = base__alloc(1, sizeof(*cache));
	ssize_t size = root__read(root, "/etc/ld.so.cache", CACHE_LIMIT, &cache->image);

	cache->size = size > 0 ? (size_t)size : 0;
	return cache;
}

void loader_cache__free(struct loader_cache *cache)
{
	if (!cache)
		return;
	free(cache->image);
	free(cache);
}

static uint32_t number_at(const char *image, size_t offset)
{
	uint32_t value;

	memcpy(&value, image + offset, sizeof(value));
	return value;
}

static const char *string_at(const char *image, size_t size, size_t offset)
{
	return offset < size && memchr(image + offset, 0, size - offset) ? image + offset : NULL;
}

const char *loader_cache__find(const char *image, size_t size, const char *name, unsigned flags)
{
	size_t start = 0;

	// Older systems put the new format behind a list in the old one.
	if (size >= OLD_HEADER && !memcmp(image, old_magic, sizeof(old_magic) - 1)) {
		start = OLD_HEADER + (size_t)number_at(image, OLD_COUNT) * OLD_ENTRY;
		start = (start + 7) & ~(size_t)7;
	}
	if (start > size || size - start < NEW_HEADER || memcmp(image + start, new_magic, sizeof(new_magic) - 1))
		return NULL;
	image += start;
	size -= start;
	size_t count = number_at(image, NEW_COUNT);
	for (size_t i = 0; i < count && NEW_HEADER + (i + 1) * NEW_ENTRY <= size; i++) {
		size_t entry = NEW_HEADER + i * NEW_ENTRY;
		const char *key = number_at(image, entry) == flags ? string_at(image, size, number_at(image, entry + 4)) : NULL;

		if (key && !strcmp(key, name))
			return string_at(image, size, number_at(image, entry + 8));
	}
	return NULL;
}

const char *loader_cache__lookup(const struct loader_cache *cache, const char *name, int machine, int elf_class)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].machine == machine && kinds[i].elf_class == elf_class)
			return loader_cache__find(cache->image, cache->size, name, kinds[i].flags);
	return NULL;
}
