// Prints the caller's own stack as whystall would record it: "STACK PID ADDRESS…", the first one the place of a call in the
// caller, then return addresses by frame pointers. Then waits to be killed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static __attribute__((noinline, unused)) void walk(void)
{
	uintptr_t *frame = (uintptr_t *)__builtin_frame_address(0);

	printf("STACK %d %lx", getpid(), (unsigned long)frame[1] - 1);
	for (uintptr_t *next; (next = (uintptr_t *)frame[0]) > frame && (char *)next - (char *)frame < 1 << 20; frame = next) {
		if (!next[1])
			break;
		printf(" %lx", (unsigned long)next[1]);
	}
	printf("\n");
	fflush(stdout);
	pause();
}
