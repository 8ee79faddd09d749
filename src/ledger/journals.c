#include "ledger/journals.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "ledger/thresholds.h"

#define COMMITTERS_MOST 16

struct user { size_t total, process; double syncs, blocks, handles; };
// What one crowd did to one journal.
struct part { size_t total, crowd; double syncs, blocks; };
// Who made its commits, largest part first: by syncs, by blocks. Made when it is asked for.
struct ranking { bool made; struct committer *all; size_t *crowds; size_t count; double sum; };
struct total { const char *journal; double commits, syncs, blocks; struct ranking rankings[2]; };
// The journal that a process itself changed most.
struct home { const char *journal; double handles; };

struct journals {
	const struct ledger *ledger;
	const struct scene *scene;
	struct user *users; size_t count;
	struct total *totals; size_t total_count;
	struct part *parts; size_t part_count; // by journal and crowd
	struct home *homes;             // by index of the ledger's processes
};

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

bool journals__is_thread(const struct process_row *process)
{
	return process && process->kernel_thread && process->name &&
	       (!strncmp(process->name, "jbd2/", 5) || !strncmp(process->name, "btrfs-transacti", 15));
}

static struct total *total_of(struct journals *journals, const char *journal)
{
	for (size_t i = 0; i < journals->total_count; i++)
		if (same(journals->totals[i].journal, journal))
			return &journals->totals[i];
	journals->totals[journals->total_count] = (struct total){ .journal = journal };
	return &journals->totals[journals->total_count++];
}

static void add_row(struct journals *journals, const struct activity_row *row, enum activity_kind kind)
{
	bool sync = kind == ACTIVITY_SYNC, blocks = kind == ACTIVITY_JOURNAL;
	struct total *total = total_of(journals, row->key);
	const struct ledger_process *process = row->process ? ledger__process(journals->ledger, row->process) : NULL;
	if (!sync && !blocks)
		total->commits += (double)row->count;
	total->syncs += sync ? (double)row->count : 0;
	if (!process || process->row->kernel_thread || (!sync && !blocks))
		return;
	total->blocks += blocks ? (double)row->amount : 0;
	journals->users[journals->count++] = (struct user){ (size_t)(total - journals->totals), (size_t)(process - journals->ledger->processes),
		sync ? (double)row->count : 0, blocks ? (double)row->amount : 0, blocks ? (double)row->count : 0 };
}

static int compare_parts(const void *a, const void *b)
{
	const struct part *left = a, *right = b;
	if (left->total != right->total)
		return left->total < right->total ? -1 : 1;
	return (left->crowd > right->crowd) - (left->crowd < right->crowd);
}

// Sums of whole numbers: the order in which they are added changes nothing.
static void make_parts(struct journals *journals)
{
	size_t kept = 0;
	journals->parts = base__alloc(journals->count + 1, sizeof(*journals->parts));
	for (size_t i = 0; i < journals->count; i++) {
		const struct user *user = &journals->users[i];
		journals->parts[i] = (struct part){ user->total, journals->scene->crowd_of[user->process], user->syncs, user->blocks };
	}
	qsort(journals->parts, journals->count, sizeof(*journals->parts), compare_parts);
	for (size_t i = 0; i < journals->count; i++) {
		if (!kept || compare_parts(&journals->parts[kept - 1], &journals->parts[i])) {
			journals->parts[kept++] = journals->parts[i];
			continue;
		}
		journals->parts[kept - 1].syncs += journals->parts[i].syncs;
		journals->parts[kept - 1].blocks += journals->parts[i].blocks;
	}
	journals->part_count = kept;
}

static struct part part_of(const struct journals *journals, const struct total *total, size_t crowd)
{
	struct part wanted = { .total = (size_t)(total - journals->totals), .crowd = crowd };
	const struct part *found = journals->part_count
		? bsearch(&wanted, journals->parts, journals->part_count, sizeof(wanted), compare_parts) : NULL;
	return found ? *found : wanted;
}

static void find_homes(struct journals *journals)
{
	journals->homes = base__alloc(journals->ledger->process_count + 1, sizeof(*journals->homes));
	for (size_t i = 0; i < journals->count; i++) {
		const struct user *user = &journals->users[i];
		struct home *home = &journals->homes[user->process];
		if (user->handles > home->handles)
			*home = (struct home){ journals->totals[user->total].journal, user->handles };
	}
}

struct journals *journals__make(const struct ledger *ledger, const struct scene *scene)
{
	struct journals *journals = base__alloc(1, sizeof(*journals));
	const struct recording *recording = ledger->recording;
	const struct activity_rows *of = ledger->activity.of;
	size_t rows = of[ACTIVITY_SYNC].count + of[ACTIVITY_JOURNAL].count + of[ACTIVITY_COMMIT].count;
	journals->ledger = ledger;
	journals->scene = scene;
	journals->users = base__alloc(rows + 1, sizeof(*journals->users));
	journals->totals = base__alloc(rows + 1, sizeof(*journals->totals));
	for (size_t i = 0; i < recording->activity_count; i++) {
		enum activity_kind kind = ledger->activity.kinds[i];
		if ((kind == ACTIVITY_SYNC || kind == ACTIVITY_JOURNAL || kind == ACTIVITY_COMMIT) && recording->activity[i].key)
			add_row(journals, &recording->activity[i], kind);
	}
	make_parts(journals);
	find_homes(journals);
	return journals;
}

void journals__free(struct journals *journals)
{
	if (!journals)
		return;
	for (size_t i = 0; i < journals->total_count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(journals->totals->rankings); j++) {
			free(journals->totals[i].rankings[j].all);
			free(journals->totals[i].rankings[j].crowds);
		}
	free(journals->users);
	free(journals->totals);
	free(journals->parts);
	free(journals->homes);
	free(journals);
}

// "jbd2/sda1-8" is the journal of sda1; the kernel cuts long names, so that the end may be missing.
const char *journals__of_thread(const struct recording *recording, const struct process_row *thread)
{
	const char *name = thread && journals__is_thread(thread) && !strncmp(thread->name, "jbd2/", 5) ? thread->name + 5 : NULL;
	const char *end = name ? strrchr(name, '-') : NULL;
	size_t length = end && end > name ? (size_t)(end - name) : name ? strlen(name) : 0;
	for (size_t i = 0; name && i < recording->device_count; i++) {
		const char *known = recording->device[i].name;
		if (known && strlen(known) == length && !strncmp(known, name, length))
			return recording->device[i].number;
	}
	return NULL;
}

const char *journals__of(const struct journals *journals, size_t process, int64_t waker)
{
	const struct recording *recording = journals->ledger->recording;
	const struct process_row *own = journals->ledger->processes[process].row;
	if (journals__is_thread(own))
		return journals__of_thread(recording, own);
	const char *journal = waker ? journals__of_thread(recording, recording__process(recording, waker)) : NULL;
	return journal ? journal : journals->homes[process].journal;
}

static struct total *find_total(const struct journals *journals, const char *journal)
{
	for (size_t i = 0; journal && i < journals->total_count; i++)
		if (same(journals->totals[i].journal, journal))
			return &journals->totals[i];
	return NULL;
}

double journals__forced(const struct journals *journals, const char *journal)
{
	const struct total *total = find_total(journals, journal);
	return total && total->commits > 0 ? fmin(1, total->syncs / total->commits) : 0;
}

double journals__others_part(const struct journals *journals, const char *journal, size_t process)
{
	const struct total *total = find_total(journals, journal);
	if (!total || total->commits <= 0 || total->blocks <= 0)
		return 0;
	double own = part_of(journals, total, journals->scene->crowd_of[process]).blocks;
	return (total->blocks - own) / (total->blocks + total->commits * threshold__value(THRESHOLD_COMMIT_BLOCKS));
}

static int compare(const void *a, const void *b)
{
	const struct committer *left = a, *right = b;
	if (left->part != right->part)
		return left->part > right->part ? -1 : 1;
	return (left->process > right->process) - (left->process < right->process);
}

static const struct ranking *ranking_of(const struct journals *journals, struct total *total, bool by_syncs)
{
	struct ranking *ranking = &total->rankings[by_syncs];
	if (ranking->made)
		return ranking;
	ranking->made = true;
	ranking->all = base__alloc(journals->count + 1, sizeof(*ranking->all));
	for (size_t i = 0; i < journals->count; i++) {
		const struct user *user = &journals->users[i];
		double figure = by_syncs ? user->syncs : user->blocks;
		if (&journals->totals[user->total] != total || figure <= 0)
			continue;
		ranking->all[ranking->count++] = (struct committer){ journals->ledger->processes[user->process].row->id, figure };
		ranking->sum += figure;
	}
	qsort(ranking->all, ranking->count, sizeof(*ranking->all), compare);
	ranking->crowds = base__alloc(ranking->count + 1, sizeof(*ranking->crowds));
	for (size_t i = 0; i < ranking->count; i++)
		ranking->crowds[i] = journals->scene->crowd_of[ledger__process(journals->ledger, ranking->all[i].process) - journals->ledger->processes];
	return ranking;
}

struct committer *journals__committers(const struct journals *journals, const char *journal, bool by_syncs, size_t except, size_t *ret_count)
{
	struct committer *committers = base__alloc(COMMITTERS_MOST + 2, sizeof(*committers));
	struct total *total = find_total(journals, journal);
	const struct ranking *ranking = total ? ranking_of(journals, total, by_syncs) : NULL;
	size_t count = 0, crowd = except == SIZE_MAX ? SIZE_MAX : journals->scene->crowd_of[except];
	double all = ranking ? ranking->sum : 0, named = 0;
	if (ranking && crowd != SIZE_MAX) {
		struct part own = part_of(journals, total, crowd);
		all -= by_syncs ? own.syncs : own.blocks;
	}
	for (size_t i = 0; ranking && i < ranking->count && count < COMMITTERS_MOST; i++)
		if (crowd == SIZE_MAX || ranking->crowds[i] != crowd)
			committers[count++] = ranking->all[i];
	for (size_t i = 0; i < count; i++)
		named += committers[i].part /= all;
	if (count && 1 - named > 1e-9)
		committers[count++] = (struct committer){ 0, 1 - named };
	*ret_count = count;
	return committers;
}
