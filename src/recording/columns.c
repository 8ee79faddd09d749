// Every table and column of a recording. docs/recording.md says what they mean; a unit test compares the two.
#include "recording/columns.h"

#include "base/base.h"

#define C(field, rule) { #field, RULE_##rule, offsetof(struct ROW, field), false, false }
// A column that came later: a recording without it is read all the same. A table of such columns alone may be missing.
#define A(field, rule) { #field, RULE_##rule, offsetof(struct ROW, field), true, false }
// The same in such a table, later than the table itself.
#define L(field, rule) { #field, RULE_##rule, offsetof(struct ROW, field), true, true }

#define ROW meta_row
static const struct column meta_columns[] = { C(key, NAME), C(value, TEXT) };
#undef ROW

#define ROW counter_row
static const struct column counter_columns[] = { C(name, NAME), C(value, NUMBER), C(meaning, TEXT) };
#undef ROW

#define ROW process_row
static const struct column process_columns[] = {
	C(id, ID), C(pid, NUMBER), C(start_ns, NUMBER), C(parent_pid, NUMBER), C(name, NAME), C(exe, TEXT), C(command_line, TEXT),
	C(cgroup, TEXT), C(cpu_cgroup, TEXT), C(unit, TEXT), C(container, TEXT), C(vm_id, TEXT), C(vm_name, TEXT),
	C(runtime, TEXT), C(linkage, TEXT), C(allocator, TEXT), C(kernel_thread, BOOL), C(gone, BOOL), C(folded, NUMBER),
	A(runtime_version, TEXT), A(module, TEXT), A(module_version, TEXT), A(loader, TEXT), A(libc, TEXT), A(allocator_how, TEXT),
	A(build_id, TEXT), A(package, TEXT), A(package_version, TEXT), A(settings, LINES), A(calls_mallopt, BOOL), A(exe_deleted, BOOL),
	A(uid, SUM_OR_UNKNOWN), A(exe_uid, SUM_OR_UNKNOWN), A(exe_trusted, BOOL), A(unit_manager, TEXT),
};
#undef ROW

#define ROW task_row
static const struct column task_columns[] = {
	C(process, PROCESS), C(tid, NUMBER), C(name, NAME), C(policy, NUMBER), C(nice, ANY), C(rt_priority, NUMBER),
	C(allowed_cpus, NUMBER), C(run_ns, SUM), C(switches, SUM), C(wait_ns, SUM), C(waits, SUM), C(wait_max_ns, NUMBER),
	C(wait_pressure_ns, SUM), C(throttled_ns, SUM), C(wait_idle_ns, SUM), C(wait_steal_ns, SUM), C(wait_hardirq_ns, SUM),
	C(wait_softirq_ns, SUM), C(idle_allowed_ns, SUM), C(idle_outside_ns, SUM), C(open_wait_ns, SUM),
	C(credit_pressure_ns, SUM), C(credit_task_ns, SUM), C(run_delay_ns, SUM_OR_UNKNOWN), C(preempted_at_wakeup, SUM),
	A(folded, SUM), A(run_hardirq_ns, SUM), A(run_softirq_ns, SUM),
};
#undef ROW

#define ROW pair_row
static const struct column pair_columns[] = {
	C(victim, PROCESS), C(kind, OCCUPANT), C(culprit, PROCESS), C(wait_ns, SUM), C(waits, SUM), C(realtime_ns, SUM),
	C(heavier_ns, SUM),
};
#undef ROW

#define ROW cgroup_row
static const struct column cgroup_columns[] = {
	C(id, CGROUP_ID), C(hierarchy, HIERARCHY), C(path, NAME), C(level, NUMBER), C(has_pressure, BOOL),
	C(quota_us, SUM_OR_UNKNOWN), C(period_us, SUM_OR_UNKNOWN), C(weight, SUM_OR_UNKNOWN), C(periods, SUM_OR_UNKNOWN),
	C(throttled_periods, SUM_OR_UNKNOWN), C(throttled_us, SUM_OR_UNKNOWN), C(cpus, TEXT),
};
#undef ROW

#define ROW pressure_row
static const struct column pressure_columns[] = { C(cgroup, CGROUP), C(resource, NAME), C(kind, NAME), C(kernel_ns, SUM) };
#undef ROW

#define ROW book_row
static const struct column book_columns[] = {
	C(cgroup, CGROUP), C(cpu, CPU), C(meter_ns, SUM), C(victims_ns, SUM), C(culprits_ns, SUM), C(victims_task_ns, SUM),
};
#undef ROW

#define ROW cgroup_credit_row
static const struct column cgroup_credit_columns[] = {
	C(cgroup, CGROUP), C(kind, OCCUPANT), C(process, PROCESS), C(pressure_ns, SUM),
};
#undef ROW

#define ROW fold_row
static const struct column fold_columns[] = {
	C(cgroup, CGROUP), C(number, NUMBER), C(cpu, CPU), C(some_ns, SUM), C(nonidle_ns, SUM), C(foreign, BOOL),
	A(io_some_ns, SUM), A(io_full_ns, SUM), A(memory_some_ns, SUM), A(memory_full_ns, SUM), A(since_ns, SUM),
};
#undef ROW

#define ROW cpu_row
static const struct column cpu_columns[] = {
	C(cpu, CPU), C(run_ns, SUM), C(idle_ns, SUM), C(steal_ns, SUM), C(hardirq_ns, SUM), C(softirq_ns, SUM),
	C(credit_idle_ns, SUM), C(credit_steal_ns, SUM), C(credit_hardirq_ns, SUM), C(credit_softirq_ns, SUM),
	C(credit_quota_ns, SUM), C(credit_unknown_ns, SUM), C(credit_idle_task_ns, SUM), C(credit_steal_task_ns, SUM),
	C(credit_hardirq_task_ns, SUM), C(credit_softirq_task_ns, SUM), C(credit_quota_task_ns, SUM),
	C(credit_unknown_task_ns, SUM), C(switches, SUM), C(kernel_switches, SUM), C(gaps, SUM), C(gap_ns, SUM),
};
#undef ROW

#define ROW event_row
static const struct column event_columns[] = {
	C(time_ns, NUMBER), C(cpu, CPU), C(process, PROCESS), C(tid, NUMBER), C(name, NAME), C(wait_ns, SUM),
	C(throttled_ns, SUM), C(kind, OCCUPANT), C(culprit, PROCESS), C(stack, STACK),
};
#undef ROW

#define ROW stack_row
static const struct column stack_columns[] = { C(id, ID), C(frames, LINES) };
#undef ROW

#define ROW sample_row
static const struct column sample_columns[] = { C(time_ns, NUMBER), C(series, NAME), C(key, NAME), C(value, REAL) };
#undef ROW

#define ROW lock_row
static const struct column lock_columns[] = {
	A(id, ID), A(kind, NAME), A(process, PROCESS), A(place, TEXT), A(stack, STACK), A(wall_ns, TASK_SUM),
};
#undef ROW

#define ROW lock_wait_row
static const struct column lock_wait_columns[] = {
	A(lock, LOCK), A(process, PROCESS), A(mode, NAME), A(waits, SUM), A(wait_ns, TASK_SUM), A(wait_max_ns, NUMBER), A(sleep_ns, TASK_SUM),
	A(spin_ns, SUM), A(runqueue_ns, SUM), A(open_wait_ns, TASK_SUM),
};
#undef ROW

#define ROW lock_hold_row
static const struct column lock_hold_columns[] = {
	A(lock, LOCK), A(process, PROCESS), A(operation, NAME), A(mode, NAME), A(task_ns, TASK_SUM), A(wall_ns, TASK_SUM),
};
#undef ROW

#define ROW lock_stack_row
static const struct column lock_stack_columns[] = {
	A(lock, LOCK), A(process, PROCESS), A(role, NAME), A(kernel_stack, STACK), A(user_stack, STACK), A(ns, TASK_SUM), A(samples, SUM),
};
#undef ROW

#define ROW blocked_row
static const struct column blocked_columns[] = {
	A(process, PROCESS), A(reason, NAME), A(blocked_ns, TASK_SUM), A(times, SUM), A(max_ns, NUMBER), A(open_ns, TASK_SUM),
};
#undef ROW

#define ROW sleep_row
static const struct column sleep_columns[] = {
	A(process, PROCESS), A(operation, NAME), A(reason, NAME), A(waker_kind, NAME), A(waker, PROCESS), A(device, TEXT),
	A(kernel_stack, STACK), A(user_stack, STACK), A(ns, TASK_SUM), A(times, SUM), A(max_ns, NUMBER), A(open_ns, TASK_SUM),
	A(io_some_ns, SUM), A(io_full_ns, SUM), A(memory_some_ns, SUM), A(memory_full_ns, SUM),
};
#undef ROW

#define ROW sleep_event_row
static const struct column sleep_event_columns[] = {
	A(time_ns, NUMBER), A(process, PROCESS), A(tid, NUMBER), A(name, NAME), A(reason, NAME), A(operation, NAME), A(ns, SUM),
	A(waker_kind, NAME), A(waker, PROCESS), A(waker_tid, NUMBER), A(device, TEXT), A(kernel_stack, STACK), A(user_stack, STACK),
};
#undef ROW

#define ROW pressure_share_row
static const struct column pressure_share_columns[] = {
	A(process, PROCESS), A(resource, NAME), A(some_ns, SUM), A(full_ns, SUM), A(running_ns, SUM),
};
#undef ROW

#define ROW resource_book_row
static const struct column resource_book_columns[] = {
	A(cgroup, CGROUP), A(resource, NAME), A(kind, NAME), A(cpu, CPU), A(meter_ns, SUM), A(victims_ns, SUM),
};
#undef ROW

#define ROW kernel_counter_row
static const struct column kernel_counter_columns[] = {
	A(source, NAME), A(key, NAME), A(name, NAME), A(before, NUMBER), A(after, NUMBER),
};
#undef ROW

#define ROW activity_row
static const struct column activity_columns[] = {
	A(subject, NAME), A(kind, NAME), A(key, NAME), A(process, PROCESS), A(cpu, ANY), A(count, SUM), A(ns, SUM), A(max_ns, NUMBER),
	A(amount, NUMBER),
};
#undef ROW

#define ROW host_event_row
static const struct column host_event_columns[] = {
	A(time_ns, ANY), A(kind, NAME), A(cpu, ANY), A(process, PROCESS), A(ns, NUMBER), A(text, LINES),
};
#undef ROW

#define ROW device_row
static const struct column device_columns[] = {
	A(number, NAME), A(name, NAME), A(kind, NAME), A(model, TEXT), A(disk, TEXT), A(below, TEXT), A(backing, TEXT),
	A(rotational, SUM_OR_UNKNOWN), A(requests, BOOL), A(scheduler, TEXT), A(queue_requests, SUM_OR_UNKNOWN), A(cache, TEXT),
};
#undef ROW

#define ROW device_io_row
static const struct column device_io_columns[] = {
	A(device, NAME), A(operation, NAME), A(count, SUM), A(bytes, SUM), A(ns, SUM), A(max_ns, NUMBER), A(device_count, SUM),
	A(device_ns, SUM), A(latency, TEXT),
};
#undef ROW

#define ROW device_user_row
static const struct column device_user_columns[] = {
	A(device, NAME), A(process, PROCESS), A(operation, NAME), A(count, SUM), A(bytes, SUM), A(ns, SUM), A(max_ns, NUMBER),
	A(samples, SUM), A(crowding_ns, SUM),
	L(alone, SUM), L(alone_ns, SUM), L(alone_samples, SUM), L(known, SUM), L(beside, SUM),
};
#undef ROW

#define ROW cgroup_io_row
static const struct column cgroup_io_columns[] = {
	A(cgroup, NAME), A(hierarchy, HIERARCHY), A(device, NAME), A(read_bps, SUM_OR_UNKNOWN), A(write_bps, SUM_OR_UNKNOWN),
	A(read_iops, SUM_OR_UNKNOWN), A(write_iops, SUM_OR_UNKNOWN), A(latency_us, SUM_OR_UNKNOWN), A(cost, BOOL),
	A(read_bytes, SUM_OR_UNKNOWN), A(write_bytes, SUM_OR_UNKNOWN), A(reads, SUM_OR_UNKNOWN), A(writes, SUM_OR_UNKNOWN),
	A(cost_wait_us, SUM_OR_UNKNOWN), A(cost_delay_us, SUM_OR_UNKNOWN), A(watched_ns, SUM), A(at_limit_ns, SUM), A(requests, SUM),
	A(request_ns, SUM),
};
#undef ROW

#define ROW futex_row
static const struct column futex_columns[] = {
	A(id, NUMBER), A(process, PROCESS), A(address, TEXT), A(operation, NUMBER), A(value, NUMBER), A(waits, SUM), A(wait_ns, TASK_SUM),
	A(wait_max_ns, NUMBER), A(open_wait_ns, TASK_SUM), A(runqueue_ns, SUM), A(handed_ns, TASK_SUM), A(wall_ns, TASK_SUM), A(timed, SUM), A(others, SUM), A(wakes, SUM),
	A(mutual, SUM),	A(wakes_all, SUM), A(expected_zero, SUM), A(expected_one, SUM), A(expected_two, SUM), A(expected_other, SUM), A(owner_sought, SUM),
	A(owner_found, SUM), A(folded, SUM),
};
#undef ROW

#define ROW futex_hold_row
static const struct column futex_hold_columns[] = {
	A(futex, NUMBER), A(process, PROCESS), A(tid, NUMBER), A(name, NAME), A(task_ns, TASK_SUM), A(wall_ns, TASK_SUM), A(wakes, SUM), A(mutual, SUM),
};
#undef ROW

#define ROW futex_stack_row
static const struct column futex_stack_columns[] = {
	A(futex, NUMBER), A(process, PROCESS), A(role, NAME), A(user_stack, STACK), A(ns, TASK_SUM), A(samples, SUM),
};
#undef ROW

#define ROW cpu_sample_row
static const struct column cpu_sample_columns[] = {
	A(process, PROCESS), A(operation, NAME), A(kernel_stack, STACK), A(user_stack, STACK), A(samples, SUM), A(waited, SUM), A(ns, SUM),
	A(pressure_ns, SUM), A(waiters_ns, SUM),
};
#undef ROW

#define ROW process_cpu_row
static const struct column process_cpu_columns[] = { A(process, PROCESS), A(cpu, CPU), A(samples, SUM), A(waited, SUM) };
#undef ROW

#define ROW slice_row
static const struct column slice_columns[] = {
	A(number, NUMBER), A(time_ns, NUMBER), A(ns, SUM), A(resource, NAME), A(kind, OCCUPANT), A(process, PROCESS), A(pressure_ns, SUM),
};
#undef ROW

#define ROW syscall_row
static const struct column syscall_columns[] = {
	A(process, PROCESS), A(operation, NAME), A(watched_ns, SUM), A(calls, SUM), A(ns, SUM), A(max_ns, NUMBER), A(open_calls, SUM), A(open_ns, SUM),
	A(failed, SUM), A(bytes, SUM_OR_UNKNOWN), A(latency, TEXT), A(arguments, TEXT),
};
#undef ROW

#define ROW syscall_stack_row
static const struct column syscall_stack_columns[] = {
	A(process, PROCESS), A(operation, NAME), A(user_stack, STACK), A(ns, SUM), A(samples, SUM),
};
#undef ROW

#define ROW fold_sum_row
static const struct column fold_sum_columns[] = {
	A(cgroup, CGROUP), A(cpu, CPU), A(folds, SUM), A(foreign_folds, SUM), A(longest_ns, NUMBER), A(nonidle_ns, SUM),
	A(some_ns, SUM), A(some_counted_ns, SUM), A(some_wrapped_ns, SUM), A(io_some_ns, SUM), A(io_some_counted_ns, SUM), A(io_some_wrapped_ns, SUM),
	A(io_full_ns, SUM), A(io_full_counted_ns, SUM), A(io_full_wrapped_ns, SUM), A(memory_some_ns, SUM), A(memory_some_counted_ns, SUM),
	A(memory_some_wrapped_ns, SUM), A(memory_full_ns, SUM), A(memory_full_counted_ns, SUM), A(memory_full_wrapped_ns, SUM),
};
#undef ROW

// Every field is 8 bytes wide, so a field of recording.h that has no column here does not compile.
#define CHECK(table) _Static_assert(sizeof(struct table##_row) == 8 * ARRAY_SIZE(table##_columns), \
	"a field of struct " #table "_row has no column: add it to columns.c and to docs/recording.md");
RECORDING_TABLES(CHECK)

#define ADD(table) static void *add_##table(struct recording *recording) { return recording__add_##table(recording); }
RECORDING_TABLES(ADD)

#define TABLE(table) { #table, table##_columns, ARRAY_SIZE(table##_columns), sizeof(struct table##_row), \
	offsetof(struct recording, table), offsetof(struct recording, table##_count), offsetof(struct recording, table##_capacity), add_##table },
const struct table recording_tables[] = { RECORDING_TABLES(TABLE) };
const size_t recording_table_count = ARRAY_SIZE(recording_tables);

const char *column__type(const struct column *column)
{
	return column__is_text(column) ? "TEXT" : column->rule == RULE_REAL ? "REAL" : "INTEGER";
}

size_t column__text_max(const struct column *column)
{
	return column->rule == RULE_LINES ? RECORDING_LINES_MAX : RECORDING_TEXT_MAX;
}

int64_t column__sum_max(const struct column *column)
{
	switch (column->rule) {
	case RULE_SUM:
	case RULE_SUM_OR_UNKNOWN: return RECORDING_SUM_MAX;
	case RULE_TASK_SUM: return RECORDING_TASK_SUM_MAX;
	default: return 0;
	}
}

static const char *default_of(const struct column *column)
{
	switch (column->rule) {
	case RULE_TEXT:
	case RULE_LINES: return "";
	case RULE_NAME: return " NOT NULL";
	case RULE_SUM_OR_UNKNOWN: return " NOT NULL DEFAULT -1";
	default: return " NOT NULL DEFAULT 0";
	}
}

char *recording__schema_sql(void)
{
	struct string sql = { 0 };
	string__add(&sql, "PRAGMA application_id = %d;\nPRAGMA user_version = %d;\n", RECORDING_APPLICATION_ID,
		    RECORDING_SCHEMA_VERSION);
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		string__add(&sql, "CREATE TABLE %s (", table->name);
		for (size_t c = 0; c < table->column_count; c++)
			string__add(&sql, "%s\n  \"%s\" %s%s", c ? "," : "", table->columns[c].name,
				    column__type(&table->columns[c]), default_of(&table->columns[c]));
		string__add(&sql, "\n);\n");
	}
	// For people only: whoever asks their own questions can join a kind's name.
	string__add(&sql, "CREATE TABLE occupant (\n  kind INTEGER NOT NULL,\n  name TEXT NOT NULL\n);\n");
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++)
		string__add(&sql, "INSERT INTO occupant VALUES (%d, '%s');\n", kind, occupant__name(kind));
	return string__steal(&sql);
}
