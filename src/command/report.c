// From a recording to a report.
#include "command/command.h"
#include "command/confine.h"
#include "command/redaction.h"
#include "base/base.h"
#include "base/shell.h"
#include "causes/cause.h"
#include "ledger/ledger.h"
#include "remedies/remedy.h"
#include "render/render.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int report__check_format(const char *format)
{
	static const char *const formats[] = { "text", "json", NULL };
	if (!format || !strcmp(format, "text") || !strcmp(format, "json"))
		return 0;
	if (!strcmp(format, "markdown") || !strcmp(format, "html")) {
		say__error("the format '%s' is not there yet: use text or json", format);
		return -EINVAL;
	}
	const char *nearest = options__nearest(format, formats);
	if (nearest)
		say__error("there is no format '%s': did you mean '%s'? (text and json are there)", format, nearest);
	else
		say__error("there is no format '%s': use text or json", format);
	return -EINVAL;
}

bool output__wants_colours(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return isatty(fileno(out)) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb");
}

int report__diagnose(const struct recording *recording, struct ledger **ret_ledger, struct diagnosis **ret_diagnosis)
{
	struct ledger *ledger = NULL;
	int status = ledger__build(recording, &ledger);
	if (status < 0) {
		say__error("this recording's figures contradict each other, so that no books can be made of it: record again");
		return status;
	}
	status = diagnosis__make(ledger, ret_diagnosis);
	if (status < 0) {
		say__error("this recording could not be judged: %s", strerror(-status));
		ledger__free(ledger);
		return status;
	}
	remedies__offer(*ret_diagnosis);
	*ret_ledger = ledger;
	return 0;
}

int report__print(const struct recording *recording, const char *format, bool *ret_confirmed)
{
	struct ledger *ledger = NULL;
	struct diagnosis *diagnosis = NULL;
	int status = report__check_format(format);
	if (status < 0)
		return status;
	status = report__diagnose(recording, &ledger, &diagnosis);
	if (status < 0)
		return status;
	cleanup_free char *report = format && !strcmp(format, "json") ? render__json(diagnosis)
								      : render__text(diagnosis, output__wants_colours(stdout));
	output__write(report);
	if (ret_confirmed)
		*ret_confirmed = diagnosis->confirmed;
	diagnosis__free(diagnosis);
	ledger__free(ledger);
	return 0;
}

// On stderr, because it is a fact of this directory, not of the recording.
static void mention_former(const char *path, const char *former)
{
	cleanup_free char *command = former ? shell__command("mv -- %s %s", former, path) : NULL;
	if (former)
		say__warning("the recorder of %s was killed before it had saved anything; the recording that stood there before is kept%s%s", path,
			     command ? ", get it back with: " : " beside it: rename the file that ends in .former", command ? command : "");
}

// The one way from a file to a recording: all that needs the caller's rights comes first.
static int open_recording(const char *path, struct recording **ret_recording)
{
	struct recording_bytes bytes = { 0 };
	cleanup_free char *error = NULL;
	int status = recording__load(path, &bytes, &error);
	cleanup_free char *former = status < 0 ? NULL : recording_file__former(path);
	if (status == 0) {
		status = confine__to_report(EXIT_UNREADABLE);
		if (status) {
			recording__unload(&bytes);
			return status;
		}
		status = recording__parse(&bytes, ret_recording, &error);
	}
	if (status < 0) {
		say__error("%s", error ? error : strerror(-status));
		return EXIT_UNREADABLE;
	}
	mention_former(path, former);
	return 0;
}

int command__report(int argc, char **argv)
{
	struct arguments arguments;
	int status = arguments__parse(command__find("report"), argc, argv, &arguments);
	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	const char *format = arguments__value(&arguments, "format");
	if (report__check_format(format) < 0)
		return EXIT_USAGE;
	struct redaction_request redaction;
	if (redaction__read(&arguments, &redaction) < 0)
		return EXIT_USAGE;
	struct recording *recording = NULL;
	status = open_recording(arguments.operands[0], &recording);
	if (status) {
		redaction__forget(&redaction);
		return status;
	}
	redaction__apply(&redaction, recording);
	redaction__forget(&redaction);
	bool confirmed = false;
	status = report__print(recording, format, &confirmed);
	recording__free(recording);
	if (status < 0)
		return EXIT_UNREADABLE;
	return confirmed && arguments__has(&arguments, "exit-code") ? EXIT_CAUSE_CONFIRMED : EXIT_REPORTED;
}
