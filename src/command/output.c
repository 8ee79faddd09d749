// The end of every subcommand's output.
#include "command/command.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

int output__finish(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	say__error("the result could not be written to the standard output: %s", strerror(errno ? errno : EIO));
	return EXIT_NOT_RECORDED;
}
