#include "collect/process_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "identify/process.h"

// Every string of a process' row.
static const size_t row_strings[] = {
#define STRING(field) offsetof(struct process_row, field)
	STRING(name), STRING(exe), STRING(command_line), STRING(cgroup), STRING(cpu_cgroup), STRING(unit), STRING(container),
	STRING(vm_id), STRING(vm_name), STRING(runtime), STRING(linkage), STRING(allocator), STRING(runtime_version), STRING(module),
	STRING(module_version), STRING(loader), STRING(libc), STRING(allocator_how), STRING(build_id), STRING(package),
	STRING(package_version), STRING(settings), STRING(unit_manager),
#undef STRING
};

static char **string_of(struct process_row *row, size_t index)
{
	return (char **)((char *)row + row_strings[index]);
}

void process_row__free_strings(struct process_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(row_strings); i++)
		free(*string_of(row, i));
}

void process_row__copy(const struct process_row *from, struct process_row *to)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_SIZE(row_strings); i++)
		*string_of(to, i) = base__copy(*string_of(to, i));
}

void process_row__reset(struct process_row *row, int64_t pid)
{
	int64_t id = row->id;

	process_row__free_strings(row);
	*row = (struct process_row){ .id = id, .pid = pid, .folded = 1, .uid = -1, .exe_uid = -1 };
}

static void set_unknown(struct process_row *row)
{
	char **fields[] = { &row->runtime, &row->linkage, &row->allocator };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!*fields[i])
			*fields[i] = base__copy("unknown");
}

void process_row__describe_gone(struct process_row *row, const struct task_slot *slot, const char *exec_path, const struct process_row *parent)
{
	if (exec_path)
		identify__from_exec(exec_path, row);
	else if (parent && parent->exe)
		row->exe = base__copy(parent->exe);
	free(row->name);
	row->name = base__copy_part(slot->pid == slot->tgid ? slot->comm : slot->leader_comm, COMM_LENGTH);
	if (parent) {
		// Children stay in their parent's cgroup unless somebody moves them.
		row->cgroup = base__copy(parent->cgroup);
		row->cpu_cgroup = base__copy(parent->cpu_cgroup);
		row->unit = base__copy(parent->unit);
		row->unit_manager = base__copy(parent->unit_manager);
		row->container = base__copy(parent->container);
		row->vm_id = base__copy(parent->vm_id);
		row->vm_name = base__copy(parent->vm_name);
	}
	row->parent_pid = slot->parent_tgid;
	row->gone = 1;
	set_unknown(row);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool process_row__alike(const struct process_row *a, const struct process_row *b)
{
	return a->parent_pid == b->parent_pid && same(a->name, b->name) && same(a->exe, b->exe) && same(a->cgroup, b->cgroup);
}

bool process_row__is_named(const struct process_row *row, const char *name)
{
	return same(row->name, name);
}
