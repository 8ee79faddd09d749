// Work that is held up by kernel locks, for tests/bench: usage lock_load case|directory MILLISECONDS; prints how much was done.
//  case       32 threads allocate, touch and free 4 MiB with malloc's mmap threshold fixed: they fight over their mmap_lock
//  directory  16 threads create and unlink files in one directory: they fight over its inode's lock
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 32
#define BUFFER_BYTES (4 << 20)

static volatile int running = 1;
static long done;
static char directory[] = "/dev/shm/whystall-lock-load.XXXXXX";

static void *pass_buffers(void *unused)
{
	long rounds = 0;

	(void)unused;
	for (; running; rounds++) {
		volatile char *buffer = malloc(BUFFER_BYTES);

		if (!buffer)
			exit(1);
		for (size_t at = 0; at < BUFFER_BYTES; at += 4096)
			buffer[at] = 1;
		free((void *)buffer);
	}
	__sync_fetch_and_add(&done, rounds);
	return NULL;
}

static void *create_and_unlink(void *number)
{
	char path[sizeof(directory) + 16];
	long rounds = 0;

	snprintf(path, sizeof(path), "%s/%ld", directory, (long)number);
	for (; running; rounds++) {
		int fd = open(path, O_CREAT | O_WRONLY, 0600);

		if (fd < 0)
			exit(1);
		close(fd);
		unlink(path);
	}
	__sync_fetch_and_add(&done, rounds);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	int in_directory = argc == 3 && !strcmp(argv[1], "directory"), count = in_directory ? 16 : 32;

	if (argc != 3 || (!in_directory && strcmp(argv[1], "case")) || (in_directory && !mkdtemp(directory))) {
		fputs("usage: lock_load case|directory MILLISECONDS\n", stderr);
		return 1;
	}
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, in_directory ? create_and_unlink : pass_buffers, (void *)i))
			return 1;
	usleep((useconds_t)atoi(argv[2]) * 1000);
	running = 0;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	if (in_directory)
		rmdir(directory);
	printf("%ld\n", done);
	return 0;
}
