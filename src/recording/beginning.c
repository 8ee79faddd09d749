#include "recording/beginning.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/base.h"
#include "isolate/isolate.h"
#include "recording/recording.h"

#define BEGINNING_MOST (1 << 20)        // bytes of a recording without rows: some 4 KiB for each table
#define PATIENCE_NS ((int64_t)(5 * NS_PER_SEC))
#define MEMORY_LIMIT ((size_t)64 << 20)

struct look { struct recording_bytes bytes; int answer; };

static void look_at(void *context, size_t item, struct isolate_channel *channel)
{
	struct look *look = context;
	struct recording *recording = NULL;
	cleanup_free char *sentence = NULL;
	int error = recording__parse(&look->bytes, &recording, &sentence);
	unsigned char begun = !error && !recording__meta_number(recording, "complete", 1) && !recording__meta(recording, "window_ns");

	(void)item;
	isolate__send(channel, &begun, 1);
	recording__free(recording);
}

static void take_answer(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	(void)item;
	((struct look *)context)->answer = length && bytes[0];
}

int beginning__stands_at(const char *path)
{
	struct look look = { .answer = -EIO };
	struct isolate_job job = { .items = 1, .batch = 1, .work = look_at, .receive = take_answer, .context = &look };
	struct isolate_budget budget = { .cpu_ns = PATIENCE_NS, .child_cpu_ns = PATIENCE_NS, .wall_ns = PATIENCE_NS, .item_wall_ns = PATIENCE_NS,
		.memory_bytes = MEMORY_LIMIT };
	cleanup_free char *sentence = NULL;
	struct stat status;
	int error;

	// What is larger holds something; it need not be read a second time to see that.
	if (!stat(path, &status) && status.st_size > BEGINNING_MOST)
		return 0;
	error = recording__load(path, &look.bytes, &sentence);
	if (error)
		return error == -ENOENT ? 1 : error;
	error = isolate__run(&job, &budget);
	recording__unload(&look.bytes);
	return error ? error : look.answer;
}
