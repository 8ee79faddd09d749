#include "base/shell.h"

#include <string.h>

#include "base/utf8.h"

// What no shell gives a meaning to, wherever in a word it stands behind the first character.
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.,:@%+=-"

// The template while it is read. `literal`: text that belongs to the word as it is, gathered until something else comes.
struct reading {
	struct shell *shell;
	const char *at;
	bool quoted, in_word, in_literal;
	struct string literal;
	const char *word;               // where the word begins in the template
	size_t begin;                   // and in the text
};

// A part ".." of a path leads elsewhere than it seems; the kernel has no such names.
static bool leads_up(const char *value)
{
	for (const char *dots = strstr(value, ".."); dots; dots = strstr(dots + 1, ".."))
		if ((dots == value || dots[-1] == '/') && (!dots[2] || dots[2] == '/'))
			return true;
	return false;
}

static bool is_fit(const char *value)
{
	if (leads_up(value))
		return false;
	for (size_t length; *value; value += length) {
		uint32_t character = 0;
		length = utf8__read(value, &character);
		if (!length || utf8__is_harmful(character))
			return false;
	}
	return true;
}

// Writes what was gathered: plain text as it is, all else in quotes. zsh expands "=" at the beginning of a word.
static void end_literal(struct reading *reading)
{
	struct string *out = &reading->shell->text;
	const char *text = reading->literal.text ? reading->literal.text : "";
	bool begins = !out->length || out->text[out->length - 1] == ' ';
	if (!reading->in_literal)
		return;
	if (*text && strspn(text, PLAIN) == strlen(text) && !(begins && *text == '=')) {
		string__add(out, "%s", text);
	} else {
		string__add(out, "'");
		for (; *text; text++)
			string__add(out, *text == '\'' ? "'\\''" : "%c", *text);
		string__add(out, "'");
	}
	string__free(&reading->literal);
	reading->in_literal = false;
}

static void begin_word(struct reading *reading)
{
	if (!reading->in_word && reading->shell->text.length && *reading->at != ';')
		string__add(&reading->shell->text, " ");
	if (!reading->in_word) {
		reading->word = reading->at;
		reading->begin = reading->shell->text.length;
	}
	reading->in_word = true;
}

static void end_word(struct reading *reading)
{
	static const char *const operators[] = { "|", ";", "&&", "||", "do" };
	size_t length = reading->in_word ? (size_t)(reading->at - reading->word) : 0;
	end_literal(reading);
	for (size_t i = 0; i < ARRAY_SIZE(operators) && length; i++)
		if (length == strlen(operators[i]) && !memcmp(reading->word, operators[i], length))
			reading->shell->ends_options = false;
	// "cat x; sleep 5": the operator stands at the end of a word.
	if (length > 1 && reading->word[length - 1] == ';')
		reading->shell->ends_options = false;
	if (length == 2 && !memcmp(reading->word, "--", 2))
		reading->shell->ends_options = true;
	reading->in_word = false;
}

// Formats one conversion, which ends behind `end`.
static char *convert(const char *conversion, size_t length, va_list *list)
{
	cleanup_free char *one = base__format("%.*s", (int)length, conversion);
	char kind = conversion[length - 1], *text = NULL;
	bool is_long = strstr(one, "l") != NULL, longer = strstr(one, "ll") != NULL, size = strchr(one, 'z') != NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (kind == 'f')
		text = base__format(one, va_arg(*list, double));
	else if (longer)
		text = base__format(one, va_arg(*list, long long));
	else if (is_long)
		text = base__format(one, va_arg(*list, long));
	else if (size)
		text = base__format(one, va_arg(*list, size_t));
	else
		text = base__format(one, va_arg(*list, int));
#pragma GCC diagnostic pop
	return text;
}

// A conversion of the template: its value becomes a part of the word. Returns the conversion's length.
static size_t add_value(struct reading *reading, va_list *list)
{
	size_t length = 1 + strcspn(reading->at + 1, "sdixuf%") + 1;
	bool begins = !reading->literal.length && reading->shell->text.length == reading->begin;
	if (reading->at[length - 1] == '%') {
		string__add(&reading->literal, "%%");
	} else if (reading->at[length - 1] == 's') {
		const char *value = va_arg(*list, const char *);
		reading->shell->unfit |= !value || !is_fit(value) || (begins && *value == '-' && !reading->shell->ends_options);
		string__add(&reading->literal, "%s", value ? value : "");
	} else {
		cleanup_free char *value = convert(reading->at, length, list);
		string__add(&reading->literal, "%s", value);
	}
	reading->in_literal = true;
	return length;
}

static void add(struct shell *shell, const char *template, va_list *list)
{
	struct reading reading = { .shell = shell, .at = template };
	while (*reading.at) {
		if (!reading.quoted && *reading.at == ' ') {
			end_word(&reading);
			reading.at++;
			continue;
		}
		begin_word(&reading);
		if (*reading.at == '\'') {
			reading.quoted = !reading.quoted;
			reading.in_literal = true;
			reading.at++;
		} else if (*reading.at == '%') {
			reading.at += add_value(&reading, list);
		} else if (reading.quoted) {
			string__add(&reading.literal, "%c", *reading.at++);
		} else {
			end_literal(&reading);
			string__add(&shell->text, "%c", *reading.at++);
		}
	}
	end_word(&reading);
	string__free(&reading.literal);
}

void shell__add_list(struct shell *shell, const char *template, va_list list)
{
	va_list copy;
	va_copy(copy, list);
	add(shell, template, &copy);
	va_end(copy);
}

void shell__add(struct shell *shell, const char *template, ...)
{
	va_list list;
	va_start(list, template);
	shell__add_list(shell, template, list);
	va_end(list);
}

char *shell__steal(struct shell *shell)
{
	char *text = shell->unfit ? NULL : string__steal(&shell->text);
	shell__free(shell);
	return text;
}

void shell__free(struct shell *shell)
{
	string__free(&shell->text);
	*shell = (struct shell){ 0 };
}

char *shell__command(const char *template, ...)
{
	struct shell shell = { 0 };
	va_list list;
	va_start(list, template);
	shell__add_list(&shell, template, list);
	va_end(list);
	return shell__steal(&shell);
}
