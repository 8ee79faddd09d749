// ELF files, damaged in every way, through the libraries that read them. (Users have these in a child process: isolate.h.)
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/object_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OFFSETS = 6 };
static const uint64_t offsets[OFFSETS] = { 0x10, 0x1149, 0x1150, 0x1180, 0x11a0, 0x2000 };

static void see_build_id(void *context, const unsigned char *bytes, size_t length)
{
	volatile unsigned char sum = 0;

	(void)context;
	for (size_t i = 0; i < length; i++)
		sum ^= bytes[i];
	(void)sum;
}

static void see_functions(void *context, size_t index, uint64_t address, const char *functions)
{
	(void)context;
	(void)address;
	assert(index < OFFSETS && strlen(functions) < 65536);
}

static void see_no_call(void *context, size_t index)
{
	(void)context;
	assert(index < OFFSETS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct object_file_listener listener = { see_build_id, see_functions, see_no_call, NULL, NULL };
	int fd = memfd_create("fuzz", 0);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	object_file__symbols(fd, "/nowhere/file", offsets, OFFSETS, &listener);
	object_file__inlined(fd, "/nowhere/file", offsets, OFFSETS, &listener);
	close(fd);
	return 0;
}
