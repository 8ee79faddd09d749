#include "base/errands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

struct errands {
	int socket;
	pid_t process;
	uint32_t asked;                 // number of the last sync
};

struct errand { uint32_t number; };     // 0: close only
struct answer { uint32_t number; int32_t error; };

union control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };

// Returns the descriptor that came with the errand, -1: the other side is gone.
static int receive(int socket, struct errand *ret)
{
	union control control = { .bytes = { 0 } };
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof(*ret))
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

// Nobody who waits for our output, our session or our files must wait for this one.
static void serve(int socket)
{
	struct errand errand;
	int fd;

	setsid();
	prctl(PR_SET_NAME, "whystall-sync");
	for (int number = 1; number < 32; number++)
		signal(number, SIG_IGN);
	if (socket > 0)
		syscall(SYS_close_range, 0U, (unsigned)socket - 1, 0U);
	syscall(SYS_close_range, (unsigned)socket + 1, ~0U, 0U);
	// Its descriptors are all that it needs. Without it, whoever saves waits for the disk itself.
	if (cap_set_proc(cap_init()) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	while ((fd = receive(socket, &errand)) >= 0) {
		struct answer answer = { errand.number, errand.number && fsync(fd) < 0 ? -errno : 0 };

		close(fd);
		if (errand.number)
			send(socket, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

struct errands *errands__start(void)
{
	struct errands *errands;
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return NULL;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		serve(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return NULL;
	}
	errands = base__alloc(1, sizeof(*errands));
	*errands = (struct errands){ ends[0], child, 0 };
	return errands;
}

static int give(struct errands *errands, int fd, uint32_t number)
{
	struct errand errand = { number };
	union control control = { .bytes = { 0 } };
	struct iovec part = { &errand, sizeof(errand) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(errands->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int errands__sync(struct errands *errands, int fd, int longest_ms)
{
	struct pollfd wait = { .events = POLLIN };
	struct answer answer;

	if (!errands || give(errands, fd, ++errands->asked) < 0)
		return fsync(fd) < 0 ? -errno : 0;
	wait.fd = errands->socket;
	do {
		if (poll(&wait, 1, longest_ms) <= 0)
			return -ETIMEDOUT;
		if (recv(errands->socket, &answer, sizeof(answer), MSG_DONTWAIT) != sizeof(answer))
			return fsync(fd) < 0 ? -errno : 0;
	} while (answer.number != errands->asked);      // a late one of an earlier call
	return answer.error;
}

void errands__close(struct errands *errands, int fd)
{
	if (fd < 0)
		return;
	if (errands)
		give(errands, fd, 0);
	close(fd);
}

void errands__leave(struct errands *errands)
{
	if (!errands)
		return;
	close(errands->socket);
	waitpid(errands->process, NULL, WNOHANG);
	free(errands);
}
