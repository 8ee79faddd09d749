// What may take a disk long, done by a process of its own that nobody waits for longer than he wants to: on a machine that stalls, confirming or
// freeing some blocks was seen to take half a minute. A thread would not do: the kernel lets no process end before such a call has.
#ifndef WHYSTALL_BASE_ERRANDS_H
#define WHYSTALL_BASE_ERRANDS_H

struct errands;

// Starts the process; best before the caller is large or has threads. NULL: it can't be had; the others do it themselves then.
struct errands *errands__start(void);
// fsync. Returns 0, -ETIMEDOUT if it is not through after `longest_ms` (it goes on), or another negative errno. A caught signal ends the waiting.
int errands__sync(struct errands *errands, int fd, int longest_ms);
// Takes the descriptor over and closes it: where it is a deleted file's last one, its blocks are freed there. -1: nothing.
void errands__close(struct errands *errands, int fd);
// The process ends when it has done all; frees the handle.
void errands__leave(struct errands *errands);

#endif
