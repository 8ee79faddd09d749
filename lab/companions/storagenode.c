// storagenode where no Go compiler is at hand: the same server in C, linked statically (see storagenode.go).
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECES 512
#define PIECE_BYTES (128 * 1024)
#define CLIENTS 4
#define PAUSE_NS 25000000LL
#define REST_FACTOR 8           // a client rests so many times as long as its answer took: a slow machine is not filled

static unsigned char *table;

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// The digest of a piece: FNV-1a over its words.
static uint64_t digest(uint32_t number)
{
	const uint64_t *piece = (const uint64_t *)(table + (size_t)(number % PIECES) * PIECE_BYTES);
	uint64_t hash = 14695981039346656037ULL;
	for (size_t i = 0; i < PIECE_BYTES / sizeof(*piece); i++)
		hash = (hash ^ piece[i]) * 1099511628211ULL;
	return hash;
}

static void *serve(void *argument)
{
	int end = *(int *)argument;
	uint32_t number;
	while (read(end, &number, sizeof(number)) == sizeof(number)) {
		uint64_t answer = digest(number);
		if (write(end, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	exit(1);
}

static void *ask(void *argument)
{
	int end = *(int *)argument;
	uint64_t answer;
	for (uint32_t number = (uint32_t)end;; number += CLIENTS) {
		int64_t start = now_ns();
		if (write(end, &number, sizeof(number)) != sizeof(number) || read(end, &answer, sizeof(answer)) != sizeof(answer))
			exit(1);
		int64_t rest = REST_FACTOR * (now_ns() - start);
		if (rest < PAUSE_NS)
			rest = PAUSE_NS;
		nanosleep(&(struct timespec){ rest / 1000000000, rest % 1000000000 }, NULL);
	}
}

int main(int argc, char **argv)
{
	static int ends[CLIENTS][2];
	pthread_t thread;
	if (argc != 7) {
		fprintf(stderr, "storagenode: a part of the labelled workloads, started by them\n");
		return 2;
	}
	table = malloc((size_t)PIECES * PIECE_BYTES);
	if (!table)
		return 1;
	memset(table, 1, (size_t)PIECES * PIECE_BYTES);
	for (int i = 0; i < CLIENTS; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends[i]) < 0 || pthread_create(&thread, NULL, serve, &ends[i][0]) != 0 ||
		    pthread_create(&thread, NULL, ask, &ends[i][1]) != 0)
			return 1;
	int ready = atoi(argv[3]);
	if (write(ready, "", 1) != 1)
		return 1;
	close(ready);
	for (;;)
		pause();
}
