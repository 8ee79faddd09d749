// Files in the format of /proc/kallsyms, /proc/stat and the pressure files, damaged in every way.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/pressure.h"
#include "collect/proc_stat.h"
#include "symbolize/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = { 0, 0x10, 0xffffffff81000100, 0xffffffff81000100, UINT64_MAX, 0xffffffffc0001000 };
	enum { COUNT = sizeof(addresses) / sizeof(addresses[0]) };
	char *names[COUNT] = { 0 }, *text;
	struct pressure_totals totals;
	struct proc_stat stat;
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	kallsyms__resolve_from(file, addresses, COUNT, names);
	for (int i = 0; i < COUNT; i++) {
		assert(names[i] && names[i][0]);
		free(names[i]);
	}
	if (file)
		fclose(file);
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	pressure__parse(text, &totals);
	if (!proc_stat__parse(text, 100, &stat))
		proc_stat__free(&stat);
	free(text);
	return 0;
}
