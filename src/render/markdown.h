// Markdown on a terminal: the part of it that the project's own pages use.
#ifndef WHYSTALL_MARKDOWN_H
#define WHYSTALL_MARKDOWN_H

#include "render/page.h"

// Headings, paragraphs, lists (one within another), tables and code blocks. Of the marks within a line nothing is left but what
// they say: code of several words stands in quotes, a link is its text, a comment is gone. Code blocks stay as they are.
void markdown__write(struct page *page, const char *text);
// One line's text without its marks. Owned by the caller.
char *markdown__plain(const char *text);

#endif
