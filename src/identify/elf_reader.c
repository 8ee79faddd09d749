#include "identify/elf_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define SEGMENT_LIMIT 64        // programs have a dozen
#define SYMBOL_LIMIT 2000000
#define NAMES_LIMIT (64U << 20)
#define NAME_LIMIT 8192         // a longer symbol is passed over: two million of them could share one text of 64 MiB
#define SECTION_NAMES_LIMIT (1U << 20)
#define NOTES_LIMIT (1U << 20)
#define CHUNK_SIZE (256U << 10)
#define NEEDLE_LENGTH 64

static size_t read_fully(int fd, uint64_t offset, void *buffer, size_t size)
{
	size_t length = 0;

	while (length < size && offset + length < INT64_MAX) {
		ssize_t got = pread(fd, (char *)buffer + length, size - length, (off_t)(offset + length));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	return length;
}

// libelf allocates for as many sections as the header claims, before anybody can ask how many there are. Counts that do not
// fit into the header's own field (e_shnum 0, e_phnum PN_XNUM) belong to object files of compilers, not to programs.
static int check_header(int fd)
{
	unsigned char bytes[sizeof(Elf64_Ehdr)];
	size_t length = read_fully(fd, 0, bytes, sizeof(bytes));
	bool wide = length > EI_CLASS && bytes[EI_CLASS] == ELFCLASS64;
	size_t shoff = wide ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff);
	size_t shoff_size = wide ? 8 : 4;
	size_t phnum = wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum);
	size_t shnum = wide ? offsetof(Elf64_Ehdr, e_shnum) : offsetof(Elf32_Ehdr, e_shnum);
	bool has_sections = false;

	if (length < (wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) || memcmp(bytes, ELFMAG, SELFMAG))
		return -ENOEXEC;
	for (size_t i = 0; i < shoff_size; i++)
		has_sections |= bytes[shoff + i] != 0;
	if ((has_sections && !bytes[shnum] && !bytes[shnum + 1]) || (bytes[phnum] == 0xff && bytes[phnum + 1] == 0xff))
		return -E2BIG;
	return 0;
}

int elf_reader__open(int fd, struct elf_reader *ret)
{
	struct elf_reader reader = { .fd = fd };
	int error = check_header(fd);

	if (error)
		return error;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	// ELF_C_READ, not ELF_C_READ_MMAP: a mapped file that somebody truncates kills its reader.
	reader.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!reader.elf || elf_kind(reader.elf) != ELF_K_ELF || !gelf_getehdr(reader.elf, &reader.header)
		|| elf_getphdrnum(reader.elf, &reader.segments)) {
		elf_end(reader.elf);
		return -ENOEXEC;
	}
	if (reader.segments > SEGMENT_LIMIT)
		reader.segments = SEGMENT_LIMIT;
	*ret = reader;
	return 0;
}

void elf_reader__close(struct elf_reader *reader)
{
	elf_end(reader->elf);
	reader->elf = NULL;
}

bool elf_reader__segment(const struct elf_reader *reader, size_t index, GElf_Phdr *ret)
{
	return index < reader->segments && gelf_getphdr(reader->elf, (int)index, ret);
}

bool elf_reader__segment_of_type(const struct elf_reader *reader, uint32_t type, GElf_Phdr *ret)
{
	for (size_t i = 0; elf_reader__segment(reader, i, ret); i++)
		if (ret->p_type == type)
			return true;
	return false;
}

size_t elf_reader__read(const struct elf_reader *reader, uint64_t offset, void *buffer, size_t size)
{
	return read_fully(reader->fd, offset, buffer, size);
}

size_t elf_reader__read_address(const struct elf_reader *reader, uint64_t address, void *buffer, size_t size)
{
	GElf_Phdr segment;

	for (size_t i = 0; elf_reader__segment(reader, i, &segment); i++) {
		uint64_t inside = address - segment.p_vaddr;

		if (segment.p_type != PT_LOAD || address < segment.p_vaddr || inside >= segment.p_filesz)
			continue;
		if (size > segment.p_filesz - inside)
			size = segment.p_filesz - inside;
		return read_fully(reader->fd, segment.p_offset + inside, buffer, size);
	}
	return 0;
}

Elf_Data *elf_reader__data(Elf_Scn *section, const GElf_Shdr *header, size_t limit)
{
	Elf_Data *data;

	if (header->sh_type == SHT_NOBITS || (header->sh_flags & SHF_COMPRESSED) || !header->sh_size || header->sh_size > limit)
		return NULL;
	data = elf_getdata(section, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}

bool elf_reader__section_of_type(const struct elf_reader *reader, uint32_t type, GElf_Shdr *ret, Elf_Scn **ret_section)
{
	for (Elf_Scn *section = NULL; (section = elf_nextscn(reader->elf, section));)
		if (gelf_getshdr(section, ret) && ret->sh_type == type) {
			*ret_section = section;
			return true;
		}
	return false;
}

// A NUL-terminated string within a table, or NULL.
static const char *string_at(const Elf_Data *table, uint64_t offset)
{
	const char *text = table ? (const char *)table->d_buf + offset : NULL;

	return table && offset < table->d_size && memchr(text, 0, table->d_size - offset) ? text : NULL;
}

bool elf_reader__section(const struct elf_reader *reader, const char *name, GElf_Shdr *ret, Elf_Scn **ret_section)
{
	Elf_Scn *section = elf_getscn(reader->elf, reader->header.e_shstrndx);
	GElf_Shdr header;
	Elf_Data *names = section && gelf_getshdr(section, &header) ? elf_reader__data(section, &header, SECTION_NAMES_LIMIT) : NULL;

	for (section = NULL; names && (section = elf_nextscn(reader->elf, section));) {
		const char *found = gelf_getshdr(section, &header) ? string_at(names, header.sh_name) : NULL;

		if (!found || strcmp(found, name))
			continue;
		*ret = header;
		if (ret_section)
			*ret_section = section;
		return true;
	}
	return false;
}

size_t elf_reader__symbols(const struct elf_reader *reader, uint32_t section_type,
	bool (*see)(void *context, const char *name, const GElf_Sym *symbol), void *context)
{
	GElf_Shdr header, names_header;
	Elf_Scn *section, *names_section;
	GElf_Sym symbol;
	size_t seen = 0;

	if (!elf_reader__section_of_type(reader, section_type, &header, &section))
		return 0;
	size_t size = gelf_fsize(reader->elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *data = elf_reader__data(section, &header, SYMBOL_LIMIT * size);
	names_section = elf_getscn(reader->elf, header.sh_link);
	Elf_Data *names = names_section && gelf_getshdr(names_section, &names_header) && names_header.sh_type == SHT_STRTAB
		? elf_reader__data(names_section, &names_header, NAMES_LIMIT) : NULL;
	if (!data || data->d_type != ELF_T_SYM || !names || ((const char *)names->d_buf)[names->d_size - 1])
		return 0;
	for (size_t i = 1; i < SYMBOL_LIMIT && gelf_getsym(data, (int)i, &symbol); i++) {
		if (!symbol.st_name || symbol.st_name >= names->d_size)
			continue;
		size_t most = names->d_size - symbol.st_name;
		if (!memchr((const char *)names->d_buf + symbol.st_name, 0, most < NAME_LIMIT ? most : NAME_LIMIT))
			continue;
		seen++;
		if (!see(context, (const char *)names->d_buf + symbol.st_name, &symbol))
			break;
	}
	return seen;
}

static void see_notes(Elf_Data *data, elf_reader_see_note *see, void *context)
{
	size_t name, bytes, next;
	GElf_Nhdr note;

	for (size_t at = 0; data && (next = gelf_getnote(data, at, &note, &name, &bytes)) > at; at = next) {
		const char *start = data->d_buf;

		if (note.n_namesz && !start[name + note.n_namesz - 1])
			see(context, start + name, note.n_type, start + bytes, note.n_descsz);
	}
}

void elf_reader__notes(const struct elf_reader *reader, elf_reader_see_note *see, void *context)
{
	uint64_t left = NOTES_LIMIT;
	GElf_Phdr segment;
	GElf_Shdr header;
	Elf_Scn *section;

	for (size_t i = 0; elf_reader__segment(reader, i, &segment); i++) {
		if (segment.p_type != PT_NOTE || segment.p_filesz > left)
			continue;
		left -= segment.p_filesz;
		see_notes(elf_getdata_rawchunk(reader->elf, (int64_t)segment.p_offset, segment.p_filesz,
			segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), see, context);
	}
	if (elf_reader__section(reader, ".note.gnu.build-id", &header, &section) && header.sh_type == SHT_NOTE)
		see_notes(elf_reader__data(section, &header, NOTES_LIMIT), see, context);
}

static size_t join(const struct needle *needle, char text[static NEEDLE_LENGTH])
{
	int length = snprintf(text, NEEDLE_LENGTH, "%s%s", needle->first, needle->second);

	return length < NEEDLE_LENGTH ? (size_t)length : NEEDLE_LENGTH - 1;
}

uint32_t elf_reader__scan(const struct elf_reader *reader, uint64_t offset, uint64_t size, uint64_t limit,
	const struct needle *needles, size_t count)
{
	uint64_t end = offset + (size < limit ? size : limit);
	cleanup_free char *chunk = base__alloc(CHUNK_SIZE, 1);
	uint32_t found = 0, all = count < 32 ? (1U << count) - 1 : UINT32_MAX;
	char texts[32][NEEDLE_LENGTH];
	size_t lengths[32];

	for (size_t i = 0; i < count; i++)
		lengths[i] = join(&needles[i], texts[i]);
	while (offset < end && found != all) {
		size_t wanted = end - offset < CHUNK_SIZE ? (size_t)(end - offset) : CHUNK_SIZE;
		size_t got = read_fully(reader->fd, offset, chunk, wanted);

		for (size_t i = 0; i < count; i++)
			if (!(found & (1U << i)) && memmem(chunk, got, texts[i], lengths[i]))
				found |= 1U << i;
		if (got < CHUNK_SIZE)
			break;
		offset += CHUNK_SIZE - NEEDLE_LENGTH;   // a text may stand on the border
	}
	return found;
}

ssize_t elf_reader__find(const struct elf_reader *reader, uint64_t *offset, uint64_t end, const struct needle *text, char *ret,
	size_t size)
{
	cleanup_free char *chunk = base__alloc(CHUNK_SIZE, 1);
	char sought[NEEDLE_LENGTH];
	size_t length = join(text, sought);

	while (*offset < end) {
		size_t wanted = end - *offset < CHUNK_SIZE ? (size_t)(end - *offset) : CHUNK_SIZE;
		size_t got = read_fully(reader->fd, *offset, chunk, wanted);
		const char *place = memmem(chunk, got, sought, length);

		if (place) {
			*offset += (uint64_t)(place - chunk) + length;
			size_t tail = read_fully(reader->fd, *offset, ret, end - *offset < size - 1 ? (size_t)(end - *offset) : size - 1);
			ret[tail] = '\0';
			return (ssize_t)strlen(ret);
		}
		if (got < CHUNK_SIZE)
			break;
		*offset += CHUNK_SIZE - NEEDLE_LENGTH;
	}
	*offset = end;
	return -1;
}
