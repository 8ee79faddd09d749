#include "ledger/cpu_profile.h"

#include "base/base.h"
#include "ledger/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A row with its class, and what the scaled books give it.
struct item {
	const struct cpu_sample_row *row;
	enum cpu_work work;
	uint64_t shape;                 // of its functions: rows that differ only by the place within them are one place
	double pressure_ns, waiters_ns;
};

static uint64_t hash_add(uint64_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211ULL;
	return hash;
}

// How far a frame names a function, or a file where none is known.
static size_t function_length(const char *frame)
{
	size_t line = strcspn(frame, "\n");
	const char *distance = strstr(frame, "+0x");
	return distance && (size_t)(distance - frame) < line ? (size_t)(distance - frame) : line;
}

// A number for the functions of a stack, whatever the places in them; of user code for the innermost one.
static uint64_t shape_of(const char *kernel, const char *user)
{
	uint64_t hash = 14695981039346656037ULL;
	for (const char *frame = kernel; frame && *frame; frame += strcspn(frame, "\n"), frame += *frame == '\n')
		hash = hash_add(hash_add(hash, frame, function_length(frame)), "\n", 1);
	return kernel || !user ? hash : hash_add(hash, user, function_length(user));
}

// ---- sums ----

void cpu_profile_sums__add(struct cpu_profile_sums *sums, const struct cpu_profile_sums *add)
{
	sums->samples += add->samples;
	sums->waited += add->waited;
	sums->ns += add->ns;
	sums->pressure_ns += add->pressure_ns;
	sums->waiters_ns += add->waiters_ns;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	if (left->row->process != right->row->process)
		return left->row->process < right->row->process ? -1 : 1;
	if (left->work != right->work)
		return left->work < right->work ? -1 : 1;
	int order = strcmp(left->row->operation, right->row->operation);
	if (order)
		return order;
	if (left->shape != right->shape)
		return left->shape < right->shape ? -1 : 1;
	if (left->row->samples != right->row->samples)
		return left->row->samples > right->row->samples ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

static int compare_parts(const void *a, const void *b)
{
	const struct cpu_profile_part *left = a, *right = b;
	if (left->sums.ns != right->sums.ns)
		return left->sums.ns > right->sums.ns ? -1 : 1;
	if (left->work != right->work)
		return left->work < right->work ? -1 : 1;
	return strcmp(left->operation, right->operation);
}

static int compare_parts_alike(const void *a, const void *b)
{
	const struct cpu_profile_part *left = a, *right = b;
	if (left->work != right->work)
		return left->work < right->work ? -1 : 1;
	int order = strcmp(left->operation, right->operation);
	if (order)
		return order;
	return left->heaviest_samples != right->heaviest_samples ? left->heaviest_samples > right->heaviest_samples ? -1 : 1 : 0;
}

// One class and operation of a process: items[0 … count-1]. Its rows of one place stand side by side, the largest of them first.
static struct cpu_profile_part part_of(const struct item *items, size_t count)
{
	struct cpu_profile_part part = { .work = items->work, .operation = items->row->operation };
	double pressure_ns = 0, waiters_ns = 0;
	for (size_t first = 0, last; first < count; first = last) {
		int64_t samples = 0;
		for (last = first; last < count && items[last].shape == items[first].shape; last++) {
			const struct cpu_sample_row *row = items[last].row;
			samples += row->samples;
			part.sums.samples += row->samples;
			part.sums.waited += row->waited;
			part.sums.ns += row->ns;
			pressure_ns += items[last].pressure_ns;
			waiters_ns += items[last].waiters_ns;
		}
		if (samples > part.heaviest_samples) {
			part.heaviest_samples = samples;
			part.heaviest = items[first].row;
		}
	}
	part.sums.pressure_ns = llround(pressure_ns);
	part.sums.waiters_ns = llround(waiters_ns);
	return part;
}

// The sums of a profile whose parts are there.
static void sum_up(struct cpu_profile *profile)
{
	for (size_t i = 0; i < profile->part_count; i++)
		if (profile->parts[i].work != WORK_INTERRUPT)
			cpu_profile_sums__add(&profile->sums, &profile->parts[i].sums);
	if (profile->part_count)
		qsort(profile->parts, profile->part_count, sizeof(*profile->parts), compare_parts);
}

// ---- one process ----

// Scales books A and B of a process' items to what the ledger credits it with.
static void scale(const struct ledger_process *process, struct item *items, size_t count, int64_t *ret_unsampled_ns)
{
	double pressure_ns = 0, waiters_ns = 0;
	for (size_t i = 0; i < count; i++) {
		if (items[i].work == WORK_INTERRUPT)
			continue;
		pressure_ns += items[i].pressure_ns;
		waiters_ns += items[i].waiters_ns;
	}
	*ret_unsampled_ns = process && pressure_ns <= 0 ? process->credit_pressure_ns : 0;
	for (size_t i = 0; process && i < count; i++) {
		if (items[i].work == WORK_INTERRUPT)
			continue;
		items[i].pressure_ns *= pressure_ns > 0 ? (double)process->credit_pressure_ns / pressure_ns : 0;
		items[i].waiters_ns *= waiters_ns > 0 ? (double)process->credit_task_ns / waiters_ns : 0;
	}
}

static bool is_same_kind(const struct item *one, const struct item *other)
{
	return one->work == other->work && !strcmp(one->row->operation, other->row->operation);
}

static size_t count_kinds(const struct item *items, size_t count)
{
	size_t kinds = 0;
	for (size_t i = 0; i < count; i++)
		kinds += !i || !is_same_kind(&items[i], &items[i - 1]);
	return kinds;
}

// items[0 … count-1]: of one process, by class and operation.
static void make_profile(const struct ledger *ledger, struct item *items, size_t count, struct cpu_profile *profile)
{
	profile->process = items->row->process;
	scale(ledger__process(ledger, profile->process), items, count, &profile->unsampled_pressure_ns);
	profile->parts = base__alloc(count_kinds(items, count), sizeof(*profile->parts));
	for (size_t first = 0, last; first < count; first = last) {
		for (last = first; last < count && is_same_kind(&items[last], &items[first]); last++)
			profile->coarse += items[last].row->kernel_stack || !*items[last].row->operation ? 0 : items[last].row->samples;
		profile->parts[profile->part_count++] = part_of(&items[first], last - first);
	}
	sum_up(profile);
}

// ---- several ----

static void merge(const struct cpu_profile *const *profiles, size_t count, struct cpu_profile *ret)
{
	size_t parts = 0, kept = 0;
	for (size_t i = 0; i < count; i++) {
		parts += profiles[i]->part_count;
		ret->unsampled_pressure_ns += profiles[i]->unsampled_pressure_ns;
		ret->coarse += profiles[i]->coarse;
	}
	ret->parts = base__alloc(parts + 1, sizeof(*ret->parts));
	for (size_t i = 0, at = 0; i < count; at += profiles[i++]->part_count)
		memcpy(ret->parts + at, profiles[i]->parts, profiles[i]->part_count * sizeof(*ret->parts));
	qsort(ret->parts, parts, sizeof(*ret->parts), compare_parts_alike);
	for (size_t i = 0; i < parts; i++) {
		struct cpu_profile_part *last = kept ? &ret->parts[kept - 1] : NULL;
		if (last && last->work == ret->parts[i].work && !strcmp(last->operation, ret->parts[i].operation))
			cpu_profile_sums__add(&last->sums, &ret->parts[i].sums);
		else
			ret->parts[kept++] = ret->parts[i];
	}
	ret->part_count = kept;
	sum_up(ret);
}

struct cpu_profile *cpu_profile__of_all(const struct ledger *ledger, const int64_t *processes, size_t count)
{
	cleanup_free const struct cpu_profile **found = base__alloc(count + 1, sizeof(*found));
	size_t found_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct cpu_profile *profile = cpu_profile__of(ledger, processes[i]);
		if (profile)
			found[found_count++] = profile;
	}
	if (!found_count)
		return NULL;
	struct cpu_profile *profile = base__alloc(1, sizeof(*profile));
	merge(found, found_count, profile);
	profile->process = found_count == 1 ? found[0]->process : 0;
	return profile;
}

void cpu_profile__free(struct cpu_profile *profile)
{
	if (profile)
		free(profile->parts);
	free(profile);
}

// ---- all ----

static struct item *read_items(const struct recording *recording)
{
	struct item *items = base__alloc(recording->cpu_sample_count + 1, sizeof(*items));
	struct cpu_works *works = cpu_works__new();
	for (size_t i = 0; i < recording->cpu_sample_count; i++) {
		const struct cpu_sample_row *row = &recording->cpu_sample[i];
		const char *kernel = recording__frames(recording, row->kernel_stack), *user = recording__frames(recording, row->user_stack);
		items[i] = (struct item){ row, cpu_works__of(works, row->operation, kernel), shape_of(kernel, user), (double)row->pressure_ns,
			(double)row->waiters_ns };
	}
	cpu_works__free(works);
	if (recording->cpu_sample_count)
		qsort(items, recording->cpu_sample_count, sizeof(*items), compare_items);
	return items;
}

// Items of one process stand side by side.
static size_t count_processes(const struct item *items, size_t count)
{
	size_t processes = 0;
	for (size_t i = 0; i < count; i++)
		processes += !i || items[i].row->process != items[i - 1].row->process;
	return processes;
}

void cpu_profiles__make(const struct ledger *ledger, struct ledger_profiles *ret_profiles)
{
	const struct recording *recording = ledger->recording;
	const char *probe = recording__meta(recording, "probe.sample");
	size_t count = recording->cpu_sample_count;
	cleanup_free struct item *items = read_items(recording);
	*ret_profiles = (struct ledger_profiles){ .recorded = count || (probe && !strcmp(probe, "on")),
		.period_ns = (double)recording__meta_number(recording, "sample.period_ns", 0) };
	ret_profiles->profiles = base__alloc(count_processes(items, count) + 1, sizeof(*ret_profiles->profiles));
	for (size_t first = 0, last; first < count; first = last) {
		for (last = first; last < count && items[last].row->process == items[first].row->process; last++)
			;
		make_profile(ledger, &items[first], last - first, &ret_profiles->profiles[ret_profiles->count++]);
	}
	cleanup_free const struct cpu_profile **all = base__alloc(ret_profiles->count + 1, sizeof(*all));
	for (size_t i = 0; i < ret_profiles->count; i++)
		all[i] = &ret_profiles->profiles[i];
	merge(all, ret_profiles->count, &ret_profiles->machine);
	const struct cpu_profile *machine = &ret_profiles->machine;
	if (ledger->run_ns > 0)
		ret_profiles->covered = (double)(machine->sums.ns + cpu_profile__work(machine, WORK_INTERRUPT).ns) / (double)ledger->run_ns;
}

void cpu_profiles__free(struct ledger_profiles *profiles)
{
	for (size_t i = 0; i < profiles->count; i++)
		free(profiles->profiles[i].parts);
	free(profiles->profiles);
	free(profiles->machine.parts);
}

static int compare_process(const void *key, const void *item)
{
	int64_t process = *(const int64_t *)key, other = ((const struct cpu_profile *)item)->process;
	return process < other ? -1 : process > other;
}

const struct cpu_profile *cpu_profile__of(const struct ledger *ledger, int64_t process)
{
	const struct ledger_profiles *profiles = &ledger->profiles;
	return profiles->count ? bsearch(&process, profiles->profiles, profiles->count, sizeof(*profiles->profiles), compare_process) : NULL;
}

struct cpu_profile_sums cpu_profile__work(const struct cpu_profile *profile, enum cpu_work work)
{
	struct cpu_profile_sums sums = { 0 };
	for (size_t i = 0; i < profile->part_count; i++)
		if (profile->parts[i].work == work)
			cpu_profile_sums__add(&sums, &profile->parts[i].sums);
	return sums;
}

struct cpu_profile_sums cpu_profile__memory_churn(const struct cpu_profile *profile)
{
	struct cpu_profile_sums sums = { 0 };
	for (size_t i = 0; i < profile->part_count; i++)
		if (cpu_work__is_memory_churn(profile->parts[i].work, profile->parts[i].operation))
			cpu_profile_sums__add(&sums, &profile->parts[i].sums);
	return sums;
}

bool cpu_profile__bounds(int64_t part, int64_t all, double *ret_low, double *ret_high)
{
	const double z = 1.96;
	if (all < PROFILE_SAMPLES_MIN)
		return false;
	double n = (double)all, p = (double)part / n, middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
	*ret_low = middle - half > 0 ? middle - half : 0;
	*ret_high = middle + half < 1 ? middle + half : 1;
	return true;
}
