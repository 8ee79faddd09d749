#include "identify/object_cache.h"

#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"

struct cached {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	bool deep, failed;
	struct object object;
};

struct object_cache { void *tree; };

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1

static int compare(const void *a, const void *b)
{
	const struct cached *left = a, *right = b;

	COMPARE(device);
	COMPARE(inode);
	COMPARE(size);
	COMPARE(changed.tv_sec);
	COMPARE(changed.tv_nsec);
	COMPARE(deep);
	return 0;
}

static void free_cached(void *pointer)
{
	struct cached *cached = pointer;

	object__free(&cached->object);
	free(cached);
}

struct object_cache *object_cache__new(void)
{
	return base__alloc(1, sizeof(struct object_cache));
}

void object_cache__free(struct object_cache *cache)
{
	if (!cache)
		return;
	tdestroy(cache->tree, free_cached);
	free(cache);
}

const struct object *object_cache__get(struct object_cache *cache, int fd, bool deep)
{
	struct cached key = { .deep = deep }, *cached, **found;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return NULL;
	key.device = status.st_dev;
	key.inode = status.st_ino;
	key.size = status.st_size;
	key.changed = status.st_ctim;
	found = tfind(&key, &cache->tree, compare);
	if (found)
		return (*found)->failed ? NULL : &(*found)->object;
	cached = base__alloc(1, sizeof(*cached));
	*cached = key;
	cached->failed = object__read(fd, deep, &cached->object) < 0;
	base__tsearch(cached, &cache->tree, compare);
	return cached->failed ? NULL : &cached->object;
}
