#include "collect/folds.h"

#include <string.h>

#include "base/base.h"
#include "recording/folding.h"

#define HALF_TURN (1ULL << 31)

struct fold {
	uint32_t group, number, cpu;
	uint64_t some_ns, nonidle_ns, since_ns, line_ns[LINES][2];
	bool foreign;
};

// Folds that are not listed any more.
struct cpu_sum { uint64_t nonidle_ns; struct fold_part parts[FOLD_COUNTERS]; };
struct group_sum { uint64_t folds, foreign, longest_ns; struct cpu_sum *cpus; };        // cpus NULL: none yet
struct group_state { uint32_t number; bool begun; struct group_sum sum; };
struct cpu_state { uint32_t some, nonidle, line[LINES][2]; uint64_t meter_ns, run_ns, seen_ns, line_ns[LINES][2]; };

struct foldlog {
	const struct probes *probes;
	struct group_state *groups;     // by group number
	struct cpu_state *last;         // [group * cpus + cpu]: counters at the last fold
	struct fold *all;               // listed; the rows of one fold stand together
	size_t count, capacity;
	struct fold_row *rows;          // working space for one fold: a row of each for each CPU …
	const struct fold_row **row_list;
	struct fold_part (*parts)[FOLD_COUNTERS];
	int64_t hz, foreign;
	uint32_t group_count;           // the probes may be gone when the log is freed
};

struct foldlog *foldlog__new(const struct probes *probes, int64_t hz)
{
	struct foldlog *folds = base__alloc(1, sizeof(*folds));

	folds->probes = probes;
	folds->groups = base__alloc(probes->groups, sizeof(*folds->groups));
	folds->last = base__alloc((size_t)probes->groups * probes->cpus, sizeof(*folds->last));
	folds->rows = base__alloc(probes->cpus, sizeof(*folds->rows));
	folds->row_list = base__alloc(probes->cpus, sizeof(*folds->row_list));
	folds->parts = base__alloc(probes->cpus, sizeof(*folds->parts));
	folds->hz = fold__hz(hz);
	folds->group_count = probes->groups;
	return folds;
}

void foldlog__free(struct foldlog *folds)
{
	if (!folds)
		return;
	for (uint32_t group = 0; group < folds->group_count; group++)
		free(folds->groups[group].sum.cpus);
	free(folds->groups);
	free(folds->last);
	free(folds->all);
	free(folds->rows);
	free(folds->row_list);
	free(folds->parts);
	free(folds);
}

static bool in_scope(const struct foldlog *folds, enum fold_scope scope, uint32_t group)
{
	return scope == FOLDS_SYSTEM ? group == 0 : group != 0 && folds->probes->group_table[group].pcpu != 0;
}

// Our own meter of CPU some, which does not go round.
static uint64_t meter_of(const struct foldlog *folds, uint32_t group, uint32_t cpu)
{
	return group ? folds->probes->group_accounts[group * folds->probes->cpus + cpu].meter_ns : folds->probes->accounts[cpu].meter_ns;
}

static void begin_group(struct foldlog *folds, uint32_t group)
{
	for (uint32_t cpu = 0; cpu < folds->probes->cpus; cpu++) {
		const struct fold_sample *sample = &folds->probes->folds[group * folds->probes->cpus + cpu];
		struct cpu_state *last = &folds->last[group * folds->probes->cpus + cpu];

		last->some = sample->previous_some;
		last->nonidle = sample->previous_nonidle;
		last->meter_ns = meter_of(folds, group, cpu);
		last->run_ns = folds->probes->accounts[cpu].run_ns;
		memcpy(last->line, sample->previous_line, sizeof(last->line));
		last->seen_ns = sample->now;
	}
	folds->groups[group].begun = true;
}

// Where the event model stands in, the counters at the last fold are those at our own read; what others fold between our reads
// stays unseen, which shifts the total a little where the load changes within a second.
static void take_own_fold(const struct foldlog *folds, enum fold_scope scope)
{
	for (uint32_t cpu = 0; !folds->probes->meter && scope == FOLDS_SYSTEM && cpu < folds->probes->cpus; cpu++) {
		struct fold_sample *sample = &folds->probes->folds[cpu];

		sample->previous_some = sample->some;
		sample->previous_nonidle = sample->nonidle;
	}
}

void foldlog__begin(struct foldlog *folds, enum fold_scope scope)
{
	take_own_fold(folds, scope);
	for (uint32_t group = 0; group < folds->probes->groups; group++)
		if (in_scope(folds, scope, group))
			begin_group(folds, group);
}

// A counter that is known modulo 2^32 and, about, by a meter that does not go round.
static uint64_t whole(uint64_t counted, uint64_t metered)
{
	return metered > counted + HALF_TURN ? counted + ((metered - counted + HALF_TURN) & ~(uint64_t)UINT32_MAX) : counted;
}

// Memory and I/O at the same fold. Their counters have 32 bits, too: our own meter tells how often they went round.
static void take_lines(const struct foldlog *folds, uint32_t group, uint32_t cpu, struct cpu_state *last, struct fold *fold)
{
	const struct fold_sample *sample = &folds->probes->folds[group * folds->probes->cpus + cpu];

	for (int line = 0; line < LINES && folds->probes->meter; line++)
		for (int kind = 0; kind < 2; kind++) {
			uint64_t grown = sample->previous_line[line][kind] - last->line[line][kind];
			const struct line *own = group ? folds->probes->group_accounts[group * folds->probes->cpus + cpu].lines
				: folds->probes->accounts[cpu].lines;
			uint64_t meter = own[line].grown_ns[kind], metered = meter - last->line_ns[line][kind];

			last->line[line][kind] = sample->previous_line[line][kind];
			last->line_ns[line][kind] = meter;
			fold->line_ns[line][kind] = whole(grown, metered);
		}
}

static uint64_t larger(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

// The kernel's counters have 32 bits. If we came so late that they may have gone round, our own meters of the same time tell how often. A CPU is
// not idle for at least as long as tasks ran there or waited. Sets for how long no fold was seen. Call when the lines are in.
static void unwrap(const struct foldlog *folds, uint32_t group, uint32_t cpu, struct cpu_state *last, struct fold *fold)
{
	uint64_t meter = meter_of(folds, group, cpu), metered = meter - last->meter_ns;
	uint64_t run = folds->probes->accounts[cpu].run_ns, ran = group ? 0 : run - last->run_ns;
	uint64_t now = folds->probes->folds[group * folds->probes->cpus + cpu].now;

	fold->since_ns = now - last->seen_ns;
	last->meter_ns = meter;
	last->run_ns = run;
	last->seen_ns = now;
	if (fold->since_ns < UINT32_MAX)
		return;
	fold->some_ns = whole(fold->some_ns, metered);
	fold->nonidle_ns = whole(fold->nonidle_ns, larger(larger(ran, fold->some_ns), larger(fold->line_ns[LINE_IO][0], fold->line_ns[LINE_MEMORY][0])));
}

static bool group_moved(const struct foldlog *folds, uint32_t group)
{
	uint32_t cpus = folds->probes->cpus;
	bool moved = false;

	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		moved |= folds->probes->folds[group * cpus + cpu].previous_nonidle != (uint32_t)folds->last[group * cpus + cpu].nonidle
			|| folds->probes->folds[group * cpus + cpu].previous_some != folds->last[group * cpus + cpu].some;
	return moved;
}

bool foldlog__torn(const struct foldlog *folds)
{
	uint32_t moved = 0;

	for (uint32_t cpu = 0; cpu < folds->probes->cpus; cpu++)
		moved += folds->probes->folds[cpu].previous_nonidle != (uint32_t)folds->last[cpu].nonidle
			|| folds->probes->folds[cpu].previous_some != folds->last[cpu].some;
	return moved && moved < folds->probes->cpus;
}

bool foldlog__pending(const struct foldlog *folds)
{
	return group_moved(folds, 0);
}

static struct fold_row row_of(const struct foldlog *folds, const struct fold *fold)
{
	return (struct fold_row){
		.cgroup = fold->group ? (int64_t)folds->probes->group_table[fold->group].id : 0, .number = fold->number, .cpu = fold->cpu,
		.some_ns = (int64_t)fold->some_ns, .nonidle_ns = (int64_t)fold->nonidle_ns, .foreign = fold->foreign, .since_ns = (int64_t)fold->since_ns,
		.io_some_ns = (int64_t)fold->line_ns[LINE_IO][0], .io_full_ns = (int64_t)fold->line_ns[LINE_IO][1],
		.memory_some_ns = (int64_t)fold->line_ns[LINE_MEMORY][0], .memory_full_ns = (int64_t)fold->line_ns[LINE_MEMORY][1],
	};
}

// Adds one fold, whose CPUs are `list`, to its group's sums.
static void sum_fold(struct foldlog *folds, const struct fold *list, size_t count)
{
	struct group_sum *sum = &folds->groups[list->group].sum;

	for (size_t i = 0; i < count; i++) {
		folds->rows[i] = row_of(folds, &list[i]);
		folds->row_list[i] = &folds->rows[i];
	}
	fold__parts(folds->row_list, count, folds->hz, folds->parts);
	if (!sum->cpus)
		sum->cpus = base__alloc(folds->probes->cpus, sizeof(*sum->cpus));
	for (size_t i = 0; i < count; i++) {
		struct cpu_sum *cpu = &sum->cpus[list[i].cpu];

		cpu->nonidle_ns += list[i].nonidle_ns;
		for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
			cpu->parts[counter].metered_ns += folds->parts[i][counter].metered_ns;
			cpu->parts[counter].counted_ns += folds->parts[i][counter].counted_ns;
			cpu->parts[counter].wrapped_ns += folds->parts[i][counter].wrapped_ns;
		}
		sum->longest_ns = larger(sum->longest_ns, list[i].since_ns);
	}
	sum->folds++;
	sum->foreign += list->foreign;
}

static void sum_up(struct foldlog *folds)
{
	for (size_t start = 0, end; start < folds->count; start = end) {
		const struct fold *first = &folds->all[start];

		for (end = start + 1; end < folds->count && folds->all[end].group == first->group && folds->all[end].number == first->number; end++)
			;
		sum_fold(folds, first, end - start);
	}
	folds->count = 0;
}

static void note_group(struct foldlog *folds, uint32_t group, bool own)
{
	uint32_t cpus = folds->probes->cpus;
	struct group_state *state = &folds->groups[group];

	if (!group_moved(folds, group)) {
		for (uint32_t cpu = 0; own && cpu < cpus; cpu++)        // nothing grew, but the kernel folded
			folds->last[group * cpus + cpu].seen_ns = folds->probes->folds[group * cpus + cpu].now;
		return;
	}
	if (folds->count + cpus > FOLDS_LISTED)
		sum_up(folds);
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		const struct fold_sample *sample = &folds->probes->folds[group * cpus + cpu];
		struct cpu_state *last = &folds->last[group * cpus + cpu];
		struct fold fold = { .group = group, .number = state->number, .cpu = cpu, .foreign = !own };

		fold.some_ns = sample->previous_some - last->some;
		fold.nonidle_ns = sample->previous_nonidle - last->nonidle;
		take_lines(folds, group, cpu, last, &fold);
		unwrap(folds, group, cpu, last, &fold);
		last->some = sample->previous_some;
		last->nonidle = sample->previous_nonidle;
		if (!fold.some_ns && !fold.nonidle_ns)
			continue;
		folds->all = base__grow(folds->all, &folds->capacity, folds->count + 1, sizeof(*folds->all));
		folds->all[folds->count++] = fold;
	}
	state->number++;
	if (!own && group == 0)
		folds->foreign++;
}

void foldlog__note(struct foldlog *folds, enum fold_scope scope, bool own)
{
	if (own)
		take_own_fold(folds, scope);
	for (uint32_t group = 0; group < folds->probes->groups; group++) {
		if (!in_scope(folds, scope, group))
			continue;
		if (folds->groups[group].begun)
			note_group(folds, group, own);
		else
			begin_group(folds, group);      // a cgroup that was not there at the beginning
	}
}

int64_t foldlog__foreign(const struct foldlog *folds)
{
	return folds->foreign;
}

static void store_sum(const struct foldlog *folds, uint32_t group, uint32_t cpu, struct fold_sum_row *row)
{
	const struct group_sum *sum = &folds->groups[group].sum;

	row->cgroup = group ? (int64_t)folds->probes->group_table[group].id : 0;
	row->cpu = cpu;
	row->folds = (int64_t)sum->folds;
	row->foreign_folds = (int64_t)sum->foreign;
	row->longest_ns = (int64_t)sum->longest_ns;
	row->nonidle_ns = (int64_t)sum->cpus[cpu].nonidle_ns;
	for (enum fold_counter counter = 0; counter < FOLD_COUNTERS; counter++) {
		const struct fold_part *part = &sum->cpus[cpu].parts[counter];
		struct fold_columns columns = fold_sum_row__columns(row, counter);

		*columns.metered_ns = (int64_t)(part->metered_ns + 0.5);
		*columns.counted_ns = (int64_t)(part->counted_ns + 0.5);
		*columns.wrapped_ns = (int64_t)(part->wrapped_ns + 0.5);
	}
}

void foldlog__store(const struct foldlog *folds, struct recording *recording)
{
	for (size_t i = 0; i < folds->count; i++)
		*recording__add_fold(recording) = row_of(folds, &folds->all[i]);
	for (uint32_t group = 0; group < folds->probes->groups; group++)
		for (uint32_t cpu = 0; folds->groups[group].sum.cpus && cpu < folds->probes->cpus; cpu++)
			if (folds->groups[group].sum.cpus[cpu].nonidle_ns || folds->groups[group].sum.cpus[cpu].parts[FOLD_CPU_SOME].metered_ns > 0)
				store_sum(folds, group, cpu, recording__add_fold_sum(recording));
}
