#include "identify/libraries.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/loader_cache.h"

#define PATH_SIZE 4096
#define DIRECTORIES_LIMIT 64    // of one search path
#define LEVELS_LIMIT 16         // of libraries that want each other

struct kind { int machine, elf_class; const char *multiarch, *lib, *platform, *musl; };
static const struct kind kinds[] = {
	{ EM_X86_64, ELFCLASS64, "x86_64-linux-gnu", "lib64", "x86_64", "x86_64" },
	{ EM_X86_64, ELFCLASS32, "x86_64-linux-gnux32", "libx32", "x86_64", "x32" },
	{ EM_386, ELFCLASS32, "i386-linux-gnu", "lib", "i686", "i386" },
	{ EM_AARCH64, ELFCLASS64, "aarch64-linux-gnu", "lib64", "aarch64", "aarch64" },
	{ EM_ARM, ELFCLASS32, "arm-linux-gnueabihf", "lib", "v7l", "armhf" },
};
static const struct kind other_kind = { 0, 0, "unknown", "lib", "unknown", "unknown" };

static const struct kind *kind_of(const struct search *search)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].machine == search->machine && kinds[i].elf_class == search->elf_class)
			return &kinds[i];
	return &other_kind;
}

// Opens `path` if it is a library that this process can use.
static int open_fitting(const struct search *search, const char *path)
{
	unsigned char header[20];
	int fd = root__open(search->root, path);

	if (fd < 0)
		return fd;
	if (pread(fd, header, sizeof(header), 0) == sizeof(header) && !memcmp(header, ELFMAG, SELFMAG)
		&& header[EI_CLASS] == search->elf_class
		&& (header[EI_DATA] == ELFDATA2MSB ? header[18] << 8 | header[19] : header[19] << 8 | header[18]) == search->machine)
		return fd;
	close(fd);
	return -ENOEXEC;
}

static bool add(char *ret, size_t *length, const char *text, size_t size)
{
	if (*length + size >= PATH_SIZE)
		return false;
	memcpy(ret + *length, text, size);
	*length += size;
	ret[*length] = '\0';
	return true;
}

// Replaces $ORIGIN, $LIB and $PLATFORM, with or without braces. False where the result is too long.
static bool expand(const struct search *search, const char *text, size_t size, const char *origin, char ret[static PATH_SIZE])
{
	const char *slash = origin ? strrchr(origin, '/') : NULL;
	const struct kind *kind = kind_of(search);
	cleanup_free char *directory = slash ? base__copy_part(origin, (size_t)(slash - origin)) : base__copy("");
	cleanup_free char *lib = base__format("lib/%s", kind->multiarch);
	const struct { const char *name, *value; } tokens[] = { { "ORIGIN", directory }, { "LIB", lib }, { "PLATFORM", kind->platform } };
	size_t length = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < size;) {
		size_t step = 0;

		for (size_t t = 0; text[i] == '$' && t < ARRAY_SIZE(tokens) && !step; t++) {
			bool brace = i + 1 < size && text[i + 1] == '{';
			size_t name = strlen(tokens[t].name), start = i + 1 + brace, end = start + name + brace;

			if (end > size || memcmp(text + start, tokens[t].name, name) || (brace && text[end - 1] != '}'))
				continue;
			if (!add(ret, &length, tokens[t].value, strlen(tokens[t].value)))
				return false;
			step = end - i;
		}
		if (!step && !add(ret, &length, text + i, step = 1))
			return false;
		i += step;
	}
	return true;
}

// Tries NAME in each directory of a list. `ret`: the path that fitted.
static int try_list(const struct search *search, const char *list, const char *separators, const char *origin, const char *name,
	char ret[static PATH_SIZE])
{
	for (int i = 0; list && *list && i < DIRECTORIES_LIMIT; i++) {
		size_t size = strcspn(list, separators), length;

		if (size && expand(search, list, size, origin, ret) && ret[0] == '/') {
			length = strlen(ret);
			if (add(ret, &length, "/", 1) && add(ret, &length, name, strlen(name))) {
				int fd = open_fitting(search, ret);

				if (fd >= 0)
					return fd;
			}
		}
		list += size + (list[size] != '\0');
	}
	return -ENOENT;
}

static int try_cache(struct search *search, const char *name, char ret[static PATH_SIZE])
{
	const char *path;

	if (!search->cache)
		search->cache = loader_cache__read(search->root);
	path = loader_cache__lookup(search->cache, name, search->machine, search->elf_class);
	if (!path || strlen(path) >= PATH_SIZE)
		return -ENOENT;
	strcpy(ret, path);
	return open_fitting(search, ret);
}

static int try_defaults(const struct search *search, const char *name, char ret[static PATH_SIZE])
{
	const struct kind *kind = kind_of(search);
	cleanup_free char *list = base__format("/lib/%s:/usr/lib/%s:/%s:/usr/%s:/lib:/usr/lib", kind->multiarch, kind->multiarch,
		kind->lib, kind->lib);

	return try_list(search, list, ":", NULL, name, ret);
}

static int search_glibc(struct search *search, const struct wanting *wanting, const char *name, char ret[static PATH_SIZE])
{
	int fd = -ENOENT, levels = 0;

	// DT_RPATH counts only where there is no DT_RUNPATH, and with it those of everybody who wanted the one that wants it.
	if (wanting && !wanting->object->runpath)
		for (const struct wanting *level = wanting; level && fd < 0 && levels++ < LEVELS_LIMIT; level = level->parent)
			if (!level->object->runpath)
				fd = try_list(search, level->object->rpath, ":", level->path, name, ret);
	if (fd < 0 && !search->secure)
		fd = try_list(search, search->library_path, ":;", NULL, name, ret);
	if (fd < 0 && wanting)
		fd = try_list(search, wanting->object->runpath, ":", wanting->path, name, ret);
	if (fd < 0)
		fd = try_cache(search, name, ret);
	return fd < 0 ? try_defaults(search, name, ret) : fd;
}

static int search_musl(struct search *search, const struct wanting *wanting, const char *name, char ret[static PATH_SIZE])
{
	cleanup_free char *file = base__format("/etc/ld-musl-%s.path", kind_of(search)->musl), *list = NULL;
	int fd = search->secure ? -ENOENT : try_list(search, search->library_path, ":\n", NULL, name, ret), levels = 0;

	for (const struct wanting *level = wanting; level && fd < 0 && levels++ < LEVELS_LIMIT; level = level->parent)
		fd = try_list(search, level->object->runpath ? level->object->runpath : level->object->rpath, ":\n", level->path, name, ret);
	if (fd < 0 && root__read(search->root, file, 65536, &list) < 0)
		list = base__copy("/lib:/usr/local/lib:/usr/lib");
	return fd < 0 ? try_list(search, list, ":\n", NULL, name, ret) : fd;
}

int libraries__open(struct search *search, const struct wanting *wanting, const char *name, char **ret_path)
{
	char path[PATH_SIZE];
	int fd;

	if (strchr(name, '/')) {
		if (!expand(search, name, strlen(name), wanting ? wanting->path : NULL, path))
			return -ENAMETOOLONG;
		fd = path[0] == '/' ? open_fitting(search, path) : -ENOENT;     // where the program stood when it started is not known
	} else {
		fd = search->musl ? search_musl(search, wanting, name, path) : search_glibc(search, wanting, name, path);
	}
	if (fd >= 0)
		*ret_path = base__copy(path);
	return fd;
}

void search__free(struct search *search)
{
	loader_cache__free(search->cache);
	search->cache = NULL;
}
