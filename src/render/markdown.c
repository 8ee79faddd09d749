#include "render/markdown.h"

#include <ctype.h>
#include <string.h>

#define INDENT 2
#define CELLS_MOST 8

enum block { BLOCK_NONE, BLOCK_PARAGRAPH, BLOCK_ITEM, BLOCK_TABLE };

// What is being read: the lines of one paragraph or item, joined; of a table, its head.
struct reader {
	struct page *page;
	enum block block;
	struct string text;
	int indent;                     // of an item: where its text begins
	char *head[CELLS_MOST];         // owned; the table's column names
	size_t columns;
	bool spaced;                    // the last line written is blank
	bool after_code;                // a code block has ended: what follows stands apart
};

static void add_code(struct string *out, const char *code, size_t length)
{
	bool words = memchr(code, ' ', length) != NULL;
	string__add(out, words ? "“%.*s”" : "%.*s", (int)length, code);
}

// "[text](target)": its text. Returns how many bytes that was, 0 if it is no link.
static size_t add_link(struct string *out, const char *text)
{
	const char *end = strchr(text, ']'), *target_end = end && end[1] == '(' ? strchr(end, ')') : NULL;
	if (!target_end)
		return 0;
	cleanup_free char *words = base__format("%.*s", (int)(end - text - 1), text + 1), *plain = markdown__plain(words);
	string__add(out, "%s", plain);
	return (size_t)(target_end + 1 - text);
}

char *markdown__plain(const char *text)
{
	struct string out = { 0 };
	string__add(&out, "%s", "");
	while (*text) {
		const char *end = *text == '`' ? strchr(text + 1, '`') : NULL;
		size_t link = *text == '[' ? add_link(&out, text) : 0;
		if (end) {
			add_code(&out, text + 1, (size_t)(end - text - 1));
			text = end + 1;
		} else if (link) {
			text += link;
		} else if (!strncmp(text, "<!--", 4) && (end = strstr(text, "-->"))) {
			text = end + 3;
		} else if (*text == '*') {
			// Between spaces it is a sign of its own.
			bool alone = text[1] == ' ' && (!out.length || out.text[out.length - 1] == ' ');
			string__add(&out, "%s", alone ? "*" : "");
			text++;
		} else {
			text += *text == '\\' && ispunct((unsigned char)text[1]);
			string__add_bytes(&out, text, 1);
			text++;
		}
	}
	return string__steal(&out);
}

static void space(struct reader *reader)
{
	if (!reader->spaced)
		page__blank(reader->page);
	reader->spaced = true;
}

static void end_block(struct reader *reader)
{
	if (reader->after_code && reader->block != BLOCK_NONE && reader->block != BLOCK_TABLE)
		space(reader);
	reader->after_code = reader->after_code && reader->block == BLOCK_NONE;
	cleanup_free char *plain = markdown__plain(reader->text.text ? reader->text.text : "");
	if (reader->block == BLOCK_PARAGRAPH)
		page__paragraph(reader->page, INDENT, INDENT, STYLE_PLAIN, plain);
	else if (reader->block == BLOCK_ITEM)
		page__labelled(reader->page, reader->indent - 2, reader->indent, STYLE_PLAIN, "·", plain);
	reader->spaced = reader->spaced && reader->block == BLOCK_NONE;
	for (size_t i = 0; i < reader->columns; i++)
		free(reader->head[i]);
	reader->columns = 0;
	reader->block = BLOCK_NONE;
	string__free(&reader->text);
	reader->text = (struct string){ 0 };
}

// The cells of a table's row, without their marks. Returns how many; they are owned by the caller.
static size_t split_row(const char *line, char **ret_cells)
{
	size_t count = 0;
	for (line += strspn(line, " "); *line == '|' && line[1] && count < CELLS_MOST;) {
		const char *end = ++line;
		bool code = false;
		for (; *end && (code || *end != '|'); end++)
			if (*end == '`')
				code = !code;
			else if (*end == '\\' && end[1])
				end++;
		const char *last = end;
		line += strspn(line, " ");
		while (last > line && last[-1] == ' ')
			last--;
		cleanup_free char *cell = base__format("%.*s", (int)(last > line ? last - line : 0), line);
		ret_cells[count++] = markdown__plain(cell);
		line = end;
	}
	return count;
}

// A row of a table: its first cell as a heading, the others below it, each behind its column's name.
static void read_row(struct reader *reader, const char *line)
{
	char *cells[CELLS_MOST];
	size_t count = split_row(line, cells);
	if (reader->block != BLOCK_TABLE) {
		end_block(reader);
		reader->block = BLOCK_TABLE;
		memcpy(reader->head, cells, count * sizeof(*cells));
		reader->columns = count;
		return;
	}
	bool rule = count && strspn(cells[0], "-: ") == strlen(cells[0]);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *label = i && i < reader->columns ? base__format("%s:", reader->head[i]) : NULL;
		if (!rule && !i)
			page__paragraph(reader->page, INDENT, INDENT, STYLE_BOLD, cells[i]);
		else if (!rule && *cells[i])
			page__labelled(reader->page, INDENT + 2, INDENT + 4, STYLE_DIM, label ? label : "", cells[i]);
		free(cells[i]);
	}
}

static void read_heading(struct reader *reader, const char *line)
{
	cleanup_free char *plain = markdown__plain(line + strspn(line, "# "));
	end_block(reader);
	space(reader);
	page__paragraph(reader->page, 0, 0, STYLE_BOLD, plain);
	// Its text follows at once.
	reader->spaced = true;
}

// The mark of a list's item: how many bytes it takes, 0 if there is none.
static size_t item_mark(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	if ((*text == '-' || *text == '*') && text[1] == ' ')
		return 2;
	return digits && text[digits] == '.' && text[digits + 1] == ' ' ? digits + 2 : 0;
}

static void read_text(struct reader *reader, const char *line)
{
	size_t blanks = strspn(line, " "), mark = item_mark(line + blanks);
	if (mark || reader->block == BLOCK_TABLE || reader->block == BLOCK_NONE) {
		end_block(reader);
		reader->block = mark ? BLOCK_ITEM : BLOCK_PARAGRAPH;
		reader->indent = INDENT + 2 + (blanks >= 2 ? 2 : 0);
	}
	string__add(&reader->text, "%s%s", reader->text.length ? " " : "", line + blanks + mark);
}

// From behind the opening fence to behind the closing one.
static const char *write_code(struct reader *reader, const char *text)
{
	end_block(reader);
	space(reader);
	while (*text && strncmp(text, "```", 3)) {
		size_t length = strcspn(text, "\n");
		cleanup_free char *line = base__format("%.*s", (int)length, text), *harmless = page__harmless(line);
		string__add(&reader->page->out, "%s\n", harmless);
		text += length + (text[length] == '\n');
	}
	reader->spaced = false;
	reader->after_code = true;
	text += strcspn(text, "\n");
	return text + (*text == '\n');
}

void markdown__write(struct page *page, const char *text)
{
	struct reader reader = { .page = page, .spaced = true };
	while (*text) {
		size_t length = strcspn(text, "\n");
		cleanup_free char *line = base__format("%.*s", (int)length, text);
		text += length + (text[length] == '\n');
		if (!strncmp(line, "```", 3)) {
			text = write_code(&reader, text);
		} else if (line[strspn(line, " ")] == '\0') {
			bool any = reader.block != BLOCK_NONE;
			end_block(&reader);
			if (any)
				space(&reader);
		} else if (*line == '#') {
			read_heading(&reader, line);
		} else if (line[strspn(line, " ")] == '|') {
			read_row(&reader, line);
		} else {
			read_text(&reader, line);
		}
	}
	end_block(&reader);
}
