// What redaction replaces and what it keeps: markers in every text column, one alias for one thing, with and without a key.
#include "stage.h"

#include "recording/columns.h"
#include "redact/redact.h"
#include "render/render.h"

#include <ctype.h>

#define DOCKER "77beef0aa11b22c33d44e55f66a77b88c99d00e11f22a33b44c55d66e77f88a9"

// Whatever a marker turns into, none of these pieces may be left.
static const char *const pieces[] = { "whymark", "10.77.88.99", "dead:beef", "77beef0aa11b", "deadbeef-1234" };
static const char *const shapes[] = {
	"/home/whymarkjdoe/.ssh/whymark.txt", "/srv/whymark/data", "/opt/whymark", "/usr/local/bin/whymark-tool", "~/whymark", "jane@whymark.example", "db01.whymark.example",
	"10.77.88.99", "fd00:dead:beef::77", DOCKER, "WHYMARK0token1abcdEFGH2345", "https://whymark.example/x?token=1", "deadbeef-1234-4abc-8def-0123456789ab",
};

static bool holds(const char *text, const char *piece)
{
	return strcasestr(text, piece) != NULL;
}

// A recording with `mark` in every text column of a row of its own, beside one that says who is a user.
static struct stage plant(const char *mark)
{
	struct stage stage = stage__new(3000);
	int64_t server = stage__process(&stage, "server", 100, 4000, 3000, 1000);
	stage__process(&stage, "batch", 101, 9000, 100, 4000);
	free(stage.recording->process[server - 1].cgroup);
	stage.recording->process[server - 1].cgroup = base__copy("/user.slice/user-1000.slice/user@1000.service/app.slice/whymark.service");
	stage.recording->process[server - 1].settings = base__copy("MALLOC_CONF=/home/whymarkjdoe/x");
	for (size_t t = 0; t < recording_table_count; t++) {
		void *row = recording_tables[t].add(stage.recording);
		for (size_t c = 0; c < recording_tables[t].column_count; c++) {
			const struct column *column = &recording_tables[t].columns[c];
			if (column__is_text(column))
				*column__text(column, row) = strcmp(column->name, "frames") ? base__copy(mark) : base__format("%s\nf (%s)\n%s+0x12 [%s]", mark, mark, mark, mark);
			else if (column->rule == RULE_ID || column->rule == RULE_CGROUP_ID)
				*column__integer(column, row) = 9;
			else if (column->rule == RULE_PROCESS)
				*column__integer(column, row) = 9;
			else if (column->rule == RULE_SUM && strcmp(recording_tables[t].name, "book") && strcmp(recording_tables[t].name, "fold") &&
				 strcmp(recording_tables[t].name, "pressure"))
				*column__integer(column, row) = 50 * STAGE_MS;
		}
	}
	recording__set_meta(stage.recording, "command", "%s", mark);
	recording__set_meta(stage.recording, "scope_cgroup", "%s", mark);
	recording__set_meta(stage.recording, "boot_id", "%s", mark);
	return stage;
}

static void assert_clean(const char *where, const char *text, const char *mark)
{
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		if (holds(mark, pieces[i]) && holds(text, pieces[i]))
			fail_msg("%s of '%s': %s", where, mark, text);
}

static void each_text(struct recording *recording, void (*see)(const char *where, const char *text, void *data), void *data)
{
	for (size_t t = 0; t < recording_table_count; t++)
		for (size_t i = 0; i < table__count(&recording_tables[t], recording); i++)
			for (size_t c = 0; c < recording_tables[t].column_count; c++) {
				const struct column *column = &recording_tables[t].columns[c];
				const char *text = column__is_text(column) ? *column__text(column, table__row(&recording_tables[t], recording, i)) : NULL;
				cleanup_free char *where = base__format("%s.%s", recording_tables[t].name, column->name);
				if (text)
					see(where, text, data);
			}
}

static void see_clean(const char *where, const char *text, void *mark)
{
	assert_clean(where, text, mark);
}

static char *render(struct recording *recording, bool json)
{
	struct ledger *ledger = NULL;
	struct diagnosis *diagnosis = NULL;
	recording__repair(recording);
	assert_int_equal(ledger__build(recording, &ledger), 0);
	assert_int_equal(diagnosis__make(ledger, &diagnosis), 0);
	remedies__offer(diagnosis);
	char *report = json ? render__json(diagnosis) : render__text(diagnosis, false);
	diagnosis__free(diagnosis);
	ledger__free(ledger);
	return report;
}

static void check_mark(const char *mark, bool kernel_thread)
{
	struct stage stage = plant(mark);
	stage.recording->process[2].kernel_thread = kernel_thread;
	redact__recording(stage.recording, NULL);
	each_text(stage.recording, see_clean, (void *)mark);
	cleanup_free char *text = render(stage.recording, false), *json = render(stage.recording, true);
	assert_clean("the text", text, mark);
	assert_clean("the JSON", json, mark);
	assert_non_null(strstr(text, "Redacted: aliases such as user-1"));
	assert_non_null(strstr(json, "\"replaced\""));
	recording__free(stage.recording);
}

static void test_no_marker_is_left(void **state)
{
	(void)state;
	static const char *const forms[] = { "%s", "x=%s", "(%s)", "say \"%s\" now", "'%s',", "[%s]", "%s:1" };
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(forms); j++) {
			const char *form = forms[j], *at = strstr(form, "%s");
			cleanup_free char *mark = base__format("%.*s%s%s", (int)(at - form), form, shapes[i], at + 2);
			check_mark(mark, false);
			check_mark(mark, true);
		}
}

// Else the test above could not fail.
static void test_markers_are_in_the_unredacted_report(void **state)
{
	(void)state;
	struct stage stage = plant(shapes[0]);
	cleanup_free char *json = render(stage.recording, true);
	assert_non_null(strstr(json, "whymark"));
	assert_null(strstr(json, "\"replaced\""));
	recording__free(stage.recording);
}

static void collect(const char *where, const char *text, void *data)
{
	string__add(data, "%s=%s\n", where, text);
}

static void test_twice_changes_nothing(void **state)
{
	(void)state;
	struct stage stage = plant(shapes[0]);
	cleanup_string struct string once = { 0 }, twice = { 0 };
	redact__recording(stage.recording, NULL);
	each_text(stage.recording, collect, &once);
	redact__recording(stage.recording, NULL);
	each_text(stage.recording, collect, &twice);
	assert_string_equal(once.text, twice.text);
	recording__free(stage.recording);
}

static struct process_row *add(struct recording *recording, const char *name, const char *exe, const char *cgroup)
{
	struct process_row *row = recording__add_process(recording);
	*row = (struct process_row){ .id = (int64_t)recording->process_count, .pid = 100 + (int64_t)recording->process_count, .name = base__copy(name),
				     .exe = base__copy(exe), .cgroup = base__copy(cgroup), .folded = 1, .uid = 1000, .exe_uid = 0 };
	return row;
}

static void test_one_thing_has_one_alias(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	add(recording, "acme-billing", "/srv/acme/acme-billing", "/system.slice/docker-" DOCKER ".scope")->container = base__copy("docker:77beef0aa11b");
	struct process_row *vm = add(recording, "kvm", "/usr/bin/qemu-system-x86_64", "/qemu.slice/112.scope");
	vm->vm_id = base__copy("112");
	vm->vm_name = base__copy("storj-prod");
	recording__add_stack(recording)->frames = base__copy("main (acme-billing)");
	recording->stack[0].id = 1;
	struct host_event_row *event = recording__add_host_event(recording);
	event->kind = base__copy("soft_lockup");
	event->text = base__copy("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [acme-billing:101]\nHardware name: ACME X1 for storj-prod");
	redact__recording(recording, NULL);
	assert_string_equal(recording->process[0].name, "program-1");
	assert_string_equal(recording->process[0].exe, "/path-1/program-1");
	assert_string_equal(recording->process[0].container, "docker:container-1");
	assert_string_equal(recording->process[0].cgroup, "/system.slice/docker-container-1.scope");
	assert_string_equal(recording->process[1].name, "kvm");
	assert_string_equal(recording->process[1].vm_id, "vm-1");
	assert_string_equal(recording->process[1].vm_name, "vm-1");
	assert_string_equal(recording->process[1].cgroup, "/qemu.slice/vm-1.scope");
	assert_string_equal(recording->stack[0].frames, "main (program-1)");
	assert_string_equal(recording->host_event[0].text, "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [program-1:101]\nHardware name: machine-1");
	assert_int_equal(recording->process[0].uid, -1);
	recording__free(recording);
}

// Somebody is known by a path; the bare name is replaced in names and sentences, too.
static void test_users_are_replaced_by_name(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	struct process_row *row = add(recording, "backup", "/home/whymarkjdoe/bin/backup", "/system.slice/backup-whymarkjdoe.service");
	row->settings = base__copy("MALLOC_A=whymarkjdoe\nMALLOC_CONF=prof_prefix:/home/whymarkjdoe/My whymark Files/x\nGOGC=50");
	row->unit = base__copy("run-whymarkjdoe@whymark.service");
	struct device_row *device = recording__add_device(recording);
	device->number = base__copy("7:0"), device->name = base__copy("loop0"), device->kind = base__copy("loop");
	device->backing = base__copy("/home/whymarkjdoe/My whymark Files/disk.img");
	struct host_event_row *event = recording__add_host_event(recording);
	event->kind = base__copy("oom"), event->text = base__copy("task whymark:12 of whymarkjdoe-session was killed, cc -I/home/whymarkjdoe/include");
	recording__add_stack(recording)->frames = base__copy("github.com/whymark/x.(*T).Run (backup)\nbackup+0x12 [77beef0aa11b]");
	recording->stack[0].id = 1;
	redact__recording(recording, NULL);
	each_text(recording, see_clean, (void *)"whymark 77beef0aa11b");
	assert_string_equal(recording->device[0].kind, "loop");
	assert_non_null(strstr(recording->process[0].settings, "\nGOGC=50"));
	assert_string_equal(recording->stack[0].frames, "function-1 (program-1)\nprogram-1+0x12 [build-1]");
	recording__free(recording);
}

static void test_what_stays(void **state)
{
	(void)state;
	struct recording *recording = recording__new();
	add(recording, "redis-server", "/usr/bin/redis-server", "/system.slice/redis-server.service")->unit = base__copy("redis-server.service");
	recording__set_meta(recording, "probe.irq.calls", "csd");
	add(recording, "systemd-journal", "/usr/lib/systemd/systemd-journald", "/system.slice/systemd-journald.service");
	struct process_row *thread = add(recording, "jbd2/vda1-8", NULL, "/");
	thread->kernel_thread = 1;
	add(recording, "kworker/R-ext4-rsv-conversion", NULL, "/")->kernel_thread = 1;
	add(recording, "python3", "/usr/bin/python3.11", "/user.slice/user-1000.slice/session-3.scope")->command_line = base__copy("python3 /home/jdoe/x --password=y");
	recording__add_stack(recording)->frames = base__copy("rwsem_down_write_slowpath+0x1a\nzfs_read.isra.0+0x12 [zfs]");
	recording->stack[0].id = 1;
	recording__add_event(recording)->stack = 1;
	recording->event[0].process = 1;
	recording->event[0].name = base__copy("redis-server");
	recording__set_meta(recording, "kernel", "5.15.153.1-microsoft-standard-WSL2");
	redact__recording(recording, NULL);
	assert_string_equal(recording->process[0].exe, "/usr/bin/redis-server");
	assert_string_equal(recording->process[0].unit, "redis-server.service");
	assert_string_equal(recording->process[1].name, "systemd-journal");
	assert_string_equal(recording->process[1].cgroup, "/system.slice/systemd-journald.service");
	assert_string_equal(recording->process[2].name, "jbd2/vda1-8");
	assert_string_equal(recording->process[3].name, "kworker/R-ext4-rsv-conversion");
	assert_string_equal(recording__meta(recording, "probe.irq.calls"), "csd");
	assert_string_equal(recording->process[4].name, "python3");
	assert_string_equal(recording->process[4].command_line, "arguments-1");
	assert_string_equal(recording->process[4].cgroup, "/user.slice/user-2.slice/session-1.scope");
	assert_string_equal(recording->stack[0].frames, "rwsem_down_write_slowpath+0x1a\nzfs_read.isra.0+0x12 [zfs]");
	assert_string_equal(recording->event[0].name, "redis-server");
	assert_string_equal(recording__meta(recording, "kernel"), "5.15.153.1-microsoft-standard-WSL2");
	recording__free(recording);
}

static char *keyed_name(const char *first, const char *key)
{
	struct recording *recording = recording__new();
	struct redact_key bytes = { key, strlen(key) };
	if (first)
		add(recording, first, "/srv/other/first", "/");
	add(recording, "acme-billing", "/srv/acme/acme-billing", "/");
	redact__recording(recording, &bytes);
	char *name = base__copy(recording->process[recording->process_count - 1].name);
	recording__free(recording);
	return name;
}

static void test_a_key_makes_aliases_the_same_everywhere(void **state)
{
	(void)state;
	cleanup_free char *one = keyed_name(NULL, "the first key, 16"), *same = keyed_name("first", "the first key, 16"), *other = keyed_name(NULL, "another key, also");
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	// HMAC-SHA256 of "program\0acme-billing"
	assert_string_equal(one, "program-968050a1ef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_marker_is_left),
		cmocka_unit_test(test_markers_are_in_the_unredacted_report),
		cmocka_unit_test(test_twice_changes_nothing),
		cmocka_unit_test(test_one_thing_has_one_alias),
		cmocka_unit_test(test_users_are_replaced_by_name),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_a_key_makes_aliases_the_same_everywhere),
	};
	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
