// Reads command lines in a child, which may hang on a process whose mmap_lock a writer holds.
#include "identify/process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/stat.h"
#include "isolate/isolate.h"

#define ARGUMENTS_READ 8192     // a VM's -name and -id come first; what follows can be long
#define COMMAND_LINE_SIZE 513
#define PATIENCE_NS ((int64_t)(100 * NS_PER_MSEC))
#define MEMORY_LIMIT ((size_t)64 << 20)
#define BATCH 256               // as many open files
#define LOST_LIMIT 32

struct entry { size_t row; int64_t pid, start_ns; int fd; };
struct job { struct process_row *rows; struct entry *entries; };

/* In the child: */

static void open_arguments(void *context, size_t item, struct isolate_channel *channel)
{
	struct entry *entry = &((struct job *)context)->entries[item];
	cleanup_free char *path = base__format("/proc/%lld/cmdline", (long long)entry->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)channel;
	if (fd >= 0 && !stat__is_process(entry->pid, entry->start_ns))
		base__close_fd(&fd);
	entry->fd = fd < 0 ? -1 : fd;
}

static void read_arguments(void *context, size_t item, struct isolate_channel *channel)
{
	cleanup_fd int fd = ((struct job *)context)->entries[item].fd;
	char text[ARGUMENTS_READ];
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (length > 0)
		isolate__send(channel, text, (size_t)length);
}

/* In the parent: */

static void replace(char **field, const char *text)
{
	if (!text[0])
		return;
	free(*field);
	*field = base__copy(text);
}

// The command line's own name for a VM is the full one; the id that the cgroup gave (Proxmox, libvirt) is kept, because
// that is what those tools' commands take.
static void fill(void *context, size_t item, const unsigned char *bytes, size_t length)
{
	const struct job *job = context;
	struct process_row *row = &job->rows[job->entries[item].row];
	const char *arguments = (const char *)bytes;
	char printable[COMMAND_LINE_SIZE];
	struct command_meaning meaning;

	identify__printable(arguments, length, printable, sizeof(printable));
	replace(&row->command_line, printable);
	identify__command_line(arguments, length, row->exe, &meaning);
	replace(&row->vm_name, meaning.vm_name);
	if (!row->vm_id)
		replace(&row->vm_id, meaning.vm_id);
}

int identify__command_lines(struct process_row *rows, size_t count, int64_t limit_ns)
{
	struct job context = { rows, base__alloc(count, sizeof(*context.entries)) };
	struct isolate_job job = { .batch = BATCH, .lost_limit = LOST_LIMIT, .prepare = open_arguments, .work = read_arguments, .receive = fill,
		.context = &context };
	struct isolate_budget budget = { .cpu_ns = limit_ns, .child_cpu_ns = limit_ns, .wall_ns = limit_ns, .item_wall_ns = PATIENCE_NS,
		.memory_bytes = MEMORY_LIMIT };

	for (size_t i = 0; i < count; i++)
		if (rows[i].pid > 0 && !rows[i].gone && !rows[i].kernel_thread && !rows[i].command_line)
			context.entries[job.items++] = (struct entry){ .row = i, .pid = rows[i].pid, .start_ns = rows[i].start_ns, .fd = -1 };
	isolate__run(&job, &budget);
	free(context.entries);
	return (int)budget.items_lost;
}
