// The two ends of the socket between a child that reads strangers' files and its opener, which opens files for it and reads none.
#ifndef WHYSTALL_ISOLATE_OPENER_H
#define WHYSTALL_ISOLATE_OPENER_H

#include <sys/types.h>

#include "isolate/isolate.h"

// In the child, before it gives up its privileges: makes the socket (SANDBOX_ASK_FD) and the opener, which answers by job->open until the child is gone.
// It is a child of our parent, who reaps it. Returns its process id or a negative errno.
pid_t opener__start(const struct isolate_job *job);

// In the child: one request. Returns a file descriptor or a negative errno; *ret is set in either case.
int opener__ask(size_t item, const void *request, size_t length, struct isolate_answer *ret);

#endif
