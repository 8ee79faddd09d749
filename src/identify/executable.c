#include "identify/executable.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/allocator.h"
#include "identify/executable_file.h"
#include "identify/libraries.h"
#include "identify/meaning.h"
#include "identify/object_cache.h"
#include "identify/runtime.h"

#define PATH_SIZE EXECUTABLE_PATH_SIZE
#define RELEASE_LIMIT 65536

// Versions of runtimes, which can take a search through a large file.
struct version { const struct object *object; char *text; };

struct executables {
	struct object_cache *objects;
	struct version *versions;
	size_t version_count, version_capacity;
};

struct executables *executables__new(void)
{
	struct executables *executables = base__alloc(1, sizeof(*executables));

	executables->objects = object_cache__new();
	return executables;
}

void executables__free(struct executables *executables)
{
	if (!executables)
		return;
	object_cache__free(executables->objects);
	for (size_t i = 0; i < executables->version_count; i++)
		free(executables->versions[i].text);
	free(executables->versions);
	free(executables);
}

void executable_facts__free(struct executable_facts *facts)
{
	char *strings[] = { facts->runtime, facts->runtime_version, facts->module, facts->module_version, facts->linkage, facts->loader,
		facts->libc, facts->allocator, facts->allocator_how, facts->build_id, facts->package_path };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	*facts = (struct executable_facts){ 0 };
}

static char *printable(const char *text)
{
	char buffer[1024];

	if (!text || !text[0])
		return NULL;
	identify__printable(text, strlen(text), buffer, sizeof(buffer));
	return base__copy(buffer);
}

static const char *linkage_of(const struct object *object, bool by_loader)
{
	if (object->packed)
		return "unknown";
	if (object->loader || by_loader)
		return "dynamic";
	if (!object->position_independent)
		return "static";
	// Without PT_INTERP and without DF_1_PIE it may be a library that somebody started, such as the loader.
	return object->declares_pie || !object->soname ? "static-pie" : "dynamic";
}

// Opens the first library that the program asks for by a name that starts so; else the program itself.
static int open_needed(const struct object *object, const char *path, struct search *search, const char *start, int exe_fd, const char **ret_name)
{
	struct wanting wanting = { .object = object, .path = path };

	for (size_t i = 0; i < object->needed_count; i++) {
		char *found = NULL;

		if (strncmp(object->needed[i], start, strlen(start)))
			continue;
		int fd = libraries__open(search, &wanting, object->needed[i], &found);
		free(found);
		*ret_name = object->needed[i];
		if (fd >= 0)
			return fd;
	}
	return fcntl(exe_fd, F_DUPFD_CLOEXEC, 0);
}

// …/bin/java belongs to …/release.
static char *java_version(const struct executable_file *file)
{
	char path[PATH_SIZE + 16];
	cleanup_free char *text = NULL;

	snprintf(path, sizeof(path), "%s", file->path);
	for (int level = 0; level < 2; level++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	strcat(path, "/release");
	return root__read(&file->root, path, RELEASE_LIMIT, &text) > 0 ? runtime__java_version(text) : NULL;
}

static char *find_version(const char *runtime, const struct executable_file *file, const struct object *object, struct search *search)
{
	const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;

	if (!strcmp(runtime, "go"))
		return base__copy(object->go.version);
	if (!strcmp(runtime, "rust"))
		return base__copy(object->rust_version);
	if (!strcmp(runtime, "jvm"))
		return java_version(file);
	if (!strcmp(runtime, "python")) {
		cleanup_fd int fd = open_needed(object, file->path, search, "libpython", file->fd, &name);

		return runtime__python_version(fd, name);
	}
	if (!strcmp(runtime, "node")) {
		cleanup_fd int fd = open_needed(object, file->path, search, "libnode.so", file->fd, &name);

		return runtime__node_version(fd);
	}
	return NULL;
}

// NULL: not found. Valid as long as the cache.
static const char *runtime_version(struct executables *executables, const char *runtime, const struct executable_file *file,
	const struct object *object, struct search *search)
{
	struct version *version;

	for (size_t i = 0; i < executables->version_count; i++)
		if (executables->versions[i].object == object)
			return executables->versions[i].text;
	executables->versions = base__grow(executables->versions, &executables->version_capacity, executables->version_count + 1,
		sizeof(*version));
	version = &executables->versions[executables->version_count++];
	version->object = object;
	version->text = find_version(runtime, file, object, search);
	return version->text;
}

static void describe(struct executables *executables, const struct executable_file *file, const struct settings *settings,
	const struct object *object, struct executable_facts *facts)
{
	const char *linkage = linkage_of(object, file->loader != NULL), *runtime = runtime__of(object);
	const char *loader = file->loader ? file->loader : object->loader, *base = loader ? strrchr(loader, '/') : NULL;
	struct search search = { .root = &file->root, .elf_class = object->elf_class, .machine = object->machine,
		.musl = base && !strncmp(base, "/ld-musl-", 9), .secure = file->secure,
		.library_path = settings ? settings->library_path : NULL };
	struct program program = { .object = object, .path = file->path, .preload = settings ? settings->preload : NULL,
		.dynamic = !strcmp(linkage, "dynamic"), .go = !strcmp(runtime, "go") };
	struct allocator allocator = { 0 };

	if (!object->packed)
		allocator__resolve(&program, &search, executables->objects, &allocator);
	facts->runtime = base__copy(runtime);
	facts->runtime_version = printable(runtime_version(executables, runtime, file, object, &search));
	facts->module = printable(object->go.module);
	facts->module_version = printable(object->go.module_version);
	facts->linkage = base__copy(linkage);
	facts->loader = printable(loader);
	facts->libc = printable(allocator.libc);
	facts->allocator = allocator.name ? printable(allocator.name) : base__copy("unknown");
	facts->allocator_how = printable(allocator.how);
	facts->build_id = base__copy(object->build_id);
	facts->calls_mallopt = allocator.calls_mallopt;
	allocator__free(&allocator);
	search__free(&search);
}

static void describe_unknown(struct executable_facts *facts)
{
	facts->runtime = base__copy("unknown");
	facts->linkage = base__copy("unknown");
	facts->allocator = base__copy("unknown");
}

void executables__identify(struct executables *executables, const struct executable_file *file, const struct settings *settings,
	struct executable_facts *ret)
{
	struct executable_facts facts = { .exe_deleted = file->deleted, .package_path = base__copy(file->our_path) };
	const struct object *object = object_cache__get(executables->objects, file->fd, true);

	if (object)
		describe(executables, file, settings, object, &facts);
	else
		describe_unknown(&facts);
	*ret = facts;
}
