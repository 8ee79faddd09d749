// A page of text for people: never wider than 100 columns, whatever names are on it, and free of control characters.
#ifndef WHYSTALL_PAGE_H
#define WHYSTALL_PAGE_H

#include "base/base.h"

#define PAGE_COLUMNS 100

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_ALARM, STYLE_WARNING, STYLE_GOOD };

struct page { struct string out; bool colours; };

// Appends `text` as one paragraph: wrapped at spaces, its first line indented by `first`, the others by `rest` columns.
// A word that is longer than a line is broken.
void page__paragraph(struct page *page, int first, int rest, enum style style, const char *text);
// The same behind a label that stands at `first` (the text begins at `rest`); label's style differs from the text's.
void page__labelled(struct page *page, int first, int rest, enum style label_style, const char *label, const char *text);
// A shell command: broken so that the pieces can be pasted as one command (a backslash ends each line but the last).
void page__command(struct page *page, int indent, const char *command);
// Columns side by side, each cut ("…") and padded to its width; a negative width pads on the left, behind one more
// column of space. Ends the line.
struct page_cell { const char *text; int width; enum style style; };
void page__cells(struct page *page, int indent, const struct page_cell *cells, size_t count);
void page__blank(struct page *page);

// Columns that a text takes on a terminal (double for wide characters, none for combining ones).
int page__columns(const char *text);
// A copy without what could harm a terminal or deceive its reader: control characters and marks that turn the direction
// of writing become "?", bytes that are no UTF-8 too. Owned by the caller.
char *page__harmless(const char *text);
// A copy of at most `columns` columns; what is cut in the middle is marked "…". Owned by the caller.
char *page__shorten(const char *text, int columns);

#endif
