#include "symbolize/object_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/base.h"
#include "symbolize/call_site.h"
#include "symbolize/debug_file.h"
#include "symbolize/demangle.h"
#include "symbolize/elf_symbols.h"
#include "symbolize/inlined.h"

// Debian compresses debug information; libdw unpacks all of it at once, 300 MB in a second.
#define UNPACKED_LIMIT ((uint64_t)128 << 20)
#define INLINED_CPU_LIMIT_NS ((int64_t)(400 * NS_PER_MSEC))     // of one file: usual ones take some milliseconds

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

// The offsets as addresses, ascending.
static struct symbol_match *addresses_of(Elf *elf, const uint64_t *offsets, size_t count)
{
	struct symbol_match *matches = base__alloc(count, sizeof(*matches));
	size_t segments = 0;

	elf_getphdrnum(elf, &segments);
	for (size_t i = 0; i < count; i++)
		matches[i] = (struct symbol_match){ .address = address_of(elf, segments, offsets[i]), .place = i };
	qsort(matches, count, sizeof(*matches), compare);
	return matches;
}

// Symbols that were taken out of the file may stand in another one. (A stripped Go program has a table of its own, .gopclntab:
// its functions would be offered here.)
static void offer_others(Elf *elf, const char *path, struct symbol_match *matches, size_t count, const struct object_file_listener *listener)
{
	char *image = NULL;
	Elf *embedded = debug_file__embedded(elf, &image);
	cleanup_fd int fd = path ? debug_file__open(elf, path, listener->open, listener->context) : -1;
	Elf *debug = fd >= 0 ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;

	if (embedded)
		elf_symbols__offer(embedded, matches, count);
	if (debug)
		elf_symbols__offer(debug, matches, count);
	elf_end(embedded);
	elf_end(debug);
	free(image);
}

// The first frames of Go's threads and of coroutines are made up: they return to the begin of a function, or one byte behind it.
static void check_calls(Elf *elf, const uint64_t *offsets, const struct symbol_match *matches, size_t count,
	const struct object_file_listener *listener)
{
	size_t size = 0;
	const char *file = elf_rawfile(elf, &size);
	GElf_Ehdr header;

	if (!file || !gelf_getehdr(elf, &header))
		return;
	for (size_t i = 0; i < count; i++) {
		unsigned char code[CALL_SITE_BEFORE + CALL_SITE_AFTER] = { 0 };
		uint64_t end = offsets[matches[i].place] + 1;

		if (end < CALL_SITE_BEFORE || end >= size)
			continue;
		memcpy(code, file + end - CALL_SITE_BEFORE, size - end < CALL_SITE_AFTER ? CALL_SITE_BEFORE + (size - end) : sizeof(code));
		if (!call_site__is_one(header.e_machine, code) && !(matches[i].name && matches[i].start == matches[i].address))
			listener->no_call(listener->context, matches[i].place);
	}
}

static int name_by_symbols(Elf *elf, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	struct symbol_match *matches;
	const void *build_id;
	ssize_t length;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	length = dwelf_elf_gnu_build_id(elf, &build_id);
	if (length > 0)
		listener->build_id(listener->context, build_id, (size_t)length);
	matches = addresses_of(elf, offsets, count);
	elf_symbols__offer(elf, matches, count);
	if (!elf_symbols__complete(elf))
		offer_others(elf, path, matches, count, listener);
	check_calls(elf, offsets, matches, count, listener);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *name = matches[i].name ? demangle(matches[i].name) : NULL;

		listener->functions(listener->context, matches[i].place, matches[i].address, name ? name : "");
		free(matches[i].name);
	}
	free(matches);
	return 0;
}

int object_file__symbols(int fd, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	Elf *elf;
	int error;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	error = name_by_symbols(elf, path, offsets, count, listener);
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
	error = name_by_symbols(elf, NULL, offsets, count, listener);
	elf_end(elf);
	return error;
}

struct inlined_job { const struct symbol_match *matches; const struct object_file_listener *listener; };

static void tell_inlined(void *context, size_t index, const char *const *names, size_t count)
{
	const struct inlined_job *job = context;
	const struct symbol_match *match = &job->matches[index];
	struct string lines = { 0 };

	for (size_t i = 0; i < count; i++) {
		cleanup_free char *name = demangle(names[i] ? names[i] : "?");

		string__add(&lines, "%s%s%s", i ? "\n" : "", name, i + 1 < count ? " [inlined]" : "");
	}
	job->listener->functions(job->listener->context, match->place, match->address, lines.text);
	string__free(&lines);
}

static bool is_too_big(Elf *elf)
{
	Elf_Scn *section = NULL;
	uint64_t total = 0;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Chdr header;

		if (gelf_getchdr(section, &header))
			total += header.ch_size < UNPACKED_LIMIT ? header.ch_size : UNPACKED_LIMIT;
	}
	return total >= UNPACKED_LIMIT;
}

// The debug information of `elf`, in it or apart; what it stands in is left open until all is done.
struct debug { int fd; Elf *elf; Dwarf *dwarf; bool too_big; };

static struct debug open_debug(Elf *elf, const char *path, const struct object_file_listener *listener)
{
	struct debug debug = { .fd = -1, .too_big = is_too_big(elf) };

	if (!debug.too_big)
		debug.dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (debug.too_big || debug.dwarf)
		return debug;
	debug.fd = debug_file__open(elf, path, listener->open, listener->context);
	debug.elf = debug.fd >= 0 ? elf_begin(debug.fd, ELF_C_READ_MMAP, NULL) : NULL;
	debug.too_big = debug.elf && is_too_big(debug.elf);
	debug.dwarf = debug.elf && !debug.too_big ? dwarf_begin_elf(debug.elf, DWARF_C_READ, NULL) : NULL;
	return debug;
}

static void close_debug(struct debug *debug)
{
	dwarf_end(debug->dwarf);
	elf_end(debug->elf);
	base__close_fd(&debug->fd);
}

int object_file__inlined(int fd, const char *path, const uint64_t *offsets, size_t count, const struct object_file_listener *listener)
{
	struct inlined_job job = { .listener = listener };
	struct symbol_match *matches;
	struct debug debug;
	Elf *elf;
	int error;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -ENOEXEC;
	}
	debug = open_debug(elf, path, listener);
	error = debug.too_big ? -EFBIG : 0;
	if (debug.dwarf) {
		uint64_t *addresses = base__alloc(count, sizeof(*addresses));

		job.matches = matches = addresses_of(elf, offsets, count);
		for (size_t i = 0; i < count; i++)
			addresses[i] = matches[i].address;
		if (!inlined__find(debug.dwarf, addresses, count, INLINED_CPU_LIMIT_NS, tell_inlined, &job))
			error = -ETIME;
		free(matches);
		free(addresses);
	}
	close_debug(&debug);
	elf_end(elf);
	return error;
}
