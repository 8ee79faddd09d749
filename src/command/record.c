// record, and the main job: record and report.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "command/command.h"
#include "command/confine.h"
#include "command/redaction.h"
#include "command/session.h"

#define SHORTEST_NS ((int64_t)(200 * NS_PER_MSEC))
#define LONGEST_NS ((int64_t)(24 * 3600 * NS_PER_SEC))
#define DEFAULT_NS ((int64_t)(10 * NS_PER_SEC))

static int read_options(const struct arguments *arguments, struct session_options *options)
{
	const char *meter = getenv("WHYSTALL_METER"), *sampling = getenv("WHYSTALL_SAMPLING");

	if (arguments__duration(arguments, "duration", arguments->command ? INT64_MAX : DEFAULT_NS, SHORTEST_NS, LONGEST_NS,
			&options->duration_ns) < 0)
		return -EINVAL;
	if (arguments__number(arguments, "pid", 0, 1 << 22, &options->scope_pid) < 0)
		return -EINVAL;
	options->scope_cgroup = arguments__value(arguments, "cgroup");
	options->output = arguments__value(arguments, "output");
	options->command = arguments->command;
	options->without_command_lines = arguments__has(arguments, "no-command-lines");
	options->without_meter = meter && !strcmp(meter, "events");
	options->without_samples = sampling && !strcmp(sampling, "off");
	say__set_quiet(arguments__has(arguments, "quiet"));
	return 0;
}

int command__record(int argc, char **argv)
{
	struct session_options options = {};
	struct arguments arguments;
	char name[64];
	time_t now = time(NULL);
	struct tm local;
	int status = arguments__parse(command__find("record"), argc, argv, &arguments);

	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	if (read_options(&arguments, &options) < 0)
		return EXIT_USAGE;
	if (!options.output) {
		localtime_r(&now, &local);
		strftime(name, sizeof(name), "whystall-%Y%m%d-%H%M%S.db", &local);
		options.output = name;
	}
	status = session__record(&options, NULL);
	if (!status)
		printf("%s\n", options.output);
	return status;
}

int command__run_default(int argc, char **argv)
{
	struct session_options options = {};
	struct recording *recording = NULL;
	struct redaction_request redaction;
	struct arguments arguments;
	bool confirmed = false;
	int status = arguments__parse(command__find(""), argc, argv, &arguments), recorded;

	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	if (report__check_format(arguments__value(&arguments, "format")) < 0 || read_options(&arguments, &options) < 0)
		return EXIT_USAGE;
	if (redaction__read(&arguments, &redaction) < 0)
		return EXIT_USAGE;
	recorded = session__record(&options, &recording);
	status = recording ? confine__to_report(EXIT_NOT_RECORDED) : recorded;
	if (recording && !status)
		redaction__apply(&redaction, recording);
	redaction__forget(&redaction);
	if (!recording || status)
		return status;
	status = report__print(recording, arguments__value(&arguments, "format"), &confirmed) < 0 ? EXIT_NOT_RECORDED
		: confirmed && arguments__has(&arguments, "exit-code") ? EXIT_CAUSE_CONFIRMED : EXIT_REPORTED;
	recording__free(recording);
	return recorded ? recorded : status;
}
