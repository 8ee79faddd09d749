// The longest stalls in the text report. For JSON: json_parts.h.
#ifndef WHYSTALL_RENDER_CHAINS_H
#define WHYSTALL_RENDER_CHAINS_H

#include "render/answer.h"
#include "render/page.h"

void chains__write(struct page *page, const struct answer *answer);

#endif
