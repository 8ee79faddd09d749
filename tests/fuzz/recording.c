// Any bytes as a recording, through everything that looks at one: reader, repairs, ledger. Bytes that begin like an SQLite
// file are read as one; all others become the values of rows, which a file's structure would hide from the fuzzer.
// Build with `make fuzz`, run `build/tests/fuzz/recording -max_total_time=60 CORPUS` with a corpus of small recordings.
#include "base/base.h"
#include "ledger/ledger.h"
#include "recording/columns.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct recording *recording)
{
	struct ledger *ledger = NULL;
	if (ledger__build(recording, &ledger))
		abort();                // what was repaired can always be added up
	for (size_t i = 0; i < recording->process_count; i++)
		if (!ledger__process(ledger, recording->process[i].id))
			abort();
	int64_t repaired = recording__counter(recording, "values_repaired"), cut = recording__counter(recording, "sums_cut");
	recording__repair(recording);
	if (recording__counter(recording, "values_repaired") != repaired || recording__counter(recording, "sums_cut") != cut)
		abort();                // repairs leave nothing to repair
	ledger__free(ledger);
}

static void read_file(const uint8_t *data, size_t size)
{
	cleanup_fd int fd = memfd_create("recording", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct recording *recording = NULL;
	char *sentence = NULL;
	int error = recording__read(path, &recording, &sentence);
	if (error && (!sentence || recording))
		abort();                // every refusal has its sentence
	if (!error)
		look_at(recording);
	recording__free(recording);
	free(sentence);
}

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
	if (size >= 6 && memcmp(data, "SQLite", 6) == 0)
		read_file(data, size);
	else
		make_rows(data, size);
	return 0;
}
