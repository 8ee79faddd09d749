// The account of kernel locks and of blocked time in the JSON report.
#include "render/json_parts.h"
#include "base/base.h"
#include "causes/lock_words.h"
#include "causes/wording.h"

#define LOCKS_MOST 10           // locks listed, those with the most waiting
#define ROWS_MOST 16            // owners and waiters listed for each
#define PROCESSES_MOST 10       // processes listed with their blocked time

static json_t *seconds(int64_t ns)
{
	return json__number((double)ns / NS_PER_SEC);
}

static void add_process(const struct answer *answer, json_t *object, int64_t id)
{
	const struct process_row *row = id ? recording__process(answer->recording, id) : NULL;
	json_object_set_new(object, "process", row ? json__text(process_row__name(row)) : json_null());
	json_object_set_new(object, "pid", row && row->pid > 0 ? json_integer(row->pid) : json_null());
}

static json_t *render_account(const char *scope, const struct lock_balance *account)
{
	json_t *object = json_object();
	json_object_set_new(object, "scope", json__text(scope));
	json_object_set_new(object, "waits", json_integer(account->waits_seen));
	json_object_set_new(object, "wait_seconds", json__number(account->wait_seconds));
	json_object_set_new(object, "victims_seconds", json__number(account->victims_seconds));
	json_object_set_new(object, "owners_seconds", json__number(account->owners_seconds));
	json_object_set_new(object, "handing_over_seconds", json__number(account->handing_over_seconds));
	json_object_set_new(object, "explained", json__number(account->explained));
	return object;
}

static json_t *render_owners(const struct answer *answer, const struct ledger_lock *lock)
{
	json_t *list = json_array();
	for (size_t i = 0; i < lock->hold_count && i < ROWS_MOST; i++) {
		const struct lock_hold_row *hold = lock->holds[i];
		json_t *object = json_object();
		add_process(answer, object, hold->process);
		json_object_set_new(object, "operation", json__text(hold->operation));
		json_object_set_new(object, "mode", json__text(hold->mode));
		json_object_set_new(object, "seconds", seconds(hold->task_ns));
		json_object_set_new(object, "wall_seconds", seconds(hold->wall_ns));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_waiters(const struct answer *answer, const struct ledger_lock *lock)
{
	json_t *list = json_array();
	for (size_t i = 0; i < lock->wait_count && i < ROWS_MOST; i++) {
		const struct lock_wait_row *wait = lock->waits[i];
		json_t *object = json_object();
		add_process(answer, object, wait->process);
		json_object_set_new(object, "mode", json__text(wait->mode));
		json_object_set_new(object, "waits", json_integer(wait->waits));
		json_object_set_new(object, "seconds", seconds(wait->wait_ns));
		json_object_set_new(object, "longest_seconds", seconds(wait->wait_max_ns));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_lock(const struct answer *answer, const struct ledger_lock *lock)
{
	json_t *object = json_object();
	const struct lock_subject *subject = lock_words__subject(lock->row);
	json_object_set_new(object, "kind", json__text(lock->row->kind));
	add_process(answer, object, lock->row->process);
	json_object_set_new(object, "place", json__text(lock->row->place));
	json_object_set_new(object, "subject", json__text(subject ? subject->name : NULL));
	json_object_set_new(object, "waits", json_integer(lock->waits_seen));
	json_object_set_new(object, "wait_seconds", seconds(lock->wait_ns));
	json_object_set_new(object, "sleep_seconds", seconds(lock->sleep_ns));
	json_object_set_new(object, "spin_seconds", seconds(lock->spin_ns));
	json_object_set_new(object, "runqueue_seconds", seconds(lock->runqueue_ns));
	json_object_set_new(object, "open_seconds", seconds(lock->open_wait_ns));
	json_object_set_new(object, "longest_seconds", seconds(lock->wait_max_ns));
	json_object_set_new(object, "wall_seconds", seconds(lock->row->wall_ns));
	json_object_set_new(object, "victims_seconds", seconds(lock->victims_ns));
	json_object_set_new(object, "owners_seconds", seconds(lock->owners_ns));
	json_object_set_new(object, "handing_over_seconds", seconds(lock->handing_over_ns));
	json_object_set_new(object, "explained", json__number(locks__explained(lock)));
	json_object_set_new(object, "owners", render_owners(answer, lock));
	json_object_set_new(object, "waiters", render_waiters(answer, lock));
	json_object_set_new(object, "stack", json__lines(recording__frames(answer->recording, lock->row->stack)));
	return object;
}

json_t *json__locks(const struct answer *answer)
{
	const struct ledger_locks *locks = &answer->ledger->locks;
	json_t *object = json_object(), *accounts = json_array(), *list = json_array();
	json_object_set_new(object, "recorded", json_boolean(locks->recorded));
	if (locks->recorded) {
		json_array_append_new(accounts, render_account("address_space", &locks->address_space));
		json_array_append_new(accounts, render_account("other", &locks->other));
	}
	for (size_t i = 0; i < locks->count && i < LOCKS_MOST; i++)
		json_array_append_new(list, render_lock(answer, &locks->locks[i]));
	json_object_set_new(object, "accounts", accounts);
	json_object_set_new(object, "locks", list);
	return object;
}

static json_t *render_sum(enum blocked_reason reason, const struct blocked_total *sum)
{
	json_t *object = json_object();
	json_object_set_new(object, "reason", json__text(blocked_reason__name(reason)));
	json_object_set_new(object, "idle", json_boolean(blocked_reason__is_idle(reason)));
	json_object_set_new(object, "seconds", seconds(sum->ns));
	json_object_set_new(object, "times", json_integer(sum->times));
	json_object_set_new(object, "longest_seconds", seconds(sum->max_ns));
	json_object_set_new(object, "open_seconds", seconds(sum->open_ns));
	return object;
}

static json_t *render_sums(const struct blocked_total *sums)
{
	json_t *list = json_array();
	for (size_t i = 0; i < BLOCKED_REASONS; i++)
		if (sums[blocked_reasons[i]].ns > 0)
			json_array_append_new(list, render_sum(blocked_reasons[i], &sums[blocked_reasons[i]]));
	return list;
}

json_t *json__blocked(const struct answer *answer)
{
	const struct ledger_blocking *blocking = &answer->ledger->blocking;
	json_t *object = json_object(), *processes = json_array();
	for (size_t i = 0; i < blocking->count && i < PROCESSES_MOST && blocking->processes[i].waiting_ns > 0; i++) {
		json_t *process = json_object();
		add_process(answer, process, blocking->processes[i].process->id);
		json_object_set_new(process, "seconds", seconds(blocking->processes[i].waiting_ns));
		json_object_set_new(process, "reasons", render_sums(blocking->processes[i].by_reason));
		json_array_append_new(processes, process);
	}
	json_object_set_new(object, "reasons", render_sums(blocking->by_reason));
	json_object_set_new(object, "processes", processes);
	return object;
}
