// Private to collect: storing and freeing what gather.c keeps.
#ifndef WHYSTALL_COLLECT_GATHER_H
#define WHYSTALL_COLLECT_GATHER_H

struct collector;
struct recording;
void gather__store(const struct collector *collector, struct recording *recording);
void gather__free(struct collector *collector);

#endif
