// Functions by the symbol tables of ELF files.
#ifndef WHYSTALL_SYMBOLIZE_ELF_SYMBOLS_H
#define WHYSTALL_SYMBOLIZE_ELF_SYMBOLS_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The best symbol so far for an address. Zero-initialise all but the address and the place.
struct symbol_match {
	uint64_t address;               // in the file's own address space
	size_t place;                   // the caller's
	char *name;                     // as the table has it; NULL none; owned
	uint64_t start;
	int rank;                       // of names for the same function
};

// Offers the functions in all symbol tables of `elf` to the matches, which ascend by address. Among nested functions the
// one that begins last wins; among names of one function that of a public symbol, with the fewest leading underscores, the
// shortest, the first by alphabet. May be called with further files that describe the same addresses. Tables are gone
// through once, whatever the number of addresses.
void elf_symbols__offer(Elf *elf, struct symbol_match *matches, size_t count);

// True if an ELF file has a full symbol table (not only that of the dynamic linker).
bool elf_symbols__complete(Elf *elf);

#endif
