// What the drains deliver, kept until it becomes rows: pairs, credits of cgroups, single waits.
#include <search.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/gather.h"
#include "collect/lights.h"

static int compare_pairs(const void *a, const void *b)
{
	const struct pair_row *left = a, *right = b;

	if (left->victim != right->victim)
		return left->victim < right->victim ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return left->culprit < right->culprit ? -1 : left->culprit > right->culprit;
}

static int compare_credits(const void *a, const void *b)
{
	const struct cgroup_credit_row *left = a, *right = b;

	if (left->cgroup != right->cgroup)
		return left->cgroup < right->cgroup ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return left->process < right->process ? -1 : left->process > right->process;
}

static int64_t occupant_kind(uint32_t occupant)
{
	return occupant & OCCUPANT_SPECIAL ? (int64_t)(occupant & 0xff) : OCCUPANT_TASK;
}

static int64_t occupant_process(struct collector *collector, uint32_t occupant)
{
	return occupant & OCCUPANT_SPECIAL ? 0 : processes__by_tgid(collector->processes, OCCUPANT_TGID(occupant));
}

// Nice levels are 25 % apart (sched_prio_to_weight, kernel/sched/core.c): seven of them are a factor of 4.8.
#define HEAVIER_LEVELS 7

static struct pair_row *find_pair(struct collector *collector, const struct pair_row *key)
{
	struct pair_row **found = tfind(key, &collector->pairs, compare_pairs), *row;

	if (found)
		return *found;
	row = base__alloc(1, sizeof(*row));
	*row = (struct pair_row){ .victim = key->victim, .kind = key->kind, .culprit = key->culprit };
	base__tsearch(row, &collector->pairs, compare_pairs);
	collector->pair_count++;
	return row;
}

static struct cgroup_credit_row *find_credit(struct collector *collector, const struct cgroup_credit_row *key)
{
	struct cgroup_credit_row **found = tfind(key, &collector->credits, compare_credits), *row;

	if (found)
		return *found;
	row = base__alloc(1, sizeof(*row));
	*row = (struct cgroup_credit_row){ .cgroup = key->cgroup, .kind = key->kind, .process = key->process };
	base__tsearch(row, &collector->credits, compare_credits);
	collector->credit_count++;
	return row;
}

// There are too many: of the lighter half it is not kept any more who the occupant was. What the victims waited stays as it is.
static void merge_pairs(struct collector *collector)
{
	struct lights lights = lights__of(collector->pairs, collector->pair_count, offsetof(struct pair_row, wait_ns));

	for (size_t i = 0; i < lights.count / 2; i++) {
		struct pair_row *row = lights.all[i].row, *into;

		if (row->kind != OCCUPANT_TASK)
			continue;
		tdelete(row, &collector->pairs, compare_pairs);
		collector->pair_count--;
		into = find_pair(collector, &(struct pair_row){ .victim = row->victim, .kind = OCCUPANT_NOT_CUT });
		into->wait_ns += row->wait_ns;
		into->waits += row->waits;
		collector->pairs_merged_ns += (uint64_t)row->wait_ns;
		free(row);
	}
	free(lights.all);
}

static void merge_credits(struct collector *collector)
{
	struct lights lights = lights__of(collector->credits, collector->credit_count, offsetof(struct cgroup_credit_row, pressure_ns));

	for (size_t i = 0; i < lights.count / 2; i++) {
		struct cgroup_credit_row *row = lights.all[i].row;

		if (row->kind != OCCUPANT_TASK)
			continue;
		tdelete(row, &collector->credits, compare_credits);
		collector->credit_count--;
		find_credit(collector, &(struct cgroup_credit_row){ .cgroup = row->cgroup, .kind = OCCUPANT_UNKNOWN })->pressure_ns += row->pressure_ns;
		collector->credits_merged_ns += (uint64_t)row->pressure_ns;
		free(row);
	}
	free(lights.all);
}

void pairs__add(struct collector *collector, uint32_t victim_tgid, uint32_t occupant, uint64_t ns, uint64_t waits)
{
	struct pair_row key = { .victim = processes__by_tgid(collector->processes, victim_tgid), .kind = occupant_kind(occupant),
		.culprit = occupant_process(collector, occupant) };
	struct pair_row *row;

	if (collector->pair_count >= PAIRS_LIMIT)
		merge_pairs(collector);
	row = find_pair(collector, &key);
	row->wait_ns += (int64_t)ns;
	row->waits += (int64_t)waits;
	if (key.kind != OCCUPANT_TASK)
		return;
	if (OCCUPANT_REALTIME(occupant))
		row->realtime_ns += (int64_t)ns;
	else if (processes__nice(collector->processes, key.victim) - OCCUPANT_NICE(occupant) >= HEAVIER_LEVELS)
		row->heavier_ns += (int64_t)ns;
}

void credits__add(struct collector *collector, uint32_t group, uint32_t occupant, uint64_t ns)
{
	struct cgroup_credit_row key = { .cgroup = (int64_t)collector->probes->group_table[group].id,
		.kind = occupant_kind(occupant), .process = occupant_process(collector, occupant) };

	if (collector->credit_count >= CREDITS_LIMIT)
		merge_credits(collector);
	find_credit(collector, &key)->pressure_ns += (int64_t)ns;
}

// What filled the largest part of a wait.
static int64_t main_occupant(const struct wait_record *record, uint64_t *ret_ns)
{
	static const int64_t kinds[SPECIALS] = { OCCUPANT_IDLE, OCCUPANT_STEAL, OCCUPANT_HARDIRQ, OCCUPANT_SOFTIRQ };
	uint64_t rest = record->wait_ns, most = 0;
	int64_t kind = OCCUPANT_TASK;

	for (int i = 0; i < SPECIALS; i++) {
		uint64_t part = record->special[i] < rest ? record->special[i] : rest;

		rest -= part;
		if (part > most) {
			most = part;
			kind = kinds[i];
		}
	}
	if (record->throttled_ns > most) {
		most = record->throttled_ns;
		kind = OCCUPANT_QUOTA;
	}
	*ret_ns = most;
	return rest >= most && kind != OCCUPANT_QUOTA ? OCCUPANT_TASK : kind;
}

void events__add(struct collector *collector, const struct wait_record *record)
{
	struct event *event;
	uint64_t ns;

	if (collector->event_count >= EVENTS_LIMIT) {
		collector->events_dropped++;
		return;
	}
	collector->events = base__grow(collector->events, &collector->event_capacity, collector->event_count + 1,
		sizeof(*collector->events));
	event = &collector->events[collector->event_count++];
	event->record = *record;
	event->kind = main_occupant(record, &ns);
}

void events__resolve(struct collector *collector)
{
	for (; collector->events_resolved < collector->event_count; collector->events_resolved++) {
		struct event *event = &collector->events[collector->events_resolved];

		event->process = processes__by_tgid(collector->processes, event->record.tgid);
		if (event->kind == OCCUPANT_TASK)
			event->culprit = processes__by_tgid(collector->processes, OCCUPANT_TGID(event->record.occupant));
	}
}

static void store_pair(const void *node, VISIT visit, void *closure)
{
	if (visit == postorder || visit == leaf)
		*recording__add_pair(closure) = **(const struct pair_row *const *)node;
}

static void store_credit(const void *node, VISIT visit, void *closure)
{
	if (visit == postorder || visit == leaf)
		*recording__add_cgroup_credit(closure) = **(const struct cgroup_credit_row *const *)node;
}

void gather__store(const struct collector *collector, struct recording *recording)
{
	twalk_r(collector->pairs, store_pair, recording);
	twalk_r(collector->credits, store_credit, recording);
}

void gather__free(struct collector *collector)
{
	tdestroy(collector->pairs, free);
	tdestroy(collector->credits, free);
	free(collector->events);
}
