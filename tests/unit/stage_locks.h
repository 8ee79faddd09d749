// Kernel locks on the stage of stage.h. Milliseconds everywhere.
#ifndef WHYSTALL_TEST_STAGE_LOCKS_H
#define WHYSTALL_TEST_STAGE_LOCKS_H

#include "unit/stage.h"

static inline int64_t stage__lock(struct stage *stage, const char *kind, int64_t process, const char *place, int64_t wall_ms)
{
	int64_t id = (int64_t)stage->recording->lock_count + 1;
	recording__set_meta(stage->recording, "locks", "1");
	*recording__add_lock(stage->recording) = (struct lock_row){ .id = id, .kind = base__copy(kind), .process = process, .place = base__copy(place),
								    .wall_ns = wall_ms * STAGE_MS };
	return id;
}

// Asleep for all of it; the longest of its waits takes a tenth.
static inline struct lock_wait_row *stage__lock_wait(struct stage *stage, int64_t lock, int64_t process, const char *mode, int64_t waits,
						     int64_t wait_ms)
{
	struct lock_wait_row *wait = recording__add_lock_wait(stage->recording);
	*wait = (struct lock_wait_row){ .lock = lock, .process = process, .mode = base__copy(mode), .waits = waits, .wait_ns = wait_ms * STAGE_MS,
					.wait_max_ns = wait_ms * STAGE_MS / 10, .sleep_ns = wait_ms * STAGE_MS };
	return wait;
}

static inline void stage__lock_hold(struct stage *stage, int64_t lock, int64_t process, const char *operation, const char *mode, int64_t task_ms)
{
	*recording__add_lock_hold(stage->recording) = (struct lock_hold_row){
		.lock = lock, .process = process, .operation = base__copy(operation), .mode = base__copy(mode), .task_ns = task_ms * STAGE_MS,
		.wall_ns = task_ms * STAGE_MS / 8 };
}

static inline int64_t stage__stack(struct stage *stage, const char *frames)
{
	int64_t id = (int64_t)stage->recording->stack_count + 1;
	*recording__add_stack(stage->recording) = (struct stack_row){ id, base__copy(frames) };
	return id;
}

static inline void stage__lock_stack(struct stage *stage, int64_t lock, int64_t process, const char *role, const char *kernel, const char *user,
				     int64_t ms)
{
	int64_t kernel_stack = kernel ? stage__stack(stage, kernel) : 0, user_stack = user ? stage__stack(stage, user) : 0;
	*recording__add_lock_stack(stage->recording) = (struct lock_stack_row){
		.lock = lock, .process = process, .role = base__copy(role), .kernel_stack = kernel_stack, .user_stack = user_stack,
		.ns = ms * STAGE_MS, .samples = 10 };
}

static inline void stage__set(char **text, const char *value)
{
	free(*text);
	*text = base__copy(value);
}

// What a process is made of.
static inline struct process_row *stage__make(struct stage *stage, int64_t process, const char *runtime, const char *linkage,
					      const char *allocator, const char *how)
{
	struct process_row *row = &stage->recording->process[process - 1];
	stage__set(&row->runtime, runtime);
	stage__set(&row->linkage, linkage);
	stage__set(&row->allocator, allocator);
	stage__set(&row->allocator_how, how);
	return row;
}

static inline const struct remedy_offer *stage__offer(const struct stage *stage, const char *cause, const char *remedy)
{
	const struct verdict *verdict = stage__verdict(stage, cause);
	for (size_t i = 0; i < verdict->remedy_count; i++)
		if (!strcmp(verdict->remedies[i].id, remedy))
			return &verdict->remedies[i];
	return NULL;
}

#define assert_says(text, word) do { const char *t_ = (text); \
	if (!t_ || !strstr(t_, word)) fail_msg("'%s' is not in: %s", word, t_ ? t_ : "(nothing)"); } while (0)
#define assert_silent(text, word) do { const char *t_ = (text); \
	if (t_ && strstr(t_, word)) fail_msg("'%s' is in: %s", word, t_); } while (0)

#endif
