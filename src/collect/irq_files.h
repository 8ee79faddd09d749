// The kernel's own files about interrupts, parsed into counters. Pure functions of a file's text.
#ifndef WHYSTALL_COLLECT_IRQ_FILES_H
#define WHYSTALL_COLLECT_IRQ_FILES_H

#include <stddef.h>

#include "collect/counters.h"

// Names of the soft interrupts by vector (include/linux/interrupt.h, 5.15 … 7.2): "HI", "TIMER" … "RCU".
extern const char *const irq_files__softirqs[];

// Each returns how many counters were noted, 0: the text makes no sense.
// /proc/softirqs: source "softirqs", key the CPU, name the vector. Only vectors that are not 0.
int irq_files__note_softirqs(struct counters *counters, const char *text);
// /proc/interrupts: source "interrupts", key the label ("24", "TLB"), name the device or what the kernel says of it; all CPUs together.
// Only interrupts that have come.
int irq_files__note_interrupts(struct counters *counters, const char *text);
// The sum over all CPUs of the row of /proc/interrupts with this label; -1: there is none.
long long irq_files__row_sum(const char *text, const char *label);
// /proc/net/softnet_stat: source "softnet", key the CPU, names "packets", "dropped", "squeezed", "received_rps", "flow_limit".
int irq_files__note_softnet(struct counters *counters, const char *text);
// Whether a task is a CPU's ksoftirqd: its CPU, or -1.
int irq_files__ksoftirqd_cpu(const char *comm);

#endif
