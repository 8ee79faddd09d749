// What the files of resource_causes.h share. Private to them.
#ifndef WHYSTALL_LEDGER_RESOURCE_PRIVATE_H
#define WHYSTALL_LEDGER_RESOURCE_PRIVATE_H

#include "ledger/attribution.h"
#include "ledger/journals.h"
#include "ledger/memory.h"
#include "ledger/queues.h"
#include "ledger/rereads.h"
#include "ledger/scene.h"

struct io_limits;               // io_limits.c

// The facts that decide.
struct resource_facts {
	const struct ledger *ledger;
	const struct scene *scene;
	struct ledger_memory *memory;
	struct rereads *rereads;
	struct queues *queues;
	struct journals *journals;
	struct io_limits *io_limits;
};

// One victim's part of a resource's pressure while it is being divided.
struct share { double some_ns, full_ns; };
struct booking {
	const struct resource_facts *facts;
	struct attributed_list *list;
	size_t first;                   // the victim's items begin here
	size_t process;                 // the victim: index of facts->ledger->processes
};
// Adds to the victim's item of that cause and culprit. `culprit`: process_row.id or 0, then `kind` says what it is instead.
void booking__add(struct booking *booking, enum cause_key cause, enum occupant kind, int64_t culprit, struct share share);
// The same for a culprit that may be unknown.
void booking__add_process(struct booking *booking, enum cause_key cause, int64_t culprit, struct share share);
struct share share__part(struct share share, double part);

// A sleep's part of I/O pressure; of a row without a stack, with the class that it is taken to have.
void io_causes__book(struct booking *booking, const struct ledger_sleep *sleep, enum sleep_class class, bool sync, struct share share);

// A sleep's part of memory pressure, and what passed beside the sleeps, on a CPU or waiting for one.
void memory_causes__book(struct booking *booking, const struct ledger_sleep *sleep, struct share share);
void memory_causes__book_awake(struct booking *booking, struct share share);
// Of a kernel thread that frees or moves memory in the background: its cause, all of its pressure being its own work. CAUSE_NONE: it is none.
enum cause_key memory_causes__of_thread(const struct process_row *process);
// Pages brought back: which limit, or scarce memory.
void memory_causes__book_refault(struct booking *booking, struct share share);

// The part (0..1) of a process' waits for a device that its cgroup's I/O limit made.
struct io_limits *io_limits__make(const struct ledger *ledger);
void io_limits__free(struct io_limits *limits);
double io_limits__part(const struct io_limits *limits, const char *device, size_t process);

#endif
