// Hard interrupts by device; those of the CPUs' timers by whose timers expired, calls from other CPUs by who asked for them.
#include "ledger/interrupts.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

// What the kernel calls an interrupt of this key: "virtio1-req.0 (36)".
static char *name_of(const struct recording *recording, const char *key)
{
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, "interrupts", row));)
		if (row->key && !strcmp(row->key, key) && row->name && *row->name)
			return base__format("%s (%s)", row->name, key);
	return base__format("interrupt %s", key);
}

// What kind of timer a function of the kernel serves.
static enum timer_use timer_use(const char *function)
{
	static const struct { const char *function; enum timer_use use; } known[] = {
		{ "perf_swevent_hrtimer", TIMER_SAMPLING }, { "hrtimer_wakeup", TIMER_SLEEPS }, { "posix_timer_fn", TIMER_INTERVALS },
		{ "it_real_fn", TIMER_INTERVALS },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (function && !strcmp(function, known[i].function))
			return known[i].use;
	return TIMER_OTHER;
}

// Time by shares of some other kind of row (which has no CPU): those that name a process; the rest stays the kernel's.
static void add_shared(struct interrupts *interrupts, const char *name, enum interrupt_kind of, double ns, double weight)
{
	const struct ledger_activity *activity = &interrupts->scene->ledger->activity;
	bool timers = of == INTERRUPT_TIMER;
	enum activity_kind kind = timers ? ACTIVITY_TIMER : ACTIVITY_CALLER;
	double all = activity__sum(activity, kind, NULL, -1).count, left = ns;
	for (size_t i = 0; i < activity->of[kind].count && all > 0; i++) {
		const struct activity_row *row = activity->of[kind].rows[i];
		struct interrupt_source source = { .name = name, .fact = { .kind = of, .timer = timers ? timer_use(row->key) : TIMER_OTHER },
			.role = timers ? INTERRUPT_ROLE_TIMERS : INTERRUPT_ROLE_CALLER, .crowd = interrupts__crowd(interrupts->scene, row->process) };
		double part = fmin(left, ns * (double)row->count / all);
		if (source.crowd == SIZE_MAX)
			continue;
		interrupts__add(interrupts, &source, part, weight);
		left -= part;
	}
	interrupts__add(interrupts, &(struct interrupt_source){ .name = name, .fact = { .kind = of }, .crowd = SIZE_MAX,
			.role = timers ? INTERRUPT_ROLE_KERNEL_TIMERS : INTERRUPT_ROLE_NONE }, left, weight);
}

// "36"; 0 for those that have a name in place of a number.
static int64_t number_of(const char *key)
{
	char *end;
	long long number = strtoll(key, &end, 10);
	return end != key && !*end ? (int64_t)number : 0;
}

void interrupts__gather_hard(struct interrupts *interrupts, int64_t cpu, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	const struct activity_rows *rows = &interrupts->scene->ledger->activity.of[ACTIVITY_HARDIRQ];
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		if (row->cpu != cpu || !row->key)
			continue;
		cleanup_free char *name = name_of(recording, row->key);
		if (!strcmp(row->key, "LOC"))
			add_shared(interrupts, name, INTERRUPT_TIMER, (double)row->ns, weight);
		else if (!strcmp(row->key, "CAL"))
			add_shared(interrupts, name, INTERRUPT_CALL, (double)row->ns, weight);
		else
			interrupts__add(interrupts, &(struct interrupt_source){ .name = name, .crowd = SIZE_MAX,
					.fact = { .kind = INTERRUPT_HARD, .key = row->key, .number = number_of(row->key) } }, (double)row->ns, weight);
	}
}
