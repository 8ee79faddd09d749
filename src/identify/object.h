// What one ELF file says by itself, whoever runs it: an executable or a library.
#ifndef WHYSTALL_IDENTIFY_OBJECT_H
#define WHYSTALL_IDENTIFY_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identify/go_buildinfo.h"

#define OBJECT_NEEDED_LIMIT 256

// Strings are owned; NULL: there is none.
struct object {
	int elf_class;                  // ELFCLASS32 or ELFCLASS64
	int machine;                    // EM_X86_64, …
	bool position_independent;      // ET_DYN
	bool declares_pie;              // DF_1_PIE
	bool packed;                    // its contents are compressed (UPX): nothing more can be told
	bool glibc_startup;             // carries the note that glibc's startup code leaves (NT_GNU_ABI_TAG for Linux)
	bool go_note;                   // carries Go's own note
	bool has_symbols;               // has a .symtab: is not stripped
	bool deep;                      // symbols and texts have been looked at, not the dynamic part only
	char *loader;                   // PT_INTERP
	char *soname, *rpath, *runpath;
	char **needed;                  // DT_NEEDED
	size_t needed_count;
	char *build_id;                 // hexadecimal
	char *rust_version;             // "1.75.0"
	struct go_buildinfo go;
	uint64_t exported;              // clues (CLUE_BIT) of the dynamic symbols: what the loader sees
	uint64_t clues;                 // clues of all symbols and, where these are missing, of texts
	bool calls_mallopt_itself;      // a program linked statically whose own code has a call of mallopt
};

// Reads the file behind `fd` (from any offset, which is not used). Not `deep`: the dynamic part only, which is all that is
// needed of most libraries. Returns 0, or a negative errno: -ENOEXEC for what is no ELF program or library (scripts, cores).
int object__read(int fd, bool deep, struct object *ret);
void object__free(struct object *object);

#endif
