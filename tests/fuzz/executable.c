// Files that claim to be programs, damaged in every way; and the small formats beside them: Go's build information, the
// loader's cache, environments, arguments.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/executable.h"
#include "identify/go_buildinfo.h"
#include "identify/loader_cache.h"
#include "identify/object.h"
#include "identify/runtime.h"
#include "identify/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory { const uint8_t *bytes; size_t size; };

static size_t read_memory(void *context, uint64_t address, void *buffer, size_t size)
{
	const struct memory *memory = context;

	if (address >= memory->size)
		return 0;
	if (size > memory->size - address)
		size = memory->size - address;
	memcpy(buffer, memory->bytes + address, size);
	return size;
}

static void try_small_formats(const uint8_t *data, size_t size)
{
	struct memory memory = { data, size };
	struct go_buildinfo info = { 0 };
	struct settings settings;

	if (!go_buildinfo__parse(data, size, read_memory, &memory, &info)) {
		assert(!info.module || strlen(info.module) <= size);
		go_buildinfo__free(&info);
	}
	assert(go_buildinfo__find(data, size) < (int64_t)size);
	const char *path = loader_cache__find((const char *)data, size, "libc.so.6", 0x303);
	assert(!path || (path > (const char *)data && path + strlen(path) < (const char *)data + size));
	settings__read((const char *)data, size, &settings);
	assert(strlen(settings.lines) <= 4096);
	settings__free(&settings);
	executable__loaded_program((const char *)data, size);
	cleanup_free char *text = strndup((const char *)data, size);
	free(runtime__java_version(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct object object;

	if (fd < 0)
		fd = memfd_create("executable", MFD_CLOEXEC);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	for (int deep = 0; deep < 2; deep++)
		if (!object__read(fd, deep, &object)) {
			assert(runtime__of(&object));
			object__free(&object);
		}
	free(runtime__python_version(fd, "python3.9"));
	free(runtime__node_version(fd));
	try_small_formats(data, size);
	return 0;
}
