// The recording's file, read. It may come from anybody: it is read whole into memory, so that no journal, lock or other
// file beside it plays a part, and SQLite sees it read-only, without views, triggers or functions that do anything.
#include "recording/recording.h"

#include "base/base.h"
#include "recording/columns.h"
#include "recording/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_MAX 4000000000LL          // of SQLite's virtual machine: some 1000 for each row that is allowed
#define STEPS_AT_ONCE 1000000

struct reading {
	const char *path;
	sqlite3 *database;
	struct recording *recording;
	int64_t rows, steps;
	bool no_memory;         // SQLite had none for something
	char **ret_error;
};

#define DAMAGED "cannot read %s: the recording is damaged (%s); take another copy of it, or record again"

static int out_of_memory(const struct reading *reading)
{
	*reading->ret_error = base__format("cannot read %s: there is not enough memory for it", reading->path);
	return -ENOMEM;
}

PRINTF_LIKE(2, 3)
static int damaged(const struct reading *reading, const char *format, ...)
{
	struct string reason = { 0 };
	char text[512];
	va_list list;
	if (reading->no_memory || (reading->database && sqlite3_errcode(reading->database) == SQLITE_NOMEM))
		return out_of_memory(reading);
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	string__add(&reason, DAMAGED, reading->path, text);
	*reading->ret_error = string__steal(&reason);
	return -EBADMSG;
}

// ---- the bytes ----

static int explain_open(int error, const char *path, char **ret_error)
{
	if (error == -ENOENT || error == -ENOTDIR)
		*ret_error = base__format("cannot read %s: there is no such file; \"whystall record -o %s\" makes one", path, path);
	else if (error == -EACCES || error == -EPERM)
		*ret_error = base__format("cannot read %s: no permission; recordings belong to the user who made them, often root: "
					  "try sudo, or let the owner change the mode", path);
	else if (error == -EISDIR)
		*ret_error = base__format("cannot read %s: it is a directory; give the name of a recording in it", path);
	else if (error == -EFBIG)
		*ret_error = base__format("cannot read %s: it is larger than any recording", path);
	else
		*ret_error = base__format("cannot read %s: %s", path, strerror(-error));
	return error;
}

static int read_bytes(const char *path, unsigned char **ret_bytes, size_t *ret_length, char **ret_error)
{
	// Not to wait for a writer, should it be a named pipe.
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return explain_open(-errno, path, ret_error);
	if (S_ISDIR(status.st_mode))
		return explain_open(-EISDIR, path, ret_error);
	if (!S_ISREG(status.st_mode)) {
		*ret_error = base__format("cannot read %s: it is not a regular file; save the recording as a file first", path);
		return -EINVAL;
	}
	if (status.st_size > RECORDING_FILE_MAX)
		return explain_open(-EFBIG, path, ret_error);
	size_t size = (size_t)status.st_size, length = 0;
	unsigned char *bytes = sqlite3_malloc64(size ? size : 1);
	if (!bytes)
		return explain_open(-ENOMEM, path, ret_error);
	while (length < size) {
		ssize_t got = read(fd, bytes + length, size - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = -errno;
			sqlite3_free(bytes);
			return explain_open(error, path, ret_error);
		}
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// What the first 100 bytes tell without a database: https://www.sqlite.org/fileformat2.html, "The Database Header".
static int check_header(struct reading *reading, unsigned char *bytes, size_t length)
{
	const char *path = reading->path;
	if (length == 0) {
		*reading->ret_error = base__format("cannot read %s: the file is empty", path);
		return -EINVAL;
	}
	if (length < 16 || memcmp(bytes, "SQLite format 3", 16) != 0) {
		*reading->ret_error = base__format("cannot read %s: it is not a recording of whystall", path);
		return -EINVAL;
	}
	if (length < 512)
		return damaged(reading, "only %zu bytes of it are there", length);
	if (big_endian(bytes + 68) != RECORDING_APPLICATION_ID) {
		*reading->ret_error = base__format("cannot read %s: it is an SQLite database, but not a recording of whystall", path);
		return -EINVAL;
	}
	// SQLite itself takes a last page that is not all there for none.
	uint64_t page = (uint64_t)bytes[16] << 8 | bytes[17], whole = (page == 1 ? 65536 : page) * big_endian(bytes + 28);
	if (length < whole)
		return damaged(reading, "only %zu bytes of %llu are there", length, (unsigned long long)whole);
	// Somebody who looked at it with sqlite3 may have switched it to WAL, which memory cannot do.
	bytes[18] = bytes[19] = 1;
	return 0;
}

// ---- the database ----

static int count_steps(void *data)
{
	struct reading *reading = data;
	reading->steps += STEPS_AT_ONCE;
	return reading->steps > STEPS_MAX;
}

static int open_database(struct reading *reading, unsigned char *bytes, size_t length)
{
	int status = sqlite3_open_v2(":memory:", &reading->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (status != SQLITE_OK) {
		sqlite3_free(bytes);
		reading->no_memory = status == SQLITE_NOMEM;
		return damaged(reading, "%s", sqlite3_errstr(status));
	}
	sqlite3 *database = reading->database;
	sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	static const struct { int limit, value; } limits[] = {
		{ SQLITE_LIMIT_LENGTH, 1 << 20 }, { SQLITE_LIMIT_SQL_LENGTH, 1 << 16 }, { SQLITE_LIMIT_COLUMN, 128 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 20 }, { SQLITE_LIMIT_ATTACHED, 0 }, { SQLITE_LIMIT_VDBE_OP, 25000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 8 }, { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64 }, { SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(database, limits[i].limit, limits[i].value);
	sqlite3_progress_handler(database, STEPS_AT_ONCE, count_steps, reading);
	// On failure SQLite frees the bytes too.
	status = sqlite3_deserialize(database, "main", bytes, (sqlite3_int64)length, (sqlite3_int64)length,
				     SQLITE_DESERIALIZE_READONLY | SQLITE_DESERIALIZE_FREEONCLOSE);
	if (status == SQLITE_OK)
		status = sqlite3_exec(database, "PRAGMA cell_size_check = ON; PRAGMA query_only = ON", NULL, NULL, NULL);
	return status == SQLITE_OK ? 0 : damaged(reading, "%s", sqlite3_errmsg(database));
}

// The first row's only column as a text, NULL if there is none. Owned by the caller.
static char *query_text(struct reading *reading, const char *sql)
{
	sqlite3 *database = reading->database;
	sqlite3_stmt *statement = NULL;
	char *text = NULL;
	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		text = base__copy((const char *)sqlite3_column_text(statement, 0));
	reading->no_memory |= sqlite3_errcode(database) == SQLITE_NOMEM;
	sqlite3_finalize(statement);
	return text;
}

static int check_database(struct reading *reading)
{
	cleanup_free char *version = query_text(reading, "PRAGMA user_version");
	if (!version)
		return damaged(reading, "%s", sqlite3_errmsg(reading->database));
	long number = atol(version);
	if (number > RECORDING_SCHEMA_VERSION) {
		// Two columns of one table are all that later versions promise to keep.
		cleanup_free char *maker = query_text(reading,
			"SELECT substr(value, 1, 32) FROM meta WHERE key = 'tool_version' AND value NOT GLOB '*[^0-9A-Za-z.+~-]*'");
		*reading->ret_error = base__format("cannot read %s: whystall %s made it with schema %ld, and this version (%s) knows "
						   "schema %d at most; update whystall", reading->path, maker ? maker : "of a later version",
						   number, WHYSTALL_VERSION, RECORDING_SCHEMA_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (number < 1)
		return damaged(reading, "it has schema %ld, which no version ever wrote", number);
	cleanup_free char *result = query_text(reading, "PRAGMA quick_check(1)");
	if (!result || strcmp(result, "ok") != 0)
		return damaged(reading, "%s", result ? result : sqlite3_errmsg(reading->database));
	return 0;
}

// ---- the rows ----

// `texts` NULL: a copy of its own, else one that belongs to them.
static char *column_text(sqlite3_stmt *statement, int position, size_t max, struct texts *texts)
{
	const char *text = (const char *)sqlite3_column_text(statement, position);
	if (!text)
		return NULL;
	// What is cut one byte too late is cut again, and counted, by the repairs.
	size_t length = strnlen(text, max + 1);
	return texts ? texts__keep(texts, text, length) : base__format("%.*s", (int)length, text);
}

// Meta and counters are set while the recording is used: they own their texts.
static struct texts *texts_of(const struct reading *reading, const struct table *table)
{
	bool own = table->rows_offset == offsetof(struct recording, meta) || table->rows_offset == offsetof(struct recording, counter);
	return own ? NULL : reading->recording->texts;
}

static int read_value(const struct reading *reading, const struct table *table, const struct column *column,
		      sqlite3_stmt *statement, int position, void *row)
{
	int type = sqlite3_column_type(statement, position);
	if (column__is_text(column)) {
		if (type != SQLITE_TEXT && type != SQLITE_NULL)
			return damaged(reading, "column %s of table %s holds something that is not text", column->name, table->name);
		*column__text(column, row) = column_text(statement, position, column__text_max(column), texts_of(reading, table));
		if (type == SQLITE_TEXT && !*column__text(column, row))
			return out_of_memory(reading);
	} else if (column->rule == RULE_REAL) {
		if (type != SQLITE_FLOAT && type != SQLITE_INTEGER)
			return damaged(reading, "column %s of table %s holds something that is not a number", column->name, table->name);
		*column__real(column, row) = sqlite3_column_double(statement, position);
	} else {
		if (type != SQLITE_INTEGER)
			return damaged(reading, "column %s of table %s holds something that is not a whole number", column->name,
				       table->name);
		*column__integer(column, row) = sqlite3_column_int64(statement, position);
	}
	return 0;
}

// Which columns of a table the file has, in `present`. A view, a virtual table or a computed column of this name would be a program:
// only stored columns are read.
static int check_table(struct reading *reading, const struct table *table, bool *present)
{
	cleanup_free char *sql = base__format(
		"SELECT count(*) FROM sqlite_schema WHERE name = '%s' COLLATE NOCASE AND type = 'table' AND rootpage > 0", table->name);
	cleanup_free char *found = query_text(reading, sql);
	bool exists = found && strcmp(found, "1") == 0;
	if (reading->no_memory)
		return out_of_memory(reading);
	if (!exists && !(found && strcmp(found, "0") == 0 && table->columns[0].added))
		return damaged(reading, "it has no table %s", table->name);
	for (size_t c = 0; exists && c < table->column_count; c++) {
		cleanup_free char *column_sql = base__format(
			"SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'", table->name, table->columns[c].name);
		cleanup_free char *column = query_text(reading, column_sql);
		present[c] = column && strcmp(column, "1") == 0;
		if (reading->no_memory)
			return out_of_memory(reading);
		// of a table that is there, all that came with it are there
		if (!present[c] && (!table->columns[c].added || (table->columns[0].added && !table->columns[c].later)))
			return damaged(reading, "table %s has no column %s", table->name, table->columns[c].name);
	}
	return 0;
}

static int read_rows(struct reading *reading, const struct table *table, const bool *present, sqlite3_stmt *statement)
{
	int status, error = 0;
	while (!error && (status = sqlite3_step(statement)) == SQLITE_ROW) {
		if (++reading->rows > RECORDING_ROWS_MAX)
			return damaged(reading, "it has more rows than any recording");
		void *row = table->add(reading->recording);
		int position = 0;
		for (size_t c = 0; c < table->column_count && !error; c++)
			if (present[c])
				error = read_value(reading, table, &table->columns[c], statement, position++, row);
			else if (table->columns[c].rule == RULE_SUM_OR_UNKNOWN)
				*column__integer(&table->columns[c], row) = -1;
	}
	if (!error && status != SQLITE_DONE)
		error = damaged(reading, "table %s: %s", table->name, sqlite3_errmsg(reading->database));
	return error;
}

// Growing step by step would leave a third of the memory unused.
static void reserve_rows(struct reading *reading, const struct table *table)
{
	cleanup_free char *sql = base__format("SELECT count(*) FROM %s", table->name);
	cleanup_free char *text = query_text(reading, sql);
	long long count = text ? strtoll(text, NULL, 10) : 0, most = RECORDING_ROWS_MAX - reading->rows;
	if (count > 0)
		recording__reserve(reading->recording, table, (size_t)(count < most ? count : most));
}

static int read_table(struct reading *reading, const struct table *table)
{
	cleanup_free bool *present = base__alloc(table->column_count, sizeof(*present));
	int error = check_table(reading, table, present);
	if (error || (!present[0] && table->columns[0].added))
		return error;
	struct string sql = { 0 };
	for (size_t c = 0; c < table->column_count; c++)
		if (present[c])
			string__add(&sql, "%s\"%s\"", sql.length ? ", " : "SELECT ", table->columns[c].name);
	string__add(&sql, " FROM %s ORDER BY rowid", table->name);
	reserve_rows(reading, table);
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(reading->database, sql.text, -1, &statement, NULL) != SQLITE_OK)
		error = damaged(reading, "table %s: %s", table->name, sqlite3_errmsg(reading->database));
	else
		error = read_rows(reading, table, present, statement);
	string__free(&sql);
	sqlite3_finalize(statement);
	return error;
}

static int read_database(struct reading *reading)
{
	int error = check_database(reading);
	for (size_t t = 0; t < recording_table_count && !error; t++)
		error = read_table(reading, &recording_tables[t]);
	return error;
}

int recording__load(const char *path, struct recording_bytes *ret, char **ret_error)
{
	struct recording_bytes bytes = { 0 };
	int error = read_bytes(path, &bytes.bytes, &bytes.length, ret_error);
	if (error)
		return error;
	bytes.path = base__copy(path);
	*ret = bytes;
	return 0;
}

int recording__parse(struct recording_bytes *bytes, struct recording **ret_recording, char **ret_error)
{
	struct reading reading = { .path = bytes->path, .ret_error = ret_error };
	int error = check_header(&reading, bytes->bytes, bytes->length);
	if (!error) {
		unsigned char *taken = bytes->bytes;
		bytes->bytes = NULL;            // the database's, whether or not it can be opened
		reading.recording = recording__new();
		reading.recording->texts = texts__new();
		error = open_database(&reading, taken, bytes->length);
		if (!error)
			error = read_database(&reading);
		sqlite3_close(reading.database);
	}
	if (error) {
		recording__free(reading.recording);
	} else {
		recording__repair(reading.recording);
		*ret_recording = reading.recording;
	}
	recording__unload(bytes);
	return error;
}

void recording__unload(struct recording_bytes *bytes)
{
	sqlite3_free(bytes->bytes);
	free(bytes->path);
	*bytes = (struct recording_bytes){ 0 };
}

int recording__read(const char *path, struct recording **ret_recording, char **ret_error)
{
	struct recording_bytes bytes = { 0 };
	int error = recording__load(path, &bytes, ret_error);
	return error ? error : recording__parse(&bytes, ret_recording, ret_error);
}
