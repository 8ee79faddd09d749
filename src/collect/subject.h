// A subject: probes or samplers beside the scheduler's account, such as block requests. Each is one file; subjects.c lists them.
// One that cannot work on this kernel says why and does no harm: the causes that need it are not testable then.
#ifndef WHYSTALL_COLLECT_SUBJECT_H
#define WHYSTALL_COLLECT_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collector;
struct kernel_symbols;
struct recording;
struct stack_table;

struct subject {
	const char *name;               // "block"; meta "probe.block" is "on", or why it is off
	// Loads and attaches, with all privileges, before the window: state of its own, or NULL and one clause for people (owned by the
	// caller) why it is off. Must not fail for what is only a part of it.
	void *(*open)(struct collector *collector, char **ret_why_off);
	// All subjects are open and collector->attacher is started: orders may be given to it. May be NULL, like the next ones.
	void (*start)(void *state);
	// The window begins, without the privileges (collect/privileges.h).
	void (*begin)(void *state, struct collector *collector);
	// In each round of the collector's loop, every 100 ms. Must be quick, and wait for nobody: not for RCU either (collect/attacher.h).
	void (*look)(void *state, struct collector *collector);
	// Once a second, and once after the window: takes what the probes have. Processes can be looked up by tgid here.
	void (*drain)(void *state, struct collector *collector);
	// The window has ended: the last values of counters; probes are detached here. drain comes once more after it.
	void (*end)(void *state, struct collector *collector);
	// Sets meta "probe.NAME.PART" for parts that can be off alone, as soon as they are known (`check` asks right after open). May be NULL.
	void (*describe)(const void *state, struct recording *recording);
	// Says which kernel addresses store will ask collector->symbols to name; after the last drain. May be NULL.
	void (*want_symbols)(const void *state, const struct collector *collector, struct kernel_symbols *symbols);
	// Adds rows. `stacks` is NULL in the interim states that are saved within the window: rows without stacks then.
	void (*store)(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks);
	void (*close)(void *state);
	size_t (*memory)(const void *state);    // bytes of its tables in the kernel; may be NULL
};

extern const struct subject subject_futex;       // futex.c

extern const struct subject *const subject_table[];
extern const size_t subject_table_count;

// The subjects of one run.
struct subjects;
struct subjects *subjects__open(struct collector *collector);
void subjects__start(struct subjects *subjects);
void subjects__begin(struct subjects *subjects, struct collector *collector);
void subjects__look(struct subjects *subjects, struct collector *collector);
void subjects__drain(struct subjects *subjects, struct collector *collector);
void subjects__end(struct subjects *subjects, struct collector *collector);
// Sets meta "probe.NAME" for each: "on", or why it is off.
void subjects__describe(const struct subjects *subjects, struct recording *recording);
void subjects__want_symbols(const struct subjects *subjects, const struct collector *collector, struct kernel_symbols *symbols);
// Adds the rows of one subject; false: there are no more than `number`.
bool subjects__store_one(const struct subjects *subjects, size_t number, struct collector *collector, struct recording *recording,
	struct stack_table *stacks);
void subjects__close(struct subjects *subjects);
// The state of a subject that is on, NULL: it is off. For subjects that build on another one's account.
const void *subjects__state(const struct subjects *subjects, const char *name);
size_t subjects__memory(const struct subjects *subjects);

#endif
