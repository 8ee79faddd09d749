// What is mapped where in a process: /proc/PID/maps (proc_pid_maps(5)), as far as some addresses need it.
#ifndef WHYSTALL_SYMBOLIZE_MAPPINGS_H
#define WHYSTALL_SYMBOLIZE_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPING_LINE_SIZE 4608          // a path of PATH_MAX and what stands before it

struct mapping {
	uint64_t start, end;            // addresses, end exclusive
	uint64_t offset;                // of `start` in the file
	uint32_t device_major, device_minor;
	uint64_t inode;                 // 0: no file
	bool executable;
	bool deleted;                   // the file has no name any more, or another file has it
	char *path;                     // "" for anonymous memory; "[vdso]", "[anon:…]", … for what the kernel names itself
};

// Parses one line without its newline. The line is changed: `path` points into it. False if it is no such line.
bool mapping__parse(char *line, struct mapping *ret);

// Told of each mapping that holds wanted addresses: those from wanted[first] to wanted[first + count - 1].
typedef void mapping_found(void *context, const struct mapping *mapping, size_t first, size_t count);

// The text in pieces of any size, line by line. Lines that make no sense or are too long are skipped.
struct mappings_reader {
	const uint64_t *wanted;         // ascending; not owned
	size_t count, next;
	mapping_found *found;
	void *context;
	uint64_t last_end;              // mappings ascend; what does not is skipped
	size_t length;
	bool skip;                      // within a line that is too long
	char line[MAPPING_LINE_SIZE];
};
void mappings__begin(struct mappings_reader *reader, const uint64_t *wanted, size_t count, mapping_found *found, void *context);
// False: all wanted addresses have been passed, the rest need not be read.
bool mappings__feed(struct mappings_reader *reader, const char *bytes, size_t length);

// Reads from `fd` until all wanted addresses are passed, at most 64 MiB. Returns 0 or a negative errno; -ENODATA: the file
// is empty, the process has no memory any more.
int mappings__read(int fd, const uint64_t *wanted, size_t count, mapping_found *found, void *context);

#endif
