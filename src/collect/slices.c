#include "collect/slices.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/probes_maps.h"

#define SLICES_MOST 120         // beyond it, neighbours are merged two by two: a window of a day keeps slices of some 15 minutes
#define LITTLE_PART 1000        // of a slice: what has less is summed up as nobody's
#define LOOKED_AT_MOST 2000     // tasks whose memory and I/O pressure is read for one slice: each read is a system call

enum resource { RESOURCE_CPU, RESOURCE_MEMORY, RESOURCE_IO, RESOURCES };
static const char *const resource_names[RESOURCES] = { "cpu", "memory", "io" };

struct part { int64_t process, kind; enum resource resource; uint64_t ns; };
struct slice { uint64_t began_ns, ended_ns; struct part *parts; size_t count; };
struct sum { uint64_t now, before; };   // since the start of the window

struct slices {
	struct slice *all; size_t count, capacity;
	uint64_t began_ns;              // of the slice at hand
	bool open;
	uint64_t *ended; size_t ended_count, ended_capacity;    // CPU credits of tasks that have ended, by process
	struct sum *sums[RESOURCES]; size_t sum_count, sum_capacity[RESOURCES];  // by process
	struct sum specials[OCCUPANT_KINDS];
	uint64_t *seen;                 // by slot: run and blocked time when its memory and I/O pressure was read …
	uint64_t (*waited)[LINES];      // … and that pressure
};

struct slices *slices__new(void)
{
	struct slices *slices = base__alloc(1, sizeof(*slices));

	slices->seen = base__alloc(TASK_SLOTS, sizeof(*slices->seen));
	slices->waited = base__alloc(TASK_SLOTS, sizeof(*slices->waited));
	return slices;
}

void slices__free(struct slices *slices)
{
	if (!slices)
		return;
	for (size_t i = 0; i < slices->count; i++)
		free(slices->all[i].parts);
	for (int resource = 0; resource < RESOURCES; resource++)
		free(slices->sums[resource]);
	free(slices->all);
	free(slices->ended);
	free(slices->seen);
	free(slices->waited);
	free(slices);
}

void slices__ended(struct slices *slices, int64_t process, const struct task_slot *slot)
{
	if (process <= 0 || !slot->credit_pressure_ns)
		return;
	if ((size_t)process >= slices->ended_count) {
		slices->ended = base__grow(slices->ended, &slices->ended_capacity, (size_t)process + 1, sizeof(*slices->ended));
		slices->ended_count = (size_t)process + 1;
	}
	slices->ended[process] += slot->credit_pressure_ns;
}

static struct sum *sum_of(struct slices *slices, enum resource resource, int64_t process)
{
	if ((size_t)process >= slices->sum_count) {
		for (int i = 0; i < RESOURCES; i++)
			slices->sums[i] = base__grow(slices->sums[i], &slices->sum_capacity[i], (size_t)process + 1, sizeof(struct sum));
		slices->sum_count = (size_t)process + 1;
	}
	return &slices->sums[resource][process];
}

// The pressure of a task's own, read again only where it ran or slept since: most tasks of a machine do neither.
static void look_at_sleeps(struct slices *slices, const struct collector *collector, uint32_t number, unsigned *left)
{
	const struct task_slot *slot = &collector->probes->slots[number];
	struct sleep_slot sleep;
	uint64_t seen = slot->run_ns + slot->pid;

	for (int reason = 0; reason < BLOCKED_REASONS; reason++)
		seen += slot->blocked[reason].ns;
	if (seen == slices->seen[number] || !*left)
		return;
	--*left;
	if (probes__sleep_slot(collector->probes, number, &sleep) < 0)
		return;
	slices->seen[number] = seen;
	for (int line = 0; line < LINES; line++)
		slices->waited[number][line] = sleep.pressure_ns[line][0];
}

static void sum_tasks(struct slices *slices, const struct collector *collector)
{
	unsigned left = LOOKED_AT_MOST;

	for (uint32_t i = 0; i < TASK_SLOTS; i++) {
		const struct task_slot *slot = &collector->probes->slots[i];
		int64_t process;

		if (!slot->pid)
			continue;
		process = processes__see(collector->processes, slot);
		look_at_sleeps(slices, collector, i, &left);
		sum_of(slices, RESOURCE_CPU, process)->now += slot->credit_pressure_ns;
		sum_of(slices, RESOURCE_MEMORY, process)->now += slices->waited[i][LINE_MEMORY];
		sum_of(slices, RESOURCE_IO, process)->now += slices->waited[i][LINE_IO];
	}
	for (size_t process = 1; process < slices->ended_count; process++)
		if (slices->ended[process])
			sum_of(slices, RESOURCE_CPU, (int64_t)process)->now += slices->ended[process];
	for (size_t process = 1; process < slices->sum_count; process++) {
		slices->sums[RESOURCE_MEMORY][process].now += sleep_account__ended_ns(collector->sleeps, (int64_t)process, LINE_MEMORY);
		slices->sums[RESOURCE_IO][process].now += sleep_account__ended_ns(collector->sleeps, (int64_t)process, LINE_IO);
	}
}

static void sum_specials(struct slices *slices, const struct collector *collector)
{
	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		const struct cpu_account *account = &collector->probes->accounts[cpu];

		slices->specials[OCCUPANT_IDLE].now += account->credit_ns[SPECIAL_IDLE];
		slices->specials[OCCUPANT_STEAL].now += account->credit_ns[SPECIAL_STEAL];
		slices->specials[OCCUPANT_HARDIRQ].now += account->credit_ns[SPECIAL_HARDIRQ];
		slices->specials[OCCUPANT_SOFTIRQ].now += account->credit_ns[SPECIAL_SOFTIRQ];
		slices->specials[OCCUPANT_QUOTA].now += account->quota_ns;
	}
}

// What a sum grew by since the last look. A task that was missed for a while may seem to have less than before.
static uint64_t grown(struct sum *sum)
{
	uint64_t growth = sum->now > sum->before ? sum->now - sum->before : 0;

	sum->before = sum->now;
	sum->now = 0;
	return growth;
}

static void add_part(struct slice *slice, size_t *capacity, struct part part)
{
	if (!part.ns)
		return;
	slice->parts = base__grow(slice->parts, capacity, slice->count + 1, sizeof(*slice->parts));
	slice->parts[slice->count++] = part;
}

static void fill_slice(struct slices *slices, struct slice *slice)
{
	uint64_t little = (slice->ended_ns - slice->began_ns) / LITTLE_PART, rest[RESOURCES] = { 0 };
	size_t capacity = 0;

	for (int resource = 0; resource < RESOURCES; resource++) {
		for (size_t process = 1; process < slices->sum_count; process++) {
			uint64_t ns = grown(&slices->sums[resource][process]);

			if (ns <= little)
				rest[resource] += ns;
			else
				add_part(slice, &capacity, (struct part){ (int64_t)process, OCCUPANT_TASK, (enum resource)resource, ns });
		}
		add_part(slice, &capacity, (struct part){ 0, OCCUPANT_TASK, (enum resource)resource, rest[resource] });
	}
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++)
		add_part(slice, &capacity, (struct part){ 0, kind, RESOURCE_CPU, grown(&slices->specials[kind]) });
}

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left, *b = right;

	if (a->resource != b->resource)
		return a->resource < b->resource ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->process > b->process) - (a->process < b->process);
}

// A longer slice has a longer thousandth: what is less now is summed up as nobody's, as in fill_slice. So a slice holds some thousand parts at most.
static void drop_little(struct slice *slice)
{
	uint64_t little = (slice->ended_ns - slice->began_ns) / LITTLE_PART, rest[RESOURCES] = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < slice->count; i++) {
		const struct part part = slice->parts[i];

		if (part.kind == OCCUPANT_TASK && (!part.process || part.ns <= little))
			rest[part.resource] += part.ns;
		else
			slice->parts[kept++] = part;
	}
	// Each rest stands for a part at least that is gone.
	for (int resource = 0; resource < RESOURCES; resource++)
		if (rest[resource])
			slice->parts[kept++] = (struct part){ 0, OCCUPANT_TASK, (enum resource)resource, rest[resource] };
	slice->count = kept;
}

static void merge(struct slice *into, struct slice *next)
{
	size_t count = into->count + next->count, kept = 0;
	struct part *parts = base__alloc(count + 1, sizeof(*parts));

	memcpy(parts, into->parts, into->count * sizeof(*parts));
	memcpy(parts + into->count, next->parts, next->count * sizeof(*parts));
	qsort(parts, count, sizeof(*parts), compare_parts);
	for (size_t i = 0; i < count; i++)
		if (kept && !compare_parts(&parts[kept - 1], &parts[i]))
			parts[kept - 1].ns += parts[i].ns;
		else
			parts[kept++] = parts[i];
	free(into->parts);
	free(next->parts);
	*into = (struct slice){ into->began_ns, next->ended_ns, parts, kept };
	drop_little(into);
}

static void thin(struct slices *slices)
{
	size_t kept = 0;

	for (size_t i = 0; i + 1 < slices->count; i += 2) {
		merge(&slices->all[i], &slices->all[i + 1]);
		slices->all[kept++] = slices->all[i];
	}
	if (slices->count % 2)
		slices->all[kept++] = slices->all[slices->count - 1];
	slices->count = kept;
}

void slices__take(struct slices *slices, const struct collector *collector, uint64_t time_ns)
{
	bool first = !slices->open;

	sum_tasks(slices, collector);
	sum_specials(slices, collector);
	if (slices->count >= SLICES_MOST)
		thin(slices);
	slices->all = base__grow(slices->all, &slices->capacity, slices->count + 1, sizeof(*slices->all));
	struct slice *slice = &slices->all[slices->count];
	*slice = (struct slice){ .began_ns = slices->began_ns, .ended_ns = time_ns };
	fill_slice(slices, slice);
	slices->began_ns = time_ns;
	slices->open = true;
	if (first || slice->ended_ns <= slice->began_ns) {
		free(slice->parts);
		*slice = (struct slice){ 0 };
		return;
	}
	slices->count++;
}

void slices__store(const struct slices *slices, struct recording *recording)
{
	for (size_t i = 0; i < slices->count; i++) {
		const struct slice *slice = &slices->all[i];

		for (size_t j = 0; j < slice->count; j++) {
			struct slice_row *row = recording__add_slice(recording);

			row->number = (int64_t)i;
			row->time_ns = (int64_t)slice->ended_ns;
			row->ns = (int64_t)(slice->ended_ns - slice->began_ns);
			row->resource = base__copy(resource_names[slice->parts[j].resource]);
			row->kind = slice->parts[j].kind;
			row->process = slice->parts[j].process;
			row->pressure_ns = (int64_t)slice->parts[j].ns;
		}
	}
}
