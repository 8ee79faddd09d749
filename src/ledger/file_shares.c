#include "ledger/file_shares.h"

#include "base/base.h"

#include <string.h>

// What was counted of one kind on one file system.
struct file_share {
	enum activity_kind kind;
	const char *key;
	double count, amount;           // of everybody
	double own_count, own_amount;   // of processes that are no kernel threads
	double owed_by_count_ns, owed_by_amount_ns; // to be given to these
};

static int compare(const struct file_share *share, enum activity_kind kind, const char *key)
{
	return share->kind != kind ? share->kind < kind ? -1 : 1 : strcmp(share->key, key);
}

// The first share that is not before the kind and key.
static size_t place_of(const struct file_shares *shares, enum activity_kind kind, const char *key)
{
	size_t low = 0, high = shares->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&shares->all[middle], kind, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct file_share *find(const struct file_shares *shares, enum activity_kind kind, const char *key)
{
	size_t place = key ? place_of(shares, kind, key) : shares->count;
	return place < shares->count && !compare(&shares->all[place], kind, key) ? &shares->all[place] : NULL;
}

static struct file_share *find_or_add(struct file_shares *shares, enum activity_kind kind, const char *key)
{
	size_t place = place_of(shares, kind, key);
	if (place < shares->count && !compare(&shares->all[place], kind, key))
		return &shares->all[place];
	shares->all = base__grow(shares->all, &shares->capacity, shares->count + 1, sizeof(*shares->all));
	memmove(&shares->all[place + 1], &shares->all[place], (shares->count - place) * sizeof(*shares->all));
	shares->all[place] = (struct file_share){ .kind = kind, .key = key };
	shares->count++;
	return &shares->all[place];
}

static bool is_counted(const struct activity_row *row, enum activity_kind kind)
{
	return row->key && (kind == ACTIVITY_COMMIT || kind == ACTIVITY_SYNC || kind == ACTIVITY_JOURNAL || kind == ACTIVITY_DIRTY);
}

// The crowd of the row's process, unless that is a kernel thread, which works for others; SIZE_MAX.
static size_t own_crowd(const struct file_shares *shares, const struct activity_row *row)
{
	const struct ledger_process *process = row->process ? ledger__process(shares->scene->ledger, row->process) : NULL;
	size_t crowd = process ? shares->scene->crowd_of[process - shares->scene->ledger->processes] : SIZE_MAX;
	return crowd == SIZE_MAX || shares->scene->crowds[crowd].members[0]->row->kernel_thread ? SIZE_MAX : crowd;
}

void file_shares__make(const struct scene *scene, struct file_shares *ret_shares)
{
	const struct ledger *ledger = scene->ledger;
	struct file_shares *shares = ret_shares;
	*shares = (struct file_shares){ .scene = scene };
	for (size_t i = 0; i < ledger->recording->activity_count; i++) {
		const struct activity_row *row = &ledger->recording->activity[i];
		if (!is_counted(row, ledger->activity.kinds[i]))
			continue;
		struct file_share *share = find_or_add(shares, ledger->activity.kinds[i], row->key);
		share->count += (double)row->count;
		share->amount += (double)row->amount;
		if (own_crowd(shares, row) == SIZE_MAX)
			continue;
		share->own_count += (double)row->count;
		share->own_amount += (double)row->amount;
	}
}

void file_shares__free(struct file_shares *shares)
{
	free(shares->all);
	*shares = (struct file_shares){ 0 };
}

double file_shares__sum(const struct file_shares *shares, enum activity_kind kind, const char *key, bool amount)
{
	double sum = 0;
	for (size_t i = place_of(shares, kind, key ? key : ""); i < shares->count; i++) {
		const struct file_share *share = &shares->all[i];
		if (share->kind != kind || (key && strcmp(share->key, key)))
			break;
		sum += amount ? share->amount : share->count;
	}
	return sum;
}

bool file_shares__split(const struct file_shares *shares, enum activity_kind kind, const char *key, bool amount, double ns)
{
	struct file_share *share = find(shares, kind, key);
	if (!share || (amount ? share->own_amount : share->own_count) <= 0)
		return false;
	*(amount ? &share->owed_by_amount_ns : &share->owed_by_count_ns) += ns;
	return true;
}

void file_shares__settle(const struct file_shares *shares, double *by_crowd)
{
	const struct ledger *ledger = shares->scene->ledger;
	for (size_t i = 0; i < ledger->recording->activity_count; i++) {
		const struct activity_row *row = &ledger->recording->activity[i];
		enum activity_kind kind = ledger->activity.kinds[i];
		const struct file_share *share = is_counted(row, kind) ? find(shares, kind, row->key) : NULL;
		size_t crowd = share && (share->owed_by_count_ns > 0 || share->owed_by_amount_ns > 0) ? own_crowd(shares, row) : SIZE_MAX;
		if (crowd == SIZE_MAX)
			continue;
		if (share->owed_by_amount_ns > 0 && row->amount > 0)
			by_crowd[crowd] += share->owed_by_amount_ns * (double)row->amount / share->own_amount;
		if (share->owed_by_count_ns > 0 && row->count > 0)
			by_crowd[crowd] += share->owed_by_count_ns * (double)row->count / share->own_count;
	}
}

const char *file_shares__journal_of(const struct scene *scene, int64_t process)
{
	const struct ledger *ledger = scene->ledger;
	const struct ledger_process *one = process ? ledger__process(ledger, process) : NULL;
	size_t crowd = one ? scene->crowd_of[one - ledger->processes] : SIZE_MAX;
	const struct activity_row *most = NULL;
	for (size_t i = crowd == SIZE_MAX ? 0 : scene->activity.starts[crowd]; crowd != SIZE_MAX && i < scene->activity.starts[crowd + 1]; i++) {
		size_t number = scene->activity.rows[i];
		const struct activity_row *row = &ledger->recording->activity[number];
		if (row->process == process && ledger->activity.kinds[number] == ACTIVITY_JOURNAL && row->count > (most ? most->count : 0))
			most = row;
	}
	return most ? most->key : NULL;
}

struct activity_sum file_shares__of_crowd(const struct scene *scene, size_t crowd, enum activity_kind kind)
{
	const struct ledger *ledger = scene->ledger;
	struct activity_sum sum = { 0 };
	for (size_t i = scene->activity.starts[crowd]; i < scene->activity.starts[crowd + 1]; i++) {
		size_t number = scene->activity.rows[i];
		const struct activity_row *row = &ledger->recording->activity[number];
		if (ledger->activity.kinds[number] != kind)
			continue;
		sum.rows++;
		sum.count += (double)row->count;
		sum.ns += (double)row->ns;
		sum.amount += (double)row->amount;
	}
	return sum;
}
