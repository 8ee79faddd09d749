#include "ledger/memory_churn.h"

#include "base/base.h"
#include "ledger/ledger.h"

struct memory_churn *memory_churns__make(const struct ledger *ledger)
{
	const struct recording *recording = ledger->recording;
	double page = (double)recording__meta_number(recording, "page_size", 4096);
	struct memory_churn *churns = base__alloc(ledger->process_count + 1, sizeof(*churns));
	const struct activity_rows *rows = &ledger->activity.of[ACTIVITY_MINOR_FAULTS];
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		const struct ledger_process *process = row->process ? ledger__process(ledger, row->process) : NULL;
		if (!process)
			continue;
		struct memory_churn *churn = &churns[process - ledger->processes];
		churn->faults += (double)row->count;
		churn->faulted_bytes += (double)row->count * page;
		churn->kept_bytes += (double)row->amount;
		churn->counted = true;
	}
	return churns;
}

bool memory_churn__of(const struct ledger *ledger, const int64_t *processes, size_t count, struct memory_churn *ret)
{
	*ret = (struct memory_churn){ 0 };
	for (size_t i = 0; i < count; i++) {
		const struct ledger_process *process = ledger__process(ledger, processes[i]);
		const struct memory_churn *churn = process ? &ledger->memory_churns[process - ledger->processes] : NULL;
		if (!churn || !churn->counted)
			continue;
		ret->faults += churn->faults;
		ret->faulted_bytes += churn->faulted_bytes;
		ret->kept_bytes += churn->kept_bytes;
		ret->counted = true;
	}
	return ret->counted;
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
