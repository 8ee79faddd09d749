// whystall: why does this machine stall, who causes it, who suffers, and what would help?
#include "command/command.h"
#include "base/base.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static int say_unknown(const char *word)
{
	const char *names[32] = { 0 };
	size_t count = 0;
	for (const struct command_spec *spec = command_table; spec->name; spec++)
		if (*spec->name && count < ARRAY_SIZE(names) - 1)
			names[count++] = spec->name;
	const char *nearest = options__nearest(word, names);
	if (nearest)
		say__error("there is no subcommand '%s': did you mean '%s'? ('whystall --help' lists them)", word, nearest);
	else
		say__error("there is no subcommand '%s': 'whystall --help' lists them", word);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	// A reader that goes away (`whystall report x.db | head`) shows as EPIPE, which output__finish takes quietly.
	signal(SIGPIPE, SIG_IGN);
	output__begin();
	const char *word = argc > 1 ? argv[1] : "";
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("whystall " WHYSTALL_VERSION);
		return output__finish(EXIT_REPORTED);
	}
	if (!strcmp(word, "help")) {
		const struct command_spec *topic = argc > 2 ? command__find(argv[2]) : NULL;
		if (argc > 2 && (!topic || topic->absent))
			return topic ? (say__error("%s", topic->absent), EXIT_USAGE) : say_unknown(argv[2]);
		help__print(topic, stdout);
		return output__finish(EXIT_REPORTED);
	}
	if (!*word || *word == '-')
		return output__finish(command__run_default(argc, argv));
	const struct command_spec *spec = command__find(word);
	if (!spec)
		return say_unknown(word);
	if (spec->absent) {
		say__error("%s", spec->absent);
		return EXIT_USAGE;
	}
	return output__finish(spec->run(argc - 1, argv + 1));
}
