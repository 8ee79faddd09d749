// Any rows as a recording, which the structure of a file would hide from the fuzzer: repairs, ledger, causes, remedies, both formats, aliases.
#include <unistd.h>

#include "reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes { const uint8_t *at, *end; };

static uint64_t take(struct bytes *bytes, size_t length)
{
	uint64_t number = 0;
	for (size_t i = 0; i < length && bytes->at < bytes->end; i++)
		number |= (uint64_t)*bytes->at++ << 8 * i;
	return number;
}

// Mostly small numbers, since ids and kinds are, and sometimes any.
static int64_t take_number(struct bytes *bytes)
{
	uint64_t width = take(bytes, 1);
	return width < 200 ? (int64_t)(width % 8) : (int64_t)take(bytes, 8);
}

static void take_row(struct bytes *bytes, const struct table *table, void *row)
{
	for (size_t c = 0; c < table->column_count; c++) {
		const struct column *column = &table->columns[c];
		if (column__is_text(column)) {
			size_t length = take(bytes, 1) % 16, left = (size_t)(bytes->end - bytes->at);
			if (length > left)
				length = left;
			*column__text(column, row) = length ? base__format("%.*s", (int)length, (const char *)bytes->at) : NULL;
			bytes->at += length;
		} else {
			*column__integer(column, row) = take_number(bytes);
		}
	}
}

static void make_rows(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, data + size };
	struct recording *recording = recording__new();
	recording__set_meta(recording, "hz", "%d", (int)take(&bytes, 2));
	while (bytes.at < bytes.end) {
		const struct table *table = &recording_tables[take(&bytes, 1) % recording_table_count];
		take_row(&bytes, table, table->add(recording));
	}
	recording__repair(recording);
	look_at(recording);
	recording__free(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make_rows(data, size);
	return 0;
}
