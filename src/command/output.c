// The end of every subcommand's output.
#include "command/command.h"

#include <errno.h>
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

int output__finish(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE || (!errno && has_closed_reader()))
		return status;
	say__error("the result could not be written to the standard output: %s", strerror(errno ? errno : EIO));
	return EXIT_NOT_RECORDED;
}
