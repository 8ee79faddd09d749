// Who is behind interrupts, as irq.bpf.c delivers it, kept until it becomes rows; and the rows by source. Private to collect.
#ifndef WHYSTALL_COLLECT_IRQ_ACCOUNT_H
#define WHYSTALL_COLLECT_IRQ_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/records.h"

struct recording;
struct irq_account;

// `flush_function`: address of the function that flushes another CPU's TLB, 0 unknown.
struct irq_account *irq_account__new(uint64_t flush_function);
void irq_account__free(struct irq_account *account);
// `process`: row id, 0 unknown.
void irq_account__add(struct irq_account *account, const struct irq_party_key *key, int64_t process, const struct irq_party_sum *sum);

// Adds the activity rows. `cpus`: a row of the map for each CPU. `named`: look the kernel's functions up; else they are numbers.
void irq_account__store(const struct irq_account *account, const struct irq_cpu *cpus, uint32_t cpu_count, bool named,
	struct recording *recording);

#endif
