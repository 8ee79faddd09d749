// Hard interrupts by device; those of the CPUs' timers by whose timers expired, calls from other CPUs by who asked for them.
#include "causes/interrupts.h"

#include <math.h>
#include <string.h>

// What the kernel calls an interrupt of this key: "virtio1-req.0 (36)".
static char *name_of(const struct recording *recording, const char *key)
{
	for (size_t i = 0; i < recording->kernel_counter_count; i++) {
		const struct kernel_counter_row *row = &recording->kernel_counter[i];
		if (row->source && !strcmp(row->source, "interrupts") && row->key && !strcmp(row->key, key) && row->name && *row->name)
			return base__format("%s (%s)", row->name, key);
	}
	return base__format("interrupt %s", key);
}

// What kind of timer a function of the kernel serves, as a clause about its owner.
static const char *timer_note(const char *function)
{
	static const struct { const char *function, *note; } known[] = {
		{ "perf_swevent_hrtimer", "its sampling (perf events by a timer)" }, { "hrtimer_wakeup", "its sleeps and timeouts" },
		{ "posix_timer_fn", "its interval timers" }, { "it_real_fn", "its interval timers" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(function, known[i].function))
			return known[i].note;
	return "its timers";
}

// Time by shares of some other kind of row (which has no CPU): those that name a process; the rest stays the kernel's.
static void add_shared(struct interrupts *interrupts, const char *name, const char *kind, double ns, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	double all = interrupts__sum(recording, kind, NULL, -1).count, left = ns;
	bool timers = !strcmp(kind, "timer");
	for (size_t i = 0; i < recording->activity_count && all > 0; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!row->subject || strcmp(row->subject, "irq") || !row->kind || strcmp(row->kind, kind))
			continue;
		size_t crowd = interrupts__crowd(interrupts->scene, row->process);
		double part = fmin(left, ns * (double)row->count / all);
		if (crowd == SIZE_MAX)
			continue;
		interrupts__add(interrupts, name, timers ? timer_note(row->key ? row->key : "") : "it asked other CPUs to run something", crowd, part,
				weight);
		left -= part;
	}
	interrupts__add(interrupts, name, timers ? "the kernel's own timers, and those of unknown owners" : NULL, SIZE_MAX, left, weight);
}

void interrupts__gather_hard(struct interrupts *interrupts, int64_t cpu, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!row->subject || strcmp(row->subject, "irq") || !row->kind || strcmp(row->kind, "hardirq") || row->cpu != cpu || !row->key)
			continue;
		cleanup_free char *name = name_of(recording, row->key);
		if (!strcmp(row->key, "LOC"))
			add_shared(interrupts, name, "timer", (double)row->ns, weight);
		else if (!strcmp(row->key, "CAL"))
			add_shared(interrupts, name, "caller", (double)row->ns, weight);
		else
			interrupts__add(interrupts, name, NULL, SIZE_MAX, (double)row->ns, weight);
	}
}
