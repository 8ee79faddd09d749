// The end of every subcommand's output.
#include "command/command.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

// Whether nobody reads the pipe any more: an earlier write met that, and its errno is gone.
static bool has_closed_reader(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&output, 1, 0) == 1 && output.revents & POLLERR;
}

#define BUFFER_BYTES 65536      // help and lists fit: what could not be written shows in output__finish only

static int write_error;         // of output__write: stdio keeps that there was one, not which

// jansson leaves out what it has no memory for.
static void *allocate(size_t bytes)
{
	void *memory = malloc(bytes);

	return memory ? memory : base__alloc(1, bytes);         // cppcheck-suppress memleak; it is returned
}

void output__begin(void)
{
	static char buffer[BUFFER_BYTES];

	json_set_alloc_funcs(allocate, free);
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
}

void output__write(const char *text)
{
	errno = 0;
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
		write_error = write_error ? write_error : errno;
}

int output__finish(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	int error = write_error ? write_error : errno;
	if (error == EPIPE || (!error && has_closed_reader()))
		return status;
	say__error("the result could not be written to the standard output: %s", strerror(error ? error : EIO));
	return EXIT_NOT_RECORDED;
}
