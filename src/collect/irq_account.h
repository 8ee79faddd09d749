// Who is behind interrupts, as irq.bpf.c delivers it, kept until it becomes rows; and the rows by source. Private to collect.
#ifndef WHYSTALL_COLLECT_IRQ_ACCOUNT_H
#define WHYSTALL_COLLECT_IRQ_ACCOUNT_H

#include <stdint.h>

#include "bpf/records.h"

struct irq_account;
struct kernel_symbols;
struct recording;

// `flush_function`: address of the function that flushes another CPU's TLB, 0 unknown.
struct irq_account *irq_account__new(uint64_t flush_function);
void irq_account__free(struct irq_account *account);
// `process`: row id, 0 unknown.
void irq_account__add(struct irq_account *account, const struct irq_party_key *key, int64_t process, const struct irq_party_sum *sum);

// Wants the symbols of the kernel's functions that irq_account__store will name. `cpus`: a row of the map for each CPU.
void irq_account__want_symbols(const struct irq_account *account, const struct irq_cpu *cpus, uint32_t cpu_count,
	struct kernel_symbols *symbols);
// Adds the activity rows. `symbols`: names of the kernel's functions; NULL: they are numbers.
void irq_account__store(const struct irq_account *account, const struct irq_cpu *cpus, uint32_t cpu_count,
	const struct kernel_symbols *symbols, struct recording *recording);

#endif
