// What a recording or a single cause needs of a machine: each function turns facts into a finding. readiness.c lists them.
#ifndef WHYSTALL_REQUIREMENTS_H
#define WHYSTALL_REQUIREMENTS_H

#include "base/base.h"
#include "command/readiness.h"

typedef void requirement_fn(const struct machine *machine, struct finding *finding);

void finding__say(struct finding *finding, enum readiness state, const char *format, ...) PRINTF_LIKE(3, 4);
// How a boot option is set on this machine. Owned by the caller.
char *requirement__boot_with(const struct machine *machine, const char *option);

// requirements_kernel.c
requirement_fn requirement__privileges, requirement__kernel, requirement__btf, requirement__lockdown, requirement__tracepoints,
	requirement__probes, requirement__namespaces, requirement__symbols, requirement__run_delay, requirement__statistics;
// requirements_books.c
requirement_fn requirement__psi, requirement__meter, requirement__cgroups, requirement__cpu_controller, requirement__steal,
	requirement__readers, requirement__contention;
// requirements_subjects.c
requirement_fn requirement__block, requirement__files, requirement__memory, requirement__irq, requirement__futex, requirement__sample, requirement__syscall, requirement__host,
	requirement__irq_sources, requirement__irq_calls, requirement__irq_packets, requirement__compaction, requirement__disks,
	requirement__memory_controller, requirement__io_controller, requirement__swap, requirement__kernel_log, requirement__rcu_tracepoint,
	requirement__clocks, requirement__frequency, requirement__smi_counter;

#endif
