#include "symbolize/elf_symbols.h"

#include <gelf.h>
#include <string.h>

#include "base/base.h"

#define NAME_LIMIT 65536
#define VISIT_LIMIT 20000000            // addresses offered to; real functions do not overlap, hostile ones may

// The last function that begins below an address. One without a size (written in assembler) reaches to the next function or
// to the end of its section: behind `end` it says nothing.
struct below { uint64_t start, end; const char *name; };

struct pass { struct symbol_match *matches; size_t count; struct below *below; size_t visits; };

static size_t find(const struct symbol_match *matches, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (matches[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int rank_of(const char *name, const GElf_Sym *symbol)
{
	return (GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? 1000 : 0) + (int)strspn(name, "_");
}

static bool is_better(const struct symbol_match *match, uint64_t start, int rank, const char *name)
{
	size_t length, old_length;

	if (!match->name || start != match->start)
		return !match->name || start > match->start;
	if (rank != match->rank)
		return rank < match->rank;
	length = strlen(name);
	old_length = strlen(match->name);
	return length != old_length ? length < old_length : strcmp(name, match->name) < 0;
}

static void set(struct symbol_match *match, uint64_t start, int rank, const char *name)
{
	free(match->name);
	match->name = base__copy(name);
	match->start = start;
	match->rank = rank;
}

static uint64_t section_end(Elf *elf, const GElf_Sym *symbol)
{
	Elf_Scn *section = symbol->st_shndx < SHN_LORESERVE ? elf_getscn(elf, symbol->st_shndx) : NULL;
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) ? header.sh_addr + header.sh_size : 0;
}

static void offer(struct pass *pass, Elf *elf, const GElf_Sym *symbol, const char *name)
{
	uint64_t end = symbol->st_value + symbol->st_size;
	size_t place = find(pass->matches, pass->count, symbol->st_value);

	if (place == pass->count)
		return;
	if (!pass->below[place].name || symbol->st_value > pass->below[place].start ||
	    (symbol->st_value == pass->below[place].start && symbol->st_size))
		pass->below[place] = (struct below){ symbol->st_value, symbol->st_size ? end : section_end(elf, symbol), name };
	for (; place < pass->count && pass->matches[place].address < end && pass->visits < VISIT_LIMIT; place++, pass->visits++) {
		int rank = rank_of(name, symbol);

		if (is_better(&pass->matches[place], symbol->st_value, rank, name))
			set(&pass->matches[place], symbol->st_value, rank, name);
	}
}

// In code, and a function by its type; assemblers leave types out. "$x" and the like mark kinds of code on ARM.
static bool is_function(Elf *elf, const GElf_Sym *symbol)
{
	int type = GELF_ST_TYPE(symbol->st_info);
	GElf_Shdr header;
	Elf_Scn *section;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || !symbol->st_value)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	if (type != STT_NOTYPE || symbol->st_shndx >= SHN_LORESERVE)
		return false;
	section = elf_getscn(elf, symbol->st_shndx);
	return section && gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR);
}

static void offer_table(struct pass *pass, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t symbols = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;

	for (size_t i = 1; i < symbols; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) || !is_function(elf, &symbol))
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && name[0] && name[0] != '$' && strnlen(name, NAME_LIMIT) < NAME_LIMIT)
			offer(pass, elf, &symbol, name);
	}
}

// What no sized function holds goes to the unsized one right below it.
static void settle(struct pass *pass)
{
	for (size_t i = 0; i < pass->count; i++) {
		struct below *below = &pass->below[i];

		if (i && (!below->name || pass->below[i - 1].start > below->start) && pass->below[i - 1].name)
			*below = pass->below[i - 1];
		if (!pass->matches[i].name && below->name && pass->matches[i].address < below->end)
			set(&pass->matches[i], below->start, 2000, below->name);
	}
}

void elf_symbols__offer(Elf *elf, struct symbol_match *matches, size_t count)
{
	struct pass pass = { .matches = matches, .count = count, .below = base__alloc(count, sizeof(*pass.below)) };
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			offer_table(&pass, elf, section, &header);
	}
	settle(&pass);
	free(pass.below);
}

bool elf_symbols__complete(Elf *elf)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return true;
	}
	return false;
}
