#include "redact/redact.h"

#include <string.h>

#include "base/base.h"
#include "recording/columns.h"
#include "redact/aliases.h"
#include "redact/names.h"
#include "redact/shapes.h"

#define BUILD_SHOWN 12          // digits of a build-id in a stack

// What a text column holds. docs/privacy.md has the same table; a unit test holds that every text column is in it.
enum content {
	CONTENT_WORDS,          // free text: what has the shape of a secret, or is a known one, is replaced
	CONTENT_VOCABULARY,     // whystall's or the kernel's own words: only what has the shape of a secret is replaced
	CONTENT_META, CONTENT_PROGRAM, CONTENT_THREAD, CONTENT_PATH, CONTENT_ARGUMENTS, CONTENT_CGROUP, CONTENT_CONTAINER, CONTENT_VM, CONTENT_BUILD,
	CONTENT_MODULE, CONTENT_PACKAGE, CONTENT_KEY, CONTENT_VOLUME, CONTENT_SETTINGS, CONTENT_FRAMES, CONTENT_LOG,
};

static const struct { const char *table, *column; enum content content; } contents[] = {
	{ "meta", "value", CONTENT_META },
	{ "process", "name", CONTENT_PROGRAM }, { "process", "exe", CONTENT_PATH }, { "process", "command_line", CONTENT_ARGUMENTS },
	{ "process", "cgroup", CONTENT_CGROUP }, { "process", "cpu_cgroup", CONTENT_CGROUP }, { "process", "unit", CONTENT_CGROUP },
	{ "process", "container", CONTENT_CONTAINER }, { "process", "vm_id", CONTENT_VM }, { "process", "vm_name", CONTENT_VM },
	{ "process", "module", CONTENT_MODULE }, { "process", "loader", CONTENT_PATH }, { "process", "build_id", CONTENT_BUILD },
	{ "process", "package", CONTENT_PACKAGE },
	{ "task", "name", CONTENT_THREAD }, { "event", "name", CONTENT_THREAD }, { "sleep_event", "name", CONTENT_THREAD },
	{ "futex_hold", "name", CONTENT_THREAD }, { "cgroup", "path", CONTENT_CGROUP }, { "cgroup_io", "cgroup", CONTENT_CGROUP },
	{ "sample", "key", CONTENT_KEY }, { "kernel_counter", "key", CONTENT_KEY }, { "activity", "key", CONTENT_KEY },
	{ "stack", "frames", CONTENT_FRAMES }, { "device", "backing", CONTENT_VOLUME }, { "host_event", "text", CONTENT_LOG },
	{ "process", "settings", CONTENT_SETTINGS }, { "process", "package_version", CONTENT_WORDS }, { "process", "module_version", CONTENT_WORDS },
	{ "process", "runtime_version", CONTENT_WORDS }, { "device", "model", CONTENT_WORDS }, { "syscall", "arguments", CONTENT_WORDS },
};
// The tables (NULL: all) and columns of VOCABULARY; whatever is in neither list is free text.
static const struct { const char *table, *columns; } vocabulary[] = {
	{ "meta", "key" }, { "counter", "name meaning" }, { "process", "runtime linkage allocator allocator_how libc unit_manager" }, { "cgroup", "cpus" },
	{ "lock", "place" }, { "sample", "series" }, { "kernel_counter", "source name" }, { "activity", "subject" }, { "futex", "address" },
	{ "device", "number name disk below scheduler cache" },
	{ NULL, "resource kind mode operation role reason waker_kind device latency" },
};

struct redaction {
	struct recording *recording;
	struct aliases *aliases;
	bool *user_stacks;              // by place in the table stack
};

static enum content content_of(const struct table *table, const struct column *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
		if (!strcmp(contents[i].table, table->name) && !strcmp(contents[i].column, column->name))
			return contents[i].content;
	for (size_t i = 0; i < ARRAY_SIZE(vocabulary); i++) {
		cleanup_free char *columns = base__format(" %s ", vocabulary[i].columns), *wanted = base__format(" %s ", column->name);
		if ((!vocabulary[i].table || !strcmp(vocabulary[i].table, table->name)) && strstr(columns, wanted))
			return CONTENT_VOCABULARY;
	}
	return CONTENT_WORDS;
}

static char *alias(struct redaction *redaction, enum alias_kind kind, const char *text)
{
	return base__copy(*text ? aliases__of(redaction->aliases, kind, text, strlen(text)) : "");
}

// A kernel's release: "5.15.153.1-microsoft-standard-WSL2" is no address.
static bool is_release(const char *text)
{
	size_t number = strspn(text, "0123456789."), rest = strspn(text + number, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+~_-");
	return number >= 3 && !text[number + rest] && (!text[number] || text[number] == '-' || text[number] == '+') && !strchr(text + number, '@');
}

static char *redact_meta(struct redaction *redaction, const char *key, const char *text)
{
	if (!strcmp(key, "boot_id"))
		return base__copy(*text ? aliases__of_word(redaction->aliases, ALIAS_MACHINE, text, strlen(text)) : "");
	if (!strcmp(key, "command"))
		return alias(redaction, ALIAS_ARGUMENTS, text);
	if (!strcmp(key, "scope_cgroup"))
		return names__cgroup(redaction->aliases, text);
	return !strcmp(key, "kernel") && is_release(text) ? base__copy(text) : names__text(redaction->aliases, text);
}

// One machine may be told by its id in one place and by its name in another.
static char *redact_vm(struct redaction *redaction, const struct process_row *row, const char *text)
{
	const char *id = row->vm_id && *row->vm_id ? row->vm_id : text;
	if (!*text)
		return base__copy(text);
	const char *known = aliases__of(redaction->aliases, ALIAS_VM, id, strlen(id));
	aliases__add_word(redaction->aliases, text, strlen(text), known);
	return base__copy(known);
}

static char *redact_key(struct redaction *redaction, const char *text)
{
	return *text == '/' ? names__cgroup(redaction->aliases, text) : names__vocabulary(redaction->aliases, text);
}

// A file, whose path may have spaces, or a name.
static char *redact_volume(struct redaction *redaction, const char *text)
{
	if (*text != '/' || shapes__is_system_path(redaction->aliases, text, strlen(text)))
		return *text == '/' ? base__copy(text) : alias(redaction, ALIAS_VOLUME, text);
	return base__format("/%s", aliases__of(redaction->aliases, ALIAS_PATH, text, strlen(text)));
}

// Lines of NAME=value. A value with spaces that is not harmless may be one path: it goes as a whole.
static char *redact_settings(struct aliases *aliases, const char *text)
{
	struct string out = { 0 };
	string__add(&out, "%s", "");
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n"), name = strcspn(line, "=\n");
		const char *value = line + name + (name < length), *end = line + length;
		size_t rest = (size_t)(end - value);
		shapes__redact(aliases, line, (size_t)(value - line), &out);
		if (memchr(value, ' ', rest) && !shapes__is_harmless(aliases, value, rest))
			string__add(&out, "%s", aliases__of(aliases, ALIAS_TOKEN, value, rest));
		else
			shapes__redact(aliases, value, rest, &out);
		line = end;
		if (*line)
			string__add(&out, "\n"), line++;
	}
	return string__steal(&out);
}

static int64_t process_of(const struct table *table, void *row)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!strcmp(table->columns[i].name, "process"))
			return *column__integer(&table->columns[i], row);
	return 0;
}

// `index`: place of the row in its table.
static char *redact_text(struct redaction *redaction, const struct table *table, enum content content, void *row, size_t index, const char *text)
{
	struct aliases *aliases = redaction->aliases;
	switch (content) {
	case CONTENT_META: return redact_meta(redaction, ((struct meta_row *)row)->key ? ((struct meta_row *)row)->key : "", text);
	case CONTENT_PROGRAM: return names__program(aliases, row, text);
	case CONTENT_THREAD: return names__thread(aliases, recording__process(redaction->recording, process_of(table, row)), text);
	case CONTENT_PATH: return names__executable(aliases, text);
	case CONTENT_ARGUMENTS: return base__copy(*text ? aliases__of(aliases, ALIAS_ARGUMENTS, text, strlen(text)) : "");
	case CONTENT_CGROUP: return names__cgroup(aliases, text);
	case CONTENT_CONTAINER: return *text ? names__container(aliases, text) : base__copy(text);
	case CONTENT_VM: return redact_vm(redaction, row, text);
	// stacks have the first digits only
	case CONTENT_BUILD: return base__copy(*text ? aliases__of(aliases, ALIAS_BUILD, text, strnlen(text, BUILD_SHOWN)) : "");
	case CONTENT_MODULE: return alias(redaction, ALIAS_MODULE, text);
	case CONTENT_PACKAGE: return ((struct process_row *)row)->exe && shapes__is_system_path(aliases, ((struct process_row *)row)->exe,
		strlen(((struct process_row *)row)->exe)) ? names__text(aliases, text) : alias(redaction, ALIAS_PACKAGE, text);
	case CONTENT_KEY: return redact_key(redaction, text);
	case CONTENT_VOLUME: return redact_volume(redaction, text);
	case CONTENT_SETTINGS: return redact_settings(aliases, text);
	case CONTENT_FRAMES: return names__frames(aliases, text, redaction->user_stacks[index]);
	case CONTENT_LOG: return names__log(aliases, text);
	case CONTENT_VOCABULARY: return names__vocabulary(aliases, text);
	case CONTENT_WORDS: break;
	}
	return names__text(aliases, text);
}

// Of every text: what it becomes in `ret`; a walk without `ret` only learns what there is.
static void walk(struct redaction *redaction, char **ret)
{
	size_t number = 0;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		cleanup_free enum content *held = base__alloc(table->column_count, sizeof(*held));
		for (size_t c = 0; c < table->column_count; c++)
			held[c] = content_of(table, &table->columns[c]);
		for (size_t i = 0; i < table__count(table, redaction->recording); i++) {
			void *row = table__row(table, redaction->recording, i);
			for (size_t c = 0; c < table->column_count; c++) {
				const char *text = column__is_text(&table->columns[c]) ? *column__text(&table->columns[c], row) : NULL;
				if (!text)
					continue;
				char *become = redact_text(redaction, table, held[c], row, i, text);
				if (ret)
					ret[number++] = become;
				else
					free(become);
			}
		}
	}
}

static void learn_homes(struct redaction *redaction)
{
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t i = 0; i < table__count(&recording_tables[t], redaction->recording); i++)
			for (size_t c = 0; c < recording_tables[t].column_count; c++) {
				const struct column *column = &recording_tables[t].columns[c];
				const char *text = column__is_text(column) ? *column__text(column, table__row(&recording_tables[t], redaction->recording, i)) : NULL;
				if (text)
					shapes__learn_home(redaction->aliases, text, strlen(text));
			}
}

static size_t count_texts(const struct recording *recording)
{
	size_t count = 0;
	for (size_t t = 0; t < recording_table_count; t++)
		count += table__count(&recording_tables[t], recording) * recording_tables[t].column_count;
	return count;
}

// All at once: what a row becomes may depend on another one as it was.
static void replace(struct redaction *redaction, char **texts)
{
	size_t number = 0;
	for (size_t t = 0; t < recording_table_count; t++) {
		const struct table *table = &recording_tables[t];
		for (size_t i = 0; i < table__count(table, redaction->recording); i++)
			for (size_t c = 0; c < table->column_count; c++) {
				char **text = column__is_text(&table->columns[c]) ? column__text(&table->columns[c], table__row(table, redaction->recording, i)) : NULL;
				if (text && *text)
					recording__put_text(redaction->recording, table, text, texts[number++]);
			}
	}
}

static bool *find_user_stacks(const struct recording *recording)
{
	bool *user = base__alloc(recording->stack_count + 1, sizeof(*user));
	// Whatever is not known as a stack of the kernel is treated as one of a program.
	memset(user, 1, recording->stack_count + 1);
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t c = 0; c < recording_tables[t].column_count; c++) {
			const struct column *column = &recording_tables[t].columns[c];
			bool kernel = column->rule == RULE_STACK && strcmp(column->name, "user_stack") != 0;
			for (size_t i = 0; kernel && i < table__count(&recording_tables[t], recording); i++) {
				int64_t id = *column__integer(column, table__row(&recording_tables[t], recording, i));
				size_t low = 0, high = recording->stack_count;
				while (low < high) {
					size_t middle = (low + high) / 2;
					if (recording->stack[middle].id < id)
						low = middle + 1;
					else
						high = middle;
				}
				if (low < recording->stack_count && recording->stack[low].id == id)
					user[low] = false;
			}
		}
	return user;
}

void redact__recording(struct recording *recording, const struct redact_key *key)
{
	if (recording__meta(recording, "redacted"))
		return;
	struct redaction redaction = { .recording = recording, .aliases = aliases__new(key), .user_stacks = find_user_stacks(recording) };
	char **texts = base__alloc(count_texts(recording) + 1, sizeof(*texts));
	// First who there is, then which of the system's programs stay; a name may stand in a row before the one that says that it is one.
	learn_homes(&redaction);
	for (size_t i = 0; i < recording->process_count; i++)
		names__learn(redaction.aliases, &recording->process[i]);
	walk(&redaction, NULL);
	aliases__start_counting(redaction.aliases);
	walk(&redaction, texts);
	replace(&redaction, texts);
	for (size_t i = 0; i < recording->process_count; i++) {
		struct process_row *row = &recording->process[i];
		row->uid = row->uid > 0 ? -1 : row->uid;
		row->exe_uid = row->exe_uid > 0 ? -1 : row->exe_uid;
	}
	recording__set_meta(recording, "redacted", "%s", key ? "keyed" : "numbered");
	for (enum alias_kind kind = 0; kind < ALIAS_KINDS; kind++) {
		cleanup_free char *name = base__format("redacted.%s", alias_kind__name(kind));
		recording__set_meta(recording, name, "%zu", aliases__used(redaction.aliases, kind));
	}
	free(texts);
	free(redaction.user_stacks);
	aliases__free(redaction.aliases);
}

char *redact__sentence(const struct recording *recording)
{
	const char *how = recording__meta(recording, "redacted");
	cleanup_string struct string list = { 0 };
	if (!how)
		return NULL;
	for (enum alias_kind kind = 0; kind < ALIAS_KINDS; kind++) {
		cleanup_free char *name = base__format("redacted.%s", alias_kind__name(kind));
		int64_t count = recording__meta_number(recording, name, 0);
		if (count > 0)
			string__add(&list, "%s%s %lld", list.length ? ", " : "", alias_kind__plural(kind), (long long)count);
	}
	return base__format("Redacted: aliases such as user-1 stand for what was replaced (%s)%s", list.text ? list.text : "nothing had to be",
			    !strcmp(how, "keyed") ? "; the same key gives the same aliases in other recordings." : ".");
}
