// Stands for every program that a printed command names: writes down what it was called with. For tests/replay/pasting.test.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG "/log"
#define ENOUGH 16384            // an endless loop of commands has been seen by then

int main(int argc, char **argv)
{
	char text[65536];
	size_t used = 0;
	for (int i = 0; i < argc; i++) {
		size_t length = strlen(argv[i]) + 1;
		if (used + length + 1 > sizeof(text))
			return 3;
		memcpy(text + used, argv[i], length);
		used += length;
	}
	text[used++] = '\n';    // behind a NUL: the end of a call
	struct stat status;
	int fd = open(LOG, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || write(fd, text, used) != (ssize_t)used)
		return 3;
	if (!fstat(fd, &status) && status.st_size > ENOUGH)
		kill(0, SIGKILL);
	return 0;
}
