// From what was seen to a list of pauses: silences of all CPUs, steps between clocks, and which of them are the same.
#include "collect/pauses_private.h"

#include <string.h>

#define LONE_NS (100 * (int64_t)NS_PER_MSEC)           // shortest silence of one CPU worth telling
#define STOLEN 0.25             // of a silence: then the hypervisor counted it as stolen, and it is no pause
#define TOGETHER 0.9            // of a silence: signs of life in the rest of it are from just before or just after it
#define MARK_LATE_NS (1000 * (int64_t)NS_PER_MSEC)     // the mark is seen at a CPU's first beats afterwards

static int64_t overlap(int64_t start, int64_t end, const struct gap *gap)
{
	int64_t from = start > gap->start_ns ? start : gap->start_ns, to = end < gap->end_ns ? end : gap->end_ns;

	return to - from;
}

static struct gap *best_gap(struct gap *gaps, size_t count, int cpu, int64_t start, int64_t end)
{
	struct gap *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (gaps[i].cpu == cpu && overlap(start, end, &gaps[i]) > 0 && (!best || overlap(start, end, &gaps[i]) > overlap(start, end, best)))
			best = &gaps[i];
	return best;
}

// A kernel that writes to its log in the middle of a silence was not stopped. But one that goes on after a pause complains of it first (a lockup
// warning, with stacks, takes 10 ms and more on a console) and beats only then: the first sign of life near the end is where the silence ends.
// Returns whether the silence is none; moves its end.
static bool was_alive(const struct pauses *pauses, int64_t start, int64_t *end)
{
	int64_t first = *end;

	for (size_t i = 0; i < pauses->alive_count; i++)
		if (pauses->alive[i] > start + pauses->beat_ns && pauses->alive[i] < first - pauses->beat_ns / 2)
			first = pauses->alive[i];
	if ((double)(first - start) < TOGETHER * (double)(*end - start))
		return true;
	*end = first;
	return false;
}

// The witness wakes up to a beat before the silence begins, and up to one after it has ended; or it is late itself, on a CPU that beats late.
// Returns whether it slept through it; what it lived through is taken off.
static bool was_witnessed(const struct pauses *pauses, int64_t *start, int64_t *end)
{
	for (size_t i = 0; i < pauses->witness_count; i++) {
		const struct gap *gap = &pauses->witness[i];

		if (gap->start_ns <= *start + 3 * pauses->beat_ns / 2 && gap->end_ns >= *end - 3 * pauses->beat_ns / 2)
			return true;
		if ((double)overlap(*start, *end, gap) < TOGETHER * (double)(*end - *start))
			continue;
		*start = gap->start_ns > *start ? gap->start_ns : *start;
		*end = gap->end_ns < *end ? gap->end_ns : *end;
		return true;
	}
	return !pauses->witnessed;
}

// All CPUs silent at once around this gap: what they share, and the part of it that was stolen. A CPU that has not beaten since (offline,
// or silent still) does not speak against it.
static bool all_silent(const struct pauses *pauses, struct gap *gaps, const struct gap *seed, struct pause_found *ret, struct gap **members)
{
	int64_t start = seed->start_ns, end = seed->end_ns, steal = 0;
	int silent = 0;

	for (int cpu = 0; cpu < pauses->cpus; cpu++) {
		struct gap *gap = best_gap(gaps, pauses->gap_count, cpu, start, end);

		members[cpu] = gap;
		if (gap) {
			start = gap->start_ns > start ? gap->start_ns : start;
			end = gap->end_ns < end ? gap->end_ns : end;
			steal += gap->steal_ns;
			silent++;
		} else if (pauses->last_beats[cpu] > start) {
			return false;
		}
	}
	if (end - start < 3 * pauses->beat_ns || (double)steal > STOLEN * silent * (double)(end - start) || was_alive(pauses, start, &end) ||
	    !was_witnessed(pauses, &start, &end))
		return false;
	*ret = (struct pause_found){ .kind = silent > 1 ? "pause" : "silence", .start_ns = start, .end_ns = end, .at_ns = pauses->beat_ns,
		.ns = end - start - pauses->beat_ns / 2, .bound_ns = pauses->beat_ns / 2 + (int64_t)NS_PER_MSEC,
		.cpu = silent > 1 ? -1 : seed->cpu, .detectors = 1U << PAUSE_SILENCE };
	return true;
}

// ---- one list of all ----

struct list { struct pause_found *found; size_t count, capacity; };

static struct pause_found *list_add(struct list *list, const struct pause_found *found)
{
	list->found = base__grow(list->found, &list->capacity, list->count + 1, sizeof(*list->found));
	list->found[list->count] = *found;
	return &list->found[list->count++];
}

static void find_silences(const struct pauses *pauses, struct list *list)
{
	cleanup_free struct gap *gaps = base__alloc(pauses->gap_count + 1, sizeof(*gaps));
	cleanup_free struct gap **members = base__alloc((size_t)pauses->cpus + 1, sizeof(*members));

	memcpy(gaps, pauses->gaps ? pauses->gaps : gaps, pauses->gap_count * sizeof(*gaps));
	for (size_t i = 0; i < pauses->gap_count; i++) {
		struct pause_found found;

		if (gaps[i].used || !all_silent(pauses, gaps, &gaps[i], &found, members))
			continue;
		for (int cpu = 0; cpu < pauses->cpus; cpu++)
			if (members[cpu])
				members[cpu]->used = true;
		list_add(list, &found);
	}
	for (size_t i = 0; i < pauses->gap_count; i++) {
		int64_t ns = gaps[i].end_ns - gaps[i].start_ns - pauses->beat_ns / 2;

		if (!gaps[i].used && ns >= LONE_NS && (double)gaps[i].steal_ns < STOLEN * (double)ns)
			list_add(list, &(struct pause_found){ .kind = "silence", .start_ns = gaps[i].start_ns, .end_ns = gaps[i].end_ns,
				.at_ns = pauses->beat_ns, .ns = ns, .bound_ns = pauses->beat_ns / 2 + (int64_t)NS_PER_MSEC, .cpu = gaps[i].cpu });
	}
}

static bool near(const struct pause_found *found, int64_t start_ns, int64_t end_ns)
{
	return found->start_ns - found->at_ns <= end_ns && found->end_ns + found->at_ns >= start_ns;
}

// The scheduler's clock and the silence see the same pauses: the clock knows best how long, the silence when.
static void merge_scheduler(struct list *list, const struct sighting *sighting)
{
	for (size_t i = 0; i < list->count; i++) {
		struct pause_found *found = &list->found[i];

		if (strcmp(found->kind, "pause") && strcmp(found->kind, "silence"))
			continue;
		if (!near(found, sighting->start_ns, sighting->end_ns) || llabs(found->ns - sighting->ns) > 2 * found->bound_ns + sighting->bound_ns)
			continue;
		found->kind = "pause";
		found->cpu = -1;
		found->ns = sighting->ns;
		found->bound_ns = sighting->bound_ns;
		found->detectors |= 1U << sighting->detector;
		return;
	}
	list_add(list, &(struct pause_found){ .kind = "pause", .start_ns = sighting->end_ns - sighting->ns, .end_ns = sighting->end_ns,
		.at_ns = sighting->end_ns - sighting->start_ns - sighting->ns, .ns = sighting->ns, .bound_ns = sighting->bound_ns, .cpu = -1,
		.detectors = 1U << sighting->detector });
}

static void add_freeze(struct list *list, const struct sighting *sighting, int64_t ns)
{
	int64_t middle = sighting->start_ns + (sighting->end_ns - sighting->start_ns) / 2;

	list_add(list, &(struct pause_found){ .kind = "freeze", .start_ns = middle, .end_ns = middle, .at_ns = sighting->end_ns - middle, .ns = ns,
		.bound_ns = sighting->bound_ns, .cpu = -1, .detectors = 1U << sighting->detector });
}

// Between two ticks of the real-time clock: the sum of all freezes that the counter saw there, and perhaps one that only it saw.
static void merge_rtc(struct list *list, const struct sighting *sighting)
{
	int64_t left = sighting->ns, bound = sighting->bound_ns;

	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->found[i].kind, "freeze") && near(&list->found[i], sighting->start_ns, sighting->end_ns)) {
			left -= list->found[i].ns;
			bound += list->found[i].bound_ns;
		}
	for (size_t i = 0; llabs(left) <= RTC_LEAST_NS + bound && i < list->count; i++)
		if (!strcmp(list->found[i].kind, "freeze") && near(&list->found[i], sighting->start_ns, sighting->end_ns))
			list->found[i].detectors |= 1U << PAUSE_RTC;
	if (left > RTC_LEAST_NS + (bound - sighting->bound_ns))
		add_freeze(list, sighting, left);
}

// CPUs see the mark one after the other, and it stays for seconds: those near each other are one.
static void merge_mark(struct list *list, int64_t mark_ns)
{
	for (size_t i = 0; i < list->count; i++) {
		struct pause_found *found = &list->found[i];
		bool stopped = found->cpu < 0 ? strcmp(found->kind, "clock_step") && strcmp(found->kind, "suspend") : !strcmp(found->kind, "silence");

		if (stopped && mark_ns >= found->start_ns - found->at_ns && mark_ns <= found->end_ns + found->at_ns + MARK_LATE_NS) {
			found->detectors |= 1U << PAUSE_MARK;
			if (!strcmp(found->kind, "silence"))
				found->kind = "pause";
			return;
		}
	}
	list_add(list, &(struct pause_found){ .kind = "freeze", .start_ns = mark_ns, .end_ns = mark_ns, .at_ns = MARK_LATE_NS, .cpu = -1,
		.detectors = 1U << PAUSE_MARK });
}

static int compare_found(const void *a, const void *b)
{
	const struct pause_found *one = a, *other = b;

	if (one->end_ns != other->end_ns)
		return one->end_ns < other->end_ns ? -1 : 1;
	return one->cpu - other->cpu;
}

static void add_sighting_to(struct list *list, const struct sighting *sighting)
{
	if (sighting->detector == PAUSE_SCHEDULER)
		merge_scheduler(list, sighting);
	else if (sighting->detector == PAUSE_COUNTER)
		add_freeze(list, sighting, sighting->ns);
}

// What is not settled yet (the last interval, a step that is watched) is judged on a copy.
static void find_steps(const struct pauses *pauses, struct list *list)
{
	struct pauses copy = *pauses;

	copy.sightings = base__alloc(pauses->sighting_count + 4, sizeof(*copy.sightings));
	copy.sighting_capacity = pauses->sighting_count + 4;
	if (pauses->sighting_count)
		memcpy(copy.sightings, pauses->sightings, pauses->sighting_count * sizeof(*copy.sightings));
	pauses__settle(&copy);
	for (size_t i = 0; i < copy.sighting_count; i++)
		add_sighting_to(list, &copy.sightings[i]);
	for (size_t i = 0; i < copy.sighting_count; i++)
		if (copy.sightings[i].detector == PAUSE_RTC)
			merge_rtc(list, &copy.sightings[i]);
	free(copy.sightings);
}

struct pause_found *pauses__find(const struct pauses *pauses, size_t *ret_count)
{
	struct list list = { .found = base__alloc(1, sizeof(*list.found)), .capacity = 1 };

	find_silences(pauses, &list);
	find_steps(pauses, &list);
	for (size_t i = 0; i < pauses->mark_count; i++)
		merge_mark(&list, pauses->marks[i]);
	for (size_t i = 0; i < pauses->other_count; i++)
		list_add(&list, &pauses->others[i]);
	qsort(list.found, list.count, sizeof(*list.found), compare_found);
	*ret_count = list.count;
	return list.found;
}
