#include "identify/go_buildinfo.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

#define VERSION_LIMIT 256
#define MODULES_LIMIT (1U << 20)        // the list of all modules; the main one stands among its first lines
#define FRAME 16                        // random bytes before and after the list, cmd/go/internal/modload/build.go

static const uint8_t magic[] = "\xff Go buildinf:";
#define MAGIC_SIZE (sizeof(magic) - 1)
enum { FLAG_BIG_ENDIAN = 1, FLAG_INLINE = 2 };

int64_t go_buildinfo__find(const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + GO_BUILDINFO_HEADER <= size; at += GO_BUILDINFO_ALIGN)
		if (!memcmp(bytes + at, magic, MAGIC_SIZE))
			return (int64_t)at;
	return -1;
}

// A length as encoding/binary.Uvarint writes it, then as many bytes. NULL where they do not fit.
static const char *inline_string(const uint8_t **at, const uint8_t *end, size_t *ret_length)
{
	uint64_t length = 0;
	unsigned shift = 0;

	while (*at < end && shift < 63) {
		uint8_t byte = *(*at)++;

		length |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			const char *text = (const char *)*at;

			if (length > (uint64_t)(end - *at))
				return NULL;
			*at += length;
			*ret_length = length;
			return text;
		}
		shift += 7;
	}
	return NULL;
}

static uint64_t number(const uint8_t *bytes, unsigned size, bool big_endian)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)bytes[big_endian ? size - 1 - i : i] << (8 * i);
	return value;
}

// String `index` of those that the build information points to: a pointer to a header of address and length. Owned by the
// caller, NULL where it can't be.
static char *pointed_string(const uint8_t *info, unsigned index, go_read_address *read, void *context, size_t limit,
	size_t *ret_length)
{
	unsigned pointer = info[14];
	bool big_endian = info[15] & FLAG_BIG_ENDIAN;
	const uint8_t *where = info + 16 + (size_t)index * pointer;
	uint8_t bytes[16];

	if (read(context, number(where, pointer, big_endian), bytes, 2 * pointer) != 2 * pointer)
		return NULL;
	uint64_t length = number(bytes + pointer, pointer, big_endian);
	if (length > limit)
		return NULL;
	char *text = base__alloc(length + 1, 1);
	*ret_length = read(context, number(bytes, pointer, big_endian), text, length);
	return text;
}

static char *copy_field(const char *text, size_t length)
{
	char *copy;

	if (!length)
		return NULL;
	copy = base__alloc(length + 1, 1);
	memcpy(copy, text, length);
	return copy;
}

// A line "mod\tPATH\tVERSION\tHASH".
static void read_module(const char *line, size_t length, struct go_buildinfo *info)
{
	const char *tab = memchr(line, '\t', length);
	size_t path = tab ? (size_t)(tab - line) : length;
	const char *version = tab ? tab + 1 : NULL, *after = tab ? memchr(tab + 1, '\t', length - path - 1) : NULL;

	info->module = copy_field(line, path);
	if (version)
		info->module_version = copy_field(version, after ? (size_t)(after - version) : length - path - 1);
}

static void read_modules(const char *text, size_t length, struct go_buildinfo *info)
{
	static const char module[] = "mod\t", cgo[] = "build\tCGO_ENABLED=1";

	// Without its frame (and the newline before the second half of it) it is nothing that Go wrote.
	if (length < 2 * FRAME + 1 || text[length - FRAME - 1] != '\n')
		return;
	text += FRAME;
	length -= 2 * FRAME;
	for (const char *end = text + length; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = newline ? (size_t)(newline - text) : (size_t)(end - text);

		if (line >= sizeof(module) - 1 && !memcmp(text, module, sizeof(module) - 1) && !info->module)
			read_module(text + sizeof(module) - 1, line - sizeof(module) + 1, info);
		else if (line == sizeof(cgo) - 1 && !memcmp(text, cgo, line))
			info->cgo_enabled = true;
		text += line + 1;
	}
}

static void set_version(const char *text, size_t length, struct go_buildinfo *info)
{
	size_t skip = length > 2 && !memcmp(text, "go", 2) ? 2 : 0;

	info->version = copy_field(text + skip, length - skip);
}

static int parse_inline(const uint8_t *bytes, size_t size, struct go_buildinfo *info)
{
	const uint8_t *at = bytes + GO_BUILDINFO_HEADER, *end = bytes + size;
	size_t length;
	const char *text = inline_string(&at, end, &length);

	if (!text || length > VERSION_LIMIT)
		return -EINVAL;
	set_version(text, length, info);
	if ((text = inline_string(&at, end, &length)))
		read_modules(text, length, info);
	return 0;
}

static int parse_pointers(const uint8_t *bytes, go_read_address *read, void *context, struct go_buildinfo *info)
{
	size_t length;

	if (!read || (bytes[14] != 4 && bytes[14] != 8))
		return -EINVAL;
	cleanup_free char *version = pointed_string(bytes, 0, read, context, VERSION_LIMIT, &length);
	if (!version)
		return -EINVAL;
	set_version(version, length, info);
	cleanup_free char *modules = pointed_string(bytes, 1, read, context, MODULES_LIMIT, &length);
	if (modules)
		read_modules(modules, length, info);
	return 0;
}

int go_buildinfo__parse(const uint8_t *bytes, size_t size, go_read_address *read, void *context, struct go_buildinfo *ret)
{
	struct go_buildinfo info = { 0 };
	int error;

	if (size < GO_BUILDINFO_HEADER || memcmp(bytes, magic, MAGIC_SIZE))
		return -EINVAL;
	error = bytes[15] & FLAG_INLINE ? parse_inline(bytes, size, &info) : parse_pointers(bytes, read, context, &info);
	if (error)
		go_buildinfo__free(&info);
	else
		*ret = info;
	return error;
}

void go_buildinfo__free(struct go_buildinfo *info)
{
	free(info->version);
	free(info->module);
	free(info->module_version);
	*info = (struct go_buildinfo){ 0 };
}
