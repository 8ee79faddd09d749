// Records of /dev/kmsg, damaged in every way: parsed one after the other, split at newlines. The first byte of each says whether it gets an
// intact head, so that the fuzzer reaches the texts.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/kernel_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct kernel_log *log, const char *bytes, size_t size, unsigned number)
{
	struct log_record record;
	char raw[2048];
	int head = size && (bytes[0] & 1) ? snprintf(raw, sizeof(raw), "%d,%u,%u,-;", bytes[0] & 2 ? 3 : 12, number, number * 1000) : 0;

	size = size > sizeof(raw) - (size_t)head ? sizeof(raw) - (size_t)head : size;
	memcpy(raw + head, bytes, size);
	if (!log_record__parse(raw, (size_t)head + size, &record))
		return;
	assert(strlen(record.text) < sizeof(record.text) && record.facility >= 0);
	for (const char *p = record.text; *p; p++)
		assert((unsigned char)*p >= ' ');
	kernel_log__add(log, &record, number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel_log *log = kernel_log__new();
	const char *at = (const char *)data, *end = at + size;
	size_t count;

	for (unsigned number = 0; at < end; number++) {
		const char *line = memchr(at, '\n', (size_t)(end - at));

		line = line ? line : end;
		feed(log, at, (size_t)(line - at), number);
		at = line + 1;
	}
	const struct kernel_warning *warnings = kernel_log__warnings(log, &count);
	for (size_t i = 0; i < count; i++)
		assert(warnings[i].kind && warnings[i].text && strlen(warnings[i].text) < LOG_TEXT_LIMIT && strlen(warnings[i].task) < 64);
	kernel_log__free(log);
	return 0;
}
