#include "identify/parcel.h"

#include <string.h>

#include "identify/meaning.h"

void parcel__add(struct string *parcel, const char *text)
{
	string__add_bytes(parcel, text ? "\1" : "\0", 1);
	if (text)
		string__add_bytes(parcel, text, strlen(text) + 1);
}

const char *parcel__next(struct parcel *parcel)
{
	const char *text = parcel->at + 1, *nul;

	if (parcel->at >= parcel->end)
		return NULL;
	if (!*parcel->at) {
		parcel->at++;
		return NULL;
	}
	nul = memchr(text, 0, (size_t)(parcel->end - text));
	parcel->at = nul ? nul + 1 : parcel->end;
	return nul ? text : NULL;
}

char *parcel__next_printable(struct parcel *parcel)
{
	const char *text = parcel__next(parcel);
	char printable[4096];

	if (!text)
		return NULL;
	identify__printable(text, strlen(text), printable, sizeof(printable));
	return base__copy(printable);
}

char *parcel__next_lines(struct parcel *parcel)
{
	const char *text = parcel__next(parcel);
	struct string lines = { 0 };

	for (bool first = true; text; first = false) {
		size_t length = strcspn(text, "\n");
		char line[1024];

		identify__printable(text, length, line, sizeof(line));
		string__add(&lines, "%s%s", first ? "" : "\n", line);
		text = text[length] ? text + length + 1 : NULL;
	}
	return lines.text;
}
