// The recording's file, written. The database is made in memory and written beside the old file, which it then replaces:
// no journal is ever needed, a kill leaves the state before, and every write error is ours to see.
#include "recording/recording.h"

#include "base/base.h"
#include "base/errands.h"
#include "recording/beginning.h"
#include "recording/columns.h"
#include "recording/limits.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMER ".former"
#define CONFIRMED_MS 400        // so long we wait for the disk, for a file and for its name in the directory

struct recording_file {
	char *path;             // as the user gave it
	char *directory, *name; // its two parts
	int directory_fd;       // everything goes through it: the directory may be renamed meanwhile
	char *draft;            // name of the file being written, before it takes the place of `name`
	char *former;           // name under which what stood there before is kept until the first save
	struct errands *errands;
	size_t rows_max, bytes_max;     // a reader takes no more
	bool begun, had_former, saved, unconfirmed;
	int patience_ms;        // what is left of CONFIRMED_MS
};

// ---- the database in memory ----

static int bind_row(sqlite3_stmt *statement, const struct table *table, void *row)
{
	int status = SQLITE_OK;
	for (size_t c = 0; c < table->column_count && status == SQLITE_OK; c++) {
		const struct column *column = &table->columns[c];
		int position = (int)c + 1;
		if (column->rule == RULE_REAL)
			status = sqlite3_bind_double(statement, position, *column__real(column, row));
		else if (!column__is_text(column))
			status = sqlite3_bind_int64(statement, position, *column__integer(column, row));
		else if (*column__text(column, row) || column->rule == RULE_NAME)
			status = sqlite3_bind_text(statement, position, *column__text(column, row) ?: "", -1, SQLITE_STATIC);
		else
			status = sqlite3_bind_null(statement, position);
	}
	return status;
}

static int insert_rows(sqlite3 *database, const struct table *table, const struct recording *recording, size_t count)
{
	struct string sql = { 0 };
	string__add(&sql, "INSERT INTO %s VALUES (?", table->name);
	for (size_t c = 1; c < table->column_count; c++)
		string__add(&sql, ",?");
	string__add(&sql, ")");
	sqlite3_stmt *statement = NULL;
	int status = sqlite3_prepare_v2(database, sql.text, -1, &statement, NULL);
	string__free(&sql);
	for (size_t i = 0; status == SQLITE_OK && i < count; i++) {
		status = bind_row(statement, table, table__row(table, recording, i));
		if (status == SQLITE_OK && sqlite3_step(statement) != SQLITE_DONE)
			status = sqlite3_errcode(database);
		sqlite3_reset(statement);
	}
	sqlite3_finalize(statement);
	return status;
}

// `cut`: how many rows are left out because all would be more than a reader takes; 0: nothing is said.
static int count_cut_rows(sqlite3 *database, int64_t cut)
{
	cleanup_free char *sql = base__format("INSERT INTO counter VALUES ('rows_cut', %lld, 'rows that were left out, because the recording was too large')",
					      (long long)cut);
	return cut ? sqlite3_exec(database, sql, NULL, NULL, NULL) : SQLITE_OK;
}

static int fill(sqlite3 *database, const struct recording *recording, size_t rows_max)
{
	cleanup_free size_t *rows = base__alloc(recording_table_count, sizeof(*rows));
	int64_t cut = recording_limits__plan(recording, rows_max, rows);
	// An empty database that may grow: unlike ":memory:" its pages lie in one piece and can be written out as they are.
	int status = sqlite3_deserialize(database, "main", NULL, 0, 0,
					 SQLITE_DESERIALIZE_RESIZEABLE | SQLITE_DESERIALIZE_FREEONCLOSE);
	if (status == SQLITE_OK)
		status = sqlite3_exec(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL);
	if (status == SQLITE_OK) {
		cleanup_free char *schema = recording__schema_sql();
		status = sqlite3_exec(database, schema, NULL, NULL, NULL);
	}
	for (size_t t = 0; status == SQLITE_OK && t < recording_table_count; t++)
		status = insert_rows(database, &recording_tables[t], recording, rows[t]);
	if (status == SQLITE_OK)
		status = count_cut_rows(database, cut);
	if (status == SQLITE_OK)
		status = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
	return status;
}

// ---- the file ----

static int explain(int error, const struct recording_file *file, char **ret_error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		*ret_error = base__format("cannot write %s: no space is left in %s; make room there or choose another place with -o",
					  file->path, file->directory);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		*ret_error = base__format("cannot write %s: %s does not let us create files (%s); choose another place with -o",
					  file->path, file->directory, strerror(-error));
		break;
	case ENOENT:
	case ENOTDIR:
		*ret_error = base__format("cannot write %s: there is no directory %s; create it or choose another place with -o",
					  file->path, file->directory);
		break;
	default:
		*ret_error = base__format("cannot write %s: %s; choose another place with -o", file->path, strerror(-error));
	}
	return error;
}

static int write_all(int fd, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / (int64_t)NS_PER_MSEC;
}

static int sync_within_patience(struct recording_file *file, int fd)
{
	int64_t began = now_ms(), took;
	int error = errands__sync(file->errands, fd, file->patience_ms);
	took = now_ms() - began;
	file->patience_ms = took < file->patience_ms ? file->patience_ms - (int)took : 0;
	return error;
}

static int write_draft(struct recording_file *file, const unsigned char *bytes, size_t length, bool durable)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	cleanup_fd int fd = openat(file->directory_fd, file->draft, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		// The draft of a process that had our number before: its name holds the pid, so nobody else writes to it.
		unlinkat(file->directory_fd, file->draft, 0);
		fd = openat(file->directory_fd, file->draft, flags, 0600);
	}
	if (fd < 0)
		return -errno;
	int error = write_all(fd, bytes, length);
	if (!error && durable)
		error = sync_within_patience(file, fd);
	int raw = fd;
	fd = -1;
	// Network file systems report a full disk only here.
	if (close(raw) < 0 && !error && errno != EINTR)
		error = -errno;
	return error;
}

// To be opened before its last name goes and handed to errands__close after that.
static int hold(const struct recording_file *file, const char *name)
{
	return openat(file->directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int replace(struct recording_file *file, const unsigned char *bytes, size_t length, bool durable)
{
	int old = hold(file, file->name);
	file->patience_ms = CONFIRMED_MS;
	int error = write_draft(file, bytes, length, durable);
	file->unconfirmed = error == -ETIMEDOUT;
	if (file->unconfirmed)
		error = 0;
	if (!error && renameat(file->directory_fd, file->draft, file->directory_fd, file->name) < 0)
		error = -errno;
	if (error)
		unlinkat(file->directory_fd, file->draft, 0);
	else if (durable && !file->unconfirmed)
		file->unconfirmed = sync_within_patience(file, file->directory_fd) == -ETIMEDOUT;       // some file systems cannot: the file is safe by then
	errands__close(file->errands, old);
	return error;
}

// The recording as a database in memory. Returns SQLite's status; the bytes belong to the database, which the caller closes.
static int make_database(const struct recording *recording, size_t rows_max, sqlite3 **ret_database, unsigned char **ret_bytes, size_t *ret_length)
{
	sqlite3_int64 length = 0;
	int status = sqlite3_open_v2(":memory:", ret_database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	*ret_bytes = NULL;
	if (status == SQLITE_OK)
		status = fill(*ret_database, recording, rows_max);
	if (status == SQLITE_OK)
		*ret_bytes = sqlite3_serialize(*ret_database, "main", &length, SQLITE_SERIALIZE_NOCOPY);
	*ret_length = (size_t)length;
	return status;
}

static int save(struct recording_file *file, const struct recording *recording, char **ret_error)
{
	sqlite3 *database = NULL;
	size_t length = 0, rows_max = file->rows_max;
	unsigned char *bytes = NULL;
	int status = make_database(recording, rows_max, &database, &bytes, &length);
	while (status == SQLITE_OK && bytes && length > file->bytes_max && rows_max > 1) {
		// Rows longer than usual: as many as fit.
		sqlite3_close(database);
		rows_max = (size_t)((double)rows_max * 0.9 * (double)file->bytes_max / (double)length);
		status = make_database(recording, rows_max, &database, &bytes, &length);
	}
	int error = 0;
	if (!bytes) {
		error = status == SQLITE_NOMEM ? -ENOMEM : status == SQLITE_FULL || status == SQLITE_TOOBIG ? -EFBIG : -EIO;
		*ret_error = base__format("cannot write %s: the database was not made (%s)", file->path,
					  status == SQLITE_OK ? "it is too large" : sqlite3_errstr(status));
	} else {
		bool durable = recording__meta_number(recording, "complete", 0) == 1;
		error = replace(file, bytes, length, durable);
		if (error)
			explain(error, file, ret_error);
	}
	sqlite3_close(database);
	return error;
}

void recording_file__set_limits(struct recording_file *file, size_t rows_max, size_t bytes_max)
{
	file->rows_max = rows_max;
	file->bytes_max = bytes_max;
}

// Where it fails, the next save, the close or the next recorder tries again.
static void remove_former(struct recording_file *file)
{
	if (!file->had_former)
		return;
	int old = hold(file, file->former);
	file->had_former = unlinkat(file->directory_fd, file->former, 0) < 0 && errno != ENOENT;
	errands__close(file->errands, old);
}

int recording_file__save(struct recording_file *file, const struct recording *recording, char **ret_error)
{
	int error = save(file, recording, ret_error);
	if (error)
		return error;
	file->saved = true;
	remove_former(file);
	return 0;
}

bool recording_file__unconfirmed(const struct recording_file *file)
{
	return file->unconfirmed;
}

// ---- opening ----

// The path's two parts, as dirname(3) and basename(3) see them, without their static buffers.
static void split(struct recording_file *file)
{
	const char *slash = strrchr(file->path, '/');
	file->name = base__copy(slash ? slash + 1 : file->path);
	file->directory = !slash ? base__copy(".") : slash == file->path ? base__copy("/")
			  : base__format("%.*s", (int)(slash - file->path), file->path);
}

// What stands at the path may be replaced if it is nothing, an empty file or a recording.
static int check_target(const struct recording_file *file, char **ret_error)
{
	struct stat status;
	if (!*file->name || strcmp(file->name, ".") == 0 || strcmp(file->name, "..") == 0) {
		*ret_error = base__format("cannot write %s: it names a directory; give the name of a file in it", file->path);
		return -EISDIR;
	}
	if (fstatat(file->directory_fd, file->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : explain(-errno, file, ret_error);
	if (S_ISDIR(status.st_mode)) {
		*ret_error = base__format("cannot write %s: it is a directory; give the name of a file in it", file->path);
		return -EISDIR;
	}
	if (!S_ISREG(status.st_mode)) {
		*ret_error = base__format("cannot write %s: it is %s; give the name of a new file", file->path,
					  S_ISLNK(status.st_mode) ? "a symbolic link, and those are not followed" : "not a regular file");
		return S_ISLNK(status.st_mode) ? -ELOOP : -EEXIST;
	}
	if (status.st_size == 0)
		return 0;
	unsigned char header[72] = { 0 };
	cleanup_fd int fd = openat(file->directory_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return explain(-errno, file, ret_error);
	uint32_t id = 0;
	if (pread(fd, header, sizeof(header), 0) == sizeof(header) && memcmp(header, "SQLite format 3", 16) == 0)
		id = (uint32_t)header[68] << 24 | (uint32_t)header[69] << 16 | (uint32_t)header[70] << 8 | header[71];
	if (id == RECORDING_APPLICATION_ID)
		return 0;
	*ret_error = base__format("will not overwrite %s: it is not a recording; remove it or choose another name", file->path);
	return -EEXIST;
}

// What is written beside a recording has this and the writer's pid as its name: hidden, and short enough for the longest names.
static char *stray_prefix(const struct recording_file *file)
{
	return base__format(".%.200s.whystall-", file->name);
}

// Whether `name` was left beside this recording by a writer that was killed: a draft, or what stood there before (*ret_former).
static bool is_stray(const struct recording_file *file, const char *prefix, const char *name, bool *ret_former)
{
	char *end;
	struct stat status;
	size_t length = strlen(prefix);
	if (strncmp(name, prefix, length) != 0 || !isdigit((unsigned char)name[length]))
		return false;
	long pid = strtol(name + length, &end, 10);
	*ret_former = strcmp(end, FORMER) == 0;
	if ((*end && !*ret_former) || pid <= 0 || pid > INT_MAX || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
		return false;
	return fstatat(file->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid();
}

static DIR *list(const struct recording_file *file)
{
	int fd = openat(file->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory && fd >= 0)
		close(fd);
	return directory;
}

// Clears away what killed writers left. One that had saved nothing has its opening taken back, as its own close would have done; where that can't be told,
// what stood there before stays.
static void remove_strays(const struct recording_file *file, const char *prefix)
{
	DIR *directory = list(file);
	bool former;
	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (!is_stray(file, prefix, entry->d_name, &former))
			continue;
		int begun = former ? beginning__stands_at(file->path) : 0;
		if (begun > 0)
			renameat(file->directory_fd, entry->d_name, file->directory_fd, file->name);
		else if (begun == 0)
			unlinkat(file->directory_fd, entry->d_name, 0);
	}
	closedir(directory);
}

// For an exit in the middle, when memory is out; helpers that were forked meanwhile exit on their own account.
static struct { struct recording_file *file; pid_t owner; bool watched; } unfinished;

static void on_exit_in_the_middle(void)
{
	struct recording_file *file = unfinished.file;
	if (!file || getpid() != unfinished.owner)
		return;
	unlinkat(file->directory_fd, file->draft, 0);
	if (file->saved || !file->begun)
		remove_former(file);
	else
		recording_file__take_back(file);
}

static void watch(struct recording_file *file)
{
	if (!unfinished.watched)
		atexit(on_exit_in_the_middle);
	unfinished.watched = true;
	unfinished.owner = getpid();
	unfinished.file = file;
}

static int save_beginning(struct recording_file *file, char **ret_error)
{
	struct recording *beginning = recording__new();
	recording__set_meta(beginning, "schema", "%d", RECORDING_SCHEMA_VERSION);
	recording__set_meta(beginning, "tool_version", "%s", WHYSTALL_VERSION);
	recording__set_meta(beginning, "complete", "0");
	// A second name for what stands there, where the file system knows such: close takes it back if nothing is ever saved.
	file->had_former = linkat(file->directory_fd, file->name, file->directory_fd, file->former, 0) == 0;
	int error = save(file, beginning, ret_error);
	file->begun = !error;
	if (error && file->had_former)
		unlinkat(file->directory_fd, file->former, 0);
	recording__free(beginning);
	return error;
}

int recording_file__create(const char *path, struct recording_file **ret_file, char **ret_error)
{
	struct recording_file *file = base__alloc(1, sizeof(*file));
	file->path = base__copy(path);
	recording_file__set_limits(file, RECORDING_ROWS_MAX - 1, RECORDING_FILE_MAX);
	split(file);
	file->directory_fd = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	// A directory that may be entered and written but not listed will do.
	if (file->directory_fd < 0 && errno == EACCES)
		file->directory_fd = open(file->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = file->directory_fd < 0 ? explain(-errno, file, ret_error) : check_target(file, ret_error);
	if (!error) {
		cleanup_free char *prefix = stray_prefix(file);
		file->draft = base__format("%s%d", prefix, (int)getpid());
		file->former = base__format("%s" FORMER, file->draft);
		file->errands = errands__start();
		remove_strays(file, prefix);
		watch(file);
		error = save_beginning(file, ret_error);
	}
	if (error)
		recording_file__close(file);
	else
		*ret_file = file;
	return error;
}

char *recording_file__former(const char *path)
{
	struct recording_file *file = base__alloc(1, sizeof(*file));
	char *found = NULL;
	bool former = false;
	file->path = base__copy(path);
	split(file);
	file->directory_fd = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *prefix = stray_prefix(file);
	DIR *directory = file->directory_fd >= 0 ? list(file) : NULL;
	for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
		if (is_stray(file, prefix, entry->d_name, &former) && former)
			found = base__format("%s/%s", file->directory, entry->d_name);
	if (directory)
		closedir(directory);
	if (found && beginning__stands_at(path) <= 0) {
		free(found);
		found = NULL;
	}
	recording_file__close(file);
	return found;
}

void recording_file__take_back(const struct recording_file *file)
{
	if (!file->begun || file->saved)
		return;
	if (!file->had_former)
		unlinkat(file->directory_fd, file->name, 0);
	else
		renameat(file->directory_fd, file->former, file->directory_fd, file->name);
}

void recording_file__close(struct recording_file *file)
{
	if (!file)
		return;
	if (unfinished.file == file)
		unfinished.file = NULL;
	recording_file__take_back(file);
	if (file->saved)
		remove_former(file);
	errands__leave(file->errands);
	base__close_fd(&file->directory_fd);
	free(file->path);
	free(file->directory);
	free(file->name);
	free(file->draft);
	free(file->former);
	free(file);
}
