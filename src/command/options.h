// Options as data: one table for each subcommand, from which parsing, --help, the man pages' test and completion follow.
#ifndef WHYSTALL_OPTIONS_H
#define WHYSTALL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_MAX 16

struct option_spec {
	char short_name;                // 0: none
	const char *name;               // without the dashes; NULL ends a table
	const char *argument;           // "SECONDS", or NULL for a switch
	const char *help;               // one line
};

struct command_spec {
	const char *name;               // "" for the main job (no subcommand)
	const char *summary;            // one line for the list of subcommands
	const char *usage;              // what follows "whystall "
	const char *description;        // a paragraph for --help
	const struct option_spec *options;
	int operands_min, operands_max;
	bool takes_command;             // whether `-- CMD ARG…` may follow
	int (*run)(int argc, char **argv); // argv[0] is the subcommand's name; returns the exit status
	const char *absent;             // not NULL: known, but not there yet; this sentence says so
};

// What a command line said. Points into argv; owns nothing.
struct arguments {
	const struct command_spec *spec;
	const char *values[OPTIONS_MAX]; // by the option's place in the table; "" for a switch that was given
	const char *operands[8];
	int operand_count;
	char **command;                 // NULL-terminated `CMD ARG…` after `--`, or NULL
};

// Parses argv[1…]. Returns 0; 1 when --help was asked for and printed on stdout (the caller exits 0); -EINVAL after one
// sentence on stderr that says what is wrong and what to do (the caller exits 1).
int arguments__parse(const struct command_spec *spec, int argc, char **argv, struct arguments *ret_arguments);
// The value of an option of the table, NULL if it was not given. The name must be in the table.
const char *arguments__value(const struct arguments *arguments, const char *name);
bool arguments__has(const struct arguments *arguments, const char *name);
// Reads "10", "2.5", "500ms", "30s", "5m" or "1h" from an option: nanoseconds, or `fallback_ns` if it was not given.
// -EINVAL after one sentence on stderr when it is no duration or not within the limits.
int arguments__duration(const struct arguments *arguments, const char *name, int64_t fallback_ns, int64_t min_ns,
			int64_t max_ns, int64_t *ret_ns);
// Reads a whole number from 1 to `max`, or `fallback` if the option was not given. -EINVAL after one sentence on stderr.
int arguments__number(const struct arguments *arguments, const char *name, int64_t fallback, int64_t max, int64_t *ret_number);

// The nearest of `words` (a NULL-terminated list) to `word`, or NULL when none is near: for "did you mean …".
const char *options__nearest(const char *word, const char *const *words);

#endif
