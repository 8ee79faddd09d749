// Which probes of the subject "irq" are attached at the moment.
//
// Some of their tracepoints come with each wake-up of another CPU or with each packet, and even a program that only counts costs some
// 20 ns there. What the scheduler's object sums up anyway (time by vector) and the kernel's own row TLB tell whether they could matter;
// only then are they attached. What goes unseen meanwhile is less than what the decision lets pass: see irq_watch__decide.
#ifndef WHYSTALL_COLLECT_IRQ_WATCH_H
#define WHYSTALL_COLLECT_IRQ_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/attacher.h"

enum irq_group { IRQ_GROUP_CALLS, IRQ_GROUP_PACKETS, IRQ_GROUPS };
enum irq_need { IRQ_NEED_NONE, IRQ_NEED_SAMPLE, IRQ_NEED_ALL };

// What happened between two looks.
struct irq_load {
	uint64_t elapsed_ns;
	uint64_t calls, calls_ns;       // interrupts by calls of other CPUs (CAL), all CPUs together
	int64_t flushes;                // those for the TLB among them; -1: not known
	uint64_t packets_ns;            // soft interrupts NET_RX, all CPUs together
};

// Whether a group's probes are needed. Calls: all of them where flushes of the TLB may be a cause, from 250 a second on (half of
// memory.tlb's threshold for one process) or where the row TLB is not known; a sample where calls take at least 1 % of one CPU, because only
// the proportions of the callers are wanted then. Packets: all from 2 % of one CPU in NET_RX on.
enum irq_need irq_watch__decide(enum irq_group group, const struct irq_load *load);

struct irq_cpu;
struct irq_watch;

// `programs`: those of each group that are loaded, NULL after the last. The attacher, which is not started yet, stays the caller's. A group of
// which the kernel refuses one program stays out altogether; the others go on.
struct irq_watch *irq_watch__new(struct bpf_program *const programs[IRQ_GROUPS][ATTACHER_PROGRAMS], struct attacher *attacher);
// All groups are to be attached, from now on; the attacher was started.
void irq_watch__start(struct irq_watch *watch);
// The window begins: sums are counted from here, and time that probes are attached. `cpus` (of the scheduler's object) stays the caller's.
void irq_watch__begin(struct irq_watch *watch, struct irq_cpu *cpus, uint32_t cpu_count);
// 0: the group was attached (or has no programs); else the negative errno with which the kernel refused it.
int irq_watch__refusal(const struct irq_watch *watch, enum irq_group group);
// Quick: decides every tenth of a second; less often where the row TLB is long to read. What is needed once stays for a second. Those that
// were refused are not tried again.
void irq_watch__look(struct irq_watch *watch);
// The window has ended.
void irq_watch__end(struct irq_watch *watch);
// How long the group was attached within the window, in nanoseconds.
uint64_t irq_watch__seen_ns(const struct irq_watch *watch, enum irq_group group);
// How often the kernel refused to attach a group.
uint64_t irq_watch__failures(const struct irq_watch *watch);
void irq_watch__free(struct irq_watch *watch);

#endif
