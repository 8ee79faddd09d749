#include "collect/folds.h"

#include <string.h>

#include "base/base.h"

#define HALF_TURN (1ULL << 31)

struct fold {
	uint32_t group, number, cpu;
	uint64_t some_ns, nonidle_ns, since_ns, line_ns[LINES][2];
	bool foreign;
};

struct group_state { uint32_t number; bool begun; };
struct cpu_state { uint32_t some, nonidle, line[LINES][2]; uint64_t meter_ns, run_ns, seen_ns, line_ns[LINES][2]; };

struct foldlog {
	const struct probes *probes;
	struct group_state *groups;     // by group number
	struct cpu_state *last;         // [group * cpus + cpu]: counters at the last fold
	struct fold *all;
	size_t count, capacity;
	int64_t foreign;
};

struct foldlog *foldlog__new(const struct probes *probes)
{
	struct foldlog *folds = base__alloc(1, sizeof(*folds));

	folds->probes = probes;
	folds->groups = base__alloc(probes->groups, sizeof(*folds->groups));
	folds->last = base__alloc((size_t)probes->groups * probes->cpus, sizeof(*folds->last));
	return folds;
}

void foldlog__free(struct foldlog *folds)
{
	if (!folds)
		return;
	free(folds->groups);
	free(folds->last);
	free(folds->all);
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

static void note_group(struct foldlog *folds, uint32_t group, bool own)
{
	uint32_t cpus = folds->probes->cpus;
	struct group_state *state = &folds->groups[group];

	if (!group_moved(folds, group)) {
		for (uint32_t cpu = 0; own && cpu < cpus; cpu++)        // nothing grew, but the kernel folded
			folds->last[group * cpus + cpu].seen_ns = folds->probes->folds[group * cpus + cpu].now;
		return;
	}
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

void foldlog__store(const struct foldlog *folds, struct recording *recording)
{
	for (size_t i = 0; i < folds->count; i++) {
		const struct fold *fold = &folds->all[i];
		struct fold_row *row = recording__add_fold(recording);

		row->cgroup = fold->group ? (int64_t)folds->probes->group_table[fold->group].id : 0;
		row->number = fold->number;
		row->cpu = fold->cpu;
		row->some_ns = (int64_t)fold->some_ns;
		row->nonidle_ns = (int64_t)fold->nonidle_ns;
		row->foreign = fold->foreign;
		row->since_ns = (int64_t)fold->since_ns;
		row->io_some_ns = (int64_t)fold->line_ns[LINE_IO][0];
		row->io_full_ns = (int64_t)fold->line_ns[LINE_IO][1];
		row->memory_some_ns = (int64_t)fold->line_ns[LINE_MEMORY][0];
		row->memory_full_ns = (int64_t)fold->line_ns[LINE_MEMORY][1];
	}
}
