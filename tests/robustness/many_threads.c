// Starts N threads that wake up once a second each, says so, and lives until it is killed.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void *live(void *argument)
{
	unsigned number = (unsigned)(size_t)argument;
	// Spread over the second, so that no wake-up storm hits one moment.
	struct timespec pause = { 0, (long)(number * 7919 % 1000) * 1000000 };

	for (;; pause = (struct timespec){ 1, 0 })
		nanosleep(&pause, NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t wanted = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, started = 0;
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (pthread_t thread; started < wanted; started++)
		if (pthread_create(&thread, &attributes, live, (void *)started))
			break;
	printf("%zu\n", started);
	fflush(stdout);
	pause();
	return 0;
}
