// UTF-8 as terminals show it.
#ifndef WHYSTALL_UTF8_H
#define WHYSTALL_UTF8_H

#include <stdint.h>
#include <stddef.h>

// Reads one character. Returns its length in bytes, or 0 when the bytes are no UTF-8 (overlong, surrogates, cut).
size_t utf8__read(const char *text, uint32_t *ret_character);
// Columns on a terminal: 0, 1 or 2.
int utf8__columns(uint32_t character);
// Control characters, marks that turn the direction of writing, and separators that break lines.
int utf8__is_harmful(uint32_t character);

#endif
