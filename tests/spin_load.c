// Spinning in the kernel, for tests/live/reentry: usage spin_load SECONDS. Two threads open and close files of one process, so they fight over the
// spinlock of its table of files.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *fight(void *unused)
{
	for (;;) {
		int file = dup(STDOUT_FILENO);

		if (file >= 0)
			close(file);
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, fight, NULL))
			return 1;
	sleep(argc > 1 ? (unsigned int)atoi(argv[1]) : 1);
	return 0;
}
