#include "identify/allocator.h"

#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/clues.h"

#define SCOPE_LIMIT 512         // libraries that one program loads
#define PRELOAD_FILE_LIMIT 65536

struct by_name { const char *start, *name; };

static const struct by_name libcs[] = {
	{ "libc.so.6", "glibc" }, { "ld-linux", "glibc" }, { "libc.musl-", "musl" }, { "ld-musl-", "musl" }, { "libc.so.0", "uclibc" },
	{ "ld-uClibc", "uclibc" }, { "ld64-uClibc", "uclibc" }, { "linker64", "bionic" },
};

// Where the symbols do not tell: a library that could not be opened, or one that hides them.
static const struct by_name allocator_libraries[] = {
	{ "libjemalloc", "jemalloc" }, { "libmimalloc", "mimalloc" }, { "libtcmalloc", "tcmalloc" }, { "libhardened_malloc", "hardened_malloc" },
	{ "libscudo", "scudo" }, { "libtbbmalloc", "tbbmalloc" }, { "libsnmalloc", "snmalloc" }, { "librpmalloc", "rpmalloc" },
	{ "libhoard", "hoard" }, { "libasan", "asan" },
};

// The libraries that a program loads, in the order in which the loader asks them for a symbol.
struct member { const struct object *object; char *name, *path; struct wanting wanting; bool preloaded; };
struct scope { struct member members[SCOPE_LIMIT]; size_t count; };

static const char *find_name(const struct by_name *table, size_t count, const char *file_name)
{
	const char *slash = file_name ? strrchr(file_name, '/') : NULL;

	if (slash)
		file_name = slash + 1;
	for (size_t i = 0; file_name && i < count; i++)
		if (!strncmp(file_name, table[i].start, strlen(table[i].start)))
			return table[i].name;
	return NULL;
}

const char *allocator__libc_of(const char *file_name)
{
	return find_name(libcs, ARRAY_SIZE(libcs), file_name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_there(const struct scope *scope, const char *name, const struct object *object)
{
	for (size_t i = 0; i < scope->count; i++)
		if (!strcmp(scope->members[i].name, name) || (object && scope->members[i].object == object))
			return true;
	return false;
}

// Adds a library and keeps it even where its file is not found: its name says something.
static void add(struct scope *scope, struct search *search, struct object_cache *cache, const struct wanting *parent, const char *name,
	bool preloaded)
{
	char *path = NULL;

	if (scope->count >= SCOPE_LIMIT || is_there(scope, name, NULL))
		return;
	cleanup_fd int fd = libraries__open(search, parent, name, &path);
	const struct object *object = fd >= 0 ? object_cache__get(cache, fd, false) : NULL;
	// What can't be preloaded is passed over with a warning (do_preload, elf/rtld.c).
	if ((object && is_there(scope, name, object)) || (!object && preloaded)) {
		free(path);
		return;
	}
	struct member *member = &scope->members[scope->count++];
	*member = (struct member){ .object = object, .name = base__copy(name), .path = path, .preloaded = preloaded };
	member->wanting = (struct wanting){ .object = object, .path = path, .parent = parent };
}

static void add_list(struct scope *scope, struct search *search, struct object_cache *cache, const struct wanting *parent,
	const char *list, const char *separators)
{
	while (list && *list && scope->count < SCOPE_LIMIT) {
		size_t length = strcspn(list, separators);

		if (length) {
			cleanup_free char *name = base__copy_part(list, length);

			add(scope, search, cache, parent, name, true);
		}
		list += length + (list[length] != '\0');
	}
}

static void add_preloads(struct scope *scope, const struct program *program, struct search *search, struct object_cache *cache)
{
	const struct wanting *main_program = &scope->members[0].wanting;
	cleanup_free char *file = NULL;

	// With AT_SECURE glibc still takes libraries of the system's directories that are themselves setuid: nobody has such.
	if (!search->secure)
		add_list(scope, search, cache, main_program, program->preload, " :");
	if (!search->musl && root__read(search->root, "/etc/ld.so.preload", PRELOAD_FILE_LIMIT, &file) > 0)
		add_list(scope, search, cache, main_program, file, " :\t\n");
}

static bool defines_malloc(const struct member *member)
{
	const char *base = base_name(member->name);

	// The loader's own malloc, exported up to glibc 2.32, gives way to the C library's (__rtld_malloc, elf/dl-minimal.c).
	if (!strncmp(base, "ld-linux", 8) || !strncmp(base, "ld64.so", 7))
		return false;
	if (member->object)
		return member->object->exported & CLUE_BIT(CLUE_MALLOC);
	return allocator__libc_of(base) || find_name(allocator_libraries, ARRAY_SIZE(allocator_libraries), base);
}

// Breadth first, as the loader goes (_dl_map_object_deps, elf/dl-deps.c), until malloc is found and everything that the program
// itself asks for is known. Returns the member that defines malloc, NULL: none.
static const struct member *load(struct scope *scope, const struct program *program, struct search *search, struct object_cache *cache)
{
	const struct member *winner = NULL;

	scope->count = 1;
	scope->members[0] = (struct member){ .object = program->object, .name = base__copy(program->path ? program->path : "") };
	scope->members[0].wanting = (struct wanting){ .object = program->object, .path = program->path };
	add_preloads(scope, program, search, cache);
	for (size_t i = 0; i < scope->count && !winner; i++) {
		struct member *member = &scope->members[i];

		for (size_t n = 0; member->object && n < member->object->needed_count; n++)
			add(scope, search, cache, &member->wanting, member->object->needed[n], false);
		if (i && defines_malloc(member))
			winner = member;
	}
	return winner;
}

static const char *name_of(const struct member *member, struct search *search, struct object_cache *cache)
{
	const char *base = member->object && member->object->soname ? member->object->soname : base_name(member->name);
	const char *name = member->object ? clues__allocator(member->object->exported, false) : NULL;

	if (!name)
		name = find_name(allocator_libraries, ARRAY_SIZE(allocator_libraries), base);
	if (!name && member->path) {
		cleanup_fd int fd = root__open(search->root, member->path);
		const struct object *deep = fd >= 0 ? object_cache__get(cache, fd, true) : NULL;

		name = deep ? clues__allocator(deep->clues, false) : NULL;
	}
	return name ? name : base;
}

static void set(struct allocator *allocator, const char *name, const char *how)
{
	allocator->name = base__copy(name);
	allocator->how = base__copy(name ? how : NULL);
}

// An allocator within the program's own file. A Rust program may carry one that it does not use as its allocator.
static const char *built_in(const struct object *object)
{
	bool unused = (object->clues & CLUE_BIT(CLUE_RUST_SYSTEM_ALLOCATOR)) && !(object->clues & CLUE_BIT(CLUE_RUST_OWN_ALLOCATOR));
	const char *name = clues__allocator(object->clues, false);

	if (!name && (object->clues & (CLUE_BIT(CLUE_GLIBC) | CLUE_BIT(CLUE_MUSL))))
		return NULL;            // it carries its C library, or is that library
	if (object->exported & CLUE_BIT(CLUE_MALLOC))
		return name ? name : "own";
	return unused ? NULL : name;
}

static const char *libc_of_scope(const struct scope *scope, const struct object *object)
{
	const char *libc = NULL;

	for (size_t i = 1; i < scope->count && !libc; i++)
		libc = allocator__libc_of(scope->members[i].name);
	// "libc.so" is musl's where musl's loader loads it. A program without any library has no C library but its loader.
	return libc || !object->needed_count ? libc : allocator__libc_of(object->loader);
}

static void resolve_dynamic(const struct program *program, struct search *search, struct object_cache *cache, struct allocator *ret)
{
	struct scope *scope = base__alloc(1, sizeof(*scope));
	const struct member *winner = load(scope, program, search, cache);
	const char *inside = built_in(program->object), *libc = libc_of_scope(scope, program->object);

	ret->libc = base__copy(libc ? libc : program->object->needed_count ? NULL : "none");
	ret->calls_mallopt = program->object->exported & CLUE_BIT(CLUE_MALLOPT);
	for (size_t i = 1; i < scope->count; i++)
		if (scope->members[i].object && &scope->members[i] != winner && !allocator__libc_of(scope->members[i].name))
			ret->calls_mallopt |= !!(scope->members[i].object->exported & CLUE_BIT(CLUE_MALLOPT));
	if (program->go)
		set(ret, "go", "runtime");
	else if (inside)
		set(ret, inside, "linked in");
	else if (winner && allocator__libc_of(winner->name))
		set(ret, allocator__libc_of(winner->name), "libc");
	else if (winner && search->musl && !strcmp(base_name(winner->name), "libc.so"))
		set(ret, "musl", "libc");
	else if (winner)
		set(ret, name_of(winner, search, cache), winner->preloaded ? "preloaded" : "library");
	for (size_t i = 0; i < scope->count; i++) {
		free(scope->members[i].name);
		free(scope->members[i].path);
	}
	free(scope);
}

static void resolve_static(const struct program *program, struct allocator *ret)
{
	const struct object *object = program->object;
	const char *inside = built_in(object), *libc = NULL;

	if (object->glibc_startup || (object->clues & CLUE_BIT(CLUE_GLIBC)))
		libc = "glibc";
	else if (object->clues & CLUE_BIT(CLUE_MUSL))
		libc = "musl";
	ret->libc = base__copy(!libc && program->go ? "none" : libc);
	ret->calls_mallopt = object->calls_mallopt_itself;
	if (program->go)
		set(ret, "go", "runtime");
	else if (inside)
		set(ret, inside, "linked in");
	else
		set(ret, libc, "libc");
}

void allocator__resolve(const struct program *program, struct search *search, struct object_cache *cache, struct allocator *ret)
{
	*ret = (struct allocator){ 0 };
	if (program->dynamic)
		resolve_dynamic(program, search, cache, ret);
	else
		resolve_static(program, ret);
}

void allocator__free(struct allocator *allocator)
{
	free(allocator->name);
	free(allocator->how);
	free(allocator->libc);
	*allocator = (struct allocator){ 0 };
}
