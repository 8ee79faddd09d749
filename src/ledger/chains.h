// Chains of wake-ups: who waited, who ended that wait, and what that one had waited for meanwhile, down to where nobody waited any more.
// A pure function of the single waits of 10 ms and more (tables sleep_event and event). Part of the ledger (ledger.h).
//
// A link is followed where its waker was itself asleep or without a CPU for a good part of the wait: that part is explained by the waker's own
// wait, and only that part goes on. What is not recorded (waits under 10 ms, timers, waiting for work, lines beyond the probes' limits) ends a
// chain: its end says so, and is then no accusation.
#ifndef WHYSTALL_LEDGER_CHAINS_H
#define WHYSTALL_LEDGER_CHAINS_H

#include "ledger/futexes.h"
#include "ledger/sleep_classes.h"
#include "recording/recording.h"

#define CHAIN_LINKS 8
#define CHAINS_KEPT 10

enum chain_end {
	CHAIN_END_AWAKE,        // the last one woken for was not seen waiting: it ran, or waited too shortly or idly to be recorded
	CHAIN_END_INTERRUPT,    // an interrupt: a timer or a device
	CHAIN_END_DEVICE,       // a block device completed a request
	CHAIN_END_CPU,          // the CPU was taken by `occupant`
	CHAIN_END_UNKNOWN,      // who ended the wait was not seen
	CHAIN_END_CYCLE,        // it waits for one that is in the chain already
	CHAIN_END_DEEP,         // longer than CHAIN_LINKS
};

struct chain_link {
	int64_t process, tid;
	const char *thread;             // its name (comm)
	enum sleep_class class;         // what it slept for; SLEEP_UNKNOWN where it did not sleep
	const char *what;               // the same in words: "a lock of the program", "block device", "a CPU"; of the last one awake: "running"
	double seconds;                 // of the stall that this link explains
	int64_t kernel_stack, user_stack;
};

struct chain {
	double seconds;                 // the stall: links[0].seconds
	int64_t time_ns;                // when it ended
	struct chain_link links[CHAIN_LINKS]; size_t count;
	enum chain_end end;
	const char *device;             // CHAIN_END_DEVICE: "254:0", as recorded
	enum occupant occupant;         // CHAIN_END_CPU
	int64_t occupant_process;       // and its process, 0 if it is no task
};

struct ledger_chains { struct chain *chains; size_t count; };   // longest first, one for each process that stalled and is in no longer one

void chains__make(const struct recording *recording, const struct ledger_futexes *futexes, struct ledger_chains *ret_chains);
void chains__free(struct ledger_chains *chains);
// The end in words: "an interrupt (a timer or a device)", "vda has completed its request", "a CPU, which cc1 had". Owned by the caller.
char *chain__end_words(const struct recording *recording, const struct chain *chain);

#endif
