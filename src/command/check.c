// What can be judged on this machine, and what would enable the rest.
#include "command/command.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/base.h"
#include "collect/machine.h"
#include "command/readiness.h"
#include "render/page.h"

#define NAME_COLUMNS 22
#define STATE_COLUMNS 10

static enum style style_of(enum readiness state)
{
	static const enum style styles[] = { [READY] = STYLE_GOOD, [NOTE] = STYLE_PLAIN, [DEGRADED] = STYLE_WARNING,
					     [MISSING] = STYLE_ALARM, [NOT_TRIED] = STYLE_WARNING, [NOT_JUDGED_YET] = STYLE_DIM };

	return styles[state];
}

static void write_finding(struct page *page, const struct finding *finding)
{
	cleanup_free char *label = base__format("%-*s%s", NAME_COLUMNS, finding->id, readiness__name(finding->state));

	page__labelled(page, 2, 2 + NAME_COLUMNS + STATE_COLUMNS, style_of(finding->state), label, finding->why);
	if (!finding->enable)
		return;
	page__paragraph(page, 2 + NAME_COLUMNS, 2 + NAME_COLUMNS, STYLE_PLAIN, "to enable:");
	page__command(page, 4 + NAME_COLUMNS, finding->enable);
}

// What holds several causes back was said once already, with what to do.
static void write_cause(struct page *page, const struct finding *finding)
{
	if (!finding->because) {
		write_finding(page, finding);
		return;
	}
	cleanup_free char *why = base__format("see '%s' above", finding->because);
	struct finding brief = { .id = finding->id, .state = finding->state, .why = why };
	write_finding(page, &brief);
}

static void write_answer(struct page *page, const struct machine *machine, const struct findings *findings)
{
	if (!machine->root) {
		page__paragraph(page, 0, 0, STYLE_WARNING, "Only root can record: 'sudo whystall check' tells what can be judged on this machine.");
		return;
	}
	cleanup_free char *answer = base__format("%zu of the %zu causes that this version judges can be judged on this machine.",
						 findings->possible, findings->judged);
	page__paragraph(page, 0, 0, findings->possible < findings->judged ? STYLE_WARNING : STYLE_BOLD, answer);
}

static void write_page(struct page *page, const struct machine *machine, const struct findings *findings)
{
	struct string later = { 0 };

	write_answer(page, machine, findings);
	page__blank(page);
	page__paragraph(page, 0, 0, STYLE_BOLD, "What a recording needs and can use:");
	for (size_t i = 0; i < findings->requirement_count; i++)
		write_finding(page, &findings->requirements[i]);
	page__blank(page);
	page__paragraph(page, 0, 0, STYLE_BOLD, "Causes:");
	for (size_t i = 0; i < findings->cause_count; i++) {
		if (findings->causes[i].state != NOT_JUDGED_YET)
			write_cause(page, &findings->causes[i]);
		else
			string__add(&later, "%s%s", later.length ? ", " : "", findings->causes[i].id);
	}
	if (later.length) {
		page__blank(page);
		page__paragraph(page, 0, 0, STYLE_BOLD, "Not judged yet, on any machine, because this version has no probes for them:");
		page__paragraph(page, 2, 2, STYLE_PLAIN, later.text);
	}
	string__free(&later);
}

static json_t *render_findings(const struct finding *findings, size_t count, const char *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", key, findings[i].id, "state", readiness__name(findings[i].state),
						      "why", findings[i].why, "enable", findings[i].enable));
	return list;
}

static char *render_json(const struct machine *machine, const struct findings *findings)
{
	json_t *root = json_pack("{s:s, s:{s:s, s:i, s:s}, s:i, s:i, s:o, s:o}", "schema", "whystall.check/1", "host",
				 "kernel", machine->host.kernel, "cpus", (int)machine->host.cpus_online, "virtualization",
				 machine->host.virtualization, "judged", (int)findings->judged, "possible", (int)findings->possible,
				 "requirements", render_findings(findings->requirements, findings->requirement_count, "id"),
				 "causes", render_findings(findings->causes, findings->cause_count, "cause"));
	char *text = json_dumps(root, JSON_INDENT(2));

	json_decref(root);
	return text;
}

int command__check(int argc, char **argv)
{
	struct arguments arguments;
	int status = arguments__parse(command__find("check"), argc, argv, &arguments);
	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	const char *format = arguments__value(&arguments, "format");
	if (report__check_format(format) < 0)
		return EXIT_USAGE;
	struct machine machine;
	say__progress("trying the probes");
	int error = machine__read(&machine);
	say__progress_done();
	if (error < 0) {
		say__error("this machine can't be looked at: %s", strerror(-error));
		return EXIT_NOT_RECORDED;
	}
	struct findings findings;
	readiness__judge(&machine, &findings);
	if (format && !strcmp(format, "json")) {
		cleanup_free char *text = render_json(&machine, &findings);
		output__write(text ? text : "{}");
		output__write("\n");
	} else {
		struct page page = { .colours = output__wants_colours(stdout) };
		write_page(&page, &machine, &findings);
		cleanup_free char *text = string__steal(&page.out);
		output__write(text);
	}
	readiness__free(&findings);
	machine__free(&machine);
	return output__finish(EXIT_REPORTED);
}
