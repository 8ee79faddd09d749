// A server waits for requests through io_uring: a read of an empty pipe is on its way, and nobody writes. The kernel counts such a wait as I/O
// wait for all its length (Linux 6.5 and some releases before), so that io pressure is near 100 % while nothing is awaited from any device.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "work.h"

#define ENTRIES 4

// Submits a read of a pipe that stays empty, and waits for its completion.
static void wait_for_requests(int fd, long busy_us, long period_us)
{
	struct io_uring_params params = { 0 };
	static char request[64];
	int ends[2], ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	(void)fd, (void)busy_us, (void)period_us;
	if (ring < 0 || pipe(ends) < 0)
		return;
	char *queue = mmap(NULL, params.sq_off.array + ENTRIES * sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *entries = mmap(NULL, ENTRIES * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entries == MAP_FAILED)
		return;
	entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_READ, .fd = ends[0], .addr = (uint64_t)(uintptr_t)request, .len = sizeof(request) };
	*(unsigned *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	for (;;)
		pause();
}

static int start(struct lab *lab)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring < 0) {
		lab->needs = "io_uring";
		return -1;
	}
	close(ring);
	lab__start(lab, (struct lab_process){ .name = "uring-server", .role = "wait", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "uringidle",
		.causes = (const char *const[]){ NULL },
		.allowed = (const char *const[]){ NULL },
		.roles = (const struct lab_role[]){ { "wait", wait_for_requests }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
