// Parsing of command lines from tables.
#include "command/options.h"
#include "command/command.h"
#include "base/base.h"

#include <errno.h>
#include <string.h>

static size_t count_options(const struct command_spec *spec)
{
	size_t count = 0;
	while (spec->options && spec->options[count].name)
		count++;
	return count;
}

static const char *title(const struct command_spec *spec)
{
	return *spec->name ? spec->name : "whystall";
}

// Edit distance with adjacent swaps, for words of at most 31 characters.
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][32], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t length = strlen(b);
	if (strlen(a) > 31 || length > 31)
		return 99;
	for (unsigned column = 0; column <= length; column++)
		last[column] = column;
	for (unsigned row = 1; a[row - 1]; row++) {
		now[0] = row;
		for (unsigned column = 1; column <= length; column++) {
			unsigned best = last[column - 1] + (a[row - 1] != b[column - 1]);
			if (last[column] + 1 < best)
				best = last[column] + 1;
			if (now[column - 1] + 1 < best)
				best = now[column - 1] + 1;
			if (row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] &&
			    before[column - 2] + 1 < best)
				best = before[column - 2] + 1;
			now[column] = best;
		}
		unsigned *oldest = before;
		before = last, last = now, now = oldest;
	}
	return last[length];
}

const char *options__nearest(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	unsigned best = 99;
	for (; *words; words++) {
		// A beginning of the word ("over" of "cpu.oversubscription" after the dot) is nearer than any typing error.
		const char *tail = strchr(*words, '.');
		bool begins = strlen(word) >= 3 && (!strncmp(*words, word, strlen(word)) ||
						    (tail && !strncmp(tail + 1, word, strlen(word))));
		unsigned d = distance(word, *words);
		if (tail && distance(word, tail + 1) + 1 < d)
			d = distance(word, tail + 1) + 1;
		if (begins)
			d = d > 1 ? 1 : d;
		if (d < best)
			best = d, nearest = *words;
	}
	return best <= 1 + strlen(word) / 3 ? nearest : NULL;
}

static void say_unknown_option(const struct command_spec *spec, const char *given)
{
	const char *names[OPTIONS_MAX + 2] = { 0 };
	size_t count = count_options(spec);
	for (size_t i = 0; i < count; i++)
		names[i] = spec->options[i].name;
	names[count] = "help";
	const char *nearest = options__nearest(given + strspn(given, "-"), names);
	const char *space = *spec->name ? " " : "";
	if (nearest)
		say__error("unknown option '%s': did you mean '--%s'? (see 'whystall%s%s --help')", given, nearest, space, spec->name);
	else
		say__error("unknown option '%s': see 'whystall%s%s --help'", given, space, spec->name);
}

// The place in the table of `--name` (length given) or of a short option; -1 if there is none.
static int find_option(const struct command_spec *spec, char short_name, const char *name, size_t length)
{
	for (size_t i = 0; i < count_options(spec); i++) {
		const struct option_spec *option = &spec->options[i];
		if (name ? strlen(option->name) == length && !strncmp(option->name, name, length) : option->short_name == short_name)
			return (int)i;
	}
	return -1;
}

// One option at argv[*index]; advances *index over its value.
static int parse_option(const struct command_spec *spec, int argc, char **argv, int *index, struct arguments *arguments)
{
	const char *given = argv[*index];
	bool is_long = given[1] == '-';
	const char *equals = is_long ? strchr(given, '=') : NULL;
	size_t length = is_long ? (equals ? (size_t)(equals - given) : strlen(given)) - 2 : 1;
	int place = find_option(spec, given[1], is_long ? given + 2 : NULL, length);
	if (place < 0) {
		say_unknown_option(spec, given);
		return -EINVAL;
	}
	const struct option_spec *option = &spec->options[place];
	const char *attached = is_long ? (equals ? equals + 1 : NULL) : (given[2] ? given + 2 : NULL);
	if (!option->argument) {
		if (attached) {
			say__error("'--%s' takes no value, but was given '%s'", option->name, attached);
			return -EINVAL;
		}
		arguments->values[place] = "";
		return 0;
	}
	if (!attached && *index + 1 < argc && strcmp(argv[*index + 1], "--"))
		attached = argv[++*index];
	if (!attached || !*attached) {
		say__error("'--%s' needs a value: --%s %s", option->name, option->name, option->argument);
		return -EINVAL;
	}
	arguments->values[place] = attached;
	return 0;
}

static int check_operands(const struct command_spec *spec, const struct arguments *arguments)
{
	if (arguments->operand_count < spec->operands_min) {
		say__error("'%s' needs something more: whystall %s", title(spec), spec->usage);
		return -EINVAL;
	}
	return 0;
}

int arguments__parse(const struct command_spec *spec, int argc, char **argv, struct arguments *ret_arguments)
{
	struct arguments arguments = { .spec = spec };
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			if (!spec->takes_command || !argv[i + 1]) {
				say__error(spec->takes_command ? "no command after '--': whystall %s" : "'--' has no meaning here: whystall %s",
					   spec->usage);
				return -EINVAL;
			}
			arguments.command = argv + i + 1;
			break;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			help__print(spec, stdout);
			return 1;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			if (parse_option(spec, argc, argv, &i, &arguments) < 0)
				return -EINVAL;
			continue;
		}
		if (arguments.operand_count == spec->operands_max) {
			say__error(spec->takes_command ? "unexpected '%s': a command to run comes after '--' (whystall %s)"
						       : "unexpected '%s': whystall %s", argv[i], spec->usage);
			return -EINVAL;
		}
		arguments.operands[arguments.operand_count++] = argv[i];
	}
	if (check_operands(spec, &arguments) < 0)
		return -EINVAL;
	*ret_arguments = arguments;
	return 0;
}

const char *arguments__value(const struct arguments *arguments, const char *name)
{
	int place = find_option(arguments->spec, 0, name, strlen(name));
	return place < 0 ? NULL : arguments->values[place];
}

bool arguments__has(const struct arguments *arguments, const char *name)
{
	return arguments__value(arguments, name) != NULL;
}

int arguments__duration(const struct arguments *arguments, const char *name, int64_t fallback_ns, int64_t min_ns,
			int64_t max_ns, int64_t *ret_ns)
{
	static const struct { const char *suffix; double ns; } units[] = {
		{ "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 },
	};
	const char *text = arguments__value(arguments, name);
	if (!text) {
		*ret_ns = fallback_ns;
		return 0;
	}
	char *end;
	double number = strtod(text, &end), ns = -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (end != text && !strcmp(end, units[i].suffix))
			ns = number * units[i].ns;
	if (!(ns >= 0)) {
		say__error("'--%s %s' is no duration: give seconds such as 10 or 2.5, or 500ms, 5m, 1h", name, text);
		return -EINVAL;
	}
	if (ns < (double)min_ns || ns > (double)max_ns) {
		say__error("'--%s %s' is out of range: from %g s to %g s", name, text, (double)min_ns / 1e9, (double)max_ns / 1e9);
		return -EINVAL;
	}
	*ret_ns = (int64_t)ns;
	return 0;
}

int arguments__number(const struct arguments *arguments, const char *name, int64_t fallback, int64_t max, int64_t *ret_number)
{
	const char *text = arguments__value(arguments, name);
	if (!text) {
		*ret_number = fallback;
		return 0;
	}
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < 1 || number > max) {
		say__error("'--%s %s' is not right: give a whole number from 1 to %lld", name, text, (long long)max);
		return -EINVAL;
	}
	*ret_number = number;
	return 0;
}
