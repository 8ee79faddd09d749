#include "command/cause_pages.h"

#include <string.h>

#include "base/base.h"
#include "ledger/thresholds.h"

#define THRESHOLDS_HEADING "## Thresholds\n"

static const struct { const char *id, *text; } pages[] = {
#include "embedded_pages.h"
};

const char *cause_page__text(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (!strcmp(pages[i].id, id))
			return pages[i].text;
	return NULL;
}

char *cause_page__body(const char *id)
{
	const char *text = cause_page__text(id), *title_end = text ? strchr(text, '\n') : NULL;
	if (!title_end)
		return NULL;
	const char *body = title_end + 1, *section = strstr(body, "\n" THRESHOLDS_HEADING);
	const char *rest = section ? strstr(section + 1, "\n## ") : NULL;
	if (!section)
		return base__copy(body);
	return base__format("%.*s%s", (int)(section - body), body, rest ? rest : "");
}

bool cause_page__mentions(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *found = words; (found = strstr(found, word)); found += length)
		if ((found == words || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
			return true;
	return false;
}

char *cause_page__thresholds(const struct cause *cause)
{
	struct string out = { 0 };
	for (size_t i = 0; i < THRESHOLDS; i++) {
		const struct threshold_row *row = &threshold_table[i];
		bool share = !strncmp(row->unit, "of ", 3);
		if (cause_page__mentions(row->causes, cause->id))
			string__add(&out, "- %s: %g%s %s, because %s\n", row->name, share ? row->value * 100 : row->value, share ? " %" : "",
				    row->unit, row->reason);
	}
	return string__steal(&out);
}
