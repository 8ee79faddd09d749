// The child may be in a stranger's hands, so the opener believes nothing but that a request is a row of bytes about an item: what may be opened is
// for job->open to say. The opener may hang over a file for ever; the child waits for it, and whoever watches the child kills both.
#include "isolate/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "isolate/sandbox.h"

#define IDLE_MS 60000           // a child that the kernel holds back can't end; its opener need not wait for it

struct request { uint64_t item; unsigned char bytes[ISOLATE_REQUEST_LIMIT]; };
struct reply { int32_t error; uint32_t length; char bytes[ISOLATE_ANSWER_LIMIT]; };
union control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };

#define REQUEST_HEAD offsetof(struct request, bytes)
#define REPLY_HEAD offsetof(struct reply, bytes)

static bool send_reply(const struct reply *reply, int fd)
{
	union control control = { .bytes = { 0 } };
	struct iovec part = { (void *)reply, REPLY_HEAD + reply->length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(SANDBOX_ASK_FD, &message, MSG_NOSIGNAL) >= 0;
}

static void answer(const struct isolate_job *job, const struct request *request, size_t length, struct reply *reply)
{
	struct isolate_answer answer = { .fd = -1, .bytes = reply->bytes };
	int fd = request->item < job->items ? job->open(job->context, (size_t)request->item, request->bytes, length, &answer) : -EINVAL;

	reply->error = fd < 0 ? fd : 0;
	reply->length = answer.length <= ISOLATE_ANSWER_LIMIT ? (uint32_t)answer.length : 0;
	if (!send_reply(reply, fd))
		_exit(0);
	if (fd >= 0)
		close(fd);
}

static void __attribute__((noreturn)) serve(const struct isolate_job *job)
{
	struct request *request = base__alloc(1, sizeof(*request));
	struct reply *reply = base__alloc(1, sizeof(*reply));

	for (;;) {
		struct pollfd wait = { .fd = SANDBOX_ASK_FD, .events = POLLIN };
		ssize_t got = poll(&wait, 1, IDLE_MS) == 1 ? read(SANDBOX_ASK_FD, request, sizeof(*request)) : -1;

		if (got < (ssize_t)REQUEST_HEAD)
			_exit(0);
		answer(job, request, (size_t)got - REQUEST_HEAD, reply);
	}
}

// A fork whose parent is ours: whoever waits for us can end and reap it, and looks after all of its children where CPUs are held by others (the lifter).
static pid_t fork_sibling(void)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), NULL, NULL, NULL, NULL);
}

pid_t opener__start(const struct isolate_job *job)
{
	pid_t child;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -errno;
	child = fork_sibling();
	if (child < 0)
		return -errno;
	if (!child) {
		pid_t parent = getppid();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || dup2(ends[1], SANDBOX_ASK_FD) < 0 || sandbox__serve())
			_exit(1);
		// Its own copy of the child's end would keep it waiting for itself.
		for (int i = 0; i < 2; i++)
			if (ends[i] != SANDBOX_ASK_FD)
				close(ends[i]);
		close(SANDBOX_FD);
		serve(job);
	}
	if (dup2(ends[0], SANDBOX_ASK_FD) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (ends[i] != SANDBOX_ASK_FD)
			close(ends[i]);
	return child;
}

static int receive(struct reply *reply)
{
	union control control = { .bytes = { 0 } };
	struct iovec part = { reply, sizeof(*reply) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header;
	ssize_t got;
	int fd = -1;

	do
		got = recvmsg(SANDBOX_ASK_FD, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	if (got < (ssize_t)REPLY_HEAD || (size_t)got != REPLY_HEAD + reply->length) {
		reply->length = 0;
		reply->error = -EPIPE;          // the opener is gone
	}
	return fd >= 0 ? fd : reply->error ? reply->error : -EBADF;
}

int opener__ask(size_t item, const void *bytes, size_t length, struct isolate_answer *ret)
{
	struct request *request = base__alloc(1, sizeof(*request));
	struct reply *reply = base__alloc(1, sizeof(*reply));
	int fd = length <= ISOLATE_REQUEST_LIMIT ? 0 : -ENAMETOOLONG;

	ret->length = 0;
	if (!fd) {
		request->item = item;
		memcpy(request->bytes, bytes, length);
		fd = write(SANDBOX_ASK_FD, request, REQUEST_HEAD + length) < 0 ? -errno : receive(reply);
		ret->length = fd == -EPIPE ? 0 : reply->length;
		if (ret->bytes)
			memcpy(ret->bytes, reply->bytes, ret->length);
	}
	ret->fd = fd < 0 ? -1 : fd;
	free(request);
	free(reply);
	return fd;
}
