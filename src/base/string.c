// Strings that grow.
#include "base/base.h"

#include <string.h>

char *base__copy(const char *text)
{
	if (!text)
		return NULL;
	size_t length = strlen(text);
	char *copy = base__alloc(length + 1, 1);
	memcpy(copy, text, length);
	return copy;
}

char *base__copy_part(const char *text, size_t length)
{
	length = strnlen(text, length);
	char *copy = base__alloc(length + 1, 1);
	memcpy(copy, text, length);
	return copy;
}

static void reserve(struct string *string, size_t more)
{
	string->text = base__grow(string->text, &string->capacity, string->length + more + 1, 1);
}

void string__add_bytes(struct string *string, const char *bytes, size_t length)
{
	reserve(string, length);
	if (length)
		memcpy(string->text + string->length, bytes, length);
	string->length += length;
	string->text[string->length] = '\0';
}

void string__add_list(struct string *string, const char *format, va_list list)
{
	va_list again;
	va_copy(again, list);
	reserve(string, 0);
	int length = vsnprintf(string->text + string->length, string->capacity - string->length, format, list);
	if (length > 0 && (size_t)length >= string->capacity - string->length) {
		reserve(string, (size_t)length);
		length = vsnprintf(string->text + string->length, string->capacity - string->length, format, again);
	}
	if (length > 0)
		string->length += (size_t)length;
	string->text[string->length] = '\0';
	va_end(again);
}

void string__add(struct string *string, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	string__add_list(string, format, list);
	va_end(list);
}

char *string__steal(struct string *string)
{
	reserve(string, 0);
	char *text = string->text;
	*string = (struct string){ 0 };
	return text;
}

void string__free(struct string *string)
{
	free(string->text);
	*string = (struct string){ 0 };
}

char *base__format_list(const char *format, va_list list)
{
	struct string string = { 0 };
	string__add_list(&string, format, list);
	return string__steal(&string);
}

char *base__format(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *text = base__format_list(format, list);
	va_end(list);
	return text;
}
