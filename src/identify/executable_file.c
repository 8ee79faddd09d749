#include "identify/executable_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/root.h"

#define PATH_SIZE EXECUTABLE_PATH_SIZE
#define AUXV_SIZE 4096
#define SCRIPT_LINE 256

static const struct root_dir our_root = { .fd = AT_FDCWD };

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
static bool is_ours(const struct executable_file *file)
{
	struct stat ours, its;

	if (!file->deleted) {
		cleanup_fd int fd = root__open(&our_root, file->path);

		return same_file(fd, file->fd);
	}
	return !stat("/", &ours) && !fstat(file->root.fd, &its) && ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

// The kernel names a file from the root of its mount namespace. After a mere chroot that is not the process' own root.
static void cut_root(int proc_fd, struct executable_file *file)
{
	char root[PATH_SIZE];
	ssize_t length = readlinkat(proc_fd, "root", root, sizeof(root));

	if (length > 1 && length < PATH_SIZE && !strncmp(file->path, root, (size_t)length) && file->path[length] == '/')
		memmove(file->path, file->path + length, strlen(file->path + length) + 1);
}

static void cut_deleted(struct executable_file *file)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(file->path), mark = sizeof(deleted) - 1;

	if (length <= mark || strcmp(file->path + length - mark, deleted))
		return;
	cleanup_fd int named_so = root__open(&file->root, file->path);
	if (same_file(named_so, file->fd))
		return;
	file->path[length - mark] = '\0';
	file->deleted = true;
}

static int find_process(const struct executable_subject *subject, struct executable_file *file)
{
	ssize_t length = readlinkat(subject->proc_fd, "exe", file->path, sizeof(file->path) - 1);

	if (length <= 0)
		return length ? -errno : -ENOENT;
	file->path[length] = '\0';
	file->fd = openat(subject->proc_fd, "exe", O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		return -errno;
	file->root.fd = openat(subject->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (file->root.fd < 0)
		return -errno;
	file->secure = is_secure(subject->proc_fd);
	cut_deleted(file);
	file->our_path = is_ours(file) ? base__copy(file->path) : NULL;
	cut_root(subject->proc_fd, file);
	if (!file->our_path && is_ours(file))
		file->our_path = base__copy(file->path);        // we are below that root, too
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
static void set_real_path(struct executable_file *file)
{
	char link[64], path[PATH_SIZE];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0 || path[0] != '/')
		return;
	path[length] = '\0';
	strcpy(file->path, path);
}

static int find_path(const struct executable_subject *subject, struct executable_file *file)
{
	if (!subject->path || subject->path[0] != '/' || strlen(subject->path) >= sizeof(file->path))
		return -ENOENT;
	strcpy(file->path, subject->path);
	file->root = our_root;
	for (int scripts = 0; scripts < 4; scripts++) {         // BINPRM_MAX_RECURSION, fs/exec.c
		file->fd = root__open(&our_root, file->path);
		if (file->fd < 0)
			return file->fd;
		if (!interpreter_of(file->fd, file->path)) {
			set_real_path(file);
			file->our_path = base__copy(file->path);
			return 0;
		}
		close(file->fd);
	}
	file->fd = -1;
	return -ELOOP;
}

// "ld.so PROGRAM": the program is what matters, the executable is its loader.
static void follow_loader(const struct executable_subject *subject, struct executable_file *file)
{
	if (!subject->program || subject->program[0] != '/' || strlen(subject->program) >= sizeof(file->path))
		return;
	int fd = root__open(&file->root, subject->program);
	if (fd < 0)
		return;
	close(file->fd);
	file->fd = fd;
	file->loader = base__copy(file->path);
	strcpy(file->path, subject->program);
	free(file->our_path);
	file->our_path = is_ours(file) ? base__copy(file->path) : NULL;
}

int executable_file__open(const struct executable_subject *subject, struct executable_file *ret)
{
	struct executable_file file = { .fd = -1, .root = { .fd = -1 } };
	int error = subject->proc_fd >= 0 ? find_process(subject, &file) : find_path(subject, &file);

	if (error) {
		executable_file__close(&file);
		return error;
	}
	if (executable__is_loader(file.path))
		follow_loader(subject, &file);
	*ret = file;
	return 0;
}

void executable_file__close(struct executable_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->root.fd >= 0)
		close(file->root.fd);
	free(file->loader);
	free(file->our_path);
	*file = (struct executable_file){ .fd = -1, .root = { .fd = -1 } };
}
