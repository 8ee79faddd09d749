#include "render/json_writing.h"

#include <stdlib.h>
#include <string.h>

static void break_line(struct json_writing *writing)
{
	string__add(&writing->text, "\n%*s", 2 * writing->depth, "");
}

// To where the next value of the object or list at hand begins.
static void begin_value(struct json_writing *writing, const char *key)
{
	if (!writing->depth)
		return;
	bool *used = &writing->open[writing->depth - 1].used;
	if (*used)
		string__add(&writing->text, "%c", ',');
	*used = true;
	break_line(writing);
	if (key)
		string__add(&writing->text, "\"%s\": ", key);
}

void json_writing__begin(struct json_writing *writing, const char *key, bool list)
{
	begin_value(writing, key);
	string__add(&writing->text, "%c", list ? '[' : '{');
	writing->open[writing->depth].list = list;
	writing->open[writing->depth++].used = false;
}

void json_writing__end(struct json_writing *writing)
{
	writing->depth--;
	if (writing->open[writing->depth].used)
		break_line(writing);
	string__add(&writing->text, "%c", writing->open[writing->depth].list ? ']' : '}');
}

void json_writing__put(struct json_writing *writing, const char *key, json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY);
	begin_value(writing, key);
	// within a text a line's end is written as \n
	for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		string__add_bytes(&writing->text, line, strlen(line));
		if (rest)
			break_line(writing);
	}
	if (!text)
		string__add(&writing->text, "null");
	free(text);
	json_decref(value);
}
