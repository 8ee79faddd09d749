// The account of kernel locks as the probes deliver it, kept until it becomes rows. Private to collect.
#ifndef WHYSTALL_COLLECT_LOCK_ACCOUNT_H
#define WHYSTALL_COLLECT_LOCK_ACCOUNT_H

#include <stdint.h>

struct collector;
struct kernel_symbols;
struct probes;
struct recording;
struct stack_table;
struct lock_account;

struct lock_account *lock_account__new(void);
void lock_account__free(struct lock_account *locks);
// Where stacks of processes are kept, for other accounts, too; lock_account__store names them all.
struct user_stacks;
struct user_stacks *lock_account__user_stacks(struct lock_account *locks);

// Takes what the probes have summed up since the last call. Returns 0 or a negative errno.
int lock_account__drain(struct lock_account *locks, struct collector *collector);

// Adds one sum of each kind, as the drain does with those of the probes. What there is too much of is summed up: collect/lock_sums.h.
struct lock_wait_key;
struct lock_wait_sum;
struct lock_hold_key;
struct lock_hold_sum;
struct lock_stack_key;
struct lock_stack_sum;
void lock_account__add(struct lock_account *locks, struct collector *collector, const struct lock_wait_key *wait, const struct lock_wait_sum *waited,
	const struct lock_hold_key *hold, const struct lock_hold_sum *held, const struct lock_stack_key *stack, const struct lock_stack_sum *sampled);

// Books what stood open when the window ended: waits that have not ended, and who held those locks. Once, after the probes have stopped
// and the tasks have been walked.
struct lock_cpu;
int64_t lock_account__evicted(const struct lock_cpu *rows, uint32_t cpus, int64_t left);    // locks that were made and are not there any more
void lock_account__settle(struct lock_account *locks, struct collector *collector);

// A task that slept for all of the window. If its stack shows that it waits for a kernel lock, lock_account__store adds that wait, which no
// tracepoint has told of.
struct asleep_record;
void lock_account__add_sleeper(struct lock_account *locks, struct collector *collector, const struct asleep_record *record);

// Wants the symbols of the stacks that lock_account__store will name, by collector->symbols. Once, after lock_account__settle.
void lock_account__want_symbols(struct lock_account *locks, struct probes *probes, struct kernel_symbols *symbols);

// Adds the rows. `stacks`: where the texts of stacks go; NULL: rows without stacks, and without the places that are told from them.
void lock_account__store(const struct lock_account *locks, struct collector *collector, struct recording *recording,
	struct stack_table *stacks);

#endif
