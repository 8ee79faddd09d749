// Attaching and detaching probes within the window, by a process of ours that nobody waits for.
//
// The kernel makes some of these calls wait until RCU has gone by on every CPU (kernel/tracepoint.c: tp_rcu_cond_sync): 20 s and more where
// rcu_preempt starves. A thread in that state would hold up the recorder's end as well, so it is a process, forked once all objects are loaded. It
// also holds a copy of all links that the recorder has then: closing ours ends nothing, and what waits at the end is this process alone.
#ifndef WHYSTALL_COLLECT_ATTACHER_H
#define WHYSTALL_COLLECT_ATTACHER_H

#include <stdbool.h>
#include <stdint.h>

struct attacher;
struct bpf_program;

#define ATTACHER_GROUPS 8
#define ATTACHER_PROGRAMS 4
#define ATTACHER_NONE (-1)

struct attach_state {
	bool on;                        // attached at the moment
	bool pending;                   // the last order is not carried out yet
	int refusal;                    // negative errno of the last attempt to attach it; 0: none
	uint32_t failures;              // attempts that the kernel refused
	uint64_t on_ns;                 // how long it has been attached, in all
};

struct attacher *attacher__new(void);
// Adds programs that are attached and detached together: up to ATTACHER_PROGRAMS, NULL after the last if there are fewer. Before the start.
// Returns the group's number, ATTACHER_NONE: there are too many.
int attacher__add(struct attacher *attacher, struct bpf_program *const programs[ATTACHER_PROGRAMS]);
// Forks the process. All states say the error if it can't.
void attacher__start(struct attacher *attacher);
// Returns at once. Orders of the same group that follow each other quickly may be carried out as the last one.
void attacher__order(struct attacher *attacher, int group, bool on);
// Waits until all orders are carried out, at most so long. Returns whether they are.
bool attacher__wait(const struct attacher *attacher, uint64_t longest_ns);
struct attach_state attacher__state(const struct attacher *attacher, int group);
uint64_t attacher__cpu_ns(const struct attacher *attacher);
// The process detaches all that it holds and ends, in its own time. What it held that the caller has closed is detached then.
void attacher__leave(struct attacher *attacher);
void attacher__free(struct attacher *attacher);

#endif
