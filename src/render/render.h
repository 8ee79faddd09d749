// Formats of the report. Pure: the same diagnosis gives the same bytes.
#ifndef WHYSTALL_RENDER_H
#define WHYSTALL_RENDER_H

#include <stdbool.h>

#include "causes/cause.h"

// Text for people; owned by the caller. Never wider than 100 columns.
char *render__text(const struct diagnosis *diagnosis, bool colours);
// The stable contract whystall.report/1 with a final newline; owned by the caller.
char *render__json(const struct diagnosis *diagnosis);

#endif
