// The catalogue for people.
#include "command/command.h"
#include "command/cause_pages.h"
#include "base/base.h"
#include "causes/cause.h"
#include "ledger/thresholds.h"
#include "remedies/remedy.h"
#include "render/markdown.h"
#include "render/page.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define BODY 14

static const struct cause *find_cause(const char *id)
{
	for (size_t i = 0; i < cause_table_count; i++)
		if (!strcmp(cause_table[i]->id, id))
			return cause_table[i];
	return NULL;
}

static void write_list(struct page *page)
{
	for (int judged = 1; judged >= 0; judged--) {
		page__paragraph(page, 0, 0, STYLE_BOLD, judged ? "Judged by this version:" : "Listed, not judged yet:");
		for (size_t i = 0; i < cause_table_count; i++)
			if (!!cause_table[i]->judge == judged)
				page__labelled(page, 2, 24, STYLE_PLAIN, cause_table[i]->id, cause_table[i]->claim);
		page__blank(page);
	}
	page__paragraph(page, 0, 0, STYLE_PLAIN, "'whystall causes ID' says how a cause is judged, how to check it by hand and what helps.");
}

static void write_thresholds(struct page *page, const struct cause *cause)
{
	cleanup_free char *rows = cause_page__thresholds(cause);
	for (char *rest = rows, *row; rest && (row = strsep(&rest, "\n")) && *row;)
		page__labelled(page, 0, BODY, STYLE_BOLD, row == rows ? "Thresholds" : "", row + strlen("- "));
}

static void write_remedies(struct page *page, const struct cause *cause)
{
	bool first = true;
	for (size_t i = 0; i < remedy_table_count; i++) {
		const struct remedy *remedy = &remedy_table[i];
		if (!cause_page__mentions(remedy->causes, cause->id))
			continue;
		cleanup_free char *line = base__format("%s: %s; price: %s", remedy->id, remedy->title, remedy->cost);
		page__labelled(page, 0, BODY, STYLE_BOLD, first ? "Remedies" : "", line);
		first = false;
	}
}

static void write_cause(struct page *page, const struct cause *cause)
{
	cleanup_free char *title = base__format("%s: %s", cause->id, cause->title);
	cleanup_free char *body = cause_page__body(cause->id);
	page__paragraph(page, 0, 0, STYLE_BOLD, title);
	if (body) {
		markdown__write(page, body);
		page__blank(page);
		page__paragraph(page, 0, 0, STYLE_BOLD, "In this version:");
	}
	page__labelled(page, 0, BODY, STYLE_BOLD, "Claim", cause->claim);
	page__labelled(page, 0, BODY, STYLE_BOLD, "Judged by", cause->decisive);
	page__labelled(page, 0, BODY, STYLE_BOLD, "Pressure", cause->counted_by_pressure != PRESSURE_NONE
		       ? pressure_resource__name(cause->counted_by_pressure) : "in none of the kernel's pressure files");
	if (cause->needs)
		page__labelled(page, 0, BODY, STYLE_BOLD, "Not judged", cause->needs);
	write_thresholds(page, cause);
	page__labelled(page, 0, BODY, STYLE_BOLD, "By hand", cause->by_hand);
	page__labelled(page, 0, BODY, STYLE_BOLD, "What helps", cause->helps);
	write_remedies(page, cause);
}

static json_t *render_thresholds(const struct cause *cause)
{
	json_t *list = json_array();
	for (size_t i = 0; i < THRESHOLDS; i++) {
		const struct threshold_row *row = &threshold_table[i];
		if (cause_page__mentions(row->causes, cause->id))
			json_array_append_new(list, json_pack("{s:s, s:f, s:s, s:s}", "name", row->name, "value", row->value, "unit", row->unit,
							      "reason", row->reason));
	}
	return list;
}

static void print_json(const struct cause *only)
{
	json_t *list = json_array();
	for (size_t i = 0; i < cause_table_count; i++) {
		const struct cause *cause = cause_table[i];
		if (only && cause != only)
			continue;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s?, s:o, s:s, s:s, s:s?}", "id", cause->id, "title", cause->title,
						      "claim", cause->claim, "decisive", cause->decisive, "counted_by_pressure", pressure_resource__name(cause->counted_by_pressure),
						      "judged", cause->judge != NULL, "needs", cause->needs, "thresholds", render_thresholds(cause),
						      "by_hand", cause->by_hand, "helps", cause->helps, "page", cause_page__text(cause->id)));
	}
	json_t *root = json_pack("{s:s, s:o}", "schema", "whystall.causes/1", "causes", list);
	char *dump = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	output__write(dump ? dump : "{}");
	output__write("\n");
	free(dump);
	json_decref(root);
}

static int say_unknown(const char *id)
{
	cleanup_free const char **ids = base__alloc(cause_table_count + 1, sizeof(char *));
	for (size_t i = 0; i < cause_table_count; i++)
		ids[i] = cause_table[i]->id;
	const char *nearest = options__nearest(id, ids);
	if (nearest)
		say__error("there is no cause '%s': did you mean '%s'? ('whystall causes' lists all)", id, nearest);
	else
		say__error("there is no cause '%s': 'whystall causes' lists all", id);
	return EXIT_USAGE;
}

int command__causes(int argc, char **argv)
{
	struct arguments arguments;
	int status = arguments__parse(command__find("causes"), argc, argv, &arguments);
	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	const char *format = arguments__value(&arguments, "format");
	if (report__check_format(format) < 0)
		return EXIT_USAGE;
	const struct cause *cause = arguments.operand_count ? find_cause(arguments.operands[0]) : NULL;
	if (arguments.operand_count && !cause)
		return say_unknown(arguments.operands[0]);
	if (format && !strcmp(format, "json")) {
		print_json(cause);
		return EXIT_REPORTED;
	}
	struct page page = { .colours = output__wants_colours(stdout) };
	if (cause)
		write_cause(&page, cause);
	else
		write_list(&page);
	cleanup_free char *out = string__steal(&page.out);
	output__write(out);
	return EXIT_REPORTED;
}
