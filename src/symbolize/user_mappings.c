// What is mapped where in each process: read in a child, since the lock of a process' memory may be held for ever.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/stat.h"
#include "isolate/isolate.h"
#include "symbolize/user_private.h"

#define PROCESS_BATCH 256               // as many open files
#define START_TOLERANCE_NS ((int64_t)(20 * NS_PER_MSEC)) // /proc rounds start times down to clock ticks of 10 ms
#define LABEL_SIZE 128

/* In the child: */

struct mapping_message { uint64_t first, count; struct root root; struct mapping mapping; };   // and the path behind it

struct mapping_sender { struct isolate_channel *channel; struct root root; };

static void send_mapping(void *context, const struct mapping *mapping, size_t first, size_t count)
{
	struct mapping_sender *sender = context;
	struct mapping_message message = { .first = first, .count = count, .root = sender->root, .mapping = *mapping };
	char buffer[sizeof(message) + MAPPING_LINE_SIZE];
	size_t length = strlen(mapping->path);

	message.mapping.path = NULL;
	memcpy(buffer, &message, sizeof(message));
	memcpy(buffer + sizeof(message), mapping->path, length);
	isolate__send(sender->channel, buffer, sizeof(message) + length);
}

// The number may have passed to another process.
static bool is_still(const struct user_process *process)
{
	cleanup_free char *line = NULL;
	struct stat_facts facts;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/stat", process->tgid);
	if (base__read_file(path, 4096, &line) < 0 || stat__parse(line, sysconf(_SC_CLK_TCK), &facts))
		return false;
	return !process->start_ns || llabs(facts.start_ns - (int64_t)process->start_ns) <= START_TOLERANCE_NS;
}

static void open_mappings(void *context, size_t item, struct isolate_channel *channel)
{
	struct user_process *process = &((struct user_stacks *)context)->processes[item];
	struct stat facts;
	char path[64];

	(void)channel;
	process->maps = -1;
	if (process->gone || !process->count || !is_still(process))
		return;
	snprintf(path, sizeof(path), "/proc/%u/root", process->tgid);
	if (!stat(path, &facts))
		process->root = (struct root){ facts.st_dev, facts.st_ino };
	snprintf(path, sizeof(path), "/proc/%u/maps", process->tgid);
	process->maps = open(path, O_RDONLY | O_CLOEXEC);
}

static void read_mappings(void *context, size_t item, struct isolate_channel *channel)
{
	const struct user_process *process = &((struct user_stacks *)context)->processes[item];
	struct mapping_sender sender = { .channel = channel, .root = process->root };
	cleanup_free uint64_t *wanted = base__alloc(process->count, sizeof(*wanted));
	cleanup_fd int fd = process->maps;

	if (fd < 0)
		return;
	for (size_t i = 0; i < process->count; i++)
		wanted[i] = process->lookups[i].address;
	mappings__read(fd, wanted, process->count, send_mapping, &sender);
}

/* In the parent: */

static char *label_of(const char *path)
{
	const char *slash = path[0] == '[' ? NULL : strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	char label[LABEL_SIZE];

	identify__printable(name, strlen(name), label, sizeof(label));
	return base__copy(label);
}

static size_t get_object(struct user_stacks *stacks, uint32_t source, const struct mapping_message *message, const char *path, bool is_vdso)
{
	const struct mapping *mapping = &message->mapping;
	struct object *object;

	for (size_t i = 0; i < stacks->object_count; i++) {
		const struct mapping *known = &stacks->objects[i].mapping;
		const struct root *root = &stacks->objects[i].root;

		if (root->device == message->root.device && root->inode == message->root.inode && known->inode == mapping->inode &&
		    known->device_major == mapping->device_major && known->device_minor == mapping->device_minor && !strcmp(known->path, path))
			return i;
	}
	stacks->objects = base__grow(stacks->objects, &stacks->object_capacity, stacks->object_count + 1, sizeof(*stacks->objects));
	object = &stacks->objects[stacks->object_count];
	*object = (struct object){ .mapping = *mapping, .root = message->root, .source = source, .is_vdso = is_vdso, .label = label_of(path) };
	object->mapping.path = base__copy(path);
	return stacks->object_count++;
}

// The vDSO of 32-bit processes is another one than ours.
static bool is_our_vdso(const struct mapping *mapping, const char *path)
{
	return !strcmp(path, "[vdso]") && mapping->start > UINT32_MAX && sizeof(long) == 8;
}

static char *memory_name(const char *path)
{
	bool own_name = path[0] == '[' && strcmp(path, "[heap]") && strncmp(path, "[stack", 6) && strncmp(path, "[anon", 5);

	return own_name ? label_of(path) : base__copy("[anon]");
}

static void take_mapping(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct user_stacks *stacks = context;
	struct user_process *process = &stacks->processes[item];
	cleanup_free char *path = NULL;
	struct mapping_message message;
	size_t object = NO_OBJECT;
	bool is_vdso;

	// What is neither true nor false no child of ours has sent.
	if (length < sizeof(message) || bytes[offsetof(struct mapping_message, mapping.executable)] > 1)
		return;
	memcpy(&message, bytes, sizeof(message));
	if (message.first >= process->count || message.count > process->count - message.first)
		return;
	path = base__alloc(length - sizeof(message) + 1, 1);
	memcpy(path, bytes + sizeof(message), length - sizeof(message));
	message.mapping.path = NULL;
	is_vdso = is_our_vdso(&message.mapping, path);
	if (message.mapping.executable && (message.mapping.inode || is_vdso))
		object = get_object(stacks, (uint32_t)item, &message, path, is_vdso);
	for (size_t i = message.first; i < message.first + message.count; i++) {
		struct lookup *lookup = &process->lookups[i];

		if (lookup->mapped)
			continue;
		lookup->mapped = true;
		lookup->executable = message.mapping.executable;
		lookup->offset = lookup->address - message.mapping.start + message.mapping.offset;
		lookup->object = object;
		if (object == NO_OBJECT)
			lookup->memory = memory_name(path);
	}
}

int user_stacks__read_mappings(struct user_stacks *stacks, struct isolate_budget *budget)
{
	struct isolate_job job = { .items = stacks->process_count, .batch = PROCESS_BATCH, .prepare = open_mappings, .work = read_mappings,
		.receive = take_mapping, .context = stacks };

	return isolate__run(&job, budget);
}
