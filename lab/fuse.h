// A file system of one file, served by a process of the scenario through /dev/fuse: each request can be made slow, so a file on it stands for
// a server that answers late, and a loop device over it for a slow disk. Nothing but the kernel's protocol is needed (linux/fuse.h).
#ifndef WHYSTALL_LAB_FUSE_H
#define WHYSTALL_LAB_FUSE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FUSE_FILE "data"        // the only file, in the root of the mount
#define FUSE_MOST (256 << 10)   // bytes of one write

// What a server does with a request before it answers. Shared with whoever changes it while the server runs.
struct fuse_delays {
	volatile long read_us, write_us, sync_us, per_mib_us;
};

struct fuse_server {
	int fd, file;                   // /dev/fuse; what the file's bytes are kept in
	uint64_t size;
	struct fuse_delays *delays;
	char *buffer;
};

// Mounts at `directory`. Returns the descriptor for fuse__serve, or a negative errno.
static inline int fuse__mount(const char *directory)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd);
	if (mount("whystall-lab", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static inline struct fuse_delays *fuse__delays(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static inline void fuse__pause(long us)
{
	struct timespec time = { us / 1000000, us % 1000000 * 1000 };
	if (us > 0)
		nanosleep(&time, NULL);
}

static inline void fuse__answer(const struct fuse_server *server, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header *out = (void *)server->buffer;
	out->len = (uint32_t)(sizeof(*out) + (error ? 0 : size));
	out->error = error;
	out->unique = unique;
	if (!error && size && data != out + 1)
		memmove(out + 1, data, size);
	if (write(server->fd, out, out->len) < 0 && errno != ENOENT)
		_exit(0);
}

static inline struct fuse_attr fuse__attributes(const struct fuse_server *server, uint64_t node)
{
	return node == FUSE_ROOT_ID ? (struct fuse_attr){ .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2, .blksize = 4096 }
				    : (struct fuse_attr){ .ino = 2, .mode = S_IFREG | 0644, .nlink = 1, .size = server->size,
							  .blocks = server->size / 512, .blksize = 4096 };
}

static inline void fuse__do_read(struct fuse_server *server, const struct fuse_in_header *in)
{
	struct fuse_read_in *read_in = (void *)(in + 1);
	uint64_t unique = in->unique, offset = read_in->offset;
	size_t size = read_in->size < FUSE_MOST ? read_in->size : FUSE_MOST;
	if (offset >= server->size)
		size = 0;
	else if (offset + size > server->size)
		size = server->size - offset;
	fuse__pause(server->delays->read_us + (long)(size >> 10) * server->delays->per_mib_us / 1024);
	ssize_t got = pread(server->file, server->buffer + sizeof(struct fuse_out_header), size, (off_t)offset);
	fuse__answer(server, unique, got < 0 ? -EIO : 0, server->buffer + sizeof(struct fuse_out_header), got > 0 ? (size_t)got : 0);
}

static inline void fuse__do_write(struct fuse_server *server, const struct fuse_in_header *in)
{
	struct fuse_write_in *write_in = (void *)(in + 1);
	uint64_t unique = in->unique;
	fuse__pause(server->delays->write_us + (long)(write_in->size >> 10) * server->delays->per_mib_us / 1024);
	ssize_t put = pwrite(server->file, write_in + 1, write_in->size, (off_t)write_in->offset);
	struct fuse_write_out out = { .size = put > 0 ? (uint32_t)put : 0 };
	fuse__answer(server, unique, put < 0 ? -EIO : 0, &out, sizeof(out));
}

static inline void fuse__do_init(struct fuse_server *server, const struct fuse_in_header *in)
{
	const struct fuse_init_in *init = (void *)(in + 1);
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor
		: FUSE_KERNEL_MINOR_VERSION, .max_readahead = init->max_readahead, .flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ,
		.max_background = 32, .congestion_threshold = 24, .max_write = FUSE_MOST, .time_gran = 1, .max_pages = FUSE_MOST / 4096 };
	fuse__answer(server, in->unique, 0, &out, sizeof(out));
}

static inline void fuse__do(struct fuse_server *server, const struct fuse_in_header *in)
{
	struct fuse_attr_out attributes = { .attr_valid = 3600 };
	struct fuse_entry_out entry = { .nodeid = 2, .attr_valid = 3600, .entry_valid = 3600, .attr = fuse__attributes(server, 2) };
	struct fuse_open_out opened = { .open_flags = FOPEN_DIRECT_IO };
	struct fuse_statfs_out space = { .st = { .blocks = 1 << 20, .bfree = 1 << 20, .bavail = 1 << 20, .bsize = 4096, .frsize = 4096, .namelen = 255 } };
	uint64_t unique = in->unique, node = in->nodeid;

	switch (in->opcode) {
	case FUSE_INIT: fuse__do_init(server, in); break;
	case FUSE_READ: fuse__do_read(server, in); break;
	case FUSE_WRITE: fuse__do_write(server, in); break;
	case FUSE_FSYNC: fuse__pause(server->delays->sync_us); fuse__answer(server, unique, 0, NULL, 0); break;
	case FUSE_LOOKUP: fuse__answer(server, unique, strcmp((char *)(in + 1), FUSE_FILE) ? -ENOENT : 0, &entry, sizeof(entry)); break;
	case FUSE_GETATTR: case FUSE_SETATTR:
		attributes.attr = fuse__attributes(server, node);
		fuse__answer(server, unique, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_OPEN: case FUSE_OPENDIR: fuse__answer(server, unique, 0, &opened, sizeof(opened)); break;
	case FUSE_STATFS: fuse__answer(server, unique, 0, &space, sizeof(space)); break;
	case FUSE_FLUSH: case FUSE_RELEASE: case FUSE_RELEASEDIR: case FUSE_DESTROY: case FUSE_ACCESS: case FUSE_READDIR:
		fuse__answer(server, unique, 0, NULL, 0);
		break;
	case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
	default: fuse__answer(server, unique, -ENOSYS, NULL, 0);
	}
}

// Answers until the mount is gone. `file`: descriptor of what holds the bytes, `size` of them.
static inline void fuse__serve(int fd, int file, uint64_t size, struct fuse_delays *delays)
{
	static char request[FUSE_MOST + 8192], answer[FUSE_MOST + 8192];
	struct fuse_server server = { fd, file, size, delays, answer };
	for (;;) {
		ssize_t got = read(fd, request, sizeof(request));
		if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (got < (ssize_t)sizeof(struct fuse_in_header))
			return;
		fuse__do(&server, (void *)request);
	}
}

#endif
