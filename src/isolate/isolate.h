// Work on things that may be hostile, done item by item in child processes: one that crashes, hangs or eats memory costs
// its own item only.
#ifndef WHYSTALL_ISOLATE_ISOLATE_H
#define WHYSTALL_ISOLATE_ISOLATE_H

#include <stddef.h>
#include <stdint.h>

#define ISOLATE_MESSAGE_LIMIT 65536
#define ISOLATE_REQUEST_LIMIT 8192
#define ISOLATE_ANSWER_LIMIT 16384

// In the child: sends bytes to the parent, about the item at hand. At most ISOLATE_MESSAGE_LIMIT; more are not sent.
struct isolate_channel;
void isolate__send(struct isolate_channel *channel, const void *bytes, size_t length);

// In the child, once it has no privileges: asks for a file. `request`: at most ISOLATE_REQUEST_LIMIT bytes, which job->open is given. Returns a file
// descriptor or a negative errno. `ret` may be NULL; its `bytes`, if it has any, take up to ISOLATE_ANSWER_LIMIT.
struct isolate_answer { int fd; size_t length; char *bytes; };
int isolate__open(struct isolate_channel *channel, const void *request, size_t length, struct isolate_answer *ret);

enum isolate_loss {
	ISOLATE_DIED,                   // the child crashed or ran out of memory at this item
	ISOLATE_STUCK,                  // it took too long at this item
	ISOLATE_LATE,                   // the time of all was up
};

struct isolate_job {
	size_t items;
	size_t batch;                   // items for one child at most (what `prepare` opens is open at once)
	size_t lost_limit;              // so many children lost, and the rest is given up; 0: 16
	// In the child, with the rights of sandbox__open_only, for each item of its batch: opens files. NULL: nothing.
	void (*prepare)(void *context, size_t item, struct isolate_channel *channel);
	// In a process of its own with the same rights, while `work` goes on: opens what the child asks for by isolate__open, and decides whether it may
	// have that: the child may be in a stranger's hands. What `prepare` has left in memory and open is there. Returns a descriptor, which is handed
	// over and closed, or a negative errno; may write to answer->bytes and set its length. NULL: nothing can be asked for.
	int (*open)(void *context, size_t item, const void *request, size_t length, struct isolate_answer *answer);
	// In the child, for each item again, without any privileges (sandbox__enter). NULL: nothing.
	void (*work)(void *context, size_t item, struct isolate_channel *channel);
	// In the parent: what was sent, in order. Not to be trusted.
	void (*receive)(void *context, size_t item, const unsigned char *bytes, size_t length);
	// In the parent: this item's work was not finished. Some of what it sent may have arrived.
	void (*lose)(void *context, size_t item, enum isolate_loss loss);
	void *context;
};

// What is left of the limits; isolate__run takes from it what it used.
struct isolate_budget {
	int64_t cpu_ns, wall_ns;
	int64_t child_cpu_ns;           // of one child: a hostile item shall not use up the time of all
	int64_t item_wall_ns;           // a child that says nothing for so long is stuck, unless it only waits for a CPU
	size_t memory_bytes;
	int64_t children_lost;          // counted
	int64_t items_lost;             // counted
};

// Works on all items in ascending order. Returns 0, also if items were lost; a negative errno if no child could be made. Waits for no child that the
// kernel holds back: it is left to end when it can, and has nothing of ours that anybody could wait for.
int isolate__run(const struct isolate_job *job, struct isolate_budget *budget);

// Items that this process has lost so far because no child could be made for them, or none that could begin; `ret_error`: why, the last time, a
// negative errno (-ECHILD: it could not begin). It may be NULL.
int64_t isolate__unmade(int *ret_error);

#endif
