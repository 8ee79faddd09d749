#include "base/utf8.h"

#include "base/base.h"

struct range { uint32_t first, last; };

static int is_in(uint32_t character, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return 1;
	return 0;
}

size_t utf8__read(const char *text, uint32_t *ret_character)
{
	const unsigned char *bytes = (const unsigned char *)text;
	static const struct { unsigned char mask, mark; uint32_t least; } forms[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
	};
	for (size_t more = 0; more < ARRAY_SIZE(forms); more++) {
		if ((bytes[0] & forms[more].mask) != forms[more].mark)
			continue;
		uint32_t character = bytes[0] & (unsigned char)~forms[more].mask;
		for (size_t i = 1; i <= more; i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return 0;
			character = character << 6 | (bytes[i] & 0x3f);
		}
		if (character < forms[more].least || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
			return 0;
		*ret_character = character;
		return more + 1;
	}
	return 0;
}

// The blocks that matter in names; what is wider than thought only makes a line look ragged.
int utf8__columns(uint32_t character)
{
	static const struct range none[] = {
		{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x1ab0, 0x1aff },
		{ 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
	};
	static const struct range wide[] = {
		{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23f3 }, { 0x25fd, 0x25fe }, { 0x2600, 0x27bf }, { 0x2b1b, 0x2b55 },
		{ 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x16fe0, 0x18aff }, { 0x1b000, 0x1b2ff }, { 0x1f000, 0x1faff }, { 0x20000, 0x3fffd },
	};
	if (character < 0x300)
		return 1;
	return is_in(character, none, ARRAY_SIZE(none)) ? 0 : is_in(character, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

int utf8__is_harmful(uint32_t character)
{
	static const struct range harmful[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};
	return is_in(character, harmful, ARRAY_SIZE(harmful));
}
