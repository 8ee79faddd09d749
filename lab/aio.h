// Requests to a file or device by the kernel's own interface for asynchronous I/O (linux/aio_abi.h), without a library.
#ifndef WHYSTALL_LAB_AIO_H
#define WHYSTALL_LAB_AIO_H

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AIO_MOST 128

struct aio {
	aio_context_t context;
	int fd;
	uint16_t opcode;                // IOCB_CMD_PREAD, IOCB_CMD_PWRITE
	uint64_t first, size, block;    // where requests go, how far that reaches, and the size of each
	char *buffer;                   // shared by all requests: nobody looks at what is in it
	struct iocb blocks[AIO_MOST];
	int under_way;
};

// 0 or -1. `fd` should be opened with O_DIRECT, or each request is waited for when it is submitted.
static inline int aio__open(struct aio *aio, int fd, uint16_t opcode, uint64_t first, uint64_t size, uint64_t block)
{
	*aio = (struct aio){ .fd = fd, .opcode = opcode, .first = first, .size = size, .block = block };
	if (posix_memalign((void **)&aio->buffer, 4096, block))
		return -1;
	memset(aio->buffer, 0, block);
	return syscall(SYS_io_setup, AIO_MOST, &aio->context) < 0 ? -1 : 0;
}

static inline uint64_t aio__random(void)
{
	static uint64_t state;
	if (!state)
		state = 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 20;
}

// Submits until `depth` requests are under way, each at a place of its own. 0 or -1.
static inline int aio__fill(struct aio *aio, int depth)
{
	struct iocb *one = &aio->blocks[0];
	while (aio->under_way < depth && aio->under_way < AIO_MOST) {
		*one = (struct iocb){ .aio_lio_opcode = aio->opcode, .aio_fildes = (uint32_t)aio->fd, .aio_buf = (uint64_t)(uintptr_t)aio->buffer,
				      .aio_nbytes = aio->block,
				      .aio_offset = (int64_t)(aio->first + aio__random() % (aio->size / aio->block) * aio->block) };
		if (syscall(SYS_io_submit, aio->context, 1, &one) != 1)
			return -1;
		aio->under_way++;
	}
	return 0;
}

// Takes what is done; waits for `least` at least. How many, or -1.
static inline int aio__take(struct aio *aio, int least)
{
	struct io_event events[AIO_MOST];
	long got;
	// A process that is frozen for a while (cgroup.freeze) or stopped returns from here with EINTR.
	do
		got = syscall(SYS_io_getevents, aio->context, (long)least, (long)AIO_MOST, events, NULL);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		aio->under_way -= (int)got;
	return (int)got;
}

#endif
