// The longest time between two rounds of the recorder's loop, and what the thread did in it: so that a report can say why its recorder was late.
#ifndef WHYSTALL_COLLECT_SILENCE_H
#define WHYSTALL_COLLECT_SILENCE_H

#include <stdint.h>

struct recording;

// At one moment: the time, and what the thread has had so far (/proc/thread-self/schedstat).
struct silence_look { uint64_t now_ns, ran_ns, waited_ns; };

struct silence {
	int fd;
	struct silence_look woken, asleep;      // the last two
	uint64_t longest_ns, began_ns;          // CLOCK_MONOTONIC when it began
	uint64_t ran_ns, waited_ns;             // parts of it: on a CPU; runnable, without one
	uint64_t blocked_ns;                    // … asleep in what it was doing
	uint64_t overslept_ns;                  // … by a timer that came late: a paused machine, a CPU that took no interrupt
};

// The window begins. For the calling thread; the others must be called by it, too.
void silence__begin(struct silence *silence);
// Just before each sleep, and just after it, with what was asked for.
void silence__before_sleep(struct silence *silence);
void silence__after_sleep(struct silence *silence, uint64_t asked_ns);
// The same with looks of the caller's (pure).
void silence__note(struct silence *silence, const struct silence_look *asleep, const struct silence_look *woken, uint64_t asked_ns);
// Meta silence_began_ns (since `window_ns`) and silence_ran_ns, _waited_ns, _blocked_ns, _overslept_ns.
void silence__store(const struct silence *silence, uint64_t window_ns, struct recording *recording);
void silence__end(struct silence *silence);

#endif
