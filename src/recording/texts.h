// The texts of a recording that was read from a file. Most of them are the same few words in many rows ("task", "read", "/system.slice/…"): such a text
// is kept once, and all of them are given back at once.
#ifndef WHYSTALL_TEXTS_H
#define WHYSTALL_TEXTS_H

#include <stddef.h>

struct texts;
struct texts *texts__new(void);
void texts__free(struct texts *texts);          // NULL-safe; with all that it handed out
// A copy that lives as long as `texts`. Printable ASCII of up to 256 bytes is shared with whoever asks for the same text, so nobody may change it in
// place; of any other text the caller gets a copy of his own, which the repairs may change or cut.
char *texts__keep(struct texts *texts, const char *text, size_t length);

#endif
