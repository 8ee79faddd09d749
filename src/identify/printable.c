// Bytes that anybody may choose, made fit for a report.
#include "identify/meaning.h"

#include <stdint.h>
#include <string.h>

// Length of the valid UTF-8 sequence of more than one byte at `text` (RFC 3629: no overlong forms, no surrogates), or 0.
static size_t sequence_length(const unsigned char *text, size_t left)
{
	size_t length = text[0] >= 0xc2 && text[0] <= 0xdf ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 :
			text[0] >= 0xf0 && text[0] <= 0xf4 ? 4 : 0;

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

// U+0080…U+009F are control characters too: some terminals obey them. U+200E, U+200F, U+202A…U+202E and U+2066…U+2069 turn
// the direction of writing, so that a line shows other than what it says.
static bool is_harmful(const unsigned char *text, size_t length)
{
	if (length == 2)
		return text[0] == 0xc2 && text[1] < 0xa0;
	if (length != 3 || text[0] != 0xe2)
		return false;
	return (text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xa8 && text[2] <= 0xae))) ||
	       (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

size_t identify__printable(const char *bytes, size_t length, char *ret, size_t size)
{
	const unsigned char *text = (const unsigned char *)bytes;
	size_t used = 0;

	while (length && !text[length - 1])
		length--;
	for (size_t i = 0; i < length;) {
		size_t sequence = text[i] < 0x80 ? 1 : sequence_length(text + i, length - i);
		size_t step = sequence ? sequence : 1;
		bool replace = !sequence || (sequence == 1 && (text[i] < ' ' || text[i] == 0x7f)) || is_harmful(text + i, sequence);

		if (used + (replace ? 1 : step) >= size)
			break;
		if (!replace) {
			memcpy(ret + used, text + i, step);
			used += step;
		} else {
			ret[used++] = text[i] ? '?' : ' ';
		}
		i += step;
	}
	ret[used] = '\0';
	return used;
}
