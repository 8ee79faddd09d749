// Reads ELF files that nobody vouches for: every size is bounded before libelf sees it, and all bytes come by pread, so that a
// file which is cut while we read gives an error, never a SIGBUS.
#ifndef WHYSTALL_IDENTIFY_ELF_READER_H
#define WHYSTALL_IDENTIFY_ELF_READER_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_reader {
	int fd;                 // not owned
	Elf *elf;
	GElf_Ehdr header;
	size_t segments;        // number of program headers
};

// Returns 0; -ENOEXEC: no ELF file; -E2BIG: a header beyond every limit; or another negative errno. The fd must stay open
// until elf_reader__close. Errors leave nothing to close.
int elf_reader__open(int fd, struct elf_reader *ret);
void elf_reader__close(struct elf_reader *reader);

// Program header `index`; false beyond the last one.
bool elf_reader__segment(const struct elf_reader *reader, size_t index, GElf_Phdr *ret);
// The first program header of this type.
bool elf_reader__segment_of_type(const struct elf_reader *reader, uint32_t type, GElf_Phdr *ret);
// The bytes of the file that are loaded at `address`. Returns the number of bytes read (0: none there).
size_t elf_reader__read_address(const struct elf_reader *reader, uint64_t address, void *buffer, size_t size);
size_t elf_reader__read(const struct elf_reader *reader, uint64_t offset, void *buffer, size_t size);

// A section by name. False where there is none, or where the names are damaged. `ret_section` may be NULL.
bool elf_reader__section(const struct elf_reader *reader, const char *name, GElf_Shdr *ret, Elf_Scn **ret_section);
// The first section of this type (SHT_SYMTAB, SHT_DYNSYM).
bool elf_reader__section_of_type(const struct elf_reader *reader, uint32_t type, GElf_Shdr *ret, Elf_Scn **ret_section);
// The translated contents of a section of at most `limit` bytes, owned by the reader; NULL if it is larger, empty or damaged.
Elf_Data *elf_reader__data(Elf_Scn *section, const GElf_Shdr *header, size_t limit);

// Calls `see` for each named symbol of a table; stops where it returns false. Nothing happens where the table is missing or
// over the limits (2 million symbols, 64 MiB of names). Returns the number of symbols seen.
size_t elf_reader__symbols(const struct elf_reader *reader, uint32_t section_type,
	bool (*see)(void *context, const char *name, const GElf_Sym *symbol), void *context);

// Calls `see` for each note of the PT_NOTE segments (at most 1 MiB of them), then for those of the section .note.gnu.build-id,
// which Go's linker left out of the segment for some versions.
typedef void elf_reader_see_note(void *context, const char *name, uint32_t type, const void *bytes, size_t size);
void elf_reader__notes(const struct elf_reader *reader, elf_reader_see_note *see, void *context);

// A text to look for; `found` is set where it occurs. A needle's text is written in two parts, so that a program which holds
// these tables is not taken for what it looks for.
struct needle { const char *first, *second; };
// Looks for needles (at most 32) in a range of the file, at most `limit` bytes of it. Returns a bit for each one found.
uint32_t elf_reader__scan(const struct elf_reader *reader, uint64_t offset, uint64_t size, uint64_t limit,
	const struct needle *needles, size_t count);
// Finds `text` in a range and copies what follows it, up to a NUL or `size` - 1 bytes. Returns its length, -1 where it is not
// found. *offset moves behind the place, to go on from there.
ssize_t elf_reader__find(const struct elf_reader *reader, uint64_t *offset, uint64_t end, const struct needle *text, char *ret,
	size_t size);

#endif
