// The page: never wider than 100 columns and free of control characters, whatever names are on it.
#include "unit/stage_locks.h"

#include <jansson.h>

#include "base/utf8.h"
#include "causes/wording.h"
#include "remedies/remedy.h"
#include "render/page.h"
#include "render/render.h"

static const char *const nasty_names[] = {
	"ordinary",
	"\033[31mred\033[0m",
	"line\nbreak\ttab\rreturn",
	"\xff\xfe broken \xc3",
	"日本語のとても長いプロセス名日本語のとても長いプロセス名日本語のとても長いプロセス名日本語のとても長いプロセス名",
	"\xe2\x80\xae" "desrever",
	"🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘",
	"e\xcc\x81\xcc\x82\xcc\x83",
	"%s%n%d",
	"",
};

static char *repeat(const char *text, int count)
{
	struct string out = { 0 };
	for (int i = 0; i < count; i++)
		string__add(&out, "%s", text);
	return string__steal(&out);
}

// Every line of a page: at most 100 columns, no control character but the newline. Returns how many lines there were.
static size_t check_lines(const char *page)
{
	size_t lines = 0;
	while (*page) {
		size_t length = strcspn(page, "\n");
		cleanup_free char *line = base__format("%.*s", (int)length, page);
		if (page__columns(line) > PAGE_COLUMNS)
			fail_msg("%d columns: %s", page__columns(line), line);
		for (const char *c = line; *c;) {
			uint32_t character = 0;
			size_t bytes = utf8__read(c, &character);
			if (!bytes || utf8__is_harmful(character))
				fail_msg("harmful character U+%04X in: %s", character, line);
			c += bytes;
		}
		lines++;
		page += length + (page[length] == '\n');
	}
	return lines;
}

// A report that says all there is to say, about processes of this name.
static struct stage loud(const char *name, const char *path)
{
	struct stage stage = stage__new(8000);
	int64_t batch[2];
	for (int i = 0; i < 2; i++)
		batch[i] = stage__process(&stage, "x", 4194000 + i, 9000, 100, 8000);
	int64_t server = stage__process(&stage, "y", 4194300, 1500, 5000, 100), worker = stage__process(&stage, "z", 4194301, 2500, 7400, 0);
	for (size_t i = 0; i < stage.recording->process_count; i++) {
		struct process_row *row = &stage.recording->process[i];
		free(row->name), free(row->exe), free(row->cgroup), free(row->cpu_cgroup);
		row->name = base__format("%s%s", name, i < 2 ? "" : i == 2 ? "2" : "3");
		row->exe = base__format("%s%s", path, name);
		row->cgroup = base__format("%s/in", path);
		row->cpu_cgroup = base__format("%s/in", path);
		row->unit = base__copy(name);
		row->container = base__copy(name);
		row->vm_id = base__copy(name);
		row->vm_name = base__copy(name);
	}
	*recording__add_cgroup(stage.recording) = (struct cgroup_row){
		.id = 77, .hierarchy = 2, .path = base__copy(path), .level = 1, .has_pressure = 1, .quota_us = 25000, .period_us = 100000,
		.weight = 100, .periods = 100, .throttled_periods = 98, .throttled_us = 7000000 };
	*recording__add_pressure(stage.recording) = (struct pressure_row){ 77, base__copy("cpu"), base__copy("some"), 7000 * STAGE_MS };
	*recording__add_fold(stage.recording) = (struct fold_row){ 77, 0, 0, 7000 * STAGE_MS, 10000 * STAGE_MS, 0 };
	*recording__add_book(stage.recording) = (struct book_row){ 77, 0, 7000 * STAGE_MS, 7000 * STAGE_MS, 7000 * STAGE_MS, 0 };
	*recording__add_pressure(stage.recording) = (struct pressure_row){ 0, base__copy("io"), base__copy("some"), 7000 * STAGE_MS };
	for (int i = 0; i < 2; i++) {
		int64_t lock = stage__lock(&stage, i ? "mutex" : "mmap_lock", i ? 0 : server, name, 5000);
		stage__lock_wait(&stage, lock, server, "write", 100, 9000);
		stage__lock_hold(&stage, lock, i ? server : batch[0], name, name, 6000);
		stage__lock_stack(&stage, lock, server, "waiter", name, path, 1000);
		stage__lock_stack(&stage, lock, i ? server : batch[0], "owner", path, name, 1000);
	}
	stage__make(&stage, server, name, path, name, path)->runtime_version = base__copy(name);
	recording__set_meta(stage.recording, "command", "%s", name);
	recording__set_meta(stage.recording, "complete", "0");
	stage__task(&stage, worker)->throttled_ns = 7000 * STAGE_MS;
	for (int i = 0; i < 2; i++) {
		stage__pair(&stage, server, OCCUPANT_TASK, batch[i], 2400);
		stage.recording->cpu[i].credit_quota_ns = 7000 * STAGE_MS;
		stage.recording->cpu[i].steal_ns = 3000 * STAGE_MS;
	}
	stage__judge(&stage);
	return stage;
}

static void test_nasty_names_stay_on_the_page(void **state)
{
	static const int lengths[] = { 1, 7, 400 };
	size_t pages = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nasty_names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(lengths); j++) {
			cleanup_free char *name = repeat(nasty_names[i], j ? 3 : 1);
			cleanup_free char *path = repeat("/a-rather-long-directory", lengths[j]);
			struct stage stage = loud(name, path);
			assert_verdict(&stage, "cpu.oversubscription", "confirmed");
			assert_verdict(&stage, "cpu.quota", "confirmed");
			assert_verdict(&stage, "lock.mmap", "confirmed");
			assert_verdict(&stage, "lock.kernel", "confirmed");
			cleanup_free char *text = render__text(stage.diagnosis, false);
			assert_true(check_lines(text) > 40);
			cleanup_free char *json = render__json(stage.diagnosis);
			json_error_t error;
			json_t *root = json_loads(json, 0, &error);
			if (!root)
				fail_msg("no JSON: %s", error.text);
			json_decref(root);
			stage__free(&stage);
			pages++;
		}
	assert_int_equal(pages, ARRAY_SIZE(nasty_names) * ARRAY_SIZE(lengths));
}

static void test_same_diagnosis_same_bytes(void **state)
{
	struct stage stage = loud("server", "/srv");
	(void)state;
	cleanup_free char *text = render__text(stage.diagnosis, false), *json = render__json(stage.diagnosis);
	struct diagnosis *again = NULL;
	assert_int_equal(diagnosis__make(stage.ledger, &again), 0);
	remedies__offer(again);
	cleanup_free char *second_text = render__text(again, false), *second_json = render__json(again);
	assert_string_equal(text, second_text);
	assert_string_equal(json, second_json);
	diagnosis__free(again);
	stage__free(&stage);
}

// Whoever reads the first lines must know the answer (two stalls here), that the recording was cut short, and what was not judged.
static void test_first_lines_say_what_matters(void **state)
{
	struct stage stage = loud("server", "/srv");
	(void)state;
	cleanup_free char *text = render__text(stage.diagnosis, false);
	const char *end = text;
	for (int i = 0; i < 11 && end; i++)
		end = strchr(end + 1, '\n');
	assert_non_null(end);
	cleanup_free char *head = base__format("%.*s", (int)(end - text), text);
	assert_non_null(strstr(head, "STALLED"));
	assert_non_null(strstr(head, "SEPARATELY STALLED"));
	assert_non_null(strstr(head, "counted by no pressure figure"));
	assert_non_null(strstr(head, "cut short"));
	assert_non_null(strstr(head, "I/O pressure"));
	stage__free(&stage);
}

// A cgroup's path is what an operator looks for: it is shown whole as long as it fits on a line.
static void test_scopes_are_whole(void **state)
{
	struct stage stage = loud("server", "/system.slice/a-unit-with-a-name.service/payload");
	(void)state;
	cleanup_free char *text = render__text(stage.diagnosis, false);
	const char *pressures = strstr(text, "Pressure:");
	assert_non_null(pressures);
	assert_non_null(strstr(pressures, "/system.slice/a-unit-with-a-name.service/payload\n"));
	stage__free(&stage);
}

static void test_colours_only_on_demand(void **state)
{
	struct stage stage = loud("server", "/srv");
	(void)state;
	cleanup_free char *plain = render__text(stage.diagnosis, false), *coloured = render__text(stage.diagnosis, true);
	assert_null(strchr(plain, '\033'));
	assert_non_null(strchr(coloured, '\033'));
	stage__free(&stage);
}

static void test_json_keeps_its_contract(void **state)
{
	static const char *const verdict_keys[] = { "cause", "verdict", "stall_seconds", "wall_seconds", "summary", "counted_by_pressure", "culprits",
						    "victims", "evidence", "check", "remedies" };
	static const char *const party_keys[] = { "kind", "pid", "process", "exe", "cgroup", "threads", "runtime", "linkage", "allocator", "seconds",
						  "share", "stacks" };
	struct stage stage = loud("server", "/srv");
	(void)state;
	cleanup_free char *json = render__json(stage.diagnosis);
	json_t *root = json_loads(json, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(root, "schema")), "whystall.report/1");
	for (const char *const *key = (const char *const[]){ "tool", "host", "window", "quality", "pressure", "verdicts", NULL }; *key; key++)
		assert_non_null(json_object_get(root, *key));
	json_t *verdicts = json_object_get(root, "verdicts"), *verdict, *party;
	assert_int_equal(json_array_size(verdicts), cause_table_count);
	size_t index, place, parties = 0;
	json_array_foreach(verdicts, index, verdict) {
		for (size_t i = 0; i < ARRAY_SIZE(verdict_keys); i++)
			assert_non_null(json_object_get(verdict, verdict_keys[i]));
		json_array_foreach(json_object_get(verdict, "culprits"), place, party) {
			parties++;
			for (size_t i = 0; i < ARRAY_SIZE(party_keys); i++)
				assert_non_null(json_object_get(party, party_keys[i]));
		}
	}
	assert_true(parties >= 2);
	json_decref(root);
	stage__free(&stage);
}

static void test_commands_survive_breaking(void **state)
{
	struct page page = { 0 };
	(void)state;
	cleanup_free char *path = repeat("/abcdefghi", 30);
	cleanup_free char *command = base__format("cat %s && echo done with it all", path);
	page__command(&page, 15, command);
	cleanup_free char *text = string__steal(&page.out);
	check_lines(text);
	// Joined as a shell joins them, it is the command again.
	struct string joined = { 0 };
	for (const char *c = text; *c; c++) {
		if (c[0] == '\\' && c[1] == '\n')
			c++;
		else
			string__add_bytes(&joined, c, 1);
	}
	cleanup_free char *whole = string__steal(&joined);
	assert_true(strlen(whole) > 0 && whole[strlen(whole) - 1] == '\n');
	whole[strlen(whole) - 1] = 0;
	assert_string_equal(whole + strspn(whole, " "), command);
}

static void test_units_stay_with_their_numbers(void **state)
{
	(void)state;
	for (int before = 80; before < 100; before++) {
		struct page page = { 0 };
		cleanup_free char *filler = repeat("x", before);
		cleanup_free char *paragraph = base__format("%s 100 %%) 12.5 ms, 3 s. end", filler);
		page__paragraph(&page, 0, 2, STYLE_PLAIN, paragraph);
		cleanup_free char *text = string__steal(&page.out);
		check_lines(text);
		assert_non_null(strstr(text, "100 %)"));
		assert_non_null(strstr(text, "12.5 ms,"));
		assert_non_null(strstr(text, "3 s."));
	}
}

// The same with quotes: what a shell makes of the broken command is the word that was meant.
static void test_quoted_commands_survive_breaking(void **state)
{
	(void)state;
	for (int length = 60; length < 110; length++) {
		cleanup_free char *filler = repeat("y", length);
		cleanup_free char *meant = base__format("/a b;%s'c d'%s", filler, filler);
		cleanup_free char *word = shell__command("%s", meant);
		cleanup_free char *command = base__format("printf %%s %s", word);
		struct page page = { 0 };
		page__command(&page, 15, command);
		cleanup_free char *text = string__steal(&page.out);
		check_lines(text);
		FILE *shell = popen(text, "r");
		assert_non_null(shell);
		char out[1024] = "";
		size_t got = fread(out, 1, sizeof(out) - 1, shell);
		assert_int_equal(pclose(shell), 0);
		out[got] = 0;
		assert_string_equal(out, meant);
	}
}

// Any name, of any length, wherever the page breaks the command.
static void test_any_name_survives_breaking(void **state)
{
	static const char *const pieces[] = { "'", "\"", "\\", "$", "`", ";", "&", "|", "<", ">", "(", ")", "{", "}", "[", "]", "*", "?", "!", "#", "~", "=", "%", " ", "-", "a", "/",
					      "ü", "日" };
	(void)state;
	struct page page = { 0 };
	cleanup_string struct string meant = { 0 };
	unsigned random = 1;
	for (int i = 0; i < 1000; i++) {
		cleanup_string struct string name = { 0 };
		for (int length = i % 150; length > 0; length--) {
			random = random * 1103515245 + 12345;
			string__add(&name, "%s", pieces[(random >> 16) % ARRAY_SIZE(pieces)]);
		}
		cleanup_free char *command = shell__command("printf '<%%s>' -- %s/x", name.text ? name.text : "");
		if (!command)
			continue;       // a path through ".." can't come of these
		page__command(&page, 15, command);
		string__add(&meant, "<--><%s/x>", name.text ? name.text : "");
	}
	cleanup_free char *text = string__steal(&page.out), *path = base__copy("/tmp/whystall-page-XXXXXX");
	check_lines(text);
	int fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	cleanup_free char *line = base__format("sh %s", path);
	FILE *shell = popen(line, "r");
	assert_non_null(shell);
	char *out = base__alloc(1 << 20, 1);
	out[fread(out, 1, (1 << 20) - 1, shell)] = 0;
	assert_int_equal(pclose(shell), 0);
	unlink(path);
	assert_string_equal(out, meant.text);
	free(out);
}

static void test_shortening(void **state)
{
	(void)state;
	cleanup_free char *same = page__shorten("short", 5), *cut = page__shorten("/usr/lib/very/long/path", 11);
	cleanup_free char *wide = page__shorten("日本語日本語", 6);
	assert_string_equal(same, "short");
	assert_string_equal(cut, "/usr/…/path");
	assert_true(page__columns(wide) <= 6);
	assert_int_equal(page__columns("日本"), 4);
	assert_int_equal(page__columns("e\xcc\x81"), 1);
	assert_int_equal(page__columns("µ…·"), 3);
}

// People paste commands: what others named must stay a word.
static void test_shell_words(void **state)
{
	static const struct { const char *word, *quoted; } cases[] = {
		{ "/sys/fs/cgroup/a.slice/b-c.service/cpu.max", "/sys/fs/cgroup/a.slice/b-c.service/cpu.max" },
		{ "/x;reboot", "'/x;reboot'" }, { "/a b", "'/a b'" }, { "/it's", "'/it'\\''s'" }, { "$(id)", "'$(id)'" }, { "", "''" },
		{ "/100%s", "/100%s" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *quoted = shell__command("%s", cases[i].word);
		assert_string_equal(quoted, cases[i].quoted);
	}
	struct stage stage = loud("server", "/evil;reboot;x");
	size_t seen = 0;
	for (size_t i = 0; i < stage.diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &stage.diagnosis->verdicts[i];
		for (size_t j = 0; j < verdict->check_count + verdict->remedy_count; j++) {
			const char *command = j < verdict->check_count ? verdict->checks[j].command : verdict->remedies[j - verdict->check_count].command;
			const char *path = command ? strstr(command, ";reboot") : NULL;
			if (!path)
				continue;
			seen++;
			assert_non_null(memchr(command, '\'', (size_t)(path - command)));
		}
	}
	assert_true(seen >= 3);
	stage__free(&stage);
}

static void test_figures(void **state)
{
	(void)state;
	assert_string_equal(wording__seconds(0).text, "0 s");
	assert_string_equal(wording__seconds(0.00031).text, "310 µs");
	assert_string_equal(wording__seconds(0.0241).text, "24.1 ms");
	assert_string_equal(wording__seconds(0.9999).text, "1.00 s");
	assert_string_equal(wording__seconds(1.842).text, "1.84 s");
	assert_string_equal(wording__seconds(59.44).text, "59.4 s");
	assert_string_equal(wording__seconds(1234.4).text, "1234 s");
	assert_string_equal(wording__percent(0.8412).text, "84 %");
	assert_string_equal(wording__percent(0.031).text, "3.1 %");
	assert_string_equal(wording__percent(0.0002).text, "0.02 %");
	assert_string_equal(wording__percent(0).text, "0 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nasty_names_stay_on_the_page),
		cmocka_unit_test(test_same_diagnosis_same_bytes),
		cmocka_unit_test(test_first_lines_say_what_matters),
		cmocka_unit_test(test_scopes_are_whole),
		cmocka_unit_test(test_colours_only_on_demand),
		cmocka_unit_test(test_json_keeps_its_contract),
		cmocka_unit_test(test_commands_survive_breaking),
		cmocka_unit_test(test_quoted_commands_survive_breaking),
		cmocka_unit_test(test_any_name_survives_breaking),
		cmocka_unit_test(test_units_stay_with_their_numbers),
		cmocka_unit_test(test_shortening),
		cmocka_unit_test(test_shell_words),
		cmocka_unit_test(test_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
