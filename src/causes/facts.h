// What remedies, effects and renderers need to know of the parties of a verdict: facts that the causes fill in. Names, notes and summaries are
// sentences for people, made of such facts and never read again.
#ifndef WHYSTALL_FACTS_H
#define WHYSTALL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/string_table.h"
#include "ledger/interrupts.h"

// Who or what a party is; names as in the report: "process", "irq", …
enum party_kind { PARTY_PROCESS, PARTY_IRQ, PARTY_HYPERVISOR, PARTY_QUOTA, PARTY_DEVICE, PARTY_KERNEL };
STRING_TABLE_DECLARE(party_kind);

// Which part of the kernel, of those that something can be done about.
enum kernel_part { KERNEL_PART_OTHER, KERNEL_PART_ARC, KERNEL_PART_HUGE_PAGES };

// What slows the CPUs.
enum slowdown { SLOWDOWN_NONE, SLOWDOWN_HEAT, SLOWDOWN_POWER_LIMIT, SLOWDOWN_COOLING, SLOWDOWN_FREQUENCY_LIMIT, SLOWDOWN_GOVERNOR };

// How the strongest task of a party is scheduled; all 0 for an ordinary one.
struct class_fact { int64_t policy, rt_priority, nice; };       // policy: SCHED_*, as sched_getscheduler(2)
// Whether it runs before all ordinary tasks.
bool class_fact__is_realtime(const struct class_fact *class);
// "SCHED_FIFO 50", "nice -20"; NULL for the ordinary. Owned by the caller.
char *class_fact__words(const struct class_fact *class);

// What a figure of evidence is counted in.
enum unit_form {
	UNIT_FORM_NUMBER,               // of something
	UNIT_FORM_PART,                 // a part of something, 0..1
	UNIT_FORM_SECONDS,              // a time, or task time
	UNIT_FORM_WAITS,                // large numbers of waits
};
struct unit { enum unit_form form; const char *name; };         // name: static, for people
#define UNIT(things) ((struct unit){ UNIT_FORM_NUMBER, things })
#define PART_OF(whole) ((struct unit){ UNIT_FORM_PART, "of " whole })
#define UNIT_SECONDS ((struct unit){ UNIT_FORM_SECONDS, "s" })
#define UNIT_TASK_SECONDS ((struct unit){ UNIT_FORM_SECONDS, "task-seconds" })
#define UNIT_WAITS ((struct unit){ UNIT_FORM_WAITS, "waits" })

// What a verdict's waiting went through: the common ground on which one verdict can follow from another.
enum resource_kind {
	RESOURCE_DEVICE,                // "254:0" (major:minor)
	RESOURCE_CGROUP,                // its path
	RESOURCE_MEMORY,                // "machine", or the path of the cgroup whose limit it is
	RESOURCE_FILE_SYSTEM,           // the device number of its mount
	RESOURCE_SERVER,                // the file system that it serves
};

#endif
