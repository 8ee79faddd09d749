// What the subject "files" counted, by kind and file system, and waits that are parted by it: each row is read twice, however many waits there are.
#include "causes/file_waits.h"

#include "base/base.h"

#include <string.h>

// What was counted of one kind ("sync", "journal", "commit", "dirty") on one file system.
struct file_share {
	const char *kind, *key;
	double count, amount;           // of everybody
	double own_count, own_amount;   // of processes that are no kernel threads
	double owed_by_count_ns, owed_by_amount_ns; // to be given to these
};

static int compare(const struct file_share *share, const char *kind, const char *key)
{
	int order = strcmp(share->kind, kind);
	return order ? order : strcmp(share->key, key);
}

// The first share that is not before the kind and key.
static size_t place_of(const struct file_waits *waits, const char *kind, const char *key)
{
	size_t low = 0, high = waits->share_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&waits->shares[middle], kind, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct file_share *find(const struct file_waits *waits, const char *kind, const char *key)
{
	size_t place = key ? place_of(waits, kind, key) : waits->share_count;
	return place < waits->share_count && !compare(&waits->shares[place], kind, key) ? &waits->shares[place] : NULL;
}

static struct file_share *find_or_add(struct file_waits *waits, const char *kind, const char *key)
{
	size_t place = place_of(waits, kind, key);
	if (place < waits->share_count && !compare(&waits->shares[place], kind, key))
		return &waits->shares[place];
	waits->shares = base__grow(waits->shares, &waits->share_capacity, waits->share_count + 1, sizeof(*waits->shares));
	memmove(&waits->shares[place + 1], &waits->shares[place], (waits->share_count - place) * sizeof(*waits->shares));
	waits->shares[place] = (struct file_share){ .kind = kind, .key = key };
	waits->share_count++;
	return &waits->shares[place];
}

static bool is_counted(const struct activity_row *row)
{
	return row->subject && row->kind && row->key && !strcmp(row->subject, "files");
}

// The crowd of the row's process, unless that is a kernel thread, which works for others; SIZE_MAX.
static size_t own_crowd(const struct file_waits *waits, const struct activity_row *row)
{
	size_t crowd = file_waits__crowd(waits->scene, row->process);
	return crowd == SIZE_MAX || waits->scene->crowds[crowd].members[0]->row->kernel_thread ? SIZE_MAX : crowd;
}

void file_waits__gather_shares(struct file_waits *waits)
{
	const struct recording *recording = waits->scene->ledger->recording;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!is_counted(row))
			continue;
		struct file_share *share = find_or_add(waits, row->kind, row->key);
		share->count += (double)row->count;
		share->amount += (double)row->amount;
		if (own_crowd(waits, row) == SIZE_MAX)
			continue;
		share->own_count += (double)row->count;
		share->own_amount += (double)row->amount;
	}
}

double file_waits__activity(const struct file_waits *waits, const char *kind, const char *key, bool amount)
{
	double sum = 0;
	for (size_t i = place_of(waits, kind, key ? key : ""); i < waits->share_count; i++) {
		const struct file_share *share = &waits->shares[i];
		if (strcmp(share->kind, kind) || (key && strcmp(share->key, key)))
			break;
		sum += amount ? share->amount : share->count;
	}
	return sum;
}

bool file_waits__split(const struct file_waits *waits, const char *kind, const char *key, bool amount, double ns)
{
	struct file_share *share = find(waits, kind, key);
	if (!share || (amount ? share->own_amount : share->own_count) <= 0)
		return false;
	*(amount ? &share->owed_by_amount_ns : &share->owed_by_count_ns) += ns;
	return true;
}

void file_waits__settle(const struct file_waits *waits, double *by_crowd)
{
	const struct recording *recording = waits->scene->ledger->recording;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		const struct file_share *share = is_counted(row) ? find(waits, row->kind, row->key) : NULL;
		size_t crowd = share && (share->owed_by_count_ns > 0 || share->owed_by_amount_ns > 0) ? own_crowd(waits, row) : SIZE_MAX;
		if (crowd == SIZE_MAX)
			continue;
		if (share->owed_by_amount_ns > 0 && row->amount > 0)
			by_crowd[crowd] += share->owed_by_amount_ns * (double)row->amount / share->own_amount;
		if (share->owed_by_count_ns > 0 && row->count > 0)
			by_crowd[crowd] += share->owed_by_count_ns * (double)row->count / share->own_count;
	}
}
