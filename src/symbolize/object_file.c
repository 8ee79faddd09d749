#include "symbolize/object_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/base.h"
#include "symbolize/demangle.h"
#include "symbolize/elf_symbols.h"

// Where the loader puts what stands at `offset` in the file; `offset` itself where no segment holds it.
static uint64_t address_of(Elf *elf, size_t segments, uint64_t offset)
{
	for (size_t i = 0; i < segments; i++) {
		GElf_Phdr segment;

		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
		    offset >= segment.p_offset && offset - segment.p_offset < segment.p_filesz)
			return segment.p_vaddr + (offset - segment.p_offset);
	}
	return offset;
}

static int compare(const void *left, const void *right)
{
	const struct symbol_match *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static void name_by_symbols(Elf *elf, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	struct symbol_match *matches = base__alloc(count, sizeof(*matches));
	uint64_t *addresses = base__alloc(count, sizeof(*addresses));
	size_t segments = 0;

	elf_getphdrnum(elf, &segments);
	for (size_t i = 0; i < count; i++)
		matches[i].address = addresses[i] = address_of(elf, segments, offsets[i]);
	qsort(matches, count, sizeof(*matches), compare);
	elf_symbols__offer(elf, matches, count);
	for (size_t i = 0; i < count; i++) {
		struct symbol_match key = { .address = addresses[i] }, *match = bsearch(&key, matches, count, sizeof(key), compare);
		cleanup_free char *name = match->name ? demangle(match->name) : NULL;

		listener->functions(listener->context, i, addresses[i], name ? name : "");
	}
	for (size_t i = 0; i < count; i++)
		free(matches[i].name);
	free(matches);
	free(addresses);
}

static int name_all(Elf *elf, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	const void *build_id;
	ssize_t length;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	length = dwelf_elf_gnu_build_id(elf, &build_id);
	if (length > 0 && listener->build_id)
		listener->build_id(listener->context, build_id, (size_t)length);
	name_by_symbols(elf, offsets, count, listener);
	return 0;
}

int object_file__symbols(int fd, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	Elf *elf;
	int error;

	(void)path;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	error = name_all(elf, offsets, count, listener);
	elf_end(elf);
	return error;
}

int object_file__vdso(size_t size, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	Elf *elf;
	int error;

	elf_version(EV_CURRENT);
	elf = image ? elf_memory(image, size) : NULL;
	error = name_all(elf, offsets, count, listener);
	elf_end(elf);
	return error;
}
