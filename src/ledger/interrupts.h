// Interrupts that take CPUs from tasks: what they work for, and whose work it is. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_INTERRUPTS_H
#define WHYSTALL_LEDGER_INTERRUPTS_H

#include "ledger/kernel_counters.h"
#include "ledger/scene.h"

// What interrupts take the CPU for a party, or as it.
enum interrupt_kind {
	INTERRUPT_NONE,
	INTERRUPT_SOFT,                 // a vector other than NET_RX
	INTERRUPT_NET_RX,               // packets of `device`
	INTERRUPT_HARD,                 // of a device, by `number`
	INTERRUPT_TIMER,                // the local timer's
	INTERRUPT_CALL,                 // IPIs: functions that other CPUs ask for
};
enum timer_use { TIMER_OTHER, TIMER_SAMPLING, TIMER_SLEEPS, TIMER_INTERVALS };
struct interrupt_fact {
	enum interrupt_kind kind;
	const char *key;                // which one of them, the recording's: the vector, its number or name; NULL where the kind says all
	const char *device;             // name of the network device, the recording's; NULL unknown
	int64_t number;                 // its number in /proc/interrupts; 0: it has none
	enum timer_use timer;           // INTERRUPT_TIMER: what its timers are for
};

// What a process has to do with a source.
enum interrupt_role {
	INTERRUPT_ROLE_NONE,
	INTERRUPT_ROLE_SENT,            // it sent these packets over devices of this machine
	INTERRUPT_ROLE_RECEIVED,        // it received these packets
	INTERRUPT_ROLE_UNKNOWN,         // somebody's packets, nobody knows whose
	INTERRUPT_ROLE_TIMERS,          // its timers expired
	INTERRUPT_ROLE_KERNEL_TIMERS,   // the kernel's own timers, and those of unknown owners
	INTERRUPT_ROLE_CALLER,          // it asked other CPUs to run something
};
enum interrupt_side { INTERRUPTS_SOFT, INTERRUPTS_HARD };

// What interrupts work for: "NET_RX (eth0)", "virtio1-req.0 (36)", and, where it is known, whose work it is.
struct interrupt_source {
	const char *name;               // owned
	struct interrupt_fact fact;
	enum interrupt_role role;       // the process' part in it
	size_t crowd;                   // whose packets, timers; SIZE_MAX: nobody's that is known
	double ns;                      // time on all CPUs
	double blame_ns;                // the same, each CPU's by how much somebody lost there
};

struct interrupts {
	const struct scene *scene;
	enum interrupt_side side;
	struct interrupt_source *sources; size_t count; // most blame first
	double ns, blame_ns;            // sums
	double busiest_share; int64_t busiest_cpu; char *busiest_name; // of the window, on the CPU that they took most of; -1: none
};

void interrupts__gather(const struct scene *scene, enum interrupt_side side, struct interrupts *ret_interrupts);
void interrupts__free(struct interrupts *interrupts);

// For gather, each side in its own file: adds a source's time on one CPU. Of `source`, name (copied), fact, role and crowd count.
void interrupts__add(struct interrupts *interrupts, const struct interrupt_source *source, double ns, double weight);
void interrupts__gather_soft(struct interrupts *interrupts, int64_t cpu, double weight);        // interrupts_soft.c
void interrupts__gather_hard(struct interrupts *interrupts, int64_t cpu, double weight);        // interrupts_hard.c
// The crowd of a process; SIZE_MAX unknown.
size_t interrupts__crowd(const struct scene *scene, int64_t process);

// The vector or interrupt that took most of a CPU's time; NULL: none did.
const char *interrupts__largest_key(const struct ledger *ledger, enum interrupt_side side, int64_t cpu);
// How many of them the probes saw; cpu -1: on all CPUs.
double interrupts__seen(const struct ledger *ledger, enum interrupt_side side, const char *key, int64_t cpu);
// Whether a network device has queues, and so interrupts, of its own.
bool interrupts__has_queues(const struct ledger *ledger, const char *device);

#endif
