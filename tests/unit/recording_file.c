// The recording's file: what was saved is what is read, and what is no recording is refused with one sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"
#include "recording/columns.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place { char directory[64], path[96]; };

static int make_place(void **state)
{
	struct place *place = base__alloc(1, sizeof(*place));
	strcpy(place->directory, "/tmp/whystall-unit-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/x.db", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	cleanup_free char *command = base__format("rm -rf '%s'", place->directory);
	int status = system(command);
	free(place);
	return status;
}

// Each column gets a value that no other one has, within what its rule allows.
static void fill_row(const struct table *table, void *row, int64_t number)
{
	for (size_t c = 0; c < table->column_count; c++) {
		const struct column *column = &table->columns[c];
		int64_t value = number * 1000 + (int64_t)c;
		if (column__is_text(column))
			*column__text(column, row) = column->rule == RULE_TEXT && number == 2 ? NULL
				: base__format("%s.%s ü %lld", table->name, column->name, (long long)number);
		else if (column->rule == RULE_REAL)
			*column__real(column, row) = (double)value + 0.25;
		else if (column->rule == RULE_ID || column->rule == RULE_CGROUP_ID)
			*column__integer(column, row) = number;
		else if (column->rule == RULE_PROCESS || column->rule == RULE_CGROUP || column->rule == RULE_STACK ||
			 column->rule == RULE_LOCK)
			*column__integer(column, row) = number;
		else if (column->rule == RULE_BOOL)
			*column__integer(column, row) = number % 2;
		else if (column->rule == RULE_HIERARCHY)
			*column__integer(column, row) = 2;
		else if (column->rule == RULE_OCCUPANT)
			*column__integer(column, row) = number % OCCUPANT_KINDS;
		else
			*column__integer(column, row) = value;
	}
}

static struct recording *full_recording(void)
{
	struct recording *recording = recording__new();
	for (size_t t = 0; t < recording_table_count; t++)
		for (int64_t number = 1; number <= 3; number++)
			fill_row(&recording_tables[t], recording_tables[t].add(recording), number);
	recording__set_meta(recording, "complete", "1");
	return recording;
}

static void assert_same(const struct recording *left, const struct recording *right)
{
	size_t compared = 0;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		assert_int_equal(table__count(table, left), table__count(table, right));
		for (size_t i = 0; i < table__count(table, left); i++)
			for (size_t c = 0; c < table->column_count; c++, compared++) {
				const struct column *column = &table->columns[c];
				void *a = table__row(table, left, i), *b = table__row(table, right, i);
				if (!column__is_text(column))
					assert_memory_equal((char *)a + column->offset, (char *)b + column->offset, 8);
				else if (*column__text(column, a))
					assert_string_equal(*column__text(column, a), *column__text(column, b));
				else
					assert_null(*column__text(column, b));
			}
	}
	assert_true(compared > 300);
}

static struct recording_file *create(const char *path)
{
	struct recording_file *file = NULL;
	char *sentence = NULL;
	int error = recording_file__create(path, &file, &sentence);
	if (error)
		fail_msg("%s", sentence);
	return file;
}

static void save(const char *path, const struct recording *recording)
{
	struct recording_file *file = create(path);
	char *sentence = NULL;
	assert_int_equal(recording_file__save(file, recording, &sentence), 0);
	recording_file__close(file);
}

static struct recording *read_back(const char *path)
{
	struct recording *recording = NULL;
	char *sentence = NULL;
	if (recording__read(path, &recording, &sentence))
		fail_msg("%s", sentence);
	return recording;
}

static void test_round_trip(void **state)
{
	const struct place *place = *state;
	struct recording *written = full_recording();
	save(place->path, written);
	struct recording *read = read_back(place->path);
	assert_same(written, read);
	assert_int_equal(recording__counter(read, "values_repaired"), 0);
	recording__free(read);
	recording__free(written);
}

static void test_new_file_says_that_it_is_cut_short(void **state)
{
	const struct place *place = *state;
	struct recording_file *file = create(place->path);
	struct recording *read = read_back(place->path);
	assert_string_equal(recording__meta(read, "complete"), "0");
	assert_string_equal(recording__meta(read, "tool_version"), WHYSTALL_VERSION);
	recording__free(read);
	recording_file__close(file);
}

// What is too large for a reader is cut while it is written, the single happenings first, and the recording says so.
static void test_too_many_rows_are_cut(void **state)
{
	const struct place *place = *state;
	struct recording *written = full_recording();
	for (int64_t number = 4; number <= 3000; number++) {
		struct event_row *row = recording__add_event(written);
		*row = (struct event_row){ .time_ns = number, .name = base__format("%0100d", 1) };
		if (number <= 1000)
			*recording__add_pair(written) = (struct pair_row){ .victim = 1, .culprit = 2, .wait_ns = number };
	}
	for (int large = 0; large < 2; large++) {
		struct recording_file *file = create(place->path);
		char *sentence = NULL;
		recording_file__set_limits(file, large ? 1 << 20 : 2000, large ? 300000 : 1 << 20);
		assert_int_equal(recording_file__save(file, written, &sentence), 0);
		recording_file__close(file);
		struct recording *read = read_back(place->path);
		assert_true(read->event_count > 100 && read->event_count < 1500);
		assert_int_equal(recording__counter(read, "rows_cut"), written->event_count - read->event_count);
		assert_int_equal(read->event[read->event_count - 1].time_ns, (int64_t)read->event_count);
		assert_int_equal(read->pair_count, written->pair_count);
		assert_int_equal(recording__counter(read, "values_repaired"), 0);
		recording__free(read);
	}
	recording__free(written);
}

static void assert_files(const struct place *place, int count)
{
	cleanup_free char *list = base__format("test \"$(ls -A %s | wc -l)\" = %d", place->directory, count);
	assert_int_equal(system(list), 0);
}

static void test_mode_and_leftovers(void **state)
{
	const struct place *place = *state;
	// The draft of a writer that was killed: pid 2^22 - 1 may exist, so take one above the kernel's maximum.
	cleanup_free char *stray = base__format("%s/.x.db.whystall-2000000000", place->directory);
	cleanup_free char *other = base__format("%s/.x.db.whystall-notes", place->directory);
	close(open(stray, O_CREAT | O_WRONLY, 0600));
	cleanup_free char *former = base__format("%s.former", stray);
	close(open(former, O_CREAT | O_WRONLY, 0600));
	close(open(other, O_CREAT | O_WRONLY, 0600));
	mode_t old = umask(0);
	struct recording *recording = full_recording();
	save(place->path, recording);
	recording__free(recording);
	umask(old);
	struct stat status;
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(access(stray, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
	assert_files(place, 2);
}

static void test_a_run_that_never_saves_changes_nothing(void **state)
{
	const struct place *place = *state;
	recording_file__close(create(place->path));
	assert_files(place, 0);
	struct recording *written = full_recording();
	save(place->path, written);
	struct recording_file *file = create(place->path);
	struct recording *read = read_back(place->path);
	assert_string_equal(recording__meta(read, "complete"), "0");
	recording__free(read);
	recording_file__close(file);
	read = read_back(place->path);
	assert_same(written, read);
	assert_files(place, 1);
	recording__free(read);
	recording__free(written);
}

// A writer that is gone before it has saved anything, without closing.
static void begin_and_die(const struct place *place)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct recording_file *file = NULL;
		char *sentence = NULL;
		_exit(recording_file__create(place->path, &file, &sentence) != 0);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void assert_holds(const char *path, const struct recording *expected)
{
	struct recording *read = read_back(path);
	assert_same(expected, read);
	recording__free(read);
}

static void test_a_killed_run_that_never_saved_loses_nothing(void **state)
{
	const struct place *place = *state;
	begin_and_die(place);
	assert_null(recording_file__former(place->path));       // there was none
	struct recording *written = full_recording();
	save(place->path, written);
	assert_null(recording_file__former(place->path));
	begin_and_die(place);
	begin_and_die(place);           // the second finds what the first left
	struct recording *read = read_back(place->path);
	assert_string_equal(recording__meta(read, "complete"), "0");
	recording__free(read);
	cleanup_free char *former = recording_file__former(place->path);
	assert_non_null(former);
	assert_holds(former, written);
	assert_files(place, 2);
	recording_file__close(create(place->path));
	assert_holds(place->path, written);
	assert_files(place, 1);
	recording__free(written);
}

// Whoever puts another recording there does not want the former one back.
static void test_a_newer_recording_stays(void **state)
{
	const struct place *place = *state;
	struct recording *written = full_recording();
	save(place->path, written);
	begin_and_die(place);
	recording__set_meta(written, "tool_version", "another");
	cleanup_free char *other = base__format("%s/other.db", place->directory);
	save(other, written);
	assert_int_equal(rename(other, place->path), 0);
	assert_null(recording_file__former(place->path));
	recording_file__close(create(place->path));
	assert_holds(place->path, written);
	assert_files(place, 1);
	recording__free(written);
}

static void refuse_to_create(const char *path, int expected, const char *part)
{
	struct recording_file *file = NULL;
	cleanup_free char *sentence = NULL;
	assert_int_equal(recording_file__create(path, &file, &sentence), expected);
	assert_null(file);
	assert_non_null(strstr(sentence, path));
	if (!strstr(sentence, part))
		fail_msg("\"%s\" does not say \"%s\"", sentence, part);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_never_overwrites_what_is_not_a_recording(void **state)
{
	const struct place *place = *state;
	cleanup_free char *text = base__format("%s/notes", place->directory);
	cleanup_free char *database = base__format("%s/other.db", place->directory);
	cleanup_free char *link = base__format("%s/link", place->directory);
	cleanup_free char *missing = base__format("%s/none/x.db", place->directory);
	put(text, "my only copy\n");
	refuse_to_create(text, -EEXIST, "not a recording");
	sqlite3 *other;
	assert_int_equal(sqlite3_open(database, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "CREATE TABLE a(b)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	refuse_to_create(database, -EEXIST, "not a recording");
	assert_int_equal(symlink(text, link), 0);
	refuse_to_create(link, -ELOOP, "symbolic link");
	refuse_to_create(place->directory, -EISDIR, "directory");
	refuse_to_create("/tmp/", -EISDIR, "directory");
	refuse_to_create("/dev/null", -EEXIST, "regular file");
	refuse_to_create(missing, -ENOENT, "there is no directory");
	char *kept = NULL;
	assert_int_equal(base__read_file(text, 100, &kept), 13);
	assert_string_equal(kept, "my only copy\n");
	free(kept);
	// An empty file (mktemp) and a recording of ours may be replaced.
	put(text, "");
	struct recording *recording = full_recording();
	save(text, recording);
	save(text, recording);
	recording__free(recording);
}

static void refuse_to_read(const char *path, int expected, const char *part)
{
	struct recording *recording = NULL;
	cleanup_free char *sentence = NULL;
	assert_int_equal(recording__read(path, &recording, &sentence), expected);
	assert_null(recording);
	assert_non_null(strstr(sentence, path));
	if (!strstr(sentence, part))
		fail_msg("\"%s\" does not say \"%s\"", sentence, part);
	assert_null(strchr(sentence, '\n'));
}

static void change(const char *path, const char *sql)
{
	sqlite3 *database;
	char *message = NULL;
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(database);
}

static void save_full(const char *path)
{
	struct recording *recording = full_recording();
	save(path, recording);
	recording__free(recording);
}

static void test_refuses_what_it_cannot_read(void **state)
{
	const struct place *place = *state;
	const char *path = place->path;
	refuse_to_read(path, -ENOENT, "no such file");
	refuse_to_read(place->directory, -EISDIR, "is a directory");
	refuse_to_read("/dev/null", -EINVAL, "not a regular file");
	put(path, "");
	refuse_to_read(path, -EINVAL, "empty");
	put(path, "#!/bin/sh\necho this is no recording\n");
	refuse_to_read(path, -EINVAL, "not a recording");
	unlink(path);
	change(path, "CREATE TABLE meta(key, value)");
	refuse_to_read(path, -EINVAL, "SQLite database");
	unlink(path);
	save_full(path);
	assert_int_equal(truncate(path, 300), 0);
	refuse_to_read(path, -EBADMSG, "damaged");
	save_full(path);
	assert_int_equal(truncate(path, 20000), 0);
	refuse_to_read(path, -EBADMSG, "bytes of");
}

static void test_newer_schema_names_its_maker(void **state)
{
	const struct place *place = *state;
	save_full(place->path);
	change(place->path, "PRAGMA user_version = 99; INSERT INTO meta VALUES ('tool_version', '9.8.7'); DROP TABLE task");
	refuse_to_read(place->path, -EPROTONOSUPPORT, "whystall 9.8.7 made it with schema 99");
	change(place->path, "DROP TABLE meta");
	refuse_to_read(place->path, -EPROTONOSUPPORT, "a later version");
	change(place->path, "PRAGMA user_version = 0");
	refuse_to_read(place->path, -EBADMSG, "schema 0");
}

// Programs in place of data: none of them may run or be read.
static void test_hostile_schemas(void **state)
{
	static const struct { const char *sql, *part; } hostile[] = {
		{ "DROP TABLE task; CREATE VIEW task AS SELECT * FROM process", "no table task" },
		{ "ALTER TABLE task RENAME TO t2; CREATE VIEW task AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
		  "SELECT n AS process FROM c", "no table task" },
		{ "DROP TABLE meta; CREATE TABLE meta(key TEXT, value TEXT AS (hex(zeroblob(100000000))))", "no column value" },
		{ "DROP TABLE stack; CREATE VIRTUAL TABLE stack USING fts5(id, frames)", "" },
		{ "UPDATE task SET wait_ns = 'long'", "not a whole number" },
		{ "UPDATE task SET wait_ns = 1.5", "not a whole number" },
		{ "UPDATE process SET exe = x'00ff'", "not text" },
		{ "UPDATE sample SET value = 'x'", "not a number" },
		{ "DROP TABLE sample", "no table sample" },
		{ "ALTER TABLE cpu DROP COLUMN gap_ns", "no column gap_ns" },
	};
	const struct place *place = *state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		unlink(place->path);
		save_full(place->path);
		change(place->path, hostile[i].sql);
		refuse_to_read(place->path, -EBADMSG, hostile[i].part);
	}
}

static void test_sums_beyond_all_reckoning_are_cut(void **state)
{
	const struct place *place = *state;
	save_full(place->path);
	change(place->path, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) "
	       "INSERT INTO pair SELECT 1, 0, 1, 9007199254740992, 1, 0, 0 FROM c");
	struct recording *read = read_back(place->path);
	int64_t sum = 0;
	for (size_t i = 0; i < read->pair_count; i++)
		sum += read->pair[i].wait_ns;
	assert_int_equal(sum, RECORDING_SUM_MAX);
	assert_string_equal(recording__meta(read, "sums_cut"), "pair.wait_ns");
	recording__free(read);
}

static void test_harmless_additions_are_read(void **state)
{
	const struct place *place = *state;
	save_full(place->path);
	change(place->path, "CREATE VIEW mine AS SELECT name, sum(wait_ns) FROM task GROUP BY 1; CREATE INDEX i ON task(name);"
	       "ALTER TABLE task ADD COLUMN note TEXT; CREATE TABLE notes(a); PRAGMA journal_mode = WAL");
	struct recording *written = full_recording(), *read = read_back(place->path);
	assert_same(written, read);
	recording__free(written);
	recording__free(read);
}

// A recording of a version that had fewer tables and columns: what it lacks is empty, the rest is there.
static void test_older_recordings_are_read(void **state)
{
	const struct place *place = *state;
	save_full(place->path);
	change(place->path, "DROP TABLE lock; DROP TABLE lock_wait; DROP TABLE lock_hold; DROP TABLE lock_stack; DROP TABLE blocked;"
	       "ALTER TABLE process DROP COLUMN settings; ALTER TABLE process DROP COLUMN calls_mallopt");
	struct recording *read = read_back(place->path);
	assert_int_equal(read->lock_count + read->lock_wait_count + read->lock_hold_count + read->lock_stack_count + read->blocked_count, 0);
	assert_int_equal(read->process_count, 3);
	assert_null(read->process[0].settings);
	assert_int_equal(read->process[0].calls_mallopt, 0);
	assert_non_null(read->process[0].build_id);
	recording__free(read);
}

// What an older recording can't know is said to be unknown: the user id of its processes is not root's.
static void assert_nothing_known(const struct column *column, void *row)
{
	if (column__is_text(column))
		assert_null(*column__text(column, row));
	else if (column->rule == RULE_REAL)
		assert_true(*column__real(column, row) == 0);
	else
		assert_int_equal(*column__integer(column, row), column->rule == RULE_SUM_OR_UNKNOWN ? -1 : 0);
}

static void test_each_later_column_may_be_missing(void **state)
{
	const struct place *place = *state;
	size_t columns = 0, uids = 0;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		for (size_t c = 1; c < table->column_count; c++) {
			const struct column *column = &table->columns[c];
			if (!column->added || (table->columns[0].added && !column->later))
				continue;
			save_full(place->path);
			cleanup_free char *sql = base__format("ALTER TABLE %s DROP COLUMN %s", table->name, column->name);
			change(place->path, sql);
			struct recording *read = read_back(place->path);
			assert_true(table__count(table, read) > 0);
			for (size_t i = 0; i < table__count(table, read); i++)
				assert_nothing_known(column, table__row(table, read, i));
			recording__free(read);
			columns++;
			uids += !strcmp(column->name, "uid") || !strcmp(column->name, "exe_uid");
		}
	}
	assert_true(columns > 10);
	assert_int_equal(uids, 2);
}

// A table that came later and is there has all of its columns.
static void test_half_a_table_is_refused(void **state)
{
	const struct place *place = *state;
	struct recording *read = NULL;
	cleanup_free char *sentence = NULL;
	save_full(place->path);
	change(place->path, "ALTER TABLE lock_wait DROP COLUMN spin_ns");
	assert_true(recording__read(place->path, &read, &sentence) < 0);
	assert_non_null(strstr(sentence, "table lock_wait has no column spin_ns"));
}

static void test_people_find_the_occupants_names(void **state)
{
	const struct place *place = *state;
	save_full(place->path);
	struct string names = { 0 };
	for (int kind = 0; kind < OCCUPANT_KINDS; kind++)
		string__add(&names, "%s%s", kind ? "," : "", occupant__name((enum occupant)kind));
	cleanup_free char *command = base__format(
		"test \"$(sqlite3 %s \"SELECT group_concat(name) FROM (SELECT name FROM occupant ORDER BY kind)\")\" = '%s'",
		place->path, names.text);
	string__free(&names);
	if (system("command -v sqlite3 >/dev/null") != 0)
		skip();
	assert_int_equal(system(command), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip), TEST(test_too_many_rows_are_cut), TEST(test_new_file_says_that_it_is_cut_short), TEST(test_mode_and_leftovers),
		TEST(test_a_run_that_never_saves_changes_nothing),
		TEST(test_a_killed_run_that_never_saved_loses_nothing),
		TEST(test_a_newer_recording_stays),
		TEST(test_never_overwrites_what_is_not_a_recording), TEST(test_refuses_what_it_cannot_read),
		TEST(test_newer_schema_names_its_maker), TEST(test_hostile_schemas), TEST(test_sums_beyond_all_reckoning_are_cut), TEST(test_harmless_additions_are_read),
		TEST(test_older_recordings_are_read), TEST(test_each_later_column_may_be_missing), TEST(test_half_a_table_is_refused), TEST(test_people_find_the_occupants_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
