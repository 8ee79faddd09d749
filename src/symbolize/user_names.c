// The names in each mapped file: by symbols for all of them first, by debug information after that, as long as there is time.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/root.h"
#include "symbolize/debug_file.h"
#include "symbolize/demangle.h"
#include "isolate/isolate.h"
#include "symbolize/object_file.h"
#include "symbolize/user_private.h"

#define OBJECT_BATCH 64                 // as many open files
#define FUNCTIONS_LIMIT 16384           // bytes for one address, inlined functions and all

/* In the child: */

enum name_kind { NAME_BUILD_ID = 1, NAME_FUNCTIONS, NAME_INLINED, NAME_NO_CALL, NAME_NOT_SEARCHED };
struct name_message { uint32_t kind, pad; uint64_t index, address; };           // and the bytes or the text behind it

struct name_job { struct user_stacks *stacks; int *fds; };

static void send_name(struct isolate_channel *channel, struct name_message message, const void *bytes, size_t length)
{
	struct string buffer = { 0 };

	string__add_bytes(&buffer, (const char *)&message, sizeof(message));
	string__add_bytes(&buffer, bytes, length);
	isolate__send(channel, buffer.text, buffer.length);
	string__free(&buffer);
}

static void send_build_id(void *context, const unsigned char *bytes, size_t length)
{
	send_name(context, (struct name_message){ .kind = NAME_BUILD_ID }, bytes, length);
}

static void send_functions(void *context, size_t index, uint64_t address, const char *functions)
{
	send_name(context, (struct name_message){ .kind = NAME_FUNCTIONS, .index = index, .address = address }, functions, strlen(functions));
}

static void send_inlined(void *context, size_t index, uint64_t address, const char *functions)
{
	send_name(context, (struct name_message){ .kind = NAME_INLINED, .index = index, .address = address }, functions, strlen(functions));
}

static void send_no_call(void *context, size_t index)
{
	send_name(context, (struct name_message){ .kind = NAME_NO_CALL, .index = index }, NULL, 0);
}

static void open_object(void *context, size_t item, struct isolate_channel *channel)
{
	struct name_job *job = context;
	size_t number = item % job->stacks->object_count;
	const struct object *object = &job->stacks->objects[number];

	(void)channel;
	if (!object->is_vdso && !object->lost && job->fds[number] < 0)
		job->fds[number] = object_file__open((pid_t)job->stacks->processes[object->source].tgid, &object->mapping);
}

// Debug information stands in files of our own root, which the child can't open.
static int open_debug_file(void *context, size_t item, const void *request, size_t length, struct isolate_answer *answer)
{
	const struct user_stacks *stacks = ((struct name_job *)context)->stacks;
	const char *path = request;
	struct stat facts;
	int fd;

	(void)answer;
	if (!length || path[length - 1] || !debug_file__is_place(path, stacks->objects[item % stacks->object_count].mapping.path))
		return -EINVAL;
	fd = base__open_regular(path, &facts);
	if (fd < 0 || root__may_share(fd, path))
		return fd;
	close(fd);
	return -EACCES;
}

static int ask_debug_file(void *context, const char *path)
{
	return isolate__open(context, path, strlen(path) + 1, NULL);
}

static void name_object(void *context, size_t item, struct isolate_channel *channel)
{
	struct name_job *job = context;
	size_t count = job->stacks->object_count, number = item % count;
	const struct object *object = &job->stacks->objects[number];
	const struct mapping *mapping = &object->mapping;
	struct object_file_listener listener = { send_build_id, item < count ? send_functions : send_inlined, send_no_call, channel,
		ask_debug_file };
	int error;

	if (object->is_vdso && item < count)
		object_file__vdso(mapping->end - mapping->start, object->offsets, object->count, &listener);
	if (object->is_vdso || job->fds[number] < 0)
		return;
	if (item < count) {
		object_file__symbols(job->fds[number], mapping->path, object->offsets, object->count, &listener);
		return;
	}
	error = object_file__inlined(job->fds[number], mapping->path, object->offsets, object->count, &listener);
	if (error == -EFBIG || error == -ETIME)
		send_name(channel, (struct name_message){ .kind = NAME_NOT_SEARCHED }, NULL, 0);
}

/* In the parent: */

// Line by line, since a newline is no printable character.
static char *printable_lines(const unsigned char *text, size_t length)
{
	struct string lines = { 0 };

	while (length) {
		const unsigned char *newline = memchr(text, '\n', length);
		size_t piece = newline ? (size_t)(newline - text) : length;
		char line[DEMANGLED_LIMIT + 32];

		identify__printable((const char *)text, piece, line, sizeof(line));
		if (line[0])
			string__add(&lines, "%s%s", lines.length ? "\n" : "", line);
		text += piece + (newline != NULL);
		length -= piece + (newline != NULL);
	}
	return string__steal(&lines);
}

// The function itself is called what the symbols say, which know clones and parts; the debug information tells what is in it.
static char *merge(const char *known, char *functions)
{
	char *last = strrchr(functions, '\n'), *merged;

	if (!known)
		return functions;
	if (last)
		*last = '\0';
	merged = last ? base__format("%s\n%s", functions, known) : base__copy(known);
	free(functions);
	return merged;
}

static void take_functions(struct object *object, const struct name_message *message, const unsigned char *text, size_t length)
{
	char **place = &object->functions[message->index], *functions = printable_lines(text, length);

	object->read = true;
	object->addresses[message->index] = message->address;
	if (message->kind == NAME_INLINED && functions[0])
		functions = merge(*place, functions);
	free(*place);
	*place = functions;
	if (!functions[0]) {
		free(functions);
		*place = NULL;
	}
}

static void take_name(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct user_stacks *stacks = ((struct name_job *)context)->stacks;
	struct object *object = &stacks->objects[item % stacks->object_count];
	struct name_message message;

	if (length < sizeof(message))
		return;
	memcpy(&message, bytes, sizeof(message));
	bytes += sizeof(message);
	length -= sizeof(message);
	if (message.kind == NAME_BUILD_ID) {
		for (size_t i = 0; i < length && i < 6; i++)
			snprintf(object->build_id + 2 * i, 3, "%02x", bytes[i]);
	} else if (message.kind == NAME_NOT_SEARCHED) {
		stacks->statistics.files_not_searched++;
	} else if (message.index >= object->count) {
		return;
	} else if (message.kind == NAME_NO_CALL) {
		object->no_call[message.index] = true;
	} else if (length <= FUNCTIONS_LIMIT) {
		take_functions(object, &message, bytes, length);
	}
}

static void lose_name(void *context, size_t item, enum isolate_loss loss)
{
	struct user_stacks *stacks = ((struct name_job *)context)->stacks;

	stacks->objects[item % stacks->object_count].lost = true;       // the second pass would lose a child by it again
	if (item < stacks->object_count)
		stacks->objects[item].late = loss == ISOLATE_LATE;
	else
		stacks->statistics.files_not_searched++;
}

int user_stacks__read_names(struct user_stacks *stacks, struct isolate_budget *budget)
{
	struct name_job names = { .stacks = stacks, .fds = base__alloc(stacks->object_count, sizeof(*names.fds)) };
	struct isolate_job job = { .items = 2 * stacks->object_count, .batch = OBJECT_BATCH, .prepare = open_object, .open = open_debug_file,
		.work = name_object, .receive = take_name, .lose = lose_name, .context = &names };
	int error;

	for (size_t i = 0; i < stacks->object_count; i++)
		names.fds[i] = -1;
	error = isolate__run(&job, budget);
	free(names.fds);
	return error;
}
