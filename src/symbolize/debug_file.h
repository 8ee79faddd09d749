// Symbols and debug information that stand apart from the file they belong to.
#ifndef WHYSTALL_SYMBOLIZE_DEBUG_FILE_H
#define WHYSTALL_SYMBOLIZE_DEBUG_FILE_H

#include <libelf.h>
#include <stddef.h>

// Opens the file with the debug information of `elf`, which lies at `path`: by build-id below /usr/lib/debug/.build-id, or by
// the name in .gnu_debuglink, beside it or below /usr/lib/debug. Only what has the same build-id, or the checksum that the link
// names, is taken. Nothing is ever asked of the network. Returns a file descriptor or a negative errno; -ENOENT: none here.
int debug_file__open(Elf *elf, const char *path);

// The ELF file within the section .gnu_debugdata ("MiniDebugInfo": the symbols of private functions, xz-compressed), NULL if there
// is none. *ret_image holds its bytes: free it after elf_end.
Elf *debug_file__embedded(Elf *elf, char **ret_image);

#endif
