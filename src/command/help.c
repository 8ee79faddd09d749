// --help, from the tables.
#include "command/command.h"
#include "base/base.h"
#include "render/page.h"

#include <string.h>

// One option, its help wrapped beside it so that no line is longer than 100 columns.
static void print_option(FILE *out, char short_name, const char *name, const char *argument, const char *help)
{
	char short_text[8] = "    ";
	if (short_name)
		snprintf(short_text, sizeof(short_text), "-%c, ", short_name);
	int used = fprintf(out, "  %s--%s%s%s", short_text, name, argument ? " " : "", argument ? argument : "");
	fprintf(out, "%*s", used < 27 ? 27 - used : 1, "");
	int column = used < 27 ? 27 : used + 1;
	while (*help) {
		size_t length = strcspn(help, " ");
		if (column > 27 && column + (int)length > 98) {
			fprintf(out, "\n%27s", "");
			column = 27;
		}
		fprintf(out, "%s%.*s", column > 27 ? " " : "", (int)length, help);
		column += (int)length + 1;
		help += length + strspn(help + length, " ");
	}
	fputc('\n', out);
}

static void print_options(const struct command_spec *spec, FILE *out)
{
	fputs("\nOptions:\n", out);
	for (const struct option_spec *option = spec->options; option && option->name; option++)
		print_option(out, option->short_name, option->name, option->argument, option->help);
	print_option(out, 'h', "help", NULL, "print this help");
	if (!*spec->name)
		print_option(out, 0, "version", NULL, "print the version");
}

static void print_subcommands(FILE *out)
{
	fputs("\nSubcommands ('whystall SUBCOMMAND --help' tells more):\n", out);
	for (const struct command_spec *spec = command_table; spec->name; spec++)
		if (*spec->name && !spec->absent)
			fprintf(out, "  %-8s %s\n", spec->name, spec->summary);
}

void help__print(const struct command_spec *spec, FILE *out)
{
	if (!spec || !*spec->name) {
		spec = command__find("");
		fputs("whystall: why does this machine stall, who causes it, who suffers, and what would help?\n\n", out);
	}
	fprintf(out, "Usage: whystall %s\n", spec->usage);
	if (!*spec->name)
		fputs("       whystall SUBCOMMAND [...]\n", out);
	struct page page = { 0 };
	page__blank(&page);
	page__paragraph(&page, 0, 0, STYLE_PLAIN, spec->description);
	cleanup_free char *description = string__steal(&page.out);
	fputs(description, out);
	if (!*spec->name)
		print_subcommands(out);
	print_options(spec, out);
	fputs("\nExit status: 0 a report was made (healthy or not), 1 usage error, 2 the recording could not be\n"
	      "made, 3 the recording is unreadable, 10 a cause is confirmed (only with --exit-code).\n"
	      "Results go to stdout, all else to stderr. NO_COLOR is respected.\n", out);
}
