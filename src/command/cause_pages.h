// The pages of the causes (docs/causes/ID.md), which are part of the program.
#ifndef WHYSTALL_CAUSE_PAGES_H
#define WHYSTALL_CAUSE_PAGES_H

#include "causes/cause.h"

// The whole page as Markdown; NULL where there is none.
const char *cause_page__text(const char *id);
// The page without its title and without the section "Thresholds". NULL where there is no page. Owned by the caller.
char *cause_page__body(const char *id);
// What the section "Thresholds" holds: the rows of the table of thresholds that serve the cause, one a line as items of a list.
// Empty where none does. Owned by the caller.
char *cause_page__thresholds(const struct cause *cause);
// Whether a list of words separated by spaces has this one.
bool cause_page__mentions(const char *words, const char *word);

#endif
