// Two jobs for children without rights: first what is mapped where in each process, then the names in each mapped file.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/stat.h"
#include "symbolize/demangle.h"
#include "symbolize/isolate.h"
#include "symbolize/object_file.h"
#include "symbolize/user_private.h"

#define CPU_LIMIT_NS ((int64_t)(2 * NS_PER_SEC))
#define CHILD_CPU_LIMIT_NS ((int64_t)NS_PER_SEC)
#define WALL_LIMIT_NS ((int64_t)(10 * NS_PER_SEC))
#define ITEM_WALL_LIMIT_NS ((int64_t)(3 * NS_PER_SEC))
#define MEMORY_LIMIT ((size_t)512 << 20)
#define PROCESS_BATCH 4096              // their files are closed again at once
#define OBJECT_BATCH 64                 // as many open files
#define START_TOLERANCE_NS ((int64_t)(20 * NS_PER_MSEC)) // /proc rounds start times down to clock ticks of 10 ms
#define LABEL_SIZE 128

static int compare_lookups(const void *left, const void *right)
{
	const struct lookup *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static uint64_t lookup_address(const struct user_stacks *stacks, const struct user_stack *stack, size_t frame)
{
	uint64_t address = stacks->addresses[stack->first + frame];

	return frame && address ? address - 1 : address;
}

struct lookup *user_stacks__lookup(const struct user_stacks *stacks, const struct user_stack *stack, size_t frame)
{
	const struct user_process *process = &stacks->processes[stack->process];
	struct lookup key = { .address = lookup_address(stacks, stack, frame) };

	return process->gone ? NULL : bsearch(&key, process->lookups, process->count, sizeof(key), compare_lookups);
}

static void gather_lookups(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->stack_count; i++) {
		const struct user_stack *stack = &stacks->stacks[i];
		struct user_process *process = &stacks->processes[stack->process];

		process->lookups = base__grow(process->lookups, &process->capacity, process->count + stack->count, sizeof(*process->lookups));
		for (size_t j = 0; j < stack->count; j++)
			process->lookups[process->count++] = (struct lookup){
				.address = lookup_address(stacks, stack, j), .object = NO_OBJECT };
	}
	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];
		size_t unique = 0;

		if (process->count)
			qsort(process->lookups, process->count, sizeof(*process->lookups), compare_lookups);
		for (size_t j = 0; j < process->count; j++)
			if (!j || process->lookups[j].address != process->lookups[j - 1].address)
				process->lookups[unique++] = process->lookups[j];
		process->count = unique;
		stacks->statistics.frames += (int64_t)unique;
	}
}

/* Mappings, in the child: */

struct mapping_message { uint64_t first, count; struct mapping mapping; };      // and the path behind it

struct mapping_sender { struct isolate_channel *channel; };

static void send_mapping(void *context, const struct mapping *mapping, size_t first, size_t count)
{
	struct mapping_sender *sender = context;
	struct mapping_message message = { .first = first, .count = count, .mapping = *mapping };
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

static void read_mappings(void *context, size_t item, struct isolate_channel *channel)
{
	const struct user_process *process = &((struct user_stacks *)context)->processes[item];
	struct mapping_sender sender = { channel };
	cleanup_free uint64_t *wanted = base__alloc(process->count, sizeof(*wanted));
	char path[64];

	if (process->gone || !process->count || !is_still(process))
		return;
	snprintf(path, sizeof(path), "/proc/%u/maps", process->tgid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (size_t i = 0; i < process->count; i++)
		wanted[i] = process->lookups[i].address;
	mappings__read(fd, wanted, process->count, send_mapping, &sender);
}

/* Mappings, in the parent: */

static char *label_of(const char *path)
{
	const char *slash = path[0] == '[' ? NULL : strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	char label[LABEL_SIZE];

	identify__printable(name, strlen(name), label, sizeof(label));
	return base__copy(label);
}

static size_t get_object(struct user_stacks *stacks, uint32_t source, const struct mapping *mapping, const char *path, bool is_vdso)
{
	struct object *object;

	for (size_t i = 0; i < stacks->object_count; i++) {
		const struct mapping *known = &stacks->objects[i].mapping;

		if (known->inode == mapping->inode && known->device_major == mapping->device_major &&
		    known->device_minor == mapping->device_minor && !strcmp(known->path, path))
			return i;
	}
	stacks->objects = base__grow(stacks->objects, &stacks->object_capacity, stacks->object_count + 1, sizeof(*stacks->objects));
	object = &stacks->objects[stacks->object_count];
	*object = (struct object){ .mapping = *mapping, .source = source, .is_vdso = is_vdso, .label = label_of(path) };
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

	if (length < sizeof(message))
		return;
	memcpy(&message, bytes, sizeof(message));
	if (message.first >= process->count || message.count > process->count - message.first)
		return;
	path = base__alloc(length - sizeof(message) + 1, 1);
	memcpy(path, bytes + sizeof(message), length - sizeof(message));
	message.mapping.path = NULL;
	is_vdso = is_our_vdso(&message.mapping, path);
	if (message.mapping.executable && (message.mapping.inode || is_vdso))
		object = get_object(stacks, (uint32_t)item, &message.mapping, path, is_vdso);
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

/* Names, in the child: */

enum name_kind { NAME_BUILD_ID = 1, NAME_FUNCTIONS };
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

static void open_object(void *context, size_t item, struct isolate_channel *channel)
{
	struct name_job *job = context;
	const struct object *object = &job->stacks->objects[item];

	(void)channel;
	job->fds[item] = object->is_vdso ? -1 :
		object_file__open((pid_t)job->stacks->processes[object->source].tgid, &object->mapping);
}

static void name_object(void *context, size_t item, struct isolate_channel *channel)
{
	struct name_job *job = context;
	const struct object *object = &job->stacks->objects[item];
	const struct mapping *mapping = &object->mapping;
	struct object_file_listener listener = { send_build_id, send_functions, channel };

	if (object->is_vdso)
		object_file__vdso(mapping->end - mapping->start, object->offsets, object->count, &listener);
	else if (job->fds[item] >= 0)
		object_file__symbols(job->fds[item], mapping->path, object->offsets, object->count, &listener);
}

/* Names, in the parent: */

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

static void take_name(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	struct object *object = &((struct name_job *)context)->stacks->objects[item];
	struct name_message message;

	if (length < sizeof(message))
		return;
	memcpy(&message, bytes, sizeof(message));
	bytes += sizeof(message);
	length -= sizeof(message);
	if (message.kind == NAME_BUILD_ID) {
		for (size_t i = 0; i < length && i < 6; i++)
			snprintf(object->build_id + 2 * i, 3, "%02x", bytes[i]);
	} else if (message.kind == NAME_FUNCTIONS && message.index < object->count) {
		char *functions = printable_lines(bytes, length);

		object->read = true;
		object->addresses[message.index] = message.address;
		if (functions[0]) {
			free(object->functions[message.index]);
			object->functions[message.index] = functions;
		} else {
			free(functions);
		}
	}
}

static void lose_name(void *context, size_t item, enum isolate_loss loss)
{
	((struct name_job *)context)->stacks->objects[item].late = loss == ISOLATE_LATE;
}

static int compare_offsets(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void gather_offsets(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->process_count; i++) {
		const struct user_process *process = &stacks->processes[i];

		for (size_t j = 0; j < process->count; j++) {
			struct object *object;

			if (process->lookups[j].object == NO_OBJECT)
				continue;
			object = &stacks->objects[process->lookups[j].object];
			object->offsets = base__grow(object->offsets, &object->capacity, object->count + 1, sizeof(*object->offsets));
			object->offsets[object->count++] = process->lookups[j].offset;
		}
	}
	for (size_t i = 0; i < stacks->object_count; i++) {
		struct object *object = &stacks->objects[i];
		size_t unique = 0;

		qsort(object->offsets, object->count, sizeof(*object->offsets), compare_offsets);
		for (size_t j = 0; j < object->count; j++)
			if (!j || object->offsets[j] != object->offsets[j - 1])
				object->offsets[unique++] = object->offsets[j];
		object->count = unique;
		object->addresses = base__alloc(unique, sizeof(*object->addresses));
		object->functions = base__alloc(unique, sizeof(*object->functions));
	}
}

static void find_places(struct user_stacks *stacks)
{
	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];

		for (size_t j = 0; j < process->count; j++) {
			struct lookup *lookup = &process->lookups[j];
			const struct object *object;

			if (lookup->object == NO_OBJECT)
				continue;
			object = &stacks->objects[lookup->object];
			lookup->place = (size_t)((uint64_t *)bsearch(&lookup->offset, object->offsets, object->count,
				sizeof(*object->offsets), compare_offsets) - object->offsets);
		}
	}
}

static void count_results(struct user_stacks *stacks)
{
	struct user_stacks_statistics *statistics = &stacks->statistics;

	for (size_t i = 0; i < stacks->process_count; i++) {
		struct user_process *process = &stacks->processes[i];
		size_t mapped = 0;

		for (size_t j = 0; j < process->count; j++) {
			const struct lookup *lookup = &process->lookups[j];
			const struct object *object = lookup->object == NO_OBJECT ? NULL : &stacks->objects[lookup->object];

			mapped += lookup->mapped;
			if (object && object->functions[lookup->place])
				continue;
			statistics->frames_unnamed++;
			statistics->frames_late += object && object->late;
		}
		process->gone |= !mapped;
		statistics->processes += process->count > 0;
		statistics->processes_gone += process->count > 0 && process->gone;
	}
	for (size_t i = 0; i < stacks->object_count; i++)
		statistics->files_unread += !stacks->objects[i].read;
	statistics->files = (int64_t)stacks->object_count;
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec;
}

int user_stacks__resolve(struct user_stacks *stacks)
{
	struct isolate_budget budget = { .cpu_ns = CPU_LIMIT_NS, .child_cpu_ns = CHILD_CPU_LIMIT_NS, .wall_ns = WALL_LIMIT_NS,
		.item_wall_ns = ITEM_WALL_LIMIT_NS, .memory_bytes = MEMORY_LIMIT };
	struct isolate_job mappings = { .items = stacks->process_count, .batch = PROCESS_BATCH, .prepare = read_mappings,
		.receive = take_mapping, .context = stacks };
	struct name_job job = { .stacks = stacks };
	int64_t began_ns = now_ns();
	int error;

	if (stacks->resolved)
		return -EALREADY;
	gather_lookups(stacks);
	error = isolate__run(&mappings, &budget);
	gather_offsets(stacks);
	find_places(stacks);
	if (!error && stacks->object_count) {
		struct isolate_job names = { .items = stacks->object_count, .batch = OBJECT_BATCH, .prepare = open_object, .work = name_object,
			.receive = take_name, .lose = lose_name, .context = &job };

		job.fds = base__alloc(stacks->object_count, sizeof(*job.fds));
		error = isolate__run(&names, &budget);
		free(job.fds);
	}
	count_results(stacks);
	for (size_t i = 0; i < stacks->stack_count; i++) {
		free(stacks->stacks[i].text);
		stacks->stacks[i].text = NULL;
	}
	stacks->resolved = true;
	stacks->statistics.helpers_lost = budget.children_lost;
	stacks->statistics.cpu_ns = CPU_LIMIT_NS - budget.cpu_ns;
	stacks->statistics.wall_ns = now_ns() - began_ns;
	return error;
}
