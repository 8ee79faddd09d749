// Messages for people, on stderr.
#include "base/base.h"

#include <unistd.h>

// The logger's state, the one place in the program that has any.
static struct { bool quiet, progress_shown; } logger;

void say__set_quiet(bool quiet)
{
	logger.quiet = quiet;
}

void say__progress_done(void)
{
	if (logger.progress_shown)
		fputs("\r\033[K", stderr);
	logger.progress_shown = false;
}

PRINTF_LIKE(2, 0)
static void say_list(const char *prefix, const char *format, va_list list)
{
	say__progress_done();
	char sentence[4096];
	vsnprintf(sentence, sizeof(sentence), format, list);
	// Paths and names come from elsewhere: no control character of theirs reaches the terminal.
	for (char *c = sentence; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "whystall: %s%s\n", prefix, sentence);
}

void say__error(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say_list("", format, list);
	va_end(list);
}

void say__warning(const char *format, ...)
{
	if (logger.quiet)
		return;
	va_list list;
	va_start(list, format);
	say_list("warning: ", format, list);
	va_end(list);
}

void say__progress(const char *format, ...)
{
	if (logger.quiet || !isatty(STDERR_FILENO))
		return;
	va_list list;
	va_start(list, format);
	fputs("\r\033[K", stderr);
	vfprintf(stderr, format, list);
	va_end(list);
	fflush(stderr);
	logger.progress_shown = true;
}
