// What a command line tells of a virtual machine.
#include "identify/meaning.h"

#include <string.h>

// Programs that run one virtual machine for each process; `prefix`: any name that begins so.
static const struct { const char *name; bool prefix; } vm_programs[] = {
	{ "qemu-system-", true }, { "qemu-kvm", false }, { "kvm", false }, { "qemu", false },
	{ "firecracker", true }, { "cloud-hypervisor", true },
};

static bool is_vm_program(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(vm_programs) / sizeof(vm_programs[0]); i++)
		if (vm_programs[i].prefix ? !strncmp(name, vm_programs[i].name, strlen(vm_programs[i].name)) :
					    !strcmp(name, vm_programs[i].name))
			return true;
	return false;
}

// The value of `name` when this argument is "-name VALUE", "--name VALUE" or "--name=VALUE"; NULL otherwise.
static const char *value_of(const char *argument, const char *next, const char *name)
{
	size_t length = strlen(name);

	if (argument[0] != '-')
		return NULL;
	argument += argument[1] == '-' ? 2 : 1;
	if (strncmp(argument, name, length))
		return NULL;
	return argument[length] == '=' ? argument + length + 1 : argument[length] ? NULL : next;
}

// qemu's option lists: KEY=VALUE,KEY=VALUE with ",," for a comma in a value; the first may lack "guest=".
static void copy_guest_name(const char *list, char *ret)
{
	char value[MEANING_NAME_SIZE];
	bool first = true;

	while (*list) {
		size_t used = 0;

		while (*list && (*list != ',' || list[1] == ',')) {
			list += *list == ',';
			if (used + 1 < sizeof(value))
				value[used++] = *list;
			list++;
		}
		value[used] = '\0';
		list += *list == ',';
		if (!strncmp(value, "guest=", 6) || (first && !strchr(value, '='))) {
			const char *name = value[0] == 'g' && !strncmp(value, "guest=", 6) ? value + 6 : value;

			identify__printable(name, strlen(name), ret, MEANING_NAME_SIZE);
			return;
		}
		first = false;
	}
}

void identify__command_line(const char *arguments, size_t length, const char *exe, struct command_meaning *ret)
{
	// One argument beyond the end: an empty one. The copy bounds what strlen and friends can see.
	char text[8192], uuid[MEANING_NAME_SIZE] = "";
	const char *value;

	memset(ret, 0, sizeof(*ret));
	if (length > sizeof(text) - 2)
		length = sizeof(text) - 2;
	memcpy(text, arguments, length);
	text[length] = text[length + 1] = '\0';
	if (!length || !is_vm_program(exe ? exe : text))
		return;
	ret->vm = true;
	for (const char *at = text; at < text + length; at += strlen(at) + 1) {
		const char *next = at + strlen(at) + 1;

		if (next > text + length)
			next = "";
		if (!ret->vm_name[0] && (value = value_of(at, next, "name")))
			copy_guest_name(value, ret->vm_name);
		else if (!ret->vm_id[0] && (value = value_of(at, next, "id")))
			identify__printable(value, strlen(value), ret->vm_id, sizeof(ret->vm_id));
		else if (!uuid[0] && (value = value_of(at, next, "uuid")))
			identify__printable(value, strlen(value), uuid, sizeof(uuid));
	}
	if (!ret->vm_id[0])
		memcpy(ret->vm_id, uuid, sizeof(uuid));
}
