// An environment holds secrets: the child that reads it hands on nothing but what settings.h lists.
#include "identify/started.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/executable.h"
#include "identify/parcel.h"
#include "identify/stat.h"
#include "isolate/isolate.h"

#define ENVIRONMENT_LIMIT (256U << 10)
#define ARGUMENTS_LIMIT (64U << 10)
#define LOCK_PATIENCE_NS ((int64_t)(100 * NS_PER_MSEC))
#define CPU_LIMIT_NS ((int64_t)NS_PER_SEC)
#define MEMORY_LIMIT ((size_t)64 << 20)
#define BATCH 256               // two open files each
#define LOST_LIMIT 32

struct files { int environment, arguments; };
struct job { struct started *all; struct files *files; };

int started__open(const struct started *started)
{
	cleanup_free char *path = base__format("/proc/%lld", (long long)started->pid);
	int directory = started->gone ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory >= 0 && !stat__is_process(started->pid, started->start_ns))
		base__close_fd(&directory);
	return directory < 0 ? -1 : directory;
}

/* In the child: */

static void open_files(void *context, size_t item, struct isolate_channel *channel)
{
	struct job *job = context;
	const struct started *started = &job->all[item];
	cleanup_fd int directory = started__open(started);

	(void)channel;
	job->files[item] = (struct files){ -1, -1 };
	if (directory < 0)
		return;
	job->files[item].environment = openat(directory, "environ", O_RDONLY | O_CLOEXEC);
	if (executable__is_loader(started->exe))
		job->files[item].arguments = openat(directory, "cmdline", O_RDONLY | O_CLOEXEC);
}

static void read_files(void *context, size_t item, struct isolate_channel *channel)
{
	struct job *job = context;
	cleanup_fd int environment = job->files[item].environment, arguments = job->files[item].arguments;
	cleanup_free char *text = NULL, *words = NULL;
	struct settings settings = { 0 };
	struct string parcel = { 0 };
	ssize_t length = environment < 0 ? -1 : base__read_open(environment, ENVIRONMENT_LIMIT, &text), words_length;

	if (length >= 0)
		settings__read(text, (size_t)length, &settings);
	words_length = arguments < 0 ? -1 : base__read_open(arguments, ARGUMENTS_LIMIT, &words);
	parcel__add(&parcel, length >= 0 ? "" : NULL);
	parcel__add(&parcel, settings.lines);
	parcel__add(&parcel, words_length > 0 ? executable__loaded_program(words, (size_t)words_length) : NULL);
	parcel__add(&parcel, settings.preload);
	parcel__add(&parcel, settings.library_path);
	// Paths that fill more than a message may are no use; the settings are.
	if (parcel.length > ISOLATE_MESSAGE_LIMIT) {
		string__free(&parcel);
		parcel__add(&parcel, "");
		parcel__add(&parcel, settings.lines);
	}
	isolate__send(channel, parcel.text, parcel.length);
	string__free(&parcel);
	settings__free(&settings);
}

/* In the parent: */

static void receive(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct started *started = &((struct job *)context)->all[item];
	struct parcel parcel = { (const char *)bytes, (const char *)bytes + length };

	settings__free(&started->settings);
	free(started->program);
	started->settings_known = parcel__next(&parcel) != NULL;
	started->settings.lines = parcel__next_lines(&parcel);
	started->program = base__copy(parcel__next(&parcel));
	started->settings.preload = base__copy(parcel__next(&parcel));
	started->settings.library_path = base__copy(parcel__next(&parcel));
}

int64_t started__read_settings(struct started *all, size_t count, int64_t limit_ns)
{
	struct job context = { all, base__alloc(count, sizeof(*context.files)) };
	struct isolate_job job = { .items = count, .batch = BATCH, .lost_limit = LOST_LIMIT, .prepare = open_files, .work = read_files,
		.receive = receive, .context = &context };
	struct isolate_budget budget = { .cpu_ns = CPU_LIMIT_NS, .child_cpu_ns = CPU_LIMIT_NS, .wall_ns = limit_ns,
		.item_wall_ns = LOCK_PATIENCE_NS, .memory_bytes = MEMORY_LIMIT };

	isolate__run(&job, &budget);
	free(context.files);
	return budget.items_lost;
}

void started__free(struct started *started)
{
	free(started->exe);
	free(started->program);
	settings__free(&started->settings);
	*started = (struct started){ 0 };
}
