#include "ledger/resource_causes.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "ledger/resource_private.h"

// What each victim has: its part of the resource's pressure, and the sum of its sleeps' parts.
struct due { struct share share, slept; };

// Where sleeps that have a stack were, for those of the same kind that have none: stacks are samples.
struct place { size_t crowd; const char *operation, *reason, *waker; enum sleep_class class; bool sync; double ns; };

struct making {
	struct resource_facts facts;
	bool memory;
	struct due *due;                // by index of the ledger's processes
	size_t *order, *starts;         // positions of sleeps, by process; where each process' begin
	struct place *places; size_t place_count; // those of a kind side by side
};

struct share share__part(struct share share, double part)
{
	return (struct share){ share.some_ns * part, share.full_ns * part };
}

void booking__add(struct booking *booking, enum cause_key cause, enum occupant kind, int64_t culprit, struct share share)
{
	int64_t victim = booking->facts->ledger->processes[booking->process].row->id;
	for (size_t i = booking->first; i < booking->list->count; i++) {
		struct attributed *item = &booking->list->items[i];
		if (item->cause == cause && item->kind == kind && item->culprit == culprit) {
			item->some_ns += share.some_ns;
			item->full_ns += share.full_ns;
			return;
		}
	}
	attributed__add(booking->list, (struct attributed){ cause, kind, culprit, victim, share.some_ns, share.full_ns });
}

void booking__add_process(struct booking *booking, enum cause_key cause, int64_t culprit, struct share share)
{
	const struct ledger_process *process = culprit ? ledger__process(booking->facts->ledger, culprit) : NULL;
	const struct scene *scene = booking->facts->scene;
	if (process && scene->crowds[scene->crowd_of[process - booking->facts->ledger->processes]].tool)
		cause = CAUSE_TOOL;
	booking__add(booking, cause, process ? OCCUPANT_TASK : OCCUPANT_UNKNOWN, process ? culprit : 0, share);
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static struct share share_of(const struct making *making, const struct sleep_row *row)
{
	return making->memory ? (struct share){ (double)row->memory_some_ns, (double)row->memory_full_ns }
			      : (struct share){ (double)row->io_some_ns, (double)row->io_full_ns };
}

static const struct ledger_process *process_of(const struct making *making, int64_t id)
{
	return id ? ledger__process(making->facts.ledger, id) : NULL;
}

static size_t index_of(const struct making *making, const struct ledger_process *process)
{
	return (size_t)(process - making->facts.ledger->processes);
}

static void sum_shares(struct making *making, const char *resource)
{
	const struct recording *recording = making->facts.ledger->recording;
	for (size_t i = 0; i < recording->pressure_share_count; i++) {
		const struct pressure_share_row *row = &recording->pressure_share[i];
		const struct ledger_process *process = same(row->resource, resource) ? process_of(making, row->process) : NULL;
		if (!process)
			continue;
		struct due *due = &making->due[index_of(making, process)];
		due->share.some_ns += (double)row->some_ns;
		due->share.full_ns += (double)row->full_ns;
	}
}

// Sleeps in the order of their processes.
static void sort_sleeps(struct making *making)
{
	const struct ledger_sleeps *sleeps = &making->facts.ledger->sleeps;
	size_t processes = making->facts.ledger->process_count;
	making->starts = base__alloc(processes + 2, sizeof(*making->starts));
	making->order = base__alloc(sleeps->count + 1, sizeof(*making->order));
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_process *process = process_of(making, sleeps->sleeps[i].row->process);
		if (process)
			making->starts[index_of(making, process) + 2]++;
	}
	for (size_t i = 2; i < processes + 2; i++)
		making->starts[i] += making->starts[i - 1];
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_process *process = process_of(making, sleeps->sleeps[i].row->process);
		if (!process)
			continue;
		struct share share = share_of(making, sleeps->sleeps[i].row);
		struct due *due = &making->due[index_of(making, process)];
		making->order[making->starts[index_of(making, process) + 1]++] = i;
		due->slept.some_ns += share.some_ns;
		due->slept.full_ns += share.full_ns;
	}
}

// ---- rows without a stack ----

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	if (left->crowd != right->crowd)
		return left->crowd < right->crowd ? -1 : 1;
	int order = compare_text(left->operation, right->operation);
	order = order ? order : compare_text(left->reason, right->reason);
	return order ? order : compare_text(left->waker, right->waker);
}

static struct place kind_of(const struct making *making, size_t process, const struct sleep_row *row)
{
	return (struct place){ .crowd = making->facts.scene->crowd_of[process], .operation = row->operation, .reason = row->reason,
			       .waker = row->waker_kind };
}

static void find_places(struct making *making)
{
	const struct ledger_sleeps *sleeps = &making->facts.ledger->sleeps;
	making->places = base__alloc(sleeps->count + 1, sizeof(*making->places));
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		const struct ledger_process *process = sleep->kernel_frames ? process_of(making, sleep->row->process) : NULL;
		double ns = share_of(making, sleep->row).some_ns;
		if (!process || ns <= 0)
			continue;
		struct place *place = &making->places[making->place_count++];
		*place = kind_of(making, index_of(making, process), sleep->row);
		place->class = sleep->class;
		place->sync = sleep->sync;
		place->ns = ns;
	}
	qsort(making->places, making->place_count, sizeof(*making->places), compare_places);
}

static void book_io(struct making *making, struct booking *booking, const struct ledger_sleep *sleep, struct share share)
{
	struct place kind = kind_of(making, booking->process, sleep->row), *end = making->places + making->place_count;
	struct place *place = sleep->kernel_frames || !making->place_count
		? NULL : bsearch(&kind, making->places, making->place_count, sizeof(kind), compare_places);
	double all = 0;
	if (!place) {
		io_causes__book(booking, sleep, sleep->class, sleep->sync, share);
		return;
	}
	while (place > making->places && !compare_places(place - 1, &kind))
		place--;
	for (struct place *one = place; one < end && !compare_places(one, &kind); one++)
		all += one->ns;
	for (struct place *one = place; one < end && !compare_places(one, &kind); one++)
		io_causes__book(booking, sleep, one->class, one->sync, share__part(share, one->ns / all));
}

// ---- a victim ----

// Sleeps whose parts add up to more than the victim's own figure are cut to it.
static double cut(double share, double slept)
{
	return slept > share && slept > 0 ? share / slept : 1;
}

static void book_victim(struct making *making, struct booking *booking)
{
	const struct ledger_sleeps *sleeps = &making->facts.ledger->sleeps;
	const struct due *due = &making->due[booking->process];
	double some = cut(due->share.some_ns, due->slept.some_ns), full = cut(due->share.full_ns, due->slept.full_ns);
	for (size_t i = making->starts[booking->process]; i < making->starts[booking->process + 1]; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[making->order[i]];
		struct share share = share_of(making, sleep->row);
		share.some_ns *= some;
		share.full_ns *= full;
		if (share.some_ns <= 0 && share.full_ns <= 0)
			continue;
		if (making->memory)
			memory_causes__book(booking, sleep, share);
		else
			book_io(making, booking, sleep, share);
	}
	struct share rest = { fmax(0, due->share.some_ns - some * due->slept.some_ns), fmax(0, due->share.full_ns - full * due->slept.full_ns) };
	if (making->memory)
		memory_causes__book_awake(booking, rest);
	else
		booking__add_process(booking, CAUSE_NONE, 0, rest);
}

static void book_victims(struct making *making, struct attributed_list *list)
{
	const struct ledger *ledger = making->facts.ledger;
	const struct scene *scene = making->facts.scene;
	for (size_t i = 0; i < ledger->process_count; i++) {
		struct booking booking = { &making->facts, list, list->count, i };
		struct share share = making->due[i].share;
		enum cause_key thread = making->memory ? memory_causes__of_thread(ledger->processes[i].row) : CAUSE_NONE;
		if (share.some_ns <= 0 && share.full_ns <= 0)
			continue;
		if (scene->crowds[scene->crowd_of[i]].tool)
			thread = CAUSE_TOOL;
		if (thread != CAUSE_NONE)
			booking__add(&booking, thread, OCCUPANT_TASK, ledger->processes[i].row->id, share);
		else
			book_victim(making, &booking);
	}
}

void resource_causes__add(const struct ledger *ledger, const struct scene *scene, const char *resource, struct attributed_list *list)
{
	struct making making = { .facts = { .ledger = ledger, .scene = scene }, .memory = same(resource, "memory") };
	if (!making.memory && !same(resource, "io"))
		return;
	making.facts.memory = ledger_memory__make(ledger);
	making.facts.rereads = rereads__make(ledger, making.facts.memory);
	making.facts.queues = queues__make(ledger, scene);
	making.facts.journals = journals__make(ledger, scene);
	making.facts.io_limits = io_limits__make(ledger);
	making.due = base__alloc(ledger->process_count + 1, sizeof(*making.due));
	sum_shares(&making, resource);
	sort_sleeps(&making);
	find_places(&making);
	book_victims(&making, list);
	free(making.places);
	free(making.order);
	free(making.starts);
	free(making.due);
	io_limits__free(making.facts.io_limits);
	journals__free(making.facts.journals);
	queues__free(making.facts.queues);
	rereads__free(making.facts.rereads);
	ledger_memory__free(making.facts.memory);
}
