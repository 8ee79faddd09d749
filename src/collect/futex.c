// The account of futexes (bpf/futex.h): takes the sums of the probes.
#include "collect/subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/futex_account.h"
#include "collect/probes_maps.h"
#include "sched.skel.h"
#include "symbolize/user.h"

static void *open_futexes(struct collector *collector, char **ret_why_off)
{
	struct futexes *futexes;

	if (collector->probes->skeleton->rodata->futex_number == ~0U) {
		*ret_why_off = base__copy("futex(2) has no number on this architecture");
		return NULL;
	}
	futexes = base__alloc(1, sizeof(*futexes));
	futexes__begin(futexes);
	futexes->user_stacks = lock_account__user_stacks(collector->locks);
	return futexes;
}

static void close_futexes(void *state)
{
	struct futexes *futexes = state;

	futexes__clear(futexes);
	free(futexes);
}

static void take_state(void *context, const void *key, const void *state)
{
	futexes__add_state(context, key, state);
}

static void take_hold(void *context, const void *key, const void *sum)
{
	futexes__add_hold(context, key, sum);
}

static void take_stack(void *context, const void *key, const void *sum)
{
	futexes__add_stack(context, key, sum);
}

static void take_sums(struct futexes *futexes)
{
	struct collector *collector = futexes->collector;
	struct sched_bpf *skeleton = collector->probes->skeleton;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	futexes->now_ns = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	futexes->idle_count = futexes->in_kernel = 0;
	futexes->round++;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_states, false, take_state, futexes) < 0;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_hold_sums, true, take_hold, futexes) < 0;
	collector->failed_reads += probes__each_row(skeleton->maps.futex_stack_sums, true, take_stack, futexes) < 0;
	for (size_t i = 0; futexes->in_kernel > FUTEX_STATES / 2 && i < futexes->idle_count; i++)
		bpf_map_delete_elem(bpf_map__fd(skeleton->maps.futex_states), &futexes->idle[i]);
	futexes__bound(futexes);
}

// ---- what stood open ----

static void settle_wait(struct futexes *futexes, const struct futex_wait *wait)
{
	uint64_t ended = futexes->collector->probes->window_ended_ns, began = futexes->collector->probes->window_began_ns;
	struct futex_key key = { .address = wait->address, .tgid = wait->tgid };
	struct futex_sum *futex = futexes__sum(futexes, &key);

	began = wait->began > began ? wait->began : began;
	if (ended <= began)
		return;
	futex->total.waits++;
	futex->total.ns += ended - began;
	futex->total.timed += wait->timed;
	futex->open_ns += ended - began;
	if (ended - began > futex->total.max_ns)
		futex->total.max_ns = ended - began;
	struct futex_side stack = { .futex = futex, .process = futex->process, .role = FUTEX_WAITER,
		.user_stack = wait->user_stack < 0 ? -1 : futexes__keep_stack(futexes, wait->tgid, futex->process, wait->user_stack) }, *side;
	side = futexes__stack(futexes, &stack);
	side->sample.ns += ended - began;
	side->sample.samples += wait->user_stack >= 0;
}

// What was waited for since the last hand-over: nobody is known to have held it.
static void settle_futex(const void *node, VISIT visit, void *closure)
{
	struct futex_sum *futex = *(struct futex_sum *const *)node;
	struct futexes *futexes = closure;
	uint64_t ended = futexes->collector->probes->window_ended_ns, began = futexes->collector->probes->window_began_ns;
	const struct futex_state *state = &futex->seen;
	uint64_t last = state->last > began ? state->last : began;
	struct futex_side wanted = { .futex = futex }, *side;

	if ((visit != postorder && visit != leaf) || !futex->tgid)
		return;
	side = futexes__hold(futexes, &wanted);
	side->hold.task_ns += state->pending_task_ns;
	side->hold.wall_ns += state->pending_wall_ns;
	if (state->waiters > 0 && ended > last) {
		side->hold.task_ns += (ended - last) * (uint64_t)state->waiters;
		side->hold.wall_ns += ended - last;
		futex->total.wall_ns += ended - last;
	}
	// Waits that no sampled stack stands for.
	if (state->waiter_due_ns) {
		struct futex_side unsampled = { .futex = futex, .process = futex->process, .role = FUTEX_WAITER, .user_stack = -1 };

		futexes__stack(futexes, &unsampled)->sample.ns += state->waiter_due_ns;
	}
}

// Books what stood open when the window ended: once, after the last sums were taken.
static void settle(struct futexes *futexes)
{
	const struct probes *probes = futexes->collector->probes;

	for (uint32_t i = 0; i < TASK_SLOTS; i++)
		if (probes->slots[i].pid && probes->slots[i].futex == FUTEX_ASLEEP && probes->futex_waits[i].address)
			settle_wait(futexes, &probes->futex_waits[i]);
	twalk_r(futexes->futexes, settle_futex, futexes);
}

static void drain(void *state, struct collector *collector)
{
	struct futexes *futexes = state;

	futexes->collector = collector;
	take_sums(futexes);
	if (futexes->ended)
		settle(futexes);
}

static void end(void *state, struct collector *collector)
{
	struct futexes *futexes = state;

	(void)collector;
	futexes->ended = true;
}

static size_t memory(const void *state)
{
	(void)state;
	return FUTEX_STATES * (48 + sizeof(struct futex_key) + sizeof(struct futex_state)) + FUTEX_ROWS * (2 * 48 +
		sizeof(struct futex_hold_key) + sizeof(struct futex_hold_sum) + sizeof(struct futex_stack_key) + sizeof(struct futex_stack_sum));
}

const struct subject subject_futex = {
	.name = "futex", .open = open_futexes, .drain = drain, .end = end, .store = futexes__store, .close = close_futexes, .memory = memory,
};
