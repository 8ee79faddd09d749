// Symbols and debug information that stand apart from the file they belong to.
#ifndef WHYSTALL_SYMBOLIZE_DEBUG_FILE_H
#define WHYSTALL_SYMBOLIZE_DEBUG_FILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>

// Opens the file with the debug information of `elf`, which lies at `path`: by build-id below /usr/lib/debug/.build-id, or by
// the name in .gnu_debuglink, beside it or below /usr/lib/debug. Only what has the same build-id, or the checksum that the link
// names, is taken. Nothing is ever asked of the network. `open` opens a regular file for reading, for a caller that can't itself; NULL: it can.
// Returns a file descriptor or a negative errno; -ENOENT: none here.
typedef int debug_file_open(void *context, const char *path);
int debug_file__open(Elf *elf, const char *path, debug_file_open *open, void *context);
// Whether debug_file__open may ask for `candidate` on behalf of the file at `path`: for the one who opens it.
bool debug_file__is_place(const char *candidate, const char *path);

// The ELF file within the section .gnu_debugdata ("MiniDebugInfo": the symbols of private functions, xz-compressed), NULL if there
// is none. *ret_image holds its bytes: free it after elf_end.
Elf *debug_file__embedded(Elf *elf, char **ret_image);

#endif
