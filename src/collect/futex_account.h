// The account of futexes between futex.c, which keeps it, and futex_rows.c, which makes rows of it. Private to these two.
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
	uint32_t tgid, operation, value, folded;
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
	size_t futex_count;
	struct user_stacks *user_stacks;
	struct collector *collector;    // of the drain at hand
	struct futex_key *idle;         // of the drain at hand: rows that nobody waits for any more
	size_t idle_count, idle_capacity, in_kernel;
	uint64_t now_ns;
	bool ended;
};

// Orders struct futex_sum by process and address.
int futexes__compare(const void *a, const void *b);
// As subject.h says of store; `state` is a struct futexes.
void futexes__store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks);

#endif
