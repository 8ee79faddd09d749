#include "identify/executable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/allocator.h"
#include "identify/libraries.h"
#include "identify/meaning.h"
#include "identify/object_cache.h"
#include "identify/root.h"
#include "identify/runtime.h"

#define PATH_SIZE 4096
#define AUXV_SIZE 4096
#define RELEASE_LIMIT 65536
#define SCRIPT_LINE 256

// Versions of runtimes, which can take a search through a large file.
struct version { const struct object *object; char *text; };

struct executables {
	struct object_cache *objects;
	struct version *versions;
	size_t version_count, version_capacity;
};

// An executable file that was found, and how.
struct found { int fd, root_fd; char path[PATH_SIZE]; bool deleted, secure, ours; char *loader; };

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

bool executable__is_loader(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL, *base = slash ? slash + 1 : path;

	return base && (!strncmp(base, "ld-linux", 8) || !strncmp(base, "ld-musl-", 8) || !strncmp(base, "ld-2.", 5) || !strcmp(base, "ld.so"));
}

const char *executable__loaded_program(const char *arguments, size_t length)
{
	static const char *const with_value[] = { "--library-path", "--inhibit-rpath", "--audit", "--preload", "--argv0", "--glibc-hwcaps-prepend",
		"--glibc-hwcaps-mask" };
	const char *end = arguments + length;
	bool skip = true;       // the loader's own name

	for (const char *word = arguments; word < end;) {
		const char *nul = memchr(word, 0, (size_t)(end - word));

		if (!nul)
			return NULL;
		if (!skip && word[0] != '-')
			return word;
		skip = false;
		for (size_t i = 0; i < ARRAY_SIZE(with_value); i++)
			skip |= !strcmp(word, with_value[i]);
		word = nul + 1;
	}
	return NULL;
}

// AT_SECURE of the process: whether its loader heeded its environment. The file needs no lock of the process (auxv_read,
// fs/proc/base.c).
static bool is_secure(int proc_fd)
{
	cleanup_fd int fd = openat(proc_fd, "auxv", O_RDONLY | O_CLOEXEC);
	unsigned long words[AUXV_SIZE / sizeof(unsigned long)];
	ssize_t length = fd < 0 ? 0 : read(fd, words, sizeof(words));

	for (size_t i = 0; length > 0 && i + 1 < (size_t)length / sizeof(words[0]); i += 2)
		if (words[i] == AT_SECURE)
			return words[i + 1];
	return false;
}

static bool same_file(int a, int b)
{
	struct stat left, right;

	return a >= 0 && b >= 0 && !fstat(a, &left) && !fstat(b, &right) && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

// A process in a container of its own file system has nothing to do with our package database; one in a mount namespace of its
// own (most of systemd's services) mostly sees our files: what counts is that the same file stands at the same place.
static bool is_ours(const struct found *found)
{
	struct stat ours, its;

	if (!found->deleted) {
		cleanup_fd int fd = root__open(AT_FDCWD, found->path);

		return same_file(fd, found->fd);
	}
	return !stat("/", &ours) && !fstat(found->root_fd, &its) && ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

static void cut_deleted(struct found *found)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(found->path), mark = sizeof(deleted) - 1;

	if (length <= mark || strcmp(found->path + length - mark, deleted))
		return;
	cleanup_fd int named_so = root__open(found->root_fd, found->path);
	if (same_file(named_so, found->fd))
		return;
	found->path[length - mark] = '\0';
	found->deleted = true;
}

static int find_process(const struct executable_subject *subject, struct found *found)
{
	ssize_t length = readlinkat(subject->proc_fd, "exe", found->path, sizeof(found->path) - 1);

	if (length <= 0)
		return length ? -errno : -ENOENT;
	found->path[length] = '\0';
	found->fd = openat(subject->proc_fd, "exe", O_RDONLY | O_CLOEXEC);
	if (found->fd < 0)
		return -errno;
	found->root_fd = openat(subject->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (found->root_fd < 0)
		return -errno;
	found->secure = is_secure(subject->proc_fd);
	cut_deleted(found);
	found->ours = is_ours(found);
	return 0;
}

// The interpreter of a script: "#!/bin/sh -e". False if it is none.
static bool interpreter_of(int fd, char path[static PATH_SIZE])
{
	char line[SCRIPT_LINE + 1];
	ssize_t length = pread(fd, line, SCRIPT_LINE, 0);

	if (length < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[length] = '\0';
	const char *start = line + 2 + strspn(line + 2, " \t");
	size_t size = strcspn(start, " \t\n");
	if (!size || start[0] != '/')
		return false;
	memcpy(path, start, size);
	path[size] = '\0';
	return true;
}

// Without the symbolic links that led to it: the package database knows the file by that name, its neighbours stand there.
static void set_real_path(struct found *found)
{
	char link[64], path[PATH_SIZE];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", found->fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0 || path[0] != '/')
		return;
	path[length] = '\0';
	strcpy(found->path, path);
}

static int find_path(const struct executable_subject *subject, struct found *found)
{
	if (!subject->path || subject->path[0] != '/' || strlen(subject->path) >= sizeof(found->path))
		return -ENOENT;
	strcpy(found->path, subject->path);
	found->root_fd = AT_FDCWD;
	found->ours = true;
	for (int scripts = 0; scripts < 4; scripts++) {         // BINPRM_MAX_RECURSION, fs/exec.c
		found->fd = root__open(AT_FDCWD, found->path);
		if (found->fd < 0)
			return found->fd;
		if (!interpreter_of(found->fd, found->path)) {
			set_real_path(found);
			return 0;
		}
		close(found->fd);
	}
	found->fd = -1;
	return -ELOOP;
}

// "ld.so PROGRAM": the program is what matters, the executable is its loader.
static void follow_loader(const struct executable_subject *subject, struct found *found)
{
	if (!subject->program || subject->program[0] != '/' || strlen(subject->program) >= sizeof(found->path))
		return;
	int fd = root__open(found->root_fd, subject->program);
	if (fd < 0)
		return;
	close(found->fd);
	found->fd = fd;
	found->loader = base__copy(found->path);
	strcpy(found->path, subject->program);
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
static char *java_version(const struct found *found)
{
	char path[PATH_SIZE + 16];
	cleanup_free char *text = NULL;

	snprintf(path, sizeof(path), "%s", found->path);
	for (int level = 0; level < 2; level++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	strcat(path, "/release");
	return root__read(found->root_fd, path, RELEASE_LIMIT, &text) > 0 ? runtime__java_version(text) : NULL;
}

static char *find_version(const char *runtime, const struct found *found, const struct object *object, struct search *search)
{
	const char *slash = strrchr(found->path, '/'), *name = slash ? slash + 1 : found->path;

	if (!strcmp(runtime, "go"))
		return base__copy(object->go.version);
	if (!strcmp(runtime, "rust"))
		return base__copy(object->rust_version);
	if (!strcmp(runtime, "jvm"))
		return java_version(found);
	if (!strcmp(runtime, "python")) {
		cleanup_fd int fd = open_needed(object, found->path, search, "libpython", found->fd, &name);

		return runtime__python_version(fd, name);
	}
	if (!strcmp(runtime, "node")) {
		cleanup_fd int fd = open_needed(object, found->path, search, "libnode.so", found->fd, &name);

		return runtime__node_version(fd);
	}
	return NULL;
}

// NULL: not found. Valid as long as the cache.
static const char *runtime_version(struct executables *executables, const char *runtime, const struct found *found,
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
	version->text = find_version(runtime, found, object, search);
	return version->text;
}

static void describe(struct executables *executables, const struct executable_subject *subject, const struct found *found,
	const struct object *object, struct executable_facts *facts)
{
	const char *linkage = linkage_of(object, found->loader != NULL), *runtime = runtime__of(object);
	const char *loader = found->loader ? found->loader : object->loader, *base = loader ? strrchr(loader, '/') : NULL;
	struct search search = { .root_fd = found->root_fd, .elf_class = object->elf_class, .machine = object->machine,
		.musl = base && !strncmp(base, "/ld-musl-", 9), .secure = found->secure,
		.library_path = subject->settings ? subject->settings->library_path : NULL };
	struct program program = { .object = object, .path = found->path, .preload = subject->settings ? subject->settings->preload : NULL,
		.dynamic = !strcmp(linkage, "dynamic"), .go = !strcmp(runtime, "go") };
	struct allocator allocator = { 0 };

	if (!object->packed)
		allocator__resolve(&program, &search, executables->objects, &allocator);
	facts->runtime = base__copy(runtime);
	facts->runtime_version = printable(runtime_version(executables, runtime, found, object, &search));
	facts->module = printable(object->go.module);
	facts->module_version = printable(object->go.module_version);
	facts->linkage = base__copy(linkage);
	facts->loader = printable(loader);
	facts->libc = printable(allocator.libc);
	facts->allocator = allocator.name ? printable(allocator.name) : base__copy("unknown");
	facts->allocator_how = printable(allocator.how);
	facts->build_id = base__copy(object->build_id);
	facts->calls_mallopt = allocator.calls_mallopt;
	facts->cgo = program.go && object->go.cgo_enabled && allocator.libc && strcmp(allocator.libc, "none");
	allocator__free(&allocator);
	search__free(&search);
}

static void describe_unknown(struct executable_facts *facts)
{
	facts->runtime = base__copy("unknown");
	facts->linkage = base__copy("unknown");
	facts->allocator = base__copy("unknown");
}

int executables__identify(struct executables *executables, const struct executable_subject *subject, struct executable_facts *ret)
{
	struct found found = { .fd = -1, .root_fd = -1 };
	int error = subject->proc_fd >= 0 ? find_process(subject, &found) : find_path(subject, &found);

	if (!error) {
		struct executable_facts facts = { .exe_deleted = found.deleted };

		if (executable__is_loader(found.path))
			follow_loader(subject, &found);
		if (found.ours)
			facts.package_path = base__copy(found.path);
		const struct object *object = object_cache__get(executables->objects, found.fd, true);
		if (object)
			describe(executables, subject, &found, object, &facts);
		else
			describe_unknown(&facts);
		*ret = facts;
	}
	if (found.fd >= 0)
		close(found.fd);
	if (found.root_fd >= 0)
		close(found.root_fd);
	free(found.loader);
	return error;
}
