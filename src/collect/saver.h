// A thread that saves interim states of the recording: an ordinary task, which may wait for a disk while the collector goes on in its
// realtime class.
#ifndef WHYSTALL_COLLECT_SAVER_H
#define WHYSTALL_COLLECT_SAVER_H

#include <stdbool.h>
#include <stdint.h>

struct recording;
struct saver;

typedef void saver_fn(void *context, const struct recording *recording);
// Starts the thread, which calls `save` with each state. NULL where no thread can be made. The calls below are for the thread that started it.
struct saver *saver__start(saver_fn *save, void *context);
// Whether the last state is saved. While it is not, the next one is better left out.
bool saver__is_idle(struct saver *saver);
// Hands a state over, which is freed when it is saved. Only where the saver is idle.
void saver__save(struct saver *saver, struct recording *recording);
// How long to wait, from one state to the next, where making one took `cost_ns` of the collector's thread: at least 3 s, and so long that all of them take
// 2 % of its time at most. On a large machine a state takes a while to copy.
uint64_t saver__pause_ns(uint64_t cost_ns);
// Waits until the last state is saved, and ends the thread. NULL is none.
void saver__end(struct saver *saver);

#endif
