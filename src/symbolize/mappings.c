// A process can have a million mappings: nothing is kept of those that hold no wanted address, and reading stops behind the
// last of these. The kernel writes the file, but the paths in it are anybody's choice.
#include "symbolize/mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_LIMIT ((size_t)64 << 20)

static bool parse_number(char **position, int base, char end, uint64_t *ret)
{
	char *rest;

	// strtoull would also take spaces and signs.
	if (strspn(*position, base == 16 ? "0123456789abcdef" : "0123456789") == 0)
		return false;
	errno = 0;
	*ret = strtoull(*position, &rest, base);
	if (errno || *rest != end)
		return false;
	*position = rest + 1;
	return true;
}

// The kernel writes a newline as \012 and leaves all else, backslashes included, as it is (fs/proc/task_mmu.c: seq_file_path).
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		bool newline = !strncmp(from, "\\012", 4);

		*to = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = '\0';
}

bool mapping__parse(char *line, struct mapping *ret)
{
	static const char deleted[] = " (deleted)";
	struct mapping mapping = { 0 };
	uint64_t major, minor;
	size_t length;

	if (!parse_number(&line, 16, '-', &mapping.start) || !parse_number(&line, 16, ' ', &mapping.end) || mapping.end <= mapping.start)
		return false;
	if (strspn(line, "rwxps-") != 4 || line[4] != ' ')
		return false;
	mapping.executable = line[2] == 'x';
	line += 5;
	if (!parse_number(&line, 16, ' ', &mapping.offset) || !parse_number(&line, 16, ':', &major) || !parse_number(&line, 16, ' ', &minor))
		return false;
	if (major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	mapping.device_major = (uint32_t)major;
	mapping.device_minor = (uint32_t)minor;
	length = strspn(line, "0123456789");
	if (!length || (line[length] && line[length] != ' '))
		return false;
	mapping.inode = strtoull(line, &mapping.path, 10);
	mapping.path += strspn(mapping.path, " ");
	length = strlen(mapping.path);
	if (mapping.inode && length >= sizeof(deleted) - 1 && !strcmp(mapping.path + length - (sizeof(deleted) - 1), deleted)) {
		mapping.deleted = true;
		mapping.path[length - (sizeof(deleted) - 1)] = '\0';
	}
	unescape(mapping.path);
	*ret = mapping;
	return true;
}

void mappings__begin(struct mappings_reader *reader, const uint64_t *wanted, size_t count, mapping_found *found, void *context)
{
	*reader = (struct mappings_reader){ .wanted = wanted, .count = count, .found = found, .context = context };
}

static void take_line(struct mappings_reader *reader)
{
	struct mapping mapping;
	size_t first;

	reader->line[reader->length] = '\0';
	if (!mapping__parse(reader->line, &mapping) || mapping.start < reader->last_end)
		return;
	reader->last_end = mapping.end;
	while (reader->next < reader->count && reader->wanted[reader->next] < mapping.start)
		reader->next++;
	for (first = reader->next; reader->next < reader->count && reader->wanted[reader->next] < mapping.end;)
		reader->next++;
	if (reader->next > first)
		reader->found(reader->context, &mapping, first, reader->next - first);
}

bool mappings__feed(struct mappings_reader *reader, const char *bytes, size_t length)
{
	while (length && reader->next < reader->count) {
		const char *newline = memchr(bytes, '\n', length);
		size_t piece = newline ? (size_t)(newline - bytes) : length;

		if (piece >= sizeof(reader->line) - reader->length)
			reader->skip = true;
		if (!reader->skip) {
			memcpy(reader->line + reader->length, bytes, piece);
			reader->length += piece;
		}
		if (!newline)
			break;
		if (!reader->skip)
			take_line(reader);
		reader->skip = false;
		reader->length = 0;
		bytes += piece + 1;
		length -= piece + 1;
	}
	return reader->next < reader->count;
}

int mappings__read(int fd, const uint64_t *wanted, size_t count, mapping_found *found, void *context)
{
	struct mappings_reader reader;
	char buffer[8192];
	size_t total = 0;

	mappings__begin(&reader, wanted, count, found, context);
	while (total < READ_LIMIT) {
		ssize_t got = read(fd, buffer, sizeof(buffer));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		total += (size_t)got;
		if (!mappings__feed(&reader, buffer, (size_t)got))
			return 0;
	}
	return total ? 0 : -ENODATA;
}
