// What names of symbols and texts in a file betray about the language it was written in and the allocator it holds.
#ifndef WHYSTALL_IDENTIFY_CLUES_H
#define WHYSTALL_IDENTIFY_CLUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identify/elf_reader.h"

// One bit for each clue.
enum clue {
	CLUE_MALLOC,            // defines malloc
	CLUE_MALLOPT,           // uses mallopt without defining it
	// Allocators, in the order of precedence: an allocator that is built upon another one comes first.
	CLUE_ASAN, CLUE_JEMALLOC, CLUE_MIMALLOC, CLUE_GOOGLE_TCMALLOC, CLUE_TCMALLOC, CLUE_SNMALLOC, CLUE_RPMALLOC, CLUE_TBB,
	CLUE_SCUDO, CLUE_PARTITION_ALLOC, CLUE_HARDENED, CLUE_HOARD, CLUE_GLIBC, CLUE_MUSL,
	// Languages
	CLUE_GO, CLUE_RUST_MAIN, CLUE_RUST, CLUE_RUST_SYSTEM_ALLOCATOR, CLUE_RUST_OWN_ALLOCATOR, CLUE_CXX, CLUE_PYTHON, CLUE_NODE,
	CLUE_JVM, CLUE_FOREIGN, // a language that has no name here: OCaml, Haskell, Fortran, D, Swift
	CLUES
};
#define CLUE_BIT(clue) (UINT64_C(1) << (clue))
#define CLUE_FIRST_ALLOCATOR CLUE_ASAN
#define CLUE_LAST_ALLOCATOR CLUE_MUSL

// The clues that one symbol gives. `defined`: by this file, not only used.
uint64_t clues__of_symbol(const char *name, bool defined);
// Looks for texts in at most `limit` bytes of a range of a file: what is left in a stripped one.
uint64_t clues__of_texts(const struct elf_reader *reader, uint64_t offset, uint64_t size, uint64_t limit);

// "jemalloc", "glibc", …; NULL for a clue that is no allocator.
const char *clues__allocator_name(enum clue clue);
// The most telling allocator among the clues, the C libraries' own left out unless `with_libc`; NULL: none.
const char *clues__allocator(uint64_t clues, bool with_libc);

#endif
