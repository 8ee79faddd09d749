// The child asks its opener for a process' program and then for one file after the other below that process' root, as its loader would look for them.
#include "identify/program_files.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/executable_file.h"
#include "identify/parcel.h"
#include "identify/trust.h"
#include "isolate/isolate.h"

#define CPU_LIMIT_NS ((int64_t)(4 * NS_PER_SEC))
#define CHILD_CPU_LIMIT_NS ((int64_t)(2 * NS_PER_SEC))
#define FILE_PATIENCE_NS ((int64_t)NS_PER_SEC)
#define MEMORY_LIMIT ((size_t)512 << 20)
#define KEPT_OPEN 400           // files of the cache that stay open

// Two requests: ASK_PROGRAM alone, ASK_FILE and a path below the root of the program that was asked for last.
enum { ASK_PROGRAM = 'P', ASK_FILE = 'F' };
// The first byte of what the child sends.
enum { TELL_OWNERSHIP = 'O', TELL_FACTS = 'F' };

// A view of the files: what one mount namespace shows below one root.
struct view { uint64_t device, root, mounts; };
struct reply_head { struct view view; bool deleted, secure; };

struct job {
	struct started *started;
	struct program_facts *facts;
	// The opener's:
	struct executable_file file;
	bool open;
	// The child's:
	struct executables *executables;
	struct isolate_channel *channel;
	struct view view;
	void *seen;                     // tree of struct seen
	size_t kept_open;
};

/* In the child, while it is in nobody's hands: */

static struct ownership ownership_of(const struct started *started, int directory)
{
	struct executable_subject subject = { .proc_fd = directory, .path = started->exe, .program = started->program };
	struct ownership ownership = { -1, -1, false };
	struct executable_file file;
	bool is_root = false;
	struct stat status;

	if (directory >= 0)
		ownership.user = trust__user(directory, &is_root);
	if (executable_file__open(&subject, &file))
		return ownership;
	if (!fstat(file.fd, &status))
		ownership.owner = status.st_uid;
	// The path is what would be advised, the file what was looked at.
	ownership.trusted = is_root && !file.deleted && !file.loader && file.our_path && started->exe && !strcmp(started->exe, file.our_path) &&
		trust__is_roots(file.our_path, file.fd);
	executable_file__close(&file);
	return ownership;
}

static void send_ownership(void *context, size_t item, struct isolate_channel *channel)
{
	const struct started *started = &((struct job *)context)->started[item];
	cleanup_fd int directory = started__open(started);
	struct ownership ownership = { -1, -1, false };
	struct string message = { 0 };

	if (started->gone || directory >= 0)
		ownership = ownership_of(started, directory);
	string__add_bytes(&message, &(char){ TELL_OWNERSHIP }, 1);
	string__add_bytes(&message, (const char *)&ownership, sizeof(ownership));
	isolate__send(channel, message.text, message.length);
	string__free(&message);
}

/* In the opener: */

static struct view view_of(int directory, const struct root_dir *root)
{
	struct view view = { 0 };
	struct stat facts;

	if (directory < 0)
		return view;
	if (!fstat(root->fd, &facts))
		view = (struct view){ facts.st_dev, facts.st_ino, 0 };
	if (!fstatat(directory, "ns/mnt", &facts, 0))
		view.mounts = facts.st_ino;
	return view;
}

static int open_program(struct job *job, size_t item, struct isolate_answer *answer)
{
	const struct started *started = &job->started[item];
	cleanup_fd int directory = started__open(started);
	struct executable_subject subject = { .proc_fd = directory, .path = started->exe, .program = started->program };
	struct string parcel = { 0 };
	int error;

	if (job->open)
		executable_file__close(&job->file);
	job->open = false;
	if (!started->gone && directory < 0)
		return -ESRCH;
	error = executable_file__open(&subject, &job->file);
	if (error)
		return error;
	job->open = true;
	struct reply_head head = { view_of(directory, &job->file.root), job->file.deleted, job->file.secure };
	string__add_bytes(&parcel, (const char *)&head, sizeof(head));
	parcel__add(&parcel, job->file.path);
	parcel__add(&parcel, job->file.our_path);
	parcel__add(&parcel, job->file.loader);
	answer->length = parcel.length;
	if (parcel.length <= ISOLATE_ANSWER_LIMIT)
		memcpy(answer->bytes, parcel.text, parcel.length);
	string__free(&parcel);
	// A copy: this one is open for the next requests, whoever closes what was handed over.
	return fcntl(job->file.fd, F_DUPFD_CLOEXEC, 0);
}

static int open_file(struct job *job, const char *path)
{
	int fd = job->open ? root__open(&job->file.root, path) : -ESRCH;

	if (fd < 0 || root__may_share(fd, path))
		return fd;
	close(fd);
	return -EACCES;
}

static int answer_request(void *context, size_t item, const void *request, size_t length, struct isolate_answer *answer)
{
	const char *bytes = request;

	if (length == 1 && bytes[0] == ASK_PROGRAM)
		return open_program(context, item, answer);
	if (length > 2 && bytes[0] == ASK_FILE && !bytes[length - 1])
		return open_file(context, bytes + 1);
	return -EINVAL;
}

/* In the child: */

// What was asked for before: the programs of a machine share their libraries, and each question costs two switches of a busy CPU.
struct seen { struct view view; char *path; int fd; };  // fd: negative errno where there is none

static int compare_seen(const void *a, const void *b)
{
	const struct seen *left = a, *right = b;
	int order = memcmp(&left->view, &right->view, sizeof(left->view));

	return order ? order : strcmp(left->path, right->path);
}

static int ask_file(const struct job *job, const char *path)
{
	size_t length = strlen(path) + 1;
	char request[1 + EXECUTABLE_PATH_SIZE];

	if (length > EXECUTABLE_PATH_SIZE)
		return -ENAMETOOLONG;
	request[0] = ASK_FILE;
	memcpy(request + 1, path, length);
	return isolate__open(job->channel, request, 1 + length, NULL);
}

static int open_below_root(void *context, const char *path)
{
	struct job *job = context;
	struct seen key = { .view = job->view, .path = (char *)path }, *seen, **found = tfind(&key, &job->seen, compare_seen);
	int fd;

	if (found)
		return (*found)->fd < 0 ? (*found)->fd : fcntl((*found)->fd, F_DUPFD_CLOEXEC, 0);
	fd = ask_file(job, path);
	if (fd == -EPIPE || (fd >= 0 && job->kept_open >= KEPT_OPEN))
		return fd;
	seen = base__alloc(1, sizeof(*seen));
	*seen = (struct seen){ job->view, base__copy(path), fd };
	base__tsearch(seen, &job->seen, compare_seen);
	if (fd < 0)
		return fd;
	job->kept_open++;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void send_facts(struct isolate_channel *channel, const struct executable_facts *facts)
{
	const char *const texts[] = { facts->runtime, facts->runtime_version, facts->module, facts->module_version, facts->linkage, facts->loader,
		facts->libc, facts->allocator, facts->allocator_how, facts->build_id, facts->package_path, facts->calls_mallopt ? "" : NULL,
		facts->exe_deleted ? "" : NULL };
	struct string parcel = { 0 };

	string__add_bytes(&parcel, &(char){ TELL_FACTS }, 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		parcel__add(&parcel, texts[i]);
	isolate__send(channel, parcel.text, parcel.length);
	string__free(&parcel);
}

// The file as the opener has it; the root is asked for by way of the opener.
static int receive_file(struct job *job, struct executable_file *file)
{
	char bytes[ISOLATE_ANSWER_LIMIT], request = ASK_PROGRAM;
	struct isolate_answer answer = { .bytes = bytes };
	int fd = isolate__open(job->channel, &request, 1, &answer);
	struct parcel parcel = { bytes + sizeof(struct reply_head), bytes + answer.length };
	struct reply_head head;
	const char *path;

	if (fd < 0)
		return fd;
	if (answer.length < sizeof(head)) {
		close(fd);
		return -EBADMSG;
	}
	memcpy(&head, bytes, sizeof(head));
	job->view = head.view;
	*file = (struct executable_file){ .fd = fd, .root = { .fd = -1, .open = open_below_root, .context = job }, .deleted = head.deleted,
		.secure = head.secure };
	path = parcel__next(&parcel);
	snprintf(file->path, sizeof(file->path), "%s", path ? path : "");
	file->our_path = base__copy(parcel__next(&parcel));
	file->loader = base__copy(parcel__next(&parcel));
	return 0;
}

static void read_program(void *context, size_t item, struct isolate_channel *channel)
{
	struct job *job = context;
	const struct started *started = &job->started[item];
	struct executable_facts facts;
	struct executable_file file;

	job->channel = channel;
	if (!job->executables)
		job->executables = executables__new();
	if (receive_file(job, &file))
		return;
	executables__identify(job->executables, &file, started->settings_known ? &started->settings : NULL, &facts);
	executable_file__close(&file);
	send_facts(channel, &facts);
	executable_facts__free(&facts);
}

/* In the parent: */

static void take_facts(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct program_facts *program = &((struct job *)context)->facts[item];
	struct executable_facts *facts = &program->facts;
	char **const texts[] = { &facts->runtime, &facts->runtime_version, &facts->module, &facts->module_version, &facts->linkage, &facts->loader,
		&facts->libc, &facts->allocator, &facts->allocator_how, &facts->build_id };
	struct parcel parcel = { (const char *)bytes + 1, (const char *)bytes + length };

	// The first message of each item was sent before any file was read; what comes later is a parser's word, and no owner's. A second child that
	// takes what a lost one has left says it again.
	if (!program->owned) {
		program->owned = true;
		if (length == 1 + sizeof(program->ownership) && bytes[0] == TELL_OWNERSHIP)
			memcpy(&program->ownership, bytes + 1, sizeof(program->ownership));
		return;
	}
	if (!length || bytes[0] != TELL_FACTS)
		return;
	executable_facts__free(facts);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = parcel__next_printable(&parcel);
	facts->package_path = base__copy(parcel__next(&parcel));
	facts->calls_mallopt = parcel__next(&parcel) != NULL;
	facts->exe_deleted = parcel__next(&parcel) != NULL;
	program->found = facts->runtime && facts->linkage && facts->allocator;
}

int64_t program_files__read(struct started *started, struct program_facts *facts, size_t count, int64_t limit_ns)
{
	struct job *context = base__alloc(1, sizeof(*context));
	struct isolate_job job = { .items = count, .batch = count, .prepare = send_ownership, .open = answer_request, .work = read_program, .receive = take_facts,
		.context = context };
	struct isolate_budget budget = { .cpu_ns = CPU_LIMIT_NS, .child_cpu_ns = CHILD_CPU_LIMIT_NS, .wall_ns = limit_ns,
		.item_wall_ns = FILE_PATIENCE_NS, .memory_bytes = MEMORY_LIMIT };

	context->started = started;
	context->facts = facts;
	for (size_t i = 0; i < count; i++)
		facts[i].ownership = (struct ownership){ -1, -1, false };
	isolate__run(&job, &budget);
	free(context);
	return budget.items_lost;
}
