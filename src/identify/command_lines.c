// Reads command lines without ever hanging on a process whose mmap_lock a writer holds.
#include "identify/process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/patience.h"
#include "identify/stat.h"

#define ARGUMENTS_READ 8192     // a VM's -name and -id come first; what follows can be long
#define COMMAND_LINE_SIZE 513
#define PATIENCE_NS (100 * NS_PER_MSEC)

struct entry {
	size_t row;
	int64_t pid, start_ns;
	char *arguments;                // NULL: not read
	size_t length;
};

static void read_arguments(void *tools, void *element)
{
	struct entry *entry = element;
	cleanup_free char *path = base__format("/proc/%lld/cmdline", (long long)entry->pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	(void)tools;
	if (fd < 0 || !stat__is_process(entry->pid, entry->start_ns))
		return;
	char *text = base__alloc(ARGUMENTS_READ, 1);
	length = read(fd, text, ARGUMENTS_READ);
	if (length <= 0) {
		free(text);
		return;
	}
	entry->arguments = text;
	entry->length = (size_t)length;
}

static void clean(void *element)
{
	struct entry *entry = element;

	free(entry->arguments);
	entry->arguments = NULL;
}

static void replace(char **field, const char *text)
{
	if (!text[0])
		return;
	free(*field);
	*field = base__copy(text);
}

// The command line's own name for a VM is the full one; the id that the cgroup gave (Proxmox, libvirt) is kept, because
// that is what those tools' commands take.
static void fill(const struct entry *entry, struct process_row *row)
{
	char printable[COMMAND_LINE_SIZE];
	struct command_meaning meaning;

	identify__printable(entry->arguments, entry->length, printable, sizeof(printable));
	replace(&row->command_line, printable);
	identify__command_line(entry->arguments, entry->length, row->exe, &meaning);
	replace(&row->vm_name, meaning.vm_name);
	if (!row->vm_id)
		replace(&row->vm_id, meaning.vm_id);
}

int identify__command_lines(struct process_row *rows, size_t count, int64_t limit_ns)
{
	static const struct patience patience = { .entry_size = sizeof(struct entry), .step = read_arguments, .clean = clean,
		.step_ns = PATIENCE_NS };
	struct entry *entries = base__alloc(count, sizeof(*entries));
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (rows[i].pid > 0 && !rows[i].gone && !rows[i].kernel_thread && !rows[i].command_line)
			entries[used++] = (struct entry){ .row = i, .pid = rows[i].pid, .start_ns = rows[i].start_ns };
	size_t held = patience__each(&patience, entries, used, patience__now_ns() + limit_ns);
	for (size_t i = 0; i < used; i++) {
		if (entries[i].arguments)
			fill(&entries[i], &rows[entries[i].row]);
		clean(&entries[i]);
	}
	free(entries);
	return (int)held;
}
