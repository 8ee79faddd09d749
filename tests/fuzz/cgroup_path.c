// Cgroup paths, command lines and names: anybody on the machine chooses them. Whatever they are, what comes out is valid
// UTF-8 without control characters, and bounded.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/cgroups.h"
#include "collect/host.h"
#include "identify/meaning.h"
#include "identify/stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const char *field)
{
	char again[MEANING_NAME_SIZE];
	size_t length = strnlen(field, MEANING_NAME_SIZE);

	assert(length < MEANING_NAME_SIZE);
	assert(identify__printable(field, length, again, sizeof(again)) == length && !memcmp(field, again, length));
}

static void check_path(const char *text)
{
	struct cgroup_meaning meaning = { 0 };

	for (int round = 0; round < 2; round++) {
		identify__cgroup(text, &meaning);
		check_field(meaning.unit);
		check_field(meaning.container);
		check_field(meaning.vm_id);
		check_field(meaning.vm_name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), small[7];
	struct command_meaning command;
	struct cgroup_mounts mounts;
	struct stat_facts facts;

	memcpy(text, data, size);
	text[size] = '\0';
	check_path(text);
	identify__command_line((const char *)data, size, NULL, &command);
	check_field(command.vm_id);
	check_field(command.vm_name);
	identify__printable((const char *)data, size, small, sizeof(small));
	stat__parse(text, 100, &facts);
	cgroups__parse_mounts(text, &mounts);
	cgroups__free_mounts(&mounts);
	host__parse_cpu_list(text);
	free(host__parse_os_release(text));
	free(text);
	return 0;
}
