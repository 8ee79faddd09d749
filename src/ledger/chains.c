#include "ledger/chains.h"
#include "ledger/look_ups.h"
#include "ledger/process_names.h"
#include "base/base.h"
#include "ledger/sleep_classes.h"
#include "ledger/sleeps.h"

#include <stdlib.h>
#include <string.h>

#define FOLLOWED 0.2             // of a wait: what its waker must have waited for itself, for the chain to go on
#define SHORTEST_NS 20000000     // a stall that is worth a chain

// A single wait of either kind, on one scale.
struct wait {
	int64_t from_ns, to_ns, process, tid;
	const struct sleep_event_row *sleep;    // or
	const struct event_row *queue;          // waiting for a CPU
};

struct waits { struct wait *waits; size_t count; }; // by thread, then by their end

static int compare_waits(const void *left, const void *right)
{
	const struct wait *a = left, *b = right;
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	if (a->to_ns != b->to_ns)
		return a->to_ns < b->to_ns ? -1 : 1;
	return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

static void gather(const struct recording *recording, struct waits *ret)
{
	ret->waits = base__alloc(recording->sleep_event_count + recording->event_count + 1, sizeof(*ret->waits));
	for (size_t i = 0; i < recording->sleep_event_count; i++) {
		const struct sleep_event_row *row = &recording->sleep_event[i];
		ret->waits[ret->count++] = (struct wait){ row->time_ns - row->ns, row->time_ns, row->process, row->tid, row, NULL };
	}
	for (size_t i = 0; i < recording->event_count; i++) {
		const struct event_row *row = &recording->event[i];
		ret->waits[ret->count++] = (struct wait){ row->time_ns - row->wait_ns, row->time_ns, row->process, row->tid, NULL, row };
	}
	qsort(ret->waits, ret->count, sizeof(*ret->waits), compare_waits);
}

// The wait of a thread that covers most of a stretch of time; NULL if none covers a good part of it.
static const struct wait *find_cover(const struct waits *waits, int64_t process, int64_t tid, int64_t from_ns, int64_t to_ns)
{
	const struct wait *best = NULL;
	int64_t most_ns = 0;
	size_t low = 0, high = waits->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (waits->waits[middle].tid < tid || (waits->waits[middle].tid == tid && waits->waits[middle].to_ns <= from_ns))
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < waits->count && waits->waits[i].tid == tid; i++) {
		const struct wait *wait = &waits->waits[i];
		int64_t begin = wait->from_ns > from_ns ? wait->from_ns : from_ns, end = wait->to_ns < to_ns ? wait->to_ns : to_ns;
		if (wait->process == process && end - begin > most_ns) {
			most_ns = end - begin;
			best = wait;
		}
	}
	return (double)most_ns >= FOLLOWED * (double)(to_ns - from_ns) ? best : NULL;
}

// ---- words ----

// By its system call alone: only the program itself knows what it was.
static bool is_for_futex(const struct sleep_event_row *sleep)
{
	return blocked_reason__from_name(sleep->reason, BLOCKED_OTHER) == BLOCKED_FUTEX;
}

static enum sleep_class class_of(const struct recording *recording, const struct sleep_event_row *sleep)
{
	if (is_for_futex(sleep))
		return SLEEP_FUTEX;
	const struct sleep_row row = { .process = sleep->process, .operation = sleep->operation, .reason = sleep->reason, .waker_kind = sleep->waker_kind,
				       .waker = sleep->waker, .device = sleep->device, .kernel_stack = sleep->kernel_stack };
	return sleep_class__of(&row, recording__frames(recording, sleep->kernel_stack));
}

// What it slept for: its class, or more where the system call tells.
static const char *what_of(enum sleep_class class, const struct sleep_event_row *sleep)
{
	static const char *const programs[] = { "wait4 waitid", "write writev sendto sendmsg sendmmsg splice tee vmsplice", "connect" };
	static const char *const words[] = { "the end of a child process", "room in a pipe or socket", "a connection" };
	if (is_for_futex(sleep))
		return "a lock or signal of the program";
	for (size_t i = 0; class == SLEEP_PROCESS && sleep->operation && i < ARRAY_SIZE(programs); i++) {
		const char *found = strstr(programs[i], sleep->operation);
		size_t length = strlen(sleep->operation);
		if (found && length && (found == programs[i] || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
			return words[i];
	}
	return class == SLEEP_OTHER || class == SLEEP_UNKNOWN ? "something else in the kernel" : sleep_class__name(class);
}

static const char *name_of(const struct recording *recording, int64_t process)
{
	const struct process_row *row = process ? recording__process(recording, process) : NULL;
	return row && row->name ? row->name : "an unknown process";
}

char *chain__end_words(const struct recording *recording, const struct chain *chain)
{
	const char *device = chain->device ? chain->device : "a device";
	const struct device_row *row;
	switch (chain->end) {
	case CHAIN_END_INTERRUPT: return base__copy("an interrupt ended it (a timer or a device)");
	case CHAIN_END_DEVICE:
		row = look_up__device(recording, chain->device);
		device = row ? row->name : device;
		return base__format("block device %s had completed the request", device);
	case CHAIN_END_CPU:
		return chain->occupant == OCCUPANT_TASK ? base__format("mostly %s had the CPU", name_of(recording, chain->occupant_process))
							: base__format("mostly the CPU was not with a task: %s", occupant__name(chain->occupant));
	case CHAIN_END_AWAKE: return base__copy("it ran, or waited idly or under 10 ms at a time: such waits are not listed");
	case CHAIN_END_CYCLE: return base__copy("it waited for one that is in this chain already");
	case CHAIN_END_DEEP: return base__copy("the chain goes on, it is cut here");
	default: return base__copy("who ended it was not seen");
	}
}

// ---- following ----

static void add_link(const struct recording *recording, const struct wait *wait, int64_t from_ns, int64_t to_ns, struct chain *chain)
{
	const struct sleep_event_row *sleep = wait->sleep;
	enum sleep_class class = sleep ? class_of(recording, sleep) : SLEEP_UNKNOWN;
	chain->links[chain->count++] = (struct chain_link){ .process = wait->process, .tid = wait->tid, .class = class,
		.thread = sleep ? sleep->name : wait->queue->name, .what = sleep ? what_of(class, sleep) : "a CPU",
		.seconds = (double)(to_ns - from_ns) / NS_PER_SEC, .kernel_stack = sleep ? sleep->kernel_stack : wait->queue->stack,
		.user_stack = sleep ? sleep->user_stack : 0 };
}

static const char *thread_name(const struct recording *recording, int64_t process, int64_t tid)
{
	for (size_t i = 0; i < recording->task_count; i++)
		if (recording->task[i].process == process && recording->task[i].tid == tid)
			return recording->task[i].name;
	return NULL;
}

static bool is_in(const struct chain *chain, int64_t process, int64_t tid)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->links[i].process == process && chain->links[i].tid == tid)
			return true;
	return false;
}

// How a wait ended that no task ended; false if a task did.
static bool ends_here(const struct wait *wait, struct chain *chain)
{
	const struct sleep_event_row *sleep = wait->sleep;
	enum waker_kind waker = waker_kind__from_name(sleep ? sleep->waker_kind : NULL, WAKER_UNKNOWN);
	if (wait->queue) {
		chain->end = CHAIN_END_CPU;
		chain->occupant = (enum occupant)wait->queue->kind;
		chain->occupant_process = wait->queue->culprit;
	} else if (waker == WAKER_BLOCK) {
		chain->end = CHAIN_END_DEVICE;
		chain->device = sleep->device;  // -fanalyzer: no sleep has WAKER_UNKNOWN
	} else if (waker == WAKER_HARDIRQ || waker == WAKER_SOFTIRQ) {
		chain->end = CHAIN_END_INTERRUPT;
	} else if (waker != WAKER_TASK || !sleep->waker_tid) {
		chain->end = CHAIN_END_UNKNOWN;
	} else {
		return false;
	}
	return true;
}

static void follow(const struct recording *recording, const struct waits *waits, const struct wait *wait, struct chain *chain)
{
	int64_t from_ns = wait->from_ns, to_ns = wait->to_ns;
	*chain = (struct chain){ .seconds = (double)(to_ns - from_ns) / NS_PER_SEC, .time_ns = to_ns };
	for (;;) {
		add_link(recording, wait, from_ns, to_ns, chain);
		if (ends_here(wait, chain))
			return;
		const struct sleep_event_row *sleep = wait->sleep;
		if (is_in(chain, sleep->waker, sleep->waker_tid)) {
			chain->end = CHAIN_END_CYCLE;
			return;
		}
		if (chain->count == CHAIN_LINKS) {
			chain->end = CHAIN_END_DEEP;
			return;
		}
		const struct wait *next = find_cover(waits, sleep->waker, sleep->waker_tid, from_ns, to_ns);
		if (!next) {
			chain->links[chain->count++] = (struct chain_link){ .process = sleep->waker, .tid = sleep->waker_tid, .what = "running",
				.thread = thread_name(recording, sleep->waker, sleep->waker_tid), .seconds = (double)(to_ns - from_ns) / NS_PER_SEC };
			chain->end = CHAIN_END_AWAKE;
			return;
		}
		from_ns = next->from_ns > from_ns ? next->from_ns : from_ns;
		to_ns = next->to_ns < to_ns ? next->to_ns : to_ns;
		wait = next;
	}
}

// ---- which stalls ----

// A futex wait is a stall where it can only have been a lock's: its process has one with waits that long, and none that long at other futexes.
static bool is_lock_wait(const struct ledger_futexes *futexes, const struct sleep_event_row *sleep)
{
	bool lock = false, other = false;
	for (size_t i = 0; i < futexes->count; i++) {
		const struct ledger_futex *futex = &futexes->futexes[i];
		if (futex->row->process == sleep->process && futex->sum.wait_max_ns >= sleep->ns - sleep->ns / 50)
			*(futex->class == FUTEX_LOCK ? &lock : &other) = true;
	}
	return lock && !other;
}

static bool is_stall(const struct recording *recording, const struct ledger_futexes *futexes, const struct wait *wait)
{
	const struct process_row *process = wait->process ? recording__process(recording, wait->process) : NULL;
	// Who waits for a CPU is explained in full by those who have it; such waits are links only.
	if (wait->queue || !process || wait->to_ns - wait->from_ns < SHORTEST_NS || process_row__is_tool(recording, process))
		return false;
	if (is_for_futex(wait->sleep))
		return is_lock_wait(futexes, wait->sleep);
	// Parents that wait for their children want nothing else.
	const char *operation = wait->sleep->operation ? wait->sleep->operation : "";
	return strcmp(operation, "wait4") && strcmp(operation, "waitid") && !process->kernel_thread;
}

static int compare_lengths(const void *left, const void *right)
{
	const struct wait *a = *(const struct wait *const *)left, *b = *(const struct wait *const *)right;
	int64_t a_ns = a->to_ns - a->from_ns, b_ns = b->to_ns - b->from_ns;
	if (a_ns != b_ns)
		return a_ns > b_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

void chains__make(const struct recording *recording, const struct ledger_futexes *futexes, struct ledger_chains *ret_chains)
{
	struct waits waits = { 0 };
	struct ledger_chains chains = { base__alloc(CHAINS_KEPT, sizeof(*chains.chains)), 0 };
	gather(recording, &waits);
	cleanup_free const struct wait **stalls = base__alloc(waits.count + 1, sizeof(*stalls));
	size_t count = 0;
	for (size_t i = 0; i < waits.count; i++)
		if (is_stall(recording, futexes, &waits.waits[i]))
			stalls[count++] = &waits.waits[i];
	if (count)
		qsort(stalls, count, sizeof(*stalls), compare_lengths);
	for (size_t i = 0; i < count && chains.count < CHAINS_KEPT; i++) {
		// A process that is in a longer chain already has been told of.
		bool known = false;
		for (size_t j = 0; j < chains.count && !known; j++)
			for (size_t k = 0; k < chains.chains[j].count && !known; k++)
				known = chains.chains[j].links[k].process == stalls[i]->process;
		if (!known)
			follow(recording, &waits, stalls[i], &chains.chains[chains.count++]);
	}
	free(waits.waits);
	*ret_chains = chains;
}

void chains__free(struct ledger_chains *chains)
{
	free(chains->chains);
	*chains = (struct ledger_chains){ 0 };
}
