// Futexes on the stage of stage.h.
#ifndef WHYSTALL_TEST_STAGE_FUTEXES_H
#define WHYSTALL_TEST_STAGE_FUTEXES_H

#include <linux/futex.h>

#include "unit/stage_locks.h"

// The operations that glibc uses: of its mutexes, and of all else.
#define STAGE_MUTEX (FUTEX_WAIT | FUTEX_PRIVATE_FLAG)
#define STAGE_OTHER (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)

// A futex on which `waits` threads slept `wait_ms` in all; who woke them, and what they expected there, is for the test to say.
static inline struct futex_row *stage__futex(struct stage *stage, int64_t process, int64_t address, int64_t operation, int64_t waits, int64_t wait_ms)
{
	struct futex_row *row = recording__add_futex(stage->recording);
	recording__set_meta(stage->recording, "probe.futex", "on");
	*row = (struct futex_row){ .id = (int64_t)stage->recording->futex_count, .process = process, .operation = operation, .waits = waits,
				   .address = base__format("0x%llx", (unsigned long long)address), .wait_ns = wait_ms * STAGE_MS,
				   .wait_max_ns = wait_ms * STAGE_MS / 10, .wall_ns = wait_ms * STAGE_MS / 4, .others = waits / 2, .folded = 1 };
	return row;
}

static inline void stage__futex_hold(struct stage *stage, int64_t futex, int64_t process, int64_t tid, const char *name, int64_t task_ms)
{
	*recording__add_futex_hold(stage->recording) = (struct futex_hold_row){ .futex = futex, .process = process, .tid = tid,
		.name = base__copy(name), .task_ns = task_ms * STAGE_MS, .wall_ns = task_ms * STAGE_MS / 4, .wakes = 50 };
}

static inline void stage__futex_stack(struct stage *stage, int64_t futex, int64_t process, const char *role, const char *frames, int64_t ms)
{
	int64_t stack = stage__stack(stage, frames);
	*recording__add_futex_stack(stage->recording) = (struct futex_stack_row){ .futex = futex, .process = process, .role = base__copy(role),
		.user_stack = stack, .ns = ms * STAGE_MS, .samples = 10 };
}

#endif
