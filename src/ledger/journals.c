#include "ledger/journals.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "ledger/thresholds.h"

#define COMMITTERS_MOST 16

struct user { const char *journal; size_t process; double syncs, blocks, handles; };
struct total { const char *journal; double commits, syncs, blocks; };

struct journals {
	const struct ledger *ledger;
	const struct scene *scene;
	struct user *users; size_t count;
	struct total *totals; size_t total_count;
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

static void add_row(struct journals *journals, const struct activity_row *row)
{
	bool sync = same(row->kind, "sync"), blocks = same(row->kind, "journal");
	if (!sync && !blocks && !same(row->kind, "commit"))
		return;
	struct total *total = total_of(journals, row->key);
	const struct ledger_process *process = row->process ? ledger__process(journals->ledger, row->process) : NULL;
	if (!sync && !blocks)
		total->commits += (double)row->count;
	total->syncs += sync ? (double)row->count : 0;
	if (!process || process->row->kernel_thread || (!sync && !blocks))
		return;
	total->blocks += blocks ? (double)row->amount : 0;
	journals->users[journals->count++] = (struct user){ row->key, (size_t)(process - journals->ledger->processes),
		sync ? (double)row->count : 0, blocks ? (double)row->amount : 0, blocks ? (double)row->count : 0 };
}

struct journals *journals__make(const struct ledger *ledger, const struct scene *scene)
{
	struct journals *journals = base__alloc(1, sizeof(*journals));
	const struct recording *recording = ledger->recording;
	size_t rows = 0;
	journals->ledger = ledger;
	journals->scene = scene;
	for (size_t i = 0; i < recording->activity_count; i++)
		rows += same(recording->activity[i].subject, "files");
	journals->users = base__alloc(rows + 1, sizeof(*journals->users));
	journals->totals = base__alloc(rows + 1, sizeof(*journals->totals));
	for (size_t i = 0; i < recording->activity_count; i++)
		if (same(recording->activity[i].subject, "files") && recording->activity[i].kind && recording->activity[i].key)
			add_row(journals, &recording->activity[i]);
	return journals;
}

void journals__free(struct journals *journals)
{
	if (!journals)
		return;
	free(journals->users);
	free(journals->totals);
	free(journals);
}

// "jbd2/sda1-8" is the journal of sda1; the kernel cuts long names, so that the end may be missing.
static const char *journal_of_thread(const struct recording *recording, const struct process_row *thread)
{
	const char *name = journals__is_thread(thread) && !strncmp(thread->name, "jbd2/", 5) ? thread->name + 5 : NULL;
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
		return journal_of_thread(recording, own);
	const char *journal = waker ? journal_of_thread(recording, recording__process(recording, waker)) : NULL;
	double most = 0;
	for (size_t i = 0; !journal && i < journals->count; i++)
		most = journals->users[i].process == process ? fmax(most, journals->users[i].handles) : most;
	for (size_t i = 0; !journal && most > 0 && i < journals->count; i++)
		if (journals->users[i].process == process && journals->users[i].handles >= most)
			journal = journals->users[i].journal;
	return journal;
}

static const struct total *find_total(const struct journals *journals, const char *journal)
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
	double own = 0;
	if (!total || total->commits <= 0 || total->blocks <= 0)
		return 0;
	for (size_t i = 0; i < journals->count; i++)
		if (same(journals->users[i].journal, journal) &&
		    journals->scene->crowd_of[journals->users[i].process] == journals->scene->crowd_of[process])
			own += journals->users[i].blocks;
	return (total->blocks - own) / (total->blocks + total->commits * threshold__value(THRESHOLD_COMMIT_BLOCKS));
}

static int compare(const void *a, const void *b)
{
	const struct committer *left = a, *right = b;
	if (left->part != right->part)
		return left->part > right->part ? -1 : 1;
	return (left->process > right->process) - (left->process < right->process);
}

struct committer *journals__committers(const struct journals *journals, const char *journal, bool by_syncs, size_t except, size_t *ret_count)
{
	struct committer *committers = base__alloc(journals->count + 2, sizeof(*committers));
	size_t count = 0, crowd = except == SIZE_MAX ? SIZE_MAX : journals->scene->crowd_of[except];
	double all = 0, named = 0;
	for (size_t i = 0; i < journals->count; i++) {
		const struct user *user = &journals->users[i];
		double figure = by_syncs ? user->syncs : user->blocks;
		if (!same(user->journal, journal) || figure <= 0 || (crowd != SIZE_MAX && journals->scene->crowd_of[user->process] == crowd))
			continue;
		committers[count++] = (struct committer){ journals->ledger->processes[user->process].row->id, figure };
		all += figure;
	}
	qsort(committers, count, sizeof(*committers), compare);
	if (count > COMMITTERS_MOST)
		count = COMMITTERS_MOST;
	for (size_t i = 0; i < count; i++)
		named += committers[i].part /= all;
	if (count && 1 - named > 1e-9)
		committers[count++] = (struct committer){ 0, 1 - named };
	*ret_count = count;
	return committers;
}
