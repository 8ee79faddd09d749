// Sleeps and memory and I/O pressure by who waited, as the probes deliver them, kept until they become rows. Private to collect.
#ifndef WHYSTALL_COLLECT_SLEEP_ACCOUNT_H
#define WHYSTALL_COLLECT_SLEEP_ACCOUNT_H

#include <stdint.h>

struct asleep_record;
struct collector;
struct exit_record;
struct kernel_symbols;
struct recording;
struct sleep_account;
struct sleep_key;
struct sleep_record;
struct sleep_sum;
struct stack_table;
struct user_stacks;

// `user_stacks`: where stacks of processes are kept and named; must outlive the account.
struct sleep_account *sleep_account__new(struct user_stacks *user_stacks);
void sleep_account__free(struct sleep_account *sleeps);

// A task has ended; `process`: its process' row id.
void sleep_account__exit(struct sleep_account *sleeps, int64_t process, const struct exit_record *record);
// Memory and I/O pressure (some) of a process' tasks that have ended; line: LINE_MEMORY or LINE_IO.
uint64_t sleep_account__ended_ns(const struct sleep_account *sleeps, int64_t process, int line);
// A single long sleep; a task that sleeps when the window ends.
void sleep_account__add_event(struct sleep_account *sleeps, const struct sleep_record *record);
void sleep_account__add_sleeper(struct sleep_account *sleeps, const struct asleep_record *record);
// Adds one sum, as the drain does with each of the probes'. With more than 50,000 rows the lighter ones are summed up by process, system call and reason
// (counter "sleeps_merged_ns").
void sleep_account__add(struct sleep_account *sleeps, struct collector *collector, const struct sleep_key *key, const struct sleep_sum *sum);
// Takes what the probes have summed up since the last call. Returns 0 or a negative errno.
int sleep_account__drain(struct sleep_account *sleeps, struct collector *collector);
// Adds what stands in the slots of living tasks, open sleeps included. Once, after the last drain. Returns 0 or a negative errno.
int sleep_account__settle(struct sleep_account *sleeps, struct collector *collector);
// Hands out the single long sleeps so far (sleep_event_row), those whose process is known.
void sleep_account__each_long(const struct sleep_account *sleeps, void (*handle)(void *context, int64_t process, uint32_t tgid, uint32_t operation,
	uint64_t ns), void *context);
// Wants the symbols of the stacks that sleep_account__store will name, by collector->symbols.
void sleep_account__want_symbols(const struct sleep_account *sleeps, struct kernel_symbols *symbols);
// Adds the rows. `stacks`: where the texts of stacks go, user stacks being named already; NULL: rows without stacks.
void sleep_account__store(const struct sleep_account *sleeps, struct collector *collector, struct recording *recording,
	struct stack_table *stacks);

#endif
