#include "ledger/memory_churn.h"

#include "ledger/ledger.h"

#include <string.h>

static bool is_one_of(int64_t process, const int64_t *processes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (processes[i] == process)
			return true;
	return false;
}

bool memory_churn__of(const struct ledger *ledger, const int64_t *processes, size_t count, struct memory_churn *ret)
{
	const struct recording *recording = ledger->recording;
	double page = (double)recording__meta_number(recording, "page_size", 4096);
	bool found = false;
	*ret = (struct memory_churn){ 0 };
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!row->process || !row->kind || strcmp(row->kind, "minor_faults") || !is_one_of(row->process, processes, count))
			continue;
		ret->faults += (double)row->count;
		ret->faulted_bytes += (double)row->count * page;
		ret->kept_bytes += (double)row->amount;
		found = true;
	}
	return found;
}

double memory_churn__part(const struct memory_churn *churn)
{
	double part = churn->faulted_bytes > 0 ? 1 - churn->kept_bytes / churn->faulted_bytes : 0;
	return part < 0 ? 0 : part > 1 ? 1 : part;
}

double memory_churn__returned_part(const struct ledger *ledger, int64_t process)
{
	struct memory_churn churn;
	return process && memory_churn__of(ledger, &process, 1, &churn) ? memory_churn__part(&churn) : 0;
}
