// The account of futexes between futex.c, which takes what the probes have, futex_sums.c, which keeps it, and futex_rows.c, which makes rows of it. Private
// to these three.
#ifndef WHYSTALL_COLLECT_FUTEX_ACCOUNT_H
#define WHYSTALL_COLLECT_FUTEX_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/records.h"

struct collector;
struct recording;
struct stack_table;

// One futex, or all those of a process that have no row of their own.
struct futex_sum {
	int64_t process;                // who waits; the probes know it by tgid, which may be used again: it becomes a row id at each drain
	uint64_t address;               // 0: several
	uint32_t tgid, operation, value;
	uint32_t folded;                // address 0: how many
	uint32_t round;                 // of the last drain that found it in the kernel's table
	bool leaving;                   // while it is merged with others
	struct futex_state seen;        // as last read
	struct futex_state total;
	uint64_t open_ns;
	int64_t row;                    // futex_row.id while the rows are made
};

// Who woke waiters of a futex, or a stack of one side.
struct futex_side {
	const struct futex_sum *futex;
	int64_t process;
	uint32_t pid, role;
	int user_stack;
	char name[COMM_LENGTH];
	struct futex_hold_sum hold;
	struct futex_stack_sum sample;
};

struct futexes {
	void *futexes, *holds, *stacks; // binary trees (tsearch) of futex_sum, futex_side, futex_side
	size_t futex_count, hold_count, stack_count;
	size_t merge_futexes_at, merge_holds_at, merge_stacks_at;       // with how many of them the lighter ones are merged
	uint64_t merged_ns;
	uint32_t round;                 // of drains
	struct user_stacks *user_stacks;
	struct collector *collector;    // of the drain at hand
	struct futex_key *idle;         // of the drain at hand: rows that nobody waits for any more
	size_t idle_count, idle_capacity, in_kernel;
	uint64_t now_ns;
	bool ended;
};

// Orders struct futex_sum by process and address.
int futexes__compare(const void *a, const void *b);
void futexes__begin(struct futexes *futexes);
void futexes__clear(struct futexes *futexes);
// The sum of a futex, made if there is none, and likewise one of its sides.
struct futex_sum *futexes__sum(struct futexes *futexes, const struct futex_key *key);
struct futex_side *futexes__hold(struct futexes *futexes, const struct futex_side *key);
struct futex_side *futexes__stack(struct futexes *futexes, const struct futex_side *key);
// Keeps a stack of the probes' map as one of a process; its number, negative: none.
int futexes__keep_stack(struct futexes *futexes, uint32_t tgid, int64_t process, int stack);
// What a drain delivers. Needs futexes->collector, and futexes->round and now_ns of this drain.
void futexes__add_state(struct futexes *futexes, const struct futex_key *key, const struct futex_state *state);
void futexes__add_hold(struct futexes *futexes, const struct futex_hold_key *hold, const struct futex_hold_sum *sum);
void futexes__add_stack(struct futexes *futexes, const struct futex_stack_key *stack, const struct futex_stack_sum *sum);
// At the end of a drain. with more than 12,288 futexes, the lighter ones of those that are gone from the kernel's table become one for each process;
// with more than 10,000 rows of wakers, the lighter half names processes only, and with more than 10,000 stacks it loses its stacks.
void futexes__bound(struct futexes *futexes);

// As subject.h says of store; `state` is a struct futexes.
void futexes__store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks);

#endif
