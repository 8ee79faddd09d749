// A thread that saves interim states of the recording: an ordinary task, which may wait for a disk while the collector goes on in its
// realtime class.
#ifndef WHYSTALL_COLLECT_SAVER_H
#define WHYSTALL_COLLECT_SAVER_H

#include <stdbool.h>

struct recording;
struct saver;

typedef void saver_fn(void *context, const struct recording *recording);
// Starts the thread, which calls `save` with each state. NULL where no thread can be made. The calls below are for the thread that started it.
struct saver *saver__start(saver_fn *save, void *context);
// Whether the last state is saved. While it is not, the next one is better left out.
bool saver__is_idle(struct saver *saver);
// Hands a state over, which is freed when it is saved. Only where the saver is idle.
void saver__save(struct saver *saver, struct recording *recording);
// Waits until the last state is saved, and ends the thread. NULL is none.
void saver__end(struct saver *saver);

#endif
