#include "symbolize/debug_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/base.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define EMBEDDED_LIMIT ((size_t)64 << 20)
#define CHECKSUM_LIMIT ((off_t)1 << 30)

static bool has_build_id(int fd, const void *build_id, size_t length)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *found;
	ssize_t found_length = elf ? dwelf_elf_gnu_build_id(elf, &found) : -1;
	bool same = found_length > 0 && (size_t)found_length == length && !memcmp(found, build_id, length);

	elf_end(elf);
	return same;
}

static bool has_checksum(int fd, GElf_Word wanted)
{
	unsigned char buffer[65536];
	struct stat facts;
	uLong sum = crc32(0, NULL, 0);
	ssize_t got;

	if (fstat(fd, &facts) || facts.st_size > CHECKSUM_LIMIT || lseek(fd, 0, SEEK_SET))
		return false;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		sum = crc32(sum, buffer, (uInt)got);
	return got == 0 && sum == wanted;
}

struct way { debug_file_open *open; void *context; };

static int open_regular(const struct way *way, const char *path)
{
	struct stat facts;

	return way->open ? way->open(way->context, path) : base__open_regular(path, &facts);
}

static int open_by_build_id(const struct way *way, const unsigned char *build_id, size_t length)
{
	char path[PATH_MAX], *end = path + sprintf(path, DEBUG_DIRECTORY "/.build-id/%02x/", build_id[0]);
	int fd;

	for (size_t i = 1; i < length; i++)
		end += sprintf(end, "%02x", build_id[i]);
	strcpy(end, ".debug");
	fd = open_regular(way, path);
	if (fd >= 0 && !has_build_id(fd, build_id, length)) {
		close(fd);
		fd = -ENOENT;
	}
	return fd;
}

static int open_by_link(const struct way *way, const char *link, GElf_Word checksum, const char *path, const void *build_id, size_t length)
{
	static const char *const places[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_DIRECTORY "%.*s/%s" };
	const char *slash = strrchr(path, '/');

	if (!slash || strchr(link, '/') || strlen(link) > NAME_MAX)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char candidate[2 * PATH_MAX];
		int fd;

		// The formats are those above.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(candidate, sizeof(candidate), places[i], (int)(slash - path), path, link);
#pragma GCC diagnostic pop
		fd = open_regular(way, candidate);
		if (fd >= 0 && (length ? has_build_id(fd, build_id, length) : has_checksum(fd, checksum)))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

static bool starts_with(const char *text, const char *start, size_t length)
{
	return !strncmp(text, start, length);
}

bool debug_file__is_place(const char *candidate, const char *path)
{
	static const char below[] = DEBUG_DIRECTORY "/", beside[] = ".debug/";
	const char *slash = strrchr(path, '/'), *name;
	size_t directory = slash ? (size_t)(slash - path) + 1 : 0;

	if (strstr(candidate, "/../"))
		return false;
	if (starts_with(candidate, below, sizeof(below) - 1))
		return true;
	if (!directory || !starts_with(candidate, path, directory))
		return false;
	name = candidate + directory;
	if (starts_with(name, beside, sizeof(beside) - 1))
		name += sizeof(beside) - 1;
	return !strchr(name, '/');
}

int debug_file__open(Elf *elf, const char *path, debug_file_open *open, void *context)
{
	const struct way way = { open, context };
	const void *build_id = NULL;
	ssize_t length = dwelf_elf_gnu_build_id(elf, &build_id);
	GElf_Word checksum = 0;
	const char *link = dwelf_elf_gnu_debuglink(elf, &checksum);
	int fd = -ENOENT;

	if (length < 2 || length > 64)
		length = 0;
	if (length)
		fd = open_by_build_id(&way, build_id, (size_t)length);
	if (fd < 0 && link)
		fd = open_by_link(&way, link, checksum, path, build_id, (size_t)length);
	return fd;
}

static bool unpack(const Elf_Data *data, char **ret_image, size_t *ret_size)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	char *image = NULL;
	size_t capacity = 0;
	lzma_ret result = lzma_stream_decoder(&stream, EMBEDDED_LIMIT, 0);

	stream.next_in = data->d_buf;
	stream.avail_in = data->d_size;
	while (result == LZMA_OK && stream.total_out < EMBEDDED_LIMIT) {
		image = base__grow(image, &capacity, (size_t)stream.total_out + 65536, 1);
		stream.next_out = (uint8_t *)image + stream.total_out;
		stream.avail_out = capacity - (size_t)stream.total_out;
		result = lzma_code(&stream, LZMA_FINISH);
	}
	*ret_size = (size_t)stream.total_out;
	lzma_end(&stream);
	if (result == LZMA_STREAM_END) {
		*ret_image = image;
		return true;
	}
	free(image);
	return false;
}

Elf *debug_file__embedded(Elf *elf, char **ret_image)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		Elf_Data *data;
		char *image;
		size_t size;
		Elf *embedded;

		if (!name || strcmp(name, ".gnu_debugdata"))
			continue;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_size || !unpack(data, &image, &size))
			return NULL;
		embedded = elf_memory(image, size);
		if (embedded)
			*ret_image = image;
		else
			free(image);
		return embedded;
	}
	return NULL;
}
