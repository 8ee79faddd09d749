#include "identify/object.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "identify/calls.h"
#include "identify/clues.h"
#include "identify/elf_reader.h"

#define DYNAMIC_LIMIT (1U << 20)
#define STRING_LIMIT 4096
#define TEXTS_LIMIT (32U << 20)         // of read-only data, for names that are not found in symbols
#define GO_SEARCH_LIMIT (1U << 20)      // the Go linker puts it at the start of the data segment
#define GO_INFO_LIMIT (256U << 10)
#define DEBUG_TEXT_LIMIT (16U << 20)
#define COMMENT_LIMIT (64U << 10)

// A NUL-terminated string of the loaded file; owned, NULL where there is none or where it is too long.
static char *string_at_address(const struct elf_reader *reader, uint64_t address)
{
	char text[STRING_LIMIT];
	size_t length = elf_reader__read_address(reader, address, text, sizeof(text));

	return memchr(text, 0, length) ? base__copy(text) : NULL;
}

struct dynamic { uint64_t strings, soname, rpath, runpath, flags_1, needed[OBJECT_NEEDED_LIMIT]; size_t needed_count; };

static void read_dynamic_entry(const GElf_Dyn *entry, struct dynamic *dynamic)
{
	switch (entry->d_tag) {
	case DT_STRTAB: dynamic->strings = entry->d_un.d_ptr; break;
	case DT_SONAME: dynamic->soname = entry->d_un.d_val; break;
	case DT_RPATH: dynamic->rpath = entry->d_un.d_val; break;
	case DT_RUNPATH: dynamic->runpath = entry->d_un.d_val; break;
	case DT_FLAGS_1: dynamic->flags_1 = entry->d_un.d_val; break;
	case DT_NEEDED:
		if (dynamic->needed_count < OBJECT_NEEDED_LIMIT)
			dynamic->needed[dynamic->needed_count++] = entry->d_un.d_val;
		break;
	}
}

static void read_dynamic(const struct elf_reader *reader, struct object *object)
{
	struct dynamic dynamic = { 0 };
	GElf_Phdr segment;
	GElf_Dyn entry;

	if (!elf_reader__segment_of_type(reader, PT_DYNAMIC, &segment) || segment.p_filesz > DYNAMIC_LIMIT)
		return;
	Elf_Data *data = elf_getdata_rawchunk(reader->elf, (int64_t)segment.p_offset, segment.p_filesz, ELF_T_DYN);
	for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
		read_dynamic_entry(&entry, &dynamic);
	object->declares_pie = dynamic.flags_1 & DF_1_PIE;
	object->soname = dynamic.soname ? string_at_address(reader, dynamic.strings + dynamic.soname) : NULL;
	object->rpath = dynamic.rpath ? string_at_address(reader, dynamic.strings + dynamic.rpath) : NULL;
	object->runpath = dynamic.runpath ? string_at_address(reader, dynamic.strings + dynamic.runpath) : NULL;
	object->needed = base__alloc(dynamic.needed_count, sizeof(*object->needed));
	for (size_t i = 0; i < dynamic.needed_count; i++) {
		char *name = string_at_address(reader, dynamic.strings + dynamic.needed[i]);

		if (name)
			object->needed[object->needed_count++] = name;
	}
}

static void read_loader(const struct elf_reader *reader, struct object *object)
{
	char path[STRING_LIMIT];
	GElf_Phdr segment;

	if (!elf_reader__segment_of_type(reader, PT_INTERP, &segment) || segment.p_filesz > sizeof(path))
		return;
	size_t length = elf_reader__read(reader, segment.p_offset, path, segment.p_filesz);
	if (length && memchr(path, 0, length))
		object->loader = base__copy(path);
}

static void see_note(void *context, const char *name, uint32_t type, const void *bytes, size_t size)
{
	struct object *object = context;
	uint32_t system;

	if (!strcmp(name, "GNU") && type == NT_GNU_BUILD_ID && size && size <= 64 && !object->build_id) {
		object->build_id = base__alloc(2 * size + 1, 1);
		for (size_t i = 0; i < size; i++)
			snprintf(object->build_id + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
	} else if (!strcmp(name, "GNU") && type == NT_GNU_ABI_TAG && size >= sizeof(system)) {
		memcpy(&system, bytes, sizeof(system));
		object->glibc_startup |= system == 0;   // ELF_NOTE_OS_LINUX, in any byte order
	} else if (!strcmp(name, "Go")) {
		object->go_note = true;
	}
}

struct symbols { uint64_t clues, mallopt; };    // mallopt: its address where the file defines it, else 0

static bool see_symbol(void *context, const char *name, const GElf_Sym *symbol)
{
	struct symbols *symbols = context;
	bool defined = symbol->st_shndx != SHN_UNDEF;

	symbols->clues |= clues__of_symbol(name, defined);
	if (defined && !strcmp(name, "mallopt"))
		symbols->mallopt = symbol->st_value;
	return true;
}

static size_t read_go_address(void *context, uint64_t address, void *buffer, size_t size)
{
	return elf_reader__read_address(context, address, buffer, size);
}

static bool parse_go(struct elf_reader *reader, uint64_t offset, uint64_t size, struct go_buildinfo *ret)
{
	cleanup_free uint8_t *bytes = NULL;

	if (size > GO_SEARCH_LIMIT)
		size = GO_SEARCH_LIMIT;
	bytes = base__alloc(size, 1);
	size_t length = elf_reader__read(reader, offset, bytes, size);
	int64_t at = go_buildinfo__find(bytes, length);
	if (at < 0)
		return false;
	// The list of modules may reach beyond what was read to find its start.
	cleanup_free uint8_t *info = base__alloc(GO_INFO_LIMIT, 1);
	length = elf_reader__read(reader, offset + (uint64_t)at, info, GO_INFO_LIMIT);
	return go_buildinfo__parse(info, length, read_go_address, reader, ret) == 0;
}

static void read_go(struct elf_reader *reader, struct object *object)
{
	GElf_Shdr section;
	GElf_Phdr segment;

	if (elf_reader__section(reader, ".go.buildinfo", &section, NULL) && section.sh_type != SHT_NOBITS) {
		parse_go(reader, section.sh_offset, section.sh_size, &object->go);
		object->go_note = true;
		return;
	}
	for (size_t i = 0; elf_reader__segment(reader, i, &segment); i++)
		if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) && segment.p_filesz)
			if (parse_go(reader, segment.p_offset, segment.p_filesz, &object->go))
				return;
}

// The version in "rustc version 1.75.0 (82e1608df 2023-12-21)", or in a source path "…/rustc-1.63.0/library/…".
static char *version_in(const char *text)
{
	size_t length = strspn(text, "0123456789.");

	if (!length || !isdigit((unsigned char)text[0]) || text[length - 1] == '.' || length > 31)
		return NULL;
	return base__copy_part(text, length);
}

static char *find_version(const struct elf_reader *reader, uint64_t offset, uint64_t size, const struct needle *before)
{
	uint64_t end = offset + size;
	char text[32], *version = NULL;

	for (int tries = 0; tries < 16 && !version && elf_reader__find(reader, &offset, end, before, text, sizeof(text)) >= 0; tries++)
		version = version_in(text);
	return version;
}

static const struct { const char *section; uint64_t limit; struct needle before; } rust_versions[] = {
	{ ".comment", COMMENT_LIMIT, { "rustc ", "version " } },
	{ ".debug_str", DEBUG_TEXT_LIMIT, { "rustc ", "version " } },
	{ ".rodata", TEXTS_LIMIT, { "/rustc", "-" } },
};

static void read_rust_version(const struct elf_reader *reader, struct object *object)
{
	GElf_Shdr section;

	for (size_t i = 0; i < ARRAY_SIZE(rust_versions) && !object->rust_version; i++) {
		if (!elf_reader__section(reader, rust_versions[i].section, &section, NULL) || section.sh_type == SHT_NOBITS
			|| (section.sh_flags & SHF_COMPRESSED))
			continue;
		if (section.sh_size > rust_versions[i].limit)
			section.sh_size = rust_versions[i].limit;
		object->rust_version = find_version(reader, section.sh_offset, section.sh_size, &rust_versions[i].before);
	}
}

// Read-only data: its section, or all that is loaded where the sections' names are gone.
static uint64_t clues_of_data(const struct elf_reader *reader)
{
	uint64_t clues = 0, left = TEXTS_LIMIT;
	GElf_Shdr section;
	GElf_Phdr segment;

	if (elf_reader__section(reader, ".rodata", &section, NULL) && section.sh_type != SHT_NOBITS)
		return clues__of_texts(reader, section.sh_offset, section.sh_size, TEXTS_LIMIT);
	for (size_t i = 0; elf_reader__segment(reader, i, &segment); i++) {
		uint64_t size = segment.p_filesz < left ? segment.p_filesz : left;

		if (segment.p_type != PT_LOAD)
			continue;
		left -= size;
		clues |= clues__of_texts(reader, segment.p_offset, size, size);
	}
	return clues;
}

// The first instructions of a program, crt/x86_64/crt_arch.h and its like in musl: all that is left of it in a stripped program
// that prints no error messages.
static const struct { int machine; uint8_t size, bytes[12]; enum clue clue; } startups[] = {
	{ EM_X86_64, 9, { 0x48, 0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x8d, 0x35 }, CLUE_MUSL },  // xor rbp,rbp; mov rdi,rsp; lea rsi,[rip+…]
	{ EM_AARCH64, 12, { 0x1d, 0, 0x80, 0xd2, 0x1e, 0, 0x80, 0xd2, 0xe0, 0x03, 0, 0x91 }, CLUE_MUSL }, // mov x29,0; mov x30,0; mov x0,sp
};

static uint64_t clues_of_startup(const struct elf_reader *reader)
{
	uint8_t bytes[sizeof(startups[0].bytes)] = { 0 };
	uint64_t clues = 0;

	elf_reader__read_address(reader, reader->header.e_entry, bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_SIZE(startups); i++)
		if (startups[i].machine == reader->header.e_machine && !memcmp(bytes, startups[i].bytes, startups[i].size))
			clues |= CLUE_BIT(startups[i].clue);
	return clues;
}

static bool is_packed(const struct elf_reader *reader)
{
	static const struct needle mark = { "UP", "X!" };

	return elf_reader__scan(reader, 0, 1024, 1024, &mark, 1) != 0;
}

static void look_deeper(struct elf_reader *reader, struct object *object)
{
	struct symbols symbols = { 0 };

	read_go(reader, object);
	object->packed = !object->go.version && is_packed(reader);
	object->has_symbols = elf_reader__symbols(reader, SHT_SYMTAB, see_symbol, &symbols) > 0;
	object->clues |= symbols.clues;
	object->calls_mallopt_itself = !object->loader && symbols.mallopt && calls__function(reader, symbols.mallopt);
	object->clues |= clues_of_startup(reader);
	// A Go program without C has nothing but Go in it.
	if (!object->has_symbols && (!object->go.version || object->go.cgo_enabled))
		object->clues |= clues_of_data(reader);
	if (object->clues & CLUE_BIT(CLUE_RUST))
		read_rust_version(reader, object);
	object->deep = true;
}

int object__read(int fd, bool deep, struct object *ret)
{
	struct object object = { 0 };
	struct symbols symbols = { 0 };
	struct elf_reader reader;
	int error = elf_reader__open(fd, &reader);

	if (error)
		return error;
	if (reader.header.e_type != ET_EXEC && reader.header.e_type != ET_DYN) {
		elf_reader__close(&reader);
		return -ENOEXEC;
	}
	object.elf_class = gelf_getclass(reader.elf);
	object.machine = reader.header.e_machine;
	object.position_independent = reader.header.e_type == ET_DYN;
	read_loader(&reader, &object);
	read_dynamic(&reader, &object);
	elf_reader__notes(&reader, see_note, &object);
	elf_reader__symbols(&reader, SHT_DYNSYM, see_symbol, &symbols);
	object.exported = object.clues = symbols.clues;
	if (deep)
		look_deeper(&reader, &object);
	elf_reader__close(&reader);
	*ret = object;
	return 0;
}

void object__free(struct object *object)
{
	char *strings[] = { object->loader, object->soname, object->rpath, object->runpath, object->build_id, object->rust_version };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < object->needed_count; i++)
		free(object->needed[i]);
	free(object->needed);
	go_buildinfo__free(&object->go);
	*object = (struct object){ 0 };
}
