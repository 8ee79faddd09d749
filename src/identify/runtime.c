#include "identify/runtime.h"

#include <ctype.h>
#include <string.h>

#include "base/base.h"
#include "identify/clues.h"
#include "identify/elf_reader.h"

#define TEXTS_LIMIT (64U << 20)
#define TRIES 64

static bool has(const struct object *object, enum clue clue)
{
	return object->clues & CLUE_BIT(clue);
}

static bool needs(const struct object *object, const char *start)
{
	for (size_t i = 0; i < object->needed_count; i++)
		if (!strncmp(object->needed[i], start, strlen(start)))
			return true;
	return false;
}

// Rust programs may contain C++ (databases, say) and C++ programs Rust (browsers): with symbols, the one that has main counts.
// Without, Rust: it leaves its traces in all that it builds, while C++ comes with libraries, too.
static bool is_rust(const struct object *object)
{
	if (has(object, CLUE_RUST_MAIN) || !has(object, CLUE_RUST))
		return has(object, CLUE_RUST_MAIN);
	return !object->has_symbols || !has(object, CLUE_CXX);
}

const char *runtime__of(const struct object *object)
{
	if (object->go.version || object->go_note || has(object, CLUE_GO) || needs(object, "libgo.so"))
		return "go";
	if (object->packed)
		return "unknown";
	if (has(object, CLUE_JVM))
		return "jvm";
	if (has(object, CLUE_NODE))
		return "node";
	if (has(object, CLUE_PYTHON))
		return "python";
	if (is_rust(object))
		return "rust";
	if (has(object, CLUE_FOREIGN))
		return "unknown";
	if (has(object, CLUE_CXX) || needs(object, "libstdc++.so") || needs(object, "libc++.so"))
		return "c++";
	// C leaves no traces of its own: what is linked with a C library, and is none of the above.
	return object->needed_count || object->glibc_startup || has(object, CLUE_GLIBC) || has(object, CLUE_MUSL) ? "c" : "unknown";
}

struct python_symbol { uint64_t address; };

static bool see_python(void *context, const char *name, const GElf_Sym *symbol)
{
	struct python_symbol *found = context;

	if (symbol->st_shndx == SHN_UNDEF || strcmp(name, "Py_Version"))
		return true;
	found->address = symbol->st_value;
	return false;
}

// const unsigned long Py_Version = PY_VERSION_HEX: major, minor, micro, then 4 bits of level (a, b, c, f) and serial.
static char *version_of_hex(uint32_t hex)
{
	static const struct { unsigned level; const char *sign; } levels[] = { { 0xa, "a" }, { 0xb, "b" }, { 0xc, "rc" } };
	cleanup_free char *release = base__format("%u.%u.%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff);

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if ((hex >> 4 & 0xf) == levels[i].level)
			return base__format("%s%s%u", release, levels[i].sign, hex & 0xf);
	return base__copy(release);
}

// "3.9" of "python3.9", "libpython3.9.so.1.0"; empty if the name does not tell.
static void minor_of(const char *name, char ret[static 16])
{
	const char *python = name ? strstr(name, "python") : NULL;
	const char *start = python ? python + strlen("python") : "";
	unsigned major, minor;

	ret[0] = '\0';
	if (sscanf(start, "%1u.%2u", &major, &minor) == 2)
		snprintf(ret, 16, "%u.%u.", major, minor);
}

// The version text ends a string: "3.9.18", "3.14.0rc2+". The linker may have it share the end of a longer one, such as a path.
static char *python_text(const struct elf_reader *reader, const char *minor)
{
	struct needle before = { minor, "" };
	char text[16], *version = NULL;
	GElf_Shdr section;

	if (!minor[0] || !elf_reader__section(reader, ".rodata", &section, NULL) || section.sh_type == SHT_NOBITS)
		return NULL;
	uint64_t offset = section.sh_offset, end = offset + (section.sh_size < TEXTS_LIMIT ? section.sh_size : TEXTS_LIMIT);
	for (int tries = 0; tries < TRIES && elf_reader__find(reader, &offset, end, &before, text, sizeof(text)) >= 0; tries++) {
		size_t digits = strspn(text, "0123456789"), length = strspn(text, "0123456789abrc+");
		char left = '0';

		elf_reader__read(reader, offset - strlen(minor) - 1, &left, 1);
		if (!digits || length >= sizeof(text) - 1 || text[length] || isdigit((unsigned char)left) || left == '.')
			continue;
		if (!left || !version) {
			free(version);
			version = base__format("%s%s", minor, text);
		}
		if (!left)
			break;
	}
	return version;
}

char *runtime__python_version(int fd, const char *name)
{
	struct python_symbol symbol = { 0 };
	struct elf_reader reader;
	unsigned char bytes[4];
	char minor[16], *version = NULL;

	if (elf_reader__open(fd, &reader) < 0)
		return NULL;
	elf_reader__symbols(&reader, SHT_DYNSYM, see_python, &symbol);
	if (symbol.address && elf_reader__read_address(&reader, symbol.address, bytes, 4) == 4) {
		bool big_endian = reader.header.e_ident[EI_DATA] == ELFDATA2MSB;
		uint32_t hex = 0;

		for (int i = 0; i < 4; i++)
			hex |= (uint32_t)bytes[i] << 8 * (big_endian ? 3 - i : i);
		version = version_of_hex(hex);
	} else {
		minor_of(name, minor);
		version = python_text(&reader, minor);
	}
	elf_reader__close(&reader);
	return version;
}

char *runtime__node_version(int fd)
{
	static const struct needle before = { "/node-", "v" };
	struct elf_reader reader;
	GElf_Shdr section;
	char text[32], *version = NULL;

	if (elf_reader__open(fd, &reader) < 0)
		return NULL;
	if (elf_reader__section(&reader, ".rodata", &section, NULL) && section.sh_type != SHT_NOBITS) {
		uint64_t offset = section.sh_offset, end = offset + (section.sh_size < TEXTS_LIMIT ? section.sh_size : TEXTS_LIMIT);

		for (int tries = 0; tries < TRIES && !version && elf_reader__find(&reader, &offset, end, &before, text, sizeof(text)) >= 0; tries++) {
			size_t length = strspn(text, "0123456789.");

			if (length && isdigit((unsigned char)text[0]) && text[length] == '-')
				version = base__copy_part(text, length);
		}
	}
	elf_reader__close(&reader);
	return version;
}

char *runtime__java_version(const char *release)
{
	static const char name[] = "JAVA_VERSION=\"";
	const char *line = release;

	while (line && strncmp(line, name, sizeof(name) - 1))
		line = (line = strchr(line, '\n')) ? line + 1 : NULL;
	if (!line)
		return NULL;
	line += sizeof(name) - 1;
	size_t length = strcspn(line, "\"\n");
	return length && length < 64 ? base__copy_part(line, length) : NULL;
}
