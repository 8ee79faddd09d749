#include "ledger/interrupts.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

size_t interrupts__crowd(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

static bool is_same_text(const char *one, const char *other)
{
	return one == other || (one && other && !strcmp(one, other));
}

static bool is_same(const struct interrupt_fact *one, const struct interrupt_fact *other)
{
	return one->kind == other->kind && is_same_text(one->key, other->key) && is_same_text(one->device, other->device);
}

void interrupts__add(struct interrupts *interrupts, const struct interrupt_source *source, double ns, double weight)
{
	if (ns <= 0)
		return;
	interrupts->ns += ns;
	interrupts->blame_ns += ns * weight;
	for (size_t i = 0; i < interrupts->count; i++) {
		struct interrupt_source *known = &interrupts->sources[i];
		if (known->crowd != source->crowd || !is_same(&known->fact, &source->fact))
			continue;
		known->ns += ns;
		known->blame_ns += ns * weight;
		return;
	}
	size_t capacity = interrupts->count;
	interrupts->sources = base__grow(interrupts->sources, &capacity, interrupts->count + 1, sizeof(*interrupts->sources));
	interrupts->sources[interrupts->count++] = (struct interrupt_source){ .name = base__copy(source->name), .fact = source->fact,
		.role = source->role, .crowd = source->crowd, .ns = ns, .blame_ns = ns * weight };
}

static int compare_sources(const void *a, const void *b)
{
	const struct interrupt_source *one = a, *other = b;
	if (one->blame_ns != other->blame_ns)
		return one->blame_ns > other->blame_ns ? -1 : 1;
	return strcmp(one->name, other->name);
}

// How much of the interrupts' time on a CPU somebody else wanted: all of it while tasks waited there, else the part in which a task ran.
static double weight_of(const struct cpu_row *cpu, enum interrupt_side side)
{
	double ns = (double)(side == INTERRUPTS_SOFT ? cpu->softirq_ns : cpu->hardirq_ns);
	double waited = (double)(side == INTERRUPTS_SOFT ? cpu->credit_softirq_task_ns : cpu->credit_hardirq_task_ns);
	double total = (double)cpu->run_ns + (double)cpu->idle_ns;
	return ns > 0 && total > 0 ? fmax(waited / ns, (double)cpu->run_ns / total) : 0;
}

void interrupts__gather(const struct scene *scene, enum interrupt_side side, struct interrupts *ret_interrupts)
{
	const struct recording *recording = scene->ledger->recording;
	*ret_interrupts = (struct interrupts){ .scene = scene, .side = side, .busiest_cpu = -1 };
	for (size_t i = 0; i < recording->cpu_count; i++) {
		const struct cpu_row *cpu = &recording->cpu[i];
		double before = ret_interrupts->ns, weight = weight_of(cpu, side);
		if (side == INTERRUPTS_SOFT)
			interrupts__gather_soft(ret_interrupts, cpu->cpu, weight);
		else
			interrupts__gather_hard(ret_interrupts, cpu->cpu, weight);
		double share = (ret_interrupts->ns - before) / scene->window_ns;
		if (share > ret_interrupts->busiest_share) {
			ret_interrupts->busiest_share = share;
			ret_interrupts->busiest_cpu = cpu->cpu;
		}
	}
	if (ret_interrupts->count)
		qsort(ret_interrupts->sources, ret_interrupts->count, sizeof(*ret_interrupts->sources), compare_sources);
}

void interrupts__free(struct interrupts *interrupts)
{
	for (size_t i = 0; i < interrupts->count; i++)
		free((char *)interrupts->sources[i].name);
	free(interrupts->sources);
}

static enum activity_kind activity_of(enum interrupt_side side)
{
	return side == INTERRUPTS_SOFT ? ACTIVITY_SOFTIRQ : ACTIVITY_HARDIRQ;
}

const char *interrupts__largest_key(const struct ledger *ledger, enum interrupt_side side, int64_t cpu)
{
	const struct activity_rows *rows = &ledger->activity.of[activity_of(side)];
	const struct activity_row *largest = NULL;
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		if (row->cpu == cpu && row->key && (!largest || row->ns > largest->ns))
			largest = row;
	}
	return largest ? largest->key : NULL;
}

double interrupts__seen(const struct ledger *ledger, enum interrupt_side side, const char *key, int64_t cpu)
{
	return activity__sum(&ledger->activity, activity_of(side), key, cpu).count;
}

bool interrupts__has_queues(const struct ledger *ledger, const char *device)
{
	return activity__sum(&ledger->activity, ACTIVITY_NET_DEVICE, device, -1).rows > 0;
}
