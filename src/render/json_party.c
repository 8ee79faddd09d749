// Parties of a verdict, and the values that all parts of the JSON report are made of.
#include "render/json_parts.h"
#include "render/page.h"
#include "base/base.h"
#include "causes/wording.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define LIST_MOST 64    // pids and thread names listed for one party

// Six decimals: a microsecond. More would differ from machine to machine in the last digits.
json_t *json__number(double value)
{
	if (!isfinite(value))
		return json_null();
	double rounded = round(value * 1e6) / 1e6;
	return json_real(rounded == 0 ? 0 : rounded);
}

json_t *json__text(const char *value)
{
	if (!value)
		return json_null();
	cleanup_free char *harmless = page__harmless(value);
	return json_string(harmless);
}

json_t *json__or_unknown(const char *value)
{
	return json__text(value && *value ? value : "unknown");
}

json_t *json__lines(const char *lines)
{
	json_t *list = json_array();
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");
		cleanup_free char *line = base__format("%.*s", (int)length, lines);
		if (length)
			json_array_append_new(list, json__text(line));
		lines += length + (lines[length] == '\n');
	}
	return list;
}

static json_t *thread_names(const struct answer *answer, const struct party *party)
{
	json_t *names = json_array();
	for (size_t i = 0; i < party->member_count; i++) {
		const struct ledger_process *process = ledger__process(answer->ledger, party->members[i]);
		for (size_t j = 0; process && j < process->task_count; j++) {
			const char *name = process->tasks[j].name;
			bool present = !name || json_array_size(names) >= LIST_MOST;
			for (size_t k = 0; !present && k < json_array_size(names); k++)
				present = !strcmp(json_string_value(json_array_get(names, k)), name);
			if (!present)
				json_array_append_new(names, json__text(name));
		}
	}
	return names;
}

static json_t *pids(const struct answer *answer, const struct party *party)
{
	json_t *list = json_array();
	for (size_t i = 0; i < party->member_count && json_array_size(list) < LIST_MOST; i++) {
		const struct process_row *row = recording__process(answer->recording, party->members[i]);
		if (row && row->pid > 0)
			json_array_append_new(list, json_integer(row->pid));
	}
	return list;
}

// What is known of the executable beyond runtime, linkage and allocator.
static void add_making(json_t *object, const struct process_row *row)
{
	static const struct { const char *name; size_t offset; } fields[] = {
		{ "allocator_how", offsetof(struct process_row, allocator_how) },
		{ "runtime_version", offsetof(struct process_row, runtime_version) },
		{ "module", offsetof(struct process_row, module) },
		{ "module_version", offsetof(struct process_row, module_version) },
		{ "loader", offsetof(struct process_row, loader) },
		{ "libc", offsetof(struct process_row, libc) },
		{ "build_id", offsetof(struct process_row, build_id) },
		{ "package", offsetof(struct process_row, package) },
		{ "package_version", offsetof(struct process_row, package_version) },
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_set_new(object, fields[i].name,
				    row ? json__text(*(char *const *)((const char *)row + fields[i].offset)) : json_null());
	json_object_set_new(object, "settings", json__lines(row ? row->settings : NULL));
	json_object_set_new(object, "calls_mallopt", row ? json_boolean(row->calls_mallopt) : json_null());
	json_object_set_new(object, "exe_deleted", row ? json_boolean(row->exe_deleted) : json_null());
	json_object_set_new(object, "exe_trusted", row ? json_boolean(row->exe_trusted) : json_null());
	json_object_set_new(object, "exe_uid", row && row->exe_uid >= 0 ? json_integer(row->exe_uid) : json_null());
	json_object_set_new(object, "uid", row && row->uid >= 0 ? json_integer(row->uid) : json_null());
}

static json_t *operations(const struct party *party)
{
	json_t *list = json_array();
	for (size_t i = 0; i < party->operation_count; i++) {
		const struct party_operation *operation = &party->operations[i];
		json_t *object = json_object();
		json_object_set_new(object, "operation", json__text(operation->operation));
		json_object_set_new(object, "mode", json__text(operation->mode));
		json_object_set_new(object, "seconds", json__number(operation->seconds));
		json_object_set_new(object, "share", json__number(operation->share));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *stacks(const struct party *party)
{
	json_t *list = json_array();
	for (size_t i = 0; i < party->stack_count; i++) {
		json_t *object = json_object();
		json_object_set_new(object, "seconds", json__number(party->stacks[i].seconds));
		json_object_set_new(object, "kernel", json__lines(party->stacks[i].kernel));
		json_object_set_new(object, "user", json__lines(party->stacks[i].user));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *json__party(const struct answer *answer, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(answer->recording, party->process) : NULL;
	json_t *object = json_object();
	json_object_set_new(object, "kind", json__text(party_kind__name(party->kind)));
	json_object_set_new(object, "pid", row && row->pid > 0 ? json_integer(row->pid) : json_null());
	json_object_set_new(object, "process", row ? json__text(process_row__name(row)) : json_null());
	json_object_set_new(object, "name", json__text(party->name));
	json_object_set_new(object, "exe", row ? json__text(row->exe) : json_null());
	json_object_set_new(object, "cgroup", json__text(party->cgroup ? party->cgroup : row ? row->cgroup : NULL));
	json_object_set_new(object, "unit", row ? json__text(row->unit) : json_null());
	json_object_set_new(object, "unit_manager", row ? json__text(row->unit_manager) : json_null());
	json_object_set_new(object, "container", row ? json__text(row->container) : json_null());
	json_object_set_new(object, "vm", row ? json__text(row->vm_id) : json_null());
	json_object_set_new(object, "vm_name", row ? json__text(row->vm_name) : json_null());
	json_object_set_new(object, "command_line", row ? json__text(row->command_line) : json_null());
	json_object_set_new(object, "gone", json_boolean(row && row->gone));
	json_object_set_new(object, "processes", json_integer(row ? party->processes : 0));
	json_object_set_new(object, "pids", pids(answer, party));
	json_object_set_new(object, "threads", thread_names(answer, party));
	json_object_set_new(object, "runtime", json__or_unknown(row ? row->runtime : NULL));
	json_object_set_new(object, "linkage", json__or_unknown(row ? row->linkage : NULL));
	json_object_set_new(object, "allocator", json__or_unknown(row ? row->allocator : NULL));
	add_making(object, row);
	json_object_set_new(object, "seconds", json__number(party->seconds));
	json_object_set_new(object, "share", json__number(party->share));
	json_object_set_new(object, "own_seconds", json__number(party->own_seconds));
	json_object_set_new(object, "loss", json__number(party->loss));
	json_object_set_new(object, "note", json__text(party->note));
	json_object_set_new(object, "waits", party->waits ? json_integer(party->waits) : json_null());
	json_object_set_new(object, "longest_seconds", party->waits ? json__number(party->longest_seconds) : json_null());
	json_object_set_new(object, "operation", party->operation_count ? json__text(party->operations[0].operation) : json_null());
	json_object_set_new(object, "operations", operations(party));
	json_object_set_new(object, "stacks", stacks(party));
	return object;
}
