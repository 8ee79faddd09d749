#include "render/page.h"
#include "base/utf8.h"

#include <string.h>

static const char *const style_codes[] = {
	[STYLE_PLAIN] = "", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m", [STYLE_ALARM] = "\033[1;31m",
	[STYLE_WARNING] = "\033[33m", [STYLE_GOOD] = "\033[1;32m",
};

char *page__harmless(const char *text)
{
	struct string out = { 0 };
	for (const char *c = text ? text : ""; *c;) {
		uint32_t character;
		size_t length = utf8__read(c, &character);
		if (!length || utf8__is_harmful(character))
			string__add_bytes(&out, "?", 1);
		else
			string__add_bytes(&out, c, length);
		c += length ? length : 1;
	}
	return string__steal(&out);
}

int page__columns(const char *text)
{
	int columns = 0;
	while (*text) {
		uint32_t character = 0;
		size_t length = utf8__read(text, &character);
		columns += length ? utf8__columns(character) : 1;
		text += length ? length : 1;
	}
	return columns;
}

// Bytes of the longest beginning of `text` (at most `length` bytes) that fits into `columns`.
static size_t fitting(const char *text, size_t length, int columns)
{
	size_t used = 0;
	while (used < length && text[used]) {
		uint32_t character = 0;
		size_t bytes = utf8__read(text + used, &character);
		int width = bytes ? utf8__columns(character) : 1;
		if (width > columns)
			break;
		columns -= width;
		used += bytes ? bytes : 1;
	}
	return used;
}

char *page__shorten(const char *text, int columns)
{
	cleanup_free char *harmless = page__harmless(text);
	int all = page__columns(harmless);
	if (all <= columns || columns < 1)
		return base__copy(columns < 1 ? "" : harmless);
	size_t head = fitting(harmless, strlen(harmless), (columns - 1) / 2);
	// The tail starts where what is left fits: names and paths differ at their ends.
	const char *tail = harmless + head;
	cleanup_free char *head_text = base__format("%.*s", (int)head, harmless);
	int left = all - page__columns(head_text), room = columns - 1 - (columns - 1) / 2;
	while (*tail && left > room) {
		uint32_t character = 0;
		size_t bytes = utf8__read(tail, &character);
		left -= bytes ? utf8__columns(character) : 1;
		tail += bytes ? bytes : 1;
	}
	return base__format("%.*s…%s", (int)head, harmless, tail);
}

static void begin_style(struct page *page, enum style style)
{
	if (page->colours && style != STYLE_PLAIN)
		string__add(&page->out, "%s", style_codes[style]);
}

static void end_style(struct page *page, enum style style)
{
	if (page->colours && style != STYLE_PLAIN)
		string__add(&page->out, "\033[0m");
}

static void indent_by(struct page *page, int columns)
{
	string__add(&page->out, "%*s", columns, "");
}

// Whether a unit begins here, which must not be parted from its number.
static bool is_unit(const char *text)
{
	static const char *const units[] = { "%", "s", "ms", "µs" };
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t length = strlen(units[i]);
		if (!strncmp(text, units[i], length) && (!text[length] || strchr(" .,:;)", text[length])))
			return true;
	}
	return false;
}

// The next word, with the unit that follows if it is a number.
static size_t word_length(const char *text)
{
	size_t length = strcspn(text, " ");
	if (length && text[length - 1] >= '0' && text[length - 1] <= '9' && text[length] && is_unit(text + length + 1))
		length += 1 + strcspn(text + length + 1, " ");
	return length;
}

// Wraps words from `column` on; the line is open before and closed after.
static void wrap(struct page *page, int column, int rest, enum style style, const char *text)
{
	bool at_start = true;
	begin_style(page, style);
	while (*(text += strspn(text, " "))) {
		size_t length = word_length(text);
		cleanup_free char *word = base__format("%.*s", (int)length, text);
		int columns = page__columns(word);
		if (!at_start && column + 1 + columns > PAGE_COLUMNS && (columns <= PAGE_COLUMNS - rest || column > PAGE_COLUMNS / 2)) {
			end_style(page, style);
			string__add(&page->out, "\n");
			indent_by(page, rest);
			begin_style(page, style);
			column = rest;
			at_start = true;
		}
		if (!at_start)
			string__add(&page->out, " "), column++;
		if (column + columns > PAGE_COLUMNS) {
			length = fitting(text, length, PAGE_COLUMNS - column);
			length = length ? length : 1;
		}
		string__add_bytes(&page->out, text, length);
		column += length < strlen(word) ? PAGE_COLUMNS : columns;
		at_start = false;
		text += length;
	}
	end_style(page, style);
	string__add(&page->out, "\n");
}

void page__paragraph(struct page *page, int first, int rest, enum style style, const char *text)
{
	cleanup_free char *harmless = page__harmless(text);
	indent_by(page, first);
	wrap(page, first, rest, style, harmless);
}

void page__labelled(struct page *page, int first, int rest, enum style label_style, const char *label, const char *text)
{
	cleanup_free char *harmless = page__harmless(text);
	cleanup_free char *head = page__harmless(label);
	indent_by(page, first);
	begin_style(page, label_style);
	string__add(&page->out, "%s", head);
	end_style(page, label_style);
	int column = first + page__columns(head);
	if (column < rest) {
		indent_by(page, rest - column);
		column = rest;
	} else {
		string__add(&page->out, " ");
		column++;
	}
	wrap(page, column, rest, STYLE_PLAIN, harmless);
}

// Whether a shell that has read these bytes is within single quotes.
static bool ends_in_quotes(const char *text, size_t length, bool quoted)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\'')
			quoted = !quoted;
		else if (!quoted && text[i] == '\\')
			i++;
	}
	return quoted;
}

void page__command(struct page *page, int indent, const char *command)
{
	cleanup_free char *harmless = page__harmless(command);
	const char *text = harmless;
	bool quoted = false;
	for (bool first = true; *text; first = false) {
		int column = first ? indent : quoted;
		indent_by(page, first ? indent : 0);
		// Within quotes a backslash would be one: they end before the break and begin again behind it.
		string__add(&page->out, quoted ? "'" : "");
		if (column + page__columns(text) <= PAGE_COLUMNS) {
			string__add(&page->out, "%s\n", text);
			return;
		}
		// At the last space if there is one in the second half, else inside a word: the shell joins both the same way,
		// because the next line begins at its very start.
		size_t length = fitting(text, strlen(text), PAGE_COLUMNS - column - 2);
		for (size_t cut = length; cut > length / 2; cut--)
			if (text[cut - 1] == ' ') {
				length = cut;
				break;
			}
		// Not between a backslash and what it stands before.
		length -= length > 1 && text[length - 1] == '\\';
		string__add_bytes(&page->out, text, length);
		quoted = ends_in_quotes(text, length, quoted);
		string__add(&page->out, quoted ? "'\\\n" : "\\\n");
		text += length;
	}
	string__add(&page->out, "\n");
}

void page__cells(struct page *page, int indent, const struct page_cell *cells, size_t count)
{
	indent_by(page, indent);
	int padding = 0;
	for (size_t i = 0; i < count; i++) {
		// A right-aligned cell that is full would touch the one before it.
		padding += i && cells[i].width < 0;
		int width = cells[i].width < 0 ? -cells[i].width : cells[i].width;
		cleanup_free char *text = page__shorten(cells[i].text, width);
		int blank = width - page__columns(text);
		indent_by(page, padding + (cells[i].width < 0 ? blank : 0));
		begin_style(page, cells[i].style);
		string__add(&page->out, "%s", text);
		end_style(page, cells[i].style);
		padding = cells[i].width < 0 ? 0 : blank;
	}
	string__add(&page->out, "\n");
}

void page__blank(struct page *page)
{
	string__add(&page->out, "\n");
}
