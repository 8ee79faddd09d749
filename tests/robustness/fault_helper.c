// What faults.test lets fail beside the program itself.
//   fault_helper copy FROM TO   reads a recording and saves it as `record` does: 2 and one sentence where it can't
//   fault_helper same ONE OTHER 0 if both hold the same rows
#include "base/base.h"
#include "recording/columns.h"
#include "recording/recording.h"

#include <string.h>

static int read_recording(const char *path, struct recording **ret)
{
	cleanup_free char *sentence = NULL;
	int error = recording__read(path, ret, &sentence);

	if (error)
		say__error("%s", sentence);
	return error;
}

static int copy(const char *from, const char *to)
{
	struct recording_file *file = NULL;
	struct recording *recording = NULL;
	cleanup_free char *sentence = NULL;
	int error;

	if (read_recording(from, &recording))
		return 2;
	error = recording_file__create(to, &file, &sentence);
	if (!error)
		error = recording_file__save(file, recording, &sentence);
	if (error)
		say__error("%s", sentence);
	else if (recording_file__unconfirmed(file))
		say__warning("the disk has not confirmed %s yet", to);
	recording_file__close(file);
	recording__free(recording);
	return error ? 2 : 0;
}

static bool same_value(const struct column *column, void *one, void *other)
{
	if (column__is_text(column)) {
		const char *a = *column__text(column, one), *b = *column__text(column, other);

		return a && b ? !strcmp(a, b) : a == b;
	}
	return column->rule == RULE_REAL ? *column__real(column, one) == *column__real(column, other)
		: *column__integer(column, one) == *column__integer(column, other);
}

static bool same_table(const struct table *table, const struct recording *one, const struct recording *other)
{
	bool same = table__count(table, one) == table__count(table, other);

	for (size_t i = 0; same && i < table__count(table, one); i++)
		for (size_t c = 0; same && c < table->column_count; c++)
			same = same_value(&table->columns[c], table__row(table, one, i), table__row(table, other, i));
	return same;
}

static int compare(const char *one, const char *other)
{
	struct recording *recordings[2] = { NULL, NULL };
	bool same = !read_recording(one, &recordings[0]) && !read_recording(other, &recordings[1]);

	for (size_t t = 0; same && t < recording_table_count; t++)
		same = same_table(&recording_tables[t], recordings[0], recordings[1]);
	recording__free(recordings[0]);
	recording__free(recordings[1]);
	return same ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "copy"))
		return copy(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "same"))
		return compare(argv[2], argv[3]);
	return 64;
}
