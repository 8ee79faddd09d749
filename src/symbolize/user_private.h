// What the parts of user.h share.
#ifndef WHYSTALL_SYMBOLIZE_USER_PRIVATE_H
#define WHYSTALL_SYMBOLIZE_USER_PRIVATE_H

#include <stdbool.h>

#include "base/hash_index.h"
#include "isolate/isolate.h"
#include "symbolize/mappings.h"
#include "symbolize/user.h"

#define NO_OBJECT SIZE_MAX

// A return address is the one behind the call; what is looked up is the call's last byte, so that a call at the end of a
// function or of an inlined one belongs to it.
struct lookup {
	uint64_t address;               // the call's last byte, or where the task stood
	bool mapped, executable;
	size_t object, place;           // of a file: object and the place among its offsets; else NO_OBJECT
	uint64_t offset;                // in the file, or from the start of memory without a file
	char *memory;                   // "[anon]", "[uprobes]": code without a file, NULL otherwise
};

// The root directory of a process. Snapshots of a file system (btrfs) have files of the same device, inode and path with other
// contents: containers made from such ones are told apart by it.
struct root { uint64_t device, inode; };

struct user_process {
	uint32_t tgid;
	uint64_t start_ns;
	bool gone;                      // told by the caller, or found out
	struct lookup *lookups;         // ascending and unique, once resolving began
	size_t count, capacity;
	int maps;                       // in the child: its file of mappings, -1 none
	struct root root;               // in the child
};

struct user_stack { uint32_t process, count; size_t first; bool cut; char *text; };

// A mapped file; `source` maps it as `mapping` says.
struct object {
	struct mapping mapping;         // path owned
	struct root root;
	uint32_t source;                // a process' index
	bool is_vdso, read;             // read: its segments are known, so `addresses` are
	bool late, lost;                // the time was up; its reader was lost
	char build_id[13];              // first 12 hexadecimal digits, "" none
	char *label;                    // last part of the path, printable
	uint64_t *offsets, *addresses;  // in the file; in the file's own address space
	char **functions;               // one a line; NULL: not known
	bool *no_call;                  // as a return address it is not believable
	size_t count, capacity;
};

struct user_stacks {
	struct user_process *processes;
	size_t process_count, process_capacity;
	struct hash_index process_index; // by tgid and start
	struct user_stack *stacks;
	size_t stack_count, stack_capacity;
	uint64_t *addresses;            // of all stacks
	size_t address_count, address_capacity;
	struct hash_index stack_index;
	struct object *objects;
	size_t object_count, object_capacity;
	bool resolved;
	struct user_stacks_statistics statistics;
};

// The lookup of frame `frame` of a stack; NULL for a process that is gone.
struct lookup *user_stacks__lookup(const struct user_stacks *stacks, const struct user_stack *stack, size_t frame);
// The two steps of resolving. Return 0, or a negative errno if no child could be made.
int user_stacks__read_mappings(struct user_stacks *stacks, struct isolate_budget *budget);
int user_stacks__read_names(struct user_stacks *stacks, struct isolate_budget *budget);

// A stack's frames as text; owned by the caller. Counts what it drops.
char *user_stacks__format(struct user_stacks *stacks, const struct user_stack *stack);

#endif
